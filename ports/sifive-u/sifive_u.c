/* ports/sifive-u/sifive_u.c - registers of the FU540 that firmware needs: UART 0, the SPI
 * controller of the flash, the timer, the pin that resets, and semihosting's way out.
 * Bytes from the console are waited for asleep: a busy wait starves the emulator's own thread. */
#include "sifive_u.h"

#define UART_TX            0x10010000u
#define UART_RX            0x10010004u
#define UART_TX_CONTROL    0x10010008u
#define UART_RX_CONTROL    0x1001000cu
#define UART_INTERRUPTS    0x10010010u
#define UART_TX_FULL       0x80000000u
#define UART_RX_EMPTY      0x80000000u
#define UART_ENABLE        1u
#define UART_RX_INTERRUPT  2u
#define UART_IRQ           4u

#define SPI_CHIP_MODE      0x10040018u
#define SPI_TX             0x10040048u
#define SPI_RX             0x1004004cu
#define SPI_MAPPED         0x10040060u // the flash's memory map; commands need it off
#define SPI_TX_FULL        0x80000000u
#define SPI_RX_EMPTY       0x80000000u
#define SPI_RELEASE        0u // "auto": nothing to send, so the chip is released
#define SPI_HOLD           2u
#define SPI_FIFO           8u

#define PIN_OUTPUT_ENABLE  0x10060008u
#define PIN_OUTPUT         0x1006000cu
#define PIN_RESET          (1u << 10) // resets the machine while it is low

#define PLIC_PRIORITY      0x0c000000u // one word for each source
#define PLIC_ENABLE        0x0c002000u // of hart 0
#define PLIC_THRESHOLD     0x0c200000u
#define PLIC_CLAIM         0x0c200004u

#define TIMER_COMPARE_LOW  0x02004000u // of hart 0
#define TIMER_COMPARE_HIGH 0x02004004u
#define TIMER_LOW          0x0200bff8u // counts microseconds
#define TIMER_HIGH         0x0200bffcu
#define WAKE_BY_TIMER      0x080u
#define WAKE_BY_DEVICE     0x800u

#define SETTLE_US          2000u
#define END_SETTLE_US      20000u // semihosting's way out waits for nobody

static inline uint32_t get(uint32_t addr)
{
    return *(volatile const uint32_t *)(uintptr_t)addr;
}

static inline void put(uint32_t addr, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)addr = value;
}

void machine_init(void)
{
    put(UART_TX_CONTROL, UART_ENABLE);
    put(UART_RX_CONTROL, UART_ENABLE);
    put(UART_INTERRUPTS, UART_RX_INTERRUPT);
    put(PLIC_PRIORITY + 4 * UART_IRQ, 1);
    put(PLIC_ENABLE, 1u << UART_IRQ);
    put(PLIC_THRESHOLD, 0);
    // Enabled here but not in mstatus: they end a wfi and go nowhere.
    __asm__ volatile("csrw mie, %0" ::"r"(WAKE_BY_TIMER | WAKE_BY_DEVICE));
    put(SPI_MAPPED, 0);
    put(SPI_CHIP_MODE, SPI_RELEASE);
}

void console_put_char(char c)
{
    while (get(UART_TX) & UART_TX_FULL)
        ;
    put(UART_TX, (uint8_t)c);
}

uint32_t clock_us(void)
{
    return get(TIMER_LOW);
}

/* Sets the timer to wake us; the halves one after the other without a moment in the past. */
static void wake_in(uint32_t wait_us)
{
    uint32_t high, low;
    do {
        high = get(TIMER_HIGH);
        low = get(TIMER_LOW);
    } while (high != get(TIMER_HIGH));
    put(TIMER_COMPARE_HIGH, UINT32_MAX);
    put(TIMER_COMPARE_LOW, low + wait_us);
    put(TIMER_COMPARE_HIGH, high + (low > UINT32_MAX - wait_us));
}

