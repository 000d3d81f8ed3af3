/* bench/load_server.c - many clients of an update server: a thread each, blocking, over OpenSSL.
 * For scripts/bench_server.py, which starts the servers and looks at what they use.
 *     load_server MODE PORT CERT KEY PATH CLIENTS SECONDS
 * MODE: polls (one connection each, requests one after another), fresh (a connection and a full
 * handshake for each request), resumed (the same with the ticket of the last one), idle (holds the
 * connections after one request). With polls, prints "ready" when all are connected, begins at a
 * line of stdin, and decrypts long answers twice only: the bytes of later ones are counted. Prints
 * requests, bytes of bodies, failures and seconds as JSON.
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
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES  65536
#define CLIENTS_MOST 4000

static SSL_CTX *context;
static uint16_t port;
static char request[1024];
static const char *mode;
static double begins, seconds, ends;
static pthread_barrier_t connected, started;
static atomic_ullong n_answer;
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
    static const struct timeval patience = {.tv_sec = 30};
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
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

static bool ask(SSL *ssl)
{
    return SSL_write(ssl, request, (int)strlen(request)) > 0;
}

/** One request and its whole answer; *n_raw gets the bytes on the wire. */
static bool exchange(SSL *ssl, char *buffer, uint64_t *n_raw)
{
    const uint64_t n_before = BIO_number_read(SSL_get_rbio(ssl));
    if (!ask(ssl))
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
    *n_raw = BIO_number_read(SSL_get_rbio(ssl)) - n_before;
    n_answer = length;
    n_bytes += length;
    n_requests++;
    return true;
}

/** One request, and as many bytes as its answer had the last time. They are not decrypted: clients
 * that are busy slow down the processor beside them, which is the servers'. */
static bool exchange_unread(SSL *ssl, uint64_t n_raw)
{
    if (!ask(ssl))
        return false;
    while (n_raw) {
        const ssize_t got =
            recv(SSL_get_fd(ssl), NULL, n_raw < 1 << 20 ? n_raw : 1 << 20, MSG_TRUNC);
        if (got <= 0)
            return false;
        n_raw -= (uint64_t)got;
    }
    n_bytes += n_answer;
    n_requests++;
    return true;
}

static void poll_on_one(char *buffer)
{
    uint64_t n_raw = 0;
    SSL *const ssl = open_connection(NULL);
    // With the first answer come the tickets of the session.
    bool is_well = ssl && exchange(ssl, buffer, &n_raw) && exchange(ssl, buffer, &n_raw);
    pthread_barrier_wait(&connected);
    pthread_barrier_wait(&started);
    while (is_well && now() < ends)
        is_well = n_raw > PIECE_BYTES ? exchange_unread(ssl, n_raw) : exchange(ssl, buffer, &n_raw);
    n_failures += !is_well;
    close_connection(ssl);
}

static void poll_on_new(char *buffer, bool resumes)
{
    uint64_t n_raw;
    SSL_SESSION *session = NULL;
    while (now() < ends) {
        SSL *const ssl = open_connection(session);
        if (!ssl || !exchange(ssl, buffer, &n_raw))
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
    uint64_t n_raw;
    SSL *const ssl = open_connection(NULL);
    if (!ssl || !exchange(ssl, buffer, &n_raw))
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

/** The clock starts here; of polls when all are connected and stdin says so. */
static void start(void)
{
    const bool waits = !strcmp(mode, "polls");
    if (waits) {
        pthread_barrier_wait(&connected);
        puts("ready");
        fflush(stdout);
        (void)getchar();
        n_requests = n_bytes = 0;
    }
    begins = now();
    ends = begins + seconds;
    if (waits)
        pthread_barrier_wait(&started);
}

int main(int argc, char **argv)
{
    static pthread_t threads[CLIENTS_MOST];
    pthread_attr_t attr;
    const int n_clients = argc == 8 ? atoi(argv[6]) : 0;
    seconds = n_clients ? atof(argv[7]) : 0;
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
    pthread_barrier_init(&connected, NULL, (unsigned)n_clients + 1);
    pthread_barrier_init(&started, NULL, (unsigned)n_clients + 1);
    begins = now();
    ends = begins + seconds;
    for (int i = 0; i < n_clients; i++)
        if (pthread_create(&threads[i], &attr, client, NULL)) {
            fprintf(stderr, "load_server: there is no room for client %d\n", i + 1);
            return 1;
        }
    start();
    for (int i = 0; i < n_clients; i++)
        pthread_join(threads[i], NULL);
    printf("{\"clients\": %d, \"requests\": %llu, \"bytes\": %llu, \"failures\": %llu, "
           "\"seconds\": %.3f}\n",
           n_clients, (unsigned long long)n_requests, (unsigned long long)n_bytes,
           (unsigned long long)n_failures, now() - begins);
    return 0;
}
