/* firmware/demo/main.c - a small application for the ESP32-C3: says who it is, checks itself,
 * ticks. Real rv32imc code without libc or ESP-IDF. Built as three releases: DEMO_VERSION names
 * one, DEMO_TABLE_KB gives it a table of samples, DEMO_CRASHES breaks it. */
#include "machine.h"

#include "ferry/crc32.h"
#include "ferry/crypto.h"

#define TICK_MOST_US 60000000u

/* From the linker script: what is mapped from flash, and the table within. */
extern const uint8_t firmware_rodata_start[];
extern const uint8_t firmware_rodata_end[];
extern const uint8_t demo_table_start[];
extern const uint8_t demo_table_end[];

static uint32_t n_ticks;           // in .bss: start-up must have cleared it
static uint32_t tick_us = 1000000; // in .data: the bootloader must have loaded it

/* Asleep at the console, where the watchdog is fed; what is typed is of no interest. */
static void wait(uint32_t us)
{
    const uint32_t start = clock_us();
    for (uint32_t gone = 0; gone < us; gone = clock_us() - start)
        (void)console_get(us - gone);
}

/* Reads everything that is mapped from flash: proof that the whole image is where it belongs. */
static void check_self(void)
{
    uint8_t digest[FERRY_SHA256_BYTES];
    struct ferry_sha256 h;
    const uint32_t n_bytes = (uint32_t)(firmware_rodata_end - firmware_rodata_start);
    const uint32_t n_table = (uint32_t)(demo_table_end - demo_table_start);
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, firmware_rodata_start, n_bytes);
    ferry_sha256_finish(&h, digest);
    console_put_text("read-only data: ");
    console_put_number(n_bytes);
    console_put_text(" bytes, sha256 ");
    for (unsigned i = 0; i < FERRY_SHA256_BYTES; i++)
        console_put_hex(digest[i], 2);
    console_put_text("\r\ntable: ");
    console_put_number(n_table);
    console_put_text(" bytes, crc32 ");
    console_put_hex(ferry_crc32(0, demo_table_start, n_table), 8);
    console_put_text("\r\n");
}

/* A trap has nowhere to return to. A restart lets the bootloader judge: an application that was
 * not confirmed is given up for the one before it. */
void firmware_trap(uint32_t cause, uint32_t address)
{
    console_put_text("panic: cause ");
    console_put_number(cause);
    console_put_text(" at 0x");
    console_put_hex(address, 8);
    console_put_text(", restarting\r\n");
    machine_end(1);
}

void firmware_main(uint32_t handed)
{
    (void)handed;
    machine_init();
    console_put_text("\r\nferry-demo " DEMO_VERSION "\r\n");
#ifdef DEMO_CRASHES
    __asm__ volatile("unimp"); // the bug that this release brings
#endif
    check_self();
    for (;;) {
        console_put_text("tick ");
        console_put_number(n_ticks++);
        console_put_text("\r\n");
        wait(tick_us);
        if (tick_us < TICK_MOST_US)
            tick_us *= 2;
    }
}
