/* server/backup.h - a whole server in one tar file, and a server out of it.
 * Rows are written as text (rows.h), the same from both engines, so that what was SQLite can be
 * restored as PostgreSQL and back. In it, in this order:
 *   backup.txt        format, program, version of the schema
 *   rows/TABLE/N      the table's rows: a line of column names, then one for each row
 *   files/PATH        the files of the state folder, the firmware in files/blobs/
 *   SHA256SUMS        of all of them; `sha256sum -c` checks what was unpacked by hand */
#ifndef SERVER_BACKUP_H
#define SERVER_BACKUP_H

#include "archive_out.h"
#include "db.h"

#define BACKUP_FORMAT 1

/** What a backup or a restore has moved. */
struct backup_report {
    uint64_t n_rows, n_files, n_bytes; // bytes: of the files
    bool has_root_key;                 // ca/root.key is among them
    unsigned n_damaged;                // blobs that are not what their name says
    char damaged[65];                  // one of them
};

/** Writes the state folder dir and its database into a new file, in one consistent view, while
 * servers run. `skip` is the path of the SQLite database (NULL: none), which is rows here and not a
 * file. False: why. */
bool backup_write(struct db *db, const char *dir, const char *skip, const char *file,
                  struct backup_report *report, char why[ARCHIVE_WHY_BYTES]);

/** Makes the state folder dir, which must not be there or be empty, out of a backup, and fills its
 * database, which must be empty: the one that the settings in the backup name, or `where` as
 * db_open takes it (then the settings get it). Nothing is made before the whole file was checked;
 * dir gets its name when all is done. False: why. */
bool backup_restore(const char *file, const char *dir, const char *where,
                    struct backup_report *report, char why[ARCHIVE_WHY_BYTES]);

#endif
