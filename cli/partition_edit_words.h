/* cli/partition_edit_words.h - an edit for a person to read, and as JSON: the table before and
 * after, and what becomes of the contents. */
#ifndef CLI_PARTITION_EDIT_WORDS_H
#define CLI_PARTITION_EDIT_WORDS_H

#include "command.h"
#include "partition_copy.h"

/** Prints both tables and what is gone, and adds "before", "after" and "gone" to the JSON object.
 * copy NULL: the table alone is edited, there are no contents. */
void partition_edit_show(const struct cli_call *call, const struct ferry_edit *e,
                         const struct ferry_copy *copy);

#endif
