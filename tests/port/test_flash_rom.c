/* tests/port/test_flash_rom.c - the ESP32-C3's flash driver over a ROM that is played: it keeps the
 * rules of NOR, wants whole words, erases by number, and notes whoever calls it while the cache
 * still uses the flash. The contract, every alignment, and a ROM that fails. */
#include "contract.h"
#include "flash_rom.h"
#include "sim_flash.h"
#include "t.h"

#define SIZE_BYTES  (8u * 65536u)
#define AREA_OFF    65536u
#define WAS_ENABLED 0x1888u // what `take` found, as the chip would hand it back
#define WAS_AHEAD   4u

/** The played ROM and chip. */
static struct rom {
    struct sim_flash sim;
    bool is_taken;
    unsigned n_taken, n_forgotten; // forgotten: given back to a cache that knows it changed
    unsigned n_sectors, n_blocks;
    unsigned n_broken; // rules that a caller did not keep
    int fails;         // result of every routine
} rom;
static struct flash_rom driver;

static int call(bool keeps_rules)
{
    if (!rom.is_taken || !keeps_rules) {
        rom.n_broken++;
        return 1;
    }
    return rom.fails;
}

static bool is_whole(uint32_t off, const uint32_t *memory, int32_t n)
{
    return off % 4 == 0 && (uintptr_t)memory % 4 == 0 && n > 0 && n % 4 == 0;
}

static int rom_read(uint32_t off, uint32_t *dst, int32_t n)
{
    const int result = call(is_whole(off, dst, n));
    return result ? result : rom.sim.flash.ops->read(&rom.sim.flash, off, dst, (uint32_t)n) != 0;
}

/* What is programmed must lie in RAM, and only the driver's own page is known to. */
static int rom_write(uint32_t off, const uint32_t *src, int32_t n)
{
    const int result = call(is_whole(off, src, n) && src == driver.words);
    return result ? result : rom.sim.flash.ops->prog(&rom.sim.flash, off, src, (uint32_t)n) != 0;
}

static int rom_erase_sector(uint32_t number)
{
    const int result = call(true);
    rom.n_sectors++;
    return result ? result : rom.sim.flash.ops->erase(&rom.sim.flash, number * 4096, 4096) != 0;
}

static int rom_erase_block(uint32_t number)
{
    const int result = call(true);
    rom.n_blocks++;
    return result ? result : rom.sim.flash.ops->erase(&rom.sim.flash, number * 65536, 65536) != 0;
}

static void take(uint32_t was[2])
{
    rom.n_broken += rom.is_taken;
    rom.is_taken = true;
    rom.n_taken++;
    was[0] = WAS_ENABLED;
    was[1] = WAS_AHEAD;
}

static void give(const uint32_t was[2], bool is_changed)
{
    rom.n_broken += !rom.is_taken || was[0] != WAS_ENABLED || was[1] != WAS_AHEAD;
    rom.is_taken = false;
    rom.n_forgotten += is_changed;
}

static const struct flash_rom_calls calls = {.read = rom_read,
                                             .write = rom_write,
                                             .erase_sector = rom_erase_sector,
                                             .erase_block = rom_erase_block,
                                             .take = take,
                                             .give = give};

static const struct ferry_flash *begin(void)
{
    rom = (struct rom){0};
    sim_flash_init(&rom.sim, SIZE_BYTES, 1);
    T_EQ_INT(flash_rom_init(&driver, &calls, SIZE_BYTES), FERRY_OK);
    return &driver.flash;
}

static void end(void)
{
    T_EQ_INT(rom.n_broken, 0);
    T_CHECK(!rom.is_taken);
    sim_flash_free(&rom.sim);
}

static void print_promise(void *ctx, const char *promise)
{
    (void)ctx;
    printf("  not kept: %s\n", promise);
}

static void rom_flash_keeps_the_contract(void)
{
    T_EQ_INT(port_contract(begin(), AREA_OFF, print_promise, NULL), 0);
    end();
}

/* Every offset within two words by every length, into and out of memory of every alignment; the
 * bytes around stay as they are. */
static void any_alignment_reads_and_writes_just_that(void)
{
    const struct ferry_flash *f = begin();
    uint32_t at = AREA_OFF;
    for (uint32_t skip = 0; skip < 4; skip++) {
        for (uint32_t off = 0; off < 4; off++) {
            for (uint32_t n = 0; n < 12; n++, at += 24) {
                uint8_t src[16], got[24], want[24];
                memset(want, 0xff, sizeof(want));
                for (uint32_t i = 0; i < n; i++)
                    want[4 + off + i] = src[skip + i] = (uint8_t)(at / 24 + 31 * i);
                T_EQ_INT(f->ops->prog(f, at + 4 + off, src + skip, n), FERRY_OK);
                sim_flash_peek(&rom.sim, at, got, sizeof(got));
                T_EQ_MEM(got, want, sizeof(got));
                memset(got, 0x55, sizeof(got));
                T_EQ_INT(f->ops->read(f, at + 4 + off, got + skip, n), FERRY_OK);
                T_EQ_MEM(got + skip, want + 4 + off, n);
                T_EQ_INT(got[skip + n], 0x55);
            }
        }
    }
    end();
}

