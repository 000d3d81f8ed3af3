/* tests/agent/test_retry.c - updates over a fake server that fails as told, with a fake clock and
 * dice: which failures are tried again, after which pauses, and from which byte; and what a
 * checkpoint in a fake keeper leads to. No socket, no waiting. */
#include "agent/retry.h"

#include <string.h>

#include "agent/source_http.h"
#include "agent/source_memory.h"
#include "agent/update_run.h"
#include "app_image.h"
#include "bench_device.h"
#include "t.h"

#define PAYLOAD 200000u

/* One answer of the server. {0} is the whole image, well served, with the ETag "v1". */
struct answer {
    ferry_err open_err;    // nothing was answered
    uint16_t status;       // 0: 200 or 206, as asked
    const char *field;     // of the head, instead of the ETag; "" none
    uint32_t stop_after;   // bytes of body, then the link is lost; 0: none
    bool ignores_range;    // 200 whatever is asked
    bool ignores_if_range; // 206 whatever the validator
    bool is_other;         // the other image of the same length
};

static struct {
    struct ferry_http http; // first
    const struct answer *answers;
    unsigned n_answers, n_asked;
    struct {
        uint32_t off_bytes;
        char if_range[40];
    } asked[16];
    const uint8_t *body;
    uint32_t at, end, lost_at;
} server;

static struct {
    struct ferry_keeper keeper; // first
    uint8_t note[FERRY_NOTE_BYTES];
    bool has_note;
    unsigned n_saved, n_dropped;
    ferry_err err; // of every call
} keeper;

static struct {
    uint32_t pauses_ms[16];
    unsigned n_pauses, n_anew, n_unkept;
    uint32_t began_at;
    uint32_t dice;
    unsigned cancel_at_pause; // 1: during the first; 0: never
    bool is_cancelled;
} heard;

static struct bench_device b;
static uint8_t image[BENCH_IMAGE_LIMIT], other[BENCH_IMAGE_LIMIT];
static uint32_t n_image;
static uint8_t pieces[1000];
static struct ferry_update u;
static struct ferry_update_config config;
static struct ferry_source_http source;
static struct ferry_update_job job;
static bool is_anew, has_no_retries; // of the next run

static void put_line(struct ferry_http_head *head, const char *line)
{
    T_EQ_INT(ferry_http_head_line(head, line, strlen(line)), FERRY_OK);
}

static bool gives_middle(const struct answer *a, const struct ferry_http_request *req)
{
    return req->off_bytes && !a->ignores_range &&
           (!req->if_range || a->ignores_if_range || !a->field ||
            (strlen(a->field) > strlen(req->if_range) &&
             strcmp(a->field + strlen(a->field) - strlen(req->if_range), req->if_range) == 0));
}

static ferry_err open_fake(struct ferry_http *h, const struct ferry_http_request *req,
                           struct ferry_http_head *head)
{
    T_CHECK(server.n_asked < server.n_answers && server.n_asked < 16);
    const struct answer *a = &server.answers[server.n_asked];
    const unsigned n = server.n_asked++;
    char line[80];
    h->detail[0] = '\0';
    server.asked[n].off_bytes = req->off_bytes;
    strcpy(server.asked[n].if_range, req->if_range ? req->if_range : "");
    if (a->open_err)
        return a->open_err;
    const bool middle = gives_middle(a, req);
    server.at = middle ? req->off_bytes : 0;
    server.end = a->status ? 0 : n_image;
    server.lost_at = a->stop_after ? server.at + a->stop_after : UINT32_MAX;
    server.body = a->is_other ? other : image;
    snprintf(line, sizeof line, "HTTP/1.1 %u ?", a->status ? a->status : middle ? 206u : 200u);
    put_line(head, line);
    if (!a->field || *a->field)
        put_line(head, a->field ? a->field : "ETag: \"v1\"");
    if (middle) {
        snprintf(line, sizeof line, "Content-Range: bytes %u-%u/%u", (unsigned)server.at,
                 (unsigned)n_image - 1, (unsigned)n_image);
        put_line(head, line);
    }
    snprintf(line, sizeof line, "Content-Length: %u", (unsigned)(server.end - server.at));
    if (!a->status)
        put_line(head, line);
    return FERRY_OK;
}

