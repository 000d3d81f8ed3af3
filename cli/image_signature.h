/* cli/image_signature.h - keys on the command line, and the signatures behind an image. */
#ifndef CLI_IMAGE_SIGNATURE_H
#define CLI_IMAGE_SIGNATURE_H

#include "ferry/signature.h"
#include "image_file.h"
#include "sign_key.h"

/** Reads the PEM file of a key. Returns CLI_EXIT_OK, or the exit code after complaining. */
int image_key_read(const struct cli_call *call, const char *path, struct ferry_sign_key *key);

/** Reads the trusted keys: files of opt_key, digests of opt_digest; n_keys is 0 if none is given.
 * Returns CLI_EXIT_OK, or the exit code after complaining. */
int image_trust_read(const struct cli_call *call, int opt_key, int opt_digest,
                     struct ferry_trust *trust);

/** Checks the signature of a good image against the trusted keys. What is said of it then is in
 * found: err, the fault and esp_err, or with the signature a longer image_bytes. */
void image_signature_verify(const struct image_file *f, const struct ferry_trust *trust,
                            struct image_found *found);

/** Prints the blocks behind a good image, and adds them to the JSON object as "signatures". */
void image_signature_show(struct cli_output *out, const struct image_file *f,
                          const struct image_found *found);

#endif
