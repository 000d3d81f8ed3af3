/* firmware/bare/bare_bootloader.c - a second-stage bootloader out of the core: it finishes a
 * reflash that was interrupted, reads the partition table, decides, verifies, loads and hands over.
 * The decision and its writes are ferry_boot_run's, the same that `ferry device boot` executes. */
#include "bare_map.h"
#include "bare_trust.h"

#include "ferry/boot.h"
#include "ferry/reflash.h"
#include "machine.h"

static const struct ferry_flash *flash;
static struct ferry_device dev;
static struct ferry_device_work device_work;
static struct ferry_boot_report report;
static struct ferry_reflash reflash;
static uint8_t reflash_work[FERRY_REFLASH_WORK_BYTES(4096)];
static uint32_t entry_addr;

static struct ferry_policy policy = {.chip = &ferry_chip_esp32c3, .rollback = true};

void firmware_trap(uint32_t cause, uint32_t address)
{
    console_put_text("boot: trap ");
    console_put_number(cause);
    console_put_text(" at 0x");
    console_put_hex(address, 8);
    console_put_text("\r\n");
    machine_end(BARE_END_TRAP);
}

static void say_error(const char *what, ferry_err err)
{
    console_put_text("boot: ");
    console_put_text(what);
    console_put_text(" -");
    console_put_number((uint32_t)-err);
    console_put_text("\r\n");
}

/* A plan that cannot be finished now must not keep the device from booting what still boots. */
static void finish_reflash(void)
{
    const struct ferry_reflash_config config = {
        .flash = flash,
        .journal = ferry_reflash_journal_default(flash),
        .gate = bare_trust_plan_gate(),
        .work = reflash_work,
        .work_bytes = sizeof(reflash_work),
    };
    const ferry_err err = ferry_reflash_resume(&reflash, &config);
    if (err)
        say_error("reflash", err);
    if (reflash.n_written) {
        console_put_text("boot: reflash wrote ");
        console_put_number(reflash.n_written);
        console_put_text(" sectors\r\n");
    }
}

static ferry_err load(void *ctx, struct ferry_device *d, int slot)
{
    const struct ferry_span window = {BARE_APP_ORIGIN, BARE_APP_BYTES};
    struct ferry_region region;
    (void)ctx;
    ferry_err err = ferry_device_verify(d, slot);
    if (!err)
        err = ferry_device_region(d, slot, &region);
    if (!err)
        err = bare_load(&region, window, &entry_addr);
    if (err)
        say_error("slot refused", err);
    return err;
}

void firmware_main(uint32_t handed)
{
    static const struct ferry_boot_hooks hooks = {.load = load};
    (void)handed;
    machine_init();
    if (machine_flash(&flash))
        machine_end(BARE_END_NO_FLASH);
    finish_reflash();
    policy.boot_check = bare_trust_boot_check();
    ferry_err err = ferry_device_open(&dev, flash, &policy, FERRY_TABLE_OFF_DEFAULT, &device_work);
    if (!err)
        err = ferry_boot_run(&dev, FERRY_HOLD_NONE, &hooks, &report);
    if (err) {
        say_error("nothing boots", err);
        machine_end(BARE_END_NO_BOOT);
    }
    console_put_text("boot: stack ");
    console_put_number(stack_used_bytes());
    console_put_text(" bytes\r\n");
    bare_enter(entry_addr, ferry_device_span(&dev, report.booted).off_bytes);
}
