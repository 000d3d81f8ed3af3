/* ports/posix/tcp_socket.h - the TCP transport over sockets. Keeps the contract of agent/tcp.h. */
#ifndef FERRY_TCP_SOCKET_H
#define FERRY_TCP_SOCKET_H

#include "agent/tcp.h"

/** `tcp` is what a source gets. Caller-owned; holds nothing while no connection is open. */
struct ferry_tcp_socket {
    struct ferry_tcp tcp; // first
    int fd;
};

void ferry_tcp_socket_init(struct ferry_tcp_socket *s);

#endif
