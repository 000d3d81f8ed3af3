/* core/otadata.c - the two entries of otadata. Rules: docs/formats.md "otadata". */
#include "ferry/otadata.h"

#include <stddef.h>

#include "core/mem.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"

void ferry_otadata_decode(const uint8_t b[FERRY_OTADATA_BYTES], struct ferry_otadata *out)
{
    out->seq = ferry_le32(b);
    memcpy(out->label, b + 4, sizeof(out->label));
    out->state = ferry_le32(b + 24);
    out->crc = ferry_le32(b + FERRY_OTADATA_CRC_OFF);
}

void ferry_otadata_encode(const struct ferry_otadata *e, uint8_t b[FERRY_OTADATA_BYTES])
{
    ferry_put_le32(b, e->seq);
    memcpy(b + 4, e->label, sizeof(e->label));
    ferry_put_le32(b + 24, e->state);
    ferry_put_le32(b + FERRY_OTADATA_CRC_OFF, e->crc);
}

uint32_t ferry_otadata_crc(uint32_t seq)
{
    uint8_t bytes[4];
    ferry_put_le32(bytes, seq);
    return ferry_crc32(0xffffffff, bytes, sizeof(bytes));
}

struct ferry_otadata ferry_otadata_make(uint32_t seq, uint32_t state)
{
    struct ferry_otadata e = {.seq = seq, .state = state, .crc = ferry_otadata_crc(seq)};
    memset(e.label, 0xff, sizeof(e.label));
    return e;
}

bool ferry_otadata_names_slot(const struct ferry_otadata *e)
{
    return e->seq != FERRY_OTADATA_SEQ_BLANK && e->crc == ferry_otadata_crc(e->seq);
}

bool ferry_otadata_is_out(const struct ferry_otadata *e)
{
    return e->seq == FERRY_OTADATA_SEQ_BLANK || e->state == FERRY_STATE_INVALID ||
           e->state == FERRY_STATE_ABORTED;
}

bool ferry_otadata_is_valid(const struct ferry_otadata *e)
{
    return !ferry_otadata_is_out(e) && e->crc == ferry_otadata_crc(e->seq);
}

int ferry_otadata_pick(const struct ferry_otadata e[2], const bool usable[2], bool want_max)
{
    if (usable[0] && usable[1]) {
        if (e[0].seq == e[1].seq)
            return 0;
        return (e[1].seq > e[0].seq) == want_max ? 1 : 0;
    }
    if (usable[0])
        return 0;
    return usable[1] ? 1 : -1;
}

int ferry_otadata_active(const struct ferry_otadata e[2])
{
    const bool valid[2] = {ferry_otadata_is_valid(&e[0]), ferry_otadata_is_valid(&e[1])};
    return ferry_otadata_pick(e, valid, true);
}

uint32_t ferry_otadata_slot(uint32_t seq, uint32_t n_slots)
{
    return (seq - 1) % n_slots;
}

ferry_err ferry_otadata_seq_for(uint32_t slot, uint32_t n_slots, uint32_t at_least, uint32_t *seq)
{
    if (at_least > UINT32_MAX - 2 * n_slots)
        return FERRY_ERR_OTADATA_SEQ;
    uint32_t s = slot + 1;
    if (s < at_least)
        s += (at_least - s + n_slots - 1) / n_slots * n_slots;
    *seq = s;
    return FERRY_OK;
}

const char *ferry_otadata_state_name(uint32_t state)
{
    static const char *const names[] = {"new", "pending verify", "valid", "invalid", "aborted"};
    if (state < sizeof(names) / sizeof(names[0]))
        return names[state];
    return state == FERRY_STATE_UNDEFINED ? "undefined" : NULL;
}
