/* cli/put_file.h - a result into the file that -o or an argument names, or to standard output. */
#ifndef CLI_PUT_FILE_H
#define CLI_PUT_FILE_H

#include "command.h"

/** Writes all of it, to a file whole or not at all, to standard output where path is "-". Returns
 * CLI_EXIT_OK, or the exit code after complaining. */
int cli_put_file(const struct cli_call *call, const char *path, const void *bytes, size_t n_bytes);

#endif
