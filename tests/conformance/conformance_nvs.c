/* conformance_nvs - holds core/nvs against what Espressif's nvs_flash did, step by step.
 * Vectors D_*: results, the bytes of the whole partition after each step, the number of flash
 * operations, damaged partitions, and power cuts. Where theirs loses something, ferry must not:
 * such a case passes only by one of the reasons below, each checked, and is counted. usage:
 * conformance_nvs FILE|FOLDER... */
#include "nvs_machine.h"

#include "vectors.h"

#include "ferry/crc32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_FOUND        0x1102
#define NOT_ENOUGH_SPACE 0x1105

/* Why a case may differ. */
#define REASONS(X)                                                                                 \
    X(EQUAL_BLOB, "an equal blob is not written again, also if empty or of several chunks")        \
    X(V1_BLOB, "blobs of version 1 are listed, too")                                               \
    X(LOST, "a key that was being replaced keeps a value, theirs loses both")                      \
    X(TWICE, "a key is listed once, theirs lists it twice")                                        \
    X(COPIED, "a page that was copied whole is only erased, theirs copies it once more")           \
    X(NOT_BLANK, "garbage behind the last entry is stepped over, theirs writes into it")           \
    X(DAMAGED, "reading a damaged value does not erase it")                                        \
    X(NAMELESS, "a key whose namespace is gone gets no name, theirs the name of another")

#define REASON_ENUM(name, text) name,
#define REASON_TEXT(name, text) text,
enum reason { REASONS(REASON_ENUM) N_REASONS, EXACT };
static const char *const reasons[] = {REASONS(REASON_TEXT)};

struct run {
    struct tally t;
    struct vector_set *set;
    struct nvs_machine m;
    long better[N_REASONS];
    cJSON *steps; // of the sequence that is being cut
    uint32_t pages;
    struct nvs_machine model; // the sequence without a cut, as far as
    int n_made;               // this many steps
    cJSON *before, *after;    // its dumps around the step that is cut,
    int cut_step;             // which is this one; NULL: none yet
};

static const cJSON *item(const cJSON *record, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(record, key);
}

static bool same(const cJSON *a, const cJSON *b)
{
    return cJSON_Compare(a, b, true);
}

static void fail(struct run *r, const char *where, const char *step, const cJSON *have,
                 const cJSON *want)
{
    char *a = cJSON_PrintUnformatted(have), *b = cJSON_PrintUnformatted(want);
    tally_fail(&r->t, "%s, %s\n  have %.2000s\n  want %.2000s", where, step, a ? a : "nothing",
               b ? b : "nothing");
    free(a);
    free(b);
}

static void better(struct run *r, enum reason why)
{
    r->better[why]++;
    tally_pass(&r->t);
}

/* The same answer but for flash operations and bytes. */
static bool same_result(const cJSON *a, const cJSON *b)
{
    static const char *const keys[] = {"err", "open_err", "value", "len", "crc32", "hex", "type"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const cJSON *x = item(a, keys[i]), *y = item(b, keys[i]);
        if ((x || y) && !same(x, y))
            return false;
    }
    return true;
}

/* Lists of entries. */

static bool same_key(const cJSON *a, const cJSON *b)
{
    return same(item(a, "ns"), item(b, "ns")) && same(item(a, "key"), item(b, "key"));
}

static int count_key(const cJSON *entries, const cJSON *like)
{
    const cJSON *e;
    int n = 0;
    cJSON_ArrayForEach(e, entries) n += same_key(e, like);
    return n;
}

static bool has_entry(const cJSON *entries, const cJSON *entry)
{
    const cJSON *e;
    cJSON_ArrayForEach(e, entries)
    {
        if (same(e, entry))
            return true;
    }
    return false;
}

static bool named_once(const cJSON *entries)
{
    const cJSON *e;
    cJSON_ArrayForEach(e, entries)
    {
        // Keys of lost namespaces all go without a name, so they may look alike.
        if (!item(e, "open") && count_key(entries, e) != 1)
            return false;
    }
    return true;
}

/* Each key once, with its value of before or after; all others as before. */
static bool old_or_new(const cJSON *entries, const cJSON *before, const cJSON *after)
{
    const cJSON *e;
    if (!named_once(entries))
        return false;
    cJSON_ArrayForEach(e, entries)
    {
        if (!has_entry(before, e) && !has_entry(after, e))
            return false;
    }
    cJSON_ArrayForEach(e, before)
    {
        if (count_key(after, e) && !count_key(entries, e))
            return false;
    }
    return true;
}

