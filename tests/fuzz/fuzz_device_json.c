/* tests/fuzz/fuzz_device_json.c - a device.json of any bytes. What is accepted is written and read
 * again as the same facts. */
#include "fuzz.h"

#include <string.h>
#include <unistd.h>

#include "device_json.h"

static char path[] = "/tmp/ferry_fuzz_XXXXXX/device.json";

static void make_folder(void)
{
    char *slash = strrchr(path, '/');
    *slash = '\0';
    FUZZ_MUST(mkdtemp(path));
    *slash = '/';
}

static void remove_folder(void)
{
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool is_ready;
    struct ferry_device_json first, again;
    char detail[256];
    if (!is_ready) {
        make_folder();
        is_ready = !atexit(remove_folder);
    }
    FILE *f = fopen(path, "wb");
    FUZZ_MUST(f && fwrite(data, 1, n, f) == n && fclose(f) == 0);
    memset(&first, 0, sizeof(first));
    memset(&again, 0, sizeof(again));
    if (ferry_device_json_read(path, &first, detail, sizeof(detail)))
        return 0;
    FUZZ_MUST(first.chip && first.trust.n_keys <= FERRY_SIGNATURE_BLOCKS);
    FUZZ_MUST(memchr(first.running, '\0', sizeof(first.running)));
    FUZZ_MUST(!ferry_device_json_write(path, &first, detail, sizeof(detail)));
    FUZZ_MUST(!ferry_device_json_read(path, &again, detail, sizeof(detail)));
    FUZZ_MUST(first.chip == again.chip && first.flash_bytes == again.flash_bytes &&
              first.table_off_bytes == again.table_off_bytes &&
              first.secure_version == again.secure_version &&
              first.boot_count == again.boot_count && first.rollback == again.rollback &&
              first.anti_rollback == again.anti_rollback && first.writer == again.writer &&
              first.secure_boot == again.secure_boot);
    FUZZ_MUST(!first.secure_boot || first.trust.n_keys);
    FUZZ_MUST(strcmp(first.running, again.running) == 0);
    FUZZ_MUST(memcmp(&first.trust, &again.trust, sizeof(first.trust)) == 0);
    return 0;
}
