/* ports/virt/virt.c - registers of QEMU's `virt` that firmware needs: UART, timer, interrupt
 * controller as an alarm clock, and the way out.
 * Bytes from the console are waited for asleep: a busy wait starves the emulator's own thread.
 * Facts: the device tree that the machine prints (`-machine dumpdtb=`), the data sheet of TI's
 * PC16550D, SiFive's manual for timer and interrupt controller. */
#include "virt.h"

#define UART_DATA          0x10000000u
#define UART_INTERRUPTS    0x10000001u
#define UART_FIFO          0x10000002u
#define UART_LINE          0x10000005u
#define UART_IRQ           10u
#define UART_ON_INPUT      1u
#define UART_FIFO_DEEP     0xc7u // on, both emptied, 14 bytes or a pause before it interrupts
#define UART_HAS_INPUT     1u
#define UART_MAY_SEND      0x20u

#define PLIC_PRIORITY      0x0c000000u // one word for each source
#define PLIC_ENABLE        0x0c002000u // of hart 0
#define PLIC_THRESHOLD     0x0c200000u
#define PLIC_CLAIM         0x0c200004u
#define VIRTIO_IRQ_FIRST   1u
#define VIRTIO_IRQ_LAST    8u

#define TIMER_COMPARE_LOW  0x02004000u // of hart 0
#define TIMER_COMPARE_HIGH 0x02004004u
#define TIMER_LOW          0x0200bff8u
#define TIMER_HIGH         0x0200bffcu
#define TICKS_PER_US       10u
#define WAKE_BY_TIMER      0x080u
#define WAKE_BY_DEVICE     0x800u

#define WAY_OUT            0x00100000u
#define OUT_RESET          0x7777u
#define OUT_WITH_CODE      0x3333u
#define LONGEST_SLEEP_US   100000000u // its ticks fit in 32 bits

struct ticks {
    uint32_t low, high;
};

static inline uint32_t get(uint32_t addr)
{
    return *(volatile const uint32_t *)(uintptr_t)addr;
}

static inline void put(uint32_t addr, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)addr = value;
}

static inline uint8_t get_byte(uint32_t addr)
{
    return *(volatile const uint8_t *)(uintptr_t)addr;
}

static inline void put_byte(uint32_t addr, uint8_t value)
{
    *(volatile uint8_t *)(uintptr_t)addr = value;
}

void machine_init(void)
{
    put_byte(UART_FIFO, UART_FIFO_DEEP);
    put_byte(UART_INTERRUPTS, UART_ON_INPUT);
    uint32_t sources = 1u << UART_IRQ;
    for (uint32_t irq = VIRTIO_IRQ_FIRST; irq <= VIRTIO_IRQ_LAST; irq++)
        sources |= 1u << irq;
    for (uint32_t irq = 1; irq <= UART_IRQ; irq++)
        put(PLIC_PRIORITY + 4 * irq, sources >> irq & 1);
    put(PLIC_ENABLE, sources);
    put(PLIC_THRESHOLD, 0);
    // Enabled here but not in mstatus: they end a wfi and go nowhere.
    __asm__ volatile("csrw mie, %0" ::"r"(WAKE_BY_TIMER | WAKE_BY_DEVICE));
}

uint32_t machine_image_off(uint32_t handed)
{
    return handed; // the bootloader says it
}

void machine_revisions(struct ferry_policy *policy)
{
    (void)policy;
}

void console_put_char(char c)
{
    while (!(get_byte(UART_LINE) & UART_MAY_SEND))
        ;
    put_byte(UART_DATA, (uint8_t)c);
}

/* Both halves of one moment. */
static struct ticks ticks_now(void)
{
    struct ticks t;
    do {
        t.high = get(TIMER_HIGH);
        t.low = get(TIMER_LOW);
    } while (t.high != get(TIMER_HIGH));
    return t;
}

/* The 64-bit count divided by ten, of which the low word is wanted: 2^32 is 10 * 429496729 + 6. */
uint32_t clock_us(void)
{
    const struct ticks t = ticks_now();
    return t.high * 429496729u + t.low / TICKS_PER_US +
           (t.high * 6u + t.low % TICKS_PER_US) / TICKS_PER_US;
}

/* Sets the timer to wake us; the halves one after the other without a moment in the past. */
static void wake_in(uint32_t wait_us)
{
    const struct ticks t = ticks_now();
    const uint32_t wait = (wait_us < LONGEST_SLEEP_US ? wait_us : LONGEST_SLEEP_US) * TICKS_PER_US;
    put(TIMER_COMPARE_HIGH, UINT32_MAX);
    put(TIMER_COMPARE_LOW, t.low + wait);
    put(TIMER_COMPARE_HIGH, t.high + (t.low > UINT32_MAX - wait));
}

void virt_sleep(uint32_t wait_us)
{
    wake_in(wait_us);
    __asm__ volatile("wfi" ::: "memory");
    // Before the device is looked at: what arrives in between raises it again.
    const uint32_t source = get(PLIC_CLAIM);
    if (source)
        put(PLIC_CLAIM, source);
}

int console_get(uint32_t wait_us)
{
    const uint32_t start = clock_us();
    for (;;) {
        if (get_byte(UART_LINE) & UART_HAS_INPUT)
            return get_byte(UART_DATA);
        const uint32_t gone = clock_us() - start;
        if (gone >= wait_us)
            return -1;
        virt_sleep(wait_us - gone);
    }
}

_Noreturn void machine_end(uint32_t exit_code)
{
    put(WAY_OUT, exit_code ? OUT_WITH_CODE | exit_code << 16 : OUT_RESET);
    for (;;)
        __asm__ volatile("wfi");
}
