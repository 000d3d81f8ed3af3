/* tests/agent/test_update_run.c - the loop from a source into a session, well and badly ending. */
#include "agent/update_run.h"

#include <string.h>

#include "agent/source_memory.h"
#include "app_image.h"
#include "bench_device.h"
#include "t.h"

#define PAYLOAD 150000u

static struct bench_device b;
static uint8_t image[BENCH_IMAGE_LIMIT];
static uint32_t n_image;
static uint8_t pieces[1000];
static struct ferry_update u;

/* Memory that fails, is cancelled, or lies about its length. */
struct bad_source {
    struct ferry_source_memory memory; // first
    uint32_t fail_at;                  // 0: never
    uint32_t announced;                // 0: the truth
};

static const struct ferry_source_ops *memory_ops;

static ferry_err open_bad(struct ferry_source *s, uint32_t off_bytes)
{
    const struct bad_source *bad = (struct bad_source *)(void *)s;
    const ferry_err err = memory_ops->open(s, off_bytes);
    if (bad->announced)
        s->facts.length_bytes = bad->announced;
    return err;
}

static ferry_err read_bad(struct ferry_source *s, void *dst, size_t n, size_t *got)
{
    const struct bad_source *bad = (struct bad_source *)(void *)s;
    if (bad->fail_at && s->at_bytes >= bad->fail_at)
        return ferry_source_fail(s, FERRY_ERR_NET_CLOSED, s->at_bytes, n_image, "gone");
    return memory_ops->read(s, dst, n, got);
}

static void close_bad(struct ferry_source *s)
{
    memory_ops->close(s);
}

static const struct ferry_source_ops bad_ops = {open_bad, read_bad, close_bad, NULL};

/* What the events told, in order. */
struct heard {
    enum ferry_stage stages[8];
    unsigned n_stages;
    uint32_t done_bytes, total_bytes;
    struct ferry_app_desc desc;
};

static void on_stage(void *ctx, enum ferry_stage stage, const struct ferry_update *update)
{
    struct heard *h = ctx;
    h->stages[h->n_stages++] = stage;
    if (stage == FERRY_STAGE_DESCRIBED)
        T_EQ_INT(ferry_image_desc(&update->image, &h->desc), FERRY_OK);
}

static void on_progress(void *ctx, uint32_t done_bytes, uint32_t total_bytes)
{
    struct heard *h = ctx;
    T_CHECK(done_bytes > h->done_bytes);
    h->done_bytes = done_bytes;
    h->total_bytes = total_bytes;
}

static struct ferry_update_config config;
static uint8_t desc_head[FERRY_APP_DESC_HEAD_BYTES];
static struct heard heard;
static struct bad_source source;
static struct ferry_update_job job;

/* ota_0 runs 1.0.0; the source holds 1.1.0. */
static void start(void)
{
    static uint8_t old[APP_IMAGE_BYTES(5000)];
    const struct app_image_spec spec = {
        .project = "demo", .version = "1.0.0", .payload_bytes = 5000, .chip_id = 5};
    const struct app_image_spec next = {
        .project = "demo", .version = "1.1.0", .payload_bytes = PAYLOAD, .chip_id = 5, .seed = 7};
    bench_device_init(&b, &(struct bench_layout){.n_slots = 2});
    bench_device_put(&b, 0, old, app_image_make(old, &spec));
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    T_EQ_INT(bench_device_boot(&b), 0);
    n_image = app_image_make(image, &next);

    memset(&source, 0, sizeof source);
    ferry_source_memory_init(&source.memory, image, n_image, NULL);
    memory_ops = source.memory.source.ops;
    source.memory.source.ops = &bad_ops;
    memset(&heard, 0, sizeof heard);
    config = (struct ferry_update_config){.slot = FERRY_SLOT_NEXT,
                                          .desc_head = desc_head,
                                          .work = b.buffer,
                                          .work_bytes = sizeof b.buffer};
    job = (struct ferry_update_job){.device = &b.dev,
                                    .source = &source.memory.source,
                                    .config = &config,
                                    .buffer = pieces,
                                    .buffer_bytes = sizeof pieces,
                                    .events = {on_stage, on_progress, NULL, &heard}};
}

static void end(void)
{
    T_CHECK(!source.memory.source.is_open);
    bench_device_free(&b);
}

static void good_source_is_carried_through_all_stages(void)
{
    start();
    T_EQ_INT(ferry_update_run(&u, &job), FERRY_OK);
    T_EQ_INT(heard.n_stages, 5);
    for (unsigned i = 0; i < heard.n_stages; i++)
        T_EQ_INT(heard.stages[i], FERRY_STAGE_OPENING + i);
    T_EQ_INT(heard.done_bytes, n_image);
    T_EQ_INT(heard.total_bytes, n_image);
    T_EQ_STR(heard.desc.version, "1.1.0");
    T_EQ_INT(bench_device_boot(&b), 1);
    end();
}

static void gentle_session_is_called_until_it_has_taken_all(void)
{
    start();
    static uint8_t large[3 * 4096];
    config.flags = FERRY_UPDATE_GENTLE;
    job.buffer = large;
    job.buffer_bytes = sizeof large;
    T_EQ_INT(ferry_update_run(&u, &job), FERRY_OK);
    T_EQ_INT(bench_device_boot(&b), 1);
    end();
}

