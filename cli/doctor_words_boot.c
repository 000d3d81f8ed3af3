/* cli/doctor_words_boot.c - findings in sentences: what boots, otadata, and rows that decide it. */
#include "doctor_words.h"

#include <stdio.h>

static bool slot_row_words(struct doctor_words *w, const struct ferry_finding *f)
{
    switch (f->id) {
    case FERRY_FINDING_NO_APP_PARTITION:
        DOCTOR_SAY(w->what, "there is no app partition: nothing can boot");
        DOCTOR_SAY(w->remedy, "add app partitions to the table");
        return true;
    case FERRY_FINDING_TABLE_TWICE:
        DOCTOR_SAY(w->what, "the partition table has otadata or an app slot twice; bootloader and "
                            "app may take different ones");
        DOCTOR_SAY(w->why, "the bootloader takes the last such row, ESP-IDF's apps the first: "
                           "updates are refused");
        DOCTOR_SAY(w->remedy, "give each app slot and otadata one row");
        return true;
    case FERRY_FINDING_SLOT_GAP:
        DOCTOR_SAY(w->what, "the OTA slots do not count up from ota_0: bootloader and app compute "
                            "different slots, so updates are refused");
        DOCTOR_SAY(w->why, "the bootloader counts rows, the app counts up to the first gap, and "
                           "the slot is the sequence number modulo that count");
        DOCTOR_SAY(w->remedy, "number the slots ota_0, ota_1, ... without gaps");
        return true;
    case FERRY_FINDING_SLOT_UNREACHED:
        DOCTOR_SAY(w->what, "the bootloader never comes to ota_%d: it counts %s slots from ota_0",
                   f->slot, cli_thousands(f->value));
        DOCTOR_SAY(w->why, "an app in it does not boot");
        DOCTOR_SAY(w->remedy, "number the slots ota_0, ota_1, ... without gaps");
        return true;
    case FERRY_FINDING_ONE_SLOT:
        DOCTOR_SAY(w->what, "there is only one OTA slot: while it runs, no update has a place to "
                            "go");
        DOCTOR_SAY(w->remedy, "make room for ota_1");
        return true;
    case FERRY_FINDING_OTADATA_MISSING:
        DOCTOR_SAY(w->what, "there is no otadata partition, so no slot can be selected: updates "
                            "are refused");
        DOCTOR_SAY(w->why, "the bootloader starts factory, or the first slot that boots");
        DOCTOR_SAY(w->remedy, "add a row: otadata, data, ota, , 0x2000");
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
        DOCTOR_SAY(w->remedy, "make it 0x2000 bytes");
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
        DOCTOR_SAY(w->remedy, "put a good image into a slot: ferry update %.180s IMAGE", v->path);
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
        DOCTOR_SAY(w->remedy, "do not switch it off before a good app lies in another slot");
        return true;
    case FERRY_FINDING_ON_TRIAL:
        DOCTOR_SAY(w->what, "%s runs on trial: unless it is confirmed, the next reset goes back",
                   label);
        DOCTOR_SAY(w->why, "its otadata entry is pending verify");
        DOCTOR_SAY(w->remedy, "ferry confirm %.200s - or ferry reject", v->path);
        return true;
    default:
        return false;
    }
    DOCTOR_SAY(w->why, "it is decided anew at every start: what boots is what the fallback order "
                       "finds first, and no rollback guards it");
    DOCTOR_SAY(w->remedy,
               "ferry doctor %.200s --repair, or put a good image into a slot: ferry "
               "update %.200s IMAGE",
               v->path, v->path);
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
    DOCTOR_SAY(w->remedy, "%s",
               f->id == FERRY_FINDING_ENTRY_CRC ? "nothing to do: the next update writes it anew"
               : f->id == FERRY_FINDING_ENTRY_STATE ? "ferry confirm, once the right app runs"
               : f->id == FERRY_FINDING_ENTRY_SEQ   ? "renumber otadata: ferry doctor --repair"
                                                    : "the next update writes the slot anew");
    return true;
}

bool doctor_words_boot(struct doctor_words *w, const struct ferry_doctor *doc,
                       const struct ferry_finding *f)
{
    char label[FERRY_LABEL_BYTES + 1] = "";
    if (f->slot != FERRY_SLOT_NONE)
        cli_label(doc->facts.v, f->slot, label);
    return slot_row_words(w, f) || selection_words(w, doc, f, label) ||
           entry_words(w, doc, f, label);
}
