/* cli/boot_device.c - a power-on, executed by ferry_boot_run and told line by line. */
#include "boot_device.h"

#include <stdio.h>
#include <string.h>

#include "device_args.h"
#include "device_words.h"

/** What the run's hooks see: the faults behind each try, and what a factory reset erased. */
struct watch {
    struct ferry_vdevice *v;
    struct ferry_fault faults[FERRY_SLOTS_MAX + 2];
    unsigned n_tried;
    struct ferry_app_desc desc; // of the last image that loaded
    bool has_desc;
    bool nvs_erased;
    cJSON *log;
    const struct cli_call *call;
};

__attribute__((format(printf, 2, 3))) static void say(struct watch *w, const char *fmt, ...)
{
    char line[CLI_WORDS_BYTES + 128];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    cJSON_AddItemToArray(w->log, cJSON_CreateString(line));
    cli_text(w->call->out, "  %s\n", line);
}

static ferry_err load(void *ctx, struct ferry_device *d, int slot)
{
    struct watch *w = ctx;
    const ferry_err err = ferry_device_verify(d, slot);
    struct ferry_fault *fault = &w->faults[w->n_tried++];
    *fault = d->fault;
    fault->err = err;
    if (!err)
        w->has_desc = ferry_image_desc(&d->work->image, &w->desc) == FERRY_OK;
    return err;
}

static ferry_err raise_secure_version(void *ctx, uint32_t version)
{
    struct watch *w = ctx;
    w->v->policy.secure_version = version;
    return FERRY_OK;
}

/** The partition called "nvs" is what ESP-IDF's bootloader erases if not told otherwise. */
static ferry_err factory_reset(void *ctx, struct ferry_device *d)
{
    struct watch *w = ctx;
    struct ferry_partition p;
    struct ferry_region region;
    uint32_t i = 0;
    const ferry_err missing =
        ferry_table_find(&d->table, FERRY_TYPE_DATA, FERRY_SUBTYPE_ANY, "nvs", &i, &p);
    if (missing)
        return missing == FERRY_ERR_NOT_FOUND ? FERRY_OK : missing;
    ferry_err err = ferry_table_region(&d->table, &p, false, &region, &d->fault);
    if (!err)
        err = ferry_region_erase(&region, 0, region.size_bytes, true);
    if (!err)
        err = ferry_region_sync(&region);
    w->nvs_erased = !err;
    return err;
}

static bool same(const struct ferry_otadata *a, const struct ferry_otadata *b)
{
    return a->seq == b->seq && a->state == b->state && a->crc == b->crc;
}

static void say_entries(struct watch *w, const struct ferry_boot_report *r)
{
    char before[160], after[32];
    if (!w->v->dev.otadata.size_bytes)
        return;
    for (int i = 0; i < 2; i++)
        say(w, "otadata entry %d: %s", i,
            cli_entry_words(before, sizeof(before), w->v, &r->before[i]));
    for (int i = 0; i < 2; i++) {
        if (r->before[i].state == r->after[i].state || cli_entry_is_blank(&r->after[i]) ||
            r->before[i].seq != r->after[i].seq)
            continue;
        cli_state_words(after, sizeof(after), r->after[i].state);
        if (r->after[i].state == FERRY_STATE_PENDING)
            say(w, "entry %d becomes %s: the app must confirm itself before the next reset", i,
                after);
        else
            say(w, "entry %d becomes %s: its app was started and never confirmed itself", i, after);
    }
}

static void say_tries(struct watch *w, const struct ferry_boot_report *r)
{
    char why[FERRY_SENTENCE_BYTES], label[FERRY_LABEL_BYTES + 1];
    for (int i = 0; i < r->n_tried; i++) {
        if (r->results[i])
            say(w, "%s does not load: %s", cli_label(w->v, r->tried[i], label),
                cli_try_words(why, sizeof(why), w->v, r->tried[i], &w->faults[i]));
        else
            say(w, "%s: image verified, %s bytes", cli_label(w->v, r->tried[i], label),
                cli_thousands(w->v->work.image.image_bytes));
    }
}

static void say_end(struct watch *w, const struct ferry_boot_report *r)
{
    char label[FERRY_LABEL_BYTES + 1], app[80] = "an app without a descriptor", words[160];
    if (r->booted == FERRY_SLOT_NONE) {
        say(w, "nothing bootable: the chip resets and tries again");
        return;
    }
    if (!same(&r->before[0], &r->after[0]) && r->before[0].seq != r->after[0].seq &&
        !cli_entry_is_blank(&r->after[0]))
        say(w, "first boot: entry 0 is written: %s",
            cli_entry_words(words, sizeof(words), w->v, &r->after[0]));
    if (r->secure_version_raised)
        say(w, "secure version in eFuse is now %s", cli_thousands(r->secure_version));
    if (w->has_desc)
        cli_app_words(app, sizeof(app), &w->desc);
    say(w, "%s starts: %s at 0x%x", cli_label(w->v, r->booted, label), app,
        (unsigned)ferry_device_span(&w->v->dev, r->booted).off_bytes);
}

