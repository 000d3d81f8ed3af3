/* host/doctor_undo.h - what was there before a repair, kept beside the device: FILE.undo, or
 * doctor.undo in a virtual device's directory. Written before the repair, whole or not at all, and
 * checksummed; several repairs are undone one by one, the last first. A repair or an undo that was
 * cut short is undone all the same. The file's format: docs/doctor.md "The undo file". */
#ifndef FERRY_DOCTOR_UNDO_H
#define FERRY_DOCTOR_UNDO_H

#include "doctor_repair.h"

#define FERRY_UNDO_DEPTH       16u // repairs that are kept; the oldest goes first
#define FERRY_UNDO_TITLE_BYTES 64u

/** The last repair of an undo file, as read from it. */
struct ferry_undo {
    bool is_open; // the repair, or its undo, was begun and never came to its end
    uint32_t flash_bytes, held_bytes;
    uint64_t made_s; // seconds since 1970
    char title[FERRY_UNDO_TITLE_BYTES];
    unsigned depth; // repairs in the file, this one included
    unsigned n;
    struct {
        uint32_t off_bytes;
        uint8_t after_sha256[FERRY_SHA256_BYTES];
        uint8_t before[FERRY_FLASH_SECTOR_BYTES];
    } sectors[FERRY_CURE_SECTORS];
};

/** The path of a device's undo file in buf: beside a file, in a directory, and for a real chip in
 * the current folder, by its name. */
const char *ferry_undo_path(char *buf, size_t n, const struct ferry_vdevice *v);

/** Keeps what a plan will change, as begun. title is cut at 63 bytes.
 * FERRY_ERR_SYNTAX the file is there and damaged; FERRY_ERR_FILE_..., FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_undo_keep(const char *path, const struct ferry_cure *plan,
                                           const struct ferry_vdevice *v, const char *title,
                                           int *os_errno);

/** The repair came to its end. Errors as above. */
FERRY_MUST_CHECK ferry_err ferry_undo_close(const char *path, int *os_errno);

/** Reads the last repair from the n bytes of an undo file.
 * FERRY_ERR_NOT_FOUND nothing in it; FERRY_ERR_SYNTAX damaged, or none of ours. */
FERRY_MUST_CHECK ferry_err ferry_undo_parse(const uint8_t *bytes, size_t n, struct ferry_undo *out);

/** The same from the file; FERRY_ERR_NOT_FOUND also if there is none. */
FERRY_MUST_CHECK ferry_err ferry_undo_read(const char *path, struct ferry_undo *out, int *os_errno);

/** True if the device is as the repair left it, so that its undo takes back nothing else.
 * *off_bytes gets the first sector that differs. */
bool ferry_undo_fits(const struct ferry_undo *u, const struct ferry_vdevice *v,
                     uint32_t *off_bytes);

/** Puts back what was there and takes the repair off the file; the file goes with its last one.
 * FERRY_ERR_FLASH_SIZE it is the undo of another flash; file and flash errors. */
FERRY_MUST_CHECK ferry_err ferry_undo_apply(const char *path, const struct ferry_undo *u,
                                            struct ferry_vdevice *v, int *os_errno);

#endif
