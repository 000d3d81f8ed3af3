/* cli/reflash_fetch.c - a content, brought from where the user says: opened, asked for again where
 * that is worth it, gone on with where the link was lost. The rules are those of updates:
 * docs/design/resume.md. */
#include <stdio.h>
#include <string.h>

#include "agent/note.h"
#include "device_words.h"
#include "interrupt.h"
#include "progress.h"
#include "reflash_job.h"
#include "source_named.h"
#include "update_args.h"

#define PIECE_BYTES 65536u

/** One content on its way. */
struct fetch {
    struct reflash_job *job;
    const struct reflash_wish *wish;
    struct ferry_source *source;
    struct reflash_sink *sink;
    struct cli_progress progress;
    char label[REFLASH_WISH_BYTES + 16];          // of the progress
    char validator[FERRY_SOURCE_VALIDATOR_BYTES]; // of the file whose bytes came; "" none
    uint32_t got_bytes;
    uint32_t best_bytes;
    uint32_t n_tries;
    uint32_t n_anew; // times it began anew though bytes were here
    bool is_begun;   // the sink has been told to begin or to go on
    bool is_told;
    bool is_sewn;  // of bytes that nothing but the promised SHA-256 says to be of one file
    bool has_note; // the keeper has a checkpoint
};

static const char *name_words(const struct reflash_wish *wish)
{
    return strcmp(wish->from_name, "-") ? wish->from_name : "standard input";
}

/** The caller complains about what the sink says. */
static ferry_err blame_sink(struct fetch *f, ferry_err err)
{
    f->sink->is_to_blame = err != FERRY_OK;
    return err;
}

/** The version of the file whose bytes come now. */
static void remember(struct fetch *f)
{
    snprintf(f->validator, sizeof(f->validator), "%s", ferry_source_validator(f->source));
}

static void tell(struct fetch *f, uint32_t total_bytes)
{
    if (f->is_told)
        return;
    f->is_told = true;
    if (!ferry_source_is_authenticated(f->source))
        cli_warn(f->job->call->out, "unauthenticated: nothing vouches for %s%s", f->wish->from_name,
                 f->wish->has_sha256 ? " but the SHA-256 that was given" : "");
    cli_progress_begin(&f->progress, f->job->call->out, f->label, f->got_bytes, total_bytes);
}

static void drop_note(struct fetch *f)
{
    f->has_note = false;
    if (f->sink->keeper && f->sink->keeper->ops->drop(f->sink->keeper))
        cli_warn(f->job->call->out, "the checkpoint of %s cannot be removed", f->wish->words);
}

static void say_anew(struct fetch *f)
{
    if (f->is_told)
        cli_progress_break(&f->progress);
    cli_note(f->job->call->out, "Beginning %s anew\n", f->wish->words);
}

/** What an earlier run has staged of this very content. */
static ferry_err take_up(struct fetch *f, bool *is_enough)
{
    struct reflash_sink *sink = f->sink;
    uint8_t note[FERRY_NOTE_BYTES];
    struct ferry_checkpoint c;
    const bool sha = f->wish->has_sha256;
    *is_enough = false;
    if (!sink->keeper || f->source->is_local || sink->keeper->ops->load(sink->keeper, note))
        return FERRY_OK;
    f->has_note = true;
    ferry_err err = ferry_note_read(note, f->source, sha, &c, f->validator);
    if (!err && !sha && !f->validator[0])
        err = FERRY_ERR_CHECKPOINT; // nothing would tell that the rest is of the same file
    if (!err)
        err =
            sink->resume(sink, note, f->wish->length_bytes ? f->wish->length_bytes : c.length_bytes,
                         &f->got_bytes, is_enough);
    if (err == FERRY_ERR_CHECKPOINT) {
        f->got_bytes = 0;
        f->validator[0] = '\0';
        say_anew(f);
        drop_note(f);
        return FERRY_OK;
    }
    f->is_begun = !err;
    f->best_bytes = f->got_bytes;
    return blame_sink(f, err);
}

