/* cli/shell_words.h - words of a command line that a user is told to type: quoted where a shell
 * needs it, and the device with the options that it was given, so that what is printed can be
 * pasted. cli_open_device (device_args.h) keeps the device. */
#ifndef CLI_SHELL_WORDS_H
#define CLI_SHELL_WORDS_H

#include <stddef.h>

#define CLI_SHELL_WORDS_BYTES 260u

/** The word as a shell takes it, in buf; instead, where it does not fit or holds control codes that
 * would steer the terminal. */
const char *cli_shell_word(char *buf, size_t n, const char *word, const char *instead);

/** The device that was opened last: "dump.bin", "'my dump.bin' --rollback=off",
 * "--port=/dev/ttyUSB0"; less than CLI_SHELL_WORDS_BYTES, "DEVICE" where that is too little or
 * nothing was opened. */
const char *cli_shell_device(void);

/** The same without options, for commands that take none: "DUMP" if it is no file. */
const char *cli_shell_file(void);

/** Begins anew: the device's path; a real chip's port has an option in front. */
void cli_shell_device_begin(const char *option, const char *path);

/** Adds --NAME=VALUE. */
void cli_shell_device_option(const char *name, const char *value);

#endif