/* All that `theirs` reads is in `ours` with a value that theirs lists. */
static bool keeps_all(const cJSON *ours, const cJSON *theirs)
{
    const cJSON *e;
    cJSON_ArrayForEach(e, theirs)
    {
        if (vector_number(e, "err", -1) == 0 && !count_key(ours, e))
            return false;
    }
    cJSON_ArrayForEach(e, ours)
    {
        if (vector_number(e, "err", -1) == 0 && count_key(theirs, e) && !has_entry(theirs, e))
            return false;
    }
    return named_once(ours);
}

static int n_with(const cJSON *entries, const char *key, double value)
{
    const cJSON *e;
    int n = 0;
    cJSON_ArrayForEach(e, entries) n += vector_number(e, key, -1) == value;
    return n;
}

/* The same list but for keys whose namespace is gone: theirs shows these under the name of the
 * entry before, and what it then reads under it is another key's value or none. */
static bool same_but_names(const cJSON *ours, const cJSON *theirs)
{
    const cJSON *b = theirs ? theirs->child : NULL;
    for (const cJSON *a = ours->child; a; a = a->next, b = b->next) {
        if (!b)
            return false;
        const bool nameless = vector_number(a, "open", 0) == NOT_FOUND && b != theirs->child &&
                              same(item(b, "ns"), item(b->prev, "ns")) &&
                              same(item(a, "key"), item(b, "key")) &&
                              same(item(a, "type"), item(b, "type"));
        if (!nameless && !same(a, b))
            return false;
    }
    return !b;
}

/* D_ops. */

/* Did the step set a blob to what it was, so that ferry wrote nothing where theirs did? */
static bool is_equal_blob(struct run *r, const char *step, const cJSON *have, const cJSON *want)
{
    char ns[64], key[64], get[160], crc[16];
    unsigned a, n;
    if (sscanf(step, "set %63s %63s blob pat:%u:%u", ns, key, &a, &n) != 4 ||
        vector_number(have, "err", -1) != 0 || vector_number(have, "fops", -1) != 0 ||
        vector_number(want, "fops", 0) <= 0 || vector_number(want, "err", -1) != 0)
        return false;
    uint32_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint8_t byte = (uint8_t)(a + i * (2 * a + 1));
        sum = ferry_crc32(sum, &byte, 1);
    }
    snprintf(crc, sizeof(crc), "%08x", (unsigned)sum);
    snprintf(get, sizeof(get), "get %s %s blob", ns, key);
    cJSON *got = nvs_machine_step(&r->m, get);
    const bool equal =
        vector_number(got, "len", -1) == n && strcmp(vector_text(got, "crc32"), crc) == 0;
    cJSON_Delete(got);
    return equal;
}

static void each_sequence(void *ctx, const char *file, const cJSON *record)
{
    struct run *r = ctx;
    const cJSON *step;
    bool diverged = false;
    double spare = 0; // operations fewer than theirs, so far
    char where[128];
    snprintf(where, sizeof(where), "%s %d", file, (int)vector_number(record, "id", -1));
    nvs_machine_reset(&r->m, (uint32_t)vector_number(record, "pages", 0), NULL);
    cJSON_ArrayForEach(step, item(record, "steps"))
    {
        const char *op = cJSON_GetStringValue(cJSON_GetArrayItem(step, 0));
        const cJSON *want = cJSON_GetArrayItem(step, 1);
        cJSON *have = nvs_machine_step(&r->m, op);
        diverged = diverged || is_equal_blob(r, op, have, want);
        const cJSON *list = item(have, "entries");
        // From there on other steps have to free a page; all together they must not cost more.
        spare += vector_number(want, "fops", 0) - vector_number(have, "fops", 0);
        const bool good = diverged ? same_result(have, want) && spare >= 0 &&
                                         (!list || same(list, item(want, "entries")))
                                   : same(have, want);
        if (!good) {
            fail(r, where, op, have, want);
            cJSON_Delete(have);
            return;
        }
        cJSON_Delete(have);
    }
    if (diverged)
        better(r, EQUAL_BLOB);
    else
        tally_pass(&r->t);
}

