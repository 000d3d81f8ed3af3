/* firmware/demo/start.S - first instructions: interrupts off, stack, traps, bss, then demo_main.
 * Lies in IRAM. The bootloader has loaded .data and mapped the flash; .bss is left to us. */
    .file   "start.S"             /* else the name of a temporary file goes into the ELF */
    .option arch, +zicsr

    .section .iram.text, "ax"
    .balign 4
    .global demo_start
demo_start:
    csrci   mstatus, 8              /* no interrupt before there is a handler */
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    la      sp, demo_stack_top
    la      t0, demo_traps
    ori     t0, t0, 1               /* vectored, the only mode this core is used in */
    csrw    mtvec, t0
    la      t0, demo_bss_start
    la      t1, demo_bss_end
1:  bgeu    t0, t1, 2f
    sw      zero, 0(t0)
    addi    t0, t0, 4
    j       1b
2:  la      t0, demo_main           /* in flash, too far for a call from here */
    jalr    t0
3:  j       3b

/* Exceptions arrive at entry 0; interrupts are never enabled, but their entries must exist. */
    .balign 256
    .option push
    .option norvc
demo_traps:
    .rept 32
    j       trap
    .endr
    .option pop

trap:
    la      sp, demo_stack_top
    csrr    a0, mcause
    csrr    a1, mepc
    la      t0, demo_panic
    jalr    t0
4:  j       4b
