/* cli/doctor_words_boot.c - findings in sentences: what boots, otadata, and rows that decide it. */
#include "doctor_words.h"

#include <stdio.h>

#include "shell_words.h"

/** The label of the otadata partition, whatever it is called. */
static const char *otadata_label(const struct ferry_doctor *doc, char label[40])
{
    const struct ferry_facts *facts = &doc->facts;
    for (unsigned i = 0; i < facts->n_partitions; i++)
        if (facts->partitions[i].type == FERRY_TYPE_DATA &&
            facts->partitions[i].subtype == FERRY_DATA_OTA)
            return cli_printable(label, 40, facts->partitions[i].label);
    return "otadata";
}

static bool slot_row_words(struct doctor_words *w, const struct ferry_doctor *doc,
                           const struct ferry_finding *f)
{
    char label[40], word[80], options[100];
    switch (f->id) {
    case FERRY_FINDING_NO_APP_PARTITION:
        DOCTOR_SAY(w->what, "there is no app partition: nothing can boot");
        doctor_rows_remedy(w, "give the table some", "--from TABLE.csv");
        return true;
    case FERRY_FINDING_TABLE_TWICE:
        DOCTOR_SAY(w->what, "the partition table has otadata or an app slot twice; bootloader and "
                            "app may take different ones");
        DOCTOR_SAY(w->why, "the bootloader takes the last such row, ESP-IDF's apps the first: "
                           "updates are refused");
        doctor_rows_remedy(w, "give each app slot and otadata one row", "--from TABLE.csv");
        return true;
    case FERRY_FINDING_SLOT_GAP:
        DOCTOR_SAY(w->what, "the OTA slots do not count up from ota_0: bootloader and app compute "
                            "different slots, so updates are refused");
        DOCTOR_SAY(w->why, "the bootloader counts rows, the app counts up to the first gap, and "
                           "the slot is the sequence number modulo that count");
        doctor_rows_remedy(w, "number them ota_0, ota_1, ... without gaps", "--from TABLE.csv");
        return true;
    case FERRY_FINDING_SLOT_UNREACHED:
        DOCTOR_SAY(w->what, "the bootloader never comes to ota_%d: it counts %s slots from ota_0",
                   f->slot, cli_thousands(f->value));
        DOCTOR_SAY(w->why, "an app in it does not boot");
        doctor_rows_remedy(w, "number them ota_0, ota_1, ... without gaps", "--from TABLE.csv");
        return true;
    case FERRY_FINDING_ONE_SLOT:
        DOCTOR_SAY(w->what, "there is only one OTA slot: while it runs, no update has a place to "
                            "go");
        doctor_rows_remedy(w, "make room for ota_1",
                           "--from TABLE.csv (or --table ota, or --add ota_1:ota_1:SIZE)");
        return true;
    case FERRY_FINDING_OTADATA_MISSING:
        DOCTOR_SAY(w->what, "there is no otadata partition, so no slot can be selected: updates "
                            "are refused");
        DOCTOR_SAY(w->why, "the bootloader starts factory, or the first slot that boots");
        doctor_rows_remedy(w, "add it at a free offset", "--add otadata:data:ota:OFFSET:8K");
        return true;
    case FERRY_FINDING_OTADATA_SMALL:
    case FERRY_FINDING_OTADATA_SIZE:
        DOCTOR_SAY(w->what, "the otadata partition is %s bytes instead of %s",
                   cli_thousands(f->value), cli_thousands(f->limit));
        DOCTOR_SAY(w->why, "%s",
                   f->id == FERRY_FINDING_OTADATA_SMALL
                       ? "the bootloader refuses to decide without both entries, and resets for "
                         "ever"
                       : "ESP-IDF's tools refuse a table like that; bootloader and apps do not");
        snprintf(options, sizeof(options), "--resize %s=8K",
                 cli_shell_word(word, sizeof(word), otadata_label(doc, label), "OTADATA"));
        doctor_rows_remedy(w, "make it 8 KB", options);
        return true;
    default:
        return false;
    }
}

/** The label of what boots, or "nothing". */
static const char *booted(const struct ferry_doctor *doc, char label[FERRY_LABEL_BYTES + 1])
{
    const int slot = doc->facts.next.booted;
    if (slot == FERRY_SLOT_NONE)
        return "nothing";
    return cli_label(doc->facts.v, slot, label);
}

/** An update wants a running app to come from; into a slot an app can be put without. */
static void nothing_boots_remedy(struct doctor_words *w, const struct ferry_doctor *doc)
{
    char label[FERRY_LABEL_BYTES + 1], word[80];
    for (unsigned i = 0; i < doc->n; i++) {
        if (doc->findings[i].id != FERRY_FINDING_OTADATA_SMALL &&
            doc->findings[i].id != FERRY_FINDING_SLOT_GAP)
            continue;
        DOCTOR_SAY(w->remedy, "put the partition table right first, then an app into a slot");
        return;
    }
    const struct ferry_facts *f = &doc->facts;
    const int slot = f->n_slots ? f->slots[0].slot : 0;
    DOCTOR_SAY(w->remedy, "put a good app into a slot: ferry slots write %s %s APP.bin",
               cli_shell_device(),
               cli_shell_word(word, sizeof(word), cli_label(f->v, slot, label), "SLOT"));
}

