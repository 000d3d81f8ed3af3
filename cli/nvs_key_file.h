/* cli/nvs_key_file.h - key files of encrypted NVS, read and written for a command. */
#ifndef CLI_NVS_KEY_FILE_H
#define CLI_NVS_KEY_FILE_H

#include "command.h"
#include "nvs_keys.h"

/** Each returns CLI_EXIT_OK, or the exit code to return after complaining. */

/** Takes the keys out of a key file. */
int nvs_key_file_read(const struct cli_call *call, const char *path,
                      uint8_t key[FERRY_XTS_KEY_BYTES]);

/** Makes new keys. */
int nvs_key_make(const struct cli_call *call, uint8_t key[FERRY_XTS_KEY_BYTES]);

/** Writes a key file that only its owner can read. One that exists is never replaced: it may be the
 * only copy of keys that a device is locked with. */
int nvs_key_file_write(const struct cli_call *call, const char *path,
                       const uint8_t key[FERRY_XTS_KEY_BYTES]);

/** The same for any secret bytes. */
int nvs_secret_file_write(const struct cli_call *call, const char *path, const uint8_t *bytes,
                          size_t n_bytes);

#endif
