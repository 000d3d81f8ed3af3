/* firmware/bare/bare_talk.c - the console of the sample app and the updater: lines, their words,
 * the commands they name, and results in text. */
#include "bare_app.h"
#include "bare_map.h"

#define LINE_BYTES 200u
#define FOREVER_US 1000000000u
#define SILENCE_US 2000000u

void bare_put_slot(int slot)
{
    if (slot >= 0) {
        console_put_text("ota_");
        console_put_number((uint32_t)slot);
    } else {
        console_put_text(slot == FERRY_SLOT_FACTORY ? "factory"
                         : slot == FERRY_SLOT_TEST  ? "test"
                                                    : "nothing");
    }
}

void bare_put_result(ferry_err err, const struct ferry_fault *fault)
{
    if (!err) {
        console_put_text("ok\r\n");
        return;
    }
    console_put_text("error -");
    console_put_number((uint32_t)-err);
    console_put_text(", ");
    console_put_text(ferry_strerror(err));
    if (fault && fault->err == err) {
        console_put_text(": ");
        console_put_number(fault->value);
        console_put_text(", ");
        console_put_number(fault->limit);
    }
    console_put_text("\r\n");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool bare_number(const char *text, uint32_t *out)
{
    const uint32_t base = text[0] == '0' && text[1] == 'x' ? 16 : 10;
    uint32_t v = 0;
    if (base == 16)
        text += 2;
    if (!*text)
        return false;
    for (; *text; text++) {
        const int digit = hex_digit(*text);
        if (digit < 0 || (uint32_t)digit >= base || v > (UINT32_MAX - (uint32_t)digit) / base)
            return false;
        v = v * base + (uint32_t)digit;
    }
    *out = v;
    return true;
}

bool bare_sha256(const char *text, uint8_t out[FERRY_SHA256_BYTES])
{
    for (unsigned i = 0; i < FERRY_SHA256_BYTES; i++) {
        const int high = hex_digit(text[2 * i]);
        const int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return !text[2 * FERRY_SHA256_BYTES];
}

bool bare_receive(uint32_t at_bytes, uint8_t *to, uint32_t n)
{
    console_put_text("want ");
    console_put_number(at_bytes);
    console_put_char(' ');
    console_put_number(n);
    console_put_text("\r\n");
    for (uint32_t i = 0; i < n; i++) {
        const int c = console_get(SILENCE_US);
        if (c < 0)
            return false;
        to[i] = (uint8_t)c;
    }
    return true;
}

void bare_stack(struct bare_app *app, const char *const words[BARE_WORDS])
{
    (void)app;
    (void)words;
    console_put_text("stack ");
    console_put_number(stack_used_bytes());
    console_put_text(" bytes\r\n");
}

void bare_reboot(struct bare_app *app, const char *const words[BARE_WORDS])
{
    (void)app;
    (void)words;
    machine_end(BARE_END_REBOOT);
}

bool bare_is_same(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return *a == *b;
}

static void run(struct bare_app *app, const struct bare_command *commands, uint32_t n,
                const char *const words[BARE_WORDS])
{
    const bool is_help = bare_is_same(words[0], "help");
    for (uint32_t i = 0; i < n; i++) {
        if (bare_is_same(words[0], commands[i].name)) {
            commands[i].run(app, words);
            return;
        }
        if (is_help) {
            console_put_text(commands[i].name);
            console_put_char(' ');
            console_put_text(commands[i].what);
            console_put_text("\r\n");
        }
    }
    if (words[0][0] && !is_help)
        console_put_text("no such command; try help\r\n");
}

/* A line without its end; what does not fit is dropped. */
static void read_line(char line[LINE_BYTES])
{
    uint32_t n = 0;
    for (;;) {
        const int c = console_get(FOREVER_US);
        if (c == '\n' || c == '\r')
            break;
        if (c >= 0 && n < LINE_BYTES - 1)
            line[n++] = (char)c;
    }
    line[n] = 0;
}

/* Cuts the line at its blanks; words that are not there are empty. */
static void split(char line[LINE_BYTES], const char *words[BARE_WORDS])
{
    char *at = line;
    for (unsigned i = 0; i < BARE_WORDS; i++) {
        while (*at == ' ')
            *at++ = 0;
        words[i] = at;
        while (*at && *at != ' ')
            at++;
    }
    *at = 0;
}

_Noreturn void bare_talk(struct bare_app *app, const struct bare_command *commands, uint32_t n)
{
    for (;;) {
        char line[LINE_BYTES];
        const char *words[BARE_WORDS];
        console_put_text("> ");
        read_line(line);
        split(line, words);
        run(app, commands, n, words);
    }
}
