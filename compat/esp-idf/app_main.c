/* compat/esp-idf/app_main.c - main of a program that has only app_main: the device is FERRY_DEVICE.
 * In a library of its own, for programs with a main of their own. */
#include "compat_private.h"

void app_main(void);

int main(int argc, char **argv)
{
    (void)argc;
    ferry_compat_open_named(argv);
    app_main();
    ferry_compat_wait_for_tasks();
    return 0;
}
