/* server/rows.h - rows of the database as text, for backups: exact, the same from both engines.
 * A line is a row; fields stand between tabs, each begins with a letter that is its type:
 *   -  NULL      i-12  a number      tWORDS  text; \\ \t \n \r stand for backslash, tab, line ends
 *   b00ff  bytes in hex */
#ifndef SERVER_ROWS_H
#define SERVER_ROWS_H

#include "db.h"
#include "strbuf.h"

/** Adds the names of the columns of the statement that is open, tabs between, and a line end. */
void rows_add_names(struct ferry_strbuf *out, struct db *db);

/** Adds the row that the statement stands on. */
void rows_add(struct ferry_strbuf *out, struct db *db);

/** Reads a row out of the n bytes at line (no line end among them), which is changed: values point
 * into it. False: it is none, or has not exactly n_values fields. */
bool rows_take(char *line, size_t n, struct db_value *values, unsigned n_values);

#endif