static void put_result(struct watch *w, const struct ferry_boot_report *r)
{
    cJSON *root = cli_json(w->call->out);
    char hex[4 * FERRY_OTADATA_BYTES + 1];
    cli_json_slot(root, "selected", w->v, r->selected);
    cJSON *tried = cJSON_AddArrayToObject(root, "tried");
    for (int i = 0; i < r->n_tried; i++) {
        char label[FERRY_LABEL_BYTES + 1];
        cJSON_AddItemToArray(tried, cJSON_CreateString(cli_label(w->v, r->tried[i], label)));
    }
    cli_json_slot(root, "booted", w->v, r->booted);
    if (r->booted == FERRY_SLOT_NONE)
        cJSON_AddNullToObject(root, "booted_offset");
    else
        cJSON_AddNumberToObject(root, "booted_offset",
                                ferry_device_span(&w->v->dev, r->booted).off_bytes);
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[FERRY_OTADATA_BYTES];
        ferry_otadata_encode(&r->after[i], bytes);
        for (size_t k = 0; k < sizeof(bytes); k++)
            snprintf(hex + 2 * (i * sizeof(bytes) + k), 3, "%02x", bytes[k]);
    }
    cJSON_AddStringToObject(root, "otadata", hex);
    cJSON_AddNumberToObject(root, "secure_version", r->secure_version);
    cJSON_AddItemToObject(root, "log", w->log);
}

/** Without a table the bootloader stops at once, and that is the whole log. */
static int boot_without_table(struct watch *w)
{
    char why[FERRY_SENTENCE_BYTES];
    struct ferry_boot_report r = {.selected = FERRY_SLOT_NONE, .booted = FERRY_SLOT_NONE};
    const ferry_err err = ferry_vdevice_need_table(w->v);
    r.secure_version = w->v->policy.secure_version;
    memset(r.after, 0xff, sizeof(r.after));
    say(w, "%s", ferry_sentence(why, sizeof(why), &w->v->fault, &w->v->about));
    (void)err; // what it says stands in the log
    say(w, "nothing bootable: the chip resets and tries again");
    put_result(w, &r);
    return cli_fail_device(w->call, w->v);
}

static void say_start(struct watch *w, const struct ferry_boot_report *r)
{
    char why[CLI_WORDS_BYTES], label[FERRY_LABEL_BYTES + 1];
    struct ferry_otadata entries[2] = {r->after[0], r->after[1]};
    for (int i = 0; i < 2; i++)
        if (r->before[i].seq == r->after[i].seq && r->before[i].state == FERRY_STATE_NEW)
            entries[i].state = FERRY_STATE_NEW; // as it was when it was chosen
    cli_why_words(why, sizeof(why), w->v, r->why, entries);
    if (r->selected == FERRY_SLOT_NONE)
        say(w, "%s", why);
    else
        say(w, "start with %s: %s", cli_label(w->v, r->selected, label), why);
}

int cli_boot_device(const struct cli_call *call, struct ferry_vdevice *v, enum ferry_boot_hold hold)
{
    struct watch w = {.v = v, .log = cJSON_CreateArray(), .call = call};
    const struct ferry_boot_hooks hooks = {
        .load = load,
        .raise_secure_version = raise_secure_version,
        .factory_reset = factory_reset,
        .ctx = &w,
    };
    struct ferry_boot_report r;
    if (v->real) // closing its port restarts it, and its own bootloader decides
        return cli_done(call->out);
    cli_text(call->out, "Power on\n");
    v->boot_count++;
    if (v->table_err)
        return boot_without_table(&w);
    say(&w, "partition table at 0x%x: %u partitions", (unsigned)v->table_off_bytes,
        v->dev.table.n_partitions);
    const ferry_err err = ferry_boot_run(&v->dev, hold, &hooks, &r);
    say_entries(&w, &r);
    if (hold == FERRY_HOLD_FACTORY_RESET)
        say(&w, "factory reset: %sotadata erased", w.nvs_erased ? "nvs and " : "");
    say_start(&w, &r);
    say_tries(&w, &r);
    say_end(&w, &r);
    put_result(&w, &r);
    if (ferry_vdevice_save(v))
        return cli_fail_device(call, v);
    if (err)
        return cli_fail_slot(call, v, err, FERRY_SLOT_NONE);
    return cli_done(call->out);
}
