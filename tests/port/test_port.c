/* tests/port/test_port.c - the flash contract on every port that runs here, and the proof that the
 * suite bites: ports with one planted fault each are caught. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract.h"
#include "flash_file.h"
#include "flash_template.h"
#include "sim_flash.h"
#include "t.h"

#define SIZE_BYTES (6u * 65536u)
#define AREA_OFF   65536u

static char dir[] = "/tmp/ferry_port_XXXXXX";
static char path[64];

static void print_promise(void *ctx, const char *what)
{
    printf("  %s: not kept: %s\n", (const char *)ctx, what);
}

static void check_sim(uint32_t prog_bytes, bool has_blocks)
{
    struct sim_flash sim;
    char name[] = "sim";
    sim_flash_init(&sim, SIZE_BYTES, prog_bytes);
    if (!has_blocks)
        sim.flash.block_bytes = sim.flash.sector_bytes;
    T_EQ_INT(port_contract(&sim.flash, AREA_OFF, print_promise, name), 0);
    sim_flash_free(&sim);
}

static void sim_flash_keeps_the_contract(void)
{
    check_sim(1, true);
}

static void sim_flash_with_16_byte_units_keeps_the_contract(void)
{
    check_sim(16, true);
}

static void sim_flash_without_blocks_keeps_the_contract(void)
{
    check_sim(1, false);
}

static void file_flash_keeps_the_contract(void)
{
    struct ferry_flash_file ff;
    char name[] = "file";
    T_EQ_INT(ferry_flash_file_create(path, SIZE_BYTES, NULL), FERRY_OK);
    T_EQ_INT(ferry_flash_file_open(&ff, path, true, NULL), FERRY_OK);
    T_EQ_INT(port_contract(&ff.flash, AREA_OFF, print_promise, name), 0);
    ferry_flash_file_close(&ff);
    unlink(path);
}

/* A file that holds only a part of its flash is a flash all the same, wherever the area lies:
 * behind the file's end, across it, or in it once it has grown. */
static void part_of_a_flash_in_a_file_keeps_the_contract(void)
{
    static const uint32_t starts[] = {0, 0x1000, 0x2000};
    char name[] = "part of a file";
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        struct ferry_flash_file ff;
        T_EQ_INT(ferry_flash_file_create(path, 8192, NULL), FERRY_OK);
        T_EQ_INT(truncate(path, 4097), 0);
        T_EQ_INT(ferry_flash_file_open_part(&ff, path, true, NULL), FERRY_OK);
        T_EQ_INT(ferry_flash_file_place(&ff, starts[i], SIZE_BYTES), FERRY_OK);
        T_EQ_INT(port_contract(&ff.flash, AREA_OFF, print_promise, name), 0);
        T_EQ_INT(port_contract(&ff.flash, AREA_OFF, print_promise, name), 0);
        ferry_flash_file_close(&ff);
        unlink(path);
    }
}

static uint32_t length_of(const char *file)
{
    struct stat st;
    return T_CHECK(stat(file, &st) == 0) ? (uint32_t)st.st_size : 0;
}

static void part_of_a_flash_grows_only_by_what_is_programmed(void)
{
    struct ferry_flash_file ff;
    const uint8_t bytes[4] = {1, 2, 0xff, 0xff};
    uint8_t got[6];
    T_EQ_INT(ferry_flash_file_create(path, 8192, NULL), FERRY_OK);
    T_EQ_INT(ferry_flash_file_open_part(&ff, path, true, NULL), FERRY_OK);
    T_EQ_INT(ferry_flash_file_place(&ff, 0x1000, 0x2000), FERRY_ERR_FLASH_SIZE);
    T_EQ_INT(ferry_flash_file_place(&ff, 0x1000, SIZE_BYTES), FERRY_OK);
    T_EQ_INT(ff.flash.ops->erase(&ff.flash, 0x10000, 0x10000), FERRY_OK);
    T_EQ_INT(ff.flash.ops->prog(&ff.flash, 0x8000, bytes + 2, 2), FERRY_OK);
    T_EQ_INT(length_of(path), 8192);
    T_EQ_INT(ff.flash.ops->prog(&ff.flash, 0x4ffe, bytes, 4), FERRY_OK);
    T_EQ_INT(length_of(path), 0x4000);
    T_EQ_INT(ff.flash.ops->read(&ff.flash, 0x4ffc, got, 6), FERRY_OK);
    T_EQ_INT(memcmp(got, "\xff\xff\1\2\xff\xff", 6), 0);
    T_EQ_INT(ff.flash.ops->prog(&ff.flash, 0xfff, bytes, 2), FERRY_ERR_FLASH_RANGE);
    T_EQ_INT(ff.flash.ops->erase(&ff.flash, 0, 4096), FERRY_OK);
    T_EQ_INT(ff.flash.ops->read(&ff.flash, SIZE_BYTES - 1, got, 2), FERRY_ERR_FLASH_RANGE);
    ferry_flash_file_close(&ff);
    unlink(path);
}

