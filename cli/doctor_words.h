/* cli/doctor_words.h - findings in sentences: what is wrong, why that matters, what to do.
 * `ferry doctor` says all three, `ferry status` the first and the last. */
#ifndef CLI_DOCTOR_WORDS_H
#define CLI_DOCTOR_WORDS_H

#include "device_words.h"
#include "doctor_repair.h"

struct doctor_words {
    char what[CLI_WORDS_BYTES];
    char why[2 * CLI_WORDS_BYTES];
    char remedy[CLI_WORDS_BYTES]; // by hand; what the repair does: doctor_repair_words
};

/** Fills *w; no sentence ends in a full stop. f is one of doc's. */
void doctor_words(struct doctor_words *w, const struct ferry_doctor *doc,
                  const struct ferry_finding *f);

/** The same for what is wrong with an app file, and for the table and bootloader. False: the
 * finding is about something else. Used by doctor_words. */
bool doctor_words_app(struct doctor_words *w, const struct ferry_doctor *doc,
                      const struct ferry_finding *f);
bool doctor_words_table(struct doctor_words *w, const struct ferry_doctor *doc,
                        const struct ferry_finding *f);
bool doctor_words_boot(struct doctor_words *w, const struct ferry_doctor *doc,
                       const struct ferry_finding *f);

/** Sets the remedy of what only other rows of the table can help: the change, and the command that
 * makes a copy with them. */
void doctor_rows_remedy(struct doctor_words *w, const char *change, const char *options);

/** Sets one of the three. */
#define DOCTOR_SAY(field, ...) snprintf((field), sizeof(field), __VA_ARGS__)

/** What a repair does, as an order: "make otadata say what boots". */
const char *doctor_repair_words(enum ferry_repair repair);

/** What the bootloader's own image says of rollback, and how it is known. */
const char *doctor_rollback_words(const struct ferry_bootloader *b);

#endif
