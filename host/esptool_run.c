/* host/esptool_run.c - running esptool as another process. */
#include "esptool_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MOST    32u
#define CALL_LIMIT_S  60u   // connecting, uploading the stub, restarting
#define SLOWEST_BYTES 4096u // a second, of reading and writing
#define FIND_LIMIT_S  20u
#define TRIES         3u

extern char **environ;

static ferry_err fail(struct ferry_esptool *t, const char *words)
{
    snprintf(t->reason, sizeof(t->reason), "%s", words);
    return FERRY_ERR_FLASH_IO;
}

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/** Keeps the end of what is said: there stands how it ended. */
static void keep(struct ferry_esptool *t, size_t *n_kept, const char *text, size_t n)
{
    const size_t room = FERRY_ESPTOOL_OUTPUT - 1;
    if (n > room - *n_kept) {
        const size_t half = room / 2;
        memmove(t->output, t->output + *n_kept - (*n_kept < half ? *n_kept : half),
                *n_kept < half ? *n_kept : half);
        *n_kept = *n_kept < half ? *n_kept : half;
    }
    memcpy(t->output + *n_kept, text, n);
    *n_kept += n;
    t->output[*n_kept] = '\0';
}

/** Reads what the process says until it ends. False: the time was up. */
static bool listen_to(struct ferry_esptool *t, int fd, int64_t end_s)
{
    char piece[4096];
    size_t n_kept = 0;
    t->output[0] = '\0';
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        const int64_t left = end_s - now_s();
        if (left <= 0)
            return false;
        if (poll(&p, 1, left < 3600 ? (int)left * 1000 : 3600000) <= 0)
            continue;
        const ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return true;
        for (ssize_t i = 0; i < n; i++)
            if (!piece[i])
                piece[i] = ' ';
        keep(t, &n_kept, piece, (size_t)n);
    }
}

/** Starts it in a process group of its own, which the terminal's Ctrl-C does not reach. Returns
 * the errno of a failure. */
static int start(const char *const *words, int out_fd, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDERR_FILENO);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
    const int reason =
        posix_spawnp(pid, words[0], &files, &how, (char *const *)(uintptr_t)words, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return reason;
}

static ferry_err run(struct ferry_esptool *t, const char *const *words, uint32_t limit_s)
{
    int ends[2], status = 0;
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC))
        return fail(t, strerror(errno));
    const int reason = start(words, ends[1], &pid);
    close(ends[1]);
    const bool is_done = !reason && listen_to(t, ends[0], now_s() + limit_s);
    close(ends[0]);
    if (reason)
        return fail(t, strerror(reason));
    if (!is_done)
        kill(-pid, SIGTERM);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!is_done) {
        snprintf(t->reason, sizeof(t->reason), "%s did not end within %u s", t->found,
                 (unsigned)limit_s);
        return FERRY_ERR_FLASH_IO;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return FERRY_OK;
    ferry_esptool_reason(t->output, t->reason, sizeof(t->reason));
    return FERRY_ERR_FLASH_IO;
}

ferry_err ferry_esptool_find(struct ferry_esptool *t)
{
    static const char *const names[] = {"esptool", "esptool.py", "python3"};
    for (size_t i = 0; i < (t->program ? 1 : sizeof(names) / sizeof(*names)); i++) {
        const bool is_module = !t->program && i == 2;
        t->found = t->program ? t->program : names[i];
        const char *const words[] = {t->found, is_module ? "-m" : "version",
                                     is_module ? "esptool" : NULL, "version", NULL};
        if (run(t, words, FIND_LIMIT_S))
            continue;
        t->major = ferry_esptool_major(t->output);
        t->is_module = is_module;
        if (t->major >= 4)
            return FERRY_OK;
    }
    if (t->program)
        snprintf(t->reason, sizeof(t->reason), "%s is no esptool of version 4 or later",
                 t->program);
    else
        snprintf(t->reason, sizeof(t->reason),
                 "there is neither esptool nor python3 -m esptool of version 4 or later here; "
                 "`pipx install esptool` or `apt install esptool` brings it");
    return FERRY_ERR_NOT_FOUND;
}

/** A call that may be given again without harm. */
static ferry_err run_again(struct ferry_esptool *t, const char *const *words, uint32_t limit_s)
{
    ferry_err err = run(t, words, limit_s);
    for (unsigned i = 1; err && i < TRIES; i++)
        err = run(t, words, limit_s);
    return err;
}

/** Version 4 writes with underscores what 5 writes with hyphens. */
static void spell(char *to, size_t n_bytes, const char *word, unsigned major)
{
    snprintf(to, n_bytes, "%s", word);
    for (char *t = to + 2; major < 5 && strlen(to) > 2 && *t; t++)
        if (*t == '-')
            *t = '_';
}

/** One command of esptool: options for all, then `words`, of which those that begin with a letter
 * or a hyphen are esptool's own. */
