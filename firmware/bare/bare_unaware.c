/* firmware/bare/bare_unaware.c - an app that knows nothing of updates: it says who it is and
 * repeats what it is told. It never confirms, so a bootloader with rollback takes it back. */
#include "bare_map.h"

#include "machine.h"

#define FOREVER_US 1000000000u

void firmware_trap(uint32_t cause, uint32_t address)
{
    (void)cause;
    (void)address;
    machine_end(BARE_END_REBOOT);
}

void firmware_main(uint32_t handed)
{
    (void)handed;
    machine_init();
    console_put_text("unaware " DEMO_VERSION "\r\n> ");
    for (;;) {
        const int c = console_get(FOREVER_US);
        if (c >= 0)
            console_put_char((char)c);
    }
}
