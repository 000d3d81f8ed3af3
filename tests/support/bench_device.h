/* tests/support/bench_device.h - a device on the flash model with a table and apps in its slots,
 * as unit and power tests start from. */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include "ferry/boot.h"
#include "ferry/slots.h"
#include "ferry/update.h"
#include "sim_flash.h"

#define BENCH_FLASH_BYTES 0x200000u
#define BENCH_OTADATA_OFF 0xd000u
#define BENCH_FACTORY_OFF 0x10000u
#define BENCH_SLOT_OFF(n) (0x50000u + 0x40000u * (uint32_t)(n))
#define BENCH_SLOT_BYTES  0x40000u
#define BENCH_IMAGE_LIMIT 0x40000u

/** Which table the device has. */
struct bench_layout {
    unsigned n_slots;
    bool has_factory;
    bool has_test;
    bool no_otadata;
};

struct bench_device {
    struct sim_flash sim;
    struct ferry_policy policy;
    struct ferry_device_work work;
    struct ferry_device dev;
    uint8_t buffer[4096]; // an update's work memory
    bool in_bootloader;   // true while bench_device_boot decides and writes
};

/** A blank device with this table, rollback on, otadata mode safe, chip ESP32-C3. */
void bench_device_init(struct bench_device *b, const struct bench_layout *layout);

/** *to becomes a copy on a fork of the flash. */
void bench_device_fork(struct bench_device *to, const struct bench_device *from, uint32_t seed);
void bench_device_free(struct bench_device *b);

/** Opens the device anew, as at a power-on before the boot decision. */
ferry_err bench_device_open(struct bench_device *b);

/** Puts an image at the start of a slot (or FERRY_SLOT_FACTORY, _TEST) without the rules. */
void bench_device_put(struct bench_device *b, int slot, const uint8_t *image, uint32_t n);

/** Sets entry i of otadata without the rules. */
void bench_device_entry(struct bench_device *b, int i, uint32_t seq, uint32_t state);

/** Power-on: opens, decides, boots; the slot that runs, or FERRY_SLOT_NONE. */
int bench_device_boot(struct bench_device *b);

/** A whole update with this config (work memory is filled in), fed in pieces of chunk bytes. */
ferry_err bench_device_update(struct bench_device *b, const uint8_t *image, uint32_t n,
                              uint32_t chunk, struct ferry_update_config cfg,
                              struct ferry_update *u);

#endif
