/* cli/update_args.c - the options of `ferry update`. */
#include "update_args.h"

#include "agent/text.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES      65536u
#define CHUNK_MOST_BYTES (16u * 1024u * 1024u)

enum {
    OPT_SHA256 = CLI_OPT_OWN,
    OPT_LENGTH,
    OPT_CRC32,
    OPT_MIN_VERSION,
    OPT_ALLOW_DOWNGRADE,
    OPT_ALLOW_OTHER_PROJECT,
    OPT_ALLOW_PENDING,
    OPT_ALLOW_NO_DESCRIPTOR,
    OPT_SLOT,
    OPT_GENTLE,
    OPT_SKIP_EQUAL,
    OPT_NO_RESUME,
    OPT_BOOT,
    OPT_CHUNK,
};

const struct argp_option cli_update_options[] = {
    {"boot", OPT_BOOT, 0, 0, "Restart the virtual device afterwards", 0},
    {"slot", OPT_SLOT, "SLOT", 0, "Slot to write (the next one in turn)", 0},
    {"gentle", OPT_GENTLE, 0, 0, "Never block flash for longer than one 4 KB erase", 0},
    {"skip-equal", OPT_SKIP_EQUAL, 0, 0, "Leave sectors alone that hold the right bytes already",
     0},
    {"no-resume", OPT_NO_RESUME, 0, 0, "Begin at the first byte even if an update was interrupted",
     0},
    {"chunk", OPT_CHUNK, "N", 0, "Read N bytes at a time (64K)", 0},
    {0, 0, 0, 0, "What the image must be:", 1},
    {"sha256", OPT_SHA256, "HEX", 0, "Its SHA-256", 1},
    {"length", OPT_LENGTH, "N", 0, "Its length in bytes", 1},
    {"crc32", OPT_CRC32, "HEX", 0, "Its CRC-32", 1},
    {"min-version", OPT_MIN_VERSION, "V", 0, "No older than this version", 1},
    {0, 0, 0, 0, "What is allowed though it is unusual:", 2},
    {"allow-downgrade", OPT_ALLOW_DOWNGRADE, 0, 0, "A version older than the running one", 2},
    {"allow-other-project", OPT_ALLOW_OTHER_PROJECT, 0, 0, "An app of another project", 2},
    {"allow-pending", OPT_ALLOW_PENDING, 0, 0, "While the running app is not confirmed yet", 2},
    {"allow-no-descriptor", OPT_ALLOW_NO_DESCRIPTOR, 0, 0,
     "An image without application descriptor, which cannot be compared with what runs", 2},
    CLI_HTTP_OPTIONS(3),
    {0},
};

void cli_update_say_retry(struct cli_output *out, const char *sentence, uint32_t pause_ms,
                          uint32_t n, uint32_t n_most)
{
    cli_warn(out, "%s; trying again in %u.%u s (%u of %u)", sentence, (unsigned)pause_ms / 1000,
             (unsigned)pause_ms % 1000 / 100, (unsigned)n, (unsigned)n_most);
}

static int read_promises(const struct cli_call *call, struct cli_update_args *a)
{
    const char *sha256 = cli_value(call, OPT_SHA256);
    const char *crc32 = cli_value(call, OPT_CRC32);
    if (sha256 && !ferry_text_hex(sha256, a->sha256, sizeof(a->sha256)))
        return cli_usage(call, "--sha256 takes 64 hex digits, not '%s'", sha256);
    a->config.sha256 = sha256 ? a->sha256 : NULL;
    uint8_t b[4];
    if (crc32 && !strncmp(crc32, "0x", 2))
        crc32 += 2;
    if (crc32 && !ferry_text_hex(crc32, b, sizeof(b)))
        return cli_usage(call, "--crc32 takes 8 hex digits, not '%s'", crc32);
    a->config.has_crc32 = crc32 != NULL;
    if (crc32)
        a->config.crc32 = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    a->config.min_version = cli_value(call, OPT_MIN_VERSION);
    if (!cli_number(call, OPT_LENGTH, UINT32_MAX, &a->config.length_bytes))
        return CLI_EXIT_USAGE;
    if (cli_has(call, OPT_LENGTH) && !a->config.length_bytes)
        return cli_usage(call, "--length takes at least 1");
    return CLI_EXIT_OK;
}

