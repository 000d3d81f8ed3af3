/* test_journal - the sector that keeps a plan: what counts as one, how far it got, whose it is. */
#include "fresh_key.h"
#include "reflash_world.h"
#include "t.h"

#include "ferry/bytes.h"
#include "ferry/plan_gate.h"

#include <stdlib.h>

static struct reflash_world w;
static uint8_t app_bytes[APP_IMAGE_BYTES(100000)];
static struct world_content app;

/* A migration that is checked, with nothing of it written. */
static void checked(void)
{
    world_init(&w, &ferry_chip_esp32c3);
    app = world_app(&w, app_bytes, 70000, 9);
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
    T_EQ_INT(world_plan_migration(&w, app), FERRY_OK);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_OK);
}

static void plan_comes_back_as_it_was_written(void)
{
    checked();
    const struct ferry_plan plan = w.job.plan;
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    T_EQ_INT(world_open(&w), FERRY_OK);
    T_EQ_INT(w.job.journal.state, FERRY_JOURNAL_UNFINISHED);
    T_EQ_INT(w.job.plan.n_steps, plan.n_steps);
    T_EQ_INT(w.job.plan.switch_step, 3);
    T_EQ_MEM(&w.job.plan.steps, &plan.steps, plan.n_steps * sizeof(plan.steps[0]));
    T_EQ_INT(w.job.done_bytes, 0);
    world_free(&w);
}

static void any_changed_bit_of_the_plan_makes_it_none(void)
{
    checked();
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    for (uint32_t off = 0; off < 0x40 + 5 * 64; off++) {
        sim_flash_flip_bit(&w.sim, WORLD_JOURNAL_OFF + off, off % 8);
        T_EQ_INT(world_open(&w), FERRY_OK);
        T_EQ_INT(w.job.journal.state, FERRY_JOURNAL_NONE);
        sim_flash_flip_bit(&w.sim, WORLD_JOURNAL_OFF + off, off % 8);
    }
    T_EQ_INT(world_open(&w), FERRY_OK);
    T_EQ_INT(w.job.journal.state, FERRY_JOURNAL_UNFINISHED);
    world_free(&w);
}

static void random_bytes_are_no_plan_and_write_nothing(void)
{
    uint8_t sector[4096];
    uint32_t x = 1;
    world_init(&w, &ferry_chip_esp32c3);
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(sector); i++) {
            x = x * 1664525u + 1013904223u;
            sector[i] = (uint8_t)(x >> 24);
        }
        if (round % 2) {
            memcpy(sector, "FRYJ\1", 5);
            sector[5] = (uint8_t)(1 + round / 2 % 16);
        }
        sim_flash_poke(&w.sim, WORLD_JOURNAL_OFF, sector, sizeof(sector));
        T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_OK);
        T_EQ_INT(w.job.journal.state, FERRY_JOURNAL_NONE);
    }
    T_EQ_INT(w.sim.counts.progs, 0);
    T_EQ_INT(w.sim.counts.erased_bytes, 0);
    world_free(&w);
}

/* The same sector, but its hash is right. */
static void sound_hash_does_not_excuse_a_plan(void)
{
    static const struct {
        uint32_t off;
        uint8_t byte;
    } changes[] = {
        {4, 9},         // version
        {6, 40},        // chunk
        {7, 3},         // mark
        {14, 0x70},     // flash size
        {17, 0xe0},     // journal's address
        {0x40, 0},      // kind
        {0x41, 7},      // source
        {0x43, 0x80},   // flags
        {0x45, 0x08},   // destination not on a sector
        {0x4f, 0x7f},   // length beyond the region
        {0x40 + 20, 1}, // a byte that must be zero
    };
    checked();
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    uint8_t good[4096], bad[4096], plan[FERRY_PLAN_BYTES];
    sim_flash_peek(&w.sim, WORLD_JOURNAL_OFF, good, sizeof(good));
    const uint32_t progs = w.sim.counts.progs;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct ferry_sha256 h;
        memcpy(bad, good, sizeof(bad));
        bad[changes[i].off] = changes[i].byte;
        memcpy(plan, bad, 32);
        memcpy(plan + 32, bad + 64, 5 * 64);
        ferry_sha256_init(&h);
        ferry_sha256_update(&h, plan, 32 + 5 * 64);
        ferry_sha256_finish(&h, bad + 32);
        sim_flash_poke(&w.sim, WORLD_JOURNAL_OFF, bad, sizeof(bad));
        T_CHECK(ferry_reflash_resume(&w.job, &w.cfg) != FERRY_OK);
        T_CHECK(w.job.fault.err != FERRY_OK);
    }
    T_EQ_INT(w.sim.counts.progs, progs);
    world_free(&w);
}

