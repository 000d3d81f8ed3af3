/* cli/put_file.h - a result into the file that -o or an argument names, or to standard output. */
#ifndef CLI_PUT_FILE_H
#define CLI_PUT_FILE_H

#include "command.h"
#include "write_file.h"

/** True if path is - or another name of what standard output goes to, such as /dev/stdout. */
bool cli_is_stdout(const char *path);

/** Writes all of it, to a file whole or not at all. Standard output is written as the stream it is,
 * and the command's text stays away from it then; with --json that is refused. Returns CLI_EXIT_OK,
 * or the exit code after complaining. */
int cli_put_file(const struct cli_call *call, const char *path, const void *bytes, size_t n_bytes);

/** The same for bytes that come in pieces. */
int cli_put_pieces(const struct cli_call *call, const char *path, struct ferry_pieces *pieces);

#endif
