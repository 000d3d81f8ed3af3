/* cli/agent_fleet.h - many virtual devices in one process, in memory: load and demos. */
#ifndef CLI_AGENT_FLEET_H
#define CLI_AGENT_FLEET_H

#include "command.h"

struct cli_fleet_args {
    uint32_t n_devices, n_threads, slot_bytes;
    const char *join;    // join string, or @FILE
    const char *updater; // image of the updater slot
    const char *project; // of the application
};

/** Lets each device enrol, install, start its application and confirm it; prints how many did and
 * how long it took. Returns an exit code: 1 if one of them did not. */
int cli_run_fleet(const struct cli_call *call, const struct cli_fleet_args *args);

#endif
