/* ports/esp32c3/esp32c3.c - what the chip gives a program: watchdogs, clock, console, flash, reset.
 * The bootloader has set clocks and pins and left a watchdog running. What runs while the flash is
 * away from the cache lies in RAM; tests/interop/test_esp32c3.py looks after that. */
#include "esp32c3.h"

#include "esp32c3_line.h"
#include "esp32c3_registers.h"
#include "flash_mmu.h"
#include "flash_rom.h"

#define RTC_OPTIONS       0x60008000u
#define RTC_SYSTEM_RESET  (1u << 31)
#define RTC_WDT_CONFIG    0x60008090u
#define RTC_WDT_PROTECT   0x600080a8u
#define RTC_SWD_CONFIG    0x600080acu
#define RTC_SWD_PROTECT   0x600080b0u
#define RTC_SWD_AUTO_FEED (1u << 31)
#define WDT_KEY           0x50d83aa1u
#define SWD_KEY           0x8f1d312au

/* The watchdog of timer group 0. It counts the peripherals' 80 MHz divided by the prescaler. */
#define WDT_CONFIG         0x6001f048u
#define WDT_PRESCALER      0x6001f04cu
#define WDT_LIMIT          0x6001f050u
#define WDT_FEED           0x6001f060u
#define WDT_PROTECT        0x6001f064u
#define WDT_ENABLE         (1u << 31)
#define WDT_RESETS_SYSTEM  (3u << 29)
#define WDT_LONG_RESET     (7u << 18 | 7u << 15)
#define WDT_TAKE_CONFIG    (1u << 22)
#define WDT_DIVIDER        40000u
#define WDT_TICKS_PER_MS   2u

#define TIMER_CONFIG       0x60023000u
#define TIMER_OPERATION    0x60023004u
#define TIMER_HIGH         0x60023040u
#define TIMER_LOW          0x60023044u
#define TIMER_RUN          0x46000000u // unit 0 counts 16 MHz, as after reset
#define TIMER_LATCH        (1u << 30)
#define TIMER_LATCHED      (1u << 29)

#define FUSES_REPEATED     0x60008840u // bit 0: an image's upper limit on the revision is ignored
#define FUSES_WAFER_MINOR  0x60008850u // bits 20:18 low part; 26:24 minor revision of the blocks
#define FUSES_WAFER_MAJOR  0x60008858u // bits 25:24; 23 high part of the minor one
#define FUSES_BLOCK_MAJOR  0x6000886cu // bits 1:0

#define ROM_ERASE_BLOCK    0x40000124u
#define ROM_ERASE_SECTOR   0x40000128u
#define ROM_WRITE          0x4000012cu
#define ROM_READ           0x40000130u
#define ROM_UNLOCK         0x40000140u
#define ROM_FORGET_CACHE   0x400004d8u // Cache_Invalidate_ICache_All
#define ROM_SUSPEND_CACHE  0x40000524u // Cache_Suspend_ICache: says whether it loads ahead
#define ROM_RESUME_CACHE   0x40000528u // Cache_Resume_ICache: is told
#define ROM_FLASH_DATA     0x3fcdfff0u // points to what the bootloader said of the flash:
#define FLASH_DATA_SIZE    4u          // a word behind the chip's id
#define INTERRUPTS_ENABLED 8u          // of mstatus

static struct flash_rom boot_flash;

void esp32c3_watchdog_start(uint32_t limit_ms)
{
    register_put(WDT_PROTECT, WDT_KEY);
    register_put(WDT_PRESCALER, WDT_DIVIDER << 16);
    register_put(WDT_LIMIT, limit_ms * WDT_TICKS_PER_MS);
    register_put(WDT_CONFIG, WDT_ENABLE | WDT_RESETS_SYSTEM | WDT_LONG_RESET | WDT_TAKE_CONFIG);
    register_put(WDT_FEED, 1);
    register_put(WDT_PROTECT, 0);
}

IN_RAM void esp32c3_watchdog_feed(void)
{
    register_put(WDT_PROTECT, WDT_KEY);
    register_put(WDT_FEED, 1);
    register_put(WDT_PROTECT, 0);
}

void esp32c3_watchdog_stop(void)
{
    register_put(WDT_PROTECT, WDT_KEY);
    register_put(WDT_CONFIG, 0);
    register_put(WDT_CONFIG, WDT_TAKE_CONFIG);
    register_put(WDT_PROTECT, 0);
}

/* The bootloader's watchdog ends a program that does not take over; the super watchdog cannot be
 * ended, but feeds itself. */
static void take_over_watchdogs(void)
{
    register_put(RTC_WDT_PROTECT, WDT_KEY);
    register_put(RTC_WDT_CONFIG, 0);
    register_put(RTC_WDT_PROTECT, 0);
    register_put(RTC_SWD_PROTECT, SWD_KEY);
    register_put(RTC_SWD_CONFIG, register_get(RTC_SWD_CONFIG) | RTC_SWD_AUTO_FEED);
    register_put(RTC_SWD_PROTECT, 0);
}

