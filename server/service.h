/* server/service.h - a running server: everything opened, in the order in which it needs each
 * other.
 */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "server.h"

#define SERVICE_WHY_BYTES 512u

/** Opens the state folder, database, authority and doors. s->config is set already, the rest zero.
 * False: why, and nothing is to be closed. */
bool service_open(struct server *s, const char *dir, char why[SERVICE_WHY_BYTES]);

/** Waits for signals: SIGHUP reads settings, certificates and authority again; SIGTERM and SIGINT
 * end it, once running answers are done or stop_seconds are over. Those signals are blocked in
 * every thread since service_block. */
void service_run(struct server *s, const char *dir);
void service_block(void);

void service_close(struct server *s);

#endif
