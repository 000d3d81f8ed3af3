/* tests/host/test_sentence.c - every error has a sentence that reads as one, whatever is known. */
#include "sentence.h"

#include <ctype.h>

#include "t.h"

#define ERROR_(name, number, text) name,
static const ferry_err errors[] = {FERRY_ERR_LIST(ERROR_)};
#undef ERROR_

static const struct ferry_about abouts[] = {
    {0},
    {.file = "app.bin"},
    {.slot = "ota_1"},
    {.detail = "because"},
    {"app.bin", "ota_1", "because"},
};

static bool reads_well(const char *sentence)
{
    const size_t n = strlen(sentence);
    return n > 1 && !strpbrk(sentence, "{}[]|") && !strstr(sentence, "  ") &&
           sentence[n - 1] != ' ' && sentence[n - 1] != ':' && sentence[n - 1] != '.' &&
           !isspace((unsigned char)sentence[0]);
}

static void each_error_reads_well_whatever_is_known(void)
{
    static const struct ferry_fault numbers[] = {{0, 0, 0, 0}, {0, 7, 9, 0}, {0, 7, 9, 11}};
    for (size_t e = 0; e < sizeof(errors) / sizeof(*errors); e++)
        for (size_t a = 0; a < sizeof(abouts) / sizeof(*abouts); a++)
            for (size_t f = 0; f < sizeof(numbers) / sizeof(*numbers); f++) {
                char buf[FERRY_SENTENCE_BYTES];
                struct ferry_fault fault = numbers[f];
                fault.err = errors[e];
                if (!T_CHECK(reads_well(ferry_sentence(buf, sizeof(buf), &fault, &abouts[a]))))
                    printf("    %s: \"%s\"\n", ferry_errname(errors[e]), buf);
            }
}

static void check(ferry_err err, uint32_t value, uint32_t limit, uint32_t off_bytes,
                  const struct ferry_about *about, const char *want)
{
    char buf[FERRY_SENTENCE_BYTES];
    const struct ferry_fault fault = {err, value, limit, off_bytes};
    T_EQ_STR(ferry_sentence(buf, sizeof(buf), &fault, about), want);
}

static void numbers_stand_in_the_words_of_their_field(void)
{
    const struct ferry_about both = {"app.bin", "ota_1", NULL};
    check(FERRY_ERR_IMAGE_SIZE, 1700000, 1572864, 0, &both,
          "app.bin is 1,700,000 bytes; ota_1 holds 1,572,864");
    check(FERRY_ERR_IMAGE_SIZE, 1700000, 1572864, 0, NULL,
          "the image is 1,700,000 bytes; the slot holds 1,572,864");
    check(FERRY_ERR_IMAGE_CHIP, 9, 5, 0, &both, "app.bin is for esp32s3; the device is esp32c3");
    check(FERRY_ERR_IMAGE_CHIP, 0x7777, 5, 0, &both,
          "app.bin is for an unknown chip (id 0x7777); the device is esp32c3");
    check(FERRY_ERR_IMAGE_REV_MIN, 301, 4, 0, NULL,
          "the image needs chip revision v3.1 or newer; the device is v0.4");
    check(FERRY_ERR_IMAGE_MAGIC, 0, 0xe9, 0, NULL,
          "the image is not an ESP application image: it begins with 0x00 instead of 0xe9");
    check(FERRY_ERR_UPDATE_CRC, 0xabc, 0x12345678, 0, NULL,
          "the image has CRC32 00000abc; 12345678 was promised");
    check(FERRY_ERR_TABLE_SIZE, 0x110000, 0x100000, 0, NULL,
          "a partition ends at 0x110000; the flash ends at 0x100000");
}

static void parts_that_are_not_known_are_left_out(void)
{
    check(FERRY_ERR_IMAGE_TRUNC, 0, 0, 0, NULL, "the image is cut short");
    check(FERRY_ERR_IMAGE_TRUNC, 5, 96, 0, NULL,
          "the image is cut short: it has 5 bytes and needs 96");
    check(FERRY_ERR_FILE_OPEN, 0, 0, 0, &(struct ferry_about){"x", NULL, "No such file"},
          "cannot open x: No such file");
    check(FERRY_ERR_FILE_OPEN, 0, 0, 0, NULL, "cannot open the file");
    check(FERRY_ERR_NET_URL, 0, 0, 0, &(struct ferry_about){"ftp://x", NULL, "ftp://x"},
          "ftp://x is not an address this source understands");
}

static void unknown_number_is_named(void)
{
    check((ferry_err)-9999, 0, 0, 0, NULL, "unknown error -9999");
}

static void long_names_are_cut_and_no_byte_is_written_behind_the_buffer(void)
{
    char name[3000], buf[40];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    for (size_t n = 1; n < sizeof(buf); n++) {
        memset(buf, 0x55, sizeof(buf));
        const struct ferry_fault fault = {FERRY_ERR_IMAGE_SIZE, 1, 2, 0};
        ferry_sentence(buf, n, &fault, &(struct ferry_about){.file = name});
        T_CHECK(strlen(buf) < n);
        T_EQ_INT(buf[n], 0x55);
    }
}

static void thousands_are_separated(void)
{
    char buf[28];
    T_EQ_STR(ferry_thousands(buf, sizeof(buf), 0), "0");
    T_EQ_STR(ferry_thousands(buf, sizeof(buf), 999), "999");
    T_EQ_STR(ferry_thousands(buf, sizeof(buf), 1000), "1,000");
    T_EQ_STR(ferry_thousands(buf, sizeof(buf), UINT64_MAX), "18,446,744,073,709,551,615");
}

int main(void)
{
    T_RUN(each_error_reads_well_whatever_is_known);
    T_RUN(numbers_stand_in_the_words_of_their_field);
    T_RUN(parts_that_are_not_known_are_left_out);
    T_RUN(unknown_number_is_named);
    T_RUN(long_names_are_cut_and_no_byte_is_written_behind_the_buffer);
    T_RUN(thousands_are_separated);
    return t_end();
}
