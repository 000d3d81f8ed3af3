/* ports/posix/keeper_file.h - the keeper that keeps a checkpoint in a file.
 * Whole or not at all: a new note is written beside the old one and takes its place. */
#ifndef FERRY_KEEPER_FILE_H
#define FERRY_KEEPER_FILE_H

#include "agent/keeper.h"

struct ferry_keeper_file {
    struct ferry_keeper keeper; // first: a pointer to it is a pointer to the whole
    const char *path;
    int os_errno; // why the last save or drop failed
};

/** Makes a keeper of the file at path, which is kept and need not exist. Its calls fail with
 * FERRY_ERR_FILE_READ, FERRY_ERR_FILE_WRITE. */
void ferry_keeper_file_init(struct ferry_keeper_file *k, const char *path);

#endif
