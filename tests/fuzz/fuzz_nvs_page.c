/* tests/fuzz/fuzz_nvs_page.c - any 32 bytes as the header of an NVS page, as a map of states and as
 * an entry at any place. What has no flaw encodes back to the same bytes and stays inside its page.
 * Input: the place, then the bytes; what is missing is blank. */
#include "fuzz.h"

#include "ferry/nvs_page.h"

#include <string.h>

static void try_head(const uint8_t bytes[FERRY_NVS_HEAD_BYTES])
{
    uint8_t again[FERRY_NVS_HEAD_BYTES];
    struct ferry_nvs_head h, h2;
    const enum ferry_nvs_flaw flaw = ferry_nvs_head_decode(bytes, &h);
    ferry_nvs_head_encode(&h, again);
    FUZZ_MUST(h.state == FERRY_NVS_PAGE_BLANK ||
              ferry_nvs_head_decode(again, &h2) != FERRY_NVS_FLAW_HEAD_CRC);
    if (!flaw && h.state != FERRY_NVS_PAGE_BLANK) {
        FUZZ_MUST(h.version >= FERRY_NVS_VERSION_2);
        FUZZ_MUST(ferry_nvs_head_decode(again, &h2) == FERRY_NVS_FLAW_NONE);
        FUZZ_MUST(h2.state == h.state && h2.seq == h.seq && h2.version == h.version);
    }
}

static void try_map(const uint8_t bytes[FERRY_NVS_MAP_BYTES], uint32_t place)
{
    static const enum ferry_nvs_entry_state states[] = {FERRY_NVS_ENTRY_WRITTEN,
                                                        FERRY_NVS_ENTRY_ERASED};
    uint8_t map[FERRY_NVS_MAP_BYTES];
    memcpy(map, bytes, sizeof(map));
    for (int s = 0; s < 2; s++) {
        const enum ferry_nvs_entry_state was = ferry_nvs_map_get(map, place);
        ferry_nvs_map_put(map, place, states[s]);
        FUZZ_MUST(ferry_nvs_map_get(map, place) == (was & states[s]));
        for (uint32_t i = 0; i < FERRY_NVS_ENTRIES; i++)
            FUZZ_MUST(i == place || ferry_nvs_map_get(map, i) == ferry_nvs_map_get(bytes, i));
    }
}

static void try_entry(const uint8_t bytes[FERRY_NVS_ENTRY_BYTES], uint32_t place)
{
    uint8_t again[FERRY_NVS_ENTRY_BYTES];
    struct ferry_nvs_entry e, e2;
    const enum ferry_nvs_flaw flaw = ferry_nvs_entry_decode(bytes, place, &e);
    ferry_nvs_entry_encode(&e, again);
    // Whatever was wrong, only the CRC is made anew.
    FUZZ_MUST(memcmp(again, bytes, 4) == 0 && memcmp(again + 8, bytes + 8, 24) == 0);
    FUZZ_MUST(ferry_nvs_entry_decode(again, place, &e2) != FERRY_NVS_FLAW_CRC);
    if (flaw)
        return;
    FUZZ_MUST(memcmp(again, bytes, sizeof(again)) == 0);
    FUZZ_MUST(e.span >= 1 && e.span <= FERRY_NVS_ENTRIES - place);
    if (ferry_nvs_type_has_value(e.type))
        FUZZ_MUST(ferry_nvs_entry_size(&e) <= (e.span - 1u) * FERRY_NVS_ENTRY_BYTES);
    else
        FUZZ_MUST(e.span == 1);
    if (ferry_nvs_type_is_number(e.type)) {
        ferry_nvs_entry_put_number(&e2, ferry_nvs_entry_number(&e));
        FUZZ_MUST(memcmp(e2.data, e.data, e.type & 15) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t bytes[FERRY_NVS_ENTRY_BYTES];
    if (n < 1)
        return 0;
    const uint32_t place = data[0] % FERRY_NVS_ENTRIES;
    memset(bytes, 0xff, sizeof(bytes));
    memcpy(bytes, data + 1, n - 1 < sizeof(bytes) ? n - 1 : sizeof(bytes));
    try_head(bytes);
    try_map(bytes, place);
    try_entry(bytes, place);
    // The same with a CRC that holds, so that what comes behind it is reached.
    struct ferry_nvs_entry e;
    (void)ferry_nvs_entry_decode(bytes, place, &e);
    ferry_nvs_entry_encode(&e, bytes);
    try_entry(bytes, place);
    return 0;
}
