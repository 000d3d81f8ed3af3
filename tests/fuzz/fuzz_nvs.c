/* tests/fuzz/fuzz_nvs.c - any partition is mounted, read-only and for writing, and used. Read-only
 * writes nothing; a mount answers in three ways only, and repeated comes to find nothing to repair;
 * what a getter returns stands in flash with a CRC that holds; what is set is got, also after
 * another mount.
 * Input: flags, number of steps, the steps, a byte each; then pieces of 34 bytes: page, place (0
 * the header, 1 the map, else entry place - 2), bytes. Flags: 1 mends CRCs, so that a mount gets
 * further; 2 marks what is placed as written; 4 large programming units; from 8 on, pages. */
#include "fuzz.h"

#include "ferry/bytes.h"
#include "ferry/nvs.h"
#include "sim_flash.h"

#include <string.h>

enum { MOST_PAGES = 6, PAGE = FERRY_NVS_PAGE_BYTES, UNIT = FERRY_NVS_ENTRY_BYTES, OFF = PAGE };
enum { MEND = 1, MARK = 2, LARGE_UNITS = 4 };

static uint8_t image[MOST_PAGES * PAGE], seen[MOST_PAGES * PAGE], value[MOST_PAGES * PAGE];
static uint32_t n_pages;
static bool keys_are_mended; // NUL behind each, and nothing behind the NUL
static struct sim_flash sim;
static struct ferry_nvs nvs;

static uint8_t *unit_of(uint32_t page, uint32_t i)
{
    return image + page * PAGE + FERRY_NVS_ENTRIES_OFF + i * UNIT;
}

static void place_piece(const uint8_t *piece, uint8_t flags)
{
    const uint32_t page = piece[0] % n_pages, place = piece[1] % (FERRY_NVS_ENTRIES + 2);
    memcpy(image + page * PAGE + place * UNIT, piece + 2, UNIT);
    if (place >= 2 && (flags & MARK))
        ferry_nvs_map_put(image + page * PAGE + FERRY_NVS_MAP_OFF, place - 2,
                          FERRY_NVS_ENTRY_WRITTEN);
}

/* Puts a good CRC to every header, value and entry that is not blank, and an end to every key. */
static void mend(uint32_t page)
{
    struct ferry_nvs_head head;
    struct ferry_nvs_entry e;
    (void)ferry_nvs_head_decode(image + page * PAGE, &head);
    if (head.state != FERRY_NVS_PAGE_BLANK)
        ferry_nvs_head_encode(&head, image + page * PAGE);
    for (uint32_t i = 0; i < FERRY_NVS_ENTRIES; i++) {
        uint8_t *unit = unit_of(page, i);
        (void)ferry_nvs_entry_decode(unit, i, &e);
        const uint32_t size = ferry_nvs_entry_size(&e);
        if (e.type == 0xff || !e.type)
            continue;
        if (ferry_nvs_type_has_value(e.type) && size <= (FERRY_NVS_ENTRIES - i - 1) * UNIT)
            ferry_nvs_entry_put_value(&e, (uint16_t)size, ferry_nvs_value_crc(unit + UNIT, size));
        const size_t len = strnlen(e.key, FERRY_NVS_KEY_MAX);
        memset(e.key + len, 0, sizeof(e.key) - len);
        ferry_nvs_entry_encode(&e, unit);
    }
}

static void must_not_write(void *ctx, const struct sim_flash *s, char op, uint32_t off,
                           const void *src, uint32_t len)
{
    const bool opened_read_only_yet_writes = true;
    (void)ctx, (void)s, (void)op, (void)off, (void)src, (void)len;
    FUZZ_MUST(!opened_read_only_yet_writes);
}

static void must_stay_inside(void *ctx, const struct sim_flash *s, char op, uint32_t off,
                             const void *src, uint32_t len)
{
    (void)ctx, (void)s, (void)op, (void)src;
    FUZZ_MUST(off >= OFF && ferry_range_fits(off - OFF, len, n_pages * PAGE));
}