static void long_pieces_cross_pages_and_words(void)
{
    static uint8_t src[9001], got[9001];
    const struct ferry_flash *f = begin();
    for (size_t i = 0; i < sizeof(src); i++)
        src[i] = (uint8_t)(i * 131 + (i >> 8));
    T_EQ_INT(f->ops->prog(f, AREA_OFF + 253, src, sizeof(src)), FERRY_OK);
    for (uint32_t skip = 0; skip < 4; skip++) {
        T_EQ_INT(f->ops->read(f, AREA_OFF + 253 + skip, got + skip, sizeof(got) - skip), FERRY_OK);
        T_EQ_MEM(got + skip, src + skip, sizeof(got) - skip);
    }
    end();
}

static void cache_forgets_what_was_written_and_nothing_else(void)
{
    const struct ferry_flash *f = begin();
    uint8_t byte = 0;
    T_EQ_INT(f->ops->read(f, AREA_OFF, &byte, 1), FERRY_OK);
    T_EQ_INT(rom.n_taken, 1);
    T_EQ_INT(rom.n_forgotten, 0);
    T_EQ_INT(f->ops->prog(f, AREA_OFF, &byte, 1), FERRY_OK);
    T_EQ_INT(rom.n_forgotten, 1);
    T_EQ_INT(f->ops->erase(f, AREA_OFF, 4096), FERRY_OK);
    T_EQ_INT(rom.n_forgotten, 2);
    T_EQ_INT(f->ops->sync(f), FERRY_OK);
    T_EQ_INT(rom.n_taken, 3);
    end();
}

static void erases_go_by_number_and_are_one_call_each(void)
{
    const struct ferry_flash *f = begin();
    T_EQ_INT(f->ops->erase(f, AREA_OFF + 4096, 4096), FERRY_OK);
    T_EQ_INT(f->ops->erase(f, AREA_OFF, 65536), FERRY_OK);
    T_EQ_INT(rom.n_sectors, 1);
    T_EQ_INT(rom.n_blocks, 1);
    T_EQ_INT(f->ops->erase(f, AREA_OFF + 4096, 65536), FERRY_ERR_FLASH_ALIGN);
    T_EQ_INT(f->ops->erase(f, AREA_OFF, 8192), FERRY_ERR_FLASH_ALIGN);
    T_EQ_INT(rom.n_sectors + rom.n_blocks, 2);
    end();
}

/* 1: it reports an error; 2: a timeout. Either way the flash is given back. */
static void rom_that_fails_is_an_error(void)
{
    for (int result = 1; result <= 2; result++) {
        const struct ferry_flash *f = begin();
        uint8_t bytes[8] = {0};
        rom.fails = result;
        T_EQ_INT(f->ops->read(f, AREA_OFF, bytes, 8), FERRY_ERR_FLASH_IO);
        T_EQ_INT(f->ops->read(f, AREA_OFF + 1, bytes, 3), FERRY_ERR_FLASH_IO);
        T_EQ_INT(f->ops->prog(f, AREA_OFF, bytes, 8), FERRY_ERR_FLASH_IO);
        T_EQ_INT(f->ops->erase(f, AREA_OFF, 4096), FERRY_ERR_FLASH_IO);
        T_EQ_INT(f->ops->erase(f, AREA_OFF, 65536), FERRY_ERR_FLASH_IO);
        end();
    }
}

static void sizes_that_no_bootloader_says_are_refused(void)
{
    static const uint32_t sizes[] = {0, 65536, 0x3ffff, 0x408000, 0x1010000, UINT32_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        T_EQ_INT(flash_rom_init(&driver, &calls, sizes[i]), FERRY_ERR_FLASH_IO);
    T_EQ_INT(flash_rom_init(&driver, &calls, 0x40000), FERRY_OK);
    T_EQ_INT(flash_rom_init(&driver, &calls, 0x1000000), FERRY_OK);
    T_EQ_INT(driver.flash.size_bytes, 0x1000000);
}

/* The played ROM itself: careless callers are noticed. */
static void careless_callers_are_noticed(void)
{
    uint32_t words[2], was[2];
    begin();
    T_CHECK(rom_read(0, words, 4) != 0); // not taken
    take(was);
    T_CHECK(rom_read(2, words, 4) != 0);
    T_CHECK(rom_read(0, (uint32_t *)(void *)((uint8_t *)words + 1), 4) != 0);
    T_CHECK(rom_write(0, driver.words, 5) != 0);
    T_CHECK(rom_write(0, words, 4) != 0); // may lie in flash
    T_EQ_INT(rom_write(0, driver.words, 4), 0);
    T_EQ_INT(rom.n_broken, 5);
    sim_flash_free(&rom.sim);
}

int main(void)
{
    T_RUN(rom_flash_keeps_the_contract);
    T_RUN(any_alignment_reads_and_writes_just_that);
    T_RUN(long_pieces_cross_pages_and_words);
    T_RUN(cache_forgets_what_was_written_and_nothing_else);
    T_RUN(erases_go_by_number_and_are_one_call_each);
    T_RUN(rom_that_fails_is_an_error);
    T_RUN(sizes_that_no_bootloader_says_are_refused);
    T_RUN(careless_callers_are_noticed);
    return t_end();
}
