/* cli/device_words.h - what a device does, in words: which slot boots next and why, what an
 * otadata entry says. Shared by status, boot and everything that ends with "boots next". */
#ifndef CLI_DEVICE_WORDS_H
#define CLI_DEVICE_WORDS_H

#include "command.h"
#include "vdevice.h"

#define CLI_WORDS_BYTES 768u

/** Why the bootloader starts where it starts: "entry 1 of otadata is active ...". */
const char *cli_why_words(char *buf, size_t n, const struct ferry_vdevice *v,
                          enum ferry_boot_why why, const struct ferry_otadata entries[2]);

/** Why `slot` did not load: the sentence for the fault, about the image in it. */
const char *cli_try_words(char *buf, size_t n, const struct ferry_vdevice *v, int slot,
                          const struct ferry_fault *fault);

/** The whole reason of a preview: where it starts and why, what did not load on the way. */
const char *cli_next_words(char *buf, size_t n, const struct ferry_vdevice *v,
                           const struct ferry_boot_preview *p);

/** How it is known which slot runs; "" if it is plain. */
const char *cli_running_words(enum ferry_running_by by);

/** What to do where no slot is known to run. */
const char *cli_unknown_words(const struct ferry_vdevice *v);

/** "sequence number 3 (ota_0), valid"; "blank"; "damaged: ...". */
const char *cli_entry_words(char *buf, size_t n, const struct ferry_vdevice *v,
                            const struct ferry_otadata *e);

/** True if the entry's 32 bytes are all erased. */
bool cli_entry_is_blank(const struct ferry_otadata *e);

/** The name of an entry's state; "state 0x..." for an unknown one. */
const char *cli_state_words(char *buf, size_t n, uint32_t state);

/** The slot an entry names; FERRY_SLOT_NONE if it names none. */
int cli_entry_slot(const struct ferry_vdevice *v, const struct ferry_otadata *e);

/** Previews the next boot, prints "LABEL boots next: why", and adds "next" and "next_why" to the
 * JSON object. */
void cli_say_next(const struct cli_call *call, struct ferry_vdevice *v);

/** Adds a label, or null for FERRY_SLOT_NONE or a slot the table does not have. */
void cli_json_slot(cJSON *object, const char *key, const struct ferry_vdevice *v, int slot);

/** The label of a slot as ferry_vdevice_label has it, printable. */
const char *cli_label(const struct ferry_vdevice *v, int slot, char buf[FERRY_LABEL_BYTES + 1]);

/** "project version" of an app's descriptor, or that it has no name. */
const char *cli_app_words(char *buf, size_t n, const struct ferry_app_desc *desc);

/** Copies text into buf with control codes and what is no UTF-8 as '?': a name from a hostile image
 * must not steer the terminal or break the JSON. */
const char *cli_printable(char *buf, size_t n, const char *text);

#endif
