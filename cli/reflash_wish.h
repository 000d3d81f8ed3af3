/* cli/reflash_wish.h - the steps of a reflash as a user writes them: on the command line or in a
 * plan file. Nothing here looks at a device; labels become addresses in reflash_make.c.
 * Both forms: docs/reflash.md. */
#ifndef CLI_REFLASH_WISH_H
#define CLI_REFLASH_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "ferry/journal.h"
#include "ferry/partition.h"

#define REFLASH_DETAIL_BYTES 256u
#define REFLASH_WISH_BYTES   96u

enum reflash_place_by { REFLASH_BY_KIND, REFLASH_BY_LABEL, REFLASH_BY_RANGE };

/** A part of the flash as the user names it. */
struct reflash_place {
    enum reflash_place_by by; // BY_KIND: where a bootloader or a table belongs
    char label[FERRY_LABEL_BYTES + 1];
    uint32_t off_bytes;
    uint32_t size_bytes; // BY_RANGE; 0: not said
};

enum reflash_from {
    REFLASH_FROM_NAME,  // a file, an address, - for standard input
    REFLASH_FROM_FLASH, // a part of this device
    REFLASH_FROM_NOTHING,
};

/** One step. */
struct reflash_wish {
    uint8_t kind; // enum ferry_step_kind; 0 with is_move: what the destination is
    bool is_move;
    bool resumes; // bootloader: it calls ferry_reflash_resume
    bool has_sha256;
    struct reflash_place to;
    enum reflash_from from;
    struct reflash_place from_place;
    char *from_name;
    uint32_t length_bytes; // promised; 0: nothing promised
    uint8_t sha256[FERRY_SHA256_BYTES];
    char words[REFLASH_WISH_BYTES]; // "app@ota_0", for messages
};

/** All that a plan asks for. {0} is empty; any is given back to reflash_wishes_free. */
struct reflash_wishes {
    unsigned n;
    struct reflash_wish steps[FERRY_PLAN_STEPS];
    char *staging; // place in words; NULL: found
    char *backup;  // place in words, "" found; NULL: none
    bool foreign, drop_nvs;
    bool has_new_table_off;
    uint32_t new_table_off_bytes;
    char detail[REFLASH_DETAIL_BYTES]; // of a refusal
};

/** Adds the step KIND[@PLACE][,NAME:VALUE...][=SOURCE]. False: w->detail says what is wrong. */
bool reflash_wish_add(struct reflash_wishes *w, const char *text);

/** Adds what a plan file says; names of files in it count from its folder. False: w->detail. */
bool reflash_wish_file(struct reflash_wishes *w, const char *path);

/** Reads a place: a label, 0xOFFSET or 0xOFFSET+SIZE. False: it is none. */
bool reflash_place_parse(const char *text, struct reflash_place *out);

void reflash_wishes_free(struct reflash_wishes *w);

/* For the two files that make up this module. */

/** The next free step, blank, with its words; NULL: there are too many, w->detail says so. */
struct reflash_wish *reflash_wish_next(struct reflash_wishes *w, const char *words);

/** Takes kind, places and the rest apart. Texts may be NULL. False: w->detail. */
bool reflash_wish_kind(struct reflash_wishes *w, struct reflash_wish *s, const char *kind);
bool reflash_wish_place(struct reflash_wishes *w, struct reflash_wish *s, const char *to);
bool reflash_wish_from(struct reflash_wishes *w, struct reflash_wish *s, const char *from,
                       const char *folder);
bool reflash_wish_extra(struct reflash_wishes *w, struct reflash_wish *s, const char *name,
                        const char *value);

/** Notes what is wrong; returns false. */
__attribute__((format(printf, 2, 3))) bool reflash_wish_refuse(struct reflash_wishes *w,
                                                               const char *fmt, ...);

#endif
