/* cli/interrupt.c - signals that ask a command to stop. */
#include "interrupt.h"

#include <signal.h>
#include <sys/random.h>
#include <time.h>

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static bool is_stop_asked(void *ctx)
{
    (void)ctx;
    return stop_asked != 0;
}

const struct ferry_cancel cli_interrupt = {is_stop_asked, NULL};

void cli_interrupt_watch(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/** A signal ends the wait at once. */
static void wait_ms(void *ctx, uint32_t ms)
{
    (void)ctx;
    for (uint32_t left = ms; left && !stop_asked;) {
        const uint32_t step = left < FERRY_CANCEL_POLL_MS ? left : FERRY_CANCEL_POLL_MS;
        const struct timespec t = {.tv_nsec = (long)step * 1000000};
        nanosleep(&t, NULL);
        left -= step;
    }
}

static uint32_t any_number(void *ctx)
{
    uint32_t n = UINT32_MAX; // without chance the pause is the longest
    (void)ctx;
    (void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
    return n;
}

void cli_interrupt_retry(struct ferry_retry *retry)
{
    retry->sleep_ms = wait_ms;
    retry->random = any_number;
    retry->ctx = NULL;
}