/* Images. */

static bool load_image(struct run *r, const char *file, const cJSON *record)
{
    const cJSON *at = item(record, "image");
    char name[128];
    size_t n_bytes = 0;
    snprintf(name, sizeof(name), "%.*s.images.bin.gz", (int)strcspn(file, "."), file);
    const uint8_t *bytes = vector_set_file(r->set, name, &n_bytes);
    const size_t off = (size_t)cJSON_GetNumberValue(cJSON_GetArrayItem(at, 0));
    const size_t len = (size_t)cJSON_GetNumberValue(cJSON_GetArrayItem(at, 1));
    if (!bytes || off > n_bytes || len > n_bytes - off || len % FERRY_NVS_PAGE_BYTES) {
        tally_fail(&r->t, "%s: no image in %s", file, name);
        return false;
    }
    nvs_machine_reset(&r->m, (uint32_t)(len / FERRY_NVS_PAGE_BYTES), bytes + off);
    return true;
}

static cJSON *without_blobs(const cJSON *dump)
{
    cJSON *copy = cJSON_Duplicate(dump, true), *list = cJSON_GetObjectItem(copy, "entries");
    for (int i = cJSON_GetArraySize(list); i-- > 0;) {
        if (strcmp(vector_text(cJSON_GetArrayItem(list, i), "type"), "blob") == 0)
            cJSON_DeleteItemFromArray(list, i);
    }
    cJSON_ReplaceItemInObject(copy, "find",
                              cJSON_CreateNumber(cJSON_GetArraySize(list) ? 0 : NOT_FOUND));
    return copy;
}

static void each_csv_image(void *ctx, const char *file, const cJSON *record)
{
    struct run *r = ctx;
    const char *where = vector_text(record, "name");
    if (!item(record, "image")) // the generator refused
        return;
    if (!load_image(r, file, record))
        return;
    char crc[16];
    cJSON *mount = nvs_machine_step(&r->m, "init"), *dump = nvs_machine_dump(&r->m);
    snprintf(crc, sizeof(crc), "%08x", (unsigned)nvs_machine_crc(&r->m));
    cJSON *cleared = without_blobs(dump);
    const bool mounted =
        vector_number(mount, "err", -1) == vector_number(record, "mount", -2) &&
        vector_number(mount, "fops", -1) == vector_number(record, "mount_fops", -2) &&
        strcmp(crc, vector_text(record, "crc_after_mount")) == 0;
    if (mounted && same(dump, item(record, "dump")))
        tally_pass(&r->t);
    else if (mounted && vector_number(record, "version", 0) == 1 &&
             same(cleared, item(record, "dump")))
        better(r, V1_BLOB);
    else
        fail(r, file, where, dump, item(record, "dump"));
    cJSON_Delete(mount);
    cJSON_Delete(dump);
    cJSON_Delete(cleared);
}

/* What ferry answers to a record of a damaged or cut image. */
struct answer {
    cJSON *mount, *dump, *post;
};

static bool make_answer(struct run *r, const char *file, const cJSON *record, struct answer *a)
{
    const cJSON *op;
    a->post = cJSON_CreateArray();
    a->mount = a->dump = NULL;
    if (!load_image(r, file, record))
        return false;
    a->mount = nvs_machine_step(&r->m, "init");
    a->dump = nvs_machine_dump(&r->m);
    if (!load_image(r, file, record))
        return false;
    const uint32_t n = r->m.n_ops;
    cJSON_ArrayForEach(op, item(record, "post_ops"))
        cJSON_AddItemToArray(a->post, nvs_machine_step(&r->m, op->valuestring));
    cJSON *done = cJSON_CreateObject();
    cJSON_AddBoolToObject(done, "done", true);
    cJSON_AddNumberToObject(done, "fops", r->m.n_ops - n);
    cJSON_AddItemToArray(a->post, done);
    return true;
}

static void drop_answer(struct answer *a)
{
    cJSON_Delete(a->mount);
    cJSON_Delete(a->dump);
    cJSON_Delete(a->post);
}

