/* tests/unit/test_chip.c - the list of chips: found by id and by name, and consistent. */
#include "ferry/chip.h"

#include "t.h"

static void every_chip_is_found_by_its_id_and_its_name(void)
{
    size_t n = 0;
    for (; ferry_chip_at(n); n++) {
        const struct ferry_chip *c = ferry_chip_at(n);
        T_CHECK(ferry_chip_by_id(c->id) == c);
        T_CHECK(ferry_chip_by_name(c->name) == c);
    }
    T_EQ_INT(n, 13);
    T_CHECK(!ferry_chip_at(n + 1000));
}

static void names_are_found_as_people_write_them(void)
{
    T_CHECK(ferry_chip_by_name("ESP32-C3") == &ferry_chip_esp32c3);
    T_CHECK(ferry_chip_by_name("esp32s3") == &ferry_chip_esp32s3);
    T_CHECK(ferry_chip_by_name("Esp32") == &ferry_chip_esp32);
}

static void strangers_are_not_found(void)
{
    T_CHECK(!ferry_chip_by_name(""));
    T_CHECK(!ferry_chip_by_name("esp32c"));
    T_CHECK(!ferry_chip_by_name("esp32c33"));
    T_CHECK(!ferry_chip_by_name("esp8266"));
    T_CHECK(!ferry_chip_by_id(0xffff));
    T_CHECK(!ferry_chip_by_id(1));
}

static void ids_and_bootloader_places_are_espressifs(void)
{
    T_EQ_INT(ferry_chip_esp32.id, 0);
    T_EQ_INT(ferry_chip_esp32.bootloader_off_bytes, 0x1000);
    T_EQ_INT(ferry_chip_esp32c3.id, 5);
    T_EQ_INT(ferry_chip_esp32c3.bootloader_off_bytes, 0);
    T_EQ_INT(ferry_chip_esp32s3.id, 9);
    T_EQ_INT(ferry_chip_esp32p4.id, 0x12);
    T_EQ_INT(ferry_chip_esp32p4.bootloader_off_bytes, 0x2000);
}

static void every_chip_can_map_what_it_boots(void)
{
    const struct ferry_chip *c;
    for (size_t i = 0; (c = ferry_chip_at(i)); i++) {
        T_CHECK(c->drom.start < c->drom.end);
        T_CHECK(c->irom.start < c->irom.end);
        T_CHECK(c->page_log2_min <= c->page_log2_max && c->page_log2_max <= 18);
        T_CHECK(c->secure_version_bits > 0 && c->secure_version_bits <= 32);
        T_EQ_INT(c->bootloader_off_bytes % 0x1000, 0);
    }
}

int main(void)
{
    T_RUN(every_chip_is_found_by_its_id_and_its_name);
    T_RUN(names_are_found_as_people_write_them);
    T_RUN(strangers_are_not_found);
    T_RUN(ids_and_bootloader_places_are_espressifs);
    T_RUN(every_chip_can_map_what_it_boots);
    return t_end();
}