static ferry_err mount(bool read_only)
{
    static uint32_t work[FERRY_NVS_WORK_BYTES(MOST_PAGES) / 4];
    const struct ferry_nvs_config config = {.region = {&sim.flash, OFF, n_pages * PAGE},
                                            .work = work,
                                            .work_bytes = sizeof(work),
                                            .read_only = read_only};
    sim.watch.before = read_only ? must_not_write : must_stay_inside;
    const ferry_err err = ferry_nvs_open(&nvs, &config);
    FUZZ_MUST(err == FERRY_OK || err == FERRY_ERR_NVS_VERSION ||
              (err == FERRY_ERR_NVS_NO_FREE && !read_only));
    return err;
}

static void take_pages(uint8_t *to)
{
    sim_flash_peek(&sim, OFF, to, n_pages * PAGE);
}

/* One mount repairs what a cut can leave. Of other damage each looks at the last entry only, and
 * what it drops makes another the last. */
static void mount_until_nothing_changes(void)
{
    static uint8_t after[MOST_PAGES * PAGE];
    uint32_t n = 0;
    do {
        FUZZ_MUST(n++ <= n_pages * FERRY_NVS_ENTRIES);
        take_pages(after);
        FUZZ_MUST(mount(false) == FERRY_OK);
        take_pages(seen);
    } while (memcmp(seen, after, n_pages * PAGE) != 0);
}

/* Is there an entry of this key with this value's size and CRC, or with this number? */
static bool stands_in_flash(const struct ferry_nvs_info *info, uint32_t crc, uint64_t bits)
{
    const bool is_number = ferry_nvs_type_is_number(info->type);
    struct ferry_nvs_entry e;
    for (uint32_t page = 0; page < n_pages; page++) {
        for (uint32_t i = 0; i < FERRY_NVS_ENTRIES; i++) {
            const uint8_t *unit = seen + page * PAGE + FERRY_NVS_ENTRIES_OFF + i * UNIT;
            if (ferry_nvs_entry_decode(unit, i, &e) || e.ns != info->ns ||
                strncmp(e.key, info->key, FERRY_NVS_KEY_MAX) != 0)
                continue;
            if (is_number
                    ? e.type == info->type && ferry_nvs_entry_number(&e) == bits
                    : ferry_nvs_type_has_value(e.type) && ferry_nvs_entry_value_crc(&e) == crc &&
                          ferry_nvs_entry_size(&e) == info->size_bytes)
                return true;
            // A blob in chunks has no CRC of its own; its size must be the index's.
            if (e.type == FERRY_NVS_BLOB_INDEX && info->type == FERRY_NVS_BLOB &&
                ferry_nvs_entry_size(&e) == info->size_bytes)
                return true;
        }
    }
    return false;
}

static void get_listed(const struct ferry_nvs_info *info)
{
    uint32_t n = sizeof(value);
    uint64_t bits = 0;
    ferry_err err;
    if (ferry_nvs_type_is_number(info->type))
        err =
            ferry_nvs_get_number(&nvs, info->ns, info->key, (enum ferry_nvs_type)info->type, &bits);
    else if (info->type == FERRY_NVS_STRING)
        err = ferry_nvs_get_string(&nvs, info->ns, info->key, (char *)value, &n);
    else
        err = ferry_nvs_get_blob(&nvs, info->ns, info->key, value, &n);
    if (!err && !ferry_nvs_type_is_number(info->type))
        FUZZ_MUST(n == info->size_bytes);
    // A listed key may be empty, or none that can be asked for; a value may be damaged.
    const uint32_t crc = ferry_nvs_value_crc(value, err || n > sizeof(value) ? 0 : n);
    if (!err)
        FUZZ_MUST(stands_in_flash(info, crc, bits));
    else if (err == FERRY_ERR_NVS_KEY)
        FUZZ_MUST(!keys_are_mended);
    else
        FUZZ_MUST(err == FERRY_ERR_NVS_DATA || err == FERRY_ERR_NVS_BUFFER ||
                  err == FERRY_ERR_NVS_KEY_LENGTH || err == FERRY_ERR_ARG);
}

