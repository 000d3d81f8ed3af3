/* cli/interrupt.h - Ctrl-C, a closed terminal and a plain kill, for commands that take long: they
 * end in order and say where they stopped. One per program, because signals are. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include "agent/cancel.h"
#include "agent/retry.h"

/** From here on SIGINT, SIGTERM and SIGHUP only ask to stop. */
void cli_interrupt_watch(void);

/** Whether one of them came; for everything that can be cancelled. */
extern const struct ferry_cancel cli_interrupt;

/** The pauses of retries: real waiting, which a signal ends, and real chance. Sets all but n_most.
 */
void cli_interrupt_retry(struct ferry_retry *retry);

#endif
