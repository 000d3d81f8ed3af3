/* tests/support/nvs_machine.h - a flash with one NVS partition and the steps that vectors D make on
 * it: "set app k u8 1" and so on, each answered by the JSON object that the vectors record. For
 * conformance_nvs. A value of a step is a number, "pat:A:N" (N bytes, the i-th A + i(2A + 1)) or
 * "txt:A:N" (N letters, the i-th a + (A + 7i + i/26) mod 26). */
#ifndef NVS_MACHINE_H
#define NVS_MACHINE_H

#include "ferry/nvs.h"

#include <stdbool.h>

#include <cjson/cJSON.h>

#define NVS_MACHINE_PAGES 16u

struct nvs_machine {
    struct ferry_flash flash;
    uint8_t bytes[NVS_MACHINE_PAGES * FERRY_NVS_PAGE_BYTES];
    uint32_t n_pages;
    uint32_t n_ops; // programs and erases
    bool is_open;
    bool no_crc; // leave the CRC out of answers: it takes most of the time
    struct ferry_nvs nvs;
    uint32_t work[FERRY_NVS_WORK_BYTES(NVS_MACHINE_PAGES) / 4];
};

/** A blank partition, or one that holds the bytes of an image of n_pages. */
void nvs_machine_reset(struct nvs_machine *m, uint32_t n_pages, const uint8_t *image);

/** CRC-32 of the whole partition. */
uint32_t nvs_machine_crc(const struct nvs_machine *m);

/** Makes one step and returns what the vectors record of it, with Espressif's error numbers.
 * Ends the program if the step is not in the language. */
cJSON *nvs_machine_step(struct nvs_machine *m, const char *step);

/** The answer of the step "dump". */
cJSON *nvs_machine_dump(struct nvs_machine *m);

#endif
