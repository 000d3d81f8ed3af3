/* server/state_file.h - small files of the state folder: read whole, written so that a cut leaves
 * the old one or the new one. Names are relative to an open folder, links are not followed, what is
 * written is for its owner alone: most of it is secret. */
#ifndef SERVER_STATE_FILE_H
#define SERVER_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "strbuf.h"

#define STATE_FILE_MOST (1u << 20)

/** Adds a file's bytes to out. False: errno says why; EFBIG over STATE_FILE_MOST. */
bool state_file_read(int dir_fd, const char *name, struct ferry_strbuf *out);

/** Writes a file of mode 0600 beside `name`, gives it to the folder's owner, syncs it, renames it
 * there and syncs the folder. False: errno says why, and `name` is as it was. */
bool state_file_write(int dir_fd, const char *name, const void *bytes, size_t n);

/** Gives what root has made to the owner of the folder it is in: a service runs as that user, and
 * its operator often as root. Nothing to do for others. False: errno says why. */
bool state_file_give(int fd, int dir_fd);

/** Writes all n bytes to what is open. False: errno says why, and some of them may be there. */
bool state_file_append(int fd, const void *bytes, size_t n);

/** Removes a folder that holds files only. True also if it is not there. */
bool state_folder_remove(int dir_fd, const char *name);

#endif
