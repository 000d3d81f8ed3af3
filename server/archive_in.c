/* server/archive_in.c - libarchive reads the tar; see archive_in.h. What the file says about itself
 * is a stranger's word until the sums have been compared, and its names stay so afterwards. */
#include "archive_in.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/crypto.h"
#include "hex.h"

#define PIECE_BYTES (256u * 1024)
#define SUMS_MOST   (256u << 20)
#define NAME_MOST   200u
#define SUMS_NAME   "SHA256SUMS"

static bool say(char why[ARCHIVE_WHY_BYTES], const char *name, const char *reason)
{
    snprintf(why, ARCHIVE_WHY_BYTES, "%.300s: %.180s", name, reason);
    return false;
}

/** What libarchive could not read. */
static bool say_tar(char why[ARCHIVE_WHY_BYTES], const char *name, struct archive *tar)
{
    const char *reason = archive_error_string(tar);
    snprintf(why, ARCHIVE_WHY_BYTES, "the backup is damaged or cut short, at %.240s: %.180s", name,
             reason ? reason : "it cannot be read");
    return false;
}

/** Words of letters, digits and ._- between slashes, none empty or led by a dot. */
static bool is_plain_name(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t n = strlen(name);
    if (n == 0 || n > NAME_MOST || name[n - 1] == '/')
        return false;
    for (const char *word = name;;) {
        const size_t n_word = strspn(word, letters);
        if (n_word == 0 || word[0] == '.')
            return false;
        word += n_word;
        if (!*word)
            return true;
        if (*word++ != '/')
            return false;
    }
}

/** Fills item from the entry; name is cleared of the slash that folders end with. */
static bool take_item(struct archive_entry *e, struct archive_item *item, char name[NAME_MOST + 2],
                      char why[ARCHIVE_WHY_BYTES])
{
    const char *raw = archive_entry_pathname(e);
    const unsigned type = archive_entry_filetype(e);
    if (!raw || strlen(raw) > NAME_MOST)
        return say(why, "a name in it", "is too long");
    strcpy(name, raw);
    item->is_folder = type == AE_IFDIR;
    const size_t n = strlen(name);
    if (item->is_folder && n && name[n - 1] == '/')
        name[n - 1] = '\0';
    if (!is_plain_name(name) || (type != AE_IFREG && type != AE_IFDIR))
        return say(why, raw, "does not belong into a backup");
    item->name = name;
    item->mode = (unsigned)archive_entry_perm(e) & 0777u;
    item->n = (uint64_t)archive_entry_size(e);
    return true;
}

/** Calls visit for every entry, SHA256SUMS among them. */
static bool each_entry(struct archive *tar, const char *path, archive_visit visit, void *ctx,
                       char why[ARCHIVE_WHY_BYTES])
{
    struct archive_item item = {.tar = tar};
    struct archive_entry *e;
    char name[NAME_MOST + 2];
    int code;
    while ((code = archive_read_next_header(tar, &e)) == ARCHIVE_OK) {
        if (!take_item(e, &item, name, why) || !visit(&item, ctx, why))
            return false;
    }
    if (code != ARCHIVE_EOF)
        return say_tar(why, path, tar);
    return true;
}

static bool open_and_visit(const char *path, archive_visit visit, void *ctx,
                           char why[ARCHIVE_WHY_BYTES])
{
    struct archive *tar = archive_read_new();
    if (!tar)
        return say(why, path, "out of memory");
    archive_read_support_format_tar(tar);
    bool is_good = archive_read_open_filename(tar, path, PIECE_BYTES) == ARCHIVE_OK;
    if (is_good)
        is_good = each_entry(tar, path, visit, ctx, why);
    else
        say_tar(why, path, tar);
    archive_read_free(tar);
    return is_good;
}

long archive_in_read(const struct archive_item *item, void *bytes, size_t n,
                     char why[ARCHIVE_WHY_BYTES])
{
    const la_ssize_t got = archive_read_data(item->tar, bytes, n);
    if (got < 0) {
        say_tar(why, item->name, item->tar);
        return -1;
    }
    return (long)got;
}