static void template_refuses_everything(void)
{
    struct flash_template t;
    uint8_t byte = 0;
    flash_template_init(&t, SIZE_BYTES);
    T_EQ_INT(t.flash.ops->read(&t.flash, 0, &byte, 1), FERRY_ERR_FLASH_IO);
    T_EQ_INT(t.flash.ops->prog(&t.flash, 0, &byte, 1), FERRY_ERR_FLASH_IO);
    T_EQ_INT(t.flash.ops->erase(&t.flash, 0, 4096), FERRY_ERR_FLASH_IO);
    T_EQ_INT(t.flash.ops->sync(&t.flash), FERRY_ERR_FLASH_IO);
    T_EQ_INT(t.flash.ops->read(&t.flash, SIZE_BYTES, &byte, 1), FERRY_ERR_FLASH_RANGE);
}

/* Ports with one fault each: the flash model, one operation of which does what a careless driver
 * does. */

static bool is_outside(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    return off > f->size_bytes || len > f->size_bytes - off;
}

static ferry_err prog_sets_bits(const struct ferry_flash *f, uint32_t off, const void *src,
                                uint32_t len)
{
    if (is_outside(f, off, len))
        return FERRY_ERR_FLASH_RANGE;
    sim_flash_poke(f->ctx, off, src, len);
    return FERRY_OK;
}

static ferry_err prog_wraps_in_its_page(const struct ferry_flash *f, uint32_t off, const void *src,
                                        uint32_t len)
{
    const uint8_t *from = src;
    if (is_outside(f, off, len))
        return FERRY_ERR_FLASH_RANGE;
    for (uint32_t i = 0; i < len; i++)
        sim_flash_poke(f->ctx, (off & ~255u) | ((off + i) & 255u), from + i, 1);
    return FERRY_OK;
}

static ferry_err erase_is_short(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    uint8_t blank[256];
    if (is_outside(f, off, len))
        return FERRY_ERR_FLASH_RANGE;
    if ((len != f->sector_bytes && len != f->block_bytes) || off % len)
        return FERRY_ERR_FLASH_ALIGN;
    memset(blank, 0xff, sizeof(blank));
    for (uint32_t at = 0; at < len - sizeof(blank); at += (uint32_t)sizeof(blank))
        sim_flash_poke(f->ctx, off + at, blank, sizeof(blank));
    return FERRY_OK;
}

static ferry_err erase_rounds_down(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    (void)len;
    return is_outside(f, off, len) ? FERRY_ERR_FLASH_RANGE
                                   : erase_is_short(f, off / 4096 * 4096, 4096);
}

static ferry_err read_is_cut_silently(const struct ferry_flash *f, uint32_t off, void *dst,
                                      uint32_t len)
{
    if (off < f->size_bytes)
        sim_flash_peek(f->ctx, off, dst, is_outside(f, off, len) ? f->size_bytes - off : len);
    return FERRY_OK;
}

static ferry_err prog_sum_wraps(const struct ferry_flash *f, uint32_t off, const void *src,
                                uint32_t len)
{
    const uint8_t *from = src;
    if (off + len > f->size_bytes) // the mistake itself: the sum is a 32-bit number
        return FERRY_ERR_FLASH_RANGE;
    for (uint32_t i = 0; i < len && off < f->size_bytes; i++) {
        uint8_t byte;
        sim_flash_peek(f->ctx, off + i, &byte, 1);
        byte &= from[i];
        sim_flash_poke(f->ctx, off + i, &byte, 1);
    }
    return FERRY_OK;
}

static ferry_err sync_fails(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_ERR_FLASH_IO;
}

static const struct {
    const char *name;
    struct ferry_flash_ops fault; // NULL: as the flash model has it
} broken_ports[] = {
    {"programming sets bits", {.prog = prog_sets_bits}},
    {"programming wraps in its page", {.prog = prog_wraps_in_its_page}},
    {"an erase is 256 bytes short", {.erase = erase_is_short}},
    {"an erase rounds its offset down", {.erase = erase_rounds_down}},
    {"a read over the end is cut", {.read = read_is_cut_silently}},
    {"a range check wraps", {.prog = prog_sum_wraps}},
    {"sync fails", {.sync = sync_fails}},
};

static void contract_catches_each_broken_port(void)
{
    for (size_t i = 0; i < sizeof(broken_ports) / sizeof(*broken_ports); i++) {
        struct sim_flash sim;
        sim_flash_init(&sim, SIZE_BYTES, 1);
        struct ferry_flash_ops ops = *sim.flash.ops;
        const struct ferry_flash_ops *fault = &broken_ports[i].fault;
        ops.read = fault->read ? fault->read : ops.read;
        ops.prog = fault->prog ? fault->prog : ops.prog;
        ops.erase = fault->erase ? fault->erase : ops.erase;
        ops.sync = fault->sync ? fault->sync : ops.sync;
        sim.flash.ops = &ops;
        const unsigned n_broken = port_contract(&sim.flash, AREA_OFF, NULL, NULL);
        if (!n_broken)
            printf("  not caught: %s\n", broken_ports[i].name);
        T_CHECK(n_broken > 0);
        sim_flash_free(&sim);
    }
}

