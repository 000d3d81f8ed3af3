/* firmware/bare/bare_app.h - what the programs with a console share: the device, a line of words,
 * the commands, and how one ends. The sample app and the updater are made of them. */
#ifndef BARE_APP_H
#define BARE_APP_H

#include "machine.h"

#include "ferry/slots.h"

#define BARE_WORDS 6u

struct bare_app {
    struct ferry_device dev;
    struct ferry_device_work work;
    int target;              // slot that an update goes into; FERRY_SLOT_NEXT: beside this one
    const uint8_t *replaced; // as in ferry_update_config
    bool has_staged;         // contents of a reflash; an update may take their place, and ends that
};

/* ---- the device ---- */

/** Opens the device on the machine's flash and finds the slot that runs. handed: as firmware_main
 * got it. Errors as machine_flash and ferry_device_open. */
FERRY_MUST_CHECK ferry_err bare_open(struct bare_app *app, uint32_t handed);

/** Prints what runs and what otadata says. */
void bare_status(struct bare_app *app);

/* ---- the console ---- */

/** A word that can be typed, and what it does. words[0] is itself; words that are not there are
 * empty. */
struct bare_command {
    const char *name, *what;
    void (*run)(struct bare_app *app, const char *const words[BARE_WORDS]);
};

/** Takes commands, one a line, for ever. */
_Noreturn void bare_talk(struct bare_app *app, const struct bare_command *commands, uint32_t n);

/** "ota_0", "factory", "test" or "nothing". */
void bare_put_slot(int slot);

/** Prints what became of a command: "ok", or the error with its number and its two values. */
void bare_put_result(ferry_err err, const struct ferry_fault *fault);

/** Whether two texts are the same. */
bool bare_is_same(const char *a, const char *b);

/** A number of at most 32 bits, decimal or 0x and hexadecimal; false if the text is none. */
bool bare_number(const char *text, uint32_t *out);

/** 64 hexadecimal digits; false if the text is something else. */
bool bare_sha256(const char *text, uint8_t out[FERRY_SHA256_BYTES]);

/** Asks for n bytes of a file from at_bytes on, "want AT N", and takes them; false if the sender
 * stops for two seconds. */
bool bare_receive(uint32_t at_bytes, uint8_t *to, uint32_t n);

/** `stack` and `reboot`. */
void bare_stack(struct bare_app *app, const char *const words[BARE_WORDS]);
void bare_reboot(struct bare_app *app, const char *const words[BARE_WORDS]);

/* ---- jobs ---- */

/** `update LENGTH SHA256 [older]`: asks for the file piece by piece. Begins where an earlier
 * attempt at the same file was interrupted; `older` allows a downgrade. A sender that stops ends
 * the attempt, which may be gone on with. */
void bare_update(struct bare_app *app, const char *const words[BARE_WORDS]);

/** `ymodem [older]`: takes one file from a sender of YMODEM. Thirty seconds to start it, ten tries
 * for each block. */
void bare_ymodem(struct bare_app *app, const char *const words[BARE_WORDS]);

/** `tftp FILE [PORT] [older]`: fetches a file from the TFTP server on the machine's network; PORT
 * is the server's, 69 if not given. Needs a machine with a network (BARE_NETWORK). */
void bare_tftp(struct bare_app *app, const char *const words[BARE_WORDS]);

/** `stage KIND OFFSET SIZE LENGTH SHA256`: takes the content of one step of a reflash into the
 * staging area, asked for as by `update`. KIND: data, app, table, bootloader or raw. */
void bare_stage(struct bare_app *app, const char *const words[BARE_WORDS]);

/** `reflash [dangerous]`: checks the staged steps as one plan, writes the plan into the journal and
 * carries it out. A cut on the way: whoever starts next goes on. `dangerous` allows bootloader and
 * table. `reflash abandon` gives a plan up that cannot be finished. */
void bare_reflash(struct bare_app *app, const char *const words[BARE_WORDS]);

/** At every start: finishes a reflash that waits in the journal, where the bootloader does not, and
 * then starts again. */
void bare_reflash_resume(struct bare_app *app);

/** `set KEY TEXT` and `get KEY`: strings in NVS, namespace "app". */
void bare_set(struct bare_app *app, const char *const words[BARE_WORDS]);
void bare_get(struct bare_app *app, const char *const words[BARE_WORDS]);

/** What an interrupted update left, FERRY_CHECKPOINT_BYTES. FERRY_ERR_NVS_KEY and other NVS errors:
 * nothing usable. */
FERRY_MUST_CHECK ferry_err bare_checkpoint_get(struct bare_app *app, uint8_t *blob);
FERRY_MUST_CHECK ferry_err bare_checkpoint_keep(struct bare_app *app, const uint8_t *blob);

/** Forgets it; that there is none is fine. */
FERRY_MUST_CHECK ferry_err bare_checkpoint_drop(struct bare_app *app);

#endif
