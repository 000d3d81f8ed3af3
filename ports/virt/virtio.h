/* ports/virt/virtio.h - devices that QEMU's `virt` lends by virtio over memory-mapped registers,
 * and the rings that they are talked to through. Modern devices only (version 2), split rings,
 * polled. Facts: Virtual I/O Device (VIRTIO) 1.1, sections 2.6 and 4.2. */
#ifndef VIRTIO_H
#define VIRTIO_H

#include "ferry/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTIO_RING 8u // entries of every ring; a power of two

enum virtio_kind { VIRTIO_NET = 1, VIRTIO_BLOCK = 2 };

struct virtio_desc {
    uint32_t addr, addr_high; // of RAM, which is 32 bits of addresses here
    uint32_t n_bytes;
    uint16_t flags, next;
};

struct virtio_used {
    uint32_t id, n_bytes;
};

/** One ring and what both ends keep about it; the device reads and writes it at any moment. */
struct virtio_ring {
    _Alignas(16) struct virtio_desc desc[VIRTIO_RING];
    _Alignas(4) struct {
        uint16_t flags, index, ring[VIRTIO_RING], event;
    } offered;
    _Alignas(4) struct {
        uint16_t flags, index;
        struct virtio_used ring[VIRTIO_RING];
        uint16_t event;
    } used;
    uint32_t base;   // of the device's registers
    uint16_t number; // of the ring in its device
    uint16_t n_seen; // used entries that were taken
};

/** A piece of memory that the device reads, or writes if is_in. */
struct virtio_piece {
    void *bytes;
    uint32_t n_bytes;
    bool is_in;
};

/** Finds a device of this kind, resets it and agrees on features (bits 0 to 31): those of `wanted`
 * that it offers stand in *agreed. Rings come next, then virtio_start.
 * FERRY_ERR_NOT_FOUND  the machine has none, or one of before version 2
 * FERRY_ERR_NOT_FOUND it insists on something else */
FERRY_MUST_CHECK ferry_err virtio_open(enum virtio_kind kind, uint32_t wanted, uint32_t *base,
                                       uint32_t *agreed);

/** Makes ring `number` of the device known to it. ring: kept, by the device too.
 * FERRY_ERR_NOT_FOUND  the device has no such ring, or a smaller one */
FERRY_MUST_CHECK ferry_err virtio_ring_init(struct virtio_ring *ring, uint32_t base,
                                            uint16_t number);

/** The device may go to work. */
void virtio_start(uint32_t base);

/** A word of the device's own configuration. */
uint32_t virtio_config(uint32_t base, uint32_t off_bytes);

/** Offers a chain of n pieces, kept by the device until it is used, which begins at descriptor
 * `first`; the caller says which descriptors are free. */
void virtio_offer(struct virtio_ring *ring, uint16_t first, const struct virtio_piece *pieces,
                  uint16_t n);

/** Takes back the chain that the device has used first: true, its first descriptor and how many
 * bytes were written into it. */
bool virtio_take(struct virtio_ring *ring, uint16_t *first, uint32_t *n_bytes);

/** Lets the device's interrupt rest until it has something new. */
void virtio_hush(uint32_t base);

#endif
