/* cli/cmd_nvs_keys.c - `ferry nvs keys`: key files of encrypted NVS, made and looked into. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/crypto.h"
#include "image_file.h"
#include "nvs_key_file.h"
#include "read_file.h"

#define HMAC_FILE_MAX 4096u

enum { OPT_HMAC_KEY = CLI_OPT_OWN, OPT_NEW_HMAC_KEY, OPT_SHOW_SECRETS };

static const struct argp_option options[] = {
    {"hmac-key", OPT_HMAC_KEY, "FILE", 0,
     "new: derive the keys from this HMAC key, as a chip does from the one in its eFuses", 0},
    {"new-hmac-key", OPT_NEW_HMAC_KEY, "FILE", 0,
     "new: make an HMAC key of 32 bytes as well, write it there, and derive the keys from it", 0},
    {"show-secrets", OPT_SHOW_SECRETS, 0, 0, "show: print the keys themselves", 0},
    {0},
};

static int derive(const struct cli_call *call, const uint8_t *hmac_key, size_t n,
                  uint8_t key[FERRY_XTS_KEY_BYTES])
{
    const ferry_err err = ferry_nvs_keys_from_hmac(hmac_key, n, key);
    return err ? cli_fail_err(call->out, err, NULL) : CLI_EXIT_OK;
}

static int from_hmac_file(const struct cli_call *call, const char *path,
                          uint8_t key[FERRY_XTS_KEY_BYTES])
{
    uint8_t *bytes;
    size_t n;
    int os_errno;
    const ferry_err err = ferry_read_file(path, HMAC_FILE_MAX, &bytes, &n, &os_errno);
    if (err == FERRY_ERR_RANGE || (!err && n != FERRY_NVS_HMAC_KEY_BYTES)) {
        if (!err)
            free(bytes);
        return cli_fail_err(
            call->out, FERRY_ERR_KEY,
            &(struct ferry_about){path, NULL, "an HMAC key is 32 bytes, as a chip's eFuses hold"});
    }
    if (err)
        return cli_fail_err(call->out, err, &(struct ferry_about){path, NULL, strerror(os_errno)});
    const int exit_code = derive(call, bytes, n, key);
    explicit_bzero(bytes, n);
    free(bytes);
    return exit_code;
}

static int from_new_hmac(const struct cli_call *call, const char *path,
                         uint8_t key[FERRY_XTS_KEY_BYTES])
{
    uint8_t hmac_key[FERRY_NVS_HMAC_KEY_BYTES];
    const ferry_err err = ferry_nvs_keys_random(hmac_key, sizeof(hmac_key));
    int exit_code =
        err ? cli_fail_err(call->out, err, NULL) : derive(call, hmac_key, sizeof(hmac_key), key);
    if (!exit_code)
        exit_code = nvs_secret_file_write(call, path, hmac_key, sizeof(hmac_key));
    explicit_bzero(hmac_key, sizeof(hmac_key));
    return exit_code;
}

/* Which keys these are, without giving them away. */
static void say_fingerprint(const struct cli_call *call, const uint8_t key[FERRY_XTS_KEY_BYTES])
{
    struct ferry_sha256 h;
    uint8_t digest[FERRY_SHA256_BYTES];
    char hex[2 * FERRY_XTS_KEY_BYTES + 1];
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, key, FERRY_XTS_KEY_BYTES);
    ferry_sha256_finish(&h, digest);
    image_file_hex(hex, digest, sizeof(digest));
    cJSON_AddStringToObject(cli_json(call->out), "sha256", hex);
    cli_text(call->out, "SHA-256 of the keys: %s\n", hex);
    if (!cli_has(call, OPT_SHOW_SECRETS))
        return;
    image_file_hex(hex, key, FERRY_XTS_KEY_BYTES);
    cJSON_AddStringToObject(cli_json(call->out), "keys", hex);
    cli_text(call->out, "key:   %.64s\ntweak: %s\n", hex, hex + FERRY_XTS_KEY_BYTES);
    explicit_bzero(hex, sizeof(hex));
}

static int make(const struct cli_call *call, uint8_t key[FERRY_XTS_KEY_BYTES])
{
    const char *path = call->args[1];
    const char *hmac = cli_value(call, OPT_HMAC_KEY), *fresh = cli_value(call, OPT_NEW_HMAC_KEY);
    if (hmac && fresh)
        return cli_usage(call, "--hmac-key and --new-hmac-key exclude each other");
    if (cli_has(call, OPT_SHOW_SECRETS))
        return cli_usage(call, "--show-secrets is for 'show'");
    int exit_code = hmac    ? from_hmac_file(call, hmac, key)
                    : fresh ? from_new_hmac(call, fresh, key)
                            : nvs_key_make(call, key);
    if (!exit_code)
        exit_code = nvs_key_file_write(call, path, key);
    if (!exit_code)
        cli_text(call->out, "%s: keys made\n", path);
    return exit_code;
}

static int show(const struct cli_call *call, uint8_t key[FERRY_XTS_KEY_BYTES])
{
    if (cli_has(call, OPT_HMAC_KEY) || cli_has(call, OPT_NEW_HMAC_KEY))
        return cli_usage(call, "HMAC keys are for 'new'");
    const int exit_code = nvs_key_file_read(call, call->args[1], key);
    if (!exit_code)
        cli_text(call->out, "%s: two keys of 256 bits, CRC good\n", call->args[1]);
    return exit_code;
}

static int run(struct cli_call *call)
{
    uint8_t key[FERRY_XTS_KEY_BYTES];
    const bool is_new = !strcmp(call->args[0], "new");
    if (!is_new && strcmp(call->args[0], "show") != 0)
        return cli_usage(call, "'%s' is neither new nor show", call->args[0]);
    int exit_code = is_new ? make(call, key) : show(call, key);
    if (!exit_code) {
        cJSON_AddStringToObject(cli_json(call->out), "file", call->args[1]);
        say_fingerprint(call, key);
        exit_code = cli_done(call->out);
    }
    explicit_bzero(key, sizeof(key));
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry nvs keys new keys.bin", "keys from the system's random numbers"},
    {"ferry nvs keys new keys.bin --hmac-key hmac.bin", "those that a chip derives in hardware"},
    {"ferry nvs keys show keys.bin", "is it whole, and which is it?"},
    {0},
};

const struct cli_command cli_cmd_nvs_keys = {
    .name = "nvs keys",
    .summary = "make or show the keys of an encrypted NVS partition",
    .args = "new|show FILE",
    .about = "FILE is what goes into a device's nvs_keys partition: 4096 bytes, as Espressif's "
             "generator makes it. 'new' never replaces a file, and what it writes only its owner "
             "can read.",
    .min_args = 2,
    .max_args = 2,
    .options = options,
    .examples = examples,
    .exits = "the file exists already, or holds no usable keys",
    .run = run,
};
