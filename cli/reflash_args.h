/* cli/reflash_args.h - the options of the `ferry reflash` commands. */
#ifndef CLI_REFLASH_ARGS_H
#define CLI_REFLASH_ARGS_H

#include "http_args.h"
#include "reflash_wish.h"
#include "sign_key.h"

extern const struct argp_option reflash_plan_options[];   // plan and run
extern const struct argp_option reflash_resume_options[]; // resume
extern const struct argp_option reflash_undo_options[];
extern const struct argp_option reflash_status_options[];

/** The command line, read; pointers go into argv or into this struct. */
struct reflash_args {
    struct reflash_wishes wishes;
    struct cli_http_args server;
    bool allow_dangerous;
    bool bootloader_resumes; // --resumes bootloader
    bool has_journal;
    uint32_t journal_off_bytes;
    uint32_t recovery_off_bytes; // 0: none
    bool has_key;
    struct ferry_sign_key key;
};

/** Reads the options, and argument 1 as a plan file if there is one. Returns CLI_EXIT_OK or the
 * exit code after complaining; *a is given back to reflash_args_free in any case. */
int reflash_read_args(const struct cli_call *call, struct reflash_args *a);

void reflash_args_free(struct reflash_args *a);

#endif
