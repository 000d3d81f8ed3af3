/* tests/support/reflash_world.h - a device of 1 MB on the flash model, about to be given another
 * layout: as unit, power and fuzz tests of reflash start from. Runs ota_0; the old table ends at
 * 0xb0000, the journal is the last sector. */
#ifndef REFLASH_WORLD_H
#define REFLASH_WORLD_H

#include "app_image.h"
#include "ferry/reflash.h"
#include "sim_flash.h"

#include <stddef.h>

#define WORLD_FLASH_BYTES   0x100000u
#define WORLD_TABLE_OFF     0x8000u
#define WORLD_NVS_OFF       0x9000u
#define WORLD_NVS_BYTES     0x4000u
#define WORLD_OTADATA_OFF   0xd000u
#define WORLD_RUNNING_OFF   0x10000u
#define WORLD_SLOT_BYTES    0x40000u
#define WORLD_STAGE_OFF     0x50000u // ota_1
#define WORLD_STORAGE_OFF   0x90000u
#define WORLD_STORAGE_BYTES 0x10000u
#define WORLD_FREE_OFF      0xa0000u // in no partition of the old table, up to the journal
#define WORLD_JOURNAL_OFF   0xff000u
// The new layout.
#define WORLD_NEW_APP_OFF     0xb0000u
#define WORLD_NEW_APP_BYTES   0x30000u
#define WORLD_NEW_NVS_OFF     0xe0000u
#define WORLD_NEW_NVS_BYTES   0x5000u
#define WORLD_NEW_OTADATA_OFF 0xe5000u
#define WORLD_RECOVERY_OFF    0xf0000u
#define WORLD_BOOT_BYTES      0x6000u // the bootloader's region

#define WORLD_KEPT            4u

/** A device in all its parts. Copies share nothing but flash sectors. */
struct reflash_world {
    struct sim_flash sim;
    struct ferry_policy policy;
    struct ferry_reflash_site site;
    struct ferry_reflash_config cfg;
    struct ferry_reflash job;
    struct ferry_reflash_bench bench;
    struct ferry_reflash_report report;
    struct ferry_stage stage;
    struct ferry_device dev;
    struct ferry_device_work dev_work;
    uint8_t work[FERRY_REFLASH_WORK_BYTES(4096)];
    unsigned n_begun; // contents of the plan in hand that world_stage has begun
    uint8_t kept[WORLD_KEPT][FERRY_CHECKPOINT_BYTES]; // their checkpoints, which outlive a reset
    uint32_t n_resumed;                               // contents that were gone on with
};

/** Bytes of a content, by name. */
struct world_content {
    const uint8_t *bytes;
    uint32_t n;
};

/** A fresh device of this chip, running ota_0 of the old layout. */
void world_init(struct reflash_world *w, const struct ferry_chip *chip);
/** The same on a flash that programs units of prog_bytes. */
void world_init_prog(struct reflash_world *w, const struct ferry_chip *chip, uint32_t prog_bytes);
void world_fork(struct reflash_world *to, const struct reflash_world *from, uint32_t seed);
void world_free(struct reflash_world *w);

/** A small app; seed and payload settle its bytes. The memory is the caller's. */
struct world_content world_app(const struct reflash_world *w, uint8_t *to, uint32_t payload_bytes,
                               uint32_t seed);
/** The bootloader of this generation (0 is the one on the device), a few sectors. */
struct world_content world_bootloader(const struct reflash_world *w, unsigned generation);
/** The table of the new layout: ota_0 stays, ota_1, NVS and otadata move. */
struct world_content world_new_table(void);
/** otadata of the new layout that selects this slot, VALID. */
struct world_content world_otadata(unsigned slot);

/** Opens journal and device; the table is read at `table_off_bytes`. */
ferry_err world_open(struct reflash_world *w);

/** Empty plan and the staging area ota_1 (0x50000). */
ferry_err world_begin_plan(struct reflash_world *w);

/** A step of this kind at this place. */
struct ferry_step world_step(enum ferry_step_kind kind, uint32_t off, uint32_t size);

/** Stages a content in pieces of 1000 bytes and adds the step, hash and length promised. */
ferry_err world_stage(struct reflash_world *w, struct ferry_step step, struct world_content c);

/** The whole migration: app, NVS moved along, otadata, table and bootloader. */
ferry_err world_plan_migration(struct reflash_world *w, struct world_content app);

/** Checks with these flags, begins and runs to the end. */
ferry_err world_run(struct reflash_world *w, uint32_t flags);

/** Power-on: the slot that boots by the table at 0x8000, or FERRY_SLOT_NONE; w->cfg.running becomes
 * its span. Whether the ROM finds a bootloader is world_has_bootloader's question. */
int world_boot(struct reflash_world *w);

/** Does a bootloader of either generation stand whole at its place, or at the recovery place? */
bool world_has_bootloader(const struct reflash_world *w);

/** Do these bytes lie there? */
bool world_holds(const struct reflash_world *w, uint32_t off, const void *bytes, uint32_t n);

#endif
