/* ports/virt/virt.h - QEMU's riscv32 machine `virt` beyond what every machine has: how its drivers
 * sleep. Hart 0 only; interrupts only wake. machine_end resets the machine, or ends the emulator
 * with a code. */
#ifndef VIRT_H
#define VIRT_H

#include "machine.h"

/** Sleeps until a device has something to say, at most wait_us. */
void virt_sleep(uint32_t wait_us);

#endif