/** Keeps a checkpoint if one is due; without its keeper the fetching goes on. */
static ferry_err keep(struct fetch *f)
{
    struct reflash_sink *sink = f->sink;
    uint8_t note[FERRY_NOTE_BYTES] = {0}, digest[FERRY_CHECKPOINT_VALIDATOR];
    if (!sink->keeper || f->source->is_local)
        return FERRY_OK;
    const uint8_t *kept = ferry_note_digest(f->source, f->validator, digest);
    const ferry_err err = sink->checkpoint(sink, kept, note);
    if (err)
        return err == FERRY_AGAIN ? FERRY_OK : blame_sink(f, err);
    ferry_note_seal(note, kept ? f->validator : "");
    if (!sink->keeper->ops->save(sink->keeper, note)) {
        f->has_note = true;
        return FERRY_OK;
    }
    cli_progress_break(&f->progress);
    cli_warn(f->job->call->out, "no checkpoint of %s can be kept; interrupted, it would begin anew",
             f->wish->words);
    sink->keeper = NULL; // once is enough, to try and to say
    return FERRY_OK;
}

static ferry_err begin(struct fetch *f, bool *is_enough)
{
    struct ferry_source *s = f->source;
    const uint32_t announced = s->facts.length_bytes, promised = f->wish->length_bytes;
    if (announced && promised && announced != promised)
        return ferry_source_fail(s, FERRY_ERR_UPDATE_LENGTH, announced, promised, NULL);
    f->got_bytes = 0;
    f->is_begun = true;
    f->is_sewn = false;
    remember(f);
    tell(f, announced ? announced : promised);
    return blame_sink(f, f->sink->begin(f->sink, announced ? announced : promised, is_enough));
}

/** The answer was about the middle, and the start may fare better. */
static bool is_middle_refused(const struct ferry_fault *f)
{
    return f->err == FERRY_ERR_RANGE || f->err == FERRY_ERR_NET_LENGTH ||
           f->err == FERRY_ERR_NET_PROTOCOL || (f->err == FERRY_ERR_NET_STATUS && f->value == 416);
}

/** At the next byte if something will tell that it is of the same file, else at the start. */
static ferry_err open_source(struct fetch *f)
{
    struct ferry_source *s = f->source;
    if (!f->got_bytes || (!f->validator[0] && !f->wish->has_sha256))
        return ferry_source_open(s, 0);
    const ferry_err err = ferry_source_open_near(s, f->got_bytes, f->validator);
    return err && is_middle_refused(&s->fault) ? ferry_source_open(s, 0) : err;
}

/** Does the source that is open go on where the sink stands? */
static bool fits(struct fetch *f)
{
    const struct ferry_source *s = f->source;
    const uint32_t announced = s->facts.length_bytes, promised = f->wish->length_bytes;
    const char *now = ferry_source_validator(s);
    if (!f->is_begun || s->at_bytes != f->got_bytes ||
        (announced && promised && announced != promised))
        return false;
    if (*now && !strcmp(now, f->validator))
        return true;
    f->is_sewn = f->got_bytes && f->wish->has_sha256;
    return f->is_sewn;
}

/** Opens the source and brings it and the sink to the same byte. */
static ferry_err join_both(struct fetch *f, bool *is_enough)
{
    struct ferry_source *s = f->source;
    ferry_err err = open_source(f);
    if (err)
        return err;
    if (fits(f)) {
        remember(f);
        tell(f, s->facts.length_bytes ? s->facts.length_bytes : f->wish->length_bytes);
        return FERRY_OK;
    }
    if (f->got_bytes)
        say_anew(f);
    if (s->at_bytes)
        err = ferry_source_rewind(s);
    return err ? err : begin(f, is_enough);
}

/** A sector at a time, so that a checkpoint is made as soon as it is due. */
static ferry_err write_piece(struct fetch *f, const uint8_t *piece, uint32_t n)
{
    while (n) {
        const uint32_t room = FERRY_FLASH_SECTOR_BYTES - f->got_bytes % FERRY_FLASH_SECTOR_BYTES;
        const uint32_t step = n < room ? n : room;
        ferry_err err = blame_sink(f, f->sink->write(f->sink, piece, step));
        if (err)
            return err;
        f->got_bytes += step;
        err = keep(f);
        if (err)
            return err;
        piece += step;
        n -= step;
    }
    return FERRY_OK;
}

