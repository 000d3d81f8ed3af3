/* cli/reflash_staging.c - contents from outside: measured where that is cheap, passed over where
 * the destination holds them, else fetched into the staging area. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device_words.h"
#include "ferry/bytes.h"
#include "map_file.h"
#include "reflash_make.h"
#include "table_file.h"

#define SECTOR           FERRY_FLASH_SECTOR_BYTES
#define TABLE_MOST_BYTES (1024u * 1024u)

/* ---- the new table, in memory ---- */

struct memory_sink {
    struct reflash_sink sink; // first
    uint8_t *bytes;
    uint32_t n_bytes;
};

static ferry_err memory_begin(struct reflash_sink *s, uint32_t length_bytes, bool *is_enough)
{
    struct memory_sink *m = (struct memory_sink *)s;
    (void)length_bytes;
    m->n_bytes = 0;
    *is_enough = false;
    return FERRY_OK;
}

static ferry_err memory_write(struct reflash_sink *s, const void *data, uint32_t n)
{
    struct memory_sink *m = (struct memory_sink *)s;
    if (n > TABLE_MOST_BYTES - m->n_bytes)
        return FERRY_ERR_RANGE;
    uint8_t *more = realloc(m->bytes, m->n_bytes + n);
    if (!more)
        return FERRY_ERR_NO_MEMORY;
    memcpy(more + m->n_bytes, data, n);
    m->bytes = more;
    m->n_bytes += n;
    return FERRY_OK;
}

static void sha256_of(const void *bytes, size_t n, uint8_t out[FERRY_SHA256_BYTES])
{
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, bytes, n);
    ferry_sha256_finish(&h, out);
}

static int check_promises(struct reflash_job *job, const struct reflash_wish *wish,
                          const uint8_t *bytes, uint32_t n)
{
    uint8_t sha[FERRY_SHA256_BYTES];
    const struct ferry_about about = {.file = wish->from_name};
    sha256_of(bytes, n, sha);
    if (wish->length_bytes && wish->length_bytes != n)
        return cli_fail(job->call->out,
                        &(struct ferry_fault){FERRY_ERR_UPDATE_LENGTH, n, wish->length_bytes, 0},
                        &about);
    if (wish->has_sha256 && memcmp(sha, wish->sha256, sizeof(sha)) != 0)
        return cli_fail_err(job->call->out, FERRY_ERR_UPDATE_SHA, &about);
    return CLI_EXIT_OK;
}

int reflash_new_table(struct reflash_job *job, const struct reflash_wish *wish)
{
    struct memory_sink m = {.sink = {.begin = memory_begin, .write = memory_write}};
    const uint32_t off =
        job->site.new_table_off_bytes ? job->site.new_table_off_bytes : job->site.table_off_bytes;
    struct ferry_table_walk walk;
    ferry_err err;
    if (job->has_new_table)
        return cli_usage(job->call, "a plan writes one partition table; this one has two");
    int exit_code = reflash_fetch(job, wish, &m.sink, &err);
    if (!exit_code && err)
        exit_code =
            cli_fail(job->call->out, &(struct ferry_fault){err, m.n_bytes, TABLE_MOST_BYTES, 0},
                     &(struct ferry_about){.file = wish->from_name});
    if (!exit_code)
        exit_code = check_promises(job, wish, m.bytes, m.n_bytes);
    if (!exit_code)
        exit_code = cli_table_of_bytes(job->call, wish->from_name, m.bytes, m.n_bytes,
                                       job->cfg.flash->size_bytes, off, job->new_table);
    free(m.bytes);
    if (exit_code)
        return exit_code;
    job->has_new_table = true;
    job->after.n = 0;
    ferry_table_walk_begin(&walk);
    for (uint32_t i = 0; i < FERRY_TABLE_ROWS && !walk.done; i++) {
        struct ferry_partition p;
        const uint32_t n = walk.n_partitions;
        if (ferry_table_walk_row(&walk, job->new_table + i * FERRY_ROW_BYTES,
                                 job->cfg.flash->size_bytes, &p, NULL))
            break; // cli_table_of_bytes has found it good
        if (walk.n_partitions > n)
            job->after.rows[job->after.n++] = p;
    }
    return CLI_EXIT_OK;
}

