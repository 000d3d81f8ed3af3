/* core/partition_names.c - the keywords of types and subtypes. Apart from the codec, so that
 * firmware that prints no names links no strings. Facts: docs/formats.md "Types and subtypes". */
#include "ferry/partition.h"

#include "core/mem.h"

struct name {
    uint8_t type;
    uint8_t subtype;
    const char *word;
};

static const char *const type_words[] = {"app", "data", "bootloader", "partition_table"};

// ota_0 to ota_15 stand as words of their own: a tool wants to print them without building text.
static const struct name subtypes[] = {
    {FERRY_TYPE_APP, 0x00, "factory"},
    {FERRY_TYPE_APP, 0x10, "ota_0"},
    {FERRY_TYPE_APP, 0x11, "ota_1"},
    {FERRY_TYPE_APP, 0x12, "ota_2"},
    {FERRY_TYPE_APP, 0x13, "ota_3"},
    {FERRY_TYPE_APP, 0x14, "ota_4"},
    {FERRY_TYPE_APP, 0x15, "ota_5"},
    {FERRY_TYPE_APP, 0x16, "ota_6"},
    {FERRY_TYPE_APP, 0x17, "ota_7"},
    {FERRY_TYPE_APP, 0x18, "ota_8"},
    {FERRY_TYPE_APP, 0x19, "ota_9"},
    {FERRY_TYPE_APP, 0x1a, "ota_10"},
    {FERRY_TYPE_APP, 0x1b, "ota_11"},
    {FERRY_TYPE_APP, 0x1c, "ota_12"},
    {FERRY_TYPE_APP, 0x1d, "ota_13"},
    {FERRY_TYPE_APP, 0x1e, "ota_14"},
    {FERRY_TYPE_APP, 0x1f, "ota_15"},
    {FERRY_TYPE_APP, 0x20, "test"},
    {FERRY_TYPE_APP, 0x30, "tee_0"},
    {FERRY_TYPE_APP, 0x31, "tee_1"},
    {FERRY_TYPE_DATA, 0x00, "ota"},
    {FERRY_TYPE_DATA, 0x01, "phy"},
    {FERRY_TYPE_DATA, 0x02, "nvs"},
    {FERRY_TYPE_DATA, 0x03, "coredump"},
    {FERRY_TYPE_DATA, 0x04, "nvs_keys"},
    {FERRY_TYPE_DATA, 0x05, "efuse"},
    {FERRY_TYPE_DATA, 0x06, "undefined"},
    {FERRY_TYPE_DATA, 0x80, "esphttpd"},
    {FERRY_TYPE_DATA, 0x81, "fat"},
    {FERRY_TYPE_DATA, 0x82, "spiffs"},
    {FERRY_TYPE_DATA, 0x83, "littlefs"},
    {FERRY_TYPE_DATA, 0x90, "tee_ota"},
    {FERRY_TYPE_BOOTLOADER, 0x00, "primary"},
    {FERRY_TYPE_BOOTLOADER, 0x01, "ota"},
    {FERRY_TYPE_BOOTLOADER, 0x02, "recovery"},
    {FERRY_TYPE_TABLE, 0x00, "primary"},
    {FERRY_TYPE_TABLE, 0x01, "ota"},
};

#define N_TYPES    (sizeof(type_words) / sizeof(type_words[0]))
#define N_SUBTYPES (sizeof(subtypes) / sizeof(subtypes[0]))

static bool same_word(const char *known, const char *given)
{
    for (; *known; known++, given++) {
        const char c = *given >= 'A' && *given <= 'Z' ? (char)(*given - 'A' + 'a') : *given;
        if (c != *known)
            return false;
    }
    return *given == '\0';
}

const char *ferry_type_name(uint8_t type)
{
    return type < N_TYPES ? type_words[type] : NULL;
}

const char *ferry_subtype_name(uint8_t type, uint8_t subtype)
{
    for (size_t i = 0; i < N_SUBTYPES; i++) {
        if (subtypes[i].type == type && subtypes[i].subtype == subtype)
            return subtypes[i].word;
    }
    return NULL;
}

ferry_err ferry_type_by_name(const char *name, uint8_t *out)
{
    for (size_t i = 0; i < N_TYPES; i++) {
        if (same_word(type_words[i], name)) {
            *out = (uint8_t)i;
            return FERRY_OK;
        }
    }
    return FERRY_ERR_NOT_FOUND;
}

ferry_err ferry_subtype_by_name(uint8_t type, const char *name, uint8_t *out)
{
    for (size_t i = 0; i < N_SUBTYPES; i++) {
        if (subtypes[i].type == type && same_word(subtypes[i].word, name)) {
            *out = subtypes[i].subtype;
            return FERRY_OK;
        }
    }
    return FERRY_ERR_NOT_FOUND;
}
