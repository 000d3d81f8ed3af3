/* host/elf_parts.c - ELF headers by libelf, ranges checked here.
 * Section contents are taken from the caller's memory, not through libelf, so that what is used is
 * exactly what was checked. */
#include "elf_parts.h"

#include <gelf.h>
#include <libelf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"

#define PARTS_MOST 65536u // ELF's own limit without extended numbering

struct reader {
    struct ferry_elf_parts *parts;
    Elf *elf;
    const uint8_t *file;
    uint32_t n_bytes;
    char *why;
    size_t why_bytes;
};

__attribute__((format(printf, 2, 3))) static ferry_err refuse(const struct reader *r,
                                                              const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->why, r->why_bytes, fmt, ap);
    va_end(ap);
    return FERRY_ERR_ELF;
}

static bool is_loaded_type(uint32_t type)
{
    return type == SHT_PROGBITS || type == SHT_INIT_ARRAY || type == SHT_FINI_ARRAY ||
           type == SHT_PREINIT_ARRAY;
}

/* Checks a part's range in the file and in memory, then keeps it. */
static ferry_err keep(const struct reader *r, struct ferry_elf_part *list, size_t *n,
                      const char *name, uint64_t addr, uint64_t off, uint64_t size, uint64_t align)
{
    if (off > UINT32_MAX || size > UINT32_MAX ||
        !ferry_range_fits((uint32_t)off, (uint32_t)size, r->n_bytes))
        return refuse(r, "%s at 0x%llx needs %llu bytes from offset %llu; the file has %lu",
                      *name ? name : "the segment", (unsigned long long)addr,
                      (unsigned long long)size, (unsigned long long)off, (unsigned long)r->n_bytes);
    if (size > UINT32_MAX - addr)
        return refuse(r, "%s at 0x%llx is %llu bytes and leaves the address space",
                      *name ? name : "the segment", (unsigned long long)addr,
                      (unsigned long long)size);
    list[(*n)++] = (struct ferry_elf_part){
        .name = name,
        .bytes = r->file + off,
        .n_bytes = (uint32_t)size,
        .addr = (uint32_t)addr,
        .align = align && align <= UINT32_MAX ? (uint32_t)align : 1,
    };
    return FERRY_OK;
}

static ferry_err read_sections(const struct reader *r)
{
    size_t n = 0;
    size_t names = 0;
    if (elf_getshdrnum(r->elf, &n) || elf_getshdrstrndx(r->elf, &names))
        return refuse(r, "the section table cannot be read: %s", elf_errmsg(-1));
    if (n < 2 || n > PARTS_MOST)
        return refuse(r, "it has no sections");
    r->parts->sections = calloc(n, sizeof(*r->parts->sections));
    if (!r->parts->sections)
        return FERRY_ERR_NO_MEMORY;
    for (size_t i = 1; i < n; i++) {
        GElf_Shdr sh;
        Elf_Scn *scn = elf_getscn(r->elf, i);
        if (!scn || !gelf_getshdr(scn, &sh))
            return refuse(r, "section %zu cannot be read: %s", i, elf_errmsg(-1));
        if (!sh.sh_addr || !sh.sh_size || !is_loaded_type(sh.sh_type))
            continue;
        const char *name = elf_strptr(r->elf, names, sh.sh_name);
        if (!name)
            return refuse(r, "section %zu has no readable name", i);
        const ferry_err err = keep(r, r->parts->sections, &r->parts->n_sections, name, sh.sh_addr,
                                   sh.sh_offset, sh.sh_size, sh.sh_addralign);
        if (err)
            return err;
    }
    return FERRY_OK;
}

static ferry_err read_segments(const struct reader *r)
{
    size_t n = 0;
    if (elf_getphdrnum(r->elf, &n))
        return refuse(r, "the program headers cannot be read: %s", elf_errmsg(-1));
    if (!n)
        return FERRY_OK;
    if (n > PARTS_MOST)
        return refuse(r, "it has %zu program headers", n);
    r->parts->segments = calloc(n, sizeof(*r->parts->segments));
    if (!r->parts->segments)
        return FERRY_ERR_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr ph;
        if (!gelf_getphdr(r->elf, (int)i, &ph))
            return refuse(r, "program header %zu cannot be read: %s", i, elf_errmsg(-1));
        if (ph.p_type != PT_LOAD || !ph.p_paddr || !ph.p_filesz)
            continue;
        const ferry_err err = keep(r, r->parts->segments, &r->parts->n_segments, "", ph.p_paddr,
                                   ph.p_offset, ph.p_filesz, ph.p_align);
        if (err)
            return err;
    }
    return FERRY_OK;
}

static ferry_err read_all(struct reader *r)
{
    GElf_Ehdr eh;
    if (elf_kind(r->elf) != ELF_K_ELF || !gelf_getehdr(r->elf, &eh))
        return refuse(r, "it is not an ELF file");
    if (eh.e_ident[EI_CLASS] != ELFCLASS32 || eh.e_ident[EI_DATA] != ELFDATA2LSB)
        return refuse(r, "it is not 32-bit little-endian");
    r->parts->entry_addr = (uint32_t)eh.e_entry;
    r->parts->is_xtensa = eh.e_machine == EM_XTENSA;
    if (eh.e_machine != EM_XTENSA && eh.e_machine != EM_RISCV)
        return refuse(r, "it is for machine %u, neither Xtensa (%u) nor RISC-V (%u)", eh.e_machine,
                      EM_XTENSA, EM_RISCV);
    const ferry_err err = read_sections(r);
    return err ? err : read_segments(r);
}

ferry_err ferry_elf_parts_open(struct ferry_elf_parts *parts, const uint8_t *file, size_t n_bytes,
                               char *why, size_t why_bytes)
{
    *parts = (struct ferry_elf_parts){0};
    struct reader r = {parts, NULL, file, (uint32_t)n_bytes, why, why_bytes};
    if (n_bytes > UINT32_MAX)
        return refuse(&r, "it is larger than a 32-bit ELF can be");
    if (n_bytes < EI_NIDENT || elf_version(EV_CURRENT) == EV_NONE)
        return refuse(&r, "it is not an ELF file");
    // Opened for reading only, libelf does not write to the memory it is given.
    r.elf = elf_memory((char *)(uintptr_t)file, n_bytes);
    if (!r.elf)
        return refuse(&r, "it cannot be read: %s", elf_errmsg(-1));
    parts->elf = r.elf;
    const ferry_err err = read_all(&r);
    if (err)
        ferry_elf_parts_close(parts);
    return err;
}

void ferry_elf_parts_close(struct ferry_elf_parts *parts)
{
    free(parts->sections);
    free(parts->segments);
    elf_end(parts->elf);
    *parts = (struct ferry_elf_parts){0};
}
