/* cli/cmd_image_sign.c - `ferry image sign`: an image gets signatures for Secure Boot v2. The bytes
 * are those of espsecure's sign-data. */
#include <stdlib.h>
#include <string.h>

#include "image_sign.h"
#include "image_signature.h"
#include "write_file.h"

enum { OPT_OUTPUT = 'o', OPT_KEY = CLI_OPT_OWN, OPT_APPEND };

static const struct argp_option options[] = {
    {"key", OPT_KEY, "FILE", 0,
     "Private key in PEM form: RSA with 3072 bits, ECDSA on P-192, P-256 or P-384 (required; up to "
     "three)",
     0},
    {"output", OPT_OUTPUT, "FILE", 0, "Where the signed image goes (required)", 0},
    {"append", OPT_APPEND, 0, 0, "Keep the signatures that the image has, and add to them", 0},
    {0},
};

struct keys {
    struct ferry_sign_key key[FERRY_SIGNATURE_BLOCKS];
    unsigned n;
};

static void close_keys(struct keys *keys)
{
    while (keys->n)
        ferry_sign_key_close(&keys->key[--keys->n]);
}

static int read_keys(const struct cli_call *call, struct keys *keys)
{
    const char *path;
    for (int i = 0; (path = cli_value_at(call, OPT_KEY, i)); i++) {
        if (keys->n == FERRY_SIGNATURE_BLOCKS)
            return cli_usage(call, "an image holds at most %u signatures", FERRY_SIGNATURE_BLOCKS);
        const int exit_code = image_key_read(call, path, &keys->key[keys->n]);
        if (exit_code)
            return exit_code;
        if (!keys->key[keys->n++].is_private) {
            const struct ferry_about about = {path, NULL, "signing takes the private key"};
            return cli_fail_err(call->out, FERRY_ERR_KEY, &about);
        }
    }
    if (!keys->n)
        return cli_usage(call, "--key is missing: whose signature is it to be?");
    return CLI_EXIT_OK;
}

/* What is not worth signing. A bootloader is no app and is not walked to its end. */
static int check_image(const struct cli_call *call, const struct image_file *f, bool append)
{
    const struct ferry_about about = {.file = f->path};
    const struct image_wanted any = {0};
    struct image_found found;
    if (f->is_flash)
        return cli_fail_err(call->out, FERRY_ERR_IMAGE_MERGED, &about);
    image_file_walk(f, &any, &found);
    switch (found.err) {
    case FERRY_ERR_IMAGE_MAGIC:
    case FERRY_ERR_IMAGE_TRUNC:
    case FERRY_ERR_IMAGE_CHECKSUM:
    case FERRY_ERR_IMAGE_HASH:
        return cli_fail(call->out, &found.img.fault, &about);
    default:
        break;
    }
    const bool is_signed = ferry_image_is_signed(f->bytes, f->n_bytes);
    if (is_signed && !append)
        return cli_fail_text(call->out, FERRY_ERR_STATE,
                             "%s is signed already: --append adds a signature", f->path);
    const uint32_t end = is_signed ? f->n_bytes - FERRY_SIGNATURE_SECTOR_BYTES : f->n_bytes;
    if (!found.err && ferry_signature_off(found.img.image_bytes) != ferry_signature_off(end))
        cli_warn(call->out,
                 "the image in %s ends at byte %s of %s; a device looks for the signature there, "
                 "not at the file's end",
                 f->path, cli_thousands(found.img.image_bytes), cli_thousands(end));
    return CLI_EXIT_OK;
}

static int write_signed(const struct cli_call *call, const struct keys *keys,
                        const struct ferry_signed_image *made)
{
    const char *path = cli_value(call, OPT_OUTPUT);
    int os_errno = 0;
    const ferry_err err = ferry_write_file(path, made->bytes, made->n_bytes, &os_errno);
    const struct ferry_about about = {path, NULL, os_errno ? strerror(os_errno) : NULL};
    if (err)
        return cli_fail_err(call->out, err, &about);
    cJSON *root = cli_json(call->out);
    cli_text(call->out, "%s: %s bytes, %u signature%s\n", path, cli_thousands(made->n_bytes),
             made->n_blocks, made->n_blocks == 1 ? "" : "s");
    cJSON_AddStringToObject(root, "file", path);
    cJSON_AddNumberToObject(root, "size", made->n_bytes);
    cJSON_AddNumberToObject(root, "signatures", made->n_blocks);
    cJSON *digests = cJSON_AddArrayToObject(root, "key_digests");
    for (unsigned i = 0; i < keys->n; i++) {
        uint8_t digest[FERRY_SHA256_BYTES];
        char hex[2 * FERRY_SHA256_BYTES + 1];
        ferry_sign_key_digest(&keys->key[i], digest);
        image_file_hex(hex, digest, sizeof(digest));
        cli_text(call->out, "  %-11s  key %s\n", ferry_scheme_name(keys->key[i].scheme), hex);
        cJSON_AddItemToArray(digests, cJSON_CreateString(hex));
    }
    return cli_done(call->out);
}

static int sign(const struct cli_call *call, const struct image_file *f, const struct keys *keys)
{
    struct ferry_signed_image made;
    const struct ferry_about about = {.file = f->path};
    const bool append = cli_has(call, OPT_APPEND);
    int exit_code = check_image(call, f, append);
    if (exit_code)
        return exit_code;
    if (ferry_image_sign(f->bytes, f->n_bytes, keys->key, keys->n, append, &made))
        return cli_fail(call->out, &made.fault, &about);
    exit_code = write_signed(call, keys, &made);
    free(made.bytes);
    return exit_code;
}

static int run(struct cli_call *call)
{
    struct image_file f;
    struct keys keys = {0};
    if (!cli_has(call, OPT_OUTPUT))
        return cli_usage(call, "--output is missing: where does the signed image go?");
    int exit_code = read_keys(call, &keys);
    if (!exit_code)
        exit_code = image_file_open(call, call->args[0], &f);
    if (!exit_code) {
        exit_code = sign(call, &f, &keys);
        image_file_close(&f);
    }
    close_keys(&keys);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"openssl genrsa -out key.pem 3072", "makes a key; who has it can sign for your devices"},
    {"ferry image sign app.bin --key key.pem -o app-signed.bin", "signs with it"},
    {"ferry image sign app-signed.bin --key second.pem --append -o app-signed.bin",
     "adds a second signature"},
    {"openssl pkey -in key.pem -pubout -out key.pub", "the public part, for checking"},
    {"ferry image verify app-signed.bin --key key.pub", "checks it as a device would"},
    {0},
};

const struct cli_command cli_cmd_image_sign = {
    .name = "image sign",
    .summary = "sign an image for Secure Boot v2 or signed updates",
    .args = "IMAGE",
    .about = "The image is padded to 4096 bytes, and a sector with the signatures follows, as "
             "espsecure's sign-data --version 2 makes it. RSA signs by PSS; the digest is a "
             "SHA-384 for P-384 and a SHA-256 else.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .examples = examples,
    .exits = "no image, a damaged one, one signed already, or a key that is not usable",
    .run = run,
};