void machine_init(void)
{
    take_over_watchdogs();
    register_put(TIMER_CONFIG, TIMER_RUN);
    esp32c3_watchdog_start(ESP32C3_WATCHDOG_MS);
}

/* 52 bits of sixteenths of a microsecond. */
uint32_t clock_us(void)
{
    register_put(TIMER_OPERATION, TIMER_LATCH);
    while (!(register_get(TIMER_OPERATION) & TIMER_LATCHED))
        ;
    return register_get(TIMER_HIGH) << 28 | register_get(TIMER_LOW) >> 4;
}

void console_put_char(char c)
{
    esp32c3_line_put((uint8_t)c);
}

int console_get(uint32_t wait_us)
{
    const uint32_t start = clock_us();
    esp32c3_line_flush();
    for (;;) {
        const int byte = esp32c3_line_get();
        if (byte >= 0)
            return byte;
        if (clock_us() - start >= wait_us)
            return -1;
        esp32c3_watchdog_feed();
    }
}

static IN_RAM void take_flash(uint32_t was[2])
{
    __asm__ volatile("csrrci %0, mstatus, %1" : "=r"(was[0]) : "i"(INTERRUPTS_ENABLED) : "memory");
    was[1] = ((uint32_t(*)(void))ROM_SUSPEND_CACHE)();
}

static IN_RAM void give_flash(const uint32_t was[2], bool is_changed)
{
    if (is_changed)
        ((void (*)(void))ROM_FORGET_CACHE)();
    ((void (*)(uint32_t))ROM_RESUME_CACHE)(was[1]);
    __asm__ volatile("csrs mstatus, %0" ::"r"(was[0] & INTERRUPTS_ENABLED) : "memory");
}

/* Chips come with their sectors protected or not; the ROM knows how to lift that. */
static IN_RAM int unlock(void)
{
    uint32_t was[2];
    take_flash(was);
    const int result = ((int (*)(void))ROM_UNLOCK)();
    give_flash(was, false);
    return result;
}

/* In RAM with what it calls, as flash_rom.h asks; erasing takes long, but never for ever. */
static IN_RAM int erase_sector(uint32_t number)
{
    esp32c3_watchdog_feed();
    return ((int (*)(uint32_t))ROM_ERASE_SECTOR)(number);
}

static IN_RAM int erase_block(uint32_t number)
{
    esp32c3_watchdog_feed();
    return ((int (*)(uint32_t))ROM_ERASE_BLOCK)(number);
}

ferry_err machine_flash(const struct ferry_flash **out)
{
    static const struct flash_rom_calls calls = {
        .read = (int (*)(uint32_t, uint32_t *, int32_t))ROM_READ,
        .write = (int (*)(uint32_t, const uint32_t *, int32_t))ROM_WRITE,
        .erase_sector = erase_sector,
        .erase_block = erase_block,
        .take = take_flash,
        .give = give_flash,
    };
    const uint32_t size_bytes = register_get(register_get(ROM_FLASH_DATA) + FLASH_DATA_SIZE);
    const ferry_err err = flash_rom_init(&boot_flash, &calls, size_bytes);
    if (err)
        return err;
    if (unlock())
        return FERRY_ERR_FLASH_IO;
    *out = &boot_flash.flash;
    return FERRY_OK;
}

static uint32_t bus_read(void *ctx, uint32_t addr)
{
    (void)ctx;
    return register_get(addr);
}

/* This function's own address is one that the bootloader has mapped from the running slot. */
uint32_t machine_image_off(uint32_t handed)
{
    const struct flash_mmu_bus bus = {.read = bus_read};
    uint32_t off_bytes = UINT32_MAX;
    (void)handed;
    return flash_mmu_find(&flash_mmu_esp32c3, &bus, (uint32_t)(uintptr_t)machine_image_off,
                          &off_bytes)
               ? UINT32_MAX
               : off_bytes;
}

void machine_revisions(struct ferry_policy *policy)
{
    const uint32_t low = register_get(FUSES_WAFER_MINOR);
    const uint32_t high = register_get(FUSES_WAFER_MAJOR);
    const uint32_t minor = (high >> 23 & 1) << 3 | (low >> 18 & 7);
    policy->chip_rev = (uint16_t)((high >> 24 & 3) * 100 + minor);
    policy->blk_rev = (uint16_t)((register_get(FUSES_BLOCK_MAJOR) & 3) * 100 + (low >> 24 & 7));
    policy->ignore_max_rev = register_get(FUSES_REPEATED) & 1;
}

_Noreturn void machine_end(uint32_t exit_code)
{
    (void)exit_code; // the bootloader would not look at it
    esp32c3_line_drain();
    for (;;)
        register_put(RTC_OPTIONS, register_get(RTC_OPTIONS) | RTC_SYSTEM_RESET);
}
