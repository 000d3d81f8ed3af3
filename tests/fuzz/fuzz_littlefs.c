/* tests/fuzz/fuzz_littlefs.c - a littlefs with any bytes changed, through ferry's block device.
 * The library's CRC is replaced by one that any bytes fit (the linker wraps it), so that damage
 * gets further than it would by itself. The input is a list of changes to a good image. Whatever
 * they make of it: nothing outside of the region is touched, every call comes back, with an error
 * of the file system's if with one, and what was tried on an overlay did not reach the flash. */
#include "fuzz.h"

#include <string.h>

#include "littlefs_fs.h"
#include "littlefs_overlay.h"
#include "nvs_memory.h"

#define SECTOR   4096u
#define N_BLOCKS 12u
#define GUARD    SECTOR
#define ALL      (N_BLOCKS * SECTOR + 2 * GUARD)

uint32_t __wrap_lfs_crc(uint32_t crc, const void *bytes, size_t n);

uint32_t __wrap_lfs_crc(uint32_t crc, const void *bytes, size_t n)
{
    (void)bytes;
    // As with the real one, the CRC behind what it covers makes it 0.
    return n < 4 ? crc >> 8 * n : 0;
}

static uint8_t flash_bytes[ALL];
static struct ferry_flash flash;
static const struct ferry_region region = {&flash, GUARD, N_BLOCKS *SECTOR};

static ferry_err fill(struct ferry_littlefs *fs, void *ctx)
{
    static uint8_t bytes[9000];
    const char *const paths[] = {"/boot.py", "/lib/a", "/lib/deep/b", "/c"};
    const uint32_t sizes[] = {20, 9000, 5000, 200};
    uint32_t made;
    bool changed;
    (void)ctx;
    FUZZ_MUST(!ferry_littlefs_make_folder(fs, "/lib/deep", &made) && made == 2);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(bytes, (int)i, sizeof(bytes));
        FUZZ_MUST(!ferry_littlefs_write(fs, paths[i], bytes, sizes[i], 1, &changed));
    }
    return FERRY_OK;
}

/** A good image, the same every time. */
static void make_image(void)
{
    static uint8_t good[ALL];
    static struct ferry_littlefs_fault why;
    if (!good[0]) {
        memset(flash_bytes, 0xff, sizeof(flash_bytes));
        memset(flash_bytes, 0x5a, GUARD);
        memset(flash_bytes + ALL - GUARD, 0x5a, GUARD);
        ferry_nvs_memory(&flash, flash_bytes, ALL);
        FUZZ_MUST(!ferry_littlefs_format(&region, FERRY_LITTLEFS_V2_1, &why));
        FUZZ_MUST(!ferry_littlefs_run(&region, true, fill, NULL, &why));
        memcpy(good, flash_bytes, sizeof(good));
    }
    memcpy(flash_bytes, good, sizeof(good));
}

struct seen {
    uint32_t n;
    char last[FERRY_LITTLEFS_PATH_BYTES];
};

static ferry_err see(void *ctx, const char *path, const struct ferry_littlefs_entry *entry)
{
    struct seen *s = ctx;
    FUZZ_MUST(*path == '/' && *entry->name && !strchr(entry->name, '/'));
    memcpy(s->last, path, strlen(path) + 1);
    return ++s->n > 200 ? FERRY_ERR_CANCELLED : FERRY_OK;
}

/** Everything once; the first error ends it, as it would for a command. */
static ferry_err use(struct ferry_littlefs *fs, void *ctx)
{
    static uint8_t bytes[20000];
    static struct ferry_littlefs_entry entry;
    struct ferry_littlefs_space space;
    struct seen *s = ctx;
    uint32_t n;
    bool changed;
    s->n = 0;
    ferry_err err = ferry_littlefs_walk(fs, "/", true, see, s);
    if (!err && s->n)
        err = ferry_littlefs_stat(fs, s->last, &entry);
    if (!err && s->n && !entry.is_folder && entry.size_bytes <= sizeof(bytes))
        err = ferry_littlefs_read(fs, s->last, bytes, entry.size_bytes);
    if (!err)
        err = ferry_littlefs_write(fs, "/new", bytes, 6000, 2, &changed);
    if (!err)
        err = ferry_littlefs_write(fs, "/boot.py", bytes, 100, 3, &changed);
    if (!err)
        err = ferry_littlefs_rename(fs, "/new", "/lib/newer");
    if (!err)
        err = ferry_littlefs_remove(fs, "/lib", true, &n);
    if (!err)
        err = ferry_littlefs_space(fs, &space);
    return err ? err : ferry_littlefs_grow(fs, N_BLOCKS);
}

static bool is_expected(ferry_err err)
{
    return !err || err == FERRY_ERR_CANCELLED || (err <= FERRY_ERR_FS_NONE && err > -1300);
}

static void guards_stand(void)
{
    for (uint32_t i = 0; i < GUARD; i++)
        FUZZ_MUST(flash_bytes[i] == 0x5a && flash_bytes[ALL - 1 - i] == 0x5a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t before[ALL];
    static struct ferry_littlefs_fault why;
    static struct seen seen;
    struct ferry_overlay overlay;
    make_image();
    // Three bytes a change: where, of the metadata's sectors more than of the others; and what.
    for (size_t i = 0; i + 3 <= n && i < 3 * 64; i += 3) {
        const uint32_t at = (uint32_t)data[i] << 8 | data[i + 1];
        flash_bytes[GUARD + at % (N_BLOCKS * SECTOR)] = data[i + 2];
    }
    memcpy(before, flash_bytes, sizeof(before));
    FUZZ_MUST(!ferry_overlay_open(&overlay, &region));
    const struct ferry_region copy = {&overlay.flash, 0, region.size_bytes};
    const ferry_err tried = ferry_littlefs_run(&copy, true, use, &seen, &why);
    ferry_overlay_close(&overlay);
    FUZZ_MUST(is_expected(tried));
    FUZZ_MUST(!memcmp(before, flash_bytes, sizeof(before)));
    const ferry_err done = ferry_littlefs_run(&region, true, use, &seen, &why);
    FUZZ_MUST(done == tried);
    guards_stand();
    return 0;
}
