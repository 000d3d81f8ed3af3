/* cli/image_signature.c - whom the user trusts, and what lies in a signature sector. */
#include "image_signature.h"

#include <stdlib.h>
#include <string.h>

#include "agent/text.h"
#include "ferry/bytes.h"
#include "read_file.h"

#define KEY_FILE_LIMIT 65536u
#define ESP_INVALID    0x2002 // ESP_ERR_IMAGE_INVALID

int image_key_read(const struct cli_call *call, const char *path, struct ferry_sign_key *key)
{
    uint8_t *pem;
    size_t n_bytes;
    int os_errno = 0;
    const char *why;
    ferry_err err = ferry_read_file(path, KEY_FILE_LIMIT, &pem, &n_bytes, &os_errno);
    if (err) {
        why = os_errno ? strerror(os_errno) : "it is too long for a key";
    } else {
        err = ferry_sign_key_parse(pem, n_bytes, key, &why);
        explicit_bzero(pem, n_bytes);
        free(pem);
    }
    const struct ferry_about about = {path, NULL, why};
    return err ? cli_fail_err(call->out, err, &about) : CLI_EXIT_OK;
}

static bool has_room(const struct cli_call *call, const struct ferry_trust *trust)
{
    if (trust->n_keys < FERRY_SIGNATURE_BLOCKS)
        return true;
    cli_usage(call, "a device trusts at most %u keys", FERRY_SIGNATURE_BLOCKS);
    return false;
}

int image_trust_read(const struct cli_call *call, int opt_key, int opt_digest,
                     struct ferry_trust *trust)
{
    const char *text;
    *trust = (struct ferry_trust){.p384 = true};
    for (int i = 0; (text = cli_value_at(call, opt_key, i)); i++) {
        struct ferry_sign_key key;
        if (!has_room(call, trust))
            return CLI_EXIT_USAGE;
        const int exit_code = image_key_read(call, text, &key);
        if (exit_code)
            return exit_code;
        ferry_sign_key_digest(&key, trust->key_digests[trust->n_keys++]);
        ferry_sign_key_close(&key);
    }
    for (int i = 0; (text = cli_value_at(call, opt_digest, i)); i++) {
        if (!has_room(call, trust))
            return CLI_EXIT_USAGE;
        if (!ferry_text_hex(text, trust->key_digests[trust->n_keys++], FERRY_SHA256_BYTES))
            return cli_usage(call, "'%s' is not the SHA-256 of a key: it takes %d hex digits", text,
                             (int)(2 * FERRY_SHA256_BYTES));
    }
    return CLI_EXIT_OK;
}

void image_signature_verify(const struct image_file *f, const struct ferry_trust *trust,
                            struct image_found *found)
{
    struct ferry_signature_work work;
    const struct ferry_region all = {&f->flash, 0, f->n_bytes};
    const uint32_t image_bytes = found->img.image_bytes;
    struct ferry_fault fault;
    if (ferry_signature_verify(&all, image_bytes, trust, &work, &fault) == FERRY_VERDICT_GENUINE) {
        found->img.image_bytes = ferry_signature_off(image_bytes) + FERRY_SIGNATURE_SECTOR_BYTES;
        return;
    }
    // A file has no slot: that it ends before the sector means that there is no signature.
    if (fault.err == FERRY_ERR_IMAGE_SIZE)
        fault = (struct ferry_fault){.err = FERRY_ERR_SIGNATURE_NONE};
    found->img.fault = fault;
    found->err = fault.err;
    found->esp_err = ESP_INVALID;
}

void image_signature_show(struct cli_output *out, const struct image_file *f,
                          const struct image_found *found)
{
    cJSON *list = cJSON_AddArrayToObject(cli_json(out), "signatures");
    const uint32_t off = ferry_signature_off(found->img.image_bytes);
    if (!ferry_range_fits(off, FERRY_SIGNATURE_SECTOR_BYTES, f->n_bytes))
        return;
    for (unsigned i = 0; i < FERRY_SIGNATURE_BLOCKS; i++) {
        struct ferry_signature_block block;
        uint8_t digest[FERRY_SHA256_BYTES];
        char hex[2 * FERRY_SHA256_BYTES + 1];
        uint8_t bytes[FERRY_SIGNATURE_BLOCK_BYTES];
        image_file_read(f, off + i * FERRY_SIGNATURE_BLOCK_BYTES, bytes, sizeof(bytes));
        if (ferry_signature_decode(bytes, &block))
            continue;
        if (!cJSON_GetArraySize(list))
            cli_text(out, "\n%sSignatures%s, not checked here: see 'ferry image verify --key'\n",
                     cli_colour(out, CLI_BOLD), cli_colour(out, CLI_PLAIN));
        ferry_signature_key_digest(&block, digest);
        image_file_hex(hex, digest, sizeof(digest));
        cli_text(out, "  %u  %-11s  key %s\n", i, ferry_scheme_name(block.scheme), hex);
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        cJSON_AddNumberToObject(o, "block", i);
        cJSON_AddStringToObject(o, "scheme", ferry_scheme_name(block.scheme));
        cJSON_AddStringToObject(o, "key_digest", hex);
    }
}
