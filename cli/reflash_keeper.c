/* cli/reflash_keeper.c - where the checkpoints of staged contents are kept: a file for each, in the
 * directory of a virtual device, beside a bare dump. They go when the plan is in the journal. */
#include <stdio.h>

#include "keeper_file.h"
#include "reflash_job.h"

struct ferry_keeper *reflash_keeper(const struct reflash_job *job, uint32_t dest_off_bytes)
{
    static struct ferry_keeper_file file;
    static char path[FERRY_VDEVICE_PATH_BYTES + 32];
    const struct ferry_vdevice *v = &job->v;
    // A chip at a port keeps nothing beside itself, and each checkpoint would be a write to it.
    if (job->is_trial || v->real)
        return NULL;
    snprintf(path, sizeof(path), v->is_dir ? "%s/reflash-0x%x.resume" : "%s.reflash-0x%x.resume",
             v->path, (unsigned)dest_off_bytes);
    ferry_keeper_file_init(&file, path);
    return &file.keeper;
}

void reflash_drop_kept(const struct reflash_job *job)
{
    for (unsigned i = 0; i < job->n_goals; i++) {
        struct ferry_keeper *k = reflash_keeper(job, job->goals[i].step.dest_off_bytes);
        const ferry_err err = k ? k->ops->drop(k) : FERRY_OK;
        if (err)
            cli_warn(job->call->out, "%s cannot be removed; it is of no use any more",
                     ((struct ferry_keeper_file *)(void *)k)->path);
    }
}
