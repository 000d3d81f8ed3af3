/* cli/doctor_words.c - findings in sentences: the whole flash, bootloader and partition table. What
 * boots: doctor_words_boot.c; slots and app files: doctor_words_app.c. */
#include "doctor_words.h"

#include <stdio.h>
#include <string.h>

#include "shell_words.h"

#define WRITE_BOOTLOADER "ferry partitions write %s bootloader=BOOTLOADER.bin --force"
#define WRITE_TABLE      "ferry partitions write %s table=TABLE.csv --force"

const char *doctor_repair_words(enum ferry_repair repair)
{
    static const char *const words[] = {
        [FERRY_REPAIR_NONE] = "",
        [FERRY_REPAIR_OTADATA] = "make otadata select what boots, and erase what is unsound in it",
        [FERRY_REPAIR_TABLE_MD5] = "write the partition table's MD5 row anew",
        [FERRY_REPAIR_FLASH] = "write the flash size into the bootloader's header",
        [FERRY_REPAIR_NVS] = "mount the NVS store as the device does, to tidy up its damage",
        [FERRY_REPAIR_DOWNGRADE] = "go back to the app in another slot",
    };
    return words[repair];
}

const char *doctor_rollback_words(const struct ferry_bootloader *b)
{
    if (b->anti_rollback == FERRY_TOLD_YES)
        return "built with rollback and anti-rollback, by its texts";
    if (b->rollback == FERRY_TOLD_YES)
        return "built with rollback, by its texts";
    if (b->rollback == FERRY_TOLD_NO)
        return "built without rollback: its debug texts are there, those of rollback are not";
    if (b->state < FERRY_BOOTLOADER_HASH)
        return "cannot be told: there is no whole bootloader to ask";
    return "cannot be told: it was built without the log texts that would show it";
}

static void flash_size_words(struct doctor_words *w, const struct ferry_finding *f)
{
    char label[40] = "";
    DOCTOR_SAY(w->what, "the bootloader's header at 0x%x says %s bytes of flash; it is %s",
               (unsigned)f->at_bytes, cli_thousands(f->value), cli_thousands(f->limit));
    if (f->id == FERRY_FINDING_BOOTLOADER_FLASH_SMALL)
        DOCTOR_SAY(w->why,
                   "%s ends at 0x%x, beyond that size: the bootloader refuses the whole partition "
                   "table and resets for ever",
                   cli_printable(label, sizeof(label), f->row->label),
                   (unsigned)(f->row->off_bytes + f->row->size_bytes));
    else if (f->id == FERRY_FINDING_BOOTLOADER_FLASH_LARGE)
        DOCTOR_SAY(w->why, "what is written beyond the real end lands somewhere else, or nowhere");
    else
        DOCTOR_SAY(w->why, "all partitions lie within it, so it works; the rest is out of reach");
    DOCTOR_SAY(w->remedy, "write the right bootloader: " WRITE_BOOTLOADER, cli_shell_device());
}

static void bootloader_chip_words(struct doctor_words *w, const struct ferry_bootloader *b,
                                  const struct ferry_chip *chip)
{
    DOCTOR_SAY(w->what, "the bootloader at 0x%x is for %s; the device is %s",
               (unsigned)b->off_bytes, b->chip ? b->chip->name : "an unknown chip", chip->name);
    if (b->off_bytes != chip->bootloader_off_bytes)
        DOCTOR_SAY(w->why, "the ROM of %s looks for its bootloader at 0x%x and finds none there",
                   chip->name, (unsigned)chip->bootloader_off_bytes);
    else
        DOCTOR_SAY(w->why, "its code is for other registers, if not for another processor");
    DOCTOR_SAY(w->remedy, "write the bootloader for %s, or say the right --chip: " WRITE_BOOTLOADER,
               chip->name, cli_shell_device());
}

