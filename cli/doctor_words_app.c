/* cli/doctor_words_app.c - findings in sentences: what lies in the slots, and the app of --app. */
#include "doctor_words.h"

#include <stdio.h>
#include <string.h>

#include "partition_edit.h"
#include "shell_words.h"

static void try_words(struct doctor_words *w, const struct ferry_doctor *doc,
                      const struct ferry_finding *f, const char *label, const char *why)
{
    char sentence[FERRY_SENTENCE_BYTES];
    DOCTOR_SAY(w->what, "%s cannot boot: %.600s", label,
               cli_try_words(sentence, sizeof(sentence), doc->facts.v, f->slot, &f->fault));
    DOCTOR_SAY(w->why, "%s", why);
}

/** What runs is left alone by an update; any other slot can be written as it is. */
static void write_remedy(struct doctor_words *w, const struct ferry_doctor *doc,
                         const struct ferry_finding *f, const char *label)
{
    char word[80];
    const struct ferry_partition *row = NULL;
    for (unsigned i = 0; i < doc->facts.n_partitions; i++)
        if (doc->facts.partitions[i].off_bytes == f->at_bytes)
            row = &doc->facts.partitions[i];
    if (f->id == FERRY_FINDING_SLOT_LINKED && row && row->off_bytes % FERRY_FLASH_BLOCK_BYTES)
        DOCTOR_SAY(w->remedy, "move the slot to a multiple of 0x10000 first");
    else if (f->slot == doc->facts.v->dev.running)
        DOCTOR_SAY(w->remedy, "put a good app into another slot: ferry update %s APP.bin",
                   cli_shell_device());
    else
        DOCTOR_SAY(w->remedy, "write it again: ferry slots write %s %s APP.bin", cli_shell_device(),
                   cli_shell_word(word, sizeof(word), label, "SLOT"));
}

static bool slot_words(struct doctor_words *w, const struct ferry_doctor *doc,
                       const struct ferry_finding *f, const char *label)
{
    char word[80];
    write_remedy(w, doc, f, label);
    switch (f->id) {
    case FERRY_FINDING_SLOT_DAMAGED:
        try_words(w, doc, f, label,
                  f->danger == FERRY_DANGER_NEAR
                      ? "there is one other good app; should that fail, nothing boots"
                      : "the bootloader passes it by");
        return true;
    case FERRY_FINDING_SLOT_UNFINISHED:
        DOCTOR_SAY(w->what, "%s holds an update that did not finish; it will not boot", label);
        DOCTOR_SAY(w->why, "the first bytes of an image are written last, so that a half one never "
                           "starts");
        return true;
    case FERRY_FINDING_SLOT_CHIP:
        try_words(w, doc, f, label, "another chip's code was written to this device");
        return true;
    case FERRY_FINDING_SLOT_LINKED:
        try_words(w, doc, f, label,
                  "an image runs only at offsets that equal its addresses modulo the page; it was "
                  "written to the wrong place, or linked for another page size");
        return true;
    case FERRY_FINDING_SLOT_SECURE_VERSION:
        try_words(w, doc, f, label, "anti-rollback: the eFuse was burnt by a newer app");
        return true;
    case FERRY_FINDING_SLOT_MERGED:
        DOCTOR_SAY(w->what,
                   "%s holds a merged image, with a bootloader and a partition table of "
                   "its own, where an app belongs",
                   label);
        DOCTOR_SAY(w->why, "a file that is for offset 0 of the flash was written to a slot");
        DOCTOR_SAY(w->remedy,
                   "take the app out of that file and write it: ferry image extract FILE -o "
                   "APP.bin, then ferry slots write %s %s APP.bin",
                   cli_shell_device(), cli_shell_word(word, sizeof(word), label, "SLOT"));
        return true;
    case FERRY_FINDING_SLOT_BOOTLOADER:
        DOCTOR_SAY(w->what, "%s holds a bootloader where an app belongs", label);
        DOCTOR_SAY(w->why, "it would start, look at the partition table, and start itself again");
        return true;
    case FERRY_FINDING_SLOT_NO_DESC:
        DOCTOR_SAY(w->what, "the app in %s has no application descriptor", label);
        DOCTOR_SAY(w->why, "it boots, but has neither project nor version: updates compare nothing "
                           "and anti-rollback refuses it");
        DOCTOR_SAY(w->remedy, "build it with the descriptor, or update with --allow-no-descriptor");
        return true;
    default:
        w->remedy[0] = '\0';
        return false;
    }
}

/** The smallest of a layout's OTA slots on this flash; 0: it has not two, or does not fit. */
static uint32_t slots_of_layout(const struct ferry_vdevice *v, const char *name)
{
    static struct ferry_edit edit; // a table of 95 rows, twice
    char detail[FERRY_LAYOUT_DETAIL_BYTES];
    struct ferry_layout layout;
    uint32_t least = UINT32_MAX, n = 0;
    const struct ferry_layout_room room = {.flash_bytes = v->file.flash.size_bytes,
                                           .table_off_bytes = v->table_off_bytes};
    ferry_edit_begin(&edit, NULL, 0, room.flash_bytes, room.table_off_bytes, true);
    if (ferry_layout_make(&layout, name, &room, detail) || ferry_edit_layout(&edit, &layout) ||
        ferry_edit_check(&edit))
        return 0;
    for (size_t i = 0; i < edit.n; i++) {
        const struct ferry_partition *p = &edit.rows[i].p;
        if (p->type != FERRY_TYPE_APP || (p->subtype & 0xf0) != FERRY_APP_OTA_0)
            continue;
        n++;
        least = p->size_bytes < least ? p->size_bytes : least;
    }
    return n > 1 ? least : 0;
}

