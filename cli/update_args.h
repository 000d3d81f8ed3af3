/* cli/update_args.h - the options of `ferry update`, and the manifest that may stand for some. */
#ifndef CLI_UPDATE_ARGS_H
#define CLI_UPDATE_ARGS_H

#include "agent/manifest.h"
#include "device_args.h"
#include "ferry/update.h"
#include "http_args.h"
#include "source_named.h"

extern const struct argp_option cli_update_options[];

/** The command line, read; pointers go into argv or into this struct. */
struct cli_update_args {
    struct ferry_update_config config;
    struct cli_http_args server;
    const char *given_source; // as on the command line
    const char *source;       // where the image is: that, or what the manifest names
    const char *slot;         // --slot; NULL: the next one
    bool has_manifest;
    bool boot;
    bool is_anew; // --no-resume
    uint32_t chunk_bytes;
    uint8_t *buffer; // chunk_bytes
    uint8_t sha256[FERRY_SHA256_BYTES];
    struct ferry_manifest manifest;
};

/** Reads the options. Returns CLI_EXIT_OK or the exit code after complaining. */
int cli_update_read_args(const struct cli_call *call, struct cli_update_args *args);

/** Finds --slot in the device's table. */
int cli_update_slot(const struct cli_call *call, const struct ferry_vdevice *v,
                    struct cli_update_args *args);

/** If the source is a manifest, loads it: it names the image and adds its promises to those of the
 * command line. Where both promise, they must agree. */
int cli_update_manifest(const struct cli_call *call, struct cli_update_args *args,
                        const struct ferry_cancel *cancel);

/** Says that a source failed, as the sentence has it, and is asked again after the pause. */
void cli_update_say_retry(struct cli_output *out, const char *sentence, uint32_t pause_ms,
                          uint32_t n, uint32_t n_most);

void cli_update_free_args(struct cli_update_args *args);

#endif
