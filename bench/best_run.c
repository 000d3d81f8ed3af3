/* bench/best_run.c - runs a command several times and says how fast and how large it was at best.
 * A small program of its own, because Linux counts the parent's memory into the peak of a child
 * that has not called exec yet: under Python every child is 13 MB. Used by scripts/bench.py.
 *     best_run ROUNDS OUTPUT COMMAND...    OUTPUT is removed before each round; "-": nothing is */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Runs it once, silent. False: it failed. */
static bool run_once(char **command, double *ms, long *peak_kb)
{
    posix_spawn_file_actions_t quiet;
    struct rusage used;
    pid_t pid;
    int status = 0;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const double start = now_ms();
    const bool begun = posix_spawn(&pid, command[0], &quiet, NULL, command, environ) == 0;
    if (begun)
        while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
            continue;
    *ms = now_ms() - start;
    posix_spawn_file_actions_destroy(&quiet);
    if (!begun || status != 0)
        return false;
    *peak_kb = used.ru_maxrss;
    return true;
}

int main(int argc, char **argv)
{
    const int n_rounds = argc > 3 ? atoi(argv[1]) : 0;
    double best_ms = 0;
    long peak_kb = 0;
    for (int i = 0; i < n_rounds; i++) {
        double ms;
        long kb;
        // What is replaced is written out at once by some file systems; what is new is not.
        if (strcmp(argv[2], "-") != 0)
            unlink(argv[2]);
        if (!run_once(argv + 3, &ms, &kb)) {
            fprintf(stderr, "best_run: %s failed\n", argv[3]);
            return 1;
        }
        best_ms = i == 0 || ms < best_ms ? ms : best_ms;
        peak_kb = kb > peak_kb ? kb : peak_kb;
    }
    printf("%.3f %ld\n", best_ms, peak_kb);
    return n_rounds > 0 ? 0 : 2;
}