/* Marks are fewer where they are larger; chunks grow until they suffice. */
static void scarce_marks_make_larger_chunks(void)
{
    struct sim_flash sim;
    sim_flash_init(&sim, 0x1000000, 32);
    static uint8_t work[FERRY_PLAN_BYTES];
    struct ferry_journal j = {.sector = {&sim.flash, 0xfff000, 4096}};
    struct ferry_plan plan = {
        .flash_bytes = 0x1000000, .journal_off_bytes = 0xfff000, .n_steps = 1, .switch_step = 1};
    plan.steps[0] = (struct ferry_step){.kind = FERRY_STEP_RAW,
                                        .source = FERRY_SOURCE_BLANK,
                                        .flags = FERRY_STEP_BLANK_REST,
                                        .dest_off_bytes = 0x10000,
                                        .dest_size_bytes = 0xe00000};
    T_EQ_INT(ferry_journal_write(&j, &plan, NULL, work, NULL), FERRY_OK);
    T_EQ_INT(j.mark_bytes, 32);
    T_EQ_INT(j.n_marks, 27);
    T_EQ_INT(j.chunk_log2, 20);
    T_EQ_INT(ferry_journal_chunks(&j, &plan), 15);
    struct ferry_journal again;
    T_EQ_INT(ferry_journal_open(&again, &j.sector, &plan, work, NULL), FERRY_OK);
    T_EQ_INT(again.chunk_log2, 20);
    for (uint32_t i = 0; i < 16; i++)
        plan.steps[i] = (struct ferry_step){.kind = FERRY_STEP_TABLE,
                                            .source = FERRY_SOURCE_BLANK,
                                            .flags = FERRY_STEP_BLANK_REST,
                                            .dest_off_bytes = 0x10000 + 0x2000 * i,
                                            .dest_size_bytes = 0x2000};
    plan.n_steps = 16;
    T_EQ_INT(ferry_journal_write(&j, &plan, NULL, work, NULL), FERRY_ERR_REFLASH_STEPS);
    sim_flash_free(&sim);
}

/* A sector that an interrupted erase left looking right is not trusted: the chunk that was begun
 * and not finished is written again, and no other. */
static void chunk_that_was_begun_is_written_again_whole(void)
{
    checked();
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    while (w.job.step == 0)
        T_EQ_INT(ferry_reflash_run(&w.job), FERRY_AGAIN);
    const uint32_t chunk = w.job.chunk;
    struct ferry_fault fault;
    // What comes next is in place already, by an unlikely accident, and was begun.
    const struct ferry_step *s = &w.job.plan.steps[w.job.step];
    uint8_t bytes[4096];
    for (uint32_t at = 0; at < s->length_bytes; at += 4096) {
        sim_flash_peek(&w.sim, s->source_off_bytes + at, bytes, sizeof(bytes));
        sim_flash_poke(&w.sim, s->dest_off_bytes + at, bytes, sizeof(bytes));
    }
    T_EQ_INT(s->kind, FERRY_STEP_APP);
    const uint32_t n_sectors = (s->length_bytes + 4095) / 4096;
    const uint32_t first = s->dest_off_bytes / 4096;
    T_EQ_INT(ferry_journal_begin_chunk(&w.job.journal, chunk, &fault), FERRY_OK);
    memset(w.sim.wear, 0, w.sim.n_sectors * sizeof(w.sim.wear[0]));
    T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_OK);
    for (uint32_t i = 0; i < n_sectors; i++)
        T_EQ_INT(w.sim.wear[first + i], i < 16); // the block, and not the sectors behind it
    T_EQ_INT(w.sim.wear[w.job.plan.steps[0].dest_off_bytes / 4096], 0);
    world_free(&w);
}

/* ---- signed plans ---- */

static struct ferry_sign_key keys[2];
static struct ferry_trust trust;
static struct ferry_signed_plan_gate gate;

/* One Secure Boot v2 block over the plan, as its maker would sign it. */
static void sign(const struct ferry_plan *plan, const struct ferry_sign_key *key,
                 uint8_t block[FERRY_PLAN_SIGNATURE_BYTES])
{
    static uint8_t bytes[FERRY_PLAN_BYTES];
    uint8_t digest[48], signature[FERRY_SIGNATURE_MOST];
    const uint32_t n = ferry_plan_signed_bytes(plan, bytes);
    if (key->scheme == FERRY_SCHEME_ECDSA_P384) {
        struct ferry_sha384 h;
        ferry_sha384_init(&h);
        ferry_sha384_update(&h, bytes, n);
        ferry_sha384_finish(&h, digest);
    } else {
        struct ferry_sha256 h;
        ferry_sha256_init(&h);
        ferry_sha256_update(&h, bytes, n);
        ferry_sha256_finish(&h, digest);
    }
    T_EQ_INT(ferry_sign_key_sign(key, digest, signature), FERRY_OK);
    const struct ferry_signature_block parts = {
        .scheme = key->scheme, .digest = digest, .key = key->part, .signature = signature};
    T_EQ_INT(ferry_signature_encode(&parts, block), FERRY_OK);
}

