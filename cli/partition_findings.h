/* cli/partition_findings.h - what is worth knowing of a partition table that breaks no rule: what
 * will not work on the device, and where its flash goes unused. */
#ifndef CLI_PARTITION_FINDINGS_H
#define CLI_PARTITION_FINDINGS_H

#include "partition_input.h"

/** PROBLEM: Espressif's tool, bootloader or app refuses the table. WARNING: it works, but hardly as
 * meant. NOTE: good to know. */
enum finding_level { FINDING_PROBLEM, FINDING_WARNING, FINDING_NOTE };

/** Where findings go. */
struct findings {
    void (*each)(void *ctx, enum finding_level level, const char *text);
    void *ctx;
    unsigned n[3]; // of each level
};

__attribute__((format(printf, 3, 4))) void finding(struct findings *f, enum finding_level level,
                                                   const char *fmt, ...);

/** Looks at in->partitions, which partition_input_decode has filled. */
void find_in_layout(struct findings *f, const struct partition_input *in);

#endif