/** Adds the named layouts whose slots hold so many bytes: "ota (1,572,864 bytes)". *first gets the
 * first of them. */
static unsigned layout_words(char *buf, size_t n_bytes, const struct ferry_vdevice *v,
                             uint32_t bytes, const char **first)
{
    const char *name, *what;
    unsigned n = 0;
    buf[0] = '\0';
    for (size_t i = 0; ferry_layout_at(i, &name, &what); i++) {
        const uint32_t slot = slots_of_layout(v, name);
        const size_t at = strlen(buf);
        if (slot < bytes)
            continue;
        *first = n ? *first : name;
        snprintf(buf + at, n_bytes - at, "%s%s (slots of %s bytes)", n++ ? ", " : "", name,
                 cli_thousands(slot));
    }
    return n;
}

/** What two equal slots could be at most, behind the first 64 KB. */
static uint32_t largest_possible(const struct ferry_vdevice *v)
{
    const uint32_t block = FERRY_FLASH_BLOCK_BYTES, size = v->file.flash.size_bytes;
    return size > block ? (size - block) / 2 / block * block : 0;
}

static void too_big_words(struct doctor_words *w, const struct ferry_doctor *doc,
                          const struct ferry_finding *f)
{
    char layouts[400];
    const char *first = "";
    const struct ferry_vdevice *v = doc->facts.v;
    const uint32_t most = largest_possible(v);
    DOCTOR_SAY(w->what, "%.300s is %s bytes; the largest slot holds %s",
               doc->app ? doc->app->path : "the app", cli_thousands(f->value),
               cli_thousands(f->limit));
    if (layout_words(layouts, sizeof(layouts), v, f->value, &first))
        DOCTOR_SAY(w->remedy,
                   "ferry partitions edit %s -o COPY.bin --table=%s --move; named layouts that "
                   "hold it: %s",
                   cli_shell_device(), first, layouts);
    else if (most >= f->value)
        DOCTOR_SAY(
            w->remedy,
            "ferry partitions edit %s -o COPY.bin --from TABLE.csv; no named layout holds it, "
            "but this flash has room for two slots of %s bytes",
            cli_shell_device(), cli_thousands(most));
    else
        DOCTOR_SAY(w->remedy,
                   "a smaller app, or a larger flash: two equal slots have %s bytes each "
                   "in this one",
                   cli_thousands(most));
    DOCTOR_SAY(w->why, "%s",
               f->limit ? "no update with it can succeed; another table moves what lies in flash, "
                          "so the device is written anew"
                        : "the table has no OTA slot");
}

bool doctor_words_app(struct doctor_words *w, const struct ferry_doctor *doc,
                      const struct ferry_finding *f)
{
    char label[FERRY_LABEL_BYTES + 1] = "", why[FERRY_SENTENCE_BYTES];
    char word[CLI_SHELL_WORDS_BYTES];
    const char *file = doc->app ? doc->app->path : "";
    if (f->slot != FERRY_SLOT_NONE)
        cli_label(doc->facts.v, f->slot, label);
    if (slot_words(w, doc, f, label))
        return true;
    DOCTOR_SAY(w->remedy, "build or choose another file");
    switch (f->id) {
    case FERRY_FINDING_APP_TOO_BIG:
        too_big_words(w, doc, f);
        return true;
    case FERRY_FINDING_APP_MERGED:
        DOCTOR_SAY(w->what,
                   "%.300s is a merged image with bootloader and partition table, not an "
                   "app",
                   file);
        DOCTOR_SAY(w->why, "it is for the begin of the flash; in a slot it would not boot");
        DOCTOR_SAY(w->remedy, "take the app out of it: ferry image extract %s",
                   cli_shell_word(word, sizeof(word), file, "FILE"));
        return true;
    case FERRY_FINDING_APP_BOOTLOADER:
        DOCTOR_SAY(w->what, "%.300s is a bootloader, not an app", file);
        DOCTOR_SAY(w->why, "in a slot it would start itself again and again");
        return true;
    case FERRY_FINDING_APP_CHIP:
    case FERRY_FINDING_APP_DAMAGED:
    case FERRY_FINDING_APP_SECURE_VERSION:
        DOCTOR_SAY(
            w->what, "%.700s",
            ferry_sentence(why, sizeof(why), &f->fault, &(struct ferry_about){.file = file}));
        DOCTOR_SAY(w->why, "the bootloader would not start it, so an update refuses it");
        return true;
    case FERRY_FINDING_APP_NO_DESC:
        DOCTOR_SAY(w->what, "%.300s has no application descriptor", file);
        DOCTOR_SAY(w->why, "it has neither project nor version, so an update cannot compare it");
        DOCTOR_SAY(w->remedy, "update with --allow-no-descriptor, if it is meant");
        return true;
    default:
        return false;
    }
}
