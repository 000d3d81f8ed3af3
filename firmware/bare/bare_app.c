/* firmware/bare/bare_app.c - a sample app that updates itself over its console. It opens the
 * device, says who it is, and takes commands, one a line. Built as several releases: DEMO_VERSION
 * names one, DEMO_TABLE_KB makes it larger, BARE_CRASHES and BARE_HANGS break it. */
#include "bare_app.h"
#include "bare_map.h"
#include "bare_trust.h"

#define LINE_BYTES 200u
#define FOREVER_US 1000000000u

extern const uint8_t demo_table_start[], demo_table_end[]; // ballast, see firmware/demo/table.S

static struct bare_app app;
static struct ferry_policy policy = {.chip = &ferry_chip_esp32c3, .rollback = true};

void firmware_trap(uint32_t cause, uint32_t address)
{
    console_put_text("app: trap ");
    console_put_number(cause);
    console_put_text(" at 0x");
    console_put_hex(address, 8);
    console_put_text("\r\n");
    machine_end(BARE_END_TRAP);
}

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

static const char *state_name(uint32_t state)
{
    switch (state) {
    case FERRY_STATE_NEW:
        return "new";
    case FERRY_STATE_PENDING:
        return "pending verify";
    case FERRY_STATE_VALID:
        return "valid";
    case FERRY_STATE_INVALID:
        return "invalid";
    case FERRY_STATE_ABORTED:
        return "aborted";
    default:
        return "undefined";
    }
}

static void status(void)
{
    struct ferry_slots s;
    const ferry_err err = ferry_slots_load(&app.dev, &s);
    if (err) {
        bare_put_result(err, &app.dev.fault);
        return;
    }
    console_put_text("running " DEMO_VERSION " in ");
    bare_put_slot(app.dev.running);
    for (int i = 0; i < 2; i++) {
        console_put_text("\r\nentry ");
        console_put_number((uint32_t)i);
        console_put_text(": ");
        bare_put_slot(s.names[i]);
        if (s.names[i] != FERRY_SLOT_NONE) {
            console_put_text(", ");
            console_put_text(state_name(s.entry[i].state));
        }
    }
    console_put_text("\r\nselected ");
    bare_put_slot(ferry_slots_boot(&app.dev, &s));
    console_put_text("\r\n");
}

static void report_slot(ferry_err err, int slot)
{
    if (!err) {
        bare_put_slot(slot);
        console_put_text(" boots next\r\n");
    }
    bare_put_result(err, &app.dev.fault);
}

static void run_status(const char *const words[BARE_WORDS])
{
    (void)words;
    status();
}

static void run_confirm(const char *const words[BARE_WORDS])
{
    (void)words;
    bare_put_result(ferry_slots_confirm(&app.dev), &app.dev.fault);
}

static void run_reject(const char *const words[BARE_WORDS])
{
    int slot = FERRY_SLOT_NONE;
    (void)words;
    const ferry_err err = ferry_slots_reject(&app.dev, &slot);
    report_slot(err, slot);
}

static void run_force(const char *const words[BARE_WORDS])
{
    int slot = FERRY_SLOT_NONE;
    (void)words;
    const ferry_err err = ferry_slots_force(&app.dev, &slot);
    report_slot(err, slot);
}

static void run_cancel(const char *const words[BARE_WORDS])
{
    (void)words;
    bare_put_result(ferry_slots_cancel_force(&app.dev), &app.dev.fault);
}

static void run_update(const char *const words[BARE_WORDS])
{
    bare_update(&app, words);
}

static void run_ymodem(const char *const words[BARE_WORDS])
{
    bare_ymodem(&app, words);
}

#ifdef BARE_NETWORK
static void run_tftp(const char *const words[BARE_WORDS])
{
    bare_tftp(&app, words);
}
#endif

static void run_set(const char *const words[BARE_WORDS])
{
    bare_set(&app, words[1], words[2]);
}

static void run_get(const char *const words[BARE_WORDS])
{
    bare_get(&app, words[1]);
}

static void run_stack(const char *const words[BARE_WORDS])
{
    (void)words;
    console_put_text("stack ");
    console_put_number(stack_used_bytes());
    console_put_text(" bytes\r\n");
}

static void run_reboot(const char *const words[BARE_WORDS])
{
    (void)words;
    machine_end(BARE_END_REBOOT);
}

static void run_help(const char *const words[BARE_WORDS]);

static const struct {
    const char *name, *what;
    void (*run)(const char *const words[BARE_WORDS]);
} commands[] = {
    {"status", "what runs, and what otadata says", run_status},
    {"confirm", "this release works and stays", run_confirm},
    {"reject", "it does not: the next boot goes back", run_reject},
    {"force", "the other slot boots next", run_force},
    {"cancel", "no, this one", run_cancel},
    {"update", "LENGTH SHA256 [older]: take a new release", run_update},
    {"ymodem", "[older]: take a new release from a sender of YMODEM", run_ymodem},
#ifdef BARE_NETWORK
    {"tftp", "FILE [PORT] [older]: take a new release from a server of TFTP", run_tftp},
#endif
    {"set", "KEY TEXT: keep a setting in NVS", run_set},
    {"get", "KEY: show it", run_get},
    {"stack", "deepest use of the stack so far", run_stack},
    {"reboot", "start again; an emulator ends", run_reboot},
    {"help", "this list", run_help},
};

static void run_help(const char *const words[BARE_WORDS])
{
    (void)words;
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        console_put_text(commands[i].name);
        console_put_char(' ');
        console_put_text(commands[i].what);
        console_put_text("\r\n");
    }
}

static bool is_same(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return *a == *b;
}

static void run(const char *const words[BARE_WORDS])
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        if (is_same(words[0], commands[i].name)) {
            commands[i].run(words);
            return;
        }
    }
    if (words[0][0])
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

static ferry_err open_device(uint32_t handed)
{
    const struct ferry_flash *flash;
    ferry_err err = machine_flash(&flash);
    policy.gate = bare_trust_gate();
    policy.boot_check = bare_trust_boot_check(); // so that it goes back only to what would boot
    machine_revisions(&policy);
    if (!err)
        err = ferry_device_open(&app.dev, flash, &policy, FERRY_TABLE_OFF_DEFAULT, &app.work);
    if (!err)
        app.dev.running = ferry_device_slot_at(&app.dev, machine_image_off(handed));
    return err;
}

void firmware_main(uint32_t handed)
{
    machine_init();
    console_put_text("ferry-bare " DEMO_VERSION "\r\n");
#ifdef BARE_CRASHES
    __asm__ volatile("unimp"); // the bug that this release brings
#endif
#ifdef BARE_HANGS
    for (;;) // and this is that of another
        __asm__ volatile("wfi");
#endif
    const ferry_err err = open_device(handed);
    if (err) {
        bare_put_result(err, &app.dev.fault);
        machine_end(BARE_END_NO_FLASH);
    }
    console_put_text("ballast ");
    console_put_number((uint32_t)(demo_table_end - demo_table_start));
    console_put_text(" bytes\r\n");
    status();
    for (;;) {
        char line[LINE_BYTES];
        const char *words[BARE_WORDS];
        console_put_text("> ");
        read_line(line);
        split(line, words);
        run(words);
    }
}
