/* compat/esp-idf/reflasher_private.h - one handle of esp_self_reflasher_*: its region, its staging
 * area, and the plan of ferry/reflash.h that each copy is. self_reflasher.c is the API,
 * reflasher_plan.c the plan, reflasher_journal.c where its journal lies. */
#ifndef REFLASHER_PRIVATE_H
#define REFLASHER_PRIVATE_H

#include "compat_private.h"
#include "ferry/reflash.h"
#include "self_reflasher.h"

#define REFLASHER_TAG "self_reflasher"
#define SECTOR_BYTES  FERRY_JOURNAL_BYTES

/** The chip's flash with one sector more behind its end, which is memory: the journal of devices
 * that have no free sector. A plan runs over it like any other, but nothing is left to resume. */
struct reflasher_flash {
    struct ferry_flash flash;
    const struct ferry_flash *chip;
    uint8_t sector[SECTOR_BYTES];
};

struct reflasher {
    struct reflasher *next;
    const esp_http_client_config_t *http_config;
    struct ferry_span dest;
    struct ferry_span area; // size 0: none
    bool area_is_open;
    bool has_content; // the plan has its step
    bool remembers;   // the journal is in flash
    struct reflasher_flash flash;
    struct ferry_reflash r;
    struct ferry_stage stage;
    struct ferry_reflash_site site;
    struct ferry_reflash_bench bench;
    uint8_t work[FERRY_REFLASH_WORK_BYTES(SECTOR_BYTES)];
};

/** Where the journal of a plan for this destination lies: in flash if its sector belongs to nobody.
 * Sets f->remembers. */
struct ferry_region reflasher_journal(struct reflasher *f);

/** Begins an empty plan, after finishing one that waits from before. */
ferry_err reflasher_open_plan(struct reflasher *f);

/** What a content that begins with these bytes is to be, by where it goes: only kind, flags and
 * destination are set. */
struct ferry_step reflasher_step(const struct reflasher *f, const uint8_t *head, size_t n);

/** Whether the content behind which the first plan step stands begins as its place demands, beyond
 * what the step's kind already says: a bootloader, also as the front of more. */
bool reflasher_front_ok(const struct reflasher *f);

/** Checks the plan and carries it out. */
ferry_err reflasher_carry_out(struct reflasher *f);

/** Says why in the log, and gives Espressif's number for it. */
esp_err_t reflasher_fail(ferry_err err, const struct ferry_fault *fault);

#endif
