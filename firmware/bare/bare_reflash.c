/* firmware/bare/bare_reflash.c - a reflash that the app starts itself. Contents come over the
 * console into an app partition that does not run, are checked there, and become the steps of one
 * plan; then the plan is written into the journal and carried out. */
#include "bare_app.h"
#include "bare_map.h"
#include "bare_trust.h"

#include "ferry/reflash.h"

#define PIECE_BYTES 4096u

#ifdef BARE_BOOTLOADER_RESUMES
#define BOOTLOADER_RESUMES true
#else
#define BOOTLOADER_RESUMES false
#endif

static struct {
    struct ferry_reflash reflash;
    struct ferry_reflash_site site;
    struct ferry_reflash_bench bench;
    struct ferry_reflash_report report;
    struct ferry_stage stage;
    uint8_t work[FERRY_REFLASH_WORK_BYTES(4096)];
    uint8_t piece[PIECE_BYTES];
} job;

static ferry_err open_journal(struct bare_app *app,
                              ferry_err (*open)(struct ferry_reflash *r,
                                                const struct ferry_reflash_config *cfg))
{
    const struct ferry_reflash_config config = {
        .flash = app->dev.flash,
        .journal = ferry_reflash_journal_default(app->dev.flash),
        .running = ferry_device_span(&app->dev, app->dev.running),
        .gate = bare_trust_plan_gate(),
        .work = job.work,
        .work_bytes = sizeof(job.work),
    };
    return open(&job.reflash, &config);
}

/* The first content decides which partition is staged into; the others follow it there. */
static ferry_err open_plan(struct bare_app *app, const struct ferry_step *step)
{
    const struct ferry_span dest = {step->dest_off_bytes, step->dest_size_bytes};
    struct ferry_span area = {0, 0};
    job.site = (struct ferry_reflash_site){.policy = app->dev.policy,
                                           .table_off_bytes = app->dev.table.off_bytes,
                                           .bootloader_resumes = BOOTLOADER_RESUMES};
    ferry_err err = open_journal(app, ferry_reflash_open);
    if (!err)
        err = ferry_reflash_new(&job.reflash);
    if (err)
        return ferry_fail(&job.stage.fault, err, job.reflash.fault.value, job.reflash.fault.limit,
                          job.reflash.fault.off_bytes);
    err = ferry_stage_find(&job.reflash, &app->dev, step->length_bytes, dest, &area,
                           &job.stage.fault);
    if (!err)
        err = ferry_stage_open(&job.stage, &job.reflash, &job.site, &app->dev, area);
    app->has_staged = !err;
    return err;
}

static ferry_err receive_all(uint32_t length)
{
    while (job.stage.got_bytes < length) {
        const uint32_t left = length - job.stage.got_bytes;
        const uint32_t n = left < PIECE_BYTES ? left : PIECE_BYTES;
        if (!bare_receive(job.stage.got_bytes, job.piece, n))
            return FERRY_ERR_NET_TIMEOUT;
        const ferry_err err = ferry_stage_write(&job.stage, job.piece, n);
        if (err)
            return err;
    }
    return ferry_stage_finish(&job.stage);
}

