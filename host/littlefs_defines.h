/* host/littlefs_defines.h - what the littlefs library is compiled with; it includes this itself.
 * Its assertions hold for what it wrote itself. A flash file is anybody's, so here a broken one is
 * an error like others: ferry_littlefs_run returns FERRY_ERR_FS_DAMAGED. */
#ifndef FERRY_LITTLEFS_DEFINES_H
#define FERRY_LITTLEFS_DEFINES_H

#define LFS_ASSERT(test) ((test) ? (void)0 : ferry_littlefs_broken())

/** Does not return. */
__attribute__((noreturn)) void ferry_littlefs_broken(void);

#endif