static void file_flash_has_one_writer(void)
{
    struct ferry_flash_file a, b;
    T_EQ_INT(ferry_flash_file_create(path, SIZE_BYTES, NULL), FERRY_OK);
    T_EQ_INT(ferry_flash_file_open(&a, path, true, NULL), FERRY_OK);
    T_EQ_INT(ferry_flash_file_open(&b, path, true, NULL), FERRY_ERR_FLASH_LOCKED);
    T_EQ_INT(ferry_flash_file_open(&b, path, false, NULL), FERRY_ERR_FLASH_LOCKED);
    ferry_flash_file_close(&a);
    T_EQ_INT(ferry_flash_file_open(&a, path, false, NULL), FERRY_OK);
    T_EQ_INT(ferry_flash_file_open(&b, path, false, NULL), FERRY_OK);
    ferry_flash_file_close(&a);
    ferry_flash_file_close(&b);
    unlink(path);
}

static void file_flash_for_reading_refuses_writes(void)
{
    struct ferry_flash_file ff;
    uint8_t zero = 0, got = 0;
    T_EQ_INT(ferry_flash_file_create(path, SIZE_BYTES, NULL), FERRY_OK);
    T_EQ_INT(ferry_flash_file_open(&ff, path, false, NULL), FERRY_OK);
    T_EQ_INT(ff.flash.ops->prog(&ff.flash, 0, &zero, 1), FERRY_ERR_FLASH_IO);
    T_EQ_INT(ff.flash.ops->erase(&ff.flash, 0, 4096), FERRY_ERR_FLASH_IO);
    T_EQ_INT(ff.flash.ops->read(&ff.flash, 0, &got, 1), FERRY_OK);
    T_EQ_INT(got, 0xff);
    ferry_flash_file_close(&ff);
    unlink(path);
}

static void file_cut_short_meanwhile_is_an_error(void)
{
    struct ferry_flash_file ff;
    uint8_t bytes[16];
    T_EQ_INT(ferry_flash_file_create(path, SIZE_BYTES, NULL), FERRY_OK);
    T_EQ_INT(ferry_flash_file_open(&ff, path, true, NULL), FERRY_OK);
    T_EQ_INT(truncate(path, SIZE_BYTES - 8), 0);
    T_EQ_INT(ff.flash.ops->read(&ff.flash, SIZE_BYTES - 16, bytes, 16), FERRY_ERR_FLASH_IO);
    ferry_flash_file_close(&ff);
    unlink(path);
}

static void odd_files_are_refused(void)
{
    struct ferry_flash_file ff;
    struct ferry_fault fault;
    T_EQ_INT(ferry_flash_file_create(path, 4097, NULL), FERRY_ERR_FLASH_SIZE);
    T_EQ_INT(ferry_flash_file_open(&ff, path, true, &fault), FERRY_ERR_FILE_OPEN);
    T_EQ_INT(ff.os_errno, ENOENT);
    T_EQ_INT(ferry_flash_file_open(&ff, dir, false, &fault), FERRY_ERR_FILE_OPEN);
    T_EQ_INT(ff.os_errno, EISDIR);
    T_EQ_INT(ferry_flash_file_create(path, 8192, NULL), FERRY_OK);
    T_EQ_INT(ferry_flash_file_create(path, 8192, NULL), FERRY_ERR_FILE_EXISTS);
    T_EQ_INT(truncate(path, 5000), 0);
    T_EQ_INT(ferry_flash_file_open(&ff, path, true, &fault), FERRY_ERR_FLASH_SIZE);
    T_EQ_INT(fault.value, 5000);
    T_EQ_INT(fault.limit, 4096);
    T_EQ_INT(truncate(path, 0), 0);
    T_EQ_INT(ferry_flash_file_open(&ff, path, true, &fault), FERRY_ERR_FLASH_SIZE);
    unlink(path);
}

int main(void)
{
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof(path), "%s/flash.bin", dir);
    T_RUN(sim_flash_keeps_the_contract);
    T_RUN(sim_flash_with_16_byte_units_keeps_the_contract);
    T_RUN(sim_flash_without_blocks_keeps_the_contract);
    T_RUN(file_flash_keeps_the_contract);
    T_RUN(part_of_a_flash_in_a_file_keeps_the_contract);
    T_RUN(part_of_a_flash_grows_only_by_what_is_programmed);
    T_RUN(template_refuses_everything);
    T_RUN(contract_catches_each_broken_port);
    T_RUN(file_flash_has_one_writer);
    T_RUN(file_flash_for_reading_refuses_writes);
    T_RUN(file_cut_short_meanwhile_is_an_error);
    T_RUN(odd_files_are_refused);
    rmdir(dir);
    return t_end();
}
