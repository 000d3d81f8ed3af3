/* ferry/nvs_page.h - the bytes of an NVS page: header, entry states, entries, and what is wrong
 * with them. A pure codec without I/O: ferry/nvs.h mounts with it, tools build images and explain
 * damage with it. Facts: docs/formats.md "NVS". */
#ifndef FERRY_NVS_PAGE_H
#define FERRY_NVS_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_NVS_PAGE_BYTES      4096u
#define FERRY_NVS_HEAD_BYTES      32u // at 0
#define FERRY_NVS_MAP_OFF         32u // two bits for each entry
#define FERRY_NVS_MAP_BYTES       32u
#define FERRY_NVS_ENTRIES_OFF     64u
#define FERRY_NVS_ENTRY_BYTES     32u
#define FERRY_NVS_ENTRIES         126u  // in a page
#define FERRY_NVS_KEY_MAX         15u   // characters of a key or namespace, without NUL
#define FERRY_NVS_STRING_MAX      4000u // bytes with NUL
#define FERRY_NVS_CHUNK_MAX_BYTES 4000u // of a blob, in one page
#define FERRY_NVS_CHUNKS_MAX      127u
#define FERRY_NVS_NAMESPACES_MAX  254u
#define FERRY_NVS_CHUNK_NONE      0xffu // chunk field of all that is no chunk

/** Page states as they stand in flash; each follows from the one before by clearing bits. */
#define FERRY_NVS_PAGE_BLANK   0xffffffffu
#define FERRY_NVS_PAGE_ACTIVE  0xfffffffeu // entries are added here
#define FERRY_NVS_PAGE_FULL    0xfffffffcu
#define FERRY_NVS_PAGE_FREEING 0xfffffff8u // its entries are being copied elsewhere

/** Version byte of a header: it counts down. */
#define FERRY_NVS_VERSION_1 0xffu
#define FERRY_NVS_VERSION_2 0xfeu

/** State of an entry: its two bits in the map. */
enum ferry_nvs_entry_state {
    FERRY_NVS_ENTRY_ERASED = 0,
    FERRY_NVS_ENTRY_ILLEGAL = 1,
    FERRY_NVS_ENTRY_WRITTEN = 2,
    FERRY_NVS_ENTRY_EMPTY = 3,
};

/** Type of an entry. Of the numbers, the low four bits are the size in bytes. */
enum ferry_nvs_type {
    FERRY_NVS_U8 = 0x01,
    FERRY_NVS_I8 = 0x11,
    FERRY_NVS_U16 = 0x02,
    FERRY_NVS_I16 = 0x12,
    FERRY_NVS_U32 = 0x04,
    FERRY_NVS_I32 = 0x14,
    FERRY_NVS_U64 = 0x08,
    FERRY_NVS_I64 = 0x18,
    FERRY_NVS_FLOAT = 0x24,
    FERRY_NVS_DOUBLE = 0x28,
    FERRY_NVS_STRING = 0x21,
    FERRY_NVS_BLOB_V1 = 0x41,    // a whole blob, as version 1 wrote it
    FERRY_NVS_BLOB = 0x42,       // a chunk of a blob; in ferry/nvs.h: a blob of either version
    FERRY_NVS_BLOB_INDEX = 0x48, // names the chunks of a blob
    FERRY_NVS_ANY = 0xff,        // only to ask with
};

/** What is wrong with a header or an entry. Append only: tools put words to the numbers. */
enum ferry_nvs_flaw {
    FERRY_NVS_FLAW_NONE = 0,
    FERRY_NVS_FLAW_HEAD_CRC,   // header does not match its CRC
    FERRY_NVS_FLAW_HEAD_STATE, // state is none of the known ones
    FERRY_NVS_FLAW_VERSION,    // page is of a later format
    FERRY_NVS_FLAW_CRC,        // entry does not match its CRC
    FERRY_NVS_FLAW_TYPE,       // type is none of the known ones
    FERRY_NVS_FLAW_SPAN,       // span does not fit the type, the size or the page
    FERRY_NVS_FLAW_CHUNK,      // chunk number is not possible for the type
    FERRY_NVS_FLAW_SIZE,       // size is not possible for the type or the page
};

/** The header of a page. state stays a number: flash may hold any. */
struct ferry_nvs_head {
    uint32_t state; // FERRY_NVS_PAGE_...
    uint32_t seq;
    uint8_t version;
};