static void walk(void)
{
    struct ferry_nvs_iter it = {0};
    struct ferry_nvs_info info;
    struct ferry_nvs_stats stats;
    uint32_t n = 0;
    ferry_err err;
    take_pages(seen);
    while ((err = ferry_nvs_next(&nvs, &it, &info)) == FERRY_OK) {
        FUZZ_MUST(++n <= n_pages * FERRY_NVS_ENTRIES);
        get_listed(&info);
    }
    FUZZ_MUST(err == FERRY_ERR_NOT_FOUND);
    FUZZ_MUST(ferry_nvs_stats(&nvs, &stats) == FERRY_OK);
    FUZZ_MUST(stats.n_used + stats.n_free == stats.n_total && stats.n_used <= stats.n_total);
}

static void must_hold(uint8_t ns, const char *key, const uint8_t *bytes, uint32_t n)
{
    uint32_t n_got = sizeof(value);
    FUZZ_MUST(ferry_nvs_get_blob(&nvs, ns, key, value, &n_got) == FERRY_OK);
    FUZZ_MUST(n_got == n && memcmp(value, bytes, n) == 0);
}

/* One step on the namespace "n": a number, a blob or nothing is set, and read again. */
static void step(uint8_t byte)
{
    static const char *const keys[] = {"k", "a", "fifteen_letters", "z"};
    static const uint16_t sizes[] = {0, 1, 33, 700, 3999, 5000};
    static uint8_t bytes[5000];
    const char *key = keys[byte % 4];
    struct ferry_nvs_info info;
    uint64_t bits = 0;
    uint8_t ns;
    ferry_err err = ferry_nvs_namespace(&nvs, "n", true, &ns);
    if (!err && byte / 4 % 8 < 6) {
        const uint32_t n = sizes[byte / 4 % 8];
        memset(bytes, byte, n);
        err = ferry_nvs_set_blob(&nvs, ns, key, bytes, n);
        if (!err)
            must_hold(ns, key, bytes, n);
        if (!err && mount(false) == FERRY_OK)
            must_hold(ns, key, bytes, n);
    } else if (!err && byte / 4 % 8 == 6) {
        err = ferry_nvs_set_number(&nvs, ns, key, FERRY_NVS_U16, byte);
        FUZZ_MUST(err ||
                  (!ferry_nvs_get_number(&nvs, ns, key, FERRY_NVS_U16, &bits) && bits == byte));
    } else if (!err) {
        err = byte & 128 ? ferry_nvs_erase_all(&nvs, ns) : ferry_nvs_erase(&nvs, ns, key);
        FUZZ_MUST(err || ferry_nvs_find(&nvs, ns, key, &info) == FERRY_ERR_NVS_KEY);
    }
    FUZZ_MUST(!err || err == FERRY_ERR_NVS_FULL || err == FERRY_ERR_NVS_KEY ||
              err == FERRY_ERR_NVS_NAMESPACES || err == FERRY_ERR_NVS_NO_FREE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    const uint8_t flags = data[0];
    const size_t n_steps = data[1] % 16;
    n_pages = 3 + flags / 8 % (MOST_PAGES - 2);
    memset(image, 0xff, sizeof(image));
    for (size_t at = 2 + n_steps; at + 2 + UNIT <= n; at += 2 + UNIT)
        place_piece(data + at, flags);
    keys_are_mended = flags & MEND;
    for (uint32_t page = 0; page < n_pages && keys_are_mended; page++)
        mend(page);
    sim_flash_init(&sim, OFF + (MOST_PAGES + 1) * PAGE, flags & LARGE_UNITS ? 4 : 1);
    sim_flash_poke(&sim, OFF, image, n_pages * PAGE);
    if (mount(true) == FERRY_OK)
        walk();
    if (mount(false) == FERRY_OK) {
        mount_until_nothing_changes();
        walk();
        for (size_t i = 0; i < n_steps && 2 + i < n && !nvs.failed; i++)
            step(data[2 + i]);
    }
    FUZZ_MUST(sim.counts.wrong_progs == 0);
    sim_flash_free(&sim);
    return 0;
}
