/* cli/reflash_fetch.c - a content, brought from where the user says: opened, asked for again where
 * that is worth it, gone on with where the link was lost. The rules are those of updates:
 * docs/design/resume.md. */
#include <stdio.h>
#include <string.h>

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
    bool is_told;
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

static ferry_err begin(struct fetch *f, bool *is_enough)
{
    struct ferry_source *s = f->source;
    const uint32_t announced = s->facts.length_bytes, promised = f->wish->length_bytes;
    if (announced && promised && announced != promised)
        return ferry_source_fail(s, FERRY_ERR_UPDATE_LENGTH, announced, promised, NULL);
    f->got_bytes = 0;
    const char *now = ferry_source_validator(s);
    snprintf(f->validator, sizeof(f->validator), "%s", now);
    if (!f->is_told && !ferry_source_is_authenticated(s))
        cli_warn(f->job->call->out, "unauthenticated: nothing vouches for %s%s", f->wish->from_name,
                 f->wish->has_sha256 ? " but the SHA-256 that was given" : "");
    if (!f->is_told)
        cli_progress_begin(&f->progress, f->job->call->out, f->label, 0,
                           announced ? announced : promised);
    f->is_told = true;
    return blame_sink(f, f->sink->begin(f->sink, announced ? announced : promised, is_enough));
}

/** Opens the source and brings it and the sink to the same byte. */
static ferry_err join_both(struct fetch *f, bool *is_enough)
{
    struct ferry_source *s = f->source;
    ferry_err err = f->got_bytes && f->validator[0]
                        ? ferry_source_open_near(s, f->got_bytes, f->validator)
                        : ferry_source_open(s, 0);
    if (err)
        return err;
    if (s->at_bytes && s->at_bytes == f->got_bytes &&
        !strcmp(ferry_source_validator(s), f->validator))
        return FERRY_OK;
    if (f->got_bytes)
        cli_note(f->job->call->out, "Beginning %s anew\n", f->wish->words);
    if (s->at_bytes)
        err = ferry_source_rewind(s);
    return err ? err : begin(f, is_enough);
}

static ferry_err receive(struct fetch *f)
{
    static uint8_t piece[PIECE_BYTES];
    struct ferry_source *s = f->source;
    for (;;) {
        size_t got = 0;
        ferry_err err = ferry_source_read(s, piece, sizeof(piece), &got);
        if (err || !got)
            return err;
        err = blame_sink(f, f->sink->write(f->sink, piece, (uint32_t)got));
        if (err)
            return err;
        f->got_bytes += (uint32_t)got;
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
    if (f->sink->is_to_blame || f->n_tries >= retry->n_most || !ferry_retry_is_worth(&s->fault))
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
    do {
        *err = attempt(&f);
    } while (*err && goes_on(&f));
    cli_progress_end(&f.progress);
    if (!*err || sink->is_to_blame)
        return CLI_EXIT_OK;
    struct ferry_fault fault = f.source->fault;
    fault.err = *err;
    const struct ferry_about about = {.file = name_words(wish),
                                      .detail = f.source->detail[0] ? f.source->detail : NULL};
    const int exit_code = cli_fail(job->call->out, &fault, &about);
    cJSON_AddStringToObject(cli_json(job->call->out), "step", wish->words);
    return exit_code;
}
