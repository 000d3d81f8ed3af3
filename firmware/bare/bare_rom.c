/* firmware/bare/bare_rom.c - the emulated machine's boot ROM: what a chip's own ROM does. It takes
 * the second-stage bootloader out of flash, where every ESP32-C3 has it, checks and starts it. */
#include "bare_map.h"

#include "machine.h"

#define BOOTLOADER_MOST 0x8000u // the partition table lies behind it

static const struct ferry_flash *flash;
static struct ferry_image image;
static uint8_t work[512];

void firmware_trap(uint32_t cause, uint32_t address)
{
    console_put_text("rom: trap ");
    console_put_number(cause);
    console_put_text(" at 0x");
    console_put_hex(address, 8);
    console_put_text("\r\n");
    machine_end(BARE_END_TRAP);
}

void firmware_main(uint32_t handed)
{
    const struct ferry_image_rules rules = {
        .chip = &ferry_chip_esp32c3, .bootloader = true, .max_bytes = BOOTLOADER_MOST};
    const struct ferry_span window = {BARE_BOOTLOADER_ORIGIN, BARE_BOOTLOADER_BYTES};
    (void)handed;
    machine_init();
    if (machine_flash(&flash))
        machine_end(BARE_END_NO_FLASH);
    const struct ferry_region place = {flash, ferry_chip_esp32c3.bootloader_off_bytes,
                                       BOOTLOADER_MOST};
    uint32_t entry = 0;
    ferry_err err = ferry_image_verify(&place, &rules, work, sizeof(work), &image);
    if (!err)
        err = bare_load(&place, window, &entry);
    if (err) {
        console_put_text("rom: no bootloader, error -");
        console_put_number((uint32_t)-err);
        console_put_text("\r\n");
        machine_end(BARE_END_NO_BOOTLOADER);
    }
    bare_enter(entry, place.off_bytes);
}
