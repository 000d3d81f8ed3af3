/* bench/load_server.c - many clients of an update server: a thread each, blocking, over OpenSSL.
 * For scripts/bench_server.py, which starts the servers and looks at what they use.
 *     load_server MODE PORT CERT KEY PATH CLIENTS SECONDS
 * MODE: polls (one connection each, requests one after another), fresh (a connection and a full
 * handshake for each request), resumed (the same with the ticket of the last one), idle (holds the
 * connections after one request). Prints requests, bytes of bodies, failures and seconds as JSON.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES  65536
#define CLIENTS_MOST 4000

static SSL_CTX *context;
static uint16_t port;
static char request[1024];
static const char *mode;
static double ends;
static atomic_ullong n_requests, n_bytes, n_failures;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/** A connection after its handshake; NULL: failed. */
static SSL *open_connection(SSL_SESSION *session)
{
    static const int on = 1;
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    SSL *const ssl = SSL_new(context);
    if (ssl && !connect(fd, (const struct sockaddr *)&to, sizeof(to))) {
        SSL_set_fd(ssl, fd);
        if (session)
            SSL_set_session(ssl, session);
        if (SSL_connect(ssl) == 1)
            return ssl;
    }
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static void close_connection(SSL *ssl)
{
    const int fd = ssl ? SSL_get_fd(ssl) : -1;
    SSL_free(ssl);
    if (fd >= 0)
        close(fd);
}

/** Reads a number that a header has; 0 if there is none. */
static unsigned long long length_of(const char *head)
{
    const char *const field = strcasestr(head, "\r\nContent-Length:");
    return field ? strtoull(field + 17, NULL, 10) : 0;
}

/** One request and its whole answer. */
static bool exchange(SSL *ssl, char *buffer)
{
    if (SSL_write(ssl, request, (int)strlen(request)) <= 0)
        return false;
    int n = 0;
    char *end = NULL;
    while (!end) {
        const int got = n < PIECE_BYTES - 1 ? SSL_read(ssl, buffer + n, PIECE_BYTES - 1 - n) : 0;
        if (got <= 0)
            return false;
        n += got;
        buffer[n] = '\0';
        end = strstr(buffer, "\r\n\r\n");
    }
    if (strncmp(buffer, "HTTP/1.1 20", 11) != 0)
        return false;
    const unsigned long long length = length_of(buffer);
    unsigned long long have = (unsigned long long)(buffer + n - (end + 4));
    while (have < length) {
        const int got = SSL_read(ssl, buffer, PIECE_BYTES);
        if (got <= 0)
            return false;
        have += (unsigned long long)got;
    }
    n_bytes += length;
    n_requests++;
    return true;
}

static void poll_on_one(char *buffer)
{
    SSL *ssl = NULL;
    while (now() < ends) {
        if (!ssl)
            ssl = open_connection(NULL);
        if (ssl && exchange(ssl, buffer))
            continue;
        n_failures++;
        close_connection(ssl);
        ssl = NULL;
    }
    close_connection(ssl);
}

static void poll_on_new(char *buffer, bool resumes)
{
    SSL_SESSION *session = NULL;
    while (now() < ends) {
        SSL *const ssl = open_connection(session);
        if (!ssl || !exchange(ssl, buffer))
            n_failures++;
        if (ssl && resumes) {
            SSL_SESSION_free(session);
            session = SSL_get1_session(ssl);
            SSL_shutdown(ssl); // a session that ended badly is not resumed
        }
        close_connection(ssl);
    }
    SSL_SESSION_free(session);
}

static void hold(char *buffer)
{
    SSL *const ssl = open_connection(NULL);
    if (!ssl || !exchange(ssl, buffer))
        n_failures++;
    while (now() < ends)
        usleep(50000);
    close_connection(ssl);
}

static void *client(void *ctx)
{
    (void)ctx;
    char *const buffer = malloc(PIECE_BYTES + 1);
    if (buffer && !strcmp(mode, "polls"))
        poll_on_one(buffer);
    else if (buffer && !strcmp(mode, "idle"))
        hold(buffer);
    else if (buffer)
        poll_on_new(buffer, !strcmp(mode, "resumed"));
    free(buffer);
    return NULL;
}

static int usage(void)
{
    fputs("usage: load_server polls|fresh|resumed|idle PORT CERT KEY PATH CLIENTS SECONDS\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static pthread_t threads[CLIENTS_MOST];
    pthread_attr_t attr;
    const int n_clients = argc == 8 ? atoi(argv[6]) : 0;
    const double seconds = argc == 8 ? atof(argv[7]) : 0;
    if (n_clients < 1 || n_clients > CLIENTS_MOST || seconds <= 0)
        return usage();
    mode = argv[1];
    port = (uint16_t)atoi(argv[2]);
    context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_use_certificate_chain_file(context, argv[3]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1) {
        fputs("load_server: the certificate or its key cannot be read\n", stderr);
        return 1;
    }
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[5]);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 262144);
    const double begins = now();
    ends = begins + seconds;
    int n = 0;
    while (n < n_clients && !pthread_create(&threads[n], &attr, client, NULL))
        n++;
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    printf("{\"clients\": %d, \"requests\": %llu, \"bytes\": %llu, \"failures\": %llu, "
           "\"seconds\": %.3f}\n",
           n, (unsigned long long)n_requests, (unsigned long long)n_bytes,
           (unsigned long long)n_failures, now() - begins);
    return 0;
}
