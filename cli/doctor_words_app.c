/* cli/doctor_words_app.c - findings in sentences: what lies in the slots, and the app of --app. */
#include "doctor_words.h"

#include <stdio.h>

static void try_words(struct doctor_words *w, const struct ferry_doctor *doc,
                      const struct ferry_finding *f, const char *label, const char *why)
{
    char sentence[FERRY_SENTENCE_BYTES];
    DOCTOR_SAY(w->what, "%s cannot boot: %.600s", label,
               cli_try_words(sentence, sizeof(sentence), doc->facts.v, f->slot, &f->fault));
    DOCTOR_SAY(w->why, "%s", why);
}

static bool slot_words(struct doctor_words *w, const struct ferry_doctor *doc,
                       const struct ferry_finding *f, const char *label)
{
    DOCTOR_SAY(w->remedy, "write it again: ferry update %.200s IMAGE", doc->facts.v->path);
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
        DOCTOR_SAY(w->remedy, "take the app out of it (ferry image extract) and update with that");
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

static void too_big_words(struct doctor_words *w, const struct ferry_doctor *doc,
                          const struct ferry_finding *f)
{
    DOCTOR_SAY(w->what, "%.300s is %s bytes; the largest slot holds %s", doc->app->path,
               cli_thousands(f->value), cli_thousands(f->limit));
    DOCTOR_SAY(w->why, "%s",
               f->limit
                   ? "no update with it can succeed; a table with larger slots changes offsets, "
                     "so the whole device is written anew"
                   : "the table has no OTA slot");
    DOCTOR_SAY(w->remedy, "a table with slots of at least %s bytes", cli_thousands(f->value));
}

bool doctor_words_app(struct doctor_words *w, const struct ferry_doctor *doc,
                      const struct ferry_finding *f)
{
    char label[FERRY_LABEL_BYTES + 1] = "", why[FERRY_SENTENCE_BYTES];
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
        DOCTOR_SAY(w->remedy, "take the app out of it: ferry image extract %.300s", file);
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
