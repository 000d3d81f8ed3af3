/* firmware/demo/board.h - the few registers of the ESP32-C3 that the demo touches.
 * Addresses from Espressif's ESP32-C3 Technical Reference Manual. */
#ifndef DEMO_BOARD_H
#define DEMO_BOARD_H

#include <stdint.h>

#define UART0_FIFO        0x60000000u
#define UART0_STATUS      0x6000001cu // bits 25:16: bytes waiting to be sent
#define UART0_FIFO_BYTES  128u
#define RTC_OPTIONS0      0x60008000u
#define RTC_SYSTEM_RESET  (1u << 31)
#define RTC_WDT_CONFIG0   0x60008090u
#define RTC_WDT_PROTECT   0x600080a8u
#define RTC_SWD_CONFIG    0x600080acu
#define RTC_SWD_PROTECT   0x600080b0u
#define RTC_SWD_AUTO_FEED (1u << 31)
#define RTC_WDT_KEY       0x50d83aa1u
#define RTC_SWD_KEY       0x8f1d312au
#define SYSTIMER_CONFIG   0x60023000u
#define SYSTIMER_OP       0x60023004u
#define SYSTIMER_LOW      0x60023044u
#define SYSTIMER_RUN      0x46000000u // unit 0 counts, as after reset
#define SYSTIMER_LATCH    (1u << 30)
#define SYSTIMER_VALID    (1u << 29)
#define SYSTIMER_PER_MS   16000u

static inline uint32_t board_read(uint32_t addr)
{
    return *(volatile const uint32_t *)(uintptr_t)addr;
}

static inline void board_write(uint32_t addr, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)addr = value;
}

#endif
