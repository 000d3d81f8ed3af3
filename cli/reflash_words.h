/* cli/reflash_words.h - a reflash, told: its steps, its cost, its dangers, how far it is. */
#ifndef CLI_REFLASH_WORDS_H
#define CLI_REFLASH_WORDS_H

#include "reflash_job.h"

/** Prints the plan that was checked and adds it to the JSON object. */
void reflash_say_plan(struct reflash_job *job);

/** Prints what the journal holds and how far it is, and adds it to the JSON object. */
void reflash_say_status(struct reflash_job *job);

/** "1.3 s", "45 ms". */
const char *reflash_time_words(char buf[24], uint32_t ms);

/** "app ota_0 at 0x150000": a step for a sentence. */
const char *reflash_step_words(const struct reflash_job *job, const struct ferry_step *step,
                               char *buf, size_t n);

/** The name of a journal's state for JSON: "none", "unfinished", "finished", "abandoned". */
const char *reflash_state_name(uint8_t state);

#endif
