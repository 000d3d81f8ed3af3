/* tests/idf/fake_esp_board.h - a whole board for tests of updates: the fake chip and flash with a
 * partition table of two slots and the updater's own NVS, and an app that runs in the first slot.
 */
#ifndef FAKE_ESP_BOARD_H
#define FAKE_ESP_BOARD_H

#include "device_esp.h"
#include "ferry/crypto.h"

#define FAKE_SLOT_BYTES  0x80000u
#define FAKE_SLOT_OFF(n) (0x10000u + FAKE_SLOT_BYTES * (uint32_t)(n))

/** A new board with the app in ota_0, as if flashed over a cable. */
void fake_board_fresh(bool is_encrypted, const uint8_t *app, uint32_t n_app);

/** The slot that boots next. esp is opened for it, with trust where signatures are asked for. */
int fake_board_boots(struct ferry_esp *esp, struct ferry_esp_trust *trust);

/** A manifest that names this image app.bin, and the SHA-256 in it. */
void fake_board_manifest(const uint8_t *image, uint32_t n, char json[256],
                         uint8_t sha256[FERRY_SHA256_BYTES]);

#endif
