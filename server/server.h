/* server/server.h - what the parts of ferryd share: the state folder, settings, the open keys.
 * Filled by service.c from the configuration (config.h) before the first listener opens; after that
 * threads only read it, but for what has its own lock. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "config.h"

struct ca;      // ca.h: the issuing authority
struct metrics; // metrics.h
struct limits;  // rate_limits.h: rates per address, token and device
struct listeners;
struct thread_db;    // thread_db.h: the threads' connections to the database
struct blob_map;     // blob_map.h: firmware in memory
struct client_certs; // client_cert.h: verdicts on what clients showed
struct tcp_door;     // tcp_door.h: NULL if closed

struct server {
    struct config config;
    int dir_fd;   // the state folder
    int blobs_fd; // its blobs/
    struct ca *ca;
    struct metrics *metrics;
    struct limits *limits;
    struct listeners *listeners;
    struct thread_db *db;
    struct blob_map *blobs;
    struct client_certs *client_certs;
    struct tcp_door *tcp;
};

#endif