/** Decodes a header; *out is filled whatever is wrong.
 * FLAW_HEAD_CRC, FLAW_VERSION, FLAW_HEAD_STATE, looked for in this order. A blank header (state
 * 0xffffffff) has no CRC and no flaw: whether its page is blank throughout is the caller's to see.
 */
enum ferry_nvs_flaw ferry_nvs_head_decode(const uint8_t bytes[FERRY_NVS_HEAD_BYTES],
                                          struct ferry_nvs_head *out);

/** Writes all 32 bytes, CRC included. The CRC leaves the state out, so that it can change later. */
void ferry_nvs_head_encode(const struct ferry_nvs_head *h, uint8_t bytes[FERRY_NVS_HEAD_BYTES]);

/** The state of entry i < FERRY_NVS_ENTRIES in the 32 bytes of a map. */
enum ferry_nvs_entry_state ferry_nvs_map_get(const uint8_t map[FERRY_NVS_MAP_BYTES], uint32_t i);

/** Clears bits only, as flash does: EMPTY can become WRITTEN, and both ERASED. */
void ferry_nvs_map_put(uint8_t map[FERRY_NVS_MAP_BYTES], uint32_t i,
                       enum ferry_nvs_entry_state state);

/** An entry. `data` by type: a number, little-endian, the rest 0xff; of strings, chunks and v1
 * blobs: size u16, 0xffff, CRC u32 of the value, which stands in the span - 1 entries behind; of
 * an index: size u32, number of chunks u8, chunk field of the first u8 (0x00 or 0x80), 0xffff. */
struct ferry_nvs_entry {
    uint8_t ns; // 0: the entry names a namespace, and data[0] is its number
    uint8_t type;
    uint8_t span; // entries that it occupies, itself included
    uint8_t chunk;
    char key[FERRY_NVS_KEY_MAX + 1]; // as in flash: NUL-padded, but never rely on the NUL
    uint8_t data[8];
};

/** Decodes the entry that stands, decrypted, at place i < FERRY_NVS_ENTRIES of a page; *out is
 * filled whatever is wrong. FLAW_CRC, TYPE, SPAN, CHUNK, SIZE: the page's map is not looked at,
 * nor is the value's own CRC. */
enum ferry_nvs_flaw ferry_nvs_entry_decode(const uint8_t bytes[FERRY_NVS_ENTRY_BYTES], uint32_t i,
                                           struct ferry_nvs_entry *out);

/** Writes all 32 bytes, CRC included. */
void ferry_nvs_entry_encode(const struct ferry_nvs_entry *e, uint8_t bytes[FERRY_NVS_ENTRY_BYTES]);

/** Fills what all entries have; data is left 0xff, span 1, chunk FERRY_NVS_CHUNK_NONE.
 * key: at most FERRY_NVS_KEY_MAX characters and a NUL. */
void ferry_nvs_entry_begin(struct ferry_nvs_entry *e, uint8_t ns, enum ferry_nvs_type type,
                           const char *key);

/** data of a number: the low bytes of bits, as many as the type has. */
void ferry_nvs_entry_put_number(struct ferry_nvs_entry *e, uint64_t bits);
/** data and span of a string, chunk or v1 blob; crc: ferry_nvs_value_crc() of the whole value. */
void ferry_nvs_entry_put_value(struct ferry_nvs_entry *e, uint16_t size_bytes, uint32_t crc);
/** data of an index. */
void ferry_nvs_entry_put_index(struct ferry_nvs_entry *e, uint32_t size_bytes, uint8_t n_chunks,
                               uint8_t first_chunk);

/** The bits of a number, sign-extended for the signed integers. */
uint64_t ferry_nvs_entry_number(const struct ferry_nvs_entry *e);
/** Size of a number (1 to 8), or of the value of a string, chunk, v1 blob or index, in bytes. */
uint32_t ferry_nvs_entry_size(const struct ferry_nvs_entry *e);
/** The CRC a string, chunk or v1 blob says its value has. */
uint32_t ferry_nvs_entry_value_crc(const struct ferry_nvs_entry *e);

/** True for the ten number types; for those with a value behind the entry (string, chunk, v1). */
bool ferry_nvs_type_is_number(uint32_t type);
bool ferry_nvs_type_has_value(uint32_t type);

/** CRC-32 of a value from 0xffffffff. */
uint32_t ferry_nvs_value_crc(const void *value, uint32_t size_bytes);

#ifdef __cplusplus
}
#endif
#endif
