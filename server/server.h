/* server/server.h - what the parts of ferryd share: the state folder, settings, the open keys.
 * Filled by serve.c from the configuration (config.h) before the first listener opens; after that
 * threads only read it, but for what has its own lock. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "config.h"

struct ca;      // ca.h: the issuing authority
struct metrics; // metrics.h
struct limits;  // limits.h: rates per address, token and device
struct listeners;

struct server {
    struct config config;
    int dir_fd;   // the state folder
    int blobs_fd; // its blobs/
    struct ca *ca;
    struct metrics *metrics;
    struct limits *limits;
    struct listeners *listeners;
};

#endif
