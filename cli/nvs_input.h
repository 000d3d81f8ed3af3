/* cli/nvs_input.h - the NVS store that a command is asked about: a partition of a virtual device or
 * of a flash dump, or a file that is nothing but such a partition; with the keys to read it. */
#ifndef CLI_NVS_INPUT_H
#define CLI_NVS_INPUT_H

#include "command.h"
#include "ferry/nvs.h"
#include "ferry/table.h"
#include "flash_file.h"
#include "nvs_keys.h"

#define NVS_PATH_BYTES   4096u
#define NVS_DETAIL_BYTES 256u

/** What the entries show of themselves. */
enum nvs_cipher {
    NVS_CIPHER_UNKNOWN, // there are none
    NVS_CIPHER_PLAIN,
    NVS_CIPHER_FITS,  // the keys decrypt them
    NVS_CIPHER_WRONG, // neither readable as they are nor by the keys, if there are any
};

/** An opened file with the region that is the store. Large; caller-owned. */
struct nvs_input {
    const char *path; // as given
    struct ferry_flash_file file;
    struct ferry_region region;
    bool is_image;              // the file is the partition
    bool is_read_only;          // flag of the partition
    struct ferry_partition row; // unless is_image
    uint8_t *bytes;             // the whole region, as in flash until it is decrypted; owned
    bool has_keys;
    struct ferry_xts xts; // open if has_keys
    enum nvs_cipher cipher;
    char keys_from[NVS_PATH_BYTES]; // file or partition label, for messages
    char flash_path[NVS_PATH_BYTES];
};

/** --partition, --image, --keys, --table-offset; for struct cli_command.shared. */
extern const struct argp_option nvs_input_options[];

#define NVS_INPUT_ABOUT                                                                            \
    "STORE is the directory of a virtual device, a file with the contents of a flash chip (a "     \
    "dump "                                                                                        \
    "or a merged image), or a file with nothing but an NVS partition. A file with a partition "    \
    "table at --table-offset is "                                                                  \
    "a flash chip's; one without, whose pages begin as those of NVS do, is a partition; --image "  \
    "says it of one that shows neither. Of a device the partition labelled 'nvs' is taken, or "    \
    "the only one of type nvs."
#define NVS_KEYS_ABOUT                                                                             \
    "An encrypted store is read with --keys, or with the keys in the device's own nvs_keys "       \
    "partition. A store that shows no readable entry is refused, so that nothing is taken for "    \
    "damage that is only encrypted."

/** Opens call->args[0]. Returns CLI_EXIT_OK, or the exit code to return: complained, and nothing is
 * open. */
int nvs_input_open(const struct cli_call *call, struct nvs_input *in, bool writable);
void nvs_input_close(struct nvs_input *in);

/** The cipher to read entries with, NULL for plain ones. */
const struct ferry_xts *nvs_input_xts(const struct nvs_input *in);

/** CLI_EXIT_OK unless the entries cannot be read for want of the right keys; else complains. */
int nvs_input_need_keys(const struct cli_call *call, const struct nvs_input *in);

/** An open store with its work memory. */
struct nvs_store {
    struct ferry_nvs nvs;
    void *work;                // owned
    struct ferry_flash memory; // of a store that is only read
};

/** Decrypts the written entries in in->bytes; erased ones stay as they are. Nothing to do for a
 * plain store. FERRY_ERR_NVS_CRYPT. */
FERRY_MUST_CHECK ferry_err nvs_input_decrypt(struct nvs_input *in);

/** Mounts in->bytes, decrypted and repaired as a mount on the device would, for reading. Kept: in,
 * until the store is closed; the store may not be moved. Returns an exit code as above. */
int nvs_store_open(const struct cli_call *call, struct nvs_input *in, struct nvs_store *store);
void nvs_store_close(struct nvs_store *store);

/** A change to a store; called a first time on a copy in memory, and only if it succeeds there on
 * the flash. What it prints or remembers must bear being done twice. */
typedef ferry_err nvs_change(struct ferry_nvs *nvs, void *ctx);

/** Makes a change, or leaves every byte as it is. *changed: false if there was nothing to write.
 * Returns CLI_EXIT_OK, or the exit code after complaining; what names the key in the complaint. */
int nvs_input_change(const struct cli_call *call, struct nvs_input *in, nvs_change *change,
                     void *ctx, const char *what, bool *changed);

/** Reports a failure of the store; what (may be NULL) names the key or namespace. */
int nvs_fail(const struct cli_call *call, const struct nvs_input *in,
             const struct ferry_fault *fault, const char *what);

#endif
