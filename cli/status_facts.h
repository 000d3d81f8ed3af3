/* cli/status_facts.h - what `ferry status` shows: the facts of host/facts.h and the findings of
 * host/doctor.h; text, JSON and map are three views of them. Nothing is written. */
#ifndef CLI_STATUS_FACTS_H
#define CLI_STATUS_FACTS_H

#include "device_words.h"
#include "doctor.h"

/** Prints text or fills the JSON object. */
void status_print(struct cli_output *out, const struct ferry_doctor *doc);
void status_print_map(struct cli_output *out, const struct ferry_facts *f);
void status_put_json(cJSON *root, const struct ferry_doctor *doc);

#endif