static bool bootloader_words(struct doctor_words *w, const struct ferry_doctor *doc,
                             const struct ferry_finding *f)
{
    const struct ferry_bootloader *b = &doc->facts.bootloader;
    const unsigned at = (unsigned)f->at_bytes;
    switch (f->id) {
    case FERRY_FINDING_BOOTLOADER_MISSING:
        DOCTOR_SAY(w->what, "there is no bootloader at 0x%x: the chip will not start", at);
        DOCTOR_SAY(w->why, "%s",
                   b->state == FERRY_BOOTLOADER_ERASED
                       ? "the flash is erased there; the ROM loads nothing and resets for ever"
                       : "what lies there is no image; the ROM loads nothing and resets for ever");
        DOCTOR_SAY(w->remedy, "write it there: " WRITE_BOOTLOADER, cli_shell_device());
        return true;
    case FERRY_FINDING_BOOTLOADER_DAMAGED:
        DOCTOR_SAY(w->what, "the bootloader at 0x%x is damaged: %s", at,
                   b->state == FERRY_BOOTLOADER_CUT ? "its segments do not end where they should"
                                                    : "its checksum does not match its bytes");
        DOCTOR_SAY(w->why, "the ROM checks it before every start and does not run it");
        DOCTOR_SAY(w->remedy, "write it again: " WRITE_BOOTLOADER, cli_shell_device());
        return true;
    case FERRY_FINDING_BOOTLOADER_TOO_BIG:
        DOCTOR_SAY(w->what, "the bootloader at 0x%x is %s bytes; up to the partition table are %s",
                   at, cli_thousands(f->value), cli_thousands(f->limit));
        DOCTOR_SAY(w->why, "the table at 0x%x lies in the middle of it",
                   (unsigned)doc->facts.v->table_off_bytes);
        DOCTOR_SAY(w->remedy, "build a smaller one (a lower log level), or put the table further "
                              "behind, in bootloader and app alike");
        return true;
    case FERRY_FINDING_BOOTLOADER_CHIP:
        bootloader_chip_words(w, b, doc->facts.v->policy.chip);
        return true;
    case FERRY_FINDING_BOOTLOADER_HASH:
        DOCTOR_SAY(w->what, "the bootloader's SHA-256 does not match its bytes; its checksum does");
        DOCTOR_SAY(w->why, "most likely a tool set flash mode, speed or size in its header; the "
                           "ROM does not look at it without secure boot");
        DOCTOR_SAY(w->remedy, "nothing to do, or write it again: " WRITE_BOOTLOADER,
                   cli_shell_device());
        return true;
    case FERRY_FINDING_BOOTLOADER_FLASH_SMALL:
    case FERRY_FINDING_BOOTLOADER_FLASH_LARGE:
    case FERRY_FINDING_BOOTLOADER_FLASH_SPARE:
        flash_size_words(w, f);
        return true;
    default:
        return false;
    }
}

/** ferry nvs works on files: what a chip holds is fetched first. */
static void nvs_remedy(struct doctor_words *w, const struct ferry_vdevice *v, const char *label,
                       const char *keys)
{
    char word[80];
    if (v->real)
        DOCTOR_SAY(w->remedy, "ferry partitions read %s %s nvs.bin, then ferry nvs check nvs.bin%s",
                   cli_shell_device(), cli_shell_word(word, sizeof(word), label, "NVS"), keys);
    else
        DOCTOR_SAY(w->remedy, "all that is in it: ferry nvs check %s%s", cli_shell_file(), keys);
}