int cli_update_read_args(const struct cli_call *call, struct cli_update_args *a)
{
    memset(a, 0, sizeof(*a));
    a->given_source = a->source = call->args[1];
    a->slot = cli_value(call, OPT_SLOT);
    a->boot = cli_has(call, OPT_BOOT);
    a->chunk_bytes = CHUNK_BYTES;
    a->config.flags = (cli_has(call, OPT_ALLOW_DOWNGRADE) ? FERRY_UPDATE_DOWNGRADE : 0) |
                      (cli_has(call, OPT_ALLOW_OTHER_PROJECT) ? FERRY_UPDATE_PROJECT : 0) |
                      (cli_has(call, OPT_ALLOW_PENDING) ? FERRY_UPDATE_PENDING_TOO : 0) |
                      (cli_has(call, OPT_ALLOW_NO_DESCRIPTOR) ? FERRY_UPDATE_NO_DESC : 0) |
                      (cli_has(call, OPT_GENTLE) ? FERRY_UPDATE_GENTLE : 0) |
                      (cli_has(call, OPT_SKIP_EQUAL) ? FERRY_UPDATE_SKIP_EQUAL : 0);
    a->is_anew = cli_has(call, OPT_NO_RESUME);
    if (!cli_number(call, OPT_CHUNK, CHUNK_MOST_BYTES, &a->chunk_bytes))
        return CLI_EXIT_USAGE;
    if (!a->chunk_bytes)
        return cli_usage(call, "--chunk takes at least 1");
    int exit_code = read_promises(call, a);
    if (!exit_code)
        exit_code = cli_http_read_args(call, &a->server);
    a->server.http.secrets_for = a->given_source;
    a->buffer = exit_code ? NULL : malloc(a->chunk_bytes);
    if (!exit_code && !a->buffer)
        exit_code = cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
    if (exit_code)
        cli_update_free_args(a);
    return exit_code;
}

void cli_update_free_args(struct cli_update_args *a)
{
    free(a->buffer);
    a->buffer = NULL;
    cli_http_free_args(&a->server);
}

int cli_update_slot(const struct cli_call *call, const struct ferry_vdevice *v,
                    struct cli_update_args *a)
{
    a->config.slot = FERRY_SLOT_NEXT;
    if (!a->slot)
        return CLI_EXIT_OK;
    if (ferry_vdevice_slot(v, a->slot, &a->config.slot) || a->config.slot < 0)
        return cli_fail_text(call->out, FERRY_ERR_NOT_FOUND,
                             "the partition table has no OTA slot '%s'", a->slot);
    return CLI_EXIT_OK;
}

static int refuse_manifest(const struct cli_call *call, const struct cli_update_args *a,
                           const char *what)
{
    return cli_fail_text(call->out, FERRY_ERR_MANIFEST,
                         "the manifest %s promises another %s than %s", a->given_source, what,
                         "the command line");
}

static int merge_promises(const struct cli_call *call, struct cli_update_args *a)
{
    const struct ferry_manifest *m = &a->manifest;
    struct ferry_update_config *c = &a->config;
    if (c->sha256 && memcmp(c->sha256, m->sha256, sizeof(m->sha256)) != 0)
        return refuse_manifest(call, a, "SHA-256");
    if (c->length_bytes && c->length_bytes != m->length_bytes)
        return refuse_manifest(call, a, "length");
    if (c->has_crc32 && m->has_crc32 && c->crc32 != m->crc32)
        return refuse_manifest(call, a, "CRC-32");
    c->sha256 = m->sha256;
    c->length_bytes = m->length_bytes;
    if (m->has_crc32) {
        c->has_crc32 = true;
        c->crc32 = m->crc32;
    }
    if (!c->min_version && m->min_version[0])
        c->min_version = m->min_version;
    return CLI_EXIT_OK;
}

/** Loads the manifest, again and again where that is worth it. */
static int load_manifest(const struct cli_call *call, struct cli_update_args *a,
                         struct ferry_source *source)
{
    static char work[FERRY_MANIFEST_BYTES + 1];
    struct ferry_manifest *m = &a->manifest;
    for (uint32_t n = 1; ferry_manifest_load(m, a->given_source, source, work); n++) {
        char sentence[FERRY_SENTENCE_BYTES];
        const struct ferry_about about = {
            .file = a->given_source,
            .detail = m->detail[0] ? m->detail : NULL,
        };
        if (n > a->server.retry.n_most || !ferry_retry_is_worth(&m->fault))
            return cli_fail(call->out, &m->fault, &about);
        const uint32_t pause_ms = ferry_retry_pause_ms(&a->server.retry, n, source->retry_after_s);
        ferry_sentence(sentence, sizeof(sentence), &m->fault, &about);
        cli_update_say_retry(call->out, sentence, pause_ms, n, a->server.retry.n_most);
        a->server.retry.sleep_ms(a->server.retry.ctx, pause_ms);
    }
    return CLI_EXIT_OK;
}

int cli_update_manifest(const struct cli_call *call, struct cli_update_args *a,
                        const struct ferry_cancel *cancel)
{
    static struct ferry_source_named named;
    if (!ferry_manifest_is_named(a->given_source))
        return CLI_EXIT_OK;
    cli_note(call->out, "Reading the manifest %s\n", a->given_source);
    ferry_source_named_init(&named, a->given_source, &a->server.http, cancel);
    const int exit_code = load_manifest(call, a, named.source);
    if (exit_code)
        return exit_code;
    if (!ferry_source_is_authenticated(named.source))
        cli_warn(call->out, "unauthenticated: nothing vouches for what %s says", a->given_source);
    a->has_manifest = true;
    a->source = a->manifest.firmware;
    return merge_promises(call, a);
}
