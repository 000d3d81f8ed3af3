/* cli/doctor_print.c - findings by danger, and plans in words. */
#include "doctor_print.h"

#include <stdio.h>
#include <string.h>

#include "ferry/bytes.h"
#include "strbuf.h"

#define INDENT       5u
#define HEAD_INDENT  13u
#define MOUNT_INDENT 11u

static void print_line(struct cli_output *out, enum cli_colour colour, const char *text)
{
    if (!*text)
        return;
    cli_text(out, "%*s%s", (int)INDENT, "", cli_colour(out, colour));
    cli_wrapped(out, INDENT, text);
    cli_text(out, "%s", cli_colour(out, CLI_PLAIN));
}

static void print_head(const struct cli_call *call, const struct ferry_doctor *doc)
{
    struct cli_output *out = call->out;
    const struct ferry_vdevice *v = doc->facts.v;
    const struct ferry_bootloader *b = &doc->facts.bootloader;
    char label[FERRY_LABEL_BYTES + 1], why[CLI_WORDS_BYTES];
    cli_text(out, "%s%s%s  %s, %s bytes of flash\n", cli_colour(out, CLI_BOLD), v->path,
             cli_colour(out, CLI_PLAIN), v->policy.chip ? v->policy.chip->name : "unknown chip",
             cli_thousands(v->file.flash.size_bytes));
    const bool is_dead = doc->n && doc->findings[0].danger == FERRY_DANGER_DEAD;
    const bool chooses = !v->table_err && doc->facts.next.booted != FERRY_SLOT_NONE;
    if (is_dead && chooses) {
        cli_text(out, "boots next   %snothing%s, as it is; the decision would be %s\n",
                 cli_colour(out, CLI_BAD), cli_colour(out, CLI_PLAIN),
                 cli_label(v, doc->facts.next.booted, label));
    } else if (chooses) {
        cli_text(out, "boots next   %s%s%s\n             ", cli_colour(out, CLI_GOOD),
                 cli_label(v, doc->facts.next.booted, label), cli_colour(out, CLI_PLAIN));
        cli_text(out, "%s", cli_colour(out, CLI_DIM));
        cli_wrapped(out, HEAD_INDENT, cli_next_words(why, sizeof(why), v, &doc->facts.next));
        cli_text(out, "%s", cli_colour(out, CLI_PLAIN));
    } else {
        const bool hidden = doc->facts.looks_encrypted;
        cli_text(out, "boots next   %s%s%s\n", cli_colour(out, hidden ? CLI_DIM : CLI_BAD),
                 hidden ? "cannot be told" : "nothing", cli_colour(out, CLI_PLAIN));
    }
    if (b->state < FERRY_BOOTLOADER_HASH)
        return;
    cli_text(out, "bootloader   %s, %s MB of flash%s%s\nrollback     ",
             b->chip ? b->chip->name : "unknown chip", cli_thousands(b->flash_bytes >> 20),
             b->has_desc ? ", ESP-IDF " : "",
             b->has_desc ? cli_printable(why, sizeof(why), b->idf_version) : "");
    cli_wrapped(out, HEAD_INDENT, doctor_rollback_words(b));
}

static void print_finding(struct cli_output *out, unsigned number, const struct doctor_words *w,
                          const struct doctor_offer *offer)
{
    static const char arrow[] = "→ ", ascii[] = "-> ";
    char line[2 * CLI_WORDS_BYTES];
    cli_text(out, "%3u. ", number);
    cli_wrapped(out, INDENT, w->what);
    print_line(out, CLI_DIM, w->why);
    if (offer->ok)
        snprintf(line, sizeof(line), "%srepair: %s", out->utf8 ? arrow : ascii,
                 doctor_repair_words(offer->repair));
    else
        snprintf(line, sizeof(line), "%s%s", out->utf8 ? arrow : ascii, w->remedy);
    print_line(out, offer->ok ? CLI_GOOD : CLI_PLAIN, line);
}

