/* tests/idf/fake_esp_nvs.h - an NVS in memory that outlives resets, with the rules of the real one
 * that ferry rests on. What lies in flash is the matter of tests that link compat's NVS. */
#ifndef FAKE_ESP_NVS_H
#define FAKE_ESP_NVS_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_NVS_VALUE_BYTES 4000u

extern struct fake_nvs {
    struct fake_value {
        char partition[16], space[16], key[16];
        char type; // 's'tring, 'b'lob, 'n'umber; 0: the place is free
        uint8_t bytes[FAKE_NVS_VALUE_BYTES];
        uint32_t n_bytes;
    } values[32];
    bool is_open;       // nvs_flash_init came before
    bool is_own_open;   // ... and that of the partition ferry_nvs
    bool is_broken;     // nothing can be opened any more
    bool has_own;       // the table has ferry_nvs
    uint32_t n_handles; // that nobody has closed
    uint32_t n_blobs_set;
} fake_nvs;

/** Empty, in a table with both partitions. */
void fake_nvs_fresh(void);

/** After a reset: nothing is open. */
void fake_nvs_reset(void);

/** The value under these names, or NULL. */
const struct fake_value *fake_nvs_find(const char *partition, const char *space, const char *key);

#endif
