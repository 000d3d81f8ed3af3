/* ports/virt/virtio.c - virtio's registers and rings. Every word that the device may change behind
 * the compiler's back is read through a volatile pointer, and fences keep the order that the
 * rings' rules ask for. */
#include "virtio.h"

#define SLOTS             8u
#define SLOT_ORIGIN       0x10001000u
#define SLOT_BYTES        0x1000u

#define MAGIC             0x000u
#define VERSION           0x004u
#define DEVICE_ID         0x008u
#define DEVICE_FEATURES   0x010u
#define DEVICE_WORD       0x014u
#define DRIVER_FEATURES   0x020u
#define DRIVER_WORD       0x024u
#define RING_CHOICE       0x030u
#define RING_MOST         0x034u
#define RING_ENTRIES      0x038u
#define RING_READY        0x044u
#define RING_NOTIFY       0x050u
#define INTERRUPTS        0x060u
#define INTERRUPTS_SEEN   0x064u
#define STATUS            0x070u
#define RING_DESC         0x080u
#define RING_OFFERED      0x090u
#define RING_USED         0x0a0u
#define CONFIG            0x100u

#define MAGIC_VALUE       0x74726976u
#define MODERN            2u
#define STATUS_SEEN       1u
#define STATUS_DRIVER     2u
#define STATUS_READY      4u
#define STATUS_AGREED     8u
#define FEATURE_VERSION_1 1u // in the second word: bit 32

#define DESC_NEXT         1u
#define DESC_WRITE        2u

static inline uint32_t get(uint32_t base, uint32_t reg)
{
    return *(volatile const uint32_t *)(uintptr_t)(base + reg);
}

static inline void put(uint32_t base, uint32_t reg, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)(base + reg) = value;
}

static inline void fence(void)
{
    __asm__ volatile("fence iorw, iorw" ::: "memory");
}

static uint32_t features(uint32_t base, uint32_t word)
{
    put(base, DEVICE_WORD, word);
    return get(base, DEVICE_FEATURES);
}

static void agree(uint32_t base, uint32_t word, uint32_t bits)
{
    put(base, DRIVER_WORD, word);
    put(base, DRIVER_FEATURES, bits);
}

static bool find(enum virtio_kind kind, uint32_t *base)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        const uint32_t slot = SLOT_ORIGIN + i * SLOT_BYTES;
        if (get(slot, MAGIC) == MAGIC_VALUE && get(slot, VERSION) == MODERN &&
            get(slot, DEVICE_ID) == (uint32_t)kind) {
            *base = slot;
            return true;
        }
    }
    return false;
}

ferry_err virtio_open(enum virtio_kind kind, uint32_t wanted, uint32_t *base, uint32_t *agreed)
{
    uint32_t at;
    if (!find(kind, &at))
        return FERRY_ERR_NOT_FOUND;
    put(at, STATUS, 0);
    put(at, STATUS, STATUS_SEEN | STATUS_DRIVER);
    const uint32_t common = features(at, 0) & wanted;
    if (!(features(at, 1) & FEATURE_VERSION_1))
        return FERRY_ERR_NOT_FOUND;
    agree(at, 0, common);
    agree(at, 1, FEATURE_VERSION_1);
    put(at, STATUS, STATUS_SEEN | STATUS_DRIVER | STATUS_AGREED);
    if (!(get(at, STATUS) & STATUS_AGREED))
        return FERRY_ERR_NOT_FOUND;
    *base = at;
    *agreed = common;
    return FERRY_OK;
}

ferry_err virtio_ring_init(struct virtio_ring *ring, uint32_t base, uint16_t number)
{
    *ring = (struct virtio_ring){.base = base, .number = number};
    put(base, RING_CHOICE, number);
    if (get(base, RING_READY) || get(base, RING_MOST) < VIRTIO_RING)
        return FERRY_ERR_NOT_FOUND;
    put(base, RING_ENTRIES, VIRTIO_RING);
    const uint32_t places[][2] = {{RING_DESC, (uint32_t)(uintptr_t)ring->desc},
                                  {RING_OFFERED, (uint32_t)(uintptr_t)&ring->offered},
                                  {RING_USED, (uint32_t)(uintptr_t)&ring->used}};
    for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
        put(base, places[i][0], places[i][1]);
        put(base, places[i][0] + 4, 0);
    }
    fence();
    put(base, RING_READY, 1);
    return FERRY_OK;
}

void virtio_start(uint32_t base)
{
    put(base, STATUS, STATUS_SEEN | STATUS_DRIVER | STATUS_AGREED | STATUS_READY);
}

uint32_t virtio_config(uint32_t base, uint32_t off_bytes)
{
    return get(base, CONFIG + off_bytes);
}

void virtio_offer(struct virtio_ring *ring, uint16_t first, const struct virtio_piece *pieces,
                  uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        const bool is_last = i + 1 == n;
        ring->desc[first + i] = (struct virtio_desc){
            .addr = (uint32_t)(uintptr_t)pieces[i].bytes,
            .n_bytes = pieces[i].n_bytes,
            .flags = (uint16_t)((pieces[i].is_in ? DESC_WRITE : 0) | (is_last ? 0 : DESC_NEXT)),
            .next = (uint16_t)(is_last ? 0 : first + i + 1)};
    }
    ring->offered.ring[ring->offered.index % VIRTIO_RING] = first;
    fence(); // the entry before the index that makes it count
    *(volatile uint16_t *)&ring->offered.index = (uint16_t)(ring->offered.index + 1);
    fence(); // and the index before the call
    put(ring->base, RING_NOTIFY, ring->number);
}

bool virtio_take(struct virtio_ring *ring, uint16_t *first, uint32_t *n_bytes)
{
    if (*(volatile const uint16_t *)&ring->used.index == ring->n_seen)
        return false;
    fence(); // the index before the entry that it announces
    const volatile struct virtio_used *used = &ring->used.ring[ring->n_seen % VIRTIO_RING];
    *first = (uint16_t)(used->id % VIRTIO_RING);
    *n_bytes = used->n_bytes;
    ring->n_seen++;
    return true;
}

void virtio_hush(uint32_t base)
{
    put(base, INTERRUPTS_SEEN, get(base, INTERRUPTS));
}
