/* host/nvs_rows.h - what the rows of an NVS CSV mean: namespaces, values, files, and the entries
 * that Espressif's generator adds for Wi-Fi. Reads rows by host/nvs_csv.h, puts them into an image
 * of host/nvs_image.h. Facts: docs/nvs.md "The CSV". */
#ifndef FERRY_NVS_ROWS_H
#define FERRY_NVS_ROWS_H

#include "nvs_csv.h"
#include "nvs_image.h"
#include "nvs_value.h"

#define FERRY_NVS_ROWS_DETAIL_BYTES 320u

/** One build, from any number of CSV files. {.image = ..., .exact = ...} starts it. */
struct ferry_nvs_rows {
    struct ferry_nvs_image *image; // begun by the caller
    bool exact;                    // the generator's bytes also where it files a value wrongly
    bool without_files;            // rows of type file are refused: the CSV is not to be trusted
    uint32_t n_values;
    struct ferry_strbuf warnings;             // a line each, "line 7: ..."
    char detail[FERRY_NVS_ROWS_DETAIL_BYTES]; // of a refusal, with line and column

    /* Its own. */
    void *names;                                       // tree of namespaces and keys so far
    const char *file;                                  // being read
    struct ferry_strbuf value;                         // of the current row
    struct ferry_strbuf ap_ssid, ap_pass, ap_authmode; // for the key that Wi-Fi derives of them
    uint32_t full_line;                                // where the size's pages ran out, 0: nowhere
    uint8_t ns;                                        // of the rows that come, 0: none yet
    bool has_wifi_extras;
};

/** Adds all rows of a CSV. file names it in warnings; NULL: warnings do not.
 * FERRY_ERR_CSV r->detail says what, with line and column; FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_nvs_rows_add(struct ferry_nvs_rows *r, const uint8_t *bytes,
                                              size_t n_bytes, const char *file);

void ferry_nvs_rows_free(struct ferry_nvs_rows *r);

#endif
