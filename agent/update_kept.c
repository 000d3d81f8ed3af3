/* agent/update_kept.c - what an update keeps for the one that takes it up.
 * What a note is: agent/note.h. Design: docs/design/resume.md. */
#include "agent/update_run_private.h"

#include "agent/note.h"

static void say_unkept(struct ferry__run *r, ferry_err err)
{
    ferry__run_remark(r, &(struct ferry_remark){.kind = FERRY_REMARK_UNKEPT, .fault.err = err});
}

static void drop(struct ferry__run *r)
{
    struct ferry_keeper *k = r->job->keeper;
    r->has_note = false;
    const ferry_err err = k->ops->drop(k);
    if (err)
        say_unkept(r, err);
}

static ferry_err resume(struct ferry__run *r, const uint8_t *note)
{
    struct ferry_checkpoint c;
    ferry_err err =
        ferry_note_read(note, r->job->source, r->config.sha256 != NULL, &c, r->validator);
    if (err)
        return err;
    if (!r->config.length_bytes)
        r->config.length_bytes = c.length_bytes;
    err = ferry_update_resume(r->u, r->job->device, &r->config, note);
    if (!err)
        do {
            err = ferry_update_rehash(r->u);
        } while (err == FERRY_AGAIN && !ferry_cancel_asked(r->job->cancel));
    if (err == FERRY_AGAIN)
        err = ferry_fail(&r->u->fault, FERRY_ERR_CANCELLED, 0, 0, r->u->got_bytes);
    return err;
}

static ferry_err take_up(struct ferry__run *r)
{
    uint8_t note[FERRY_NOTE_BYTES];
    struct ferry_keeper *k = r->job->keeper;
    if (r->job->is_anew) {
        drop(r);
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
    drop(r);
    return FERRY_ERR_NOT_FOUND;
}

static ferry_err keep(struct ferry__run *r)
{
    uint8_t note[FERRY_NOTE_BYTES] = {0};
    uint8_t digest[FERRY_CHECKPOINT_VALIDATOR];
    struct ferry_keeper *k = r->job->keeper;
    const uint8_t *kept = ferry_note_digest(r->job->source, r->validator, digest);
    ferry_err err = ferry_update_checkpoint(r->u, kept, note);
    if (err)
        return err == FERRY_AGAIN ? FERRY_OK : err;
    ferry_note_seal(note, kept ? r->validator : "");
    err = k->ops->save(k, note);
    r->has_note |= err == FERRY_OK;
    if (err) { // once is enough, to try and to say
        r->keeps = false;
        say_unkept(r, err);
    }
    return FERRY_OK;
}

const struct ferry_keeping ferry_keeping = {take_up, keep, drop};
