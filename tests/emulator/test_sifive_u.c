/* tests/emulator/test_sifive_u.c - the port's own tests, run on the emulated machine: the flash
 * contract on a chip that keeps NOR's rules, and what the driver sends to it. A bus in between
 * listens, and stands for a chip that is dead, busy or write protected. */
#include "contract.h"
#include "sifive_u.h"
#include "t.h"

#define AREA_OFF 0x100000u
#define PAGE     SPI_NOR_PAGE_BYTES

/** The real bus, overheard; with the faults that a chip can have. */
static struct overheard {
    unsigned n_programs, n_erase_sectors, n_erase_blocks;
    unsigned n_crossing; // program commands that cross a page's end
    uint32_t n_programmed;
    bool ignores_enable; // as a write-protected chip
    bool is_busy_forever;
    unsigned n_settled;
    uint8_t size_byte; // of the answer to READ_ID; 0: the chip's own
    uint32_t now_us;
} heard;

static void listen(const uint8_t *head, uint32_t n)
{
    const uint32_t off = (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 |
                         (uint32_t)head[3] << 8 | (uint32_t)head[4];
    heard.n_erase_sectors += head[0] == SPI_NOR_ERASE_SECTOR;
    heard.n_erase_blocks += head[0] == SPI_NOR_ERASE_BLOCK;
    if (head[0] != SPI_NOR_PROGRAM)
        return;
    heard.n_programs++;
    heard.n_programmed += n;
    heard.n_crossing += n == 0 || off % PAGE + n > PAGE;
}

static void overheard_transfer(void *ctx, const uint8_t *head, uint32_t n_head, const uint8_t *out,
                               uint8_t *in, uint32_t n)
{
    (void)ctx;
    if (n_head == 5)
        listen(head, n);
    sifive_u_spi.transfer(sifive_u_spi.ctx, head, n_head, out, in, n);
    if (head[0] == SPI_NOR_READ_ID && heard.size_byte)
        in[2] = heard.size_byte;
    if (head[0] != SPI_NOR_READ_STATUS)
        return;
    // The emulated chip stays enabled once it is, and never is busy.
    if (heard.ignores_enable)
        in[0] &= (uint8_t)~2u;
    if (heard.is_busy_forever && heard.n_programs + heard.n_erase_sectors + heard.n_erase_blocks)
        in[0] |= 1;
}

static uint32_t overheard_now_us(void *ctx)
{
    (void)ctx;
    return heard.now_us += 1000; // so that waiting in vain is over at once
}

static void overheard_settle(void *ctx)
{
    (void)ctx;
    heard.n_settled++;
}

static const struct spi_nor_bus overheard_bus = {
    .transfer = overheard_transfer, .now_us = overheard_now_us, .settle = overheard_settle};
static struct spi_nor nor, overheard_nor;

static void print_promise(void *ctx, const char *promise)
{
    (void)ctx;
    printf("  not kept: %s\n", promise);
}

static void sifive_flash_keeps_the_contract(void)
{
    T_EQ_INT(port_contract(&nor.flash, AREA_OFF, print_promise, NULL), 0);
}

static void chip_says_its_own_size(void)
{
    T_EQ_INT(nor.flash.size_bytes, 32u << 20);
    heard.size_byte = 0xff;
    T_EQ_INT(spi_nor_init(&overheard_nor, &overheard_bus), FERRY_ERR_FLASH_IO);
    heard.size_byte = 15;
    T_EQ_INT(spi_nor_init(&overheard_nor, &overheard_bus), FERRY_ERR_FLASH_IO);
    heard.size_byte = 0;
    T_EQ_INT(spi_nor_init(&overheard_nor, &overheard_bus), FERRY_OK);
}

/* A real chip wraps inside the page; this one would not show it, so the commands are looked at. */
static void no_program_crosses_a_page(void)
{
    static const struct {
        uint32_t off, n, n_commands;
    } cases[] = {{0, 256, 1},   {0, 257, 2},    {255, 1, 1},  {255, 2, 2},   {250, 600, 4},
                 {1, 255, 1},   {1, 256, 2},    {0, 1024, 4}, {128, 768, 4}, {3, 4, 1},
                 {4090, 12, 2}, {65530, 12, 2}, {7, 0, 0}};
    static uint8_t data[1024], got[1024];
    const struct ferry_flash *f = &overheard_nor.flash;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        T_EQ_INT(f->ops->erase(f, AREA_OFF, f->block_bytes), FERRY_OK);
        T_EQ_INT(f->ops->erase(f, AREA_OFF + f->block_bytes, f->sector_bytes), FERRY_OK);
        heard = (struct overheard){0};
        T_EQ_INT(f->ops->prog(f, AREA_OFF + cases[i].off, data, cases[i].n), FERRY_OK);
        T_EQ_INT(heard.n_programs, cases[i].n_commands);
        T_EQ_INT(heard.n_programmed, cases[i].n);
        T_EQ_INT(heard.n_crossing, 0);
        T_EQ_INT(f->ops->read(f, AREA_OFF + cases[i].off, got, cases[i].n), FERRY_OK);
        T_EQ_MEM(got, data, cases[i].n);
    }
}