static bool device_words(struct doctor_words *w, const struct ferry_doctor *doc,
                         const struct ferry_finding *f)
{
    switch (f->id) {
    case FERRY_FINDING_FLASH_BLANK:
        DOCTOR_SAY(w->what, "the flash is blank: all of its %s bytes are 0xff",
                   cli_thousands(doc->facts.v->file.flash.size_bytes));
        DOCTOR_SAY(w->why, "nothing was ever written to it, it was erased, or the dump was read "
                           "from a chip that did not answer");
        DOCTOR_SAY(w->remedy,
                   "write bootloader, partition table and app, as one merged image: ferry "
                   "image flash %s MERGED.bin",
                   cli_shell_device());
        return true;
    case FERRY_FINDING_FLASH_ENCRYPTED:
        DOCTOR_SAY(w->what, "the flash looks encrypted: where bootloader and partition table "
                            "belong, all byte values are equally frequent");
        DOCTOR_SAY(w->why, "nothing can be told of what is in it; the device itself may be well");
        DOCTOR_SAY(w->remedy, "examine the files before they were encrypted");
        return true;
    case FERRY_FINDING_CHIP_UNKNOWN:
        DOCTOR_SAY(w->what, "the chip is not known, so images are not checked against it");
        DOCTOR_SAY(w->why, "neither a bootloader nor an app says which it is");
        DOCTOR_SAY(w->remedy, "say which chip it is: --chip");
        return true;
    case FERRY_FINDING_ROLLBACK_OFF:
        DOCTOR_SAY(w->what, "%s",
                   f->value ? "the bootloader was built without rollback, by its own texts"
                            : "the bootloader is without rollback");
        DOCTOR_SAY(w->why, "an update that crashes before it can ask for help stays; nothing goes "
                           "back by itself");
        DOCTOR_SAY(w->remedy, "build it with CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE%s",
                   f->value ? "; until then say --rollback=off, so that ferry reckons as it does"
                            : "");
        return true;
    case FERRY_FINDING_ROLLBACK_UNEXPECTED:
        DOCTOR_SAY(w->what, "the bootloader has rollback, by its own texts, but this device is "
                            "said to be without");
        DOCTOR_SAY(w->why, "an update that is not confirmed will go back at the next reset");
        DOCTOR_SAY(w->remedy, "say --rollback=on, or \"rollback\": true in device.json");
        return true;
    case FERRY_FINDING_NVS_DAMAGED: {
        char label[40];
        DOCTOR_SAY(w->what, "%s: %s thing%s stored in it %s damaged, the first at 0x%x",
                   cli_printable(label, sizeof(label), f->row->label), cli_thousands(f->value),
                   f->value == 1 ? "" : "s", f->value == 1 ? "is" : "are", (unsigned)f->at_bytes);
        DOCTOR_SAY(w->why, "%s", f->detail);
        nvs_remedy(w, doc->facts.v, label, "");
        return true;
    }
    case FERRY_FINDING_NVS_UNREADABLE: {
        char label[40];
        DOCTOR_SAY(w->what, "%s: nothing that is stored in it can be read",
                   cli_printable(label, sizeof(label), f->row->label));
        DOCTOR_SAY(w->why, "not one entry matches its CRC: all is damaged, or it is encrypted by "
                           "keys that are not in this flash");
        nvs_remedy(w, doc->facts.v, label, " --keys KEYS.bin");
        return true;
    }
    case FERRY_FINDING_REFLASH_LEFT:
        DOCTOR_SAY(w->what, "a reflash was interrupted: its plan waits in the journal at 0x%x",
                   (unsigned)f->at_bytes);
        DOCTOR_SAY(w->why, "parts of the flash are old and others new; nothing else should change "
                           "it before the plan is finished or given up");
        DOCTOR_SAY(w->remedy,
                   "ferry reflash status %s shows it, ferry reflash resume %s finishes it",
                   cli_shell_device(), cli_shell_device());
        return true;
    case FERRY_FINDING_UPDATE_LEFT:
        DOCTOR_SAY(w->what, "an update was interrupted and can go on where it stopped");
        DOCTOR_SAY(w->why, "its checkpoint lies beside the device; the slot it goes to does not "
                           "boot until it has come to its end");
        DOCTOR_SAY(w->remedy, "run the same ferry update again");
        return true;
    default:
        return false;
    }
}

