/* cli/status_text.c - a device for a person to read. */
#include <stdio.h>
#include <string.h>

#include "doctor_words.h"
#include "status_facts.h"

#define SUMMARY_INDENT 12
#define SLOT_INDENT    31
#define PROBLEM_INDENT 5

static void head(struct cli_output *out, const char *title)
{
    cli_text(out, "\n%s%s%s\n", cli_colour(out, CLI_BOLD), title, cli_colour(out, CLI_PLAIN));
}

static void print_device(struct cli_output *out, const struct ferry_facts *f)
{
    const struct ferry_vdevice *v = f->v;
    const struct ferry_policy *p = &v->policy;
    cli_text(out, "%s%s%s  %s%s, %s bytes of flash", cli_colour(out, CLI_BOLD), v->path,
             cli_colour(out, CLI_PLAIN), p->chip ? p->chip->name : "unknown chip",
             v->chip_is_guessed ? " (found from its images)" : "",
             cli_thousands(v->file.flash.size_bytes));
    if (v->is_dir)
        cli_text(out, ", switched on %s time%s", cli_thousands(v->boot_count),
                 v->boot_count == 1 ? "" : "s");
    if (v->merged.chip)
        cli_text(out, "\nmerged image from 0x%x to 0x%x of it, the rest erased",
                 (unsigned)v->file.start_bytes,
                 (unsigned)(v->file.start_bytes + v->file.held_bytes));
    char policy[128];
    snprintf(policy, sizeof(policy),
             "rollback %s, anti-rollback %s, %ssecure version %s, otadata written %s",
             p->rollback ? "on" : "off", p->anti_rollback ? "on" : "off",
             v->has_secure_boot ? "secure boot on, " : "", cli_thousands(p->secure_version),
             p->writer == &ferry_slots_idf ? "as ESP-IDF does" : "safely");
    cli_text(out, "\n");
    cli_wrapped(out, 0, policy);
}

static void print_slot_line(struct cli_output *out, const struct ferry_facts *f, const char *what,
                            int slot, const char *why)
{
    char label[FERRY_LABEL_BYTES + 1], app[80] = "";
    const struct ferry_slot_facts *s = slot == FERRY_SLOT_NONE ? NULL : ferry_facts_slot(f, slot);
    if (s && s->has_desc)
        cli_app_words(app, sizeof(app), &s->desc);
    cli_text(out, "%-*s%s%s%s%s%s\n", SUMMARY_INDENT, what, cli_colour(out, s ? CLI_GOOD : CLI_BAD),
             s ? cli_label(f->v, slot, label) : "nothing", cli_colour(out, CLI_PLAIN),
             *app ? "  " : "", app);
    if (!*why)
        return;
    cli_text(out, "%*s%s", SUMMARY_INDENT, "", cli_colour(out, CLI_DIM));
    cli_wrapped(out, SUMMARY_INDENT, why);
    cli_text(out, "%s", cli_colour(out, CLI_PLAIN));
}

static void print_summary(struct cli_output *out, const struct ferry_facts *f)
{
    char why[CLI_WORDS_BYTES];
    cli_text(out, "\n");
    print_slot_line(out, f, "Runs now", f->v->dev.running, cli_running_words(f->v->running_by));
    print_slot_line(out, f, "Boots next", f->next.booted,
                    cli_next_words(why, sizeof(why), f->v, &f->next));
}

/** Second line of a slot: how full, and whether it would boot. */
static void print_verdict(struct cli_output *out, const struct ferry_facts *f,
                          const struct ferry_slot_facts *s)
{
    char why[FERRY_SENTENCE_BYTES], line[160];
    const char *size = cli_thousands(s->span.size_bytes);
    switch (s->content) {
    case FERRY_CONTENT_APP:
        snprintf(line, sizeof(line), "%s of %s bytes used (%u%%), %sverified%s",
                 cli_thousands(s->used_bytes), size,
                 (unsigned)((uint64_t)s->used_bytes * 100 / s->span.size_bytes),
                 cli_colour(out, CLI_GOOD), cli_colour(out, CLI_PLAIN));
        cli_text(out, "%*s", SLOT_INDENT, "");
        cli_wrapped(out, SLOT_INDENT, line);
        break;
    case FERRY_CONTENT_EMPTY:
        cli_text(out, "empty, %s bytes\n", size);
        break;
    case FERRY_CONTENT_UNFINISHED:
        cli_text(out, "an update that did not finish; %s bytes, will not boot\n", size);
        break;
    case FERRY_CONTENT_DAMAGED:
        cli_text(out, "%*s%s", SLOT_INDENT, "", cli_colour(out, CLI_BAD));
        cli_wrapped(out, SLOT_INDENT, cli_try_words(why, sizeof(why), f->v, s->slot, &s->fault));
        cli_text(out, "%s", cli_colour(out, CLI_PLAIN));
        break;
    }
}

