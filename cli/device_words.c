/* cli/device_words.c - a device's state in words. */
#include "device_words.h"

#include <stdio.h>
#include <string.h>

/** Length of the well-formed UTF-8 character at text that is no control code; 0 if it is none. */
static size_t character(const char *text)
{
    const unsigned char *t = (const unsigned char *)text;
    if (t[0] < 0x80)
        return t[0] >= ' ' && t[0] != 0x7f;
    const size_t n = t[0] >= 0xc2 && t[0] < 0xe0   ? 2
                     : t[0] >= 0xe0 && t[0] < 0xf0 ? 3
                     : t[0] >= 0xf0 && t[0] < 0xf5 ? 4
                                                   : 0;
    for (size_t i = 1; i < n; i++)
        if ((t[i] & 0xc0) != 0x80)
            return 0;
    const bool overlong = (t[0] == 0xe0 && t[1] < 0xa0) || (t[0] == 0xf0 && t[1] < 0x90);
    const bool outside = (t[0] == 0xed && t[1] > 0x9f) || (t[0] == 0xf4 && t[1] > 0x8f);
    const bool control = t[0] == 0xc2 && t[1] < 0xa0;
    return overlong || outside || control ? 0 : n;
}

const char *cli_printable(char *buf, size_t n, const char *text)
{
    size_t at = 0;
    while (*text) {
        const size_t len = character(text);
        if (at + (len ? len : 1) >= n)
            break;
        if (len)
            memcpy(buf + at, text, len);
        else
            buf[at] = '?';
        at += len ? len : 1;
        text += len ? len : 1;
    }
    buf[at] = '\0';
    return buf;
}

const char *cli_app_words(char *buf, size_t n, const struct ferry_app_desc *desc)
{
    char project[sizeof(desc->project)], version[sizeof(desc->version)];
    if (!*desc->project && !*desc->version) // MicroPython's own releases, for one
        snprintf(buf, n, "an unnamed app");
    else
        snprintf(buf, n, "%s %s", cli_printable(project, sizeof(project), desc->project),
                 cli_printable(version, sizeof(version), desc->version));
    return buf;
}

const char *cli_label(const struct ferry_vdevice *v, int slot, char buf[FERRY_LABEL_BYTES + 1])
{
    char raw[FERRY_LABEL_BYTES + 1];
    return cli_printable(buf, FERRY_LABEL_BYTES + 1, ferry_vdevice_label(v, slot, raw));
}

const char *cli_state_words(char *buf, size_t n, uint32_t state)
{
    const char *name = ferry_otadata_state_name(state);
    if (name)
        snprintf(buf, n, "%s", name);
    else
        snprintf(buf, n, "unknown state 0x%x", (unsigned)state);
    return buf;
}

