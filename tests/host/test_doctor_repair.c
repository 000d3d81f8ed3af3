/* tests/host/test_doctor_repair.c - repairs and undos that end in the middle, at every write: the
 * device boots what it booted, and the undo brings every byte back. tests/e2e/test_doctor.py does
 * the same with a real kill, at random. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app_image.h"
#include "doctor_undo.h"
#include "ferry/slots.h"
#include "t.h"

#define FLASH_BYTES   0x100000u
#define OTADATA_OFF   0xd000u
#define SLOT_OFF(n)   (0x10000u + 0x60000u * (uint32_t)(n))
#define SLOT_BYTES    0x60000u
#define PAYLOAD_BYTES 512u
#define MOST_WRITES   16u

static uint8_t flash[FLASH_BYTES], after[FLASH_BYTES];
static char path[64], undo_path[80];
static struct ferry_vdevice v;
static struct ferry_cure plan;
static struct ferry_undo undo;

/** Power for so many more writes; the one it fails in is half done. */
static struct {
    struct ferry_flash_ops ops;
    const struct ferry_flash_ops *real;
    uint32_t left;
} power;

static ferry_err prog(const struct ferry_flash *f, uint32_t off, const void *src, uint32_t len)
{
    if (!power.left)
        return FERRY_ERR_FLASH_IO;
    if (--power.left)
        return power.real->prog(f, off, src, len);
    const ferry_err err = power.real->prog(f, off, src, len / 2);
    return err ? err : FERRY_ERR_FLASH_IO;
}

static ferry_err erase(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    uint8_t half[FERRY_FLASH_SECTOR_BYTES / 2];
    if (!power.left)
        return FERRY_ERR_FLASH_IO;
    if (--power.left)
        return power.real->erase(f, off, len);
    memset(half, 0xff, sizeof(half));
    const ferry_err err = ferry_flash_file_set(f->ctx, off, half, sizeof(half));
    return err ? err : FERRY_ERR_FLASH_IO;
}

static void put_entry(int i, struct ferry_otadata e)
{
    ferry_otadata_encode(&e, flash + OTADATA_OFF + (uint32_t)i * FERRY_OTADATA_STRIDE);
}

/** A flash of two good apps with these entries; bad: the slot whose image is damaged, or -1. */
static void make_flash(struct ferry_otadata first, struct ferry_otadata second, int bad)
{
    const struct ferry_partition rows[] = {
        {OTADATA_OFF, 0x2000, 0, FERRY_TYPE_DATA, FERRY_DATA_OTA, "otadata"},
        {SLOT_OFF(0), SLOT_BYTES, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0, "ota_0"},
        {SLOT_OFF(1), SLOT_BYTES, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0 + 1, "ota_1"},
    };
    memset(flash, 0xff, sizeof(flash));
    T_EQ_INT(ferry_table_encode(rows, 3, true, flash + FERRY_TABLE_OFF_DEFAULT, NULL), FERRY_OK);
    for (int slot = 0; slot < 2; slot++)
        app_image_make(
            flash + SLOT_OFF(slot),
            &(struct app_image_spec){
                .project = "demo", .version = "1", .payload_bytes = PAYLOAD_BYTES, .chip_id = 5});
    if (bad >= 0)
        flash[SLOT_OFF(bad) + 700] ^= 8;
    put_entry(0, first);
    put_entry(1, second);
}

static void write_file(const uint8_t *bytes)
{
    FILE *f = fopen(path, "wb");
    T_CHECK(f && fwrite(bytes, 1, FLASH_BYTES, f) == FLASH_BYTES);
    if (f)
        fclose(f);
}

static void read_file(uint8_t *bytes)
{
    FILE *f = fopen(path, "rb");
    T_CHECK(f && fread(bytes, 1, FLASH_BYTES, f) == FLASH_BYTES);
    if (f)
        fclose(f);
}

static void open_device(void)
{
    const struct ferry_vdevice_given given = {.chip = &ferry_chip_esp32c3, .is_any = true};
    T_EQ_INT(ferry_vdevice_open(&v, path, true, &given), FERRY_OK);
    ferry_undo_path(undo_path, sizeof(undo_path), &v);
}

static int boots(void)
{
    struct ferry_boot_preview next;
    open_device();
    ferry_boot_preview(&v.dev, &next);
    ferry_vdevice_close(&v);
    return next.booted;
}

/** Plans, keeps the undo and repairs, with power for so many writes. */
static ferry_err repair(enum ferry_repair what, uint32_t writes)
{
    int os_errno = 0;
    open_device();
    T_EQ_INT(ferry_cure_plan(&plan, &v, what), FERRY_OK);
    T_EQ_INT(ferry_undo_keep(undo_path, &plan, &v, "test", &os_errno), FERRY_OK);
    power.real = v.file.flash.ops;
    power.ops = *power.real;
    power.ops.prog = prog;
    power.ops.erase = erase;
    power.left = writes;
    v.file.flash.ops = &power.ops;
    const ferry_err err = ferry_cure_apply(&plan, &v);
    v.file.flash.ops = power.real;
    ferry_vdevice_close(&v);
    return err;
}