static void put_finding(cJSON *list, const struct ferry_doctor *doc, const struct ferry_finding *f,
                        const struct doctor_words *w, const struct doctor_offer *offer)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(list, o);
    cJSON_AddStringToObject(o, "id", ferry_finding_name(f->id));
    cJSON_AddStringToObject(o, "danger", ferry_danger_words(f->danger));
    cJSON_AddStringToObject(o, "what", w->what);
    cJSON_AddStringToObject(o, "why", w->why);
    cJSON_AddStringToObject(o, "remedy", w->remedy);
    if (f->at_bytes == FERRY_NOWHERE)
        cJSON_AddNullToObject(o, "at");
    else
        cJSON_AddNumberToObject(o, "at", f->at_bytes);
    cli_json_slot(o, "slot", doc->facts.v, f->slot);
    if (f->entry < 0)
        cJSON_AddNullToObject(o, "entry");
    else
        cJSON_AddNumberToObject(o, "entry", f->entry);
    if (offer->ok)
        cJSON_AddStringToObject(o, "repair", doctor_repair_words(offer->repair));
    else
        cJSON_AddNullToObject(o, "repair");
}

static const char *told(enum ferry_told t)
{
    static const char *const words[] = {"cannot tell", "no", "yes"};
    return words[t];
}

static void put_device(cJSON *root, const struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    const struct ferry_bootloader *b = &f->bootloader;
    cJSON_AddStringToObject(root, "device", f->v->path);
    if (f->v->policy.chip)
        cJSON_AddStringToObject(root, "chip", f->v->policy.chip->name);
    else
        cJSON_AddNullToObject(root, "chip");
    cli_json_slot(root, "next", f->v, f->v->table_err ? FERRY_SLOT_NONE : f->next.booted);
    cJSON *o = b->state >= FERRY_BOOTLOADER_HASH ? cJSON_AddObjectToObject(root, "bootloader")
                                                 : cJSON_AddNullToObject(root, "bootloader");
    if (b->state < FERRY_BOOTLOADER_HASH)
        return;
    cJSON_AddNumberToObject(o, "offset", b->off_bytes);
    cJSON_AddNumberToObject(o, "flash_size", b->flash_bytes);
    cJSON_AddStringToObject(o, "rollback", told(b->rollback));
    cJSON_AddStringToObject(o, "anti_rollback", told(b->anti_rollback));
}

void doctor_print(const struct cli_call *call, const struct ferry_doctor *doc,
                  const struct doctor_offer *offers)
{
    static const enum cli_colour colours[] = {CLI_BAD, CLI_BAD, CLI_WARN, CLI_DIM};
    struct cli_output *out = call->out;
    struct doctor_words w;
    put_device(cli_json(out), doc);
    cJSON *list = cJSON_AddArrayToObject(cli_json(out), "findings");
    print_head(call, doc);
    for (unsigned i = 0; i < doc->n; i++) {
        const struct ferry_finding *f = &doc->findings[i];
        if (!i || f->danger != doc->findings[i - 1].danger)
            cli_text(out, "\n%s%s%c%s%s\n", cli_colour(out, CLI_BOLD),
                     cli_colour(out, colours[f->danger]),
                     ferry_danger_words(f->danger)[0] - 'a' + 'A',
                     ferry_danger_words(f->danger) + 1, cli_colour(out, CLI_PLAIN));
        doctor_words(&w, doc, f);
        print_finding(out, i + 1, &w, &offers[i]);
        put_finding(list, doc, f, &w, &offers[i]);
    }
    if (doc->has_more)
        cli_text(out, "     and more; mend these first\n");
}

/** The first and the last byte that differ, and so many of them. */
static void print_bytes(char *buf, size_t n, const struct ferry_cure_sector *s)
{
    uint32_t first = 0, last = FERRY_FLASH_SECTOR_BYTES - 1, differ = 0;
    while (s->before[first] == s->after[first])
        first++;
    while (s->before[last] == s->after[last])
        last--;
    for (uint32_t i = first; i <= last; i++)
        differ += s->before[i] != s->after[i];
    if (differ == 1)
        snprintf(buf, n, "the byte at 0x%x", (unsigned)(s->off_bytes + first));
    else
        snprintf(buf, n, "%s bytes between 0x%x and 0x%x", cli_thousands(differ),
                 (unsigned)(s->off_bytes + first), (unsigned)(s->off_bytes + last));
}

