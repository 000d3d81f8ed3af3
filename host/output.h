/* host/output.h - what a command says: text or one JSON object, and errors as sentences.
 * A command fills cli_json(out) and prints with cli_text in any case; which of the two the user
 * sees is settled here. Errors go to stderr and, with --json, into the object as well. */
#ifndef HOST_OUTPUT_H
#define HOST_OUTPUT_H

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdbool.h>

#include "ferry/err.h"
#include "sentence.h"

struct cli_output {
    bool json;       // --json
    bool colour;     // on stdout
    bool colour_err; // on stderr
    bool utf8;       // the locale can show line drawing
    bool is_taken;   // stdout carries a file's bytes, so no text goes there
    cJSON *root;
};

enum cli_colour { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_GOOD, CLI_WARN, CLI_BAD };

/** Looks at the terminal, NO_COLOR and the locale. Ends the program if memory runs out, then and
 * later: a tool that cannot even make its answer has nothing better to do. */
void cli_output_open(struct cli_output *out);
void cli_output_close(struct cli_output *out);

/** Prints to stdout; nothing with --json. */
__attribute__((format(printf, 2, 3))) void cli_text(struct cli_output *out, const char *fmt, ...);

/** Prints a line to stderr, the program's name in front: something to know that is no failure. */
__attribute__((format(printf, 2, 3))) void cli_warn(struct cli_output *out, const char *fmt, ...);

/** Prints to stderr as it is: stages and remarks while something goes on. */
__attribute__((format(printf, 2, 3))) void cli_note(struct cli_output *out, const char *fmt, ...);

/** The object that --json prints; the command adds its keys. "ok" and the error's keys are added
 * here. Owned by out. */
cJSON *cli_json(struct cli_output *out);

/** The terminal's code for a colour on stdout, or "". */
const char *cli_colour(const struct cli_output *out, enum cli_colour colour);

/** Ends a command that did what was asked: returns CLI_EXIT_OK. */
int cli_done(struct cli_output *out);

/** Ends a command that was refused or failed: the sentence for the fault, in the words of
 * `about` (may be NULL). Returns CLI_EXIT_FAILED. */
int cli_fail(struct cli_output *out, const struct ferry_fault *fault,
             const struct ferry_about *about);

/** The same for an error with nothing to add. */
int cli_fail_err(struct cli_output *out, ferry_err err, const struct ferry_about *about);

/** The same for a reason that the error list's sentence cannot say: own words. */
__attribute__((format(printf, 3, 4))) int cli_fail_text(struct cli_output *out, ferry_err err,
                                                        const char *fmt, ...);

/** Puts a complaint about usage where it belongs; used by cli_usage. */
void cli_output_usage(struct cli_output *out, const char *sentence);

/** Prints the object if --json asks for it; called once, by main, after the command. */
void cli_output_flush(struct cli_output *out);

/** n with thousands separators, in one of eight static buffers taken in turn. */
const char *cli_thousands(uint64_t n);

/** Prints text and ends the line, in lines of at most 80 columns, fewer on a narrower terminal,
 * broken between words. indent: columns before each line; the first has them already. */
void cli_wrapped(struct cli_output *out, unsigned indent, const char *text);

#endif
