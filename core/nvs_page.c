/* core/nvs_page.c - the codec of NVS pages: see ferry/nvs_page.h.
 * The order of the checks is Espressif's, so that the same damage is found. */
#include "ferry/nvs_page.h"

#include "ferry/bytes.h"
#include "ferry/crc32.h"

#include "mem.h"

#define CRC_START 0xffffffffu

enum { HEAD_SEQ = 4, HEAD_VERSION = 8, HEAD_CRC = 28 };
enum { ENTRY_CRC = 4, ENTRY_KEY = 8, ENTRY_DATA = 24 };

// A blob of 127 chunks, each of as many entries as a page has behind the chunk's own.
#define INDEX_MAX_BYTES (FERRY_NVS_CHUNKS_MAX * (FERRY_NVS_ENTRIES - 1u) * FERRY_NVS_ENTRY_BYTES)

static uint32_t head_crc(const uint8_t *bytes)
{
    return ferry_crc32(CRC_START, bytes + HEAD_SEQ, HEAD_CRC - HEAD_SEQ);
}

enum ferry_nvs_flaw ferry_nvs_head_decode(const uint8_t bytes[FERRY_NVS_HEAD_BYTES],
                                          struct ferry_nvs_head *out)
{
    out->state = ferry_le32(bytes);
    out->seq = ferry_le32(bytes + HEAD_SEQ);
    out->version = bytes[HEAD_VERSION];
    if (out->state == FERRY_NVS_PAGE_BLANK)
        return FERRY_NVS_FLAW_NONE;
    if (ferry_le32(bytes + HEAD_CRC) != head_crc(bytes))
        return FERRY_NVS_FLAW_HEAD_CRC;
    if (out->version < FERRY_NVS_VERSION_2)
        return FERRY_NVS_FLAW_VERSION;
    if (out->state != FERRY_NVS_PAGE_ACTIVE && out->state != FERRY_NVS_PAGE_FULL &&
        out->state != FERRY_NVS_PAGE_FREEING)
        return FERRY_NVS_FLAW_HEAD_STATE;
    return FERRY_NVS_FLAW_NONE;
}

void ferry_nvs_head_encode(const struct ferry_nvs_head *h, uint8_t bytes[FERRY_NVS_HEAD_BYTES])
{
    memset(bytes, 0xff, FERRY_NVS_HEAD_BYTES);
    ferry_put_le32(bytes, h->state);
    ferry_put_le32(bytes + HEAD_SEQ, h->seq);
    bytes[HEAD_VERSION] = h->version;
    ferry_put_le32(bytes + HEAD_CRC, head_crc(bytes));
}

enum ferry_nvs_entry_state ferry_nvs_map_get(const uint8_t map[FERRY_NVS_MAP_BYTES], uint32_t i)
{
    return (enum ferry_nvs_entry_state)(map[i / 4] >> i % 4 * 2 & 3);
}

void ferry_nvs_map_put(uint8_t map[FERRY_NVS_MAP_BYTES], uint32_t i,
                       enum ferry_nvs_entry_state state)
{
    const uint32_t cleared = (~(uint32_t)state & 3u) << i % 4 * 2;
    map[i / 4] = (uint8_t)(map[i / 4] & ~cleared);
}

bool ferry_nvs_type_is_number(uint32_t type)
{
    const uint32_t size = type & 0x0f;
    if (size & (size - 1) || size > 8 || !size)
        return false;
    return type < 0x20 || type == FERRY_NVS_FLOAT || type == FERRY_NVS_DOUBLE;
}

bool ferry_nvs_type_has_value(uint32_t type)
{
    return type == FERRY_NVS_STRING || type == FERRY_NVS_BLOB || type == FERRY_NVS_BLOB_V1;
}

static uint32_t entry_crc(const uint8_t *bytes)
{
    const uint32_t crc = ferry_crc32(CRC_START, bytes, ENTRY_CRC);
    return ferry_crc32(crc, bytes + ENTRY_KEY, FERRY_NVS_ENTRY_BYTES - ENTRY_KEY);
}

static uint32_t span_of(uint32_t size_bytes)
{
    return 1 + (size_bytes + FERRY_NVS_ENTRY_BYTES - 1) / FERRY_NVS_ENTRY_BYTES;
}

