/* tests/fuzz/fuzz_otadata.c - any two otadata entries under any table: the codec and the boot
 * decision. Whatever flash says, the walk ends, tries no slot twice and none that is not there,
 * rewrites an entry only as the bootloader may, and status and bootloader agree. */
#include "fuzz.h"

#include <string.h>

#include "ferry/boot.h"

#define ENTRIES_BYTES (2 * FERRY_OTADATA_BYTES)
#define HEAD_BYTES    4u // slots as a mask (2), what else is there (1), secure version (1)
#define APP(i)        ((struct ferry_span){0x10000u * ((uint32_t)(i) + 2u), 0x10000u})

static ferry_err secure_version(void *ctx, int slot, uint32_t *out)
{
    const uint8_t *bytes = ctx;
    *out = bytes[(unsigned)(slot + 2) % ENTRIES_BYTES] & 7;
    return slot & 4 ? FERRY_ERR_IMAGE_NO_DESC : FERRY_OK;
}

static void lay_out(struct ferry_device *d, struct ferry_policy *p, const uint8_t *head)
{
    memset(d, 0, sizeof(*d));
    memset(p, 0, sizeof(*p));
    p->anti_rollback = head[2] & 8;
    p->rollback = p->anti_rollback || head[2] & 16;
    p->secure_version = head[3] & 7;
    d->policy = p;
    for (unsigned i = 0; i < FERRY_SLOTS_MAX; i++) {
        if (((unsigned)head[0] | (unsigned)head[1] << 8) >> i & 1) {
            d->slots[i] = APP(i);
            d->n_slot_rows++;
        }
    }
    if (head[2] & 1)
        d->factory = APP(16);
    if (head[2] & 2)
        d->test = APP(17);
    if (head[2] & 4)
        d->otadata = (struct ferry_span){0x9000, 0x2000};
}

static void check_walk(struct ferry_boot *b, const struct ferry_device *d)
{
    uint32_t seen = 0;
    for (int slot = ferry_boot_next(b); slot != FERRY_SLOT_NONE; slot = ferry_boot_next(b)) {
        FUZZ_MUST(slot >= FERRY_SLOT_TEST && slot < (int)FERRY_SLOTS_MAX);
        FUZZ_MUST(ferry_device_span(d, slot).size_bytes != 0);
        FUZZ_MUST(!(seen >> (slot + 2) & 1));
        seen |= 1u << (slot + 2);
    }
}

static void check_writes(const struct ferry_boot *b, const struct ferry_otadata before[2],
                         const struct ferry_policy *p)
{
    FUZZ_MUST(b->n_writes <= 2);
    FUZZ_MUST(p->rollback || b->n_writes == 0);
    for (int i = 0; i < 2; i++) {
        const struct ferry_otadata *was = &before[i];
        const struct ferry_otadata *is = &b->entries[i];
        FUZZ_MUST(was->seq == is->seq && was->crc == is->crc);
        FUZZ_MUST(was->state == is->state ||
                  (was->state == FERRY_STATE_PENDING && is->state == FERRY_STATE_ABORTED) ||
                  (was->state == FERRY_STATE_NEW && is->state == FERRY_STATE_PENDING));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ferry_device d;
    struct ferry_policy p;
    struct ferry_boot b;
    struct ferry_otadata e[2];
    if (n < HEAD_BYTES + ENTRIES_BYTES)
        return 0;
    const uint8_t *bytes = data + HEAD_BYTES;
    lay_out(&d, &p, data);
    for (int i = 0; i < 2; i++) {
        uint8_t again[FERRY_OTADATA_BYTES];
        ferry_otadata_decode(bytes + 32 * i, &e[i]);
        ferry_otadata_encode(&e[i], again);
        FUZZ_MUST(memcmp(again, bytes + 32 * i, sizeof(again)) == 0);
        FUZZ_MUST(!ferry_otadata_is_valid(&e[i]) || ferry_otadata_names_slot(&e[i]));
    }
    const struct ferry_boot_versions versions = {secure_version, (void *)(uintptr_t)bytes};
    ferry_boot_select(&b, &d, &versions, e, true);
    check_writes(&b, e, &p);
    check_walk(&b, &d);
    uint32_t seq = 0;
    for (uint32_t slots = 1; slots <= FERRY_SLOTS_MAX; slots++) {
        const uint32_t slot = data[3] % slots;
        if (!ferry_otadata_seq_for(slot, slots, e[0].seq, &seq))
            FUZZ_MUST(seq >= e[0].seq && ferry_otadata_slot(seq, slots) == slot);
    }
    return 0;
}
