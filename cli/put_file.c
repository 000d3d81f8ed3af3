/* cli/put_file.c - standard output is written as the stream it is: its name in /dev may stand for a
 * plain file, which must be written to where the stream stands, neither replaced nor cut. */
#include "put_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_is_stdout(const char *path)
{
    struct stat named, out;
    return !strcmp(path, "-") ||
           (stat(path, &named) == 0 && fstat(STDOUT_FILENO, &out) == 0 &&
            named.st_dev == out.st_dev && named.st_ino == out.st_ino && !S_ISCHR(out.st_mode)) ||
           !strcmp(path, "/dev/stdout");
}

static int fail(const struct cli_call *call, ferry_err err, const char *path, int os_errno)
{
    return cli_fail_err(
        call->out, err,
        &(struct ferry_about){.file = path, .detail = os_errno ? strerror(os_errno) : NULL});
}

int cli_put_pieces(const struct cli_call *call, const char *path, struct ferry_pieces *pieces)
{
    int os_errno = 0;
    if (!cli_is_stdout(path)) {
        const ferry_err err = ferry_write_pieces(path, pieces, &os_errno);
        return err ? fail(call, err, path, os_errno) : CLI_EXIT_OK;
    }
    if (call->out->json)
        return cli_usage(call, "the bytes and --json both want standard output; name a file");
    call->out->is_taken = true;
    errno = 0;
    ferry_err err = fflush(stdout) ? FERRY_ERR_FILE_WRITE : FERRY_OK;
    os_errno = errno;
    if (!err)
        err = ferry_write_stream(STDOUT_FILENO, pieces, &os_errno);
    return err ? fail(call, err, "standard output", os_errno) : CLI_EXIT_OK;
}

int cli_put_file(const struct cli_call *call, const char *path, const void *bytes, size_t n_bytes)
{
    struct ferry_whole whole;
    return cli_put_pieces(call, path, ferry_pieces_of(&whole, bytes, n_bytes));
}
