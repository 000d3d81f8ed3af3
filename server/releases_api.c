/* server/releases_api.c - releases and channels over HTTP; the work is admin_release.c's and
 * admin_channel.c's. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin_api.h"
#include "admin_channel.h"
#include "admin_http.h"
#include "admin_release.h"
#include "store_fleet.h"

/** A list on its way. */
struct listing {
    cJSON *rows;
};

static void list_release(void *ctx, const struct release *release)
{
    const struct listing *const l = ctx;
    cJSON *const row = cJSON_CreateObject();
    release_json(row, release);
    cJSON_AddItemToArray(l->rows, row);
}

static void list_releases(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    admin_begin(&c, s, req, r);
    struct listing l = {cJSON_AddArrayToObject(c.answer, "releases")};
    admin_db(&c.a, release_list(req->db, admin_argument(req, "project", ""), list_release, &l));
    admin_answer(&c);
}

static void add_channel_name(void *ctx, const char *channel)
{
    const struct listing *const l = ctx;
    cJSON_AddItemToArray(l->rows, cJSON_CreateString(channel));
}

static void show_release(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    struct release release;
    int64_t n_running = 0;
    admin_begin(&c, s, req, r);
    if (admin_release_find(&c.a, req->after, &release) == ADMIN_DONE) {
        release_json(c.answer, &release);
        struct listing l = {cJSON_AddArrayToObject(c.answer, "channels")};
        enum db_result result = channel_list_offers(req->db, release.sha256, add_channel_name, &l);
        if (result == DB_OK)
            result = fleet_running(req->db, release.sha256, &n_running);
        cJSON_AddNumberToObject(c.answer, "devices", (double)n_running);
        admin_db(&c.a, result);
    }
    admin_answer(&c);
}

/** Maps the upload, which nobody else writes any more, and hands it on. */
static void take(struct admin_call *c, struct release_file *file, struct release *out,
                 bool *is_known)
{
    struct stat st;
    const int fd = openat(c->s->blobs_fd, file->upload, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        admin_end(&c->a, ADMIN_NO_FILE, "blobs/: %s", strerror(errno));
    } else if (st.st_size == 0) {
        admin_end(&c->a, ADMIN_MISUSED, "the body is empty; it is to be the image itself");
    } else {
        file->n_bytes = (size_t)st.st_size;
        void *const at = mmap(NULL, file->n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at == MAP_FAILED) {
            admin_end(&c->a, ADMIN_NO_FILE, "blobs/: %s", strerror(errno));
        } else {
            file->bytes = at;
            admin_release_add(&c->a, c->s->blobs_fd, file, out, is_known);
            munmap(at, file->n_bytes);
        }
    }
    if (fd >= 0)
        close(fd);
}

static void upload(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    struct release release;
    bool is_known = false;
    const char *const is_public = admin_argument(req, "public", "0");
    struct release_file file = {.upload = (const char *)req->body,
                                .channel = admin_argument(req, "channel", CHANNEL_DEFAULT),
                                .is_public = strcmp(is_public, "1") == 0};
    admin_begin(&c, s, req, r);
    if (!file.is_public && strcmp(is_public, "0") != 0)
        admin_end(&c.a, ADMIN_MISUSED, "public=%.40s: 0 or 1", is_public);
    else
        take(&c, &file, &release, &is_known);
    if (c.a.code == ADMIN_DONE) {
        release_json(c.answer, &release);
        cJSON_AddStringToObject(c.answer, "channel", file.channel);
        cJSON_AddBoolToObject(c.answer, "known", is_known);
    }
    admin_answer(&c);
}

static void withdraw(struct admin_call *c, const char *name)
{
    static const char *const keys[] = {"channel", NULL};
    struct release release;
    char channel[HTTP_ID_BYTES];
    int64_t n = 0;
    if (admin_body(c, keys) && admin_text(c, "channel", channel, sizeof(channel)) &&
        admin_release_withdraw(&c->a, name, channel, &release, &n) == ADMIN_DONE) {
        release_json(c->answer, &release);
        cJSON_AddNumberToObject(c->answer, "withdrawn_from", (double)n);
    }
}

static void publish(struct admin_call *c, const char *name)
{
    static const char *const keys[] = {"public", NULL};
    struct release release;
    if (!admin_body(c, keys))
        return;
    const cJSON *const is_public = cJSON_GetObjectItemCaseSensitive(c->said, "public");
    if (!cJSON_IsBool(is_public))
        admin_end(&c->a, ADMIN_MISUSED, "the body: 'public' must be true or false");
    else if (admin_release_publish(&c->a, name, cJSON_IsTrue(is_public), &release) == ADMIN_DONE)
        release_json(c->answer, &release);
}

