/* agent/update_kept.c - what an update keeps for the one that takes it up.
 * A note is the session's checkpoint and, behind it, the source's validator in words, so that a
 * server can be asked for the rest of that very file. Design: docs/design/resume.md. */
#include "agent/update_run_private.h"

#include <string.h>

#include "ferry/crypto.h"

#define NOTE_VALIDATOR FERRY_CHECKPOINT_BYTES

/* The validator counts for one address only: two files can have the same date. */
static void digest_validator(const char *address, const char *validator,
                             uint8_t out[FERRY_CHECKPOINT_VALIDATOR])
{
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, address, strlen(address) + 1);
    ferry_sha256_update(&h, validator, strlen(validator));
    ferry_sha256_finish(&h, out);
}

static void say_unkept(struct ferry__run *r, ferry_err err)
{
    ferry__run_remark(r, &(struct ferry_remark){.kind = FERRY_REMARK_UNKEPT, .fault.err = err});
}

void ferry__run_drop(struct ferry__run *r)
{
    struct ferry_keeper *k = r->job->keeper;
    r->has_note = false;
    const ferry_err err = k ? k->ops->drop(k) : FERRY_OK;
    if (err)
        say_unkept(r, err);
}

/* Whether the note may be of the file that this source has, and the validator to ask with. A local
 * source is compared byte for byte later, and a promised SHA-256 needs no validator. */
static bool is_of_this_source(struct ferry__run *r, const struct ferry_checkpoint *c,
                              const uint8_t *note)
{
    const struct ferry_source *s = r->job->source;
    const char *text = (const char *)note + NOTE_VALIDATOR;
    uint8_t digest[FERRY_CHECKPOINT_VALIDATOR];
    if (!memchr(text, '\0', FERRY_SOURCE_VALIDATOR_BYTES))
        return false;
    if (!*text || s->is_local || !s->address)
        return true;
    digest_validator(s->address, text, digest);
    if (memcmp(digest, c->validator, sizeof digest) != 0)
        return r->config.sha256 != NULL;
    memcpy(r->validator, text, strlen(text) + 1);
    return true;
}

static ferry_err resume(struct ferry__run *r, const uint8_t *note)
{
    struct ferry_checkpoint c;
    if (ferry_checkpoint_read(note, FERRY_CHECKPOINT_BYTES, &c) || !is_of_this_source(r, &c, note))
        return FERRY_ERR_CHECKPOINT;
    if (!r->config.length_bytes)
        r->config.length_bytes = c.length_bytes;
    ferry_err err = ferry_update_resume(r->u, r->job->device, &r->config, note);
    if (!err)
        do {
            err = ferry_update_rehash(r->u);
        } while (err == FERRY_AGAIN && !ferry_cancel_asked(r->job->cancel));
    if (err == FERRY_AGAIN)
        err = ferry_fail(&r->u->fault, FERRY_ERR_CANCELLED, 0, 0, r->u->got_bytes);
    return err;
}

ferry_err ferry__run_take_up(struct ferry__run *r)
{
    uint8_t note[FERRY_NOTE_BYTES];
    struct ferry_keeper *k = r->job->keeper;
    if (!k)
        return FERRY_ERR_NOT_FOUND;
    if (r->job->is_anew) {
        ferry__run_drop(r);
        return FERRY_ERR_NOT_FOUND;
    }
    ferry_err err = k->ops->load(k, note);
    if (err) {
        if (err != FERRY_ERR_NOT_FOUND)
            say_unkept(r, err);
        return FERRY_ERR_NOT_FOUND;
    }
    r->has_note = true;
    err = resume(r, note);
    if (err != FERRY_ERR_CHECKPOINT)
        return err;
    ferry__run_remark(
        r, &(struct ferry_remark){.kind = FERRY_REMARK_ANEW, .fault.err = FERRY_ERR_CHECKPOINT});
    ferry__run_drop(r);
    return FERRY_ERR_NOT_FOUND;
}

ferry_err ferry__run_keep(struct ferry__run *r)
{
    uint8_t note[FERRY_NOTE_BYTES] = {0};
    uint8_t digest[FERRY_CHECKPOINT_VALIDATOR];
    struct ferry_keeper *k = r->job->keeper;
    const struct ferry_source *s = r->job->source;
    const bool has_validator = r->validator[0] && s->address;
    if (!r->keeps)
        return FERRY_OK;
    if (has_validator)
        digest_validator(s->address, r->validator, digest);
    ferry_err err = ferry_update_checkpoint(r->u, has_validator ? digest : NULL, note);
    if (err)
        return err == FERRY_AGAIN ? FERRY_OK : err;
    if (has_validator)
        memcpy(note + NOTE_VALIDATOR, r->validator, strlen(r->validator));
    err = k->ops->save(k, note);
    r->has_note |= err == FERRY_OK;
    if (err) { // once is enough, to try and to say
        r->keeps = false;
        say_unkept(r, err);
    }
    return FERRY_OK;
}
