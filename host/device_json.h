/* host/device_json.h - device.json: what a chip keeps outside of its flash. Files are read as
 * hostile input and written whole or not at all. Keys: docs/design/virtual-device.md. */
#ifndef FERRY_DEVICE_JSON_H
#define FERRY_DEVICE_JSON_H

#include "ferry/device.h"
#include "ferry/signature.h"

#define FERRY_DEVICE_JSON_BYTES 65536u // the longest file that is read

/** What the file says. */
struct ferry_device_json {
    const struct ferry_chip *chip;
    uint32_t flash_bytes;
    uint32_t table_off_bytes;
    uint32_t secure_version;
    uint32_t boot_count;
    bool rollback;
    bool anti_rollback;
    const struct ferry_slots_writer *writer;
    bool has_journal; // journal_off_bytes was said; else it is the flash's last sector
    uint32_t journal_off_bytes;
    struct ferry_trust trust;            // no keys: no signature is asked for
    bool secure_boot;                    // nor by the bootloader without this
    char running[FERRY_LABEL_BYTES + 1]; // label; "" for none
};

/** Reads a file. detail, n_detail bytes, gets the reason in words.
 * FERRY_ERR_FILE_OPEN, FERRY_ERR_FILE_READ; FERRY_ERR_DEVICE_JSON not JSON, a key missing or
 * wrong. *out is written only on success. */
FERRY_MUST_CHECK ferry_err ferry_device_json_read(const char *path, struct ferry_device_json *out,
                                                  char *detail, size_t n_detail);

/** Writes a file by way of a temporary one beside it, on disk when this returns.
 * FERRY_ERR_FILE_WRITE, FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_device_json_write(const char *path,
                                                   const struct ferry_device_json *in, char *detail,
                                                   size_t n_detail);

#endif
