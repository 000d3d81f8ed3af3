/* server/public_api.c - /public/CHANNEL.json and /public/SHA256.bin. */
#include "public_api.h"

#include <stdio.h>
#include <string.h>

#include "device_api.h"
#include "store_channel.h"
#include "store_device.h"

#define LATER_S 10

/** The name that a path's end "NAME.json" holds. */
static bool channel_name(const char *after, char name[HTTP_ID_BYTES])
{
    const size_t n = strlen(after);
    const size_t n_end = strlen(".json");
    if (n <= n_end || n - n_end >= HTTP_ID_BYTES || strcmp(after + n - n_end, ".json") != 0)
        return false;
    snprintf(name, HTTP_ID_BYTES, "%.*s", (int)(n - n_end), after);
    return device_name_is_fine(name);
}

static void send_manifest(const struct http_request *req, const struct release *release,
                          struct http_reply *r)
{
    const char *const known = http_header(req, "If-None-Match");
    http_add_header(r, "ETag: \"%s\"", release->sha256);
    r->is_public = true;
    r->type = "application/json";
    r->status = known && strstr(known, release->sha256) ? 304 : 200;
    // A name beside the manifest's: the MicroPython tool takes one that begins with / for a file.
    if (r->status == 200)
        device_manifest(release, "", &r->body);
}

static void send_firmware(const struct release *release, struct http_reply *r)
{
    r->status = 200;
    r->is_public = true;
    r->type = "application/octet-stream";
    ferry_strbuf_addf(&r->body, "%s", release->sha256);
    r->blob = r->body.text;
}

static void get(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct release release;
    char sha256[RELEASE_HEX_BYTES], channel[HTTP_ID_BYTES];
    enum db_result result = DB_OK;
    (void)s;
    const bool is_firmware = device_firmware_name(req->after, sha256);
    if (is_firmware)
        result = release_find(req->db, sha256, &release);
    else if (channel_name(req->after, channel))
        result = release_newest_public(req->db, channel, &release);
    if (result == DB_OK || (result == DB_ROW && !release.is_public)) {
        http_refuse(r, 404, "there is no such public release");
    } else if (result != DB_ROW) {
        http_refuse(r, 503, "the database cannot be reached; try again later");
        http_add_header(r, "Retry-After: %d", LATER_S);
    } else if (is_firmware) {
        send_firmware(&release, r);
    } else {
        send_manifest(req, &release, r);
    }
}

const struct http_route public_routes[] = {
    {"GET", "/public/*", HTTP_PUBLIC, HTTP_ANYONE, 0, get},
    {0},
};
