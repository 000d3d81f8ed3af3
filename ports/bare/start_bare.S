/* ports/bare/start_bare.S - first instructions: one hart goes on, stack, traps, bss, then
 * firmware_main. What the caller left in a0 is passed on: the bootloader says there where in flash
 * the app lies. */
    .file   "start_bare.S"
    .option arch, +zicsr

    .section .text.start, "ax"
    .balign 4
    .global firmware_start
firmware_start:
    csrci   mstatus, 8              /* no interrupt is ever taken */
    csrw    mie, zero
    csrr    t0, mhartid
    beqz    t0, 2f
1:  wfi                             /* the other harts are not needed */
    j       1b
2:  .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    la      t0, trap
    csrw    mtvec, t0
    la      t0, firmware_bss_start
    la      t1, firmware_bss_end
3:  bgeu    t0, t1, 4f
    sw      zero, 0(t0)
    addi    t0, t0, 4
    j       3b
4:  la      t0, firmware_stack_low  /* painted, to see later how deep it went */
    la      sp, firmware_stack_top
    li      t1, 0xa5a5a5a5
5:  sw      t1, 0(t0)
    addi    t0, t0, 4
    bltu    t0, sp, 5b
    call    firmware_main
6:  j       6b

    .balign 4
trap:
    la      sp, firmware_stack_top
    csrr    a0, mcause
    csrr    a1, mepc
    call    firmware_trap
7:  j       7b
