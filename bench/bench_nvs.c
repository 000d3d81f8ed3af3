/* bench_nvs - flash operations that setting a value costs, by type, beside Espressif's nvs_flash.
 * ferry's store makes the recorded sequences of vectors D_ops; Espressif's numbers are those that
 * were recorded with them. A row counts the copies of pages that its values made necessary. Prints
 * sums and ratios; fails if a type costs more than there. usage: bench_nvs FILE|FOLDER... */
#include "nvs_machine.h"

#include "vectors.h"

#include <stdio.h>
#include <string.h>

/* Rows beside the types: blobs that only ferry sees as equal, and whatever is set after one, when
 * the two stores no longer stand the same and other sets have to free a page. */
static const char *const rows[] = {"u8",  "i8",  "u16", "i16",  "u32",        "i32",
                                   "u64", "i64", "str", "blob", "equal blob", "after that"};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]), EQUAL_BLOB = N_ROWS - 2, AFTER };

struct bench {
    struct nvs_machine machine;
    long n_sets[N_ROWS];
    double ours[N_ROWS], theirs[N_ROWS];
};

static int row_of(const char *step, double ours, double theirs, bool diverged)
{
    char type[16];
    if (sscanf(step, "set %*s %*s %15s", type) != 1)
        return -1;
    if (strcmp(type, "blob") == 0 && ours == 0 && theirs > 0)
        return EQUAL_BLOB;
    if (diverged)
        return AFTER;
    for (int i = 0; i < EQUAL_BLOB; i++) {
        if (strcmp(type, rows[i]) == 0)
            return i;
    }
    return -1;
}

static void each_sequence(void *ctx, const char *file, const cJSON *record)
{
    struct bench *b = ctx;
    const cJSON *step;
    (void)file;
    bool diverged = false;
    nvs_machine_reset(&b->machine, (uint32_t)vector_number(record, "pages", 0), NULL);
    b->machine.no_crc = true;
    cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(record, "steps"))
    {
        const char *op = cJSON_GetStringValue(cJSON_GetArrayItem(step, 0));
        const cJSON *recorded = cJSON_GetArrayItem(step, 1);
        cJSON *answer = nvs_machine_step(&b->machine, op);
        const double ours = vector_number(answer, "fops", 0);
        const double theirs = vector_number(recorded, "fops", 0);
        const int row = row_of(op, ours, theirs, diverged);
        diverged = diverged || row == EQUAL_BLOB;
        if (row >= 0 && vector_number(answer, "err", -1) == 0 &&
            vector_number(recorded, "err", -1) == 0) {
            b->n_sets[row]++;
            b->ours[row] += ours;
            b->theirs[row] += theirs;
        }
        cJSON_Delete(answer);
    }
}

int main(int argc, char **argv)
{
    static struct bench b;
    bool is_good = true;
    struct vector_set *set = vector_set_open(argc - 1, argv + 1);
    if (!set || vector_set_records(set, "D_ops.", each_sequence, &b) <= 0) {
        fprintf(stderr, "no records of D_ops among the inputs\n");
        return 1;
    }
    printf("%-12s %8s %12s %12s %12s %8s\n", "set", "sets", "ferry ops", "Espressif's", "ops a set",
           "ratio");
    for (int i = 0; i < N_ROWS; i++) {
        const double a_set = b.n_sets[i] ? b.ours[i] / (double)b.n_sets[i] : 0;
        printf("%-12s %8ld %12.0f %12.0f %12.2f %8.3f\n", rows[i], b.n_sets[i], b.ours[i],
               b.theirs[i], a_set, b.theirs[i] > 0 ? b.ours[i] / b.theirs[i] : 0);
        is_good = is_good && b.n_sets[i] && (i == AFTER || b.ours[i] <= b.theirs[i]);
    }
    // What an equal blob saves pays for the page that is freed sooner.
    if (b.ours[EQUAL_BLOB] + b.ours[AFTER] > b.theirs[EQUAL_BLOB] + b.theirs[AFTER])
        is_good = false;
    vector_set_close(set);
    return is_good ? 0 : 1;
}
