/* cli/progress.c - the bar and the lines. */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_MS      100
#define SPEED_AFTER_MS 200 // before that it is noise
#define COLUMNS_PLAIN  80
#define BAR_MOST       40
#define LINE_EVERY     (256u * 1024u) // of an unknown length

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col ? COLUMNS_PLAIN : size.ws_col;
}

int64_t cli_progress_ms(const struct cli_progress *p)
{
    return now_ms() - p->began_ms;
}

static uint32_t line_step(const struct cli_progress *p)
{
    const uint32_t quarter = p->total_bytes / 4;
    return p->total_bytes ? (quarter ? quarter : 1) : LINE_EVERY;
}

void cli_progress_begin(struct cli_progress *p, struct cli_output *out, const char *label,
                        uint32_t from_bytes, uint32_t total_bytes)
{
    *p = (struct cli_progress){
        .out = out,
        .label = label,
        .is_terminal = isatty(STDERR_FILENO),
        .done_bytes = from_bytes,
        .from_bytes = from_bytes,
        .total_bytes = total_bytes,
        .began_ms = now_ms(),
    };
    p->next_line_bytes = from_bytes - from_bytes % line_step(p) + line_step(p);
}

/** "1,234 KB/s" over all of it, "" before there is anything to say. */
static void speed(const struct cli_progress *p, char *buf, size_t n)
{
    const int64_t ms = cli_progress_ms(p);
    buf[0] = '\0';
    const uint32_t moved = p->done_bytes - p->from_bytes;
    if ((ms >= SPEED_AFTER_MS || p->is_ended) && moved)
        snprintf(buf, n, "%s KB/s", cli_thousands(moved / (uint64_t)(ms ? ms : 1)));
}

/** "0:07 left". */
static void time_left(const struct cli_progress *p, char *buf, size_t n)
{
    const int64_t ms = cli_progress_ms(p);
    buf[0] = '\0';
    const uint32_t moved = p->done_bytes - p->from_bytes;
    if (!p->total_bytes || !moved || p->done_bytes >= p->total_bytes || ms < 500)
        return;
    const uint64_t left = (uint64_t)ms * (p->total_bytes - p->done_bytes) / moved / 1000;
    snprintf(buf, n, "%u:%02u left", (unsigned)(left / 60), (unsigned)(left % 60));
}

static void draw_bar(char *bar, size_t n, const struct cli_progress *p, int width)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const uint64_t total = p->total_bytes;
    const uint64_t done = p->done_bytes < total ? p->done_bytes : total;
    const uint64_t filled = done * (uint64_t)width * 8 / total;
    bar[0] = '\0';
    int cells = 0;
    for (; cells < (int)(filled / 8); cells++)
        strncat(bar, p->out->utf8 ? "█" : "#", n - strlen(bar) - 1);
    if (p->out->utf8 && filled % 8) {
        strncat(bar, eighths[filled % 8], n - strlen(bar) - 1);
        cells++;
    }
    for (; cells < width; cells++)
        strncat(bar, p->out->utf8 ? " " : "-", n - strlen(bar) - 1);
}

static void draw(struct cli_progress *p)
{
    char rate[40], left[40], bar[4 * BAR_MOST] = "", text[160];
    speed(p, rate, sizeof(rate));
    time_left(p, left, sizeof(left));
    if (p->total_bytes)
        // Padded, so that the bar does not change its width.
        snprintf(text, sizeof(text), "%3u%%  %*s of %s bytes  %10s  %9s",
                 (unsigned)((uint64_t)p->done_bytes * 100 / p->total_bytes),
                 (int)strlen(cli_thousands(p->total_bytes)), cli_thousands(p->done_bytes),
                 cli_thousands(p->total_bytes), rate, left);
    else
        snprintf(text, sizeof(text), "%s bytes  %s", cli_thousands(p->done_bytes), rate);
    const int room = columns() - (int)strlen(p->label) - (int)strlen(text) - 6;
    const int width = room > BAR_MOST ? BAR_MOST : room;
    if (p->total_bytes && width >= 8)
        draw_bar(bar, sizeof(bar), p, width);
    fprintf(stderr, "\r\033[K%s  ", p->label);
    if (*bar)
        fprintf(stderr, p->out->utf8 ? "▕%s▏ " : "[%s] ", bar);
    fprintf(stderr, "%s", text);
    fflush(stderr);
    p->is_shown = true;
    p->drawn_ms = now_ms();
}

static void say_line(struct cli_progress *p)
{
    char rate[40];
    speed(p, rate, sizeof(rate));
    if (p->total_bytes)
        fprintf(stderr, "%s: %s of %s bytes (%u%%)%s%s\n", p->label, cli_thousands(p->done_bytes),
                cli_thousands(p->total_bytes),
                (unsigned)((uint64_t)p->done_bytes * 100 / p->total_bytes), *rate ? ", " : "",
                rate);
    else
        fprintf(stderr, "%s: %s bytes%s%s\n", p->label, cli_thousands(p->done_bytes),
                *rate ? ", " : "", rate);
}

void cli_progress_at(struct cli_progress *p, uint32_t done_bytes, uint32_t total_bytes)
{
    p->done_bytes = done_bytes;
    p->total_bytes = total_bytes;
    if (p->is_terminal) {
        if (!p->is_shown || now_ms() - p->drawn_ms >= REDRAW_MS)
            draw(p);
    } else if (done_bytes >= p->next_line_bytes && done_bytes != total_bytes) {
        say_line(p);
        const uint32_t step = line_step(p);
        p->next_line_bytes = done_bytes - done_bytes % step + step;
    }
}

void cli_progress_break(struct cli_progress *p)
{
    if (p->is_shown)
        fputc('\n', stderr);
    p->is_shown = false;
}

void cli_progress_wipe(struct cli_progress *p)
{
    if (p->is_shown)
        fputs("\r\033[K", stderr);
    p->is_shown = false;
}

void cli_progress_end(struct cli_progress *p)
{
    if (!p->done_bytes || p->is_ended)
        return;
    p->is_ended = true;
    if (p->is_terminal) {
        draw(p);
        fputc('\n', stderr);
    } else {
        say_line(p);
    }
    p->is_shown = false;
}
