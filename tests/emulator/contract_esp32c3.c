/* tests/emulator/contract_esp32c3.c - the ESP32-C3's port on the emulated processor: the flash
 * contract through the ROM's routines, constants of flash programmed back into it, the running
 * program's place, time. */
#include "contract.h"
#include "esp32c3.h"
#include "t.h"

#define AREA_OFF  0x300000u
#define IMAGE_OFF 0x10000u // where the test has put this program

static const struct ferry_flash *flash;

static void print_promise(void *ctx, const char *promise)
{
    (void)ctx;
    printf("  not kept: %s\n", promise);
}

static void esp32c3_flash_keeps_the_contract(void)
{
    T_EQ_INT(flash->size_bytes, 4u << 20);
    T_EQ_INT(port_contract(flash, AREA_OFF, print_promise, NULL), 0);
}

/* Constants lie in flash, out of reach while it is written. */
static void constants_can_be_programmed(void)
{
    static const uint8_t constant[300] = {1, 2, 3, [299] = 99};
    uint8_t got[300];
    T_EQ_INT(flash->ops->erase(flash, AREA_OFF, flash->sector_bytes), FERRY_OK);
    T_EQ_INT(flash->ops->prog(flash, AREA_OFF + 3, constant, sizeof(constant)), FERRY_OK);
    T_EQ_INT(flash->ops->read(flash, AREA_OFF + 3, got, sizeof(got)), FERRY_OK);
    T_EQ_MEM(got, constant, sizeof(got));
}

static void program_knows_where_it_lies(void)
{
    const uint32_t off = machine_image_off(0);
    T_CHECK(off > IMAGE_OFF);
    T_CHECK(off < IMAGE_OFF + 0x10000);
}

/* The test's chip is of revision 1.12 with blocks 2.3, and does not ignore upper limits. */
static void chip_says_its_revisions(void)
{
    struct ferry_policy policy = {.ignore_max_rev = true, .rollback = true};
    machine_revisions(&policy);
    T_EQ_INT(policy.chip_rev, 112);
    T_EQ_INT(policy.blk_rev, 203);
    T_CHECK(!policy.ignore_max_rev);
    T_CHECK(policy.rollback);
}

static void clock_and_console_keep_time(void)
{
    const uint32_t start = clock_us();
    T_EQ_INT(console_get(20000), -1); // nobody types
    const uint32_t waited = clock_us() - start;
    T_CHECK(waited >= 20000);
    T_CHECK(waited < 40000);
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
    if (!T_EQ_INT(machine_flash(&flash), FERRY_OK))
        machine_end(1);
    T_RUN(esp32c3_flash_keeps_the_contract);
    T_RUN(constants_can_be_programmed);
    T_RUN(program_knows_where_it_lies);
    T_RUN(chip_says_its_revisions);
    T_RUN(clock_and_console_keep_time);
    (void)t_end(); // says how many
    machine_end(0);
}
