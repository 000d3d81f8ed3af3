/* ferry/otadata.h - the two entries that say which slot boots: bytes to structs, and arithmetic.
 * A pure codec; ferry/boot.h and ferry/slots.h decide with it. Facts: docs/formats.md "otadata". */
#ifndef FERRY_OTADATA_H
#define FERRY_OTADATA_H

#include <stdbool.h>
#include <stdint.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_OTADATA_BYTES           32u     // one entry
#define FERRY_OTADATA_STRIDE          0x1000u // entry 1 lies one sector behind entry 0
#define FERRY_OTADATA_PARTITION_BYTES 0x2000u // least size of the partition
#define FERRY_OTADATA_CRC_OFF         28u
#define FERRY_OTADATA_SEQ_BLANK       0xffffffffu

enum ferry_otadata_state {
    FERRY_STATE_NEW = 0,
    FERRY_STATE_PENDING = 1,
    FERRY_STATE_VALID = 2,
    FERRY_STATE_INVALID = 3,
    FERRY_STATE_ABORTED = 4,
};
#define FERRY_STATE_UNDEFINED 0xffffffffu

/** One entry. state stays a number: flash may hold any. */
struct ferry_otadata {
    uint32_t seq;
    uint32_t state;
    uint32_t crc; // of seq alone
    uint8_t label[20];
};

void ferry_otadata_decode(const uint8_t bytes[FERRY_OTADATA_BYTES], struct ferry_otadata *out);
void ferry_otadata_encode(const struct ferry_otadata *e, uint8_t bytes[FERRY_OTADATA_BYTES]);

/** A fresh entry: label all 0xff, the CRC computed. */
struct ferry_otadata ferry_otadata_make(uint32_t seq, uint32_t state);

/** CRC-32 of the four bytes of seq, from 0xffffffff. */
uint32_t ferry_otadata_crc(uint32_t seq);

/** The CRC fits and seq is not blank: the entry names a slot, whatever its state. */
bool ferry_otadata_names_slot(const struct ferry_otadata *e);

/** Espressif's select_invalid: blank seq, or state INVALID or ABORTED. The CRC is not consulted. */
bool ferry_otadata_is_out(const struct ferry_otadata *e);

/** Espressif's select_valid: not out, and the CRC fits. */
bool ferry_otadata_is_valid(const struct ferry_otadata *e);

/** Of two entries, the usable one: both usable -> the higher seq (want_max) or the lower; equal
 * seq -> 0; one -> that; none -> -1. */
int ferry_otadata_pick(const struct ferry_otadata e[2], const bool usable[2], bool want_max);

/** The active entry: pick among the valid ones, highest seq. -1 if none is valid. */
int ferry_otadata_active(const struct ferry_otadata e[2]);

/** The slot that seq names: (seq - 1) mod n_slots in 32-bit arithmetic; n_slots > 0. */
uint32_t ferry_otadata_slot(uint32_t seq, uint32_t n_slots);

/** The smallest seq >= at_least that names the slot; slot < n_slots, n_slots > 0.
 * FERRY_ERR_OTADATA_SEQ if it would come within 2 * n_slots of the end of the numbers. */
FERRY_MUST_CHECK ferry_err ferry_otadata_seq_for(uint32_t slot, uint32_t n_slots, uint32_t at_least,
                                                 uint32_t *seq);

/** "new", "pending verify", "valid", "invalid", "aborted", "undefined", or NULL for another. */
const char *ferry_otadata_state_name(uint32_t state);

#ifdef __cplusplus
}
#endif
#endif