bool cli_entry_is_blank(const struct ferry_otadata *e)
{
    uint8_t bytes[FERRY_OTADATA_BYTES];
    ferry_otadata_encode(e, bytes);
    for (size_t i = 0; i < sizeof(bytes); i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

int cli_entry_slot(const struct ferry_vdevice *v, const struct ferry_otadata *e)
{
    if (!ferry_otadata_names_slot(e) || !v->dev.n_slot_rows)
        return FERRY_SLOT_NONE;
    return (int)ferry_otadata_slot(e->seq, v->dev.n_slot_rows);
}

const char *cli_entry_words(char *buf, size_t n, const struct ferry_vdevice *v,
                            const struct ferry_otadata *e)
{
    char state[32], label[FERRY_LABEL_BYTES + 1];
    const int slot = cli_entry_slot(v, e);
    cli_state_words(state, sizeof(state), e->state);
    if (cli_entry_is_blank(e)) {
        snprintf(buf, n, "blank");
    } else if (!ferry_otadata_names_slot(e)) {
        snprintf(buf, n, "not usable: sequence number %s with CRC %08x instead of %08x",
                 cli_thousands(e->seq), (unsigned)e->crc, (unsigned)ferry_otadata_crc(e->seq));
    } else if (slot == FERRY_SLOT_NONE) {
        snprintf(buf, n, "sequence number %s, %s; there is no slot to name", cli_thousands(e->seq),
                 state);
    } else {
        cli_label(v, slot, label);
        snprintf(buf, n, "%s, %s (sequence number %s)", label, state, cli_thousands(e->seq));
    }
    return buf;
}

static void active_words(char *buf, size_t n, const struct ferry_vdevice *v,
                         const struct ferry_otadata entries[2])
{
    char state[32];
    int active = -1;
    // With anti-rollback the one with the higher number may be too old; the decision knows best.
    active = ferry_otadata_active(entries);
    if (active < 0) {
        snprintf(buf, n, "otadata names it");
        return;
    }
    const struct ferry_otadata *e = &entries[active];
    const bool confirms = e->state == FERRY_STATE_NEW && v->policy.rollback;
    snprintf(buf, n, "otadata entry %d is active (sequence number %s, %s)%s", active,
             cli_thousands(e->seq), cli_state_words(state, sizeof(state), e->state),
             confirms ? "; the app must confirm itself, or the next reset goes back" : "");
}

const char *cli_why_words(char *buf, size_t n, const struct ferry_vdevice *v,
                          enum ferry_boot_why why, const struct ferry_otadata entries[2])
{
    static const char *const words[] = {
        [FERRY_BOOT_NO_OTADATA] = "the table has no otadata partition, so it is the factory app",
        [FERRY_BOOT_OTADATA_UNUSABLE] =
            "otadata is too small or cannot be read, so the bootloader gives up",
        [FERRY_BOOT_BLANK_FACTORY] = "no otadata entry selects a slot, so it is the factory app",
        [FERRY_BOOT_BLANK_FIRST_SLOT] =
            "no otadata entry selects a slot and there is no factory app, so it is the first slot",
        [FERRY_BOOT_NO_SLOTS] = "the table has no OTA slot, so it is the factory app",
        [FERRY_BOOT_NO_ACTIVE] =
            "no otadata entry is valid, so the factory app comes first, then the slots",
        [FERRY_BOOT_TEST_HELD] = "the test-app pin is held",
        [FERRY_BOOT_TEST_MISSING] = "the test-app pin is held, but there is no test app",
    };
    if (why == FERRY_BOOT_ACTIVE)
        active_words(buf, n, v, entries);
    else
        snprintf(buf, n, "%s", words[why]);
    return buf;
}

const char *cli_try_words(char *buf, size_t n, const struct ferry_vdevice *v, int slot,
                          const struct ferry_fault *fault)
{
    char label[FERRY_LABEL_BYTES + 1], file[64];
    cli_label(v, slot, label);
    if (fault->err == FERRY_ERR_IMAGE_MAGIC && fault->value == 0xff) {
        snprintf(buf, n, "%s is empty", label); // erased flash, not a bad image
        return buf;
    }
    snprintf(file, sizeof(file), "the image in %s", label);
    return ferry_sentence(buf, n, fault, &(struct ferry_about){.file = file, .slot = label});
}

/** Adds to the text in buf. */
__attribute__((format(printf, 3, 4))) static void add(char *buf, size_t n, const char *fmt, ...)
{
    va_list ap;
    const size_t at = strlen(buf);
    va_start(ap, fmt);
    vsnprintf(buf + at, n - at, fmt, ap);
    va_end(ap);
}

/** An entry that is PENDING when power comes back has failed its test. */
static void aborted_words(char *buf, size_t n, const struct ferry_vdevice *v,
                          const struct ferry_otadata entries[2])
{
    for (int i = 0; v->policy.rollback && i < 2; i++) {
        const int slot = cli_entry_slot(v, &entries[i]);
        if (entries[i].state != FERRY_STATE_PENDING || slot == FERRY_SLOT_NONE)
            continue;
        char label[FERRY_LABEL_BYTES + 1];
        cli_label(v, slot, label);
        add(buf, n, "%s was started but never confirmed, so a reset aborts it; ", label);
    }
}

const char *cli_next_words(char *buf, size_t n, const struct ferry_vdevice *v,
                           const struct ferry_boot_preview *p)
{
    buf[0] = '\0';
    if (p->has_entries)
        aborted_words(buf, n, v, p->entries);
    // In the decision's entries a NEW one has become PENDING; people know it as new.
    struct ferry_otadata entries[2] = {p->boot.entries[0], p->boot.entries[1]};
    for (int i = 0; i < 2; i++)
        if (p->entries[i].state == FERRY_STATE_NEW)
            entries[i].state = FERRY_STATE_NEW;
    const size_t at = strlen(buf);
    cli_why_words(buf + at, n - at, v, p->boot.why, entries);
    for (int i = 0; i < p->n_tried; i++) {
        char why[FERRY_SENTENCE_BYTES];
        if (p->results[i].err)
            add(buf, n, "; but %s",
                cli_try_words(why, sizeof(why), v, p->tried[i], &p->results[i]));
    }
    if (p->n_tried > 1 && p->booted != FERRY_SLOT_NONE)
        add(buf, n, "; so the bootloader goes on to the next app that does");
    if (p->booted == FERRY_SLOT_NONE && !p->n_tried)
        add(buf, n, "; and there is no app to try");
    return buf;
}

const char *cli_running_words(enum ferry_running_by by)
{
    switch (by) {
    case FERRY_RUNNING_UNKNOWN:
        return "not switched on yet, or nothing boots";
    case FERRY_RUNNING_STORED:
        return "";
    case FERRY_RUNNING_GIVEN:
        return "as given with --running";
    case FERRY_RUNNING_ACTIVE:
        return "worked out: its otadata entry is the active one";
    case FERRY_RUNNING_OTHER:
        return "worked out: the active otadata entry is new, so its app has not run yet";
    case FERRY_RUNNING_FALLBACK:
        return "worked out: what otadata names does not boot, this is what does";
    case FERRY_RUNNING_ONLY_BOOT:
        return "worked out: no otadata entry is active, this is what boots";
    }
    return "";
}

const char *cli_unknown_words(const struct ferry_vdevice *v)
{
    return v->is_dir ? "switch the device on first, with 'ferry device boot'"
                     : "name it with --running";
}

void cli_json_slot(cJSON *object, const char *key, const struct ferry_vdevice *v, int slot)
{
    char label[FERRY_LABEL_BYTES + 1];
    if (slot == FERRY_SLOT_NONE || !ferry_device_span(&v->dev, slot).size_bytes) {
        cJSON_AddNullToObject(object, key);
        return;
    }
    cli_label(v, slot, label);
    cJSON_AddStringToObject(object, key, label);
}

void cli_say_next(const struct cli_call *call, struct ferry_vdevice *v)
{
    struct ferry_boot_preview p;
    char why[CLI_WORDS_BYTES], label[FERRY_LABEL_BYTES + 1];
    ferry_boot_preview(&v->dev, &p);
    cli_next_words(why, sizeof(why), v, &p);
    cli_json_slot(cli_json(call->out), "next", v, p.booted);
    cJSON_AddStringToObject(cli_json(call->out), "next_why", why);
    if (p.booted == FERRY_SLOT_NONE) {
        cli_text(call->out, "Nothing boots next: %s.\n", why);
        return;
    }
    cli_label(v, p.booted, label);
    cli_text(call->out, "%s boots next: %s.\n", label, why);
}
