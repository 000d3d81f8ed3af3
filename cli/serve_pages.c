/* cli/serve_pages.c - lists of folders and manifests of images. */
#include "serve_pages.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device_words.h"
#include "ferry/crc32.h"
#include "ferry/image.h"
#include "image_file.h"
#include "serve_path.h"

static int is_shown(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static void add_html(struct ferry_strbuf *out, const char *text)
{
    for (; *text; text++) {
        const char *const safe = *text == '&'   ? "&amp;"
                                 : *text == '<' ? "&lt;"
                                 : *text == '>' ? "&gt;"
                                 : *text == '"' ? "&quot;"
                                                : NULL;
        if (safe)
            ferry_strbuf_addf(out, "%s", safe);
        else
            ferry_strbuf_add(out, text, 1);
    }
}

static void add_row(struct ferry_strbuf *out, const char *name, const struct stat *st)
{
    char link[3 * 256 + 1], shown[256], size[32] = "folder", when[32];
    struct tm tm;
    const char *const slash = S_ISDIR(st->st_mode) ? "/" : "";
    serve_path_encode(name, link);
    cli_printable(shown, sizeof(shown), name);
    if (S_ISREG(st->st_mode))
        ferry_thousands(size, sizeof(size), (uint64_t)st->st_size);
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", gmtime_r(&st->st_mtime, &tm));
    ferry_strbuf_addf(out, "<tr><td><a href=\"%s%s\">", link, slash);
    add_html(out, shown);
    ferry_strbuf_addf(out, "%s</a><td class=n>%s<td>%s UTC</tr>\n", slash, size, when);
}

static void add_item(cJSON *list, const char *name, const struct stat *st)
{
    char shown[256];
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", cli_printable(shown, sizeof(shown), name));
    cJSON_AddStringToObject(item, "type", S_ISDIR(st->st_mode) ? "folder" : "file");
    cJSON_AddNumberToObject(item, "length", S_ISDIR(st->st_mode) ? 0 : (double)st->st_size);
    cJSON_AddNumberToObject(item, "modified", (double)st->st_mtime);
    cJSON_AddItemToArray(list, item);
}

static void begin_page(struct ferry_strbuf *out, const char *path)
{
    char shown[SERVE_PATH_BYTES];
    ferry_strbuf_addf(out, "<!doctype html><meta charset=utf-8><title>/");
    add_html(out, cli_printable(shown, sizeof(shown), path));
    ferry_strbuf_addf(out,
                      "</title><style>body{font:16px/1.5 sans-serif;margin:2em auto;max-width:50em}"
                      "td{padding:0 2em 0 0}.n{text-align:right}</style><h1>/");
    add_html(out, shown);
    ferry_strbuf_addf(out, "</h1>\n<table>\n%s",
                      *path ? "<tr><td><a href=\"../\">..</a></tr>\n" : "");
}

static bool add_json(struct ferry_strbuf *out, cJSON *list)
{
    char *text = cJSON_Print(list);
    if (text)
        ferry_strbuf_addf(out, "%s\n", text);
    cJSON_free(text);
    return text != NULL;
}

bool serve_list(int fd, const char *root, const char *path, bool is_json, struct ferry_strbuf *out)
{
    struct dirent **names = NULL;
    const int n = scandirat(fd, ".", &names, is_shown, alphasort);
    if (n < 0)
        return false;
    cJSON *list = cJSON_CreateArray();
    if (!is_json)
        begin_page(out, path);
    for (int i = 0; i < n; i++) {
        struct stat st;
        const char *const name = names[i]->d_name;
        const int item_fd = serve_path_open(fd, root, name, &st);
        if (item_fd >= 0) {
            close(item_fd);
            if (is_json)
                add_item(list, name, &st);
            else
                add_row(out, name, &st);
        }
        free(names[i]);
    }
    free(names);
    if (!is_json)
        ferry_strbuf_addf(out, "</table>\n<p>An application image NAME.bin has a manifest at "
                               "NAME.json, made when asked for.\n");
    const bool is_whole = !is_json || add_json(out, list);
    cJSON_Delete(list);
    return is_whole && !out->failed;
}

/** Walks the image and hashes the file, as a device will. */
static bool walk(int fd, struct ferry_image *img, uint32_t *crc, uint64_t *n_bytes)
{
    uint8_t piece[16384];
    ssize_t n;
    for (*n_bytes = 0; (n = pread(fd, piece, sizeof(piece), (off_t)*n_bytes)) > 0;) {
        *n_bytes += (uint64_t)n;
        if (*n_bytes > UINT32_MAX || ferry_image_feed(img, piece, (size_t)n))
            return false;
        *crc = ferry_crc32(*crc, piece, (size_t)n);
    }
    return n == 0 && ferry_image_end(img) == FERRY_OK;
}

bool serve_manifest(int fd, const char *name, struct ferry_strbuf *out)
{
    uint8_t head[FERRY_APP_DESC_HEAD_BYTES], digest[FERRY_SHA256_BYTES];
    const struct ferry_image_rules rules = {.desc_head = head};
    struct ferry_image img;
    struct ferry_app_desc desc;
    char hex[2 * FERRY_SHA256_BYTES + 1], link[3 * 256 + 1], text[40];
    uint32_t crc = 0;
    uint64_t n_bytes;
    ferry_image_begin(&img, &rules);
    if (strlen(name) > 255 || !walk(fd, &img, &crc, &n_bytes))
        return false;
    ferry_sha256_finish(&img.hash, digest);
    serve_path_encode(name, link);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "firmware", link);
    cJSON_AddStringToObject(root, "sha", image_file_hex(hex, digest, sizeof(digest)));
    cJSON_AddNumberToObject(root, "length", (double)n_bytes);
    snprintf(text, sizeof(text), "%08x", (unsigned)crc);
    cJSON_AddStringToObject(root, "crc32", text);
    if (!ferry_image_desc(&img, &desc)) {
        if (*cli_printable(text, sizeof(text), desc.version))
            cJSON_AddStringToObject(root, "version", text);
        cJSON_AddStringToObject(root, "project", cli_printable(text, sizeof(text), desc.project));
    }
    const struct ferry_chip *chip = ferry_chip_by_id(img.header.chip_id);
    if (chip)
        cJSON_AddStringToObject(root, "chip", chip->name);
    const bool is_whole = add_json(out, root);
    cJSON_Delete(root);
    return is_whole && !out->failed;
}