/** A page of an NVS store: which it is, and how many bytes of it change. What is damaged in it is
 * said by the finding. */
static void page_words(char what[64], char before[200], char after[200],
                       const struct ferry_doctor *doc, const struct ferry_cure_sector *s)
{
    char label[40] = "?";
    uint32_t page = 0;
    bool is_blank = true;
    for (unsigned i = 0; i < doc->facts.n_partitions; i++) {
        const struct ferry_partition *p = &doc->facts.partitions[i];
        if (s->off_bytes < p->off_bytes || s->off_bytes - p->off_bytes >= p->size_bytes)
            continue;
        cli_printable(label, sizeof(label), p->label);
        page = (s->off_bytes - p->off_bytes) / FERRY_FLASH_SECTOR_BYTES;
    }
    for (uint32_t i = 0; i < FERRY_FLASH_SECTOR_BYTES; i++)
        is_blank &= s->after[i] == 0xff;
    snprintf(what, 64, "page %u of %s", (unsigned)page, label);
    print_bytes(before, 200, s);
    snprintf(after, 200, "%s", is_blank ? "a blank page" : "what is damaged, marked erased");
}

/** What stands in a sector, in the words of what lies there; "" where bytes must do. */
static void sector_words(char what[64], char before[200], char after[200],
                         const struct ferry_doctor *doc, const struct ferry_cure *plan,
                         const struct ferry_cure_sector *s)
{
    const struct ferry_vdevice *v = doc->facts.v;
    struct ferry_otadata e;
    const uint32_t entry_0 = v->dev.otadata.off_bytes;
    const size_t n = 200;
    const bool is_entry =
        plan->repair == FERRY_REPAIR_OTADATA || plan->repair == FERRY_REPAIR_DOWNGRADE;
    if (is_entry) {
        snprintf(what, 64, "otadata entry %u",
                 (unsigned)((s->off_bytes - entry_0) / FERRY_OTADATA_STRIDE));
        ferry_otadata_decode(s->before, &e);
        cli_entry_words(before, n, v, &e);
        ferry_otadata_decode(s->after, &e);
        cli_entry_words(after, n, v, &e);
        return;
    }
    if (plan->repair == FERRY_REPAIR_NVS) {
        page_words(what, before, after, doc, s);
        return;
    }
    snprintf(what, 64, "%s",
             plan->repair == FERRY_REPAIR_TABLE_MD5 ? "partition table" : "bootloader");
    print_bytes(before, n, s);
    if (plan->repair == FERRY_REPAIR_TABLE_MD5)
        snprintf(after, n, "the MD5 of its rows");
    else if (s == plan->sectors)
        snprintf(after, n, "a header that says %s bytes of flash",
                 cli_thousands(plan->flash_bytes));
    else
        snprintf(after, n, "the SHA-256 that belongs to it");
}

static void put_sector(cJSON *list, const struct ferry_cure_sector *s, const char *what,
                       const char *before, const char *after)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(list, o);
    cJSON_AddNumberToObject(o, "at", s->off_bytes);
    cJSON_AddStringToObject(o, "what", what);
    cJSON_AddStringToObject(o, "before", before);
    cJSON_AddStringToObject(o, "after", after);
}