static ferry_err read_fake(struct ferry_http *h, void *dst, size_t n, size_t *got)
{
    (void)h;
    if (server.at >= server.lost_at)
        return FERRY_ERR_NET_CLOSED;
    uint32_t left = server.end - server.at;
    if (left > server.lost_at - server.at)
        left = server.lost_at - server.at;
    *got = n < left ? n : left;
    memcpy(dst, server.body + server.at, *got);
    server.at += (uint32_t)*got;
    return FERRY_OK;
}

static void close_fake(struct ferry_http *h)
{
    (void)h;
}

static const struct ferry_http_ops fake_http = {open_fake, read_fake, close_fake};

static ferry_err load_fake(struct ferry_keeper *k, uint8_t note[FERRY_NOTE_BYTES])
{
    (void)k;
    if (keeper.err)
        return keeper.err;
    if (!keeper.has_note)
        return FERRY_ERR_NOT_FOUND;
    memcpy(note, keeper.note, FERRY_NOTE_BYTES);
    return FERRY_OK;
}

static ferry_err save_fake(struct ferry_keeper *k, const uint8_t note[FERRY_NOTE_BYTES])
{
    (void)k;
    if (keeper.err)
        return keeper.err;
    memcpy(keeper.note, note, FERRY_NOTE_BYTES);
    keeper.has_note = true;
    keeper.n_saved++;
    return FERRY_OK;
}

static ferry_err drop_fake(struct ferry_keeper *k)
{
    (void)k;
    keeper.n_dropped += keeper.has_note;
    keeper.has_note = false;
    return keeper.err;
}

static const struct ferry_keeper_ops fake_keeper = {load_fake, save_fake, drop_fake,
                                                    &ferry_keeping};

static void sleep_fake(void *ctx, uint32_t ms)
{
    (void)ctx;
    if (T_CHECK(heard.n_pauses < 16))
        heard.pauses_ms[heard.n_pauses++] = ms;
    heard.is_cancelled = heard.n_pauses == heard.cancel_at_pause;
}

static uint32_t dice_fake(void *ctx)
{
    (void)ctx;
    return heard.dice;
}

static bool is_cancelled(void *ctx)
{
    (void)ctx;
    return heard.is_cancelled;
}

static void on_stage(void *ctx, enum ferry_stage stage, const struct ferry_update *update)
{
    (void)ctx;
    if (stage == FERRY_STAGE_RECEIVING)
        heard.began_at = update->got_bytes;
}

static void on_remark(void *ctx, const struct ferry_remark *remark)
{
    (void)ctx;
    heard.n_anew += remark->kind == FERRY_REMARK_ANEW;
    heard.n_unkept += remark->kind == FERRY_REMARK_UNKEPT;
    if (remark->kind == FERRY_REMARK_RETRY) {
        T_CHECK(remark->fault.err != FERRY_OK);
        T_EQ_INT(remark->n_most, 5);
    }
}

/* ota_0 runs 1.0.0; the server has 1.1.0 and another 1.1.0 of the same length. */
static void start(void)
{
    static uint8_t old[APP_IMAGE_BYTES(5000)];
    struct app_image_spec spec = {
        .project = "demo", .version = "1.0.0", .payload_bytes = 5000, .chip_id = 5};
    bench_device_init(&b, &(struct bench_layout){.n_slots = 2});
    bench_device_put(&b, 0, old, app_image_make(old, &spec));
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    T_EQ_INT(bench_device_boot(&b), 0);
    spec = (struct app_image_spec){
        .project = "demo", .version = "1.1.0", .payload_bytes = PAYLOAD, .chip_id = 5, .seed = 7};
    n_image = app_image_make(image, &spec);
    spec.seed = 8;
    T_EQ_INT(app_image_make(other, &spec), n_image);
    memset(&keeper, 0, sizeof keeper);
    keeper.keeper.ops = &fake_keeper;
    config = (struct ferry_update_config){
        .slot = FERRY_SLOT_NEXT, .work = b.buffer, .work_bytes = sizeof b.buffer};
}

