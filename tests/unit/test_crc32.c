/* tests/unit/test_crc32.c - the CRC-32 against its published check values and in pieces. */
#include "ferry/crc32.h"

#include "t.h"

static const uint8_t digits[] = "123456789";

static void check_strings_give_the_published_values(void)
{
    T_EQ_INT(ferry_crc32(0, digits, 9), 0xcbf43926);
    T_EQ_INT(ferry_crc32(0xffffffff, digits, 9), 0xd202d277);
}

static void nothing_leaves_the_value_alone(void)
{
    T_EQ_INT(ferry_crc32(0, digits, 0), 0);
    T_EQ_INT(ferry_crc32(0x12345678, digits, 0), 0x12345678);
}

static void any_split_gives_the_same_value(void)
{
    for (size_t i = 0; i <= 9; i++)
        T_EQ_INT(ferry_crc32(ferry_crc32(0, digits, i), digits + i, 9 - i), 0xcbf43926);
}

static void otadata_sequence_numbers_have_espressifs_crc(void)
{
    static const struct {
        uint8_t seq[4];
        uint32_t crc;
    } cases[] = {{{1, 0, 0, 0}, 0x4743989a}, {{2, 0, 0, 0}, 0x55f63774}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        T_EQ_INT(ferry_crc32(0xffffffff, cases[i].seq, 4), cases[i].crc);
}

int main(void)
{
    T_RUN(check_strings_give_the_published_values);
    T_RUN(nothing_leaves_the_value_alone);
    T_RUN(any_split_gives_the_same_value);
    T_RUN(otadata_sequence_numbers_have_espressifs_crc);
    return t_end();
}