static void print_slot(struct cli_output *out, const struct ferry_facts *f,
                       const struct ferry_slot_facts *s)
{
    char label[FERRY_LABEL_BYTES + 1], app[80], state[40] = "", date[24], time[24], line[256];
    const bool runs = s->slot == f->v->dev.running, next = s->slot == f->next.booted;
    const char *role = runs && next ? "runs, stays" : runs ? "runs" : next ? "boots next" : "";
    cli_text(out, "  %-16s %-12s", cli_label(f->v, s->slot, label), role);
    const bool has_text = s->content == FERRY_CONTENT_APP || s->content == FERRY_CONTENT_DAMAGED;
    if (s->has_state)
        cli_state_words(state, sizeof(state), s->state);
    if (has_text && s->has_desc) {
        snprintf(line, sizeof(line), "%s, %s%s%s, built %s %s",
                 cli_app_words(app, sizeof(app), &s->desc),
                 s->chip ? s->chip->name : "unknown chip", s->has_state ? ", " : "", state,
                 cli_printable(date, sizeof(date), s->desc.date),
                 cli_printable(time, sizeof(time), s->desc.time));
        cli_wrapped(out, SLOT_INDENT, line);
    } else if (has_text) {
        cli_text(out, "no app descriptor\n");
    }
    print_verdict(out, f, s);
}

static void print_slots(struct cli_output *out, const struct ferry_facts *f)
{
    head(out, "App slots");
    for (unsigned i = 0; i < f->n_slots; i++)
        print_slot(out, f, &f->slots[i]);
    if (!f->n_slots)
        cli_text(out, "  none\n");
}

static void print_otadata(struct cli_output *out, const struct ferry_facts *f)
{
    char words[160];
    if (!f->next.has_entries)
        return;
    head(out, "otadata");
    for (int i = 0; i < 2; i++)
        cli_text(out, "  entry %d at 0x%06x  %s%s\n", i,
                 (unsigned)(f->v->dev.otadata.off_bytes + (uint32_t)i * FERRY_OTADATA_STRIDE),
                 cli_entry_words(words, sizeof(words), f->v, &f->next.entries[i]),
                 i == ferry_otadata_active(f->next.entries) ? "  <- active" : "");
}

static const char *type_words(char *buf, size_t n, const char *name, uint8_t number)
{
    if (name)
        snprintf(buf, n, "%s", name);
    else
        snprintf(buf, n, "0x%02x", number);
    return buf;
}

static void print_table(struct cli_output *out, const struct ferry_facts *f)
{
    char label[40], type[16], subtype[16];
    cli_text(out, "\n%sPartition table%s at 0x%x%s\n", cli_colour(out, CLI_BOLD),
             cli_colour(out, CLI_PLAIN), (unsigned)f->v->table_off_bytes,
             !f->v->table_err  ? ""
             : f->n_partitions ? ": damaged; what its rows still say:"
                               : ": none");
    if (f->n_partitions)
        cli_text(out, "  %-16s %-8s %-10s %9s %9s %11s\n", "Name", "Type", "SubType", "Offset",
                 "Size", "Bytes");
    for (unsigned i = 0; i < f->n_partitions; i++) {
        const struct ferry_partition *p = &f->partitions[i];
        cli_text(out, "  %-16s %-8s %-10s %#9x %#9x %11s%s%s\n",
                 cli_printable(label, sizeof(label), p->label),
                 type_words(type, sizeof(type), ferry_type_name(p->type), p->type),
                 type_words(subtype, sizeof(subtype), ferry_subtype_name(p->type, p->subtype),
                            p->subtype),
                 (unsigned)p->off_bytes, (unsigned)p->size_bytes, cli_thousands(p->size_bytes),
                 p->flags & FERRY_FLAG_ENCRYPTED ? " encrypted" : "",
                 p->flags & FERRY_FLAG_READONLY ? " readonly" : "");
    }
}

static void print_seen(struct cli_output *out, const struct ferry_facts *f)
{
    char app[80];
    if (!f->n_seen)
        return;
    head(out, "Apps that lie in this flash");
    for (unsigned i = 0; i < f->n_seen; i++)
        cli_text(out, "  0x%06x %s\n", (unsigned)f->seen[i].off_bytes,
                 cli_app_words(app, sizeof(app), &f->seen[i].desc));
}

static void print_problems(struct cli_output *out, const struct ferry_doctor *doc)
{
    struct doctor_words w;
    head(out, "Problems");
    if (!doc->n)
        cli_text(out, "  none\n");
    for (unsigned i = 0; i < doc->n; i++) {
        doctor_words(&w, doc, &doc->findings[i]);
        cli_text(out, "  %s%u.%s ", cli_colour(out, CLI_WARN), i + 1, cli_colour(out, CLI_PLAIN));
        cli_wrapped(out, PROBLEM_INDENT, w.what);
        cli_text(out, "%*s%s ", PROBLEM_INDENT, "", out->utf8 ? "→" : "->");
        cli_wrapped(out, PROBLEM_INDENT + 2, w.remedy);
    }
    if (doc->has_more)
        cli_text(out, "  and more; mend these first\n");
}

void status_print(struct cli_output *out, const struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    print_device(out, f);
    if (!f->v->table_err) {
        print_summary(out, f);
        print_slots(out, f);
        print_otadata(out, f);
    }
    print_table(out, f);
    print_seen(out, f);
    status_print_map(out, f);
    print_problems(out, doc);
}
