/* server/http_blob.c - conditions, ranges, and the bytes: sendfile, a mapping, or the proxy. */
#include "http_blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blob_map.h"
#include "blobs.h"
#include "http_field.h"
#include "http_range.h"
#include "metrics.h"

#define ETAG_BYTES 68u

/** What of the blob is to be sent. */
struct part {
    uint64_t first, n, length;
    char etag[ETAG_BYTES];
};

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

/** The part's status: 200, 206, 304, 412 or 416. */
static unsigned choose(const struct http_exchange *x, struct part *part)
{
    uint64_t last = 0;
    const char *const match = http_field(x, "If-Match");
    part->n = part->length;
    if (match && !http_none_match(match, part->etag))
        return 412;
    if (http_none_match(http_field(x, "If-None-Match"), part->etag))
        return 304;
    // A date is none of ours, so an If-Range with one means: all of it.
    if (x->is_head || !http_if_range(http_field(x, "If-Range"), part->etag, part->etag))
        return 200;
    switch (http_range(http_field(x, "Range"), part->length, &part->first, &last)) {
    case HTTP_PART:
        part->n = last - part->first + 1;
        return 206;
    case HTTP_OUTSIDE:
        return 416;
    case HTTP_WHOLE:
        break;
    }
    return 200;
}

/** A mapping lent to the library, which gives it back when the answer is sent. */
struct loan {
    struct blob_map *map;
    const struct blob_view *view;
};

static void give_back(void *ctx)
{
    struct loan *const loan = ctx;
    blob_map_release(loan->map, loan->view);
    free(loan);
}

static struct MHD_Response *mapped(struct http_exchange *x, const char *hex,
                                   const struct part *part)
{
    struct loan *const loan = malloc(sizeof(*loan));
    struct server *const s = x->server;
    if (!loan)
        return NULL;
    loan->map = s->blobs;
    loan->view = blob_map_use(s->blobs, s->blobs_fd, hex);
    if (!loan->view) {
        free(loan);
        return NULL;
    }
    struct MHD_Response *response = NULL;
    if (part->first <= loan->view->n && part->n <= loan->view->n - part->first)
        response = MHD_create_response_from_buffer_with_free_callback_cls(
            part->n, (void *)(uintptr_t)(loan->view->bytes + part->first), give_back, loan);
    if (!response)
        give_back(loan);
    return response;
}

/** The bytes of the part, from where they come cheapest; takes fd over. */
static struct MHD_Response *bytes_of(struct http_exchange *x, const struct http_reply *r,
                                     const struct part *part, int fd)
{
    struct MHD_Response *response;
    if (!part->n || x->connection->door->has_tls) {
        response = part->n ? mapped(x, r->blob, part)
                           : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        close(fd);
        return response;
    }
    response = MHD_create_response_from_fd_at_offset64(part->n, fd, part->first);
    if (!response)
        close(fd);
    return response;
}

/** The proxy sends it, or says 404 if the file is gone. Conditions and ranges are its own business
 * then, because the ETag that the client knows is the proxy's, made of date and size. */
static struct MHD_Response *passed_on(struct http_exchange *x, const struct http_reply *r)
{
    char path[CONFIG_TEXT_BYTES + 80];
    struct MHD_Response *const response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    snprintf(path, sizeof(path), "%s%s", x->server->config.proxy_accel, r->blob);
    if (response)
        add(response, "X-Accel-Redirect", path);
    return response;
}

static void describe(struct MHD_Response *response, const struct http_reply *r,
                     const struct part *part, unsigned status)
{
    char range[80];
    add(response, "ETag", part->etag);
    if (status == 304 || status == 412)
        return;
    add(response, "Accept-Ranges", "bytes");
    if (status == 416)
        snprintf(range, sizeof(range), "bytes */%llu", (unsigned long long)part->length);
    else
        snprintf(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)part->first,
                 (unsigned long long)(part->first + part->n - 1), (unsigned long long)part->length);
    if (status == 416 || status == 206)
        add(response, "Content-Range", range);
    if (status != 416)
        add(response, "Content-Type", r->type ? r->type : "application/octet-stream");
}

static struct MHD_Response *gone(unsigned *status)
{
    static const char sentence[] =
        "{\"ok\":false,\"error\":\"not_found\",\"message\":\"there is no such firmware\"}\n";
    *status = 404;
    return MHD_create_response_from_buffer(sizeof(sentence) - 1, (void *)(uintptr_t)sentence,
                                           MHD_RESPMEM_PERSISTENT);
}

struct MHD_Response *http_blob_response(struct http_exchange *x, const struct http_reply *r,
                                        unsigned *status)
{
    struct part part = {0};
    if (x->request.door == HTTP_PROXY && *x->server->config.proxy_accel) {
        *status = 200;
        return passed_on(x, r);
    }
    const int fd = blobs_open(x->server->blobs_fd, r->blob, &part.length);
    if (fd < 0)
        return gone(status);
    snprintf(part.etag, sizeof(part.etag), "\"%s\"", r->blob);
    *status = choose(x, &part);
    if (*status != 200 && *status != 206)
        part.n = 0;
    struct MHD_Response *const response = bytes_of(x, r, &part, fd);
    x->n_answer = x->is_head ? 0 : part.n;
    metrics_add(x->server->metrics, METRIC_BLOB_BYTES, (int64_t)x->n_answer);
    if (response)
        describe(response, r, &part, *status);
    return response;
}
