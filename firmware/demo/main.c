/* firmware/demo/main.c - a small application for the ESP32-C3: says who it is, checks itself,
 * ticks. Real rv32imc code without libc or ESP-IDF. Built as three releases: DEMO_VERSION names
 * one, DEMO_TABLE_KB gives it a table of samples, DEMO_CRASHES breaks it. */
#include "board.h"

#include "ferry/crc32.h"
#include "ferry/crypto.h"

/* From the linker script: what is mapped from flash, and the table within. */
extern const uint8_t demo_rodata_start[];
extern const uint8_t demo_rodata_end[];
extern const uint8_t demo_table_start[];
extern const uint8_t demo_table_end[];

void demo_main(void);
void demo_panic(uint32_t cause, uint32_t address);

static uint32_t n_ticks;        // in .bss: start-up must have cleared it
static uint32_t tick_ms = 1000; // in .data: the bootloader must have loaded it

static void put_char(char c)
{
    while ((board_read(UART0_STATUS) >> 16 & 0x3ff) >= UART0_FIFO_BYTES - 1)
        ;
    board_write(UART0_FIFO, (uint8_t)c);
}

static void put_text(const char *text)
{
    while (*text)
        put_char(*text++);
}

static void put_hex(uint32_t v, unsigned n_digits)
{
    while (n_digits--)
        put_char("0123456789abcdef"[v >> (4 * n_digits) & 15]);
}

static void put_number(uint32_t v)
{
    char digits[10];
    unsigned n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        put_char(digits[--n]);
}

/* The bootloader leaves a watchdog running, in case the application never starts. */
static void stop_watchdogs(void)
{
    board_write(RTC_WDT_PROTECT, RTC_WDT_KEY);
    board_write(RTC_WDT_CONFIG0, 0);
    board_write(RTC_WDT_PROTECT, 0);
    board_write(RTC_SWD_PROTECT, RTC_SWD_KEY);
    board_write(RTC_SWD_CONFIG, board_read(RTC_SWD_CONFIG) | RTC_SWD_AUTO_FEED);
    board_write(RTC_SWD_PROTECT, 0);
}

static uint32_t now(void)
{
    board_write(SYSTIMER_OP, SYSTIMER_LATCH);
    while (!(board_read(SYSTIMER_OP) & SYSTIMER_VALID))
        ;
    return board_read(SYSTIMER_LOW);
}

static void wait_ms(uint32_t ms)
{
    const uint32_t start = now();
    while (now() - start < ms * SYSTIMER_PER_MS)
        ;
}

/* Reads everything that is mapped from flash: proof that the whole image is where it belongs. */
static void check_self(void)
{
    uint8_t digest[FERRY_SHA256_BYTES];
    struct ferry_sha256 h;
    const uint32_t n_bytes = (uint32_t)(demo_rodata_end - demo_rodata_start);
    const uint32_t n_table = (uint32_t)(demo_table_end - demo_table_start);
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, demo_rodata_start, n_bytes);
    ferry_sha256_finish(&h, digest);
    put_text("read-only data: ");
    put_number(n_bytes);
    put_text(" bytes, sha256 ");
    for (unsigned i = 0; i < FERRY_SHA256_BYTES; i++)
        put_hex(digest[i], 2);
    put_text("\r\ntable: ");
    put_number(n_table);
    put_text(" bytes, crc32 ");
    put_hex(ferry_crc32(0, demo_table_start, n_table), 8);
    put_text("\r\n");
}

/* A trap has nowhere to return to. A restart lets the bootloader judge: an application that was
 * not confirmed is given up for the one before it. */
void demo_panic(uint32_t cause, uint32_t address)
{
    put_text("panic: cause ");
    put_number(cause);
    put_text(" at 0x");
    put_hex(address, 8);
    put_text(", restarting\r\n");
    board_write(RTC_OPTIONS0, board_read(RTC_OPTIONS0) | RTC_SYSTEM_RESET);
}

void demo_main(void)
{
    stop_watchdogs();
    put_text("\r\nferry-demo " DEMO_VERSION "\r\n");
#ifdef DEMO_CRASHES
    __asm__ volatile("unimp"); // the bug that this release brings
#endif
    check_self();
    board_write(SYSTIMER_CONFIG, SYSTIMER_RUN);
    for (;;) {
        put_text("tick ");
        put_number(n_ticks++);
        put_text("\r\n");
        wait_ms(tick_ms);
        if (tick_ms < 60000)
            tick_ms *= 2;
    }
}
