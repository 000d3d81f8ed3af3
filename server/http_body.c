/* server/http_body.c - takes bodies as they come. */
#include "http_body.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "http_field.h"
#include "http_watch.h"
#include "state_file.h"

#define DRAIN_MOST    (1u << 20)
#define FIRST_ROOM    4096u
#define UPLOAD_PREFIX ".upload-"
#define SWEEP_AFTER_S 3600 // another instance may be at it

static bool is_upload(const struct http_exchange *x)
{
    return x->route && x->route->body_most == HTTP_UPLOAD;
}

/** A body that comes slower than the least rate is cut; each piece moves the moment on. */
static void set_deadline(const struct http_exchange *x)
{
    const struct config *const c = &x->server->config;
    http_watch_phase(x->connection, HTTP_BODY,
                     x->body_began_ms + c->idle_seconds * INT64_C(1000) +
                         (int64_t)(x->n_body * 1000 / c->least_rate));
}

/** Names nobody has used: another instance may share the folder. */
static bool open_upload(struct http_exchange *x)
{
    uint64_t number;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return false;
    snprintf(x->upload, sizeof(x->upload), UPLOAD_PREFIX "%016llx", (unsigned long long)number);
    x->upload_fd = openat(x->server->blobs_fd, x->upload,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    return x->upload_fd >= 0;
}

void http_body_begin(struct http_exchange *x)
{
    x->body_began_ms = http_now_ms();
    if (x->expected) // first: a stop waits for whom it sees at a body, and the file can be seen
        set_deadline(x);
    if (!x->refuse && is_upload(x))
        x->is_body_lost = !open_upload(x);
}

bool http_body_is_drained(const struct http_exchange *x)
{
    const char *const expect = http_field(x, "Expect");
    const bool waits = expect && !strcasecmp(expect, "100-continue");
    // What can be read in two ways may have a body of any length, or none.
    if (x->refuse == 400 || x->refuse == 411 || x->refuse == 431)
        return false;
    return !x->expected || (!waits && x->expected <= DRAIN_MOST);
}

/** Room for n more and a NUL; never more than twice what has come. */
static bool make_room(struct http_exchange *x, size_t n)
{
    size_t room = x->body_room ? x->body_room : FIRST_ROOM;
    while (room - x->n_body <= n)
        room *= 2;
    uint8_t *const body = room != x->body_room ? realloc(x->body, room) : x->body;
    if (!body)
        return false;
    x->body = body;
    x->body_room = room;
    return true;
}

void http_body_take(struct http_exchange *x, const char *bytes, size_t n)
{
    if (!x->refuse && !x->is_body_lost) {
        if (x->upload_fd >= 0) {
            x->is_body_lost = !state_file_append(x->upload_fd, bytes, n);
        } else if (make_room(x, n)) {
            memcpy(x->body + x->n_body, bytes, n);
        } else {
            x->is_body_lost = true;
        }
    }
    x->n_body += n;
    set_deadline(x);
}

bool http_body_finish(struct http_exchange *x)
{
    struct http_request *const req = &x->request;
    static const uint8_t nothing[1] = {0};
    if (x->is_body_lost)
        return false;
    if (x->upload_fd >= 0) {
        const int fd = x->upload_fd;
        x->upload_fd = -1;
        req->body = (const uint8_t *)x->upload;
        req->n_body = strlen(x->upload);
        return !close(fd);
    }
    if (x->body)
        x->body[x->n_body] = 0;
    req->body = x->body ? x->body : nothing;
    req->n_body = x->body ? x->n_body : 0;
    return true;
}

void http_body_end(struct http_exchange *x)
{
    if (x->upload_fd >= 0)
        close(x->upload_fd);
    if (*x->upload)
        unlinkat(x->server->blobs_fd, x->upload, 0);
    free(x->body);
}

void http_body_sweep(int blobs_fd)
{
    const int fd = openat(blobs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *const dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    const time_t now = time(NULL);
    for (const struct dirent *e; (e = readdir(dir));) {
        struct stat st;
        if (!strncmp(e->d_name, UPLOAD_PREFIX, sizeof(UPLOAD_PREFIX) - 1) &&
            !fstatat(blobs_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
            now - st.st_mtime > SWEEP_AFTER_S)
            unlinkat(blobs_fd, e->d_name, 0);
    }
    closedir(dir);
}