/* Type, span, chunk and size of an entry whose CRC is right. */
static enum ferry_nvs_flaw content_flaw(const struct ferry_nvs_entry *e, uint32_t i)
{
    if (ferry_nvs_type_has_value(e->type)) {
        const uint32_t size = ferry_le16(e->data);
        if (e->type == FERRY_NVS_BLOB && e->chunk == FERRY_NVS_CHUNK_NONE)
            return FERRY_NVS_FLAW_CHUNK;
        if (span_of(size) > FERRY_NVS_ENTRIES - i)
            return FERRY_NVS_FLAW_SIZE;
        return e->span == span_of(size) ? FERRY_NVS_FLAW_NONE : FERRY_NVS_FLAW_SPAN;
    }
    const bool is_index = e->type == FERRY_NVS_BLOB_INDEX;
    if (!is_index && !ferry_nvs_type_is_number(e->type))
        return FERRY_NVS_FLAW_TYPE;
    if (e->span != 1)
        return FERRY_NVS_FLAW_SPAN;
    if (is_index && e->chunk != FERRY_NVS_CHUNK_NONE)
        return FERRY_NVS_FLAW_CHUNK;
    if (is_index && ferry_le32(e->data) > INDEX_MAX_BYTES)
        return FERRY_NVS_FLAW_SIZE;
    return FERRY_NVS_FLAW_NONE;
}

enum ferry_nvs_flaw ferry_nvs_entry_decode(const uint8_t bytes[FERRY_NVS_ENTRY_BYTES], uint32_t i,
                                           struct ferry_nvs_entry *out)
{
    out->ns = bytes[0];
    out->type = bytes[1];
    out->span = bytes[2];
    out->chunk = bytes[3];
    memcpy(out->key, bytes + ENTRY_KEY, sizeof(out->key));
    memcpy(out->data, bytes + ENTRY_DATA, sizeof(out->data));
    if (ferry_le32(bytes + ENTRY_CRC) != entry_crc(bytes))
        return FERRY_NVS_FLAW_CRC;
    return content_flaw(out, i);
}

void ferry_nvs_entry_encode(const struct ferry_nvs_entry *e, uint8_t bytes[FERRY_NVS_ENTRY_BYTES])
{
    bytes[0] = e->ns;
    bytes[1] = e->type;
    bytes[2] = e->span;
    bytes[3] = e->chunk;
    memcpy(bytes + ENTRY_KEY, e->key, sizeof(e->key));
    memcpy(bytes + ENTRY_DATA, e->data, sizeof(e->data));
    ferry_put_le32(bytes + ENTRY_CRC, entry_crc(bytes));
}

void ferry_nvs_entry_begin(struct ferry_nvs_entry *e, uint8_t ns, enum ferry_nvs_type type,
                           const char *key)
{
    e->ns = ns;
    e->type = (uint8_t)type;
    e->span = 1;
    e->chunk = FERRY_NVS_CHUNK_NONE;
    memset(e->key, 0, sizeof(e->key));
    for (uint32_t i = 0; i < FERRY_NVS_KEY_MAX && key[i]; i++)
        e->key[i] = key[i];
    memset(e->data, 0xff, sizeof(e->data));
}

void ferry_nvs_entry_put_number(struct ferry_nvs_entry *e, uint64_t bits)
{
    for (uint32_t i = 0; i < (e->type & 0x0fu) && i < sizeof(e->data); i++, bits >>= 8)
        e->data[i] = (uint8_t)bits;
}

void ferry_nvs_entry_put_value(struct ferry_nvs_entry *e, uint16_t size_bytes, uint32_t crc)
{
    e->span = (uint8_t)span_of(size_bytes);
    ferry_put_le16(e->data, size_bytes);
    ferry_put_le32(e->data + 4, crc);
}

void ferry_nvs_entry_put_index(struct ferry_nvs_entry *e, uint32_t size_bytes, uint8_t n_chunks,
                               uint8_t first_chunk)
{
    ferry_put_le32(e->data, size_bytes);
    e->data[4] = n_chunks;
    e->data[5] = first_chunk;
}

uint64_t ferry_nvs_entry_number(const struct ferry_nvs_entry *e)
{
    const uint32_t size = ferry_nvs_entry_size(e);
    uint64_t bits = (e->type & 0xf0) == 0x10 && e->data[size - 1] & 0x80 ? UINT64_MAX : 0;
    for (uint32_t i = size; i-- > 0;)
        bits = bits << 8 | e->data[i];
    return bits;
}

uint32_t ferry_nvs_entry_size(const struct ferry_nvs_entry *e)
{
    if (e->type == FERRY_NVS_BLOB_INDEX)
        return ferry_le32(e->data);
    if (ferry_nvs_type_has_value(e->type))
        return ferry_le16(e->data);
    const uint32_t size = e->type & 0x0f;
    return size && size <= sizeof(e->data) ? size : 1;
}

uint32_t ferry_nvs_entry_value_crc(const struct ferry_nvs_entry *e)
{
    return ferry_le32(e->data + 4);
}

uint32_t ferry_nvs_value_crc(const void *value, uint32_t size_bytes)
{
    return ferry_crc32(CRC_START, value, size_bytes);
}
