/* host/output.c - text, JSON and errors of the command line. */
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "program.h"

#define WIDTH  80u
#define NARROW 40u // less is no width to wrap to

static void *alloc_or_end(size_t n)
{
    void *p = malloc(n);
    if (p)
        return p;
    fprintf(stderr, "%s: out of memory\n", cli_program.name);
    exit(CLI_EXIT_FAILED);
}

static bool wants_colour(int fd)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/** As setlocale decides it, but by the name alone: nothing else of a locale is used here, and to
 * load one takes longer than to read a partition table. */
static bool wants_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *locale = NULL;
    for (size_t i = 0; i < 3 && !(locale && *locale); i++)
        locale = getenv(names[i]);
    const char *const charset = locale ? strchr(locale, '.') : NULL;
    return charset && (!strncasecmp(charset, ".UTF-8", 6) || !strncasecmp(charset, ".UTF8", 5));
}

void cli_output_open(struct cli_output *out)
{
    cJSON_InitHooks(&(cJSON_Hooks){alloc_or_end, free});
    *out = (struct cli_output){
        .colour = wants_colour(STDOUT_FILENO),
        .colour_err = wants_colour(STDERR_FILENO),
        .utf8 = wants_utf8(),
        .root = cJSON_CreateObject(),
    };
}

void cli_output_close(struct cli_output *out)
{
    cJSON_Delete(out->root);
    out->root = NULL;
}

void cli_text(struct cli_output *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!out->json && !out->is_taken)
        vprintf(fmt, ap);
    va_end(ap);
}

/** Columns of the terminal, if it is narrower than WIDTH. */
static unsigned width(void)
{
    struct winsize size;
    const bool is_known = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col >= NARROW;
    return is_known && size.ws_col < WIDTH ? size.ws_col : WIDTH;
}

/** Columns that n bytes take: the later bytes of a character take none, nor do colours. */
static unsigned columns(const char *text, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\033')
            i += strcspn(text + i, "m");
        else
            sum += (text[i] & 0xc0) != 0x80;
    }
    return sum;
}

void cli_wrapped(struct cli_output *out, unsigned indent, const char *text)
{
    unsigned at = indent;
    const unsigned most = width();
    while (*text) {
        const size_t n = strcspn(text, " ");
        const unsigned wide = columns(text, n);
        if (at > indent && at + wide + 1 > most) {
            cli_text(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            cli_text(out, " ");
            at++;
        }
        cli_text(out, "%.*s", (int)n, text);
        at += wide;
        text += n + (text[n] == ' ');
    }
    cli_text(out, "\n");
}

static void complain(struct cli_output *out, const char *sentence)
{
    fflush(stdout); // the reader of a terminal sees both streams in the order they were said
    fprintf(stderr, "%s%s:%s %s\n", out->colour_err ? "\033[1;31m" : "", cli_program.name,
            out->colour_err ? "\033[0m" : "", sentence);
}

void cli_warn(struct cli_output *out, const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    fprintf(stderr, "%s%s:%s ", out->colour_err ? "\033[33m" : "", cli_program.name,
            out->colour_err ? "\033[0m" : "");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void cli_note(struct cli_output *out, const char *fmt, ...)
{
    (void)out;
    va_list ap;
    fflush(stdout);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
}

cJSON *cli_json(struct cli_output *out)
{
    return out->root;
}

const char *cli_colour(const struct cli_output *out, enum cli_colour colour)
{
    static const char *const codes[] = {"\033[0m",  "\033[1m",  "\033[2m",
                                        "\033[32m", "\033[33m", "\033[31m"};
    return out->colour ? codes[colour] : "";
}

/** Keys that say how it ended come first, whatever the command has added before. */
static void put_first(cJSON *root, const char *key, cJSON *item)
{
    cJSON_DeleteItemFromObjectCaseSensitive(root, key);
    cJSON_AddItemToObject(root, key, item);
    cJSON_DetachItemViaPointer(root, item);
    cJSON_InsertItemInArray(root, 0, item);
}

int cli_done(struct cli_output *out)
{
    put_first(out->root, "ok", cJSON_CreateTrue());
    return CLI_EXIT_OK;
}

static void put_error(struct cli_output *out, const char *code, const char *sentence,
                      uint32_t value, uint32_t limit)
{
    // Zero and zero: the error has no numbers.
    const bool numbers = value || limit;
    put_first(out->root, "limit", numbers ? cJSON_CreateNumber(limit) : cJSON_CreateNull());
    put_first(out->root, "value", numbers ? cJSON_CreateNumber(value) : cJSON_CreateNull());
    put_first(out->root, "code", cJSON_CreateString(code));
    put_first(out->root, "error", cJSON_CreateString(sentence));
    put_first(out->root, "ok", cJSON_CreateFalse());
}

int cli_fail(struct cli_output *out, const struct ferry_fault *fault,
             const struct ferry_about *about)
{
    char buf[FERRY_SENTENCE_BYTES];
    const char *sentence = ferry_sentence(buf, sizeof(buf), fault, about);
    complain(out, sentence);
    put_error(out, ferry_errname(fault->err), sentence, fault->value, fault->limit);
    return CLI_EXIT_FAILED;
}

int cli_fail_err(struct cli_output *out, ferry_err err, const struct ferry_about *about)
{
    return cli_fail(out, &(struct ferry_fault){.err = err}, about);
}

int cli_fail_text(struct cli_output *out, ferry_err err, const char *fmt, ...)
{
    char buf[FERRY_SENTENCE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    complain(out, buf);
    put_error(out, ferry_errname(err), buf, 0, 0);
    return CLI_EXIT_FAILED;
}

void cli_output_usage(struct cli_output *out, const char *sentence)
{
    complain(out, sentence);
    put_error(out, "usage", sentence, 0, 0);
}

void cli_output_flush(struct cli_output *out)
{
    if (!out->json)
        return;
    char *text = cJSON_Print(out->root);
    puts(text ? text : "{\"ok\": false, \"error\": \"out of memory\"}");
    cJSON_free(text);
}

const char *cli_thousands(uint64_t n)
{
    static char buffers[8][28];
    static unsigned turn;
    turn = (turn + 1) % 8;
    return ferry_thousands(buffers[turn], sizeof(buffers[turn]), n);
}