int console_get(uint32_t wait_us)
{
    const uint32_t start = clock_us();
    bool timer_is_set = false;
    for (;;) {
        const uint32_t got = get(UART_RX);
        if (!(got & UART_RX_EMPTY))
            return (int)(got & 0xff);
        if (clock_us() - start >= wait_us)
            return -1;
        if (!timer_is_set)
            wake_in(wait_us);
        timer_is_set = true;
        __asm__ volatile("wfi" ::: "memory");
        // Before the bytes are taken: one that arrives in between raises it again.
        const uint32_t source = get(PLIC_CLAIM);
        if (source)
            put(PLIC_CLAIM, source);
    }
}

/* Exchanges n bytes, as many at a time as the controller holds. out or in may be NULL. */
static void exchange(const uint8_t *out, uint8_t *in, uint32_t n)
{
    while (n) {
        const uint32_t piece = n < SPI_FIFO ? n : SPI_FIFO;
        for (uint32_t i = 0; i < piece; i++) {
            while (get(SPI_TX) & SPI_TX_FULL)
                ;
            put(SPI_TX, out ? out[i] : 0);
        }
        for (uint32_t i = 0; i < piece; i++) {
            uint32_t got;
            do
                got = get(SPI_RX);
            while (got & SPI_RX_EMPTY);
            if (in)
                in[i] = (uint8_t)got;
        }
        out = out ? out + piece : NULL;
        in = in ? in + piece : NULL;
        n -= piece;
    }
}

static void spi_transfer(void *ctx, const uint8_t *head, uint32_t n_head, const uint8_t *out,
                         uint8_t *in, uint32_t n)
{
    (void)ctx;
    put(SPI_CHIP_MODE, SPI_HOLD);
    exchange(head, NULL, n_head);
    exchange(out, in, n);
    put(SPI_CHIP_MODE, SPI_RELEASE);
}

static uint32_t spi_now_us(void *ctx)
{
    (void)ctx;
    return clock_us();
}

static void sleep_us(uint32_t us)
{
    const uint32_t start = clock_us();
    wake_in(us);
    while (clock_us() - start < us)
        __asm__ volatile("wfi" ::: "memory");
}

/* The emulator writes to the flash's file from a thread of its own; asleep, we let it. */
static void spi_settle(void *ctx)
{
    (void)ctx;
    sleep_us(SETTLE_US);
}

const struct spi_nor_bus sifive_u_spi = {
    .transfer = spi_transfer, .now_us = spi_now_us, .settle = spi_settle};

ferry_err machine_flash(const struct ferry_flash **out)
{
    static struct spi_nor nor;
    const ferry_err err = spi_nor_init(&nor, &sifive_u_spi);
    if (!err)
        *out = &nor.flash;
    return err;
}

uint32_t machine_image_off(uint32_t handed)
{
    return handed; // the bootloader says it
}

void machine_revisions(struct ferry_policy *policy)
{
    (void)policy;
}

static _Noreturn void reset(void)
{
    put(PIN_OUTPUT, get(PIN_OUTPUT) & ~PIN_RESET);
    put(PIN_OUTPUT_ENABLE, get(PIN_OUTPUT_ENABLE) | PIN_RESET);
    for (;;)
        __asm__ volatile("wfi");
}

/* SYS_EXIT_EXTENDED: the reason "application exit" and a code of our own. */
static _Noreturn void leave_emulator(uint32_t exit_code)
{
    const uint32_t block[2] = {0x20026, exit_code};
    sleep_us(END_SETTLE_US);
    register uint32_t operation __asm__("a0") = 0x20;
    register const uint32_t *argument __asm__("a1") = block;
    for (;;)
        __asm__ volatile(".option push\n"
                         ".option norvc\n"
                         ".balign 16\n" // the three must lie in one page
                         "slli x0, x0, 0x1f\n"
                         "ebreak\n"
                         "srai x0, x0, 7\n"
                         ".option pop"
                         : "+r"(operation)
                         : "r"(argument)
                         : "memory");
}

_Noreturn void machine_end(uint32_t exit_code)
{
    if (!exit_code)
        reset();
    leave_emulator(exit_code);
}
