/* ports/sim/sim_flash.h - a NOR flash in memory that counts, keeps time and loses power on demand.
 * Tests and benches run the core on it; nothing of the product links it. Sectors are shared between
 * forks and copied when written, so that a fork for every flash operation of an update is cheap.
 * Timing: docs/design.md "The flash model". */
#ifndef SIM_FLASH_H
#define SIM_FLASH_H

#include "ferry/flash.h"

#include <stddef.h>

#define SIM_SECTOR_BYTES 4096u
#define SIM_BLOCK_BYTES  65536u

/** What power does to the operation it fails in. Programs and erases have their own ways. */
enum sim_cut {
    SIM_CUT_NONE,
    SIM_CUT_BEFORE,       // not begun
    SIM_CUT_AFTER,        // done, but the caller never learns
    SIM_CUT_PROG_PREFIX,  // some first bytes programmed, the next one perhaps in part
    SIM_CUT_PROG_BITS,    // any subset of the bits programmed
    SIM_CUT_PROG_HOLE,    // all programmed but a few bytes somewhere
    SIM_CUT_ERASE_PREFIX, // some first bytes erased
    SIM_CUT_ERASE_BITS,   // any subset of the bits erased
    SIM_CUT_ERASE_WEAK,   // reads blank or not, differently each time, until erased again
};

struct sim_sector;
struct sim_flash;

/** Called before every program and erase while power is on; for forking at each operation. */
struct sim_watch {
    /** op: 'W' or 'E'; src: what is programmed, NULL for an erase. */
    void (*before)(void *ctx, const struct sim_flash *s, char op, uint32_t off_bytes,
                   const void *src, uint32_t len_bytes);
    void *ctx;
};

struct sim_counts {
    uint32_t reads, progs, erases_4k, erases_64k, syncs;
    uint64_t read_bytes, prog_bytes, erased_bytes;
    uint64_t time_us;     // by the model
    uint32_t longest_us;  // longest single operation
    uint32_t wrong_progs; // programs that tried to turn a 0 into a 1
};

struct sim_flash {
    struct ferry_flash flash;
    struct sim_sector **sectors;
    uint32_t n_sectors;
    uint32_t *wear; // erases per sector; NULL in a fork
    struct sim_counts counts;
    struct sim_watch watch;
    uint32_t n_ops;     // programs and erases begun since power-on
    uint32_t cut_at_op; // power fails in this one, counted from 1; 0: never
    enum sim_cut cut;   // and so
    uint32_t random;    // state of the generator; the same seed gives the same damage
    bool has_power;
};

/** A blank chip of size_bytes (a multiple of a sector), program granularity prog_bytes.
 * Allocates; ends the program when memory runs out. */
void sim_flash_init(struct sim_flash *s, uint32_t size_bytes, uint32_t prog_bytes);

/** *to becomes a copy of *from with fresh counters, power on and no watch. */
void sim_flash_fork(struct sim_flash *to, const struct sim_flash *from, uint32_t seed);

void sim_flash_free(struct sim_flash *s);

/** Plans a power cut in the at_op-th program or erase from now. */
void sim_flash_plan_cut(struct sim_flash *s, uint32_t at_op, enum sim_cut cut);

/** Power is back, and operations are counted anew. */
void sim_flash_power_on(struct sim_flash *s);

/** Does to one operation what a cut would, at once, and leaves power off. op: 'W' or 'E'. */
void sim_flash_tear(struct sim_flash *s, char op, uint32_t off_bytes, const void *src,
                    uint32_t len_bytes, enum sim_cut cut);

/** Sets or reads bytes as a programmer on the bench would: no rules, no counting. */
void sim_flash_poke(struct sim_flash *s, uint32_t off_bytes, const void *src, uint32_t len_bytes);
void sim_flash_peek(const struct sim_flash *s, uint32_t off_bytes, void *dst, uint32_t len_bytes);

/** Flips one bit of one byte. */
void sim_flash_flip_bit(struct sim_flash *s, uint32_t off_bytes, unsigned bit);

#endif
