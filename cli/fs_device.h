/* cli/fs_device.h - the file system that `ferry fs` is asked about: which partition of a device it
 * is in, and doing something with it. A change is tried in memory first; what is refused there has
 * changed nothing. The file system itself: host/littlefs_fs.h. */
#ifndef CLI_FS_DEVICE_H
#define CLI_FS_DEVICE_H

#include "command.h"
#include "littlefs_fs.h"
#include "vdevice.h"

#define FS_OPT_PARTITION 0x1f00
#define FS_OPT_IMAGE     0x1f01

/** Which file system, for tables of options of their own; and the table of nothing else. */
#define FS_OPTION_ROWS                                                                             \
    {0, 0, 0, 0, "Which file system:", 7},                                                         \
        {"partition",                                                                              \
         FS_OPT_PARTITION,                                                                         \
         "LABEL",                                                                                  \
         0,                                                                                        \
         "The partition it is in (the first data partition that holds a littlefs)",                \
         7},                                                                                       \
    {                                                                                              \
        "image", FS_OPT_IMAGE, 0, 0, "The file is nothing but a file system", 7                    \
    }

extern const struct argp_option fs_options[];

/** For struct cli_command.about. */
#define FS_DEVICE_ABOUT                                                                            \
    "DEVICE is the directory of a virtual device, a flash dump, a merged image, or a file that "   \
    "is nothing but a file system. Paths in the file system begin at its root, with or without a " \
    "slash."

#if FERRY_LITTLEFS
#define FS_BUILT_ABOUT ""
#else
#define FS_BUILT_ABOUT                                                                             \
    "\nThis ferry was built without littlefs, so this command does nothing; "                      \
    "scripts/fetch_littlefs.sh brings it for the next build."
#endif

enum fs_mode { FS_READ, FS_WRITE, FS_MAKE };

/** An opened device and the part of it that is meant. Large; caller-owned. */
struct fs_device {
    struct ferry_vdevice v;
    struct ferry_region region;
    char label[40]; // printable; "" if the file is nothing but a file system
};

/** Opens call->args[0] and finds the file system, or with FS_MAKE a place for one. Returns
 * CLI_EXIT_OK, or the exit code after complaining; then nothing is open. */
int fs_open(const struct cli_call *call, struct fs_device *d, enum fs_mode mode);
void fs_close(struct fs_device *d);

/** Mounts and does the job for reading. Returns CLI_EXIT_OK or complains; *exit_code, if it is not
 * NULL and set by the job, is returned and nothing more is said. */
int fs_read(const struct cli_call *call, struct fs_device *d, ferry_littlefs_job *job, void *ctx,
            const int *exit_code);

/** Does the job on a copy and then, if that has changed anything, on the flash. The job is the same
 * both times and begins its account anew. Returns CLI_EXIT_OK or complains. */
int fs_change(const struct cli_call *call, struct fs_device *d, ferry_littlefs_job *job, void *ctx);

/** Complains about an error of the file system; why may be of another error, then only err counts.
 */
int fs_fail(const struct cli_call *call, const struct fs_device *d, ferry_err err,
            const struct ferry_littlefs_fault *why);

/** Makes call->args[i] a path in the file system. Returns CLI_EXIT_OK or complains. */
int fs_path_arg(const struct cli_call *call, int i, char path[FERRY_LITTLEFS_PATH_BYTES]);

/** The last name of a path; "" for the root. */
const char *fs_base(const char *path);

/** Puts folder and name together. False: longer than a path can be. */
bool fs_join(char path[FERRY_LITTLEFS_PATH_BYTES], const char *folder, const char *name);

#endif
