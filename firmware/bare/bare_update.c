/* firmware/bare/bare_update.c - an update over the console. The device asks and the sender answers,
 * so a UART without flow control loses nothing while the flash is busy, and an interrupted update
 * goes on from its checkpoint instead of from the start. */
#include "bare_app.h"

#include "ferry/update.h"

#define PIECE_BYTES 4096u

static struct ferry_update update;
static uint8_t sector[FERRY_UPDATE_WORK_BYTES(4096)];
static uint8_t piece[PIECE_BYTES];

/* Opens the session: where the last attempt at this file stopped, or from the start. */
static ferry_err open_session(struct bare_app *app, const struct ferry_update_config *config)
{
    uint8_t blob[FERRY_CHECKPOINT_BYTES];
    ferry_err err = bare_checkpoint_get(app, blob);
    if (!err)
        err = ferry_update_resume(&update, &app->dev, config, blob);
    if (!err)
        err = ferry_update_rehash(&update);
    return err ? ferry_update_begin(&update, &app->dev, config) : FERRY_OK;
}

static ferry_err keep_checkpoint(struct bare_app *app)
{
    uint8_t blob[FERRY_CHECKPOINT_BYTES];
    const ferry_err err = ferry_update_checkpoint(&update, NULL, blob);
    if (err)
        return err == FERRY_AGAIN ? FERRY_OK : err;
    return bare_checkpoint_keep(app, blob);
}

static ferry_err receive_all(struct bare_app *app, uint32_t length)
{
    while (update.got_bytes < length) {
        const uint32_t left = length - update.got_bytes;
        const uint32_t n = left < PIECE_BYTES ? left : PIECE_BYTES;
        uint32_t used = 0;
        if (!bare_receive(update.got_bytes, piece, n))
            return FERRY_ERR_NET_TIMEOUT;
        ferry_err err = ferry_update_write(&update, piece, n, &used);
        if (!err)
            err = keep_checkpoint(app);
        if (err)
            return err;
    }
    console_put_text("checking\r\n");
    return ferry_update_finish(&update);
}

void bare_update(struct bare_app *app, const char *const words[BARE_WORDS])
{
    uint8_t sha256[FERRY_SHA256_BYTES];
    struct ferry_update_config config = {.slot = app->target,
                                         .replaced = app->replaced,
                                         .sha256 = sha256,
                                         .work = sector,
                                         .work_bytes = sizeof(sector)};
    if (!bare_number(words[1], &config.length_bytes) || !config.length_bytes ||
        !bare_sha256(words[2], sha256)) {
        console_put_text("usage: update LENGTH SHA256 [older]\r\n");
        return;
    }
    app->has_staged = false;
    config.flags = words[3][0] == 'o' ? FERRY_UPDATE_DOWNGRADE : 0;
    ferry_err err = open_session(app, &config);
    if (!err)
        err = receive_all(app, config.length_bytes);
    // A sender that only stopped may come back: then the checkpoint is what it goes on from.
    if (err != FERRY_ERR_NET_TIMEOUT) {
        const ferry_err dropped = bare_checkpoint_drop(app);
        if (err)
            ferry_update_abort(&update);
        else
            err = dropped;
    }
    bare_put_result(err, &update.fault);
}
