/* cli/serve_path.h - from the path of a request to a file under the served folder, and nowhere
 * else. The text is hostile input: decoded once, strictly, and refused rather than repaired. A
 * symbolic link is followed as far as it stays in the folder. */
#ifndef CLI_SERVE_PATH_H
#define CLI_SERVE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define SERVE_PATH_BYTES 1024u

/** Decodes "/a/b%20c" into "a/b c"; "/" and "/a/" end in a slash or are empty. False: not such a
 * path, or one with a hidden name (".git"), "..", an empty name, a backslash, a control character,
 * a wrong %-escape, or longer than out. */
bool serve_path_decode(const char *raw, char out[SERVE_PATH_BYTES]);

/** Opens what a decoded path names, for reading. Returns its descriptor, or -1: not there, neither
 * file nor folder, or behind a link out of the root or to a hidden name. */
int serve_path_open(int root_fd, const char *root, const char *path, struct stat *st);

/** The other way: writes name with everything escaped that is not plain in a URL. out is 3 * n + 1
 * bytes large. */
void serve_path_encode(const char *name, char *out);

#endif
