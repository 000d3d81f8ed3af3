/* agent/start.h - what the updater knows when it starts: why the chip was reset, what it noted in
 * memory that a reset spares, and from both, how the application fared.
 * The port gives the reset's reason and the RTC's time, and lends memory that survives every reset
 * but a loss of power (RTC memory on a chip, a file on a virtual device). */
#ifndef FERRY_START_H
#define FERRY_START_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ferry_reset {
    FERRY_RESET_POWER_ON,
    FERRY_RESET_SOFTWARE,
    FERRY_RESET_PANIC,
    FERRY_RESET_WATCHDOG,
    FERRY_RESET_BROWN_OUT,
    FERRY_RESET_DEEP_SLEEP,
    FERRY_RESET_OTHER, // a pin, a debugger
};

/** "power-on", "software", "panic", "watchdog", "brown-out", "deep sleep", "other". */
const char *ferry_reset_name(enum ferry_reset reset);

/** A start, as the port sees it. */
struct ferry_start {
    enum ferry_reset reset;
    uint64_t rtc_s;    // seconds on a clock that resets and deep sleep leave running
    bool is_said_well; // the application left word that it is well; false: it never says
};

/** What is noted between starts. Plain numbers, so that any port can keep them; the last one is a
 * CRC, and notes that do not fit it are as lost. */
struct ferry_rtc_notes {
    uint32_t format;
    uint32_t is_armed;  // the application was started, or is about to be
    uint64_t armed_s;   // when
    uint64_t checked_s; // the server was last asked
    uint32_t n_starts;  // of the application since then
    uint32_t n_crashes; // of the application in a row
    uint32_t poll_s;    // what the server wants between questions; 0: not said
    uint32_t wear;      // erases of otadata that the store does not count yet
    uint64_t saved_s;   // the store was last brought up to date
    uint32_t reported;  // CRC of the last report that was delivered; 0: none
    uint32_t n_rests;   // pauses in a row without an application
    uint32_t crc;
};

/** True if the notes are whole; else *n is as new. */
bool ferry_rtc_open(struct ferry_rtc_notes *n);

/** To be called after every change. */
void ferry_rtc_seal(struct ferry_rtc_notes *n);

enum ferry_run {
    FERRY_RUN_NONE, // the application did not run since the updater did
    FERRY_RUN_WELL,
    FERRY_RUN_CRASHED, // by its reset's reason, or back within crash_s
};

/** How the application's run ended. has_notes: ferry_rtc_open found them. was_started: otadata says
 * that it ran, which is all that is known after a loss of power. */
enum ferry_run ferry_run_judge(const struct ferry_start *s, const struct ferry_rtc_notes *n,
                               bool has_notes, bool was_started, uint32_t crash_s);

#ifdef __cplusplus
}
#endif
#endif
