/* tests/fuzz/fuzz_nvs_csv.c - the generator's CSV for NVS, any bytes, any options.
 * The first byte chooses version, size and exactness. What is refused has a reason. What is built
 * without a warning is a store without damage: `ferry nvs check` finds nothing, it mounts, and
 * every key that was given is listed once and has a value that can be read. */
#include "fuzz.h"

#include <string.h>

#include "ferry/nvs.h"
#include "nvs_check.h"
#include "nvs_memory.h"
#include "nvs_rows.h"

#define PAGES_MAX 16u

static uint32_t count_keys(struct ferry_nvs *nvs)
{
    static uint8_t value[FERRY_NVS_BLOB_MAX];
    struct ferry_nvs_iter it = {0};
    struct ferry_nvs_info info;
    uint32_t n = 0, size;
    uint64_t bits;
    while (!ferry_nvs_next(nvs, &it, &info)) {
        size = sizeof(value);
        if (ferry_nvs_type_is_number(info.type))
            FUZZ_MUST(!ferry_nvs_get_number(nvs, info.ns, info.key, (enum ferry_nvs_type)info.type,
                                            &bits));
        else if (info.type == FERRY_NVS_STRING)
            FUZZ_MUST(!ferry_nvs_get_string(nvs, info.ns, info.key, (char *)value, &size));
        else
            FUZZ_MUST(!ferry_nvs_get_blob(nvs, info.ns, info.key, value, &size));
        n++;
    }
    return n;
}

static void is_a_whole_store(const struct ferry_nvs_image *m, uint32_t n_bytes, uint32_t n_values)
{
    static struct ferry_nvs_page work[PAGES_MAX];
    struct ferry_nvs_report report;
    struct ferry_flash flash;
    struct ferry_nvs nvs;
    FUZZ_MUST(!ferry_nvs_check(&report, m->bytes, n_bytes, NULL));
    FUZZ_MUST(report.n_findings == 0);
    ferry_nvs_report_free(&report);
    ferry_nvs_memory(&flash, m->bytes, n_bytes);
    const struct ferry_nvs_config config = {.region = {&flash, 0, n_bytes},
                                            .work = work,
                                            .work_bytes = sizeof(work),
                                            .read_only = true};
    FUZZ_MUST(!ferry_nvs_open(&nvs, &config));
    // Wi-Fi's extra entries come on top.
    FUZZ_MUST(count_keys(&nvs) >= n_values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ferry_nvs_image image;
    uint32_t n_bytes = 0;
    if (n < 1)
        return 0;
    const uint32_t size = (1 + (uint32_t)(data[0] >> 4)) * FERRY_NVS_PAGE_BYTES;
    struct ferry_nvs_rows rows = {.image = &image, .exact = data[0] & 2, .without_files = true};
    FUZZ_MUST(!ferry_nvs_image_begin(&image, size, data[0] & 1 ? 1 : 2, NULL));
    ferry_err err = ferry_nvs_rows_add(&rows, data + 1, n - 1, NULL);
    FUZZ_MUST(err != FERRY_ERR_CSV || rows.detail[0]);
    FUZZ_MUST(memchr(rows.detail, '\0', sizeof(rows.detail)));
    FUZZ_MUST(!err || err == FERRY_ERR_CSV || err == FERRY_ERR_NO_MEMORY);
    if (!err) {
        err = ferry_nvs_image_end(&image, &n_bytes);
        FUZZ_MUST(!err || (err == FERRY_ERR_NVS_FULL && rows.full_line &&
                           ferry_nvs_image_needs_bytes(&image) > size));
        FUZZ_MUST(err || n_bytes <= size);
    }
    if (!err && !rows.exact && !rows.warnings.n)
        is_a_whole_store(&image, n_bytes, rows.n_values);
    ferry_nvs_rows_free(&rows);
    ferry_nvs_image_free(&image);
    return 0;
}
