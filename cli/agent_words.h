/* cli/agent_words.h - what the agent does, told line by line, for `ferry enroll` and `ferry agent`.
 */
#ifndef CLI_AGENT_WORDS_H
#define CLI_AGENT_WORDS_H

#include "command.h"
#include "vagent.h"
#include "vdevice.h"

/** Who listens: prints, and gathers the same lines for --json. */
struct cli_agent_words {
    const struct cli_call *call;
    const struct ferry_vdevice *v;
    cJSON *log;                      // array of lines
    const struct ferry_agent *agent; // whose download it is; NULL: there is none
};

/** One line, to stdout and into the log. */
__attribute__((format(printf, 2, 3))) void cli_agent_say(struct cli_agent_words *w, const char *fmt,
                                                         ...);

/** For struct ferry_vagent_start. ctx: struct cli_agent_words. */
void cli_agent_news(void *ctx, enum ferry_agent_news news, const struct ferry_agent *a);
struct ferry_update_events cli_agent_events(struct cli_agent_words *w);

/** A release as object in parent under key: version, serial, sha, slot. */
void cli_agent_json_release(cJSON *parent, const char *key, const struct ferry_vdevice *v,
                            const struct ferry_release *r);

/** Reports why something about the server failed; returns CLI_EXIT_FAILED. */
int cli_agent_fail(const struct cli_call *call, const struct ferry_fault *fault, const char *server,
                   const char *detail);

#endif
