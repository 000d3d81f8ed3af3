/* cli/nvs_key_file.c - key files for a command. */
#include "nvs_key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "read_file.h"

int nvs_key_file_read(const struct cli_call *call, const char *path,
                      uint8_t key[FERRY_XTS_KEY_BYTES])
{
    uint8_t *bytes;
    size_t n;
    int os_errno;
    const char *why = "it is longer than 4096 bytes";
    ferry_err err = ferry_read_file(path, FERRY_NVS_KEY_FILE_BYTES, &bytes, &n, &os_errno);
    if (err && err != FERRY_ERR_RANGE)
        return cli_fail_err(call->out, err, &(struct ferry_about){path, NULL, strerror(os_errno)});
    if (!err) {
        err = ferry_nvs_keys_decode(bytes, n, key, &why);
        explicit_bzero(bytes, n);
        free(bytes);
    }
    return err ? cli_fail_err(call->out, FERRY_ERR_KEY, &(struct ferry_about){path, NULL, why})
               : CLI_EXIT_OK;
}

int nvs_key_make(const struct cli_call *call, uint8_t key[FERRY_XTS_KEY_BYTES])
{
    const ferry_err err = ferry_nvs_keys_random(key, FERRY_XTS_KEY_BYTES);
    return err ? cli_fail_err(call->out, err,
                              &(struct ferry_about){"", NULL, "the system gives no random numbers"})
               : CLI_EXIT_OK;
}

int nvs_secret_file_write(const struct cli_call *call, const char *path, const uint8_t *bytes,
                          size_t n_bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return cli_fail_err(call->out,
                            errno == EEXIST ? FERRY_ERR_FILE_EXISTS : FERRY_ERR_FILE_OPEN,
                            &(struct ferry_about){path, NULL, strerror(errno)});
    size_t n_done = 0;
    ssize_t n = 1;
    while (n_done < n_bytes && n > 0) {
        n = write(fd, bytes + n_done, n_bytes - n_done);
        n_done += n > 0 ? (size_t)n : 0;
    }
    const bool is_whole = n_done == n_bytes && fsync(fd) == 0;
    const int os_errno = errno;
    close(fd);
    if (is_whole)
        return CLI_EXIT_OK;
    unlink(path);
    return cli_fail_err(call->out, FERRY_ERR_FILE_WRITE,
                        &(struct ferry_about){path, NULL, strerror(os_errno)});
}

int nvs_key_file_write(const struct cli_call *call, const char *path,
                       const uint8_t key[FERRY_XTS_KEY_BYTES])
{
    uint8_t file[FERRY_NVS_KEY_FILE_BYTES];
    ferry_nvs_keys_encode(key, file);
    const int exit_code = nvs_secret_file_write(call, path, file, sizeof(file));
    explicit_bzero(file, sizeof(file));
    return exit_code;
}
