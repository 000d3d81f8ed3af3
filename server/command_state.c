/* server/command_state.c - opening, in the order in which an operator would look. */
#include "command_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SPAN_MOST_S (INT64_C(3650) * 86400)

static int open_db(struct command_state *s)
{
    char why[DB_DETAIL_BYTES];
    if (db_open(&s->db, s->config.database, why) != DB_OK)
        return cli_fail_text(s->call->out, FERRY_ERR_DATABASE, "the database cannot be opened: %s",
                             why);
    const enum db_result result = db_migrate(s->db);
    return result == DB_OK ? CLI_EXIT_OK : command_state_db_failed(s, result);
}

int command_state_open(struct command_state *s, struct cli_call *call, bool with_db)
{
    char why[CONFIG_WHY_BYTES];
    *s = (struct command_state){.call = call, .dir = call->args[0], .now = time(NULL)};
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0)
        return cli_fail_text(call->out, FERRY_ERR_SERVER_STATE, "%s: %s", s->dir, strerror(errno));
    if (faccessat(s->dir_fd, "ferryd.conf", F_OK, 0) != 0)
        return cli_fail_text(call->out, FERRY_ERR_SERVER_STATE,
                             "%s has no ferryd.conf: `ferryd init DIR` makes a state folder",
                             s->dir);
    if (!config_load(&s->config, s->dir, why))
        return cli_fail_text(call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    return with_db ? open_db(s) : CLI_EXIT_OK;
}

int command_state_close(struct command_state *s, int exit_code)
{
    if (s->db)
        db_close(s->db);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    return exit_code;
}

int command_state_run(struct cli_call *call, int (*work)(struct command_state *s))
{
    struct command_state s;
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? work(&s) : exit_code);
}

int command_state_db_failed(struct command_state *s, enum db_result result)
{
    return cli_fail_text(s->call->out, FERRY_ERR_DATABASE, "%s: %s",
                         result == DB_GONE    ? "the database is away"
                         : result == DB_RETRY ? "the database is too busy"
                                              : "the database refused",
                         s->db->detail);
}

struct admin command_state_admin(const struct command_state *s)
{
    return (struct admin){.db = s->db, .actor = "command line", .now = s->now};
}

static ferry_err err_of(enum admin_code code)
{
    switch (code) {
    case ADMIN_NOT_FOUND:
        return FERRY_ERR_NOT_FOUND;
    case ADMIN_TAKEN:
        return FERRY_ERR_ARG;
    case ADMIN_REFUSED:
        return FERRY_ERR_RELEASE_REFUSED;
    case ADMIN_NO_FILE:
        return FERRY_ERR_SERVER_STATE;
    default:
        return FERRY_ERR_DATABASE;
    }
}

int command_state_admin_failed(struct command_state *s, const struct admin *a, const char *about)
{
    if (a->code == ADMIN_MISUSED)
        return cli_usage(s->call, "%s", a->why);
    return cli_fail_text(s->call->out, err_of(a->code), "%s%s%s", about ? about : "",
                         about ? ": " : "", a->why);
}

const char *command_time(int64_t at, char out[COMMAND_TIME_BYTES])
{
    struct tm tm;
    const time_t t = (time_t)at;
    if (!at || !gmtime_r(&t, &tm) || !strftime(out, COMMAND_TIME_BYTES, "%Y-%m-%d %H:%M UTC", &tm))
        snprintf(out, COMMAND_TIME_BYTES, "-");
    return out;
}

bool command_span(const char *text, int64_t *seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    errno = 0;
    const long long n = strtoll(text, &end, 10);
    if (errno || end == text || n < 1 || !*end || end[1])
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (*end == units[i].unit && n <= SPAN_MOST_S / units[i].seconds) {
            *seconds = n * units[i].seconds;
            return true;
        }
    return false;
}