static const struct ferry_cancel cancel = {is_cancelled, NULL};

/* One run of the program against these answers; the fake memories of the one before are gone. */
static ferry_err run(const struct answer *answers, unsigned n_answers)
{
    static const struct ferry_http_options options = {.allow_plain_http = true};
    const unsigned cancel_at = heard.cancel_at_pause;
    memset(&server, 0, sizeof server);
    memset(&heard, 0, sizeof heard);
    heard.cancel_at_pause = cancel_at;
    heard.dice = 0x80000000;
    server.http.ops = &fake_http;
    server.answers = answers;
    server.n_answers = n_answers;
    ferry_source_http_init(&source, &server.http, "http://h/app.bin", &options, &cancel);
    job = (struct ferry_update_job){
        .device = &b.dev,
        .source = &source.source,
        .config = &config,
        .buffer = pieces,
        .buffer_bytes = sizeof pieces,
        .cancel = &cancel,
        .keeper = &keeper.keeper,
        .is_anew = is_anew,
        .retry = {.n_most = 5, .sleep_ms = sleep_fake, .random = dice_fake},
        .events = {.stage = on_stage, .remark = on_remark},
    };
    if (has_no_retries)
        memset(&job.retry, 0, sizeof job.retry);
    return ferry_update_run(&u, &job);
}

#define RUN(...)                                                                                   \
    run((const struct answer[]){__VA_ARGS__},                                                      \
        sizeof((const struct answer[]){__VA_ARGS__}) / sizeof(struct answer))

/* All answers were asked for, nothing is kept, and the device boots what the server had. */
static void done_with(const uint8_t *expected)
{
    static uint8_t now[BENCH_IMAGE_LIMIT];
    const struct ferry_region slot = {&b.sim.flash, BENCH_SLOT_OFF(1), BENCH_SLOT_BYTES};
    T_EQ_INT(server.n_asked, server.n_answers);
    T_CHECK(!keeper.has_note);
    T_CHECK(!job.can_go_on);
    T_EQ_INT(ferry_region_read(&slot, 0, now, n_image), FERRY_OK);
    T_EQ_MEM(now, expected, n_image);
    T_EQ_INT(bench_device_boot(&b), 1);
    bench_device_free(&b);
}

static void failed_with(ferry_err err, ferry_err expected)
{
    T_EQ_INT(err, expected);
    T_EQ_INT(job.fault.err, expected);
    T_EQ_INT(server.n_asked, server.n_answers);
    T_CHECK(!source.source.is_open);
    T_EQ_INT(bench_device_boot(&b), 0);
    bench_device_free(&b);
}

// Pauses.

static void pause_doubles_up_to_a_minute_and_chance_takes_a_part(void)
{
    const uint32_t limits_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct ferry_retry r = {.n_most = 5};
    for (uint32_t i = 0; i < 8; i++) {
        r.random = NULL;
        T_EQ_INT(ferry_retry_pause_ms(&r, i + 1, 0), limits_ms[i]);
        r.random = dice_fake;
        heard.dice = 0;
        T_EQ_INT(ferry_retry_pause_ms(&r, i + 1, 0), 0);
        heard.dice = 0x80000000;
        T_EQ_INT(ferry_retry_pause_ms(&r, i + 1, 0), limits_ms[i] / 2);
        heard.dice = UINT32_MAX;
        T_EQ_INT(ferry_retry_pause_ms(&r, i + 1, 0), limits_ms[i]);
    }
    T_EQ_INT(ferry_retry_pause_ms(&r, UINT32_MAX, 0), 60000);
}

static void server_that_names_a_pause_is_obeyed_within_bounds(void)
{
    const struct ferry_retry r = {.n_most = 5};
    T_EQ_INT(ferry_retry_pause_ms(&r, 9, 1), 1000);
    T_EQ_INT(ferry_retry_pause_ms(&r, 1, 599), 599000);
    T_EQ_INT(ferry_retry_pause_ms(&r, 1, UINT32_MAX), 600000);
}

