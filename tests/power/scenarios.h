/* tests/power/scenarios.h - what is done to a device while its power fails, and what must hold
 * afterwards. A scenario that passes its checks at every cut is safe; see test_power.c. */
#ifndef SCENARIOS_H
#define SCENARIOS_H

#include "bench_device.h"

#include <stddef.h>
#include <stdint.h>

struct scenario {
    const char *name;
    void (*set_up)(struct bench_device *b);
    /** Does the thing; NULL or why it could not be done. Power may fail in it at any operation. */
    const char *(*act)(struct bench_device *b);
    /** After a cut in `act`, power back on: NULL or which promise was broken. Boots the device. */
    const char *(*check)(struct bench_device *b);
    /** After `act` without a cut. */
    const char *(*done)(struct bench_device *b);
};

struct power_counts {
    uint64_t passed, failed;
    uint64_t bootloader_windows; // promises broken by cuts in the stock bootloader's writes
    uint64_t idf_windows;        // ... in those of Espressif's app, with --idf
    uint64_t cuts[2][9];         // first or second cut, by enum sim_cut
};

extern const struct scenario scenarios[];
extern const size_t n_scenarios;

/** Makes the images; call once. */
void scenarios_init(void);

#endif
