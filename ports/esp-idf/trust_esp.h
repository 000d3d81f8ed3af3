/* ports/esp-idf/trust_esp.h - whom a device with signed updates trusts.
 * As ESP-IDF has it without hardware secure boot: the key that signed the app which runs now. With
 * hardware secure boot the bootloader checks against the eFuses as well. */
#ifndef FERRY_TRUST_ESP_H
#define FERRY_TRUST_ESP_H

#include "device_esp.h"
#include "ferry/gate.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Caller-owned, 2 KB, static memory. */
struct ferry_esp_trust {
    struct ferry_signature_gate gate;
    struct ferry_trust trust;
};

/** Reads the key from behind the running app and puts the gate into the device's policy: from then
 * on no update passes without that key's signature.
 * FERRY_ERR_SIGNATURE_NONE the running app is not signed; errors as ferry_device_verify. */
FERRY_MUST_CHECK ferry_err ferry_esp_trust_running(struct ferry_esp *e, struct ferry_esp_trust *t);

#ifdef __cplusplus
}
#endif
#endif