static void erases_are_one_command_each(void)
{
    const struct ferry_flash *f = &overheard_nor.flash;
    heard = (struct overheard){0};
    T_EQ_INT(f->ops->erase(f, AREA_OFF, f->sector_bytes), FERRY_OK);
    T_EQ_INT(heard.n_erase_sectors, 1);
    T_EQ_INT(heard.n_erase_blocks, 0);
    T_EQ_INT(f->ops->erase(f, AREA_OFF, f->block_bytes), FERRY_OK);
    T_EQ_INT(heard.n_erase_sectors, 1);
    T_EQ_INT(heard.n_erase_blocks, 1);
}

static void sync_lets_the_machine_settle(void)
{
    const struct ferry_flash *f = &overheard_nor.flash;
    heard = (struct overheard){0};
    T_EQ_INT(f->ops->sync(f), FERRY_OK);
    T_EQ_INT(heard.n_settled, 1);
}

/* The chip itself: without an erase bits stay 0, as the contract relies on nobody cheating. */
static void chip_keeps_the_rules_of_nor(void)
{
    const struct ferry_flash *f = &nor.flash;
    const uint8_t first = 0x0f, second = 0xf5;
    uint8_t got = 0;
    T_EQ_INT(f->ops->erase(f, AREA_OFF, f->sector_bytes), FERRY_OK);
    T_EQ_INT(f->ops->prog(f, AREA_OFF, &first, 1), FERRY_OK);
    T_EQ_INT(f->ops->prog(f, AREA_OFF, &second, 1), FERRY_OK);
    T_EQ_INT(f->ops->read(f, AREA_OFF, &got, 1), FERRY_OK);
    T_EQ_INT(got, 0x05);
}

static void protected_chip_is_an_error(void)
{
    const struct ferry_flash *f = &overheard_nor.flash;
    uint8_t byte = 0;
    heard = (struct overheard){.ignores_enable = true};
    T_EQ_INT(f->ops->prog(f, AREA_OFF, &byte, 1), FERRY_ERR_FLASH_IO);
    T_EQ_INT(f->ops->erase(f, AREA_OFF, f->sector_bytes), FERRY_ERR_FLASH_IO);
    T_EQ_INT(f->ops->erase(f, AREA_OFF, f->block_bytes), FERRY_ERR_FLASH_IO);
    T_EQ_INT(heard.n_programs + heard.n_erase_sectors + heard.n_erase_blocks, 0);
}

static void chip_that_stays_busy_is_an_error(void)
{
    const struct ferry_flash *f = &overheard_nor.flash;
    uint8_t byte = 0;
    heard = (struct overheard){.is_busy_forever = true};
    T_EQ_INT(f->ops->prog(f, AREA_OFF, &byte, 1), FERRY_ERR_FLASH_IO);
    T_EQ_INT(heard.n_programs, 1);
    T_EQ_INT(f->ops->sync(f), FERRY_ERR_FLASH_IO);
    T_EQ_INT(f->ops->erase(f, AREA_OFF, f->sector_bytes), FERRY_ERR_FLASH_IO);
    T_EQ_INT(heard.n_erase_sectors, 0); // not even asked
    heard = (struct overheard){.is_busy_forever = true};
    T_EQ_INT(f->ops->erase(f, AREA_OFF, f->sector_bytes), FERRY_ERR_FLASH_IO);
    T_EQ_INT(heard.n_erase_sectors, 1);
}

static void clock_and_console_keep_time(void)
{
    const uint32_t start = clock_us();
    T_EQ_INT(console_get(20000), -1); // nobody sends
    const uint32_t waited = clock_us() - start;
    T_CHECK(waited >= 20000);
    T_CHECK(waited < 20000 + 5000000); // the machine may be busy; it must not sleep on
}

void firmware_trap(uint32_t cause, uint32_t address)
{
    printf("trap: cause %x at 0x%08x\n", (unsigned)cause, (unsigned)address);
    machine_end(70);
}

void firmware_main(uint32_t handed)
{
    (void)handed;
    machine_init();
    if (!T_EQ_INT(spi_nor_init(&nor, &sifive_u_spi), FERRY_OK))
        machine_end(1);
    T_RUN(sifive_flash_keeps_the_contract);
    T_RUN(chip_says_its_own_size);
    T_RUN(no_program_crosses_a_page);
    T_RUN(erases_are_one_command_each);
    T_RUN(sync_lets_the_machine_settle);
    T_RUN(chip_keeps_the_rules_of_nor);
    T_RUN(protected_chip_is_an_error);
    T_RUN(chip_that_stays_busy_is_an_error);
    T_RUN(clock_and_console_keep_time);
    printf("stack: %u bytes\n", (unsigned)stack_used_bytes());
    machine_end((uint32_t)t_end());
}
