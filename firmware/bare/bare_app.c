/* firmware/bare/bare_app.c - a sample app that updates itself over its console. It opens the
 * device, says who it is, and takes commands, one a line. Built as several releases: DEMO_VERSION
 * names one, DEMO_TABLE_KB makes it larger, BARE_CRASHES and BARE_HANGS break it. */
#include "bare_app.h"
#include "bare_map.h"

extern const uint8_t demo_table_start[], demo_table_end[]; // ballast, see firmware/demo/table.S

static struct bare_app app;

void firmware_trap(uint32_t cause, uint32_t address)
{
    console_put_text("app: trap ");
    console_put_number(cause);
    console_put_text(" at 0x");
    console_put_hex(address, 8);
    console_put_text("\r\n");
    machine_end(BARE_END_REBOOT);
}

static void report_slot(struct bare_app *a, ferry_err err, int slot)
{
    if (!err) {
        bare_put_slot(slot);
        console_put_text(" boots next\r\n");
    }
    bare_put_result(err, &a->dev.fault);
}

static void run_status(struct bare_app *a, const char *const words[BARE_WORDS])
{
    (void)words;
    bare_status(a);
}

static void run_confirm(struct bare_app *a, const char *const words[BARE_WORDS])
{
    (void)words;
    bare_put_result(ferry_slots_confirm(&a->dev), &a->dev.fault);
}

static void run_reject(struct bare_app *a, const char *const words[BARE_WORDS])
{
    int slot = FERRY_SLOT_NONE;
    (void)words;
    const ferry_err err = ferry_slots_reject(&a->dev, &slot);
    report_slot(a, err, slot);
}

static void run_force(struct bare_app *a, const char *const words[BARE_WORDS])
{
    int slot = FERRY_SLOT_NONE;
    (void)words;
    const ferry_err err = ferry_slots_force(&a->dev, &slot);
    report_slot(a, err, slot);
}

static void run_cancel(struct bare_app *a, const char *const words[BARE_WORDS])
{
    (void)words;
    bare_put_result(ferry_slots_cancel_force(&a->dev), &a->dev.fault);
}

static const struct bare_command commands[] = {
    {"status", "what runs, and what otadata says", run_status},
    {"confirm", "this release works and stays", run_confirm},
    {"reject", "it does not: the next boot goes back", run_reject},
    {"force", "the other slot boots next", run_force},
    {"cancel", "no, this one", run_cancel},
    {"update", "LENGTH SHA256 [older]: take a new release", bare_update},
    {"ymodem", "[older]: take a new release from a sender of YMODEM", bare_ymodem},
#ifdef BARE_NETWORK
    {"tftp", "FILE [PORT] [older]: take a new release from a server of TFTP", bare_tftp},
#endif
    {"stage", "KIND OFFSET SIZE LENGTH SHA256: take what a reflash shall write", bare_stage},
    {"reflash", "[dangerous|abandon]: write what was staged, with a journal", bare_reflash},
    {"set", "KEY TEXT: keep a setting in NVS", bare_set},
    {"get", "KEY: show it", bare_get},
    {"stack", "deepest use of the stack so far", bare_stack},
    {"reboot", "start again", bare_reboot},
};

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
    const ferry_err err = bare_open(&app, handed);
    if (err) {
        bare_put_result(err, &app.dev.fault);
        machine_end(BARE_END_NO_FLASH);
    }
    console_put_text("ballast ");
    console_put_number((uint32_t)(demo_table_end - demo_table_start));
    console_put_text(" bytes\r\n");
    bare_reflash_resume(&app);
    bare_status(&app);
    bare_talk(&app, commands, sizeof(commands) / sizeof(*commands));
}
