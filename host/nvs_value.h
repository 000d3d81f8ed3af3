/* host/nvs_value.h - values of NVS keys between text and bytes: numbers of every width, strings,
 * blobs as hex or base64. The CSV reader, `ferry nvs set` and the listing share it, so a value
 * means the same everywhere. */
#ifndef FERRY_NVS_VALUE_H
#define FERRY_NVS_VALUE_H

#include "ferry/nvs_page.h"
#include "strbuf.h"

#define FERRY_NVS_WHY_BYTES 160u

/** The largest blob that the format can number. */
#define FERRY_NVS_BLOB_MAX (FERRY_NVS_CHUNKS_MAX * FERRY_NVS_CHUNK_MAX_BYTES)

/** "u8" to "i64", "float", "double", "string", "blob" (for blobs of either version); NULL for a
 * type that no value has. */
const char *ferry_nvs_type_name(uint32_t type);

/** The type of such a name. False: there is none. */
bool ferry_nvs_type_by_name(const char *name, enum ferry_nvs_type *type);

/** Reads the n bytes at s as a number of the type into *bits, sign-extended. Integers are decimal,
 * leading zeros allowed, or 0x, 0o, 0b; blanks around and single underscores inside are, too.
 * float and double are what C reads, but never NaN.
 * False: why names value and limit. */
bool ferry_nvs_parse_number(enum ferry_nvs_type type, const char *s, size_t n, uint64_t *bits,
                            char why[FERRY_NVS_WHY_BYTES]);

/** Decodes hex digits or base64, blanks and line breaks around (base64: anywhere) allowed, onto
 * the end of out. False: why says what is wrong and where. */
bool ferry_nvs_parse_hex(const char *s, size_t n, struct ferry_strbuf *out,
                         char why[FERRY_NVS_WHY_BYTES]);
bool ferry_nvs_parse_base64(const char *s, size_t n, struct ferry_strbuf *out,
                            char why[FERRY_NVS_WHY_BYTES]);

/** True for the four signed integers. */
bool ferry_nvs_type_is_signed(uint32_t type);

/** A number as text that reads back to the same bits: "-5", "1.5". 32 bytes are enough. */
const char *ferry_nvs_number_words(char *buf, size_t n_bytes, uint32_t type, uint64_t bits);

#endif
