/* agent/start.c - how the application fared, from outside signs. */
#include "agent/start.h"

#include <stddef.h>
#include <string.h>

#include "ferry/crc32.h"

#define FORMAT 0x46525431u // "FRT1"

const char *ferry_reset_name(enum ferry_reset reset)
{
    static const char *const names[] = {"power-on",  "software",   "panic", "watchdog",
                                        "brown-out", "deep sleep", "other"};
    return names[reset];
}

static uint32_t crc_of(const struct ferry_rtc_notes *n)
{
    return ferry_crc32(0, n, offsetof(struct ferry_rtc_notes, crc));
}

bool ferry_rtc_open(struct ferry_rtc_notes *n)
{
    if (n->format == FORMAT && n->crc == crc_of(n))
        return true;
    memset(n, 0, sizeof *n);
    n->format = FORMAT;
    ferry_rtc_seal(n);
    return false;
}

void ferry_rtc_seal(struct ferry_rtc_notes *n)
{
    n->crc = crc_of(n);
}

enum ferry_run ferry_run_judge(const struct ferry_start *s, const struct ferry_rtc_notes *n,
                               bool has_notes, bool was_started, uint32_t crash_s)
{
    if (has_notes ? !n->is_armed : !was_started)
        return FERRY_RUN_NONE;
    switch (s->reset) {
    case FERRY_RESET_PANIC:
    case FERRY_RESET_WATCHDOG:
    case FERRY_RESET_BROWN_OUT:
        return FERRY_RUN_CRASHED;
    case FERRY_RESET_POWER_ON: // somebody pulled the plug, whenever that was
    case FERRY_RESET_DEEP_SLEEP:
        return FERRY_RUN_WELL;
    case FERRY_RESET_SOFTWARE:
    case FERRY_RESET_OTHER:
        break;
    }
    const bool is_early = has_notes && s->rtc_s >= n->armed_s && s->rtc_s - n->armed_s < crash_s;
    return is_early && !s->is_said_well ? FERRY_RUN_CRASHED : FERRY_RUN_WELL;
}