static void only_what_passes_is_tried_again(void)
{
#define NAME(name, number, text) (name),
    static const ferry_err all[] = {FERRY_ERR_LIST(NAME)};
#undef NAME
    for (uint32_t status = 100; status < 1000; status++) {
        const struct ferry_fault f = {.err = FERRY_ERR_NET_STATUS, .value = status};
        const bool passes = status == 408 || status == 425 || status == 429 || status / 100 == 5;
        T_EQ_INT(ferry_retry_is_worth(&f), passes);
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const bool passes = all[i] == FERRY_ERR_NET_CONNECT || all[i] == FERRY_ERR_NET_TIMEOUT ||
                            all[i] == FERRY_ERR_NET_CLOSED;
        T_EQ_INT(ferry_retry_is_worth(&(struct ferry_fault){.err = all[i]}), passes);
    }
}

// In one process.

static void lost_links_go_on_at_the_next_byte(void)
{
    start();
    T_EQ_INT(RUN({.stop_after = 50000}, {.stop_after = 1}, {.stop_after = 100000}, {0}), FERRY_OK);
    T_EQ_INT(server.asked[1].off_bytes, 50000);
    T_EQ_INT(server.asked[2].off_bytes, 50001);
    T_EQ_INT(server.asked[3].off_bytes, 150001);
    T_EQ_STR(server.asked[3].if_range, "\"v1\"");
    T_EQ_INT(heard.n_pauses, 3);
    for (unsigned i = 0; i < heard.n_pauses; i++)
        T_EQ_INT(heard.pauses_ms[i], 500); // each brought bytes, so none grows
    T_EQ_INT(heard.n_anew, 0);
    done_with(image);
}

static void tries_without_a_byte_are_counted_and_their_pauses_grow(void)
{
    start();
    const ferry_err err =
        RUN({.stop_after = 50000}, {.open_err = FERRY_ERR_NET_CONNECT},
            {.open_err = FERRY_ERR_NET_TIMEOUT}, {.status = 503},
            {.status = 429, .field = "Retry-After: 7"}, {.open_err = FERRY_ERR_NET_CLOSED});
    const uint32_t pauses_ms[] = {500, 1000, 2000, 4000, 7000};
    T_EQ_INT(heard.n_pauses, 5);
    T_EQ_MEM(heard.pauses_ms, pauses_ms, sizeof pauses_ms);
    T_CHECK(job.is_source_to_blame);
    T_CHECK(!job.can_go_on); // 64 KB had not come
    failed_with(err, FERRY_ERR_NET_CLOSED);
}

static void statuses_that_last_end_it_at_once(void)
{
    start();
    const ferry_err err = RUN({.stop_after = 150000}, {.status = 404});
    T_EQ_INT(job.fault.value, 404);
    T_CHECK(job.can_go_on && keeper.has_note);
    failed_with(err, FERRY_ERR_NET_STATUS);
}

static void cancelling_ends_a_pause(void)
{
    start();
    heard.cancel_at_pause = 2;
    const ferry_err err = RUN({.stop_after = 150000}, {.status = 500});
    heard.cancel_at_pause = 0;
    T_CHECK(!job.is_source_to_blame && job.can_go_on);
    failed_with(err, FERRY_ERR_CANCELLED);
}

static void file_that_changes_is_begun_anew_with_the_same_answer(void)
{
    start();
    T_EQ_INT(RUN({.stop_after = 150000}, {.is_other = true, .field = "ETag: \"v2\""}), FERRY_OK);
    T_EQ_INT(heard.n_anew, 1);
    T_EQ_INT(keeper.n_dropped, 2);
    done_with(other);
}

static void middle_of_a_changed_file_is_not_taken(void)
{
    start();
    T_EQ_INT(RUN({.stop_after = 150000},
                 {.is_other = true, .field = "ETag: \"v2\"", .ignores_if_range = true},
                 {.is_other = true, .field = "ETag: \"v2\""}),
             FERRY_OK);
    T_EQ_INT(server.asked[2].off_bytes, 0);
    done_with(other);
}

