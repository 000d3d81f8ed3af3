/* cli/cmd_nvs_decrypt.c - `ferry nvs decrypt`: an encrypted store as a plain image. */
#include <string.h>

#include "nvs_input.h"
#include "write_file.h"

static int write_plain(const struct cli_call *call, struct nvs_input *in)
{
    const char *path = call->args[1];
    int os_errno;
    int exit_code = nvs_input_need_keys(call, in);
    if (exit_code)
        return exit_code;
    if (in->cipher == NVS_CIPHER_PLAIN || !in->has_keys)
        return cli_fail_text(call->out, FERRY_ERR_NVS_CRYPT, "%s is not encrypted", in->path);
    ferry_err err = nvs_input_decrypt(in);
    if (err)
        return cli_fail_err(call->out, err, NULL);
    err = ferry_write_file(path, in->bytes, in->region.size_bytes, &os_errno);
    if (err)
        return cli_fail_err(call->out, err, &(struct ferry_about){path, NULL, strerror(os_errno)});
    cJSON_AddStringToObject(cli_json(call->out), "out", path);
    cJSON_AddNumberToObject(cli_json(call->out), "size", in->region.size_bytes);
    cli_text(call->out, "%s: %s bytes, not encrypted any more\n", path,
             cli_thousands(in->region.size_bytes));
    return cli_done(call->out);
}

static int run(struct cli_call *call)
{
    struct nvs_input in;
    int exit_code = nvs_input_open(call, &in, false);
    if (exit_code)
        return exit_code;
    exit_code = write_plain(call, &in);
    nvs_input_close(&in);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry nvs decrypt nvs.bin plain.bin --keys keys.bin", "for tools that know no encryption"},
    {0},
};

const struct cli_command cli_cmd_nvs_decrypt = {
    .name = "nvs decrypt",
    .summary = "write an encrypted NVS partition as a plain image",
    .args = "STORE OUT",
    .about = "Entries that were erased stay encrypted.\n" NVS_INPUT_ABOUT "\n" NVS_KEYS_ABOUT,
    .min_args = 2,
    .max_args = 2,
    .shared = nvs_input_options,
    .examples = examples,
    .exits = "the store is not encrypted, or with other keys",
    .run = run,
};