static void trust_key(const struct ferry_sign_key *key)
{
    trust = (struct ferry_trust){.n_keys = 1, .p384 = key->scheme == FERRY_SCHEME_ECDSA_P384};
    ferry_sign_key_digest(key, trust.key_digests[0]);
    ferry_signed_plan_gate_init(&gate, &trust);
    w.cfg.gate = w.job.cfg.gate = &gate.gate;
}

static void unsigned_plan_is_neither_begun_nor_resumed(void)
{
    checked();
    trust_key(&keys[0]);
    const uint32_t erased = (uint32_t)w.sim.counts.erased_bytes;
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(w.sim.counts.erased_bytes, erased);
    w.job.cfg.gate = NULL; // begun by something that trusts anybody
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(w.job.n_written, 0);
    T_EQ_INT(ferry_reflash_run(&w.job), FERRY_ERR_STATE);
    T_EQ_INT(ferry_reflash_abandon(&w.job), FERRY_OK);
    world_free(&w);
}

static void keys_without_a_gate_for_plans_take_none(void)
{
    struct ferry_gate demands = {0};
    checked();
    w.policy.gate = &demands;
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_ERR_SIGNATURE_NONE);
    world_free(&w);
}

static void signed_plan_is_begun_and_resumed(void)
{
    uint8_t block[FERRY_PLAN_SIGNATURE_BYTES];
    for (size_t i = 0; i < 2; i++) {
        checked();
        trust_key(&keys[i]);
        sign(&w.job.plan, &keys[1 - i], block);
        T_EQ_INT(ferry_reflash_begin(&w.job, block), FERRY_ERR_SIGNATURE_KEY);
        sign(&w.job.plan, &keys[i], block);
        T_EQ_INT(ferry_reflash_begin(&w.job, block), FERRY_OK);
        T_EQ_INT(ferry_reflash_run(&w.job), FERRY_AGAIN);
        T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_OK);
        T_EQ_INT(w.job.journal.state, FERRY_JOURNAL_FINISHED);
        world_free(&w);
    }
}

static void signature_covers_what_lies_where_and_not_where_it_comes_from(void)
{
    uint8_t block[FERRY_PLAN_SIGNATURE_BYTES];
    checked();
    trust_key(&keys[0]);
    sign(&w.job.plan, &keys[0], block);
    static uint8_t bytes[FERRY_PLAN_BYTES];
    struct ferry_plan plan = w.job.plan;
    for (uint32_t i = 0; i < plan.n_steps; i++) { // another device, another staging area and order
        if (plan.steps[i].source == FERRY_SOURCE_STAGED)
            plan.steps[i].source_off_bytes += 0x1000;
        if (plan.steps[i].source == FERRY_SOURCE_MOVED)
            plan.steps[i].sha256[3] ^= 1;
    }
    const struct ferry_step first = plan.steps[0];
    plan.steps[0] = plan.steps[1];
    plan.steps[1] = first;
    T_EQ_INT(gate.gate.verdict(&gate.gate, &plan, block, bytes, NULL), FERRY_OK);
    for (uint32_t i = 0; i < plan.n_steps; i++) {
        struct ferry_plan other = plan;
        other.steps[i].dest_off_bytes += 0x1000;
        T_EQ_INT(gate.gate.verdict(&gate.gate, &other, block, bytes, NULL),
                 FERRY_ERR_SIGNATURE_BAD);
        other = plan;
        other.steps[i].kind = FERRY_STEP_RAW;
        T_EQ_INT(gate.gate.verdict(&gate.gate, &other, block, bytes, NULL),
                 FERRY_ERR_SIGNATURE_BAD);
        other = plan;
        if (other.steps[i].source == FERRY_SOURCE_MOVED)
            other.steps[i].source_off_bytes += 0x1000;
        else
            other.steps[i].sha256[0] ^= 1;
        T_EQ_INT(gate.gate.verdict(&gate.gate, &other, block, bytes, NULL),
                 FERRY_ERR_SIGNATURE_BAD);
    }
    world_free(&w);
}

int main(void)
{
    fresh_key_take(&keys[0], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    fresh_key_take(&keys[1], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"));
    T_RUN(plan_comes_back_as_it_was_written);
    T_RUN(any_changed_bit_of_the_plan_makes_it_none);
    T_RUN(random_bytes_are_no_plan_and_write_nothing);
    T_RUN(sound_hash_does_not_excuse_a_plan);
    T_RUN(scarce_marks_make_larger_chunks);
    T_RUN(chunk_that_was_begun_is_written_again_whole);
    T_RUN(unsigned_plan_is_neither_begun_nor_resumed);
    T_RUN(keys_without_a_gate_for_plans_take_none);
    T_RUN(signed_plan_is_begun_and_resumed);
    T_RUN(signature_covers_what_lies_where_and_not_where_it_comes_from);
    for (size_t i = 0; i < 2; i++)
        ferry_sign_key_close(&keys[i]);
    return t_end();
}
