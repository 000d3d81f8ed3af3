/* cli/serve_pages.h - what `ferry serve` makes up itself: lists of folders and manifests of images.
 * Names of files are somebody's: escaped in HTML, in JSON and in links. */
#ifndef CLI_SERVE_PAGES_H
#define CLI_SERVE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "strbuf.h"

/** Lists the folder that fd stands for (kept open), sorted, with what serve_path_open would open in
 * it. path: its decoded path, "" or ending in a slash. False: it cannot be read. */
bool serve_list(int fd, const char *root, const char *path, bool is_json, struct ferry_strbuf *out);

/** Writes the manifest of the file that fd stands for (kept open), which lies beside it as name.
 * False: it is no application image, or cannot be read. */
bool serve_manifest(int fd, const char *name, struct ferry_strbuf *out);

#endif
