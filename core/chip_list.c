/* core/chip_list.c - finding a chip among all of them; firmware that names its own chip does not
 * link this. */
#include "ferry/chip.h"

static const struct ferry_chip *const chips[] = {
    &ferry_chip_esp32,    &ferry_chip_esp32s2,  &ferry_chip_esp32s3, &ferry_chip_esp32c2,
    &ferry_chip_esp32c3,  &ferry_chip_esp32c5,  &ferry_chip_esp32c6, &ferry_chip_esp32c61,
    &ferry_chip_esp32h2,  &ferry_chip_esp32h21, &ferry_chip_esp32h4, &ferry_chip_esp32p4,
    &ferry_chip_esp32s31,
};

#define N_CHIPS (sizeof(chips) / sizeof(chips[0]))

const struct ferry_chip *ferry_chip_at(size_t i)
{
    return i < N_CHIPS ? chips[i] : NULL;
}

const struct ferry_chip *ferry_chip_by_id(uint16_t id)
{
    for (size_t i = 0; i < N_CHIPS; i++) {
        if (chips[i]->id == id)
            return chips[i];
    }
    return NULL;
}

static bool same_name(const char *known, const char *given)
{
    for (;; given++) {
        if (*given == '-')
            continue;
        const char c = *given >= 'A' && *given <= 'Z' ? (char)(*given - 'A' + 'a') : *given;
        if (c != *known)
            return false;
        if (!c)
            return true;
        known++;
    }
}

const struct ferry_chip *ferry_chip_by_name(const char *name)
{
    for (size_t i = 0; i < N_CHIPS; i++) {
        if (same_name(chips[i]->name, name))
            return chips[i];
    }
    return NULL;
}