/** POST .../RELEASE/withdraw or public. */
static void change_release(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    char name[HTTP_ID_BYTES + 1];
    const char *verb;
    admin_begin(&c, s, req, r);
    if (admin_split(&c, name, &verb)) {
        if (strcmp(verb, "withdraw") == 0)
            withdraw(&c, name);
        else if (strcmp(verb, "public") == 0)
            publish(&c, name);
        else
            admin_end(&c.a, ADMIN_NOT_FOUND,
                      "'%.40s' is nothing that can be done to a release: withdraw or public", verb);
    }
    admin_answer(&c);
}

static void list_channel(void *ctx, const struct channel *channel)
{
    const struct listing *const l = ctx;
    cJSON_AddItemToArray(l->rows, channel_json(channel));
}

static void list_channels(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    admin_begin(&c, s, req, r);
    struct listing l = {cJSON_AddArrayToObject(c.answer, "channels")};
    admin_db(&c.a, channel_list(req->db, list_channel, &l));
    admin_answer(&c);
}

static void add_channel(struct server *s, const struct http_request *req, struct http_reply *r)
{
    static const char *const keys[] = {"channel", "key", NULL};
    struct admin_call c;
    struct channel channel;
    char name[HTTP_ID_BYTES + 1], key[RELEASE_HEX_BYTES];
    admin_begin(&c, s, req, r);
    if (admin_body(&c, keys) && admin_text(&c, "channel", name, sizeof(name)) &&
        admin_text(&c, "key", key, sizeof(key)) &&
        admin_channel_add(&c.a, name, key[0] ? key : NULL, &channel) == ADMIN_DONE)
        cJSON_AddItemToObject(c.answer, "channel", channel_json(&channel));
    admin_answer(&c);
}

/** POST .../CHANNEL/key. */
static void change_channel(struct server *s, const struct http_request *req, struct http_reply *r)
{
    static const char *const keys[] = {"key", NULL};
    struct admin_call c;
    struct channel channel;
    char name[HTTP_ID_BYTES + 1], key[RELEASE_HEX_BYTES];
    const char *verb;
    admin_begin(&c, s, req, r);
    if (admin_split(&c, name, &verb) && admin_body(&c, keys) &&
        admin_text(&c, "key", key, sizeof(key))) {
        if (strcmp(verb, "key") != 0)
            admin_end(&c.a, ADMIN_NOT_FOUND, "'%.40s' is nothing that a channel has: key", verb);
        else if (!key[0])
            admin_end(&c.a, ADMIN_MISUSED, "the body: 'key' is missing: a digest, or \"none\"");
        else if (admin_channel_set_key(&c.a, name, key, &channel) == ADMIN_DONE)
            cJSON_AddItemToObject(c.answer, "channel", channel_json(&channel));
    }
    admin_answer(&c);
}

/** POST .../GROUP/follow. */
static void change_group(struct server *s, const struct http_request *req, struct http_reply *r)
{
    static const char *const keys[] = {"channel", NULL};
    struct admin_call c;
    char group[HTTP_ID_BYTES + 1], channel[HTTP_ID_BYTES + 1];
    const char *verb;
    admin_begin(&c, s, req, r);
    if (admin_split(&c, group, &verb) && admin_body(&c, keys) &&
        admin_text(&c, "channel", channel, sizeof(channel))) {
        if (strcmp(verb, "follow") != 0)
            admin_end(&c.a, ADMIN_NOT_FOUND, "'%.40s' is nothing that a group does: follow", verb);
        else if (admin_channel_follow(&c.a, group, channel) == ADMIN_DONE)
            cJSON_AddStringToObject(c.answer, "channel", channel);
        cJSON_AddStringToObject(c.answer, "group", group);
    }
    admin_answer(&c);
}

#define OPERATORS HTTP_ADMIN, HTTP_OPERATOR

const struct http_route release_routes[] = {
    {"GET", "/api/v1/releases", OPERATORS, 0, list_releases},
    {"POST", "/api/v1/releases", OPERATORS, HTTP_UPLOAD, upload},
    {"GET", "/api/v1/releases/*", OPERATORS, 0, show_release},
    {"POST", "/api/v1/releases/*", OPERATORS, ADMIN_BODY_MOST, change_release},
    {"GET", "/api/v1/channels", OPERATORS, 0, list_channels},
    {"POST", "/api/v1/channels", OPERATORS, ADMIN_BODY_MOST, add_channel},
    {"POST", "/api/v1/channels/*", OPERATORS, ADMIN_BODY_MOST, change_channel},
    {"POST", "/api/v1/groups/*", OPERATORS, ADMIN_BODY_MOST, change_group},
    {0},
};