static void failing_source_is_named_and_old_app_boots(void)
{
    const uint32_t cuts[] = {1, 1000, 70000, PAYLOAD};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        start();
        source.fail_at = cuts[i];
        T_EQ_INT(ferry_update_run(&u, &job), FERRY_ERR_NET_CLOSED);
        T_CHECK(job.is_source_to_blame);
        T_EQ_INT(job.fault.err, FERRY_ERR_NET_CLOSED);
        T_CHECK(job.fault.value >= cuts[i]);
        T_EQ_INT(job.fault.limit, n_image);
        T_EQ_STR(job.detail, "gone");
        T_EQ_INT(bench_device_boot(&b), 0);
        end();
    }
}

static void other_length_than_promised_is_refused_before_writing(void)
{
    start();
    config.length_bytes = n_image + 1;
    T_EQ_INT(ferry_update_run(&u, &job), FERRY_ERR_UPDATE_LENGTH);
    T_EQ_INT(job.fault.value, n_image);
    T_EQ_INT(job.fault.limit, n_image + 1);
    T_CHECK(!job.is_source_to_blame);
    T_EQ_INT(heard.n_stages, 1);
    end();
}

static void source_too_long_for_the_slot_is_refused_before_writing(void)
{
    start();
    source.announced = BENCH_SLOT_BYTES + 1;
    T_EQ_INT(ferry_update_run(&u, &job), FERRY_ERR_IMAGE_SIZE);
    T_EQ_INT(job.fault.value, BENCH_SLOT_BYTES + 1);
    T_EQ_INT(job.fault.limit, BENCH_SLOT_BYTES);
    T_EQ_INT(heard.done_bytes, 0);
    end();
}

static void source_shorter_than_it_said_is_refused(void)
{
    start();
    source.announced = n_image + 16;
    T_EQ_INT(ferry_update_run(&u, &job), FERRY_ERR_UPDATE_LENGTH);
    T_EQ_INT(job.fault.value, n_image);
    T_EQ_INT(job.fault.limit, n_image + 16);
    T_EQ_INT(bench_device_boot(&b), 0);
    end();
}

static void damaged_image_is_the_sessions_verdict(void)
{
    start();
    image[n_image - 50000] ^= 1;
    T_EQ_INT(ferry_update_run(&u, &job), FERRY_ERR_IMAGE_CHECKSUM);
    T_EQ_INT(job.fault.err, FERRY_ERR_IMAGE_CHECKSUM);
    T_CHECK(!job.is_source_to_blame);
    T_CHECK(job.detail == NULL);
    T_EQ_INT(bench_device_boot(&b), 0);
    end();
}

struct countdown {
    unsigned left;
};

static bool when_zero(void *ctx)
{
    struct countdown *c = ctx;
    return c->left-- == 0;
}

/* Asked n times it says yes: at every point where the loop looks. */
static void cancelling_at_any_point_leaves_the_old_app(void)
{
    const unsigned enough = 400;
    ferry_err err = FERRY_ERR_CANCELLED;
    unsigned n = 0;
    for (; err && n < enough; n++) {
        start();
        struct countdown c = {n};
        const struct ferry_cancel cancel = {when_zero, &c};
        job.cancel = &cancel;
        err = ferry_update_run(&u, &job);
        T_EQ_INT(bench_device_boot(&b), err ? 0 : 1);
        T_EQ_INT(job.fault.err, err);
        T_CHECK(!err || err == FERRY_ERR_CANCELLED);
        end();
    }
    T_EQ_INT(err, FERRY_OK);
    T_CHECK(n > n_image / sizeof pieces); // the loop looked before every piece
}

static void missing_buffer_is_refused(void)
{
    start();
    job.buffer_bytes = 0;
    T_EQ_INT(ferry_update_run(&u, &job), FERRY_ERR_ARG);
    end();
}

static void memory_source_starts_where_asked(void)
{
    struct ferry_source_memory m;
    char c[8];
    size_t got = 0;
    ferry_source_memory_init(&m, "0123456789", 10, NULL);
    T_EQ_INT(ferry_source_open(&m.source, 7), FERRY_OK);
    T_EQ_INT(ferry_source_read(&m.source, c, sizeof c, &got), FERRY_OK);
    T_EQ_INT(got, 3);
    T_EQ_MEM(c, "789", 3);
    T_EQ_INT(ferry_source_read(&m.source, c, sizeof c, &got), FERRY_OK);
    T_EQ_INT(got, 0);
    ferry_source_close(&m.source);
    T_EQ_INT(ferry_source_open(&m.source, 11), FERRY_ERR_RANGE);
    T_EQ_INT(m.source.fault.limit, 10);
    T_EQ_INT(ferry_source_open(&m.source, 10), FERRY_OK);
    ferry_source_close(&m.source);
}

int main(void)
{
    T_RUN(good_source_is_carried_through_all_stages);
    T_RUN(gentle_session_is_called_until_it_has_taken_all);
    T_RUN(failing_source_is_named_and_old_app_boots);
    T_RUN(other_length_than_promised_is_refused_before_writing);
    T_RUN(source_too_long_for_the_slot_is_refused_before_writing);
    T_RUN(source_shorter_than_it_said_is_refused);
    T_RUN(damaged_image_is_the_sessions_verdict);
    T_RUN(cancelling_at_any_point_leaves_the_old_app);
    T_RUN(missing_buffer_is_refused);
    T_RUN(memory_source_starts_where_asked);
    return t_end();
}
