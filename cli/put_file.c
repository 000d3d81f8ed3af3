/* cli/put_file.c - standard output is written as the stream it is: its name in /dev may stand for a
 * plain file, which must be written to, not replaced. */
#include "put_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "write_file.h"

int cli_put_file(const struct cli_call *call, const char *path, const void *bytes, size_t n_bytes)
{
    int os_errno = 0;
    ferry_err err = FERRY_OK;
    const bool is_stdout = !strcmp(path, "-");
    if (!is_stdout)
        err = ferry_write_file(path, bytes, n_bytes, &os_errno);
    else if (fwrite(bytes, 1, n_bytes, stdout) != n_bytes || fflush(stdout) != 0) {
        os_errno = errno;
        err = FERRY_ERR_FILE_WRITE;
    }
    if (!err)
        return CLI_EXIT_OK;
    return cli_fail_err(call->out, err,
                        &(struct ferry_about){.file = is_stdout ? "standard output" : path,
                                              .detail = os_errno ? strerror(os_errno) : NULL});
}