/* Do the later steps go as theirs, and are all keys they do not name what they were? */
static bool lives_on(const struct answer *a, const cJSON *record)
{
    const bool keeps_more = cJSON_GetArraySize(item(a->dump, "entries")) >
                            cJSON_GetArraySize(item(item(record, "dump"), "entries"));
    const cJSON *op, *e;
    int i = 0;
    cJSON_ArrayForEach(op, item(record, "post_ops"))
    {
        const cJSON *have = cJSON_GetArrayItem(a->post, i);
        const cJSON *want = cJSON_GetArrayItem(item(record, "post"), i++);
        // An erase finds what theirs lost, and what theirs lost takes room.
        const bool erase = strncmp(op->valuestring, "erase ", 6) == 0;
        const bool full = keeps_more && vector_number(have, "err", 0) == NOT_ENOUGH_SPACE;
        if (strcmp(op->valuestring, "dump") != 0 && !erase && !full && !same_result(have, want))
            return false;
    }
    const cJSON *last = item(cJSON_GetArrayItem(a->post, i - 1), "entries");
    if (!last || !named_once(last))
        return false;
    cJSON_ArrayForEach(e, item(a->dump, "entries"))
    {
        char key[80];
        bool named = false;
        snprintf(key, sizeof(key), " %s ", vector_text(e, "key"));
        cJSON_ArrayForEach(op, item(record, "post_ops"))
        {
            char padded[256];
            snprintf(padded, sizeof(padded), "%s ", op->valuestring);
            named = named || strstr(padded, key);
        }
        if (!named && !has_entry(last, e))
            return false;
    }
    return true;
}

static bool is_exact(const struct answer *a, const cJSON *record)
{
    return same(a->mount, item(record, "mount")) && same(a->dump, item(record, "dump")) &&
           same(a->post, item(record, "post"));
}

/* Only names that theirs makes up differ, here and in the later dumps. */
static bool differs_in_names(const struct answer *a, const cJSON *record)
{
    const cJSON *have, *want = item(record, "post")->child;
    if (!same(a->mount, item(record, "mount")) ||
        !same_but_names(item(a->dump, "entries"), item(item(record, "dump"), "entries")))
        return false;
    for (have = a->post->child; have && want; have = have->next, want = want->next) {
        const cJSON *list = item(have, "entries");
        if (list ? !same_but_names(list, item(want, "entries")) : !same(have, want))
            return false;
    }
    return !have && !want;
}

/* Why a damaged image may be answered otherwise; EXACT: it is not, N_REASONS: for no reason. */
static enum reason damage_reason(const struct answer *a, const cJSON *record)
{
    if (is_exact(a, record))
        return EXACT;
    const cJSON *ours = item(a->dump, "entries"), *theirs = item(item(record, "dump"), "entries");
    const double more =
        vector_number(a->mount, "fops", 0) - vector_number(item(record, "mount"), "fops", 0);
    if (differs_in_names(a, record))
        return NAMELESS;
    if (!same_result(a->mount, item(record, "mount")) || !keeps_all(ours, theirs) ||
        !lives_on(a, record))
        return N_REASONS;
    if (!named_once(theirs))
        return TWICE;
    if (!same(ours, theirs))
        return N_REASONS;
    if (n_with(ours, "err", NOT_FOUND))
        return DAMAGED;
    return more > 0 ? NOT_BLANK : N_REASONS;
}

static void judge(struct run *r, const char *where, const struct answer *a, const cJSON *record,
                  enum reason why)
{
    if (why == EXACT) {
        tally_pass(&r->t);
    } else if (why != N_REASONS) {
        better(r, why);
    } else {
        fail(r, where, "mount", a->mount, item(record, "mount"));
        fail(r, where, "dump", a->dump, item(record, "dump"));
        fail(r, where, "afterwards", a->post, item(record, "post"));
    }
}

static void each_damaged(void *ctx, const char *file, const cJSON *record)
{
    struct run *r = ctx;
    struct answer a;
    char where[160];
    snprintf(where, sizeof(where), "%s %d (%s)", file, (int)vector_number(record, "id", -1),
             vector_text(record, "kind"));
    if (make_answer(r, file, record, &a))
        judge(r, where, &a, record, damage_reason(&a, record));
    drop_answer(&a);
}

/* Power cuts. */

