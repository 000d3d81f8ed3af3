/* cli/status_json.c - a device for a program to read. */
#include <stdio.h>

#include "doctor_words.h"
#include "status_facts.h"

static void put_text(cJSON *to, const char *key, const char *text)
{
    char buf[160];
    cJSON_AddStringToObject(to, key, cli_printable(buf, sizeof(buf), text));
}

static void put_device(cJSON *root, const struct ferry_facts *f)
{
    const struct ferry_vdevice *v = f->v;
    const struct ferry_policy *p = &v->policy;
    cJSON_AddStringToObject(root, "device", v->path);
    if (p->chip)
        cJSON_AddStringToObject(root, "chip", p->chip->name);
    else
        cJSON_AddNullToObject(root, "chip");
    cJSON_AddNumberToObject(root, "flash_size", v->file.flash.size_bytes);
    cJSON_AddBoolToObject(root, "merged", v->merged.chip != NULL);
    cJSON_AddNumberToObject(root, "file_offset", v->file.start_bytes);
    cJSON_AddNumberToObject(root, "file_bytes", v->file.held_bytes);
    cJSON_AddBoolToObject(root, "rollback", p->rollback);
    cJSON_AddBoolToObject(root, "anti_rollback", p->anti_rollback);
    cJSON_AddBoolToObject(root, "secure_boot", v->has_secure_boot);
    cJSON_AddNumberToObject(root, "secure_version", p->secure_version);
    cJSON_AddStringToObject(root, "otadata_mode", p->writer == &ferry_slots_idf ? "idf" : "safe");
    if (v->is_dir)
        cJSON_AddNumberToObject(root, "boot_count", v->boot_count);
    cJSON_AddNumberToObject(root, "table_offset", v->table_off_bytes);
    cJSON_AddBoolToObject(root, "table_ok", !v->table_err);
}

static void put_slots(cJSON *root, const struct ferry_facts *f)
{
    char why[FERRY_SENTENCE_BYTES];
    cJSON *list = cJSON_AddArrayToObject(root, "slots");
    for (unsigned i = 0; i < f->n_slots; i++) {
        const struct ferry_slot_facts *s = &f->slots[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        cli_json_slot(o, "label", f->v, s->slot);
        cJSON_AddNumberToObject(o, "offset", s->span.off_bytes);
        cJSON_AddNumberToObject(o, "size", s->span.size_bytes);
        cJSON_AddBoolToObject(o, "runs", s->slot == f->v->dev.running);
        cJSON_AddBoolToObject(o, "boots_next", s->slot == f->next.booted);
        cJSON_AddStringToObject(o, "content", ferry_content_name(s->content));
        cJSON_AddBoolToObject(o, "verified", s->content == FERRY_CONTENT_APP);
        if (s->content == FERRY_CONTENT_APP)
            cJSON_AddNumberToObject(o, "used", s->used_bytes);
        else if (s->content == FERRY_CONTENT_UNFINISHED)
            cJSON_AddStringToObject(o, "error", "an update did not finish");
        else
            cJSON_AddStringToObject(o, "error",
                                    cli_try_words(why, sizeof(why), f->v, s->slot, &s->fault));
        if (s->chip)
            cJSON_AddStringToObject(o, "chip", s->chip->name);
        if (s->has_state)
            put_text(o, "state", cli_state_words(why, sizeof(why), s->state));
        if (!s->has_desc)
            continue;
        put_text(o, "project", s->desc.project);
        put_text(o, "version", s->desc.version);
        put_text(o, "date", s->desc.date);
        put_text(o, "time", s->desc.time);
        put_text(o, "idf_version", s->desc.idf_version);
        cJSON_AddNumberToObject(o, "secure_version", s->desc.secure_version);
    }
}

static void put_otadata(cJSON *root, const struct ferry_facts *f)
{
    char words[160];
    cJSON *list = cJSON_AddArrayToObject(root, "otadata");
    for (int i = 0; f->next.has_entries && i < 2; i++) {
        const struct ferry_otadata *e = &f->next.entries[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        cJSON_AddBoolToObject(o, "blank", cli_entry_is_blank(e));
        cJSON_AddBoolToObject(o, "crc_ok", ferry_otadata_names_slot(e));
        cJSON_AddNumberToObject(o, "seq", e->seq);
        put_text(o, "state", cli_state_words(words, sizeof(words), e->state));
        cli_json_slot(o, "slot", f->v, cli_entry_slot(f->v, e));
        cJSON_AddBoolToObject(o, "active", i == ferry_otadata_active(f->next.entries));
    }
}

static void put_number_name(cJSON *o, const char *key, const char *name, uint8_t number)
{
    char text[8];
    snprintf(text, sizeof(text), "0x%02x", number);
    cJSON_AddStringToObject(o, key, name ? name : text);
}

static void put_partitions(cJSON *root, const struct ferry_facts *f)
{
    cJSON *list = cJSON_AddArrayToObject(root, "partitions");
    for (unsigned i = 0; i < f->n_partitions; i++) {
        const struct ferry_partition *p = &f->partitions[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        put_text(o, "label", p->label);
        put_number_name(o, "type", ferry_type_name(p->type), p->type);
        put_number_name(o, "subtype", ferry_subtype_name(p->type, p->subtype), p->subtype);
        cJSON_AddNumberToObject(o, "offset", p->off_bytes);
        cJSON_AddNumberToObject(o, "size", p->size_bytes);
        cJSON_AddNumberToObject(o, "flags", p->flags);
    }
}

static void put_seen(cJSON *root, const struct ferry_facts *f)
{
    cJSON *list = f->n_seen ? cJSON_AddArrayToObject(root, "apps_seen") : NULL;
    for (unsigned i = 0; i < f->n_seen; i++) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        cJSON_AddNumberToObject(o, "offset", f->seen[i].off_bytes);
        put_text(o, "project", f->seen[i].desc.project);
        put_text(o, "version", f->seen[i].desc.version);
    }
}

static void put_problems(cJSON *root, const struct ferry_doctor *doc)
{
    struct doctor_words w;
    cJSON *list = cJSON_AddArrayToObject(root, "problems");
    for (unsigned i = 0; i < doc->n; i++) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        doctor_words(&w, doc, &doc->findings[i]);
        cJSON_AddStringToObject(o, "id", ferry_finding_name(doc->findings[i].id));
        cJSON_AddStringToObject(o, "problem", w.what);
        cJSON_AddStringToObject(o, "remedy", w.remedy);
    }
}

void status_put_json(cJSON *root, const struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    char why[CLI_WORDS_BYTES];
    put_device(root, f);
    if (!f->v->table_err) {
        cli_json_slot(root, "running", f->v, f->v->dev.running);
        cJSON_AddStringToObject(root, "running_why", cli_running_words(f->v->running_by));
        cli_json_slot(root, "next", f->v, f->next.booted);
        cJSON_AddStringToObject(root, "next_why", cli_next_words(why, sizeof(why), f->v, &f->next));
        put_slots(root, f);
        put_otadata(root, f);
    }
    put_partitions(root, f);
    put_seen(root, f);
    put_problems(root, doc);
}