/** What is damaged in the stores, each thing with what the mount does, and the keys that stay. */
static void print_mount(const struct cli_call *call, const struct ferry_cure *plan, cJSON *to)
{
    const struct ferry_store_keys *k = &plan->keys;
    struct ferry_strbuf line = {0};
    cJSON *damages = cJSON_AddArrayToObject(to, "damages");
    cJSON *kept = cJSON_AddArrayToObject(to, "keys_kept");
    for (uint32_t i = 0; i < k->n_damages && i < FERRY_STORE_DAMAGES; i++) {
        const struct ferry_store_damage *d = &k->damages[i];
        ferry_strbuf_clear(&line);
        ferry_strbuf_addf(&line, "0x%06x ", (unsigned)d->off_bytes);
        if (d->n_more)
            ferry_strbuf_addf(&line, "and %s more behind it: ", cli_thousands(d->n_more));
        ferry_strbuf_addf(&line, "%s; a mount %s", d->what, d->mount);
        cli_text(call->out, "  ");
        cli_wrapped(call->out, MOUNT_INDENT, line.failed ? d->what : line.text);
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(damages, o);
        cJSON_AddNumberToObject(o, "at", d->off_bytes);
        cJSON_AddNumberToObject(o, "entries", d->n_more + 1);
        cJSON_AddStringToObject(o, "what", d->what);
        cJSON_AddStringToObject(o, "mount", d->mount);
    }
    if (k->n_damages > FERRY_STORE_DAMAGES)
        cli_text(call->out, "  and %s more\n", cli_thousands(k->n_damages - FERRY_STORE_DAMAGES));
    ferry_strbuf_clear(&line);
    ferry_strbuf_addf(&line,
                      k->n == 1 ? "%s key can be read and stays as it is"
                                : "%s keys can be read and stay as they are",
                      cli_thousands(k->n));
    for (uint32_t i = 0; i < k->n && i < FERRY_STORE_KEYS; i++) {
        char name[FERRY_STORE_NAME_BYTES];
        cli_printable(name, sizeof(name), k->names[i]);
        cJSON_AddItemToArray(kept, cJSON_CreateString(name));
        ferry_strbuf_addf(&line, "%s %s", i ? "," : ":", name);
    }
    cli_text(call->out, "  ");
    cli_wrapped(call->out, 2, line.failed ? "" : line.text);
    ferry_strbuf_free(&line);
}

void doctor_print_plan(const struct cli_call *call, const struct ferry_doctor *doc,
                       const struct ferry_cure *plan, cJSON *to)
{
    struct cli_output *out = call->out;
    char what[64], before[200], after[200], a[FERRY_LABEL_BYTES + 1], b[FERRY_LABEL_BYTES + 1];
    char line[160];
    const struct ferry_vdevice *v = doc->facts.v;
    const char *title = doctor_repair_words(plan->repair);
    cJSON_AddStringToObject(to, "repair", title);
    cJSON *list = cJSON_AddArrayToObject(to, "sectors");
    cli_text(out, "\n%sRepair: %s%s\n", cli_colour(out, CLI_BOLD), title,
             cli_colour(out, CLI_PLAIN));
    for (unsigned i = 0; i < plan->n; i++) {
        const struct ferry_cure_sector *s = &plan->sectors[i];
        sector_words(what, before, after, doc, plan, s);
        cli_text(out, "  0x%06x  %s\n            %s%s%s\n          %s %s\n", (unsigned)s->off_bytes,
                 what, cli_colour(out, CLI_DIM), before, cli_colour(out, CLI_PLAIN),
                 out->utf8 ? "→" : ">", after);
        put_sector(list, s, what, before, after);
    }
    if (plan->repair == FERRY_REPAIR_NVS)
        print_mount(call, plan, to);
    const bool had = plan->boots_before != FERRY_SLOT_NONE;
    const bool has = plan->boots_after != FERRY_SLOT_NONE;
    int n = snprintf(line, sizeof(line), "Boots %s now, %s afterwards",
                     had ? cli_label(v, plan->boots_before, a) : "nothing",
                     has ? cli_label(v, plan->boots_after, b) : "nothing");
    if (plan->n_points > 1)
        n += snprintf(line + n, sizeof(line) - (size_t)n,
                      ", and %s if it is cut after any of its %s writes",
                      plan->repair == FERRY_REPAIR_DOWNGRADE ? "one of the two" : "no less",
                      cli_thousands(plan->n_points));
    snprintf(line + n, sizeof(line) - (size_t)n, ".");
    cli_text(out, "  ");
    cli_wrapped(out, 2, line);
    cli_json_slot(to, "boots_before", v, plan->boots_before);
    cli_json_slot(to, "boots_after", v, plan->boots_after);
}
