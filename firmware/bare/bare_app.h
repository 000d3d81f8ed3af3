/* firmware/bare/bare_app.h - what the parts of the sample app share: the device, a line of words,
 * and how a command ends. */
#ifndef BARE_APP_H
#define BARE_APP_H

#include "machine.h"

#include "ferry/slots.h"

#define BARE_WORDS 4u

struct bare_app {
    struct ferry_device dev;
    struct ferry_device_work work;
};

/** "ota_0", "factory", "test" or "nothing". */
void bare_put_slot(int slot);

/** Prints what became of a command: "ok", or the error with its number and its two values. */
void bare_put_result(ferry_err err, const struct ferry_fault *fault);

/** `update LENGTH SHA256 [older]`: asks for the file piece by piece, "want OFFSET COUNT", and is
 * sent exactly that. Begins where an earlier attempt at the same file was interrupted; `older`
 * allows a downgrade. Nothing for two seconds: the attempt ends, and may be gone on with. */
void bare_update(struct bare_app *app, const char *const words[BARE_WORDS]);

/** `ymodem [older]`: takes one file from a sender of YMODEM. Thirty seconds to start it, ten tries
 * for each block. */
void bare_ymodem(struct bare_app *app, const char *const words[BARE_WORDS]);

/** `tftp FILE [PORT] [older]`: fetches a file from the TFTP server on the machine's network; PORT
 * is the server's, 69 if not given. Needs a machine with a network (BARE_NETWORK). */
void bare_tftp(struct bare_app *app, const char *const words[BARE_WORDS]);

/** A decimal number of at most 32 bits; false if the text is none. */
bool bare_number(const char *text, uint32_t *out);

/** `set KEY TEXT` and `get KEY`: strings in NVS, namespace "app". */
void bare_set(struct bare_app *app, const char *key, const char *text);
void bare_get(struct bare_app *app, const char *key);

/** What an interrupted update left, FERRY_CHECKPOINT_BYTES. FERRY_ERR_NVS_KEY and other NVS errors:
 * nothing usable. */
FERRY_MUST_CHECK ferry_err bare_checkpoint_get(struct bare_app *app, uint8_t *blob);
FERRY_MUST_CHECK ferry_err bare_checkpoint_keep(struct bare_app *app, const uint8_t *blob);

/** Forgets it; that there is none is fine. */
FERRY_MUST_CHECK ferry_err bare_checkpoint_drop(struct bare_app *app);

#endif
