/* server/command_state.h - what most commands of ferryd begin with: the state folder named by their
 * first argument, its settings and its database; and the words that they share. */
#ifndef SERVER_COMMAND_STATE_H
#define SERVER_COMMAND_STATE_H

#include <stdint.h>

#include "admin.h"
#include "command.h"
#include "config.h"
#include "db.h"

/** An open state folder. */
struct command_state {
    struct cli_call *call;
    const char *dir;
    int dir_fd;
    struct config config;
    struct db *db; // NULL where the command asked for none
    int64_t now;   // Unix seconds, the same for all that the command does
};

/** Opens call->args[0]. CLI_EXIT_OK, or the exit code of a complaint that is said; close in any
 * case. */
int command_state_open(struct command_state *s, struct cli_call *call, bool with_db);

/** Closes; returns exit_code. */
int command_state_close(struct command_state *s, int exit_code);

/** Opens the state folder with its database, does the work, and closes: what most commands are.
 * work returns an exit code, and so does this. */
int command_state_run(struct cli_call *call, int (*work)(struct command_state *s));

/** Says that a call of the database failed. */
int command_state_db_failed(struct command_state *s, enum db_result result);

/** What admin_*.c needs of a command. */
struct admin command_state_admin(const struct command_state *s);

/** Says how something that admin_*.c did has ended; returns the exit code. Only for what was not
 * done. about, if not NULL, stands before the sentence: "FILE is refused". */
int command_state_admin_failed(struct command_state *s, const struct admin *a, const char *about);

#define COMMAND_TIME_BYTES 32u

/** Unix seconds as "2026-01-31 13:05 UTC"; 0 as "-". Returns out. */
const char *command_time(int64_t at, char out[COMMAND_TIME_BYTES]);

/** Reads a span as 90s, 30m, 24h or 7d, at most ten years. False: it is none. */
bool command_span(const char *text, int64_t *seconds);

#endif
