/* ports/posix/flash_file.h - flash in a file: exactly the bytes of a chip, with NOR rules.
 * The virtual device's flash, every flash dump and, as a part of a flash, every merged image are
 * opened here. Two processes never write one
 * file: opening takes a lock that the kernel drops when the process ends, however it ends.
 * Keeps the contract of ferry/flash.h, proven by tests/port. */
#ifndef FERRY_FLASH_FILE_H
#define FERRY_FLASH_FILE_H

#include <stdbool.h>

#include "ferry/flash.h"

#define FERRY_FLASH_SECTOR_BYTES 4096u
#define FERRY_FLASH_BLOCK_BYTES  65536u

/** Caller-owned, 32 KB; `flash` is what the core gets. os_errno says why the last call failed. */
struct ferry_flash_file {
    struct ferry_flash flash;
    int fd;
    bool writable;
    int os_errno;         // 0: the failure was not the system's
    uint32_t start_bytes; // where in the flash the file begins; 0 if it is all of it
    uint32_t held_bytes;  // how many bytes from there on the file holds
    uint32_t ahead_off;   // what lies in ahead, of the file; only where nobody can write it
    uint32_t n_ahead;
    uint8_t ahead[32768]; // the core reads images by half a kilobyte
};

/** Opens a file of whole sectors. writable: for writing, alone; else for reading, with other
 * readers but no writer, so that no half-made change is seen. fault may be NULL.
 * FERRY_ERR_FILE_OPEN     os_errno says why; not a regular file: 0
 * FERRY_ERR_FLASH_SIZE    fault: size (saturated), sector
 * FERRY_ERR_FLASH_LOCKED  another process has it open
 * On failure nothing needs to be closed. */
FERRY_MUST_CHECK ferry_err ferry_flash_file_open(struct ferry_flash_file *ff, const char *path,
                                                 bool writable, struct ferry_fault *fault);

/** The same for a file of any length above 0, which may be a part of a flash: until
 * ferry_flash_file_place says of which, it counts as a flash of its own, its last sector filled up
 * with erased bytes. FERRY_ERR_FLASH_SIZE: it is empty, or longer than any flash. */
FERRY_MUST_CHECK ferry_err ferry_flash_file_open_part(struct ferry_flash_file *ff, const char *path,
                                                      bool writable, struct ferry_fault *fault);

/** Says that the file begins at start_bytes of a flash of flash_bytes, both multiples of the
 * sector. What the file does not hold reads as erased. Programming behind its end makes it longer,
 * by as much as is needed; before its begin nothing can be programmed: FERRY_ERR_FLASH_RANGE.
 * FERRY_ERR_FLASH_SIZE the file reaches beyond such a flash; fault as above. */
FERRY_MUST_CHECK ferry_err ferry_flash_file_place(struct ferry_flash_file *ff, uint32_t start_bytes,
                                                  uint32_t flash_bytes);

/** Sets bytes to what they shall be, in one write and without the rules of NOR flash: an edit of
 * the file that is done or not done, not a deed of the chip. Not on disk before the flash's sync.
 * FERRY_ERR_FLASH_RANGE outside of the flash, or before a merged image's begin; FERRY_ERR_FLASH_IO
 * opened for reading only, or the system's os_errno; FERRY_ERR_FLASH_FULL. */
FERRY_MUST_CHECK ferry_err ferry_flash_file_set(struct ferry_flash_file *ff, uint32_t off_bytes,
                                                const uint8_t *src, uint32_t len_bytes);

/** Closes and lets the lock go. Says nothing about the disk: call the flash's sync before. */
void ferry_flash_file_close(struct ferry_flash_file *ff);

/** Makes a new file of size_bytes erased bytes, on disk when this returns. os_errno, if not NULL,
 * gets the reason. On failure no file is left.
 * FERRY_ERR_FILE_EXISTS, FERRY_ERR_FILE_OPEN, FERRY_ERR_FLASH_FULL, FERRY_ERR_FILE_WRITE;
 * FERRY_ERR_FLASH_SIZE not a multiple of the sector. */
FERRY_MUST_CHECK ferry_err ferry_flash_file_create(const char *path, uint32_t size_bytes,
                                                   int *os_errno);

#endif
