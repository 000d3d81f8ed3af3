/* tests/idf/test_flash_esp.c - the flash of ports/esp-idf over a chip that keeps the rules: the
 * contract suite on both views, and what the port alone promises. */
#include "flash_esp.h"

#include <string.h>

#include <esp_err.h>

#include "contract.h"
#include "fake_esp_flash.h"
#include "t.h"

#define AREA_OFF 0x10000u

static struct ferry_flash_esp view;

static const struct ferry_flash *open_view(bool encrypts)
{
    fake_flash_reset();
    T_EQ_INT(ferry_flash_esp_open(&view, NULL, encrypts), FERRY_OK);
    return &view.flash;
}

static void print_promise(void *ctx, const char *what)
{
    printf("  %s: not kept: %s\n", (const char *)ctx, what);
}

static void plain_view_keeps_the_contract(void)
{
    char name[] = "plain";
    T_EQ_INT(port_contract(open_view(false), AREA_OFF, print_promise, name), 0);
}

static void encrypting_view_keeps_the_contract(void)
{
    char name[] = "encrypting";
    T_EQ_INT(port_contract(open_view(true), AREA_OFF, print_promise, name), 0);
}

static void geometry_is_the_chips(void)
{
    T_EQ_INT(open_view(false)->prog_bytes, 1);
    T_EQ_INT(open_view(true)->prog_bytes, 16);
    T_EQ_INT(view.flash.size_bytes, FAKE_FLASH_BYTES);
    fake_flash.has_no_size = true;
    T_EQ_INT(ferry_flash_esp_open(&view, NULL, false), FERRY_ERR_FLASH_IO);
}

static void what_is_stored_is_encrypted(void)
{
    const struct ferry_flash *f = open_view(true);
    const uint8_t text[16] = "in the clear";
    T_EQ_INT(f->ops->prog(f, AREA_OFF, text, 16), FERRY_OK);
    T_CHECK(memcmp(fake_flash.bytes + AREA_OFF, text, 16) != 0);
}

/* Between two written units lies an erased one; every way to cut the read gives the same. */
static void erased_units_read_as_ff_wherever_a_read_begins(void)
{
    const struct ferry_flash *f = open_view(true);
    uint8_t text[16], want[48], got[48];
    memset(text, 0x5a, sizeof text);
    memset(want, 0xff, sizeof want);
    memcpy(want, text, 16);
    memcpy(want + 32, text, 16);
    T_EQ_INT(f->ops->prog(f, AREA_OFF, text, 16), FERRY_OK);
    T_EQ_INT(f->ops->prog(f, AREA_OFF + 32, text, 16), FERRY_OK);
    for (uint32_t at = 0; at < 48; at++)
        for (uint32_t n = 1; n <= 48 - at; n++) {
            memset(got, 0, sizeof got);
            T_EQ_INT(f->ops->read(f, AREA_OFF + at, got, n), FERRY_OK);
            T_EQ_MEM(got, want + at, n);
        }
}

/* Bytes that happen to be 0xff, in the clear or stored, in a unit that is not erased. */
static void a_unit_that_is_not_erased_keeps_its_bytes(void)
{
    const struct ferry_flash *f = open_view(true);
    uint8_t text[64], got[64];
    for (uint32_t i = 0; i < sizeof text; i++)
        text[i] = i % 3 ? 0xff : (uint8_t)(~(0x5a + (AREA_OFF + i) * 31 + (AREA_OFF + i) / 251));
    T_EQ_INT(f->ops->prog(f, AREA_OFF, text, sizeof text), FERRY_OK);
    for (uint32_t at = 0; at < 64; at++)
        for (uint32_t n = 1; n <= 64 - at; n++) {
            T_EQ_INT(f->ops->read(f, AREA_OFF + at, got, n), FERRY_OK);
            T_EQ_MEM(got, text + at, n);
        }
}

static void the_last_bytes_of_the_chip_are_read(void)
{
    const struct ferry_flash *f = open_view(true);
    uint8_t got[5] = {0};
    T_EQ_INT(f->ops->read(f, FAKE_FLASH_BYTES - 5, got, 5), FERRY_OK);
    T_EQ_MEM(got, "\xff\xff\xff\xff\xff", 5);
}

static void a_read_without_erased_units_costs_two(void)
{
    const struct ferry_flash *f = open_view(true);
    uint8_t sector[4096];
    memset(sector, 7, sizeof sector);
    T_EQ_INT(f->ops->prog(f, AREA_OFF, sector, sizeof sector), FERRY_OK);
    fake_flash.n_reads = 0;
    T_EQ_INT(f->ops->read(f, AREA_OFF, sector, sizeof sector), FERRY_OK);
    T_EQ_INT(fake_flash.n_reads, 1);
}

static void what_esp_idf_guards_is_called_protected(void)
{
    const struct ferry_flash *f = open_view(false);
    fake_flash.guarded_bytes = 0x9000;
    T_EQ_INT(f->ops->erase(f, 0x8000, 4096), FERRY_ERR_FLASH_PROTECTED);
    T_EQ_INT(f->ops->prog(f, 0x8000, "x", 1), FERRY_ERR_FLASH_PROTECTED);
    T_EQ_INT(f->ops->erase(f, 0x9000, 4096), FERRY_OK);
}

static void failures_of_the_chip_are_passed_on(void)
{
    uint8_t byte[16] = {0};
    for (int encrypts = 0; encrypts < 2; encrypts++) {
        const struct ferry_flash *f = open_view(encrypts);
        fake_flash.fails_with = ESP_FAIL;
        T_EQ_INT(f->ops->read(f, AREA_OFF, byte, 16), FERRY_ERR_FLASH_IO);
        T_EQ_INT(f->ops->prog(f, AREA_OFF, byte, 16), FERRY_ERR_FLASH_IO);
        T_EQ_INT(f->ops->erase(f, AREA_OFF, 4096), FERRY_ERR_FLASH_IO);
        fake_flash.fails_with = ESP_ERR_NO_MEM;
        T_EQ_INT(f->ops->read(f, AREA_OFF, byte, 16), FERRY_ERR_NO_MEMORY);
        fake_flash.fails_with = 0x10d; // ESP_ERR_NOT_ALLOWED
        T_EQ_INT(f->ops->prog(f, AREA_OFF, byte, 16), FERRY_ERR_FLASH_PROTECTED);
    }
}

int main(void)
{
    T_RUN(plain_view_keeps_the_contract);
    T_RUN(encrypting_view_keeps_the_contract);
    T_RUN(geometry_is_the_chips);
    T_RUN(what_is_stored_is_encrypted);
    T_RUN(erased_units_read_as_ff_wherever_a_read_begins);
    T_RUN(a_unit_that_is_not_erased_keeps_its_bytes);
    T_RUN(the_last_bytes_of_the_chip_are_read);
    T_RUN(a_read_without_erased_units_costs_two);
    T_RUN(what_esp_idf_guards_is_called_protected);
    T_RUN(failures_of_the_chip_are_passed_on);
    return t_end();
}