static void middle_without_a_validator_is_compared_from_the_start(void)
{
    start();
    T_EQ_INT(RUN({.stop_after = 150000}, {.field = "", .ignores_if_range = true}, {.field = ""}),
             FERRY_OK);
    T_EQ_INT(server.asked[2].off_bytes, 0);
    T_EQ_INT(heard.n_anew, 0);
    done_with(image);
}

static void file_that_changes_for_ever_is_given_up(void)
{
    start();
    const ferry_err err =
        RUN({.stop_after = 150000}, {.stop_after = 150000, .field = "ETag: \"2\""},
            {.stop_after = 150000, .field = "ETag: \"3\""},
            {.stop_after = 150000, .field = "ETag: \"4\""});
    T_EQ_INT(heard.n_anew, FERRY_RUN_RESTARTS);
    failed_with(err, FERRY_ERR_NET_PROTOCOL);
}

static void ignored_range_costs_the_bytes_but_not_the_flash(void)
{
    start();
    const uint32_t first = BENCH_SLOT_OFF(1) / 4096;
    const uint32_t wear = b.sim.wear[first];
    T_EQ_INT(RUN({.stop_after = 150000, .ignores_range = true}, {.ignores_range = true}), FERRY_OK);
    T_EQ_INT(b.sim.wear[first], wear + 1);
    T_EQ_INT(heard.n_anew, 0);
    done_with(image);
}

static void no_retries_unless_asked_for(void)
{
    start();
    has_no_retries = true;
    const ferry_err err = RUN({.stop_after = 50000});
    has_no_retries = false;
    T_EQ_INT(heard.n_pauses, 0);
    failed_with(err, FERRY_ERR_NET_CLOSED);
}

// In the next process.

/* The first process fails after `stop_after` bytes. */
static void start_interrupted(uint32_t stop_after)
{
    start();
    T_EQ_INT(RUN({.stop_after = stop_after}, {.status = 404}), FERRY_ERR_NET_STATUS);
    T_EQ_INT(bench_device_boot(&b), 0);
}

static void next_process_asks_for_the_rest(void)
{
    start_interrupted(150000);
    T_EQ_INT(keeper.n_saved, 2);
    T_EQ_INT(RUN({0}), FERRY_OK);
    T_EQ_INT(server.asked[0].off_bytes, 131072);
    T_EQ_STR(server.asked[0].if_range, "\"v1\"");
    T_EQ_INT(heard.began_at, 131072);
    T_EQ_INT(b.sim.counts.wrong_progs, 0);
    done_with(image);
}

static void wherever_it_was_lost_at_most_64_kb_come_again(void)
{
    for (uint32_t at = 1; at < n_image; at += 4999) {
        start_interrupted(at);
        T_EQ_INT(RUN({0}), FERRY_OK);
        T_CHECK(server.asked[0].off_bytes <= at);
        T_CHECK(at - server.asked[0].off_bytes <= FERRY_CHECKPOINT_EVERY);
        done_with(image);
    }
}

static void anew_if_asked_for(void)
{
    start_interrupted(150000);
    is_anew = true;
    T_EQ_INT(RUN({0}), FERRY_OK);
    is_anew = false;
    T_EQ_INT(server.asked[0].off_bytes, 0);
    done_with(image);
}

static void status_416_drops_the_checkpoint(void)
{
    start_interrupted(150000);
    T_EQ_INT(RUN({.status = 416}, {0}), FERRY_OK);
    T_EQ_INT(server.asked[1].off_bytes, 0);
    T_EQ_INT(heard.n_anew, 1);
    done_with(image);
}

static void promised_hash_needs_no_validator(void)
{
    static uint8_t sha[FERRY_SHA256_BYTES];
    struct ferry_sha256 h;
    start();
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, image, n_image);
    ferry_sha256_finish(&h, sha);
    config.sha256 = sha;
    T_EQ_INT(RUN({.stop_after = 150000, .field = ""}, {.status = 404}), FERRY_ERR_NET_STATUS);
    T_EQ_INT(RUN({.field = ""}), FERRY_OK);
    T_EQ_INT(server.asked[0].off_bytes, 131072);
    T_EQ_STR(server.asked[0].if_range, "");
    done_with(image);
    // Two files sewn together: only the hash can tell, and it does.
    start();
    config.sha256 = sha;
    T_EQ_INT(RUN({.stop_after = 150000, .field = "", .is_other = true}, {.status = 404}),
             FERRY_ERR_NET_STATUS);
    T_EQ_INT(RUN({.field = ""}, {.field = ""}), FERRY_OK);
    T_EQ_INT(server.asked[1].off_bytes, 0);
    done_with(image);
}