/* ---- what is known before anything comes ---- */

/** Length and SHA-256 of a goal's content, as promised or, of a plain file, as it is. */
struct known {
    uint32_t length_bytes; // 0: not known
    bool has_sha256;
    uint8_t sha256[FERRY_SHA256_BYTES];
};

static void look_at_file(const struct reflash_wish *wish, struct known *k)
{
    struct ferry_mapped_file file;
    struct stat st;
    int os_errno;
    if (!strcmp(wish->from_name, "-") || stat(wish->from_name, &st) || !S_ISREG(st.st_mode))
        return; // an address, a pipe, or nothing: the source says what is wrong with it
    if (ferry_map_file(wish->from_name, UINT32_MAX, &file, &os_errno))
        return;
    k->length_bytes = (uint32_t)file.n_bytes;
    k->has_sha256 = file.n_bytes > 0;
    sha256_of(file.bytes, file.n_bytes, k->sha256);
    ferry_unmap_file(&file);
}

static void know(const struct reflash_job *job, const struct reflash_goal *g, struct known *k)
{
    const struct reflash_wish *wish = g->wish;
    *k = (struct known){0};
    if (g->step.kind == FERRY_STEP_TABLE) {
        k->length_bytes = FERRY_TABLE_BYTES;
        k->has_sha256 = true;
        sha256_of(job->new_table, FERRY_TABLE_BYTES, k->sha256);
        return;
    }
    look_at_file(wish, k);
    if (wish->length_bytes)
        k->length_bytes = wish->length_bytes;
    if (wish->has_sha256) {
        k->has_sha256 = true;
        memcpy(k->sha256, wish->sha256, sizeof(k->sha256));
    }
}

/** Adds the step without a byte moved if its destination holds it all already: then not even the
 * staging area is touched. */
static bool is_held(struct reflash_job *job, const struct reflash_goal *g, const struct known *k)
{
    struct ferry_step s = g->step;
    s.source = FERRY_SOURCE_HELD;
    return k->has_sha256 && k->length_bytes && k->length_bytes <= s.dest_size_bytes &&
           (!(s.flags & FERRY_STEP_BLANK_REST) || reflash_rest_is_blank(job, &s)) &&
           !ferry_reflash_add(&job->r, &s, k->sha256);
}

/* ---- the staging area ---- */

struct stage_sink {
    struct reflash_sink sink; // first
    struct reflash_job *job;
    const struct reflash_goal *goal;
};

static ferry_err stage_begin(struct reflash_sink *s, uint32_t length_bytes, bool *is_enough)
{
    struct stage_sink *k = (struct stage_sink *)s;
    const struct reflash_wish *wish = k->goal->wish;
    struct ferry_step step = k->goal->step;
    step.length_bytes = length_bytes;
    return ferry_stage_begin(&k->job->stage, &step, wish->has_sha256 ? wish->sha256 : NULL,
                             is_enough);
}

static ferry_err stage_write(struct reflash_sink *s, const void *data, uint32_t n)
{
    return ferry_stage_write(&((struct stage_sink *)s)->job->stage, data, n);
}

static ferry_err stage_resume(struct reflash_sink *s, const uint8_t *blob, uint32_t length_bytes,
                              uint32_t *at, bool *is_enough)
{
    struct stage_sink *k = (struct stage_sink *)s;
    const struct reflash_wish *wish = k->goal->wish;
    struct ferry_step step = k->goal->step;
    step.length_bytes = length_bytes;
    const ferry_err err = ferry_stage_resume(
        &k->job->stage, &step, wish->has_sha256 ? wish->sha256 : NULL, blob, is_enough);
    *at = k->job->stage.got_bytes;
    return err;
}

static ferry_err stage_checkpoint(struct reflash_sink *s, const uint8_t *validator, uint8_t *blob)
{
    return ferry_stage_checkpoint(&((struct stage_sink *)s)->job->stage, validator, blob);
}

static ferry_err stage_finish(struct reflash_sink *s)
{
    return ferry_stage_finish(&((struct stage_sink *)s)->job->stage);
}

