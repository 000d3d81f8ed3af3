/* ports/esp32c3/start_esp32c3.S - first instructions after Espressif's bootloader: interrupts off,
 * stack, traps, bss, then firmware_main. Lies in RAM. The bootloader has loaded .data and mapped the
 * flash; .bss is left to us, and its own stack, on which it calls us, lies where ours will be. */
    .file   "start_esp32c3.S"
    .option arch, +zicsr

    .section .iram.start, "ax"
    .balign 4
    .global firmware_start
firmware_start:
    csrci   mstatus, 8              /* no interrupt is ever taken */
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    la      t0, traps
    ori     t0, t0, 1               /* vectored, the only mode this core is used in */
    csrw    mtvec, t0
    la      t0, firmware_bss_start
    la      t1, firmware_bss_end
1:  bgeu    t0, t1, 2f
    sw      zero, 0(t0)
    addi    t0, t0, 4
    j       1b
2:  la      t0, firmware_stack_low  /* painted, to see later how deep it went */
    la      sp, firmware_stack_top
    li      t1, 0xa5a5a5a5
3:  sw      t1, 0(t0)
    addi    t0, t0, 4
    bltu    t0, sp, 3b
    call    firmware_main
4:  j       4b

/* Exceptions arrive at entry 0; interrupts are never enabled, but their entries must exist. */
    .balign 256
    .option push
    .option norvc
traps:
    .rept 32
    j       trap
    .endr
    .option pop

trap:
    la      sp, firmware_stack_top
    csrr    a0, mcause
    csrr    a1, mepc
    call    firmware_trap
5:  j       5b
