/* agent/agent_report.c - what the server is told: JSON, written by hand because it is flat. */
#include "agent/agent_private.h"

#include <string.h>

#include "agent/handover.h"
#include "agent/text.h"
#include "ferry/crc32.h"

#define WEAR_LIFE 100000u // erases that NOR flash is good for

static void add(struct ferry_agent *a, const char *text)
{
    ferry_text_add(a->report, sizeof a->report, text);
}

static void add_key(struct ferry_agent *a, const char *key)
{
    add(a, a->report[1] ? ",\"" : "\"");
    add(a, key);
    add(a, "\":");
}

/* Control characters became question marks when the text was put together. */
static void add_text(struct ferry_agent *a, const char *key, const char *text)
{
    if (!text[0])
        return;
    add_key(a, key);
    add(a, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            add(a, "\\");
        ferry_text_add_n(a->report, sizeof a->report, text, 1);
    }
    add(a, "\"");
}

static void add_number(struct ferry_agent *a, const char *key, uint64_t n)
{
    add_key(a, key);
    ferry_text_add_number(a->report, sizeof a->report, n);
}

static void add_sha(struct ferry_agent *a, const uint8_t sha256[FERRY_SHA256_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * FERRY_SHA256_BYTES + 1] = "";
    for (size_t i = 0; i < FERRY_SHA256_BYTES; i++) {
        hex[2 * i] = digits[sha256[i] >> 4];
        hex[2 * i + 1] = digits[sha256[i] & 15];
    }
    add_text(a, "sha", hex);
}

static const char *lasting_state(const struct ferry_agent *a)
{
    if (!a->is_proved)
        return "no_rollback";
    if (!a->has_installed)
        return "idle";
    return a->has_confirmed && ferry_release_same(&a->confirmed, &a->installed) ? "confirmed"
                                                                                : "installed";
}

static void compose(struct ferry_agent *a)
{
    const struct ferry_device *d = a->config.device;
    int slot = FERRY_SLOT_NONE;
    a->report[0] = '\0';
    add(a, "{");
    add_text(a, "state", a->state[0] ? a->state : lasting_state(a));
    if (a->has_installed) {
        add_text(a, "version", a->installed.version);
        add_sha(a, a->installed.sha256);
    }
    add_text(a, "project", a->project);
    if (a->has_installed && a->installed.has_serial)
        add_number(a, "serial", a->installed.serial);
    add_text(a, "reason", a->reason);
    add_text(a, "chip", d->policy->chip ? d->policy->chip->name : "");
    if (!ferry_handover_spare(a->config.device, a->has_installed ? a->installed.slot : slot, &slot))
        add_number(a, "slot_bytes", ferry_device_span(d, slot).size_bytes);
    add_number(a, "wear_percent", (uint64_t)a->wear * 100 / WEAR_LIFE);
    add(a, "}");
}

bool ferry__agent_report(struct ferry_agent *a)
{
    struct ferry_rtc_notes *n = a->config.notes;
    const bool is_event = a->state[0] != '\0';
    compose(a);
    const uint32_t crc = ferry_crc32(0, a->report, strlen(a->report));
    if (!is_event && crc == n->reported)
        return false;
    if (ferry_client_report(&a->client, a->report)) {
        (void)ferry__agent_failed(a, &a->client.fault, a->client.detail);
        return false;
    }
    n->reported = crc;
    ferry_rtc_seal(n);
    if (is_event) {
        a->state[0] = a->reason[0] = '\0';
        const ferry_err err = a->config.store->ops->drop(a->config.store, "reason");
        if (err)
            (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "the reason");
    }
    ferry__agent_tell(a, FERRY_NEWS_REPORTED);
    return is_event;
}