static bool table_state_words(struct doctor_words *w, const struct ferry_doctor *doc,
                              const struct ferry_finding *f)
{
    char why[FERRY_SENTENCE_BYTES];
    struct ferry_fault fault = f->fault;
    if (fault.err == FERRY_ERR_TABLE_MAGIC)
        fault.off_bytes = f->at_bytes;
    switch (f->id) {
    case FERRY_FINDING_TABLE_MISSING:
    case FERRY_FINDING_TABLE_DAMAGED:
    case FERRY_FINDING_TABLE_MD5:
    case FERRY_FINDING_TABLE_BEYOND:
        DOCTOR_SAY(w->what, "%.700s", ferry_sentence(why, sizeof(why), &fault, NULL));
        DOCTOR_SAY(w->why, "the bootloader refuses the whole table and resets for ever");
        DOCTOR_SAY(w->remedy, "write it again, or give its place by --table-offset: " WRITE_TABLE,
                   cli_shell_device());
        return true;
    case FERRY_FINDING_TABLE_ELSEWHERE:
        DOCTOR_SAY(w->what, "there is no partition table at 0x%x, but there is one at 0x%x",
                   (unsigned)f->at_bytes, (unsigned)f->value);
        DOCTOR_SAY(w->why,
                   "bootloader and app look where they were built to look; if that is "
                   "0x%x, all is well",
                   (unsigned)f->value);
        DOCTOR_SAY(w->remedy, "look there: --table-offset 0x%x", (unsigned)f->value);
        return true;
    case FERRY_FINDING_TABLE_NO_MD5:
        DOCTOR_SAY(w->what, "the partition table carries no MD5, so damage to it stays unnoticed");
        DOCTOR_SAY(w->why, "an app built with ESP-IDF's defaults then finds no partition at all");
        DOCTOR_SAY(w->remedy,
                   "write it again, with MD5, unless the bootloader is older than ESP-IDF "
                   "3.1, which does not know it: " WRITE_TABLE,
                   cli_shell_device());
        return true;
    default:
        (void)doc;
        return false;
    }
}

/** What has to change in the rows, and how a copy with other rows is made. */
static void row_remedy(struct doctor_words *w, const char *change)
{
    doctor_rows_remedy(w, change, "--from TABLE.csv");
}

static bool row_words(struct doctor_words *w, const struct ferry_finding *f)
{
    char a[40] = "", b[40] = "", words[60];
    if (f->row)
        cli_printable(a, sizeof(a), f->row->label);
    if (f->with)
        cli_printable(b, sizeof(b), f->with->label);
    switch (f->id) {
    case FERRY_FINDING_APP_MISALIGNED:
        DOCTOR_SAY(w->what, "%s begins at 0x%x; an app can only be mapped from a 64 KB boundary", a,
                   (unsigned)f->at_bytes);
        DOCTOR_SAY(w->why, "no image that a tool links for it would start");
        row_remedy(w, "give it a multiple of 0x10000");
        return true;
    case FERRY_FINDING_ROW_PROTECTED:
        DOCTOR_SAY(w->what, "%s begins at 0x%x, in bootloader or partition table; 0x%x is free", a,
                   (unsigned)f->at_bytes, (unsigned)f->limit);
        DOCTOR_SAY(w->why, "whoever writes to it overwrites what starts the device");
        snprintf(words, sizeof(words), "let it begin at 0x%x or behind", (unsigned)f->limit);
        row_remedy(w, words);
        return true;
    case FERRY_FINDING_ROWS_OVERLAP:
        DOCTOR_SAY(w->what, "%s and %s overlap", a, b);
        if (f->row && f->with)
            DOCTOR_SAY(w->why, "both contain 0x%x: writing to one changes the other",
                       (unsigned)(f->row->off_bytes > f->with->off_bytes ? f->row->off_bytes
                                                                         : f->with->off_bytes));
        row_remedy(w, "correct the offsets or sizes");
        return true;
    default:
        return false;
    }
}

bool doctor_words_table(struct doctor_words *w, const struct ferry_doctor *doc,
                        const struct ferry_finding *f)
{
    return table_state_words(w, doc, f) || row_words(w, f);
}

void doctor_rows_remedy(struct doctor_words *w, const char *change, const char *options)
{
    DOCTOR_SAY(w->remedy, "%s, in a copy: ferry partitions edit %s -o COPY.bin %s", change,
               cli_shell_device(), options);
}

void doctor_words(struct doctor_words *w, const struct ferry_doctor *doc,
                  const struct ferry_finding *f)
{
    memset(w, 0, sizeof(*w));
    if (device_words(w, doc, f) || bootloader_words(w, doc, f) || doctor_words_table(w, doc, f) ||
        doctor_words_boot(w, doc, f))
        return;
    doctor_words_app(w, doc, f);
}
