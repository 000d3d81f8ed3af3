/* cli/status_facts.h - everything `ferry status` says about a device, gathered before a word is
 * printed: text, JSON and map are three views of it. Nothing is written. */
#ifndef CLI_STATUS_FACTS_H
#define CLI_STATUS_FACTS_H

#include "device_words.h"
#include "ferry/slots.h"
#include "ferry/table.h"

#define STATUS_SLOTS    (FERRY_SLOTS_MAX + 2u) // ota_0 to ota_15, factory, test
#define STATUS_PROBLEMS 64u
#define STATUS_SEEN     64u

enum status_content {
    STATUS_EMPTY,      // erased
    STATUS_UNFINISHED, // bytes behind a header that was never written
    STATUS_DAMAGED,    // an image that does not verify, or something else
    STATUS_APP,        // a verified image
};

struct status_slot {
    int slot;
    struct ferry_span span;
    enum status_content content;
    struct ferry_fault fault; // why it is not STATUS_APP
    bool has_desc;
    struct ferry_app_desc desc;
    const struct ferry_chip *chip; // the image is for; NULL unknown
    uint32_t used_bytes;           // STATUS_APP only
    bool has_state;
    uint32_t state; // of its otadata entry
};

struct status_problem {
    char what[CLI_WORDS_BYTES];
    char remedy[256];
};

/** An app found where the table does not say there is one. */
struct status_seen {
    uint32_t off_bytes;
    struct ferry_app_desc desc;
};

struct status_facts {
    struct ferry_vdevice *v;
    unsigned n_partitions; // as far as rows could be read, also of a damaged table
    struct ferry_partition partitions[FERRY_TABLE_ROWS];
    unsigned n_slots;
    struct status_slot slots[STATUS_SLOTS];
    struct ferry_boot_preview next; // if there is a table
    bool has_bootloader;            // the flash begins as one with a bootloader does
    unsigned n_problems;
    struct status_problem problems[STATUS_PROBLEMS];
    unsigned n_seen; // only looked for if the table is damaged
    struct status_seen seen[STATUS_SEEN];
};

/** Fills everything but the problems. */
void status_gather(struct status_facts *f, struct ferry_vdevice *v);

/** Fills the problems; the rest must be there. */
void status_find_problems(struct status_facts *f);

/** The facts of a slot, or NULL if the table has none. */
const struct status_slot *status_slot(const struct status_facts *f, int slot);

/** The slot of a partition row, FERRY_SLOT_NONE if it is none. */
int status_slot_of(const struct ferry_partition *p);

/** What is in a slot, in one word: "app", "empty", "unfinished", "damaged". */
const char *status_content_name(enum status_content content);

/** Prints text or fills the JSON object. */
void status_print(struct cli_output *out, const struct status_facts *f);
void status_print_map(struct cli_output *out, const struct status_facts *f);
void status_put_json(cJSON *root, const struct status_facts *f);

#endif