static void take_back(void)
{
    int os_errno = 0;
    uint32_t off = 0;
    open_device();
    T_EQ_INT(ferry_undo_read(undo_path, &undo, &os_errno), FERRY_OK);
    T_CHECK(undo.is_open && ferry_undo_fits(&undo, &v, &off));
    T_EQ_INT(ferry_undo_apply(undo_path, &undo, &v, &os_errno), FERRY_OK);
    ferry_vdevice_close(&v);
    T_CHECK(access(undo_path, F_OK) != 0);
}

/** In every write, from the first on, until one is not cut any more. */
static uint32_t cut_everywhere(enum ferry_repair what)
{
    write_file(flash);
    const int before = boots();
    for (uint32_t writes = 1; writes < MOST_WRITES; writes++) {
        write_file(flash);
        const ferry_err err = repair(what, writes);
        T_EQ_INT(boots(), before);
        take_back();
        read_file(after);
        T_EQ_MEM(after, flash, FLASH_BYTES);
        if (!err)
            return writes;
    }
    T_CHECK(false); // it never came to its end
    return 0;
}

static struct ferry_otadata damaged(void)
{
    struct ferry_otadata e = ferry_otadata_make(1, FERRY_STATE_VALID);
    e.crc ^= 1;
    return e;
}

static void a_repair_of_otadata_may_end_anywhere(void)
{
    const struct ferry_otadata one = ferry_otadata_make(1, FERRY_STATE_VALID);
    const struct ferry_otadata two = ferry_otadata_make(2, FERRY_STATE_VALID);
    make_flash(damaged(), two, 1);
    T_CHECK(cut_everywhere(FERRY_REPAIR_OTADATA) > 3);
    make_flash(one, two, 1);
    T_CHECK(cut_everywhere(FERRY_REPAIR_OTADATA) > 3);
    make_flash(damaged(), damaged(), -1);
    T_CHECK(cut_everywhere(FERRY_REPAIR_OTADATA) > 3);
    make_flash(one, ferry_otadata_make(0xfffffffe, FERRY_STATE_NEW), -1);
    T_CHECK(cut_everywhere(FERRY_REPAIR_OTADATA) > 3);
}

static void a_plan_says_what_boots_and_that_there_is_nothing_to_do(void)
{
    make_flash(ferry_otadata_make(1, FERRY_STATE_VALID), ferry_otadata_make(2, FERRY_STATE_VALID),
               -1);
    write_file(flash);
    open_device();
    T_EQ_INT(ferry_cure_plan(&plan, &v, FERRY_REPAIR_OTADATA), FERRY_ERR_STATE); // nothing to do
    T_EQ_INT(ferry_cure_plan(&plan, &v, FERRY_REPAIR_NONE), FERRY_ERR_STATE);
    T_EQ_INT(ferry_cure_plan(&plan, &v, FERRY_REPAIR_DOWNGRADE), FERRY_OK);
    T_EQ_INT(plan.boots_before, 1);
    T_EQ_INT(plan.boots_after, 0);
    ferry_vdevice_close(&v);
}

/** An undo that is cut is run again, and then nothing of the repair is left. */
static void an_undo_may_end_anywhere(void)
{
    int os_errno = 0;
    make_flash(damaged(), ferry_otadata_make(2, FERRY_STATE_VALID), 1);
    for (unsigned n = 0; n < 2; n++) {
        write_file(flash);
        T_EQ_INT(repair(FERRY_REPAIR_OTADATA, UINT32_MAX), FERRY_OK);
        T_EQ_INT(ferry_undo_close(undo_path, &os_errno), FERRY_OK);
        open_device();
        T_EQ_INT(ferry_undo_read(undo_path, &undo, &os_errno), FERRY_OK);
        T_CHECK(!undo.is_open && undo.n == 2);
        // Cut after n sectors: the rest of the second one lies outside of every flash.
        struct ferry_undo cut = undo;
        cut.sectors[n].off_bytes = FLASH_BYTES;
        T_EQ_INT(ferry_undo_apply(undo_path, &cut, &v, &os_errno), FERRY_ERR_FLASH_RANGE);
        ferry_vdevice_close(&v);
        T_EQ_INT(boots(), 0);
        take_back();
        read_file(after);
        T_EQ_MEM(after, flash, FLASH_BYTES);
    }
}

int main(void)
{
    char folder[] = "/tmp/ferry-doctor-XXXXXX";
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/flash.bin", folder);
    T_RUN(a_repair_of_otadata_may_end_anywhere);
    T_RUN(a_plan_says_what_boots_and_that_there_is_nothing_to_do);
    T_RUN(an_undo_may_end_anywhere);
    unlink(path);
    unlink(undo_path);
    rmdir(folder);
    return t_end();
}