static ferry_err call(struct ferry_esptool *t, const char *after, const char *const *command,
                      const char *file, uint32_t limit_s)
{
    const char *words[WORDS_MOST];
    char spelled[WORDS_MOST][24], baud[16];
    size_t n = 0;
    const bool is_first = !strcmp(command[0], "flash-id"); // a port where nobody is stays so
    const char *const common[] = {"--baud", baud, "--before", "default-reset", "--after", after};
    snprintf(baud, sizeof(baud), "%u", (unsigned)t->baud);
    words[n++] = t->found;
    if (t->is_module) {
        words[n++] = "-m";
        words[n++] = "esptool";
    }
    words[n++] = "--port";
    words[n++] = t->port;
    if (t->chip) {
        words[n++] = "--chip";
        words[n++] = t->chip;
    }
    for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++, n++) {
        spell(spelled[n], sizeof(spelled[n]), common[i], t->major);
        words[n] = spelled[n];
    }
    for (; *command; command++, n++) {
        spell(spelled[n], sizeof(spelled[n]), *command, t->major);
        words[n] = spelled[n];
    }
    words[n++] = file;
    words[n] = NULL;
    return is_first ? run(t, words, limit_s) : run_again(t, words, limit_s);
}

ferry_err ferry_esptool_ask(struct ferry_esptool *t, struct ferry_chip_facts *facts)
{
    const char *const words[] = {"flash-id", NULL};
    const ferry_err err = call(t, "no-reset", words, NULL, CALL_LIMIT_S);
    if (!err)
        ferry_esptool_facts(t->output, facts);
    return err;
}

/** A file for what goes over; esptool takes no pipe. Returns its descriptor, with *path the
 * caller's to free; -1: there is a reason, and no path. */
static int make_file(struct ferry_esptool *t, char **path)
{
    const char *const given = getenv("TMPDIR");
    const char *const dir = given && *given ? given : "/tmp";
    const int fd = asprintf(path, "%s/ferry-XXXXXX", dir) < 0 ? -2 : mkostemp(*path, O_CLOEXEC);
    if (fd >= 0)
        return fd;
    snprintf(t->reason, sizeof(t->reason), "no file can be made in %s: %s", dir, strerror(errno));
    if (fd == -1) // else there is none
        free(*path);
    return -1;
}

static bool read_all(int fd, uint8_t *dst, uint32_t n)
{
    for (uint32_t at = 0; at < n;) {
        const ssize_t got = pread(fd, dst + at, n - at, (off_t)at);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            return false;
        at += got > 0 ? (uint32_t)got : 0;
    }
    return true;
}

static bool write_all(int fd, const uint8_t *src, uint32_t n)
{
    for (uint32_t at = 0; at < n;) {
        const ssize_t done = pwrite(fd, src + at, n - at, (off_t)at);
        if (done <= 0 && !(done < 0 && errno == EINTR))
            return false;
        at += done > 0 ? (uint32_t)done : 0;
    }
    return true;
}

ferry_err ferry_esptool_read(struct ferry_esptool *t, uint32_t off_bytes, uint8_t *dst,
                             uint32_t n_bytes)
{
    char *path, off[16], size[16];
    const char *const words[] = {"read-flash", off, size, NULL};
    snprintf(off, sizeof(off), "0x%x", (unsigned)off_bytes);
    snprintf(size, sizeof(size), "0x%x", (unsigned)n_bytes);
    int fd = make_file(t, &path);
    if (fd < 0)
        return FERRY_ERR_FLASH_IO;
    close(fd);
    ferry_err err = call(t, "no-reset", words, path, CALL_LIMIT_S + n_bytes / SLOWEST_BYTES);
    // esptool may have made the file anew.
    fd = err ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (!err && (fd < 0 || !read_all(fd, dst, n_bytes)))
        err = fail(t, "esptool brought fewer bytes than it was asked for");
    if (fd >= 0)
        close(fd);
    unlink(path);
    free(path);
    return err;
}

ferry_err ferry_esptool_write(struct ferry_esptool *t, uint32_t off_bytes, const uint8_t *src,
                              uint32_t n_bytes)
{
    char *path, off[16];
    // "keep": the bytes go into flash as they are, the bootloader's header too.
    const char *const words[] = {"write-flash", "--flash-mode", "keep", "--flash-freq",
                                 "keep",        "--flash-size", "keep", off,
                                 NULL};
    snprintf(off, sizeof(off), "0x%x", (unsigned)off_bytes);
    const int fd = make_file(t, &path);
    if (fd < 0)
        return FERRY_ERR_FLASH_IO;
    ferry_err err = write_all(fd, src, n_bytes) ? FERRY_OK : fail(t, strerror(errno));
    close(fd);
    if (!err)
        err = call(t, "no-reset", words, path, CALL_LIMIT_S + n_bytes / SLOWEST_BYTES);
    unlink(path);
    free(path);
    return err;
}

ferry_err ferry_esptool_reset(struct ferry_esptool *t)
{
    const char *const words[] = {"run", NULL};
    return call(t, "hard-reset", words, NULL, CALL_LIMIT_S);
}
