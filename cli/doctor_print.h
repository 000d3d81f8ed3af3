/* cli/doctor_print.h - an examination on the screen: findings by danger, and what a repair would
 * change, in words. */
#ifndef CLI_DOCTOR_PRINT_H
#define CLI_DOCTOR_PRINT_H

#include "doctor_words.h"

/** A finding's repair, tried on a copy; ok where it may be offered. */
struct doctor_offer {
    enum ferry_repair repair;
    bool ok;
    struct ferry_fault fault; // why not
};

/** Prints what the device is, its findings and what of them can be repaired; adds "chip",
 * "bootloader", "next", "findings" to the JSON object. offers: one for each finding. */
void doctor_print(const struct cli_call *call, const struct ferry_doctor *doc,
                  const struct doctor_offer *offers);

/** Prints what a plan changes, sector by sector in words, and what boots before and after; adds
 * the same to `to`. */
void doctor_print_plan(const struct cli_call *call, const struct ferry_doctor *doc,
                       const struct ferry_cure *plan, cJSON *to);

#endif