static void wrong_bytes_drop_the_checkpoint_and_are_not_tried_again(void)
{
    start();
    image[n_image - 50000] ^= 1;
    const ferry_err err = RUN({.stop_after = 150000}, {0});
    T_CHECK(!keeper.has_note && !job.can_go_on && !job.is_source_to_blame);
    failed_with(err, FERRY_ERR_IMAGE_CHECKSUM);
}

static void keeper_that_fails_is_told_once_and_ends_nothing(void)
{
    start();
    keeper.err = FERRY_ERR_FILE_WRITE;
    T_EQ_INT(RUN({0}), FERRY_OK);
    T_EQ_INT(heard.n_unkept, 2); // loading and the first saving
    done_with(image);
}

static void any_damage_of_the_note_begins_anew(void)
{
    for (uint32_t i = 0; i < FERRY_NOTE_BYTES; i += 3) {
        start_interrupted(70000);
        keeper.note[i] ^= 0x21;
        T_EQ_INT(RUN({0}), FERRY_OK);
        // Behind the validator's NUL there is nothing to damage.
        const bool matters = i < FERRY_CHECKPOINT_BYTES + sizeof "\"v1\"";
        T_EQ_INT(server.asked[0].off_bytes, matters ? 0 : 65536);
        done_with(image);
    }
}

static void memory_takes_up_what_a_server_began(void)
{
    struct ferry_source_memory m;
    start_interrupted(150000);
    ferry_source_memory_init(&m, image, n_image, NULL);
    job.source = &m.source;
    server.n_asked = server.n_answers;
    T_EQ_INT(ferry_update_run(&u, &job), FERRY_OK);
    T_EQ_INT(heard.began_at, 131072);
    done_with(image);
    start_interrupted(150000);
    ferry_source_memory_init(&m, other, n_image, NULL);
    job.source = &m.source;
    server.n_asked = server.n_answers;
    T_EQ_INT(ferry_update_run(&u, &job), FERRY_OK);
    T_EQ_INT(heard.n_anew, 1);
    T_EQ_INT(heard.began_at, 0);
    done_with(other);
}

int main(void)
{
    T_RUN(pause_doubles_up_to_a_minute_and_chance_takes_a_part);
    T_RUN(server_that_names_a_pause_is_obeyed_within_bounds);
    T_RUN(only_what_passes_is_tried_again);
    T_RUN(lost_links_go_on_at_the_next_byte);
    T_RUN(tries_without_a_byte_are_counted_and_their_pauses_grow);
    T_RUN(statuses_that_last_end_it_at_once);
    T_RUN(cancelling_ends_a_pause);
    T_RUN(file_that_changes_is_begun_anew_with_the_same_answer);
    T_RUN(middle_of_a_changed_file_is_not_taken);
    T_RUN(middle_without_a_validator_is_compared_from_the_start);
    T_RUN(file_that_changes_for_ever_is_given_up);
    T_RUN(ignored_range_costs_the_bytes_but_not_the_flash);
    T_RUN(no_retries_unless_asked_for);
    T_RUN(next_process_asks_for_the_rest);
    T_RUN(wherever_it_was_lost_at_most_64_kb_come_again);
    T_RUN(anew_if_asked_for);
    T_RUN(status_416_drops_the_checkpoint);
    T_RUN(promised_hash_needs_no_validator);
    T_RUN(wrong_bytes_drop_the_checkpoint_and_are_not_tried_again);
    T_RUN(keeper_that_fails_is_told_once_and_ends_nothing);
    T_RUN(any_damage_of_the_note_begins_anew);
    T_RUN(memory_takes_up_what_a_server_began);
    return t_end();
}