static ferry_err stage_table(struct reflash_job *job, const struct reflash_goal *g)
{
    struct ferry_step step = g->step;
    bool enough;
    step.length_bytes = FERRY_TABLE_BYTES;
    ferry_err err = ferry_stage_begin(&job->stage, &step, NULL, &enough);
    if (!err)
        err = ferry_stage_write(&job->stage, job->new_table, FERRY_TABLE_BYTES);
    return err ? err : ferry_stage_finish(&job->stage);
}

static int stage_one(struct reflash_job *job, const struct reflash_goal *g)
{
    struct stage_sink k = {
        .sink = {.begin = stage_begin,
                 .write = stage_write,
                 .finish = stage_finish,
                 .resume = stage_resume,
                 .checkpoint = stage_checkpoint,
                 .keeper = reflash_keeper(job, g->step.dest_off_bytes)},
        .job = job,
        .goal = g,
    };
    ferry_err err = FERRY_OK;
    if (g->step.kind == FERRY_STEP_TABLE) {
        err = stage_table(job, g);
        return err ? reflash_fail_stage(job, g->wish, err) : CLI_EXIT_OK;
    }
    const int exit_code = reflash_fetch(job, g->wish, &k.sink, &err);
    if (exit_code)
        return exit_code;
    return err ? reflash_fail_stage(job, g->wish, err) : CLI_EXIT_OK;
}

/** A partition that nothing of the plan touches, neither what is in it nor what is to come. */
static ferry_err find_area(struct reflash_job *job, const bool *wanted, uint32_t need_bytes,
                           struct ferry_span *out)
{
    static struct ferry_reflash to_be;
    to_be = job->r;
    for (unsigned i = 0; i < job->n_goals; i++)
        if (wanted[i] && to_be.plan.n_steps < FERRY_PLAN_STEPS) {
            struct ferry_step *s = &to_be.plan.steps[to_be.plan.n_steps++];
            *s = job->goals[i].step;
            s->source = FERRY_SOURCE_HELD;
        }
    return ferry_stage_find(&to_be, &job->v.dev, need_bytes, (struct ferry_span){0, 0}, out,
                            &job->stage.fault);
}

/** Sizes of the contents that are still to come: all of them, and the next one alone. */
struct need {
    uint32_t most_bytes; // where a length is not known, as large as its place
    uint32_t sure_bytes; // ... as small as can be
    uint32_t next_bytes; // of the next one, likewise
};

static struct need need_from(const struct reflash_job *job, const bool *wanted, unsigned first)
{
    struct need need = {0, 0, 0};
    for (unsigned i = first; i < job->n_goals; i++) {
        const struct ferry_step *s = &job->goals[i].step;
        const uint32_t n = ferry_align_up(s->length_bytes, SECTOR);
        if (!wanted[i])
            continue;
        need.most_bytes += n ? n : s->dest_size_bytes;
        need.sure_bytes += n ? n : SECTOR;
        need.next_bytes = need.next_bytes ? need.next_bytes : need.sure_bytes;
    }
    return need;
}

/** One area for all that is to come if there is one, else one for the next content. */
static ferry_err find_area_for(struct reflash_job *job, const bool *wanted, unsigned first,
                               struct ferry_span *out)
{
    const struct need need = need_from(job, wanted, first);
    ferry_err err = find_area(job, wanted, need.most_bytes, out);
    if (err && need.sure_bytes < need.most_bytes)
        err = find_area(job, wanted, need.sure_bytes, out);
    if (err && need.next_bytes < need.sure_bytes)
        err = find_area(job, wanted, need.next_bytes, out);
    return err;
}

/** Is there anything in a partition to be lost? */
static bool holds_data(const struct reflash_job *job, const struct ferry_partition *p)
{
    const struct ferry_step all = {.dest_off_bytes = p->off_bytes,
                                   .dest_size_bytes = p->size_bytes};
    return !reflash_rest_is_blank(job, &all);
}