static bool selection_words(struct doctor_words *w, const struct ferry_doctor *doc,
                            const struct ferry_finding *f, const char *label)
{
    char why[CLI_WORDS_BYTES], now[FERRY_LABEL_BYTES + 1], sentence[FERRY_SENTENCE_BYTES];
    const struct ferry_vdevice *v = doc->facts.v;
    cli_next_words(why, sizeof(why), v, &doc->facts.next);
    switch (f->id) {
    case FERRY_FINDING_NOTHING_BOOTS:
        DOCTOR_SAY(w->what, "nothing boots");
        DOCTOR_SAY(w->why, "%s", why);
        nothing_boots_remedy(w, doc);
        return true;
    case FERRY_FINDING_SELECTED_BAD:
        DOCTOR_SAY(w->what, "otadata selects %s, which does not boot; %s boots in its stead", label,
                   booted(doc, now));
        break;
    case FERRY_FINDING_ENTRIES_SAME_BAD:
        DOCTOR_SAY(w->what,
                   "both otadata entries select %s, which does not boot; %s does, and no "
                   "entry names it",
                   label, booted(doc, now));
        break;
    case FERRY_FINDING_ENTRIES_USELESS:
        DOCTOR_SAY(w->what,
                   "neither otadata entry selects a slot; %s boots by the bootloader's "
                   "last resort",
                   booted(doc, now));
        break;
    case FERRY_FINDING_RUNNING_DAMAGED:
        DOCTOR_SAY(w->what, "%s runs, but its image does not verify: %.500s", label,
                   cli_try_words(sentence, sizeof(sentence), v, f->slot, &f->fault));
        DOCTOR_SAY(w->why, "what runs was loaded before that; after the next reset it does not");
        DOCTOR_SAY(w->remedy,
                   "do not switch it off before a good app lies in another slot: ferry update %s "
                   "APP.bin",
                   cli_shell_device());
        return true;
    case FERRY_FINDING_ON_TRIAL:
        DOCTOR_SAY(w->what, "%s runs on trial: unless it is confirmed, the next reset goes back",
                   label);
        DOCTOR_SAY(w->why, "its otadata entry is pending verify");
        DOCTOR_SAY(w->remedy, "ferry confirm %s if it works, ferry reject %s if not",
                   cli_shell_device(), cli_shell_device());
        return true;
    default:
        return false;
    }
    DOCTOR_SAY(w->why, "it is decided anew at every start: what boots is what the fallback order "
                       "finds first, and no rollback guards it");
    DOCTOR_SAY(w->remedy, "put a good image into a slot: ferry update %s APP.bin",
               cli_shell_device());
    return true;
}

static bool entry_words(struct doctor_words *w, const struct ferry_doctor *doc,
                        const struct ferry_finding *f, const char *label)
{
    char words[160];
    switch (f->id) {
    case FERRY_FINDING_ENTRY_CRC:
        cli_entry_words(words, sizeof(words), doc->facts.v, &doc->facts.next.entries[f->entry]);
        DOCTOR_SAY(w->what, "otadata entry %d is %s", f->entry, words);
        DOCTOR_SAY(w->why, "a write that power cut short leaves this; the bootloader passes it by");
        break;
    case FERRY_FINDING_ENTRY_STATE:
        DOCTOR_SAY(w->what, "otadata entry %d has a state that nobody wrote: 0x%x", f->entry,
                   (unsigned)f->value);
        DOCTOR_SAY(w->why, "the CRC does not cover it; the bootloader boots %s as if it had none",
                   label);
        break;
    case FERRY_FINDING_ENTRY_SEQ:
        DOCTOR_SAY(w->what,
                   "otadata entry %d has the sequence number %s; above %s there is no "
                   "room to count on",
                   f->entry, cli_thousands(f->value), cli_thousands(f->limit));
        DOCTOR_SAY(w->why, "updates are refused: the next number would wrap or mean erased");
        break;
    case FERRY_FINDING_ENTRY_STALE:
        DOCTOR_SAY(w->what, "otadata entry %d names %s, where no good app lies", f->entry, label);
        DOCTOR_SAY(w->why, "a rollback would try it first, and find nothing to start");
        break;
    default:
        return false;
    }
    if (f->id == FERRY_FINDING_ENTRY_STATE)
        DOCTOR_SAY(w->remedy, "ferry confirm %s, once the right app runs", cli_shell_device());
    else if (f->id == FERRY_FINDING_ENTRY_SEQ)
        DOCTOR_SAY(w->remedy, "renumber otadata: ferry doctor %s --repair", cli_shell_device());
    else
        DOCTOR_SAY(w->remedy, "%s",
                   f->id == FERRY_FINDING_ENTRY_CRC
                       ? "nothing to do: the next update writes it anew"
                       : "the next update writes the slot anew");
    return true;
}

bool doctor_words_boot(struct doctor_words *w, const struct ferry_doctor *doc,
                       const struct ferry_finding *f)
{
    char label[FERRY_LABEL_BYTES + 1] = "";
    if (f->slot != FERRY_SLOT_NONE)
        cli_label(doc->facts.v, f->slot, label);
    return slot_row_words(w, doc, f) || selection_words(w, doc, f, label) ||
           entry_words(w, doc, f, label);
}
