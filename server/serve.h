/* server/serve.h - a running server: everything opened, in the order in which it needs each other.
 */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "server.h"

#define SERVE_WHY_BYTES 512u

/** Opens the state folder, database, authority and doors. s->config is set already, the rest zero.
 * False: why, and nothing is to be closed. */
bool serve_open(struct server *s, const char *dir, char why[SERVE_WHY_BYTES]);

/** Waits for signals: SIGHUP reads settings, certificates and authority again; SIGTERM and SIGINT
 * end it, once running answers are done or stop_seconds are over. Those signals are blocked in
 * every thread since serve_block. */
void serve_run(struct server *s, const char *dir);
void serve_block(void);

void serve_close(struct server *s);

#endif