static void add_loss(struct reflash_job *job, const struct ferry_partition *p)
{
    struct reflash_loss *loss = &job->losses[job->n_losses];
    const struct ferry_stage *s = &job->stage;
    const struct ferry_region at = {job->cfg.flash, p->off_bytes, p->size_bytes};
    struct ferry_app_desc desc;
    uint8_t work[FERRY_APP_DESC_HEAD_BYTES];
    *loss = (struct reflash_loss){{0}, {0}, false};
    cli_printable(loss->label, sizeof(loss->label), p->label);
    if (p->type == FERRY_TYPE_APP) {
        if (ferry_image_read_desc(&at, work, &desc))
            return; // no app, or a part of one
        cli_app_words(loss->app, sizeof(loss->app), &desc);
        loss->is_rollback = s->loses_rollback &&
                            ferry_device_span(&job->v.dev, s->lost_slot).off_bytes == p->off_bytes;
    } else if (!holds_data(job, p)) {
        return;
    }
    job->n_losses++;
    if (!job->is_trial) // a plan says it where it lists the staging area
        cli_warn(job->call->out, "staging overwrites %s in %s%s",
                 loss->app[0] ? loss->app : "the content", loss->label,
                 loss->is_rollback ? ", which a rollback would boot" : "");
}

/** Says what staging in the area will cost, before anything of it is written. */
static void note_losses(struct reflash_job *job)
{
    const struct ferry_region *a = &job->stage.area;
    for (unsigned i = 0; i < job->today.n && job->n_losses < REFLASH_LOSSES; i++) {
        const struct ferry_partition *p = &job->today.rows[i];
        if (ferry_ranges_overlap(p->off_bytes, p->size_bytes, a->off_bytes, a->size_bytes))
            add_loss(job, p);
    }
}

static int open_area(struct reflash_job *job, const bool *wanted, unsigned first)
{
    struct ferry_span area;
    struct reflash_place place;
    const char *text = job->args.wishes.staging;
    ferry_err err = FERRY_OK;
    if (text) {
        if (!reflash_place_parse(text, &place))
            return cli_usage(job->call, "--staging takes a label or 0xOFFSET+SIZE, not '%s'", text);
        const char *why = reflash_resolve(&job->today, &place, &area);
        if (why)
            return cli_fail_text(job->call->out, FERRY_ERR_NOT_FOUND,
                                 "the partition table %s to stage in", why);
    } else {
        err = find_area_for(job, wanted, first, &area);
    }
    if (!err)
        err = ferry_stage_open(&job->stage, &job->r, &job->site, &job->v.dev, area);
    job->has_stage |= !err;
    if (!err)
        note_losses(job);
    return err ? reflash_fail_stage(job, NULL, err) : CLI_EXIT_OK;
}

/** True if the area that is open, if any, has no room for a content of known length. */
static bool needs_area(const struct reflash_job *job, const struct reflash_goal *g)
{
    const struct ferry_stage *s = &job->stage;
    return !job->has_stage ||
           (!job->args.wishes.staging && g->step.length_bytes > s->area.size_bytes - s->used_bytes);
}

/** Settles before anything is fetched whether a content has to be, and that it is not too large. */
static int look_ahead(struct reflash_job *job, struct reflash_goal *g, bool *is_wanted)
{
    struct known k;
    know(job, g, &k);
    if (k.length_bytes > g->step.dest_size_bytes) {
        const ferry_err err = ferry_fail(&job->stage.fault, FERRY_ERR_REFLASH_SIZE, k.length_bytes,
                                         g->step.dest_size_bytes, 0);
        return reflash_fail_stage(job, g->wish, err);
    }
    g->step.length_bytes = k.length_bytes;
    reflash_spare_rest(job, &g->step);
    *is_wanted = !is_held(job, g, &k);
    return CLI_EXIT_OK;
}

int reflash_stage_all(struct reflash_job *job)
{
    bool wanted[FERRY_PLAN_STEPS] = {false};
    int exit_code = CLI_EXIT_OK;
    for (unsigned i = 0; !exit_code && i < job->n_goals; i++)
        if (job->goals[i].wish->from == REFLASH_FROM_NAME)
            exit_code = look_ahead(job, &job->goals[i], &wanted[i]);
    for (unsigned i = 0; !exit_code && i < job->n_goals; i++) {
        if (!wanted[i])
            continue;
        if (needs_area(job, &job->goals[i]))
            exit_code = open_area(job, wanted, i);
        if (!exit_code)
            exit_code = stage_one(job, &job->goals[i]);
        wanted[i] = false;
    }
    return exit_code;
}
