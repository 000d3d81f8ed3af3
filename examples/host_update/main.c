/* Updates a flash dump from an image file with the same calls that firmware uses.
 * usage: host_update FLASH.bin APP.bin - then `ferry status FLASH.bin` shows what boots next. */
#include "ferry/update.h"
#include "flash_file.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    static struct ferry_device_work work; // scratch memory; nothing here allocates
    static struct ferry_update update;
    static unsigned char sector[4096], piece[1436];
    const struct ferry_policy policy = {.chip = &ferry_chip_esp32c3, .rollback = true};
    const struct ferry_update_config config = {
        .slot = FERRY_SLOT_NEXT, .work = sector, .work_bytes = sizeof(sector)};
    struct ferry_flash_file file;
    struct ferry_device device;

    FILE *app = argc == 3 ? fopen(argv[2], "rb") : NULL;
    if (!app || ferry_flash_file_open(&file, argv[1], true, NULL))
        return fputs("usage: host_update FLASH.bin APP.bin\n", stderr), 2;

    ferry_err err = ferry_device_open(&device, &file.flash, &policy, 0x8000, &work);
    device.running = 0; // firmware knows where it runs: here ota_0
    if (!err)
        err = ferry_update_begin(&update, &device, &config);
    for (size_t n; !err && (n = fread(piece, 1, sizeof(piece), app)) > 0;) {
        uint32_t used;
        err = ferry_update_write(&update, piece, (uint32_t)n, &used);
    }
    if (!err)
        err = ferry_update_finish(&update); // checks, reads back, and only then: boots next
    printf("%s\n", ferry_strerror(err));
    ferry_flash_file_close(&file);
    return err ? 1 : 0;
}