static uint8_t kind_of(const char *word)
{
    static const struct {
        const char *name;
        uint8_t kind;
    } kinds[] = {{"data", FERRY_STEP_DATA},
                 {"app", FERRY_STEP_APP},
                 {"table", FERRY_STEP_TABLE},
                 {"bootloader", FERRY_STEP_BOOTLOADER},
                 {"raw", FERRY_STEP_RAW}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (bare_is_same(word, kinds[i].name))
            return kinds[i].kind;
    return 0;
}

static bool parse_step(const char *const words[BARE_WORDS], struct ferry_step *step)
{
    *step = (struct ferry_step){.kind = kind_of(words[1]), .source = FERRY_SOURCE_STAGED};
    if (step->kind == FERRY_STEP_DATA)
        step->flags = FERRY_STEP_BLANK_REST;
    if (step->kind == FERRY_STEP_BOOTLOADER && BOOTLOADER_RESUMES)
        step->flags = FERRY_STEP_RESUMES; // the new one is ours, as the old one
    return step->kind && bare_number(words[2], &step->dest_off_bytes) &&
           bare_number(words[3], &step->dest_size_bytes) &&
           bare_number(words[4], &step->length_bytes) && step->length_bytes &&
           bare_sha256(words[5], step->sha256);
}

void bare_stage(struct bare_app *app, const char *const words[BARE_WORDS])
{
    struct ferry_step step;
    bool is_held = false;
    if (!parse_step(words, &step)) {
        console_put_text(
            "usage: stage data|app|table|bootloader|raw OFFSET SIZE LENGTH SHA256\r\n");
        return;
    }
    job.stage.fault = (struct ferry_fault){0};
    ferry_err err = app->has_staged ? FERRY_OK : open_plan(app, &step);
    if (!err)
        err = ferry_stage_begin(&job.stage, &step, step.sha256, &is_held);
    if (!err && !is_held)
        err = receive_all(step.length_bytes);
    if (is_held)
        console_put_text("it is there already\r\n");
    bare_put_result(err, &job.stage.fault);
}

static void put_pair(const char *before, uint32_t a, const char *between, uint32_t b,
                     const char *behind)
{
    console_put_text(before);
    console_put_number(a);
    console_put_text(between);
    console_put_number(b);
    console_put_text(behind);
}

static ferry_err check_and_begin(uint32_t flags)
{
    const struct ferry_reflash_report *const report = &job.report;
    const ferry_err err =
        ferry_reflash_check(&job.reflash, &job.site, flags, &job.bench, &job.report);
    if (err)
        return err;
    put_pair("writing ", report->n_sectors, " sectors, about ", report->time_ms, " ms\r\n");
    if (report->window_sectors)
        put_pair("a power cut within ", report->window_sectors, " of them, ", report->window_ms,
                 " ms, needs a cable\r\n");
    return ferry_reflash_begin(&job.reflash, NULL);
}

static ferry_err carry_out(struct bare_app *app, uint32_t flags)
{
    ferry_err err = check_and_begin(flags);
    // Where only the word was missing, it may be said now; else the plan is put together anew.
    app->has_staged = err == FERRY_ERR_FLASH_PROTECTED || err == FERRY_ERR_REFLASH_WINDOW;
    if (err)
        return err;
    console_put_text("begun\r\n"); // from here on a cut is gone on from
    do
        err = ferry_reflash_run(&job.reflash);
    while (err == FERRY_AGAIN);
    return err;
}

static ferry_err abandon(struct bare_app *app)
{
    const ferry_err err = open_journal(app, ferry_reflash_open);
    app->has_staged = false;
    return err ? err : ferry_reflash_abandon(&job.reflash);
}

void bare_reflash(struct bare_app *app, const char *const words[BARE_WORDS])
{
    const bool is_dangerous = bare_is_same(words[1], "dangerous");
    ferry_err err;
    if (bare_is_same(words[1], "abandon")) {
        err = abandon(app);
    } else if (app->has_staged && (is_dangerous || !words[1][0])) {
        err = carry_out(app, is_dangerous ? FERRY_REFLASH_DANGEROUS : 0);
    } else {
        console_put_text("usage: stage what shall be written, then: reflash [dangerous];"
                         " or: reflash abandon\r\n");
        return;
    }
    bare_put_result(err, &job.reflash.fault);
}

void bare_reflash_resume(struct bare_app *app)
{
    const ferry_err err = open_journal(app, ferry_reflash_resume);
    if (job.reflash.n_written) {
        console_put_text("reflash wrote ");
        console_put_number(job.reflash.n_written);
        console_put_text(" sectors\r\n");
    }
    if (err)
        bare_put_result(err, &job.reflash.fault);
    else if (job.reflash.n_written)
        machine_end(BARE_END_REBOOT); // what was read of the flash before may have changed
}