static ferry_err receive(struct fetch *f)
{
    static uint8_t piece[PIECE_BYTES];
    struct ferry_source *s = f->source;
    for (;;) {
        size_t got = 0;
        ferry_err err = ferry_source_read(s, piece, sizeof(piece), &got);
        if (err)
            return err;
        if (!got)
            return f->sink->finish ? blame_sink(f, f->sink->finish(f->sink)) : FERRY_OK;
        err = write_piece(f, piece, (uint32_t)got);
        if (err)
            return err;
        cli_progress_at(&f->progress, f->got_bytes, f->progress.total_bytes);
    }
}

static ferry_err attempt(struct fetch *f)
{
    bool is_enough = false;
    ferry_err err = join_both(f, &is_enough);
    if (!err && !is_enough)
        err = receive(f);
    ferry_source_close(f->source);
    return err;
}

/** Parts of two files do not make one: once more, from the start. */
static bool begins_anew(struct fetch *f)
{
    if (!f->is_sewn || f->n_anew)
        return false;
    f->n_anew++;
    f->is_sewn = f->is_begun = f->sink->is_to_blame = false;
    say_anew(f);
    drop_note(f);
    f->got_bytes = 0;
    f->validator[0] = '\0';
    return true;
}

/** After a failure of the source: waits, if trying again is worth it. */
static bool goes_on(struct fetch *f)
{
    const struct ferry_retry *retry = &f->job->args.server.retry;
    const struct ferry_source *s = f->source;
    char sentence[FERRY_SENTENCE_BYTES];
    if (f->got_bytes > f->best_bytes) {
        f->best_bytes = f->got_bytes;
        f->n_tries = 0;
    }
    if (f->sink->is_to_blame)
        return begins_anew(f);
    if (f->n_tries >= retry->n_most || !ferry_retry_is_worth(&s->fault))
        return false;
    const struct ferry_about about = {.file = name_words(f->wish),
                                      .detail = s->detail[0] ? s->detail : NULL};
    const uint32_t pause_ms = ferry_retry_pause_ms(retry, ++f->n_tries, s->retry_after_s);
    cli_progress_break(&f->progress);
    ferry_sentence(sentence, sizeof(sentence), &s->fault, &about);
    cli_update_say_retry(f->job->call->out, sentence, pause_ms, f->n_tries, retry->n_most);
    retry->sleep_ms(retry->ctx, pause_ms);
    return !ferry_cancel_asked(&cli_interrupt);
}

int reflash_fetch(struct reflash_job *job, const struct reflash_wish *wish,
                  struct reflash_sink *sink, ferry_err *err)
{
    static struct ferry_source_named named;
    struct cli_http_args *server = &job->args.server;
    struct fetch f = {.job = job, .wish = wish, .sink = sink};
    cli_interrupt_retry(&server->retry);
    server->http.secrets_for = wish->from_name;
    ferry_source_named_init(&named, wish->from_name, &server->http, &cli_interrupt);
    f.source = named.source;
    snprintf(f.label, sizeof(f.label), "Fetching %s", wish->words);
    sink->is_to_blame = false;
    bool is_enough;
    *err = take_up(&f, &is_enough);
    if (*err || is_enough)
        return CLI_EXIT_OK;
    do {
        *err = attempt(&f);
    } while (*err && goes_on(&f));
    cli_progress_end(&f.progress);
    if (sink->is_to_blame && f.has_note)
        drop_note(&f); // the bytes were looked at and found wrong
    if (!*err || sink->is_to_blame)
        return CLI_EXIT_OK;
    struct ferry_fault fault = f.source->fault;
    fault.err = *err;
    const struct ferry_about about = {.file = name_words(wish),
                                      .detail = f.source->detail[0] ? f.source->detail : NULL};
    const int exit_code = cli_fail(job->call->out, &fault, &about);
    cJSON_AddStringToObject(cli_json(job->call->out), "step", wish->words);
    cJSON_AddBoolToObject(cli_json(job->call->out), "can_go_on", f.has_note);
    if (f.has_note)
        cli_note(job->call->out, "The same command goes on where this one stopped.\n");
    return exit_code;
}
