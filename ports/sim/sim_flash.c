/* ports/sim/sim_flash.c - the flash model. See the header for what comes in. */
#include "sim_flash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_sector {
    uint32_t refs;
    bool weak;
    uint8_t bytes[SIM_SECTOR_BYTES];
};

/* Espressif's own Linux emulation prices reads and programs; block erase is the W25Q's typical
 * figure, sector erase too. */
#define ERASE_4K_US  45000u
#define ERASE_64K_US 150000u
#define PROG_4K_US   6367u
#define READ_4K_US   459u
#define PAGE_BYTES   256u

static void *must_alloc(size_t n)
{
    void *p = calloc(1, n);
    if (!p) {
        fputs("sim_flash: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static uint32_t next_random(struct sim_flash *s)
{
    // xorshift32: small, and the same everywhere
    uint32_t x = s->random ? s->random : 0x9e3779b9u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    s->random = x;
    return x;
}

static struct sim_sector *new_sector(void)
{
    struct sim_sector *sec = must_alloc(sizeof(*sec));
    sec->refs = 1;
    memset(sec->bytes, 0xff, sizeof(sec->bytes));
    return sec;
}

static void drop_sector(struct sim_sector *sec)
{
    if (--sec->refs == 0)
        free(sec);
}

/* The sector for writing: a copy of its own if others look at it too. */
static struct sim_sector *own_sector(struct sim_flash *s, uint32_t i)
{
    struct sim_sector *sec = s->sectors[i];
    if (sec->refs == 1)
        return sec;
    struct sim_sector *copy = must_alloc(sizeof(*copy));
    *copy = *sec;
    copy->refs = 1;
    sec->refs--;
    s->sectors[i] = copy;
    return copy;
}

static void spend(struct sim_flash *s, uint64_t us)
{
    s->counts.time_us += us;
    if (us > s->counts.longest_us)
        s->counts.longest_us = (uint32_t)us;
}

static bool fits(const struct sim_flash *s, uint32_t off, uint32_t len)
{
    return off <= s->flash.size_bytes && len <= s->flash.size_bytes - off;
}

static void read_sector(struct sim_flash *s, const struct sim_sector *sec, uint32_t at,
                        uint8_t *dst, uint32_t n)
{
    memcpy(dst, sec->bytes + at, n);
    // A cell that was half erased is read as either, and not the same way twice.
    for (uint32_t i = 0; sec->weak && i < n; i++) {
        if (next_random(s) % 16 == 0)
            dst[i] = (uint8_t)(dst[i] ^ (1u << next_random(s) % 8));
    }
}

static ferry_err sim_read(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    struct sim_flash *s = f->ctx;
    if (!s->has_power)
        return FERRY_ERR_FLASH_IO;
    if (!fits(s, off, len))
        return FERRY_ERR_FLASH_RANGE;
    s->counts.reads++;
    s->counts.read_bytes += len;
    spend(s, ((uint64_t)len * READ_4K_US + SIM_SECTOR_BYTES - 1) / SIM_SECTOR_BYTES);
    uint8_t *to = dst;
    while (len) {
        const uint32_t at = off % SIM_SECTOR_BYTES;
        const uint32_t n = len < SIM_SECTOR_BYTES - at ? len : SIM_SECTOR_BYTES - at;
        read_sector(s, s->sectors[off / SIM_SECTOR_BYTES], at, to, n);
        off += n;
        to += n;
        len -= n;
    }
    return FERRY_OK;
}

/* How many pages a program touches: a chip programs each page it touches for the same time. */
static uint32_t pages(uint32_t off, uint32_t len)
{
    return (off + len - 1) / PAGE_BYTES - off / PAGE_BYTES + 1;
}

/* Programs n bytes, but only the bits that `keep` lets through: 0xff programs a byte whole. */
static void prog_bytes(struct sim_flash *s, uint32_t off, const uint8_t *src, uint32_t n,
                       bool torn_bits)
{
    for (uint32_t i = 0; i < n; i++, off++) {
        struct sim_sector *sec = own_sector(s, off / SIM_SECTOR_BYTES);
        uint8_t *cell = &sec->bytes[off % SIM_SECTOR_BYTES];
        if (src[i] & (uint8_t) ~*cell && !torn_bits)
            s->counts.wrong_progs++;
        const uint8_t spared = torn_bits ? (uint8_t)next_random(s) : 0;
        *cell = (uint8_t)(*cell & (src[i] | spared));
    }
}

static void erase_sectors(struct sim_flash *s, uint32_t off, uint32_t len)
{
    for (uint32_t i = off / SIM_SECTOR_BYTES; i < (off + len) / SIM_SECTOR_BYTES; i++) {
        struct sim_sector *sec = own_sector(s, i);
        memset(sec->bytes, 0xff, sizeof(sec->bytes));
        sec->weak = false;
        if (s->wear)
            s->wear[i]++;
    }
}

static void tear_erase(struct sim_flash *s, uint32_t off, uint32_t len, enum sim_cut cut)
{
    const uint32_t done = cut == SIM_CUT_ERASE_PREFIX ? next_random(s) % len : len;
    for (uint32_t i = 0; i < done; i++) {
        struct sim_sector *sec = own_sector(s, (off + i) / SIM_SECTOR_BYTES);
        uint8_t *cell = &sec->bytes[(off + i) % SIM_SECTOR_BYTES];
        if (cut == SIM_CUT_ERASE_BITS)
            *cell = (uint8_t)(*cell | next_random(s));
        else
            *cell = 0xff;
        sec->weak = sec->weak || cut == SIM_CUT_ERASE_WEAK;
    }
}

void sim_flash_tear(struct sim_flash *s, char op, uint32_t off_bytes, const void *src,
                    uint32_t len_bytes, enum sim_cut cut)
{
    s->has_power = false;
    if (cut == SIM_CUT_BEFORE || !len_bytes)
        return;
    if (op == 'E') {
        if (cut == SIM_CUT_AFTER)
            erase_sectors(s, off_bytes, len_bytes);
        else
            tear_erase(s, off_bytes, len_bytes, cut);
        return;
    }
    if (cut == SIM_CUT_AFTER) {
        prog_bytes(s, off_bytes, src, len_bytes, false);
    } else if (cut == SIM_CUT_PROG_BITS) {
        prog_bytes(s, off_bytes, src, len_bytes, true);
    } else if (cut == SIM_CUT_PROG_HOLE) {
        const uint32_t hole = next_random(s) % len_bytes;
        const uint32_t end = len_bytes - hole > 4 ? hole + 4 : len_bytes;
        prog_bytes(s, off_bytes, src, hole, false);
        prog_bytes(s, off_bytes + end, (const uint8_t *)src + end, len_bytes - end, false);
    } else {
        const uint32_t whole = next_random(s) % len_bytes;
        prog_bytes(s, off_bytes, src, whole, false);
        prog_bytes(s, off_bytes + whole, (const uint8_t *)src + whole, 1, true);
    }
}

/* Counts the operation and lets power fail in it if that is planned. True: it failed. */
static bool cut_here(struct sim_flash *s, char op, uint32_t off, const void *src, uint32_t len)
{
    if (s->watch.before)
        s->watch.before(s->watch.ctx, s, op, off, src, len);
    s->n_ops++;
    if (!s->cut_at_op || s->n_ops != s->cut_at_op)
        return false;
    sim_flash_tear(s, op, off, src, len, s->cut);
    return true;
}

static ferry_err sim_prog(const struct ferry_flash *f, uint32_t off, const void *src, uint32_t len)
{
    struct sim_flash *s = f->ctx;
    if (!s->has_power)
        return FERRY_ERR_FLASH_IO;
    if (!fits(s, off, len))
        return FERRY_ERR_FLASH_RANGE;
    if (off % f->prog_bytes || len % f->prog_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    if (!len)
        return FERRY_OK;
    if (cut_here(s, 'W', off, src, len))
        return FERRY_ERR_FLASH_IO;
    s->counts.progs++;
    s->counts.prog_bytes += len;
    spend(s, (uint64_t)pages(off, len) * PROG_4K_US / (SIM_SECTOR_BYTES / PAGE_BYTES));
    prog_bytes(s, off, src, len, false);
    return FERRY_OK;
}

static ferry_err sim_erase(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    struct sim_flash *s = f->ctx;
    if (!s->has_power)
        return FERRY_ERR_FLASH_IO;
    if (!fits(s, off, len))
        return FERRY_ERR_FLASH_RANGE;
    if ((len != f->sector_bytes && len != f->block_bytes) || off % len)
        return FERRY_ERR_FLASH_ALIGN;
    if (cut_here(s, 'E', off, NULL, len))
        return FERRY_ERR_FLASH_IO;
    if (len == SIM_SECTOR_BYTES)
        s->counts.erases_4k++;
    else
        s->counts.erases_64k++;
    s->counts.erased_bytes += len;
    spend(s, len == SIM_SECTOR_BYTES ? ERASE_4K_US : ERASE_64K_US);
    erase_sectors(s, off, len);
    return FERRY_OK;
}

static ferry_err sim_sync(const struct ferry_flash *f)
{
    struct sim_flash *s = f->ctx;
    s->counts.syncs++;
    return s->has_power ? FERRY_OK : FERRY_ERR_FLASH_IO;
}

static const struct ferry_flash_ops sim_ops = {sim_read, sim_prog, sim_erase, sim_sync};

static void set_up(struct sim_flash *s, uint32_t size_bytes, uint32_t prog_unit)
{
    memset(s, 0, sizeof(*s));
    s->n_sectors = size_bytes / SIM_SECTOR_BYTES;
    s->sectors = must_alloc(s->n_sectors * sizeof(s->sectors[0]));
    s->flash = (struct ferry_flash){
        .ops = &sim_ops,
        .ctx = s,
        .size_bytes = size_bytes,
        .sector_bytes = SIM_SECTOR_BYTES,
        .block_bytes = SIM_BLOCK_BYTES,
        .prog_bytes = prog_unit,
    };
    s->has_power = true;
}

void sim_flash_init(struct sim_flash *s, uint32_t size_bytes, uint32_t prog_unit)
{
    set_up(s, size_bytes, prog_unit);
    s->wear = must_alloc(s->n_sectors * sizeof(s->wear[0]));
    for (uint32_t i = 0; i < s->n_sectors; i++)
        s->sectors[i] = new_sector();
}

void sim_flash_fork(struct sim_flash *to, const struct sim_flash *from, uint32_t seed)
{
    set_up(to, from->flash.size_bytes, from->flash.prog_bytes);
    to->random = seed;
    for (uint32_t i = 0; i < to->n_sectors; i++) {
        to->sectors[i] = from->sectors[i];
        to->sectors[i]->refs++;
    }
}

void sim_flash_free(struct sim_flash *s)
{
    for (uint32_t i = 0; i < s->n_sectors; i++)
        drop_sector(s->sectors[i]);
    free(s->sectors);
    free(s->wear);
    memset(s, 0, sizeof(*s));
}

void sim_flash_plan_cut(struct sim_flash *s, uint32_t at_op, enum sim_cut cut)
{
    s->n_ops = 0;
    s->cut_at_op = at_op;
    s->cut = cut;
}

void sim_flash_power_on(struct sim_flash *s)
{
    s->has_power = true;
    s->n_ops = 0;
    s->cut_at_op = 0;
    s->cut = SIM_CUT_NONE;
}

void sim_flash_poke(struct sim_flash *s, uint32_t off_bytes, const void *src, uint32_t len_bytes)
{
    const uint8_t *p = src;
    for (uint32_t i = 0; i < len_bytes; i++, off_bytes++)
        own_sector(s, off_bytes / SIM_SECTOR_BYTES)->bytes[off_bytes % SIM_SECTOR_BYTES] = p[i];
}

void sim_flash_peek(const struct sim_flash *s, uint32_t off_bytes, void *dst, uint32_t len_bytes)
{
    for (uint8_t *p = dst; len_bytes;) {
        const uint32_t at = off_bytes % SIM_SECTOR_BYTES;
        const uint32_t n = len_bytes < SIM_SECTOR_BYTES - at ? len_bytes : SIM_SECTOR_BYTES - at;
        memcpy(p, s->sectors[off_bytes / SIM_SECTOR_BYTES]->bytes + at, n);
        p += n;
        off_bytes += n;
        len_bytes -= n;
    }
}

void sim_flash_flip_bit(struct sim_flash *s, uint32_t off_bytes, unsigned bit)
{
    uint8_t byte;
    sim_flash_peek(s, off_bytes, &byte, 1);
    byte = (uint8_t)(byte ^ (1u << bit));
    sim_flash_poke(s, off_bytes, &byte, 1);
}
