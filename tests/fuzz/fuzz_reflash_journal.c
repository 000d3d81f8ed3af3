/* tests/fuzz/fuzz_reflash_journal.c - any bytes in the journal's sector, at every start-up. Without
 * a good hash nothing is written anywhere. With one, which the first byte's lowest bit asks for,
 * the plan may be anything that decodes: writes then stay inside its destinations and the marks,
 * and what is reported as finished is. Input: that byte, then the sector; what is missing is blank.
 */
#include "fuzz.h"

#include <string.h>

#include "ferry/bytes.h"
#include "reflash_world.h"

static struct reflash_world fresh, w;

struct watch {
    bool may_write;
    const struct ferry_plan *plan;
};

/** Every write of a plan goes into one of its destinations, or into the marks. */
static void before_op(void *ctx, const struct sim_flash *s, char op, uint32_t off, const void *src,
                      uint32_t len)
{
    const struct watch *watch = ctx;
    bool allowed = op == 'W' && off >= WORLD_JOURNAL_OFF + 0x900;
    (void)s;
    (void)src;
    FUZZ_MUST(watch->may_write);
    for (uint32_t i = 0; i < watch->plan->n_steps; i++) {
        const struct ferry_step *step = &watch->plan->steps[i];
        allowed |= off >= step->dest_off_bytes &&
                   ferry_range_fits(off - step->dest_off_bytes, len, step->dest_size_bytes);
    }
    FUZZ_MUST(allowed);
}

static void hash(const uint8_t *sector, uint8_t out[32])
{
    static uint8_t plan[FERRY_PLAN_BYTES];
    const uint32_t n_steps = sector[5] <= FERRY_PLAN_STEPS ? sector[5] : 0;
    struct ferry_sha256 h;
    memcpy(plan, sector, 32);
    memcpy(plan + 32, sector + 64, n_steps * 64);
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, plan, 32 + n_steps * 64);
    ferry_sha256_finish(&h, out);
}

/** With this bit the hashes of contents are mended too, so that plans get further. */
static void mend_contents(uint8_t *sector)
{
    static uint8_t bytes[WORLD_FLASH_BYTES];
    for (uint32_t i = 0; i < sector[5] && i < FERRY_PLAN_STEPS; i++) {
        uint8_t *step = sector + 64 + i * 64;
        const uint32_t n = ferry_le32(step + 12);
        const uint32_t from =
            step[1] == FERRY_SOURCE_HELD ? ferry_le32(step + 4) : ferry_le32(step + 16);
        struct ferry_sha256 h;
        if (!ferry_range_fits(from, n, WORLD_FLASH_BYTES))
            continue;
        sim_flash_peek(&w.sim, from, bytes, n);
        ferry_sha256_init(&h);
        ferry_sha256_update(&h, bytes, n);
        ferry_sha256_finish(&h, step + 32);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t sector[4096];
    uint8_t sha[32];
    if (!fresh.sim.sectors)
        world_init(&fresh, &ferry_chip_esp32c3);
    if (n < 1)
        return 0;
    world_fork(&w, &fresh, 1);
    memset(sector, 0xff, sizeof(sector));
    memcpy(sector, data + 1, n - 1 < sizeof(sector) ? n - 1 : sizeof(sector));
    if (data[0] & 2)
        mend_contents(sector);
    hash(sector, sha);
    if (data[0] & 1)
        memcpy(sector + 32, sha, sizeof(sha));
    struct watch watch = {memcmp(sector + 32, sha, sizeof(sha)) == 0, &w.job.plan};
    sim_flash_poke(&w.sim, WORLD_JOURNAL_OFF, sector, sizeof(sector));
    w.sim.watch.before = before_op;
    w.sim.watch.ctx = &watch;
    if (data[0] & 4)
        w.cfg.running = (struct ferry_span){0, 0};
    const ferry_err err = ferry_reflash_resume(&w.job, &w.cfg);
    if (!err && w.job.n_written)
        FUZZ_MUST(w.job.journal.state == FERRY_JOURNAL_FINISHED);
    if (!err && w.job.journal.state == FERRY_JOURNAL_FINISHED) {
        FUZZ_MUST(ferry_reflash_resume(&w.job, &w.cfg) == FERRY_OK);
        FUZZ_MUST(w.job.n_written == 0);
    }
    world_free(&w);
    return 0;
}
