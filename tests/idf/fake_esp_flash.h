/* tests/idf/fake_esp_flash.h - a chip behind esp_flash that keeps NOR's and ESP-IDF's rules: a
 * program only clears bits, erases are whole sectors, encrypted writes come in units of 16 bytes
 * and are stored as something else than was given. */
#ifndef FAKE_ESP_FLASH_H
#define FAKE_ESP_FLASH_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_FLASH_BYTES 0x200000u

extern struct fake_flash {
    uint8_t bytes[FAKE_FLASH_BYTES];
    uint32_t n_erases, n_blocks, n_progs, n_reads;
    uint32_t guarded_bytes; // from the start: writes are refused as "dangerous"
    int fails_with;         // every call gives this; 0: none does
    bool has_no_size;
} fake_flash;

/** All of it erased, nothing guarded, counters at 0. */
void fake_flash_reset(void);

#endif