/* Brings the model to where n steps of the sequence are made. */
static cJSON *model_after(struct run *r, int n)
{
    for (; r->n_made < n; r->n_made++) {
        const char *op = cJSON_GetStringValue(cJSON_GetArrayItem(r->steps, r->n_made));
        cJSON_Delete(nvs_machine_step(&r->model, op));
    }
    // A cut comes while the partition is open or being opened.
    cJSON_Delete(nvs_machine_step(&r->model, "init"));
    return nvs_machine_dump(&r->model);
}

/* What the keys hold before and after the step that is cut; many cuts are of the same step. */
static void find_before_and_after(struct run *r, int n)
{
    if (r->before && n == r->cut_step)
        return;
    cJSON_Delete(r->before);
    cJSON_Delete(r->after);
    nvs_machine_reset(&r->model, r->pages, NULL);
    r->model.no_crc = true;
    r->n_made = 0;
    r->before = model_after(r, n);
    r->after = model_after(r, n + 1);
    r->cut_step = n;
}

/* Forgets them: another sequence begins. */
static void drop_before_and_after(struct run *r)
{
    cJSON_Delete(r->before);
    cJSON_Delete(r->after);
    r->before = r->after = NULL;
}

static enum reason cut_reason(const struct answer *a, const cJSON *record, const cJSON *before,
                              const cJSON *after)
{
    if (is_exact(a, record))
        return EXACT;
    const cJSON *ours = item(a->dump, "entries"), *theirs = item(item(record, "dump"), "entries");
    if (!same_result(a->mount, item(record, "mount")) || !lives_on(a, record))
        return N_REASONS;
    if (!named_once(theirs))
        return TWICE;
    if (!old_or_new(theirs, before, after))
        return LOST;
    const bool fewer =
        vector_number(a->mount, "fops", 0) < vector_number(item(record, "mount"), "fops", 0);
    return fewer && same(ours, theirs) ? COPIED : N_REASONS;
}

static void each_cut(void *ctx, const char *file, const cJSON *record)
{
    struct run *r = ctx;
    struct answer a;
    char where[256];
    if (strcmp(vector_text(record, "kind"), "sequence") == 0) {
        cJSON_Delete(r->steps);
        r->steps = cJSON_Duplicate(item(record, "ops"), true);
        r->pages = (uint32_t)vector_number(record, "pages", 0);
        drop_before_and_after(r);
        return;
    }
    const int n = (int)vector_number(record, "ops_completed", 0);
    snprintf(where, sizeof(where), "%s %d cut %d mode %d (%s)", file,
             (int)vector_number(record, "seq", -1), (int)vector_number(record, "cut", -1),
             (int)vector_number(record, "mode", -1), vector_text(record, "interrupted_op"));
    find_before_and_after(r, n);
    const cJSON *old = item(r->before, "entries"), *new = item(r->after, "entries");
    if (make_answer(r, file, record, &a)) {
        if (!old_or_new(item(a.dump, "entries"), old, new))
            fail(r, where, "neither the old state nor the new", a.dump, r->before);
        else
            judge(r, where, &a, record, cut_reason(&a, record, old, new));
    }
    drop_answer(&a);
}

static bool all_of(struct run *r, const char *prefix,
                   void (*each)(void *ctx, const char *file, const cJSON *record))
{
    const long n = vector_set_records(r->set, prefix, each, r);
    if (n == 0)
        fprintf(stderr, "no records of %s among the inputs\n", prefix);
    return n > 0;
}

int main(int argc, char **argv)
{
    static struct run r;
    long n = 0;
    r.set = vector_set_open(argc - 1, argv + 1);
    if (!r.set)
        return 1;
    bool complete = all_of(&r, "D_csv_images.", each_csv_image);
    complete = all_of(&r, "D_ops.", each_sequence) && complete;
    complete = all_of(&r, "D_corrupt.", each_damaged) && complete;
    complete = all_of(&r, "D_powercut.", each_cut) && complete;
    complete = all_of(&r, "D_powercut_all.", each_cut) && complete;
    drop_before_and_after(&r);
    cJSON_Delete(r.steps);
    vector_set_close(r.set);
    for (int i = 0; i < N_REASONS; i++)
        n += r.better[i];
    printf("better: %ld of the passed\n", n);
    for (int i = 0; i < N_REASONS; i++)
        printf("  %3ld %s\n", r.better[i], reasons[i]);
    const int rc = tally_end(&r.t);
    return complete ? rc : 1;
}
