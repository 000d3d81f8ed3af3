/* firmware/bare/bare_minimal.c - the least that updates itself: it confirms itself, takes an image
 * over the console, a piece for each that it wants, and restarts into it. No resume, no settings,
 * no texts for errors. Its size stands in docs/bare-metal.md. */
#include "bare_map.h"

#include "ferry/slots.h"
#include "ferry/update.h"
#include "machine.h"

#define FOREVER_US 1000000000u
#define SILENCE_US 2000000u

static const struct ferry_policy policy = {.chip = &ferry_chip_esp32c3, .rollback = true};
static struct ferry_device dev;
static struct ferry_device_work work;
static struct ferry_update update;
static uint8_t sector[FERRY_UPDATE_WORK_BYTES(4096)], piece[FERRY_UPDATE_WORK_LEAST];

void firmware_trap(uint32_t cause, uint32_t address)
{
    (void)cause;
    (void)address;
    machine_end(BARE_END_REBOOT);
}

static void say(const char *what, uint32_t n)
{
    console_put_text(what);
    console_put_number(n);
    console_put_text("\r\n");
}

/* A decimal number on a line of its own. */
static uint32_t ask_length(void)
{
    uint32_t v = 0;
    console_put_text("length? ");
    for (;;) {
        const int c = console_get(FOREVER_US);
        if (c == '\n')
            return v;
        if (c >= '0' && c <= '9')
            v = v * 10 + (uint32_t)(c - '0');
    }
}

static ferry_err receive(uint32_t length)
{
    while (update.got_bytes < length) {
        const uint32_t left = length - update.got_bytes;
        const uint32_t n = left < sizeof(piece) ? left : sizeof(piece);
        uint32_t used;
        say("want ", n);
        for (uint32_t i = 0; i < n; i++) {
            const int c = console_get(SILENCE_US);
            if (c < 0)
                return FERRY_ERR_NET_TIMEOUT;
            piece[i] = (uint8_t)c;
        }
        const ferry_err err = ferry_update_write(&update, piece, n, &used);
        if (err)
            return err;
    }
    return ferry_update_finish(&update);
}

static ferry_err take_update(void)
{
    const struct ferry_update_config config = {.slot = FERRY_SLOT_NEXT,
                                               .length_bytes = ask_length(),
                                               .work = sector,
                                               .work_bytes = sizeof(sector)};
    ferry_err err = ferry_update_begin(&update, &dev, &config);
    if (err)
        return err;
    err = receive(config.length_bytes);
    if (err)
        ferry_update_abort(&update);
    return err;
}

void firmware_main(uint32_t handed)
{
    const struct ferry_flash *flash;
    machine_init();
    console_put_text("minimal " DEMO_VERSION "\r\n");
    ferry_err err = machine_flash(&flash);
    if (!err)
        err = ferry_device_open(&dev, flash, &policy, FERRY_TABLE_OFF_DEFAULT, &work);
    if (err)
        machine_end(BARE_END_NO_FLASH);
    dev.running = ferry_device_slot_at(&dev, machine_image_off(handed));
    err = ferry_slots_confirm(&dev); // that it came so far is all its proof
    while (!err)
        if (take_update())
            say("error -", (uint32_t)-update.fault.err);
        else
            machine_end(BARE_END_REBOOT);
    machine_end(BARE_END_NO_FLASH);
}
