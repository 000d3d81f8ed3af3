/* cli/progress.h - how far something is: a bar on a terminal, a few plain lines elsewhere. All of
 * it goes to stderr. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "output.h"

/** One thing in progress; the fields are its own. */
struct cli_progress {
    struct cli_output *out;
    const char *label; // kept
    bool is_terminal;
    bool is_shown; // a bar stands on the current line
    bool is_ended;
    uint32_t done_bytes, total_bytes;
    uint32_t from_bytes; // where it began; what was there before is not its speed
    int64_t began_ms, drawn_ms;
    uint32_t next_line_bytes; // plain lines: when the next one is due
};

/** Begins at from_bytes; total_bytes 0: not known. Shows nothing yet. */
void cli_progress_begin(struct cli_progress *p, struct cli_output *out, const char *label,
                        uint32_t from_bytes, uint32_t total_bytes);

/** So far. Cheap: draws at most ten times a second. */
void cli_progress_at(struct cli_progress *p, uint32_t done_bytes, uint32_t total_bytes);

/** Ends the line that a bar stands on, so that other text can follow; the bar comes back. */
void cli_progress_break(struct cli_progress *p);

/** Takes the bar off its line, so that other text can stand there; the bar comes back below. */
void cli_progress_wipe(struct cli_progress *p);

/** Draws the last state and ends the line, so that other text can follow. */
void cli_progress_end(struct cli_progress *p);

/** Milliseconds since it began. */
int64_t cli_progress_ms(const struct cli_progress *p);

#endif
