/* host/app_file.h - a file that somebody wants to install, looked at before it is: an app, and for
 * which chip, or one of the files that are mistaken for an app. For host/doctor.h. */
#ifndef FERRY_APP_FILE_H
#define FERRY_APP_FILE_H

#include "ferry/device.h"

/** What it is, facts.chip and secure version of the device considered. */
enum ferry_app_kind {
    FERRY_APP_GOOD,
    FERRY_APP_MERGED,     // whole flash contents
    FERRY_APP_BOOTLOADER, // a bootloader alone
    FERRY_APP_REFUSED,    // the fault says why
};

struct ferry_app_file {
    const char *path; // kept
    enum ferry_app_kind kind;
    struct ferry_fault fault;
    uint32_t image_bytes; // its length where it could be found out, else that of the file
    const struct ferry_chip *chip;
    bool has_desc;
    struct ferry_app_desc desc;
};

/** Looks at the n bytes of the file at path as at an app for this device's policy (NULL: none). */
void ferry_app_file_look(struct ferry_app_file *a, const char *path, const uint8_t *bytes, size_t n,
                         const struct ferry_policy *policy);

#endif
