/* firmware/demo/table.S - DEMO_TABLE_KB KB of samples that no compression makes small, so that a
 * download takes as long as that of a real application. */
    .file   "table.S"
    .section .rodata.table, "a"
    .balign 4
    .global demo_table_start
    .global demo_table_end
demo_table_start:
    .set sample, 1
    .rept DEMO_TABLE_KB * 256
    .word sample
    .set sample, (sample * 1664525 + 1013904223) & 0xffffffff
    .endr
demo_table_end:
