/* ferry/update.h - an update session: stream an image into the spare slot, check it while it
 * flows, and make it boot next only when everything is right.
 * Nothing in flash changes until the header and the descriptor are accepted; nothing that boots
 * changes until the last write. Rests on image, slots and flash. Design: docs/design.md. */
#ifndef FERRY_UPDATE_H
#define FERRY_UPDATE_H

#include "ferry/checkpoint.h"
#include "ferry/device.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_SLOT_NEXT          (-3) // ferry_slots_next decides

#define FERRY_UPDATE_DOWNGRADE   1u  // an older version is allowed
#define FERRY_UPDATE_PROJECT     2u  // another project_name is allowed
#define FERRY_UPDATE_PENDING_TOO 4u  // even while the running app is not confirmed
#define FERRY_UPDATE_NO_DESC     8u  // an image without application descriptor is allowed
#define FERRY_UPDATE_GENTLE      16u // no flash call longer than one 4 KB erase
#define FERRY_UPDATE_SKIP_EQUAL                                                                    \
    32u // leave sectors alone that hold the right bytes already;
        // needs a whole sector of work memory, erases by 4 KB

/** Work memory: one buffer that bytes gather in before they are programmed. Any multiple of 256
 * from 512 to the sector size that divides the sector; the whole sector is the fastest. */
#define FERRY_UPDATE_WORK_BYTES(sector_bytes) (sector_bytes)
#define FERRY_UPDATE_WORK_LEAST               512u

/** What the caller knows and allows. {0} plus work is a config. Pointers are kept. */
struct ferry_update_config {
    int slot;              // target; FERRY_SLOT_NEXT or a slot number. 0 is ota_0
    uint32_t flags;        // FERRY_UPDATE_...
    uint32_t length_bytes; // of the whole file; 0: not known
    const uint8_t *sha256; // of the whole file, 32 bytes; NULL: not checked
    bool has_crc32;
    uint32_t crc32;          // of the whole file
    const char *min_version; // refuse what is older; NULL: no minimum
    // The descriptor, FERRY_APP_DESC_HEAD_BYTES of it, of the app that the image takes the place
    // of, where that is not the one that runs. NULL: the running app's, read from its slot.
    const uint8_t *replaced;
    uint8_t
        *desc_head; // FERRY_APP_DESC_HEAD_BYTES for ferry_image_desc(&u->image, ...); NULL: none
    void *work;
    uint32_t work_bytes;
};

#define FERRY_UPDATE_HEAD_BYTES 32u // most bytes held back; also the largest prog_bytes

/** A session; caller-owned, at most 512 bytes on a 32-bit chip. Fields down to `sha256` may be
 * read.
 */
struct ferry_update {
    struct ferry_fault fault;           // why it failed
    int target;                         // slot number
    struct ferry_region slot;           // where it is written
    uint32_t got_bytes;                 // bytes taken from the source
    uint32_t crc32;                     // CRC-32 of those
    uint32_t checked_bytes;             // read back up to here
    uint8_t sha256[FERRY_SHA256_BYTES]; // of the whole file, once all of it was taken
    struct ferry_device *dev;
    struct ferry_update_config cfg;
    uint32_t erased_to_bytes; // the slot is erased up to here
    uint32_t flushed_bytes;   // in flash, counted in whole sectors
    uint32_t flushed_crc32;   // of those
    uint32_t kept_bytes;      // at the last checkpoint
    uint8_t phase;
    bool is_open; // otadata is ready for the slot to be written
    uint8_t otadata_erased;
    uint8_t head[FERRY_UPDATE_HEAD_BYTES]; // the image's first bytes, written last
    struct ferry_image_rules rules;
    struct ferry_image image; // the reader; after the end its hash serves the read-back
};

/** Opens a session. Reads otadata and the running app's descriptor; writes nothing.
 * FERRY_ERR_UPDATE_RUNNING  the slot asked for runs
 * FERRY_ERR_UPDATE_PENDING  the running app is not confirmed
 * FERRY_ERR_IMAGE_SIZE      length_bytes is larger than the slot; fault: both
 * FERRY_ERR_WORK_SIZE       fault: given, least
 * FERRY_ERR_ARG             slot number or work memory make no sense; fault: which
 * FERRY_ERR_NO_SLOT, FERRY_ERR_SLOT_GAP, FERRY_ERR_NO_OTADATA, FERRY_ERR_SLOT_UNKNOWN,
 * FERRY_ERR_FLASH_PROTECTED; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_update_begin(struct ferry_update *u, struct ferry_device *dev,
                                              const struct ferry_update_config *cfg);

/** Takes the next bytes; any split of the file gives the same flash contents and the same flash
 * operations. *used gets how many were taken: all of them, but with FERRY_UPDATE_GENTLE at most up
 * to the end of the buffer, so call again with the rest.
 * Any error is final: the session is over, the slot holds no bootable image, what runs is as it
 * was. Errors of ferry_image_feed, FERRY_ERR_UPDATE_..., flash errors. */
FERRY_MUST_CHECK ferry_err ferry_update_write(struct ferry_update *u, const void *data, uint32_t n,
                                              uint32_t *used);

/** No byte follows: writes the rest, checks everything, reads the slot back, writes the held-back
 * first bytes, then makes the slot boot next. With FERRY_UPDATE_GENTLE it returns FERRY_AGAIN
 * after each sector read back: call it until it says something else.
 * Errors as ferry_update_write, FERRY_ERR_FLASH_VERIFY fault: offset of the difference is not
 * known, value 0. */
FERRY_MUST_CHECK ferry_err ferry_update_finish(struct ferry_update *u);

/** Makes a checkpoint, once 64 KB more than at the last one are safely in flash (this syncs). The
 * port keeps the blob across a reset, and drops it when the update finishes, is aborted or fails.
 * validator: 32 bytes that change when the source's file does (a hash of its strong ETag or
 * Last-Modified), or NULL; they come back from ferry_checkpoint_read.
 * FERRY_AGAIN nothing new to keep yet, blob untouched; FERRY_ERR_STATE not receiving; flash errors.
 */
FERRY_MUST_CHECK ferry_err ferry_update_checkpoint(struct ferry_update *u, const uint8_t *validator,
                                                   uint8_t blob[FERRY_CHECKPOINT_BYTES]);

/** Opens a session where a checkpoint left off; cfg as for ferry_update_begin. Then call
 * ferry_update_rehash until it is done, and go on with ferry_update_write from off_bytes.
 * FERRY_ERR_CHECKPOINT the blob is damaged, or was made for another slot, length or hash: begin
 * anew. Else as ferry_update_begin. */
FERRY_MUST_CHECK ferry_err ferry_update_resume(struct ferry_update *u, struct ferry_device *dev,
                                               const struct ferry_update_config *cfg,
                                               const uint8_t blob[FERRY_CHECKPOINT_BYTES]);

/** Reads what is in the slot and feeds it to the checks. With FERRY_UPDATE_GENTLE it returns
 * FERRY_AGAIN after each piece.
 * FERRY_ERR_CHECKPOINT the slot does not hold what the checkpoint says: begin anew. Flash errors.
 */
FERRY_MUST_CHECK ferry_err ferry_update_rehash(struct ferry_update *u);

/** Ends a session that is not to be finished. The slot stays without a header, so it never boots.
 * Safe in any phase, also after an error. */
void ferry_update_abort(struct ferry_update *u);

/** Bytes taken, and of how many; *total_bytes is 0 while the length is not known. */
void ferry_update_progress(const struct ferry_update *u, uint32_t *done_bytes,
                           uint32_t *total_bytes);

#ifdef __cplusplus
}
#endif
#endif
