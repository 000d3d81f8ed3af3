/* tests/support/bench_device.c - see the header. */
#include "bench_device.h"

#include "ferry/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ferry_partition row(uint8_t type, uint8_t subtype, uint32_t off, uint32_t size,
                                  const char *label)
{
    struct ferry_partition p = {
        .off_bytes = off, .size_bytes = size, .type = type, .subtype = subtype};
    snprintf(p.label, sizeof(p.label), "%s", label);
    return p;
}

static void put_table(struct bench_device *b, const struct bench_layout *layout)
{
    struct ferry_partition rows[24];
    size_t n = 0;
    rows[n++] = row(FERRY_TYPE_DATA, FERRY_DATA_NVS, 0x9000, 0x4000, "nvs");
    if (!layout->no_otadata)
        rows[n++] = row(FERRY_TYPE_DATA, FERRY_DATA_OTA, BENCH_OTADATA_OFF, 0x2000, "otadata");
    if (layout->has_factory)
        rows[n++] = row(FERRY_TYPE_APP, FERRY_APP_FACTORY, BENCH_FACTORY_OFF, 0x40000, "factory");
    for (unsigned i = 0; i < layout->n_slots; i++) {
        char label[16];
        snprintf(label, sizeof(label), "ota_%u", i);
        rows[n++] = row(FERRY_TYPE_APP, (uint8_t)(FERRY_APP_OTA_0 + i), BENCH_SLOT_OFF(i),
                        BENCH_SLOT_BYTES, label);
    }
    if (layout->has_test)
        rows[n++] =
            row(FERRY_TYPE_APP, FERRY_APP_TEST, BENCH_SLOT_OFF(layout->n_slots), 0x40000, "test");
    uint8_t bytes[FERRY_TABLE_BYTES];
    if (ferry_table_encode(rows, n, true, bytes, NULL)) {
        fputs("bench_device: table\n", stderr);
        exit(1);
    }
    sim_flash_poke(&b->sim, FERRY_TABLE_OFF_DEFAULT, bytes, sizeof(bytes));
}

void bench_device_init(struct bench_device *b, const struct bench_layout *layout)
{
    memset(b, 0, sizeof(*b));
    sim_flash_init(&b->sim, BENCH_FLASH_BYTES, 1);
    b->policy = (struct ferry_policy){.chip = &ferry_chip_esp32c3, .chip_rev = 3, .rollback = true};
    put_table(b, layout);
    if (bench_device_open(b)) {
        fputs("bench_device: open\n", stderr);
        exit(1);
    }
}

void bench_device_fork(struct bench_device *to, const struct bench_device *from, uint32_t seed)
{
    to->policy = from->policy;
    to->in_bootloader = false;
    to->dev = from->dev;
    sim_flash_fork(&to->sim, &from->sim, seed);
    to->dev.flash = &to->sim.flash;
    to->dev.table.flash = &to->sim.flash;
    to->dev.policy = &to->policy;
    to->dev.work = &to->work;
}

void bench_device_free(struct bench_device *b)
{
    sim_flash_free(&b->sim);
}

ferry_err bench_device_open(struct bench_device *b)
{
    return ferry_device_open(&b->dev, &b->sim.flash, &b->policy, FERRY_TABLE_OFF_DEFAULT, &b->work);
}

void bench_device_put(struct bench_device *b, int slot, const uint8_t *image, uint32_t n)
{
    sim_flash_poke(&b->sim, ferry_device_span(&b->dev, slot).off_bytes, image, n);
}

void bench_device_entry(struct bench_device *b, int i, uint32_t seq, uint32_t state)
{
    const struct ferry_otadata e = ferry_otadata_make(seq, state);
    uint8_t bytes[FERRY_OTADATA_BYTES];
    ferry_otadata_encode(&e, bytes);
    sim_flash_poke(&b->sim, BENCH_OTADATA_OFF + (uint32_t)i * FERRY_OTADATA_STRIDE, bytes,
                   sizeof(bytes));
}

int bench_device_boot(struct bench_device *b)
{
    struct ferry_boot_report report;
    sim_flash_power_on(&b->sim);
    if (bench_device_open(b))
        return FERRY_SLOT_NONE;
    b->in_bootloader = true;
    const ferry_err err = ferry_boot_run(&b->dev, FERRY_HOLD_NONE, NULL, &report);
    b->in_bootloader = false;
    return err ? FERRY_SLOT_NONE : report.booted;
}

ferry_err bench_device_update(struct bench_device *b, const uint8_t *image, uint32_t n,
                              uint32_t chunk, struct ferry_update_config cfg,
                              struct ferry_update *u)
{
    cfg.work = b->buffer;
    if (!cfg.work_bytes)
        cfg.work_bytes = sizeof(b->buffer);
    ferry_err err = ferry_update_begin(u, &b->dev, &cfg);
    for (uint32_t at = 0; !err && at < n;) {
        uint32_t used = 0;
        err = ferry_update_write(u, image + at, n - at < chunk ? n - at : chunk, &used);
        at += used;
    }
    while (!err) {
        err = ferry_update_finish(u);
        if (err != FERRY_AGAIN)
            break;
        err = FERRY_OK;
    }
    return err;
}
