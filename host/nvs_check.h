/* host/nvs_check.h - what is wrong in the bytes of an NVS partition, where, and what a mount would
 * do with it. Looks at flash as it is and changes nothing; shares only the codec with the store, so
 * the two check each other. Facts: docs/nvs.md "What check says". */
#ifndef FERRY_NVS_CHECK_H
#define FERRY_NVS_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "ferry/crypto_xts.h"
#include "ferry/nvs_page.h"

/** How bad it is. */
enum ferry_nvs_grade {
    FERRY_NVS_TRACE,  // what a power cut leaves; a mount tidies it up and nothing is lost
    FERRY_NVS_DAMAGE, // something that was stored is lost, or the partition is unusable
};

#define FERRY_NVS_WHAT_BYTES 200u

/** One thing found. */
struct ferry_nvs_finding {
    enum ferry_nvs_grade grade;
    uint32_t off_bytes;               // in the partition
    int32_t entry;                    // -1: the page as a whole
    char what[FERRY_NVS_WHAT_BYTES];  // "entry does not match its CRC"
    char mount[FERRY_NVS_WHAT_BYTES]; // "erases the entry"
};

/** All that was found, in order of address. */
struct ferry_nvs_report {
    struct ferry_nvs_finding *findings; // owned
    size_t n_findings, n_allocated;
    size_t n_damages;
    uint32_t n_pages, n_active, n_full, n_freeing, n_blank, n_corrupt;
    uint32_t n_entries; // whole ones, namespaces included
    bool failed;        // memory ran out: findings are missing
};

/** Looks at n_bytes (whole pages). xts NULL: not encrypted. Free the report in any case.
 * FERRY_ERR_NO_MEMORY, FERRY_ERR_NVS_CRYPT. */
FERRY_MUST_CHECK ferry_err ferry_nvs_check(struct ferry_nvs_report *r, const uint8_t *bytes,
                                           uint32_t n_bytes, const struct ferry_xts *xts);

void ferry_nvs_report_free(struct ferry_nvs_report *r);

#endif