char *archive_in_whole(const struct archive_item *item, size_t most, char why[ARCHIVE_WHY_BYTES])
{
    char *bytes = item->n <= most ? malloc((size_t)item->n + 1) : NULL;
    if (!bytes) {
        say(why, item->name, item->n <= most ? "out of memory" : "is larger than it can be");
        return NULL;
    }
    for (size_t at = 0; at < item->n;) {
        const long n = archive_in_read(item, bytes + at, (size_t)item->n - at, why);
        if (n <= 0) {
            if (n == 0)
                say(why, item->name, "the backup is cut short there");
            free(bytes);
            return NULL;
        }
        at += (size_t)n;
    }
    bytes[item->n] = '\0';
    return bytes;
}

struct each {
    archive_visit visit;
    void *ctx;
};

static bool visit_but_sums(const struct archive_item *item, void *ctx, char why[ARCHIVE_WHY_BYTES])
{
    const struct each *each = ctx;
    return strcmp(item->name, SUMS_NAME) == 0 || each->visit(item, each->ctx, why);
}

bool archive_in_each(const char *path, archive_visit visit, void *ctx, char why[ARCHIVE_WHY_BYTES])
{
    struct each each = {visit, ctx};
    return open_and_visit(path, visit_but_sums, &each, why);
}

/** What was seen of the files so far, as a SHA256SUMS of its own. */
struct check {
    struct ferry_strbuf sums;
    bool is_done;
};

static bool compare_sums(const struct archive_item *item, struct check *c,
                         char why[ARCHIVE_WHY_BYTES])
{
    char *sums = archive_in_whole(item, SUMS_MOST, why);
    if (!sums)
        return false;
    c->is_done = true;
    size_t n = 0;
    const size_t n_least = item->n < c->sums.n ? (size_t)item->n : c->sums.n;
    while (n < n_least && sums[n] == c->sums.text[n])
        n++;
    const bool is_same = n == item->n && n == c->sums.n;
    if (!is_same) {
        while (n > 0 && sums[n - 1] != '\n')
            n--;
        const size_t n_line = strcspn(sums + n, "\n");
        snprintf(why, ARCHIVE_WHY_BYTES, "the backup is damaged: it should have %.*s",
                 (int)(n_line < 300 ? n_line : 300), n_line ? sums + n : "no more files");
    }
    free(sums);
    return is_same;
}

static bool check_one(const struct archive_item *item, void *ctx, char why[ARCHIVE_WHY_BYTES])
{
    static uint8_t piece[PIECE_BYTES];
    struct check *c = ctx;
    if (c->is_done)
        return say(why, item->name, "stands behind the end of the backup");
    if (strcmp(item->name, SUMS_NAME) == 0)
        return compare_sums(item, c, why);
    if (item->is_folder)
        return true;
    struct ferry_sha256 h;
    uint8_t digest[FERRY_SHA256_BYTES];
    char digits[65];
    long n;
    ferry_sha256_init(&h);
    while ((n = archive_in_read(item, piece, sizeof(piece), why)) > 0)
        ferry_sha256_update(&h, piece, (size_t)n);
    if (n < 0)
        return false;
    ferry_sha256_finish(&h, digest);
    hex_write(digest, sizeof(digest), digits);
    ferry_strbuf_addf(&c->sums, "%s  %s\n", digits, item->name);
    return !c->sums.failed || say(why, item->name, "out of memory");
}

bool archive_in_check(const char *path, char why[ARCHIVE_WHY_BYTES])
{
    struct check c = {.is_done = false};
    bool is_good = open_and_visit(path, check_one, &c, why);
    if (is_good && !c.is_done)
        is_good = say(why, path, "is no whole backup: it has no " SUMS_NAME);
    ferry_strbuf_free(&c.sums);
    return is_good;
}
