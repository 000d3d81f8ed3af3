/* cli/cmd_nvs_check.c - `ferry nvs check`: every damaged page and entry, and what a mount does. */
#include <stdio.h>
#include <string.h>

#include "nvs_check.h"
#include "nvs_input.h"

static void add_json(struct cli_output *out, const struct nvs_input *in,
                     const struct ferry_nvs_report *r)
{
    cJSON *root = cli_json(out);
    cJSON_AddStringToObject(root, "source", in->is_image ? "image" : "device");
    cJSON_AddBoolToObject(root, "encrypted", nvs_input_xts(in) != NULL);
    cJSON_AddNumberToObject(root, "damaged", (double)r->n_damages);
    cJSON_AddNumberToObject(root, "traces", (double)(r->n_findings - r->n_damages));
    cJSON *pages = cJSON_AddObjectToObject(root, "pages");
    cJSON_AddNumberToObject(pages, "total", r->n_pages);
    cJSON_AddNumberToObject(pages, "active", r->n_active);
    cJSON_AddNumberToObject(pages, "full", r->n_full);
    cJSON_AddNumberToObject(pages, "freeing", r->n_freeing);
    cJSON_AddNumberToObject(pages, "blank", r->n_blank);
    cJSON_AddNumberToObject(pages, "corrupt", r->n_corrupt);
    cJSON_AddNumberToObject(root, "entries", r->n_entries);
    cJSON *list = cJSON_AddArrayToObject(root, "findings");
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct ferry_nvs_finding *f = &r->findings[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "grade", f->grade == FERRY_NVS_DAMAGE ? "damage" : "trace");
        cJSON_AddNumberToObject(item, "offset", in->region.off_bytes + f->off_bytes);
        const uint32_t page = f->off_bytes / FERRY_NVS_PAGE_BYTES;
        cJSON_AddNumberToObject(item, "page", page);
        cJSON_AddItemToObject(item, "entry",
                              f->entry < 0 ? cJSON_CreateNull() : cJSON_CreateNumber(f->entry));
        cJSON_AddStringToObject(item, "what", f->what);
        cJSON_AddStringToObject(item, "mount", f->mount);
        cJSON_AddItemToArray(list, item);
    }
}

static void print_finding(struct cli_output *out, const struct nvs_input *in,
                          const struct ferry_nvs_finding *f)
{
    const bool is_damage = f->grade == FERRY_NVS_DAMAGE;
    char entry[24] = "";
    if (f->entry >= 0)
        snprintf(entry, sizeof(entry), ", entry %d", (int)f->entry);
    cli_text(out, "%s%s%s 0x%x (page %u%s): %s\n       a mount %s\n",
             cli_colour(out, is_damage ? CLI_BAD : CLI_WARN), is_damage ? "damage" : "trace ",
             cli_colour(out, CLI_PLAIN), (unsigned)(in->region.off_bytes + f->off_bytes),
             (unsigned)(f->off_bytes / FERRY_NVS_PAGE_BYTES), entry, f->what, f->mount);
}

static int answer(const struct cli_call *call, const struct nvs_input *in,
                  const struct ferry_nvs_report *r)
{
    struct cli_output *out = call->out;
    add_json(out, in, r);
    for (size_t i = 0; i < r->n_findings; i++)
        print_finding(out, in, &r->findings[i]);
    cli_text(out,
             "%s%u pages (%u active, %u full, %u being emptied, %u blank, %u unusable), %u "
             "entries\n",
             r->n_findings ? "\n" : "", (unsigned)r->n_pages, (unsigned)r->n_active,
             (unsigned)r->n_full, (unsigned)r->n_freeing, (unsigned)r->n_blank,
             (unsigned)r->n_corrupt, (unsigned)r->n_entries);
    if (r->n_damages)
        return cli_fail_text(out, FERRY_ERR_NVS_DATA, "%s: %zu thing%s damaged", in->path,
                             r->n_damages, r->n_damages == 1 ? " is" : "s are");
    cli_text(out, "%s\n",
             r->n_findings ? "Nothing is lost; the next mount tidies up." : "Nothing is wrong.");
    return cli_done(out);
}

static int run(struct cli_call *call)
{
    struct nvs_input in;
    struct ferry_nvs_report report;
    int exit_code = nvs_input_open(call, &in, false);
    if (exit_code)
        return exit_code;
    if (in.cipher == NVS_CIPHER_WRONG)
        cli_warn(call->out,
                 "no entry is readable%s%s: the store may only be encrypted with other "
                 "keys (--keys)",
                 in.has_keys ? " with the keys of " : "", in.has_keys ? in.keys_from : "");
    const ferry_err err =
        ferry_nvs_check(&report, in.bytes, in.region.size_bytes, nvs_input_xts(&in));
    exit_code = err ? cli_fail_err(call->out, err, NULL) : answer(call, &in, &report);
    ferry_nvs_report_free(&report);
    nvs_input_close(&in);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry nvs check dev", "is everything in the NVS of this device whole?"},
    {"ferry nvs check nvs.bin --json | jq .findings", "for a script"},
    {0},
};

const struct cli_command cli_cmd_nvs_check = {
    .name = "nvs check",
    .summary = "explain every damaged page and entry of an NVS partition",
    .args = "STORE",
    .about =
        "Damage is what was stored and is lost. A trace is what a power cut leaves behind; the "
        "next mount tidies it up, and nothing is lost. Nothing is written.\n" NVS_INPUT_ABOUT,
    .min_args = 1,
    .max_args = 1,
    .shared = nvs_input_options,
    .examples = examples,
    .exits = "something is damaged, or the store cannot be read",
    .run = run,
};
