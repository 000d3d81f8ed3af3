/* host/facts.h - everything there is to know about a device, gathered before a word is printed and
 * without a write: rows, slots and what is in them, the next boot, the bootloader.
 * `ferry status` shows it, host/doctor.h judges it. */
#ifndef FERRY_FACTS_H
#define FERRY_FACTS_H

#include "bootloader.h"
#include "ferry/slots.h"
#include "ferry/table.h"
#include "vdevice.h"

#define FERRY_FACTS_SLOTS (FERRY_SLOTS_MAX + 2u) // ota_0 to ota_15, factory, test
#define FERRY_FACTS_SEEN  64u

enum ferry_content {
    FERRY_CONTENT_EMPTY,      // erased
    FERRY_CONTENT_UNFINISHED, // bytes behind a header that was never written
    FERRY_CONTENT_DAMAGED,    // an image that does not verify, or something else
    FERRY_CONTENT_APP,        // a verified image
};

/** What lies in an app's slot and is no app. */
enum ferry_intruder {
    FERRY_INTRUDER_NONE,
    FERRY_INTRUDER_BOOTLOADER, // a bootloader alone
    FERRY_INTRUDER_MERGED,     // whole flash contents: a bootloader, a partition table behind it
};

struct ferry_slot_facts {
    int slot;
    struct ferry_span span;
    enum ferry_content content;
    struct ferry_fault fault; // why it is not FERRY_CONTENT_APP
    enum ferry_intruder intruder;
    bool has_desc;
    struct ferry_app_desc desc;
    const struct ferry_chip *chip; // the image is for; NULL unknown
    uint32_t used_bytes;           // FERRY_CONTENT_APP only
    bool has_state;
    uint32_t state; // of its otadata entry
};

/** An app found where the table does not say there is one. */
struct ferry_seen_app {
    uint32_t off_bytes;
    struct ferry_app_desc desc;
};

struct ferry_facts {
    struct ferry_vdevice *v; // kept
    unsigned n_partitions;   // as far as rows could be read, also of a damaged table
    struct ferry_partition partitions[FERRY_TABLE_ROWS];
    unsigned n_slots;
    struct ferry_slot_facts slots[FERRY_FACTS_SLOTS];
    struct ferry_boot_preview next; // if there is a table
    struct ferry_bootloader bootloader;
    bool is_blank;           // every byte is erased
    bool looks_encrypted;    // bootloader and table are as random as encrypted ones
    uint32_t table_at_bytes; // of a table that lies elsewhere, if there is none in its place; or 0
    unsigned n_seen;         // only looked for if the table is damaged
    struct ferry_seen_app seen[FERRY_FACTS_SEEN];
};

/** Fills *f; v is kept. Large (20 KB): not for the stack. */
void ferry_facts_gather(struct ferry_facts *f, struct ferry_vdevice *v);

/** The facts of a slot, or NULL if the table has none. */
const struct ferry_slot_facts *ferry_facts_slot(const struct ferry_facts *f, int slot);

/** The slot of a partition row, FERRY_SLOT_NONE if it is none. */
int ferry_facts_slot_of(const struct ferry_partition *p);

/** Reads flash; false outside of it or where it cannot be read. */
bool ferry_facts_read(const struct ferry_facts *f, uint32_t off_bytes, void *dst, uint32_t n);

/** What is in a slot, in one word: "app", "empty", "unfinished", "damaged". */
const char *ferry_content_name(enum ferry_content content);

#endif
