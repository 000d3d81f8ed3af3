/* host/sentence.c - one table of sentences, and the small language they are written in.
 * A template names what it shows in braces: {v} {l} {o} are the fault's value, limit and offset,
 * with a form behind a colon (x hex, chip, rev, slot, ver); {file} {slot} {detail} come from the
 * caller, with a word behind a bar for when he does not know. A part in brackets is left out if
 * something in it is not known. */
#include "sentence.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ferry/chip.h"
#include "ferry/device.h"
#include "ferry/partition.h"

#define AT_OFFSET "[ at offset {o:x}]"
#define WHY       "[: {detail}]"

#define SENTENCES(X)                                                                               \
    X(FERRY_OK, "ok")                                                                              \
    X(FERRY_AGAIN, "the work is not finished yet")                                                 \
    X(FERRY_ERR_ARG, "argument {v} is out of range[; the limit is {l}]" WHY)                       \
    X(FERRY_ERR_STATE, "this cannot be done now" WHY)                                              \
    X(FERRY_ERR_WORK_SIZE, "work memory is {v} bytes; at least {l} are needed")                    \
    X(FERRY_ERR_NOT_FOUND, "{file|what was asked for} was not found" WHY)                          \
    X(FERRY_ERR_CANCELLED, "cancelled by the user" WHY)                                            \
    X(FERRY_ERR_NO_MEMORY, "out of memory" WHY)                                                    \
    X(FERRY_ERR_TRUNC,                                                                             \
      "{file|the input} ends inside a field" AT_OFFSET "[: {v} bytes of {l}]" WHY)                 \
    X(FERRY_ERR_RANGE,                                                                             \
      "{file|a length or an offset} is out of range[: {v}; the limit is {l}]" WHY)                 \
    X(FERRY_ERR_SYNTAX, "{file|the input} is not well formed" AT_OFFSET WHY)                       \
    X(FERRY_ERR_FLASH_IO, "cannot read or write the flash[ {file}]" AT_OFFSET WHY)                 \
    X(FERRY_ERR_FLASH_RANGE, "access[ at {v:x}] leaves the flash[ of {l} bytes]" WHY)              \
    X(FERRY_ERR_FLASH_ALIGN, "offset {v:x} is not a multiple of {l} bytes, as flash needs it" WHY) \
    X(FERRY_ERR_FLASH_PROTECTED,                                                                   \
      "{slot|the region} at {v:x} holds the bootloader or the partition table; "                   \
      "the first offset that may be written is {l:x}")                                             \
    X(FERRY_ERR_FLASH_VERIFY, "{slot|the flash} does not hold what was written" AT_OFFSET WHY)     \
    X(FERRY_ERR_FLASH_LOCKED, "another process uses {file|this flash}" WHY)                        \
    X(FERRY_ERR_FLASH_FULL, "no space left on the disk that holds {file|the flash file}" WHY)      \
    X(FERRY_ERR_TABLE_MAGIC, "there is no partition table[ at {o:x}][: the first two bytes are "   \
                             "{v:x} instead of {l:x}]")                                            \
    X(FERRY_ERR_TABLE_ROW,                                                                         \
      "the partition table's row {o0} is neither a partition nor its MD5 nor "                     \
      "the end[: it begins with {v:x}, a partition with {l:x}]")                                   \
    X(FERRY_ERR_TABLE_MD5, "the partition table's MD5 does not match its rows: the table is "      \
                           "damaged")                                                              \
    X(FERRY_ERR_TABLE_MD5_TWICE, "the partition table has a second MD5 row, row {o0}")             \
    X(FERRY_ERR_TABLE_END, "the partition table has no end marker in its {l} rows")                \
    X(FERRY_ERR_TABLE_SIZE, "{slot|a partition} ends at {v:x}; the flash ends at {l:x}")           \
    X(FERRY_ERR_TABLE_FULL, "{v} partitions are too many; a table holds {l}")                      \
    X(FERRY_ERR_TABLE_DUPLICATE,                                                                   \
      "the partition table has otadata or one of the app slots twice" WHY)                         \
    X(FERRY_ERR_TABLE_RULE, "{slot|a partition} breaks a rule of the partition table" WHY)         \
    X(FERRY_ERR_NO_OTADATA, "the partition table has no otadata partition, so no other slot can "  \
                            "be selected")                                                         \
    X(FERRY_ERR_OTADATA_SIZE, "the otadata partition is {v} bytes; it needs {l}")                  \
    X(FERRY_ERR_NO_SLOT, "the partition table has no spare OTA slot to update into")               \
    X(FERRY_ERR_SLOT_GAP, "the OTA slots do not count up from ota_0 without gaps" WHY)             \
    X(FERRY_ERR_IMAGE_MAGIC, "{file|the image} is not an ESP application image[: it begins with "  \
                             "{v:x2} instead of {l:x2}]")                                          \
    X(FERRY_ERR_IMAGE_CHIP, "{file|the image} is for {v:chip}; the device is {l:chip}")            \
    X(FERRY_ERR_IMAGE_REV_MIN, "{file|the image} needs chip revision {v:rev} or newer; the "       \
                               "device is {l:rev}")                                                \
    X(FERRY_ERR_IMAGE_REV_MAX, "{file|the image} supports chip revisions up to {v:rev}; the "      \
                               "device is {l:rev}")                                                \
    X(FERRY_ERR_IMAGE_BLK_REV, "{file|the image} does not support this eFuse block revision[: it " \
                               "names {v:rev}; the device has {l:rev}]")                           \
    X(FERRY_ERR_IMAGE_SEGMENTS, "{file|the image} has {v} segments; at most {l} are possible")     \
    X(FERRY_ERR_IMAGE_SEG_LEN, "{file|the image} has a segment" AT_OFFSET " with the impossible "  \
                               "length {v}[; the limit is {l}]")                                   \
    X(FERRY_ERR_IMAGE_SEG_ALIGN, "{file|the image} has a segment" AT_OFFSET " that does not line " \
                                 "up with the flash page: load address {v:x}, page {l:x}")         \
    X(FERRY_ERR_IMAGE_NO_DESC, "{file|the image} has no application descriptor, so it is no app")  \
    X(FERRY_ERR_IMAGE_TRUNC, "{file|the image} is cut short[: it has {v} bytes and needs {l}]")    \
    X(FERRY_ERR_IMAGE_SIZE, "{file|the image} is {v} bytes; {slot|the slot} holds {l}")            \
    X(FERRY_ERR_IMAGE_CHECKSUM, "{file|the image} is damaged: its checksum is {v:x2}, its bytes "  \
                                "give {l:x2}")                                                     \
    X(FERRY_ERR_IMAGE_HASH, "{file|the image} is damaged: its SHA-256 does not match its bytes")   \
    X(FERRY_ERR_IMAGE_SECURE_VERSION, "{file|the image} has secure version {v}; the device "       \
                                      "accepts {l} and above")                                     \
    X(FERRY_ERR_IMAGE_MERGED, "{file|the file} is a whole flash image with bootloader and "        \
                              "partition table, not an application image: 'ferry image extract' "  \
                              "takes the app out of it")                                           \
    X(FERRY_ERR_PARTITION_LIMIT, "{slot|the partition} is {v} bytes; the chip can map {l}")        \
    X(FERRY_ERR_SIGNATURE_NONE, "{file|the image} is not signed, or its signature is damaged" WHY) \
    X(FERRY_ERR_SIGNATURE_KEY, "{file|the image} is signed, but not with a trusted key" WHY)       \
    X(FERRY_ERR_SIGNATURE_BAD, "{file|the image} is not what was signed: the signature does not "  \
                               "hold" WHY)                                                         \
    X(FERRY_ERR_SIGNATURE_FULL, "{file|the image} would have {v} signatures; at most {l} are "     \
                                "possible" WHY)                                                    \
    X(FERRY_ERR_UPDATE_LENGTH, "{file|the image} is {v} bytes; {l} were promised")                 \
    X(FERRY_ERR_UPDATE_CRC, "{file|the image} has CRC32 {v:x8}; {l:x8} was promised")              \
    X(FERRY_ERR_UPDATE_SHA, "{file|the image} has another SHA-256 than was promised" WHY)          \
    X(FERRY_ERR_UPDATE_PROJECT, "{file|the image} belongs to another project than the running "    \
                                "app[: {detail}]")                                                 \
    X(FERRY_ERR_UPDATE_DOWNGRADE, "{file|the image} is older than the running version" WHY)        \
    X(FERRY_ERR_UPDATE_MIN_VERSION, "{file|the image} is older than the required minimum" WHY)     \
    X(FERRY_ERR_UPDATE_COMPARE, "the version of {file|the image} cannot be compared with the "     \
                                "required one" WHY)                                                \
    X(FERRY_ERR_UPDATE_PENDING,                                                                    \
      "the running app[ in {slot}] is not confirmed yet: confirm it or reject it first")           \
    X(FERRY_ERR_UPDATE_RUNNING, "{slot|the target slot} is the one that runs; an update never "    \
                                "overwrites it")                                                   \
    X(FERRY_ERR_UPDATE_EMPTY, "{file|the source} gave no data")                                    \
    X(FERRY_ERR_CHECKPOINT, "the checkpoint was made for another update or is damaged")            \
    X(FERRY_ERR_REFLASH_NONE, "the journal[ at {o:x}] holds no reflash plan")                      \
    X(FERRY_ERR_REFLASH_UNFINISHED, "a reflash plan is not finished yet: resume it or give it up") \
    X(FERRY_ERR_REFLASH_FORMAT, "the reflash plan is damaged or of another version" AT_OFFSET)     \
    X(FERRY_ERR_REFLASH_STEPS, "{v} steps or marks are too many; a reflash plan holds {l}")        \
    X(FERRY_ERR_REFLASH_SIZE, "the content is {v} bytes; its destination has {l}" WHY)             \
    X(FERRY_ERR_REFLASH_OVERLAP, "the range at {v:x} overlaps the one at {l:x}" WHY)               \
    X(FERRY_ERR_REFLASH_RUNNING, "the range at {v:x} overlaps the running app at {l:x}" WHY)       \
    X(FERRY_ERR_REFLASH_JOURNAL, "the journal's sector {v:x} lies in the range at {l:x}" WHY)      \
    X(FERRY_ERR_REFLASH_SOURCE, "the source at {o:x} does not hold what the plan says" WHY)        \
    X(FERRY_ERR_REFLASH_WINDOW, "a power cut while {v} sectors are written ({l} ms) would need a " \
                                "cable to repair; this must be allowed explicitly")                \
    X(FERRY_ERR_REFLASH_PLACE, "the content does not belong at {v:x}[; its place is {l:x}]" WHY)   \
    X(FERRY_ERR_REFLASH_LOST, "the new layout would lose the NVS partition at {v:x}" WHY)          \
    X(FERRY_ERR_REFLASH_FULL, "{v} bytes do not fit; the area has {l} left")                       \
    X(FERRY_ERR_REFLASH_STAGING,                                                                   \
      "no partition of {v} bytes can serve as staging area[; the largest that is free has {l}]")   \
    X(FERRY_ERR_REFLASH_BACKUP, "the reflash plan kept no backup, so there is nothing to undo")    \
    X(FERRY_ERR_REFLASH_BEGUN,                                                                     \
      "step {v} of the reflash plan was begun, and it can only be finished now")                   \
    X(FERRY_ERR_REFLASH_UNSETTLED, "the next boot would start the app at {v:x}, not the running "  \
                                   "one at {l:x}: confirm or settle the update first" WHY)         \
    X(FERRY_ERR_REFLASH_PLAIN, "the partition at {l:x} is not encrypted, but a plan on a device "  \
                               "with flash encryption reads and writes encrypted" WHY)             \
    X(FERRY_ERR_OTADATA_VERIFY, "otadata does not hold what was written to it" AT_OFFSET)          \
    X(FERRY_ERR_OTADATA_SEQ, "the otadata sequence number {v} is used up; the limit is {l}")       \
    X(FERRY_ERR_SLOT_FACTORY, "the factory app runs: there is nothing to confirm or to reject")    \
    X(FERRY_ERR_SLOT_UNKNOWN, "it is not known which slot runs" WHY)                               \
    X(FERRY_ERR_SLOT_INVALID, "{slot|the slot} was rejected before and would not be booted" WHY)   \
    X(FERRY_ERR_SLOT_NO_ENTRY, "the running slot[ {slot}] has no valid otadata entry")             \
    X(FERRY_ERR_ROLLBACK_NONE, "there is no other bootable app to go back to" WHY)                 \
    X(FERRY_ERR_NOT_FORCED, "no other slot is selected, so there is nothing to cancel")            \
    X(FERRY_ERR_NO_BOOT, "nothing bootable was found: the chip would reset forever" WHY)           \
    X(FERRY_ERR_NET_URL, "{file|the address} is not an address this source understands" WHY)       \
    X(FERRY_ERR_NET_CONNECT, "cannot connect to {file|the server}" WHY)                            \
    X(FERRY_ERR_NET_TLS, "the secure connection to {file|the server} failed" WHY)                  \
    X(FERRY_ERR_NET_TIMEOUT, "{file|the server} stopped answering[: {v} ms without a byte, the "   \
                             "limit is {l}]" WHY)                                                  \
    X(FERRY_ERR_NET_CLOSED, "{file|the server} closed the connection early[: {v} bytes of {l} "    \
                            "came]" WHY)                                                           \
    X(FERRY_ERR_NET_STATUS, "{file|the server} answered[ with status {v}]" WHY)                    \
    X(FERRY_ERR_NET_REDIRECT, "a redirect from {file|the server} was refused" WHY)                 \
    X(FERRY_ERR_NET_TYPE, "{file|the server} sent a web page, not a firmware file" WHY)            \
    X(FERRY_ERR_NET_LENGTH, "{file|the server} sent {v} bytes; {l} were announced or fit" WHY)     \
    X(FERRY_ERR_NET_PROTOCOL, "{file|the server} broke the protocol" WHY)                          \
    X(FERRY_ERR_NET_INSECURE,                                                                      \
      "{file|the image} is unsigned and would come over plain http, which "                        \
      "is not allowed here")                                                                       \
    X(FERRY_ERR_NET_LIBRARY, "libcurl, which fetches from {file|servers}, cannot be loaded" WHY)   \
    X(FERRY_ERR_MANIFEST, "the manifest[ {file}] is not usable" WHY)                               \
    X(FERRY_ERR_MANIFEST_SIZE, "the manifest is {v} bytes; at most {l} are read")                  \
    X(FERRY_ERR_FILE_OPEN, "cannot open {file|the file}" WHY)                                      \
    X(FERRY_ERR_FILE_READ, "cannot read {file|the file}" WHY)                                      \
    X(FERRY_ERR_FILE_WRITE, "cannot write {file|the file}" WHY)                                    \
    X(FERRY_ERR_FILE_EXISTS, "{file|the file} exists already and is not overwritten" WHY)          \
    X(FERRY_ERR_DEVICE_JSON, "{file|device.json} is not usable" WHY)                               \
    X(FERRY_ERR_FLASH_SIZE, "{file|the flash} is {v} bytes, which is not a flash size[: it must "  \
                            "be a multiple of {l}]" WHY)                                           \
    X(FERRY_ERR_CHIP_UNKNOWN, "the chip is not known" WHY)                                         \
    X(FERRY_ERR_CSV, "{file|the partition CSV} is not usable" WHY)                                 \
    X(FERRY_ERR_ELF, "{file|the ELF file} is not usable" WHY)                                      \
    X(FERRY_ERR_IMAGE_LAYOUT, "{file|the ELF file} cannot be laid out as an image" WHY)            \
    X(FERRY_ERR_KEY, "the key {file|file} is not usable" WHY)                                      \
    X(FERRY_ERR_UNSOUND, "{file|the device} has findings that are not repaired: {v}")              \
    X(FERRY_ERR_NVS_PAGES,                                                                         \
      "the NVS partition has {v} pages of 4096 bytes; it needs {l} to be written")                 \
    X(FERRY_ERR_NVS_VERSION,                                                                       \
      "an NVS page" AT_OFFSET                                                                      \
      " is of a later format: its version byte is {v:x}, this ferry knows down to {l:x}")          \
    X(FERRY_ERR_NVS_NO_FREE, "the NVS partition has no free page, so it can only be read" WHY)     \
    X(FERRY_ERR_NVS_NAMESPACE, "NVS has no namespace {detail|of this name}")                       \
    X(FERRY_ERR_NVS_KEY, "NVS has no key {detail|of this name}")                                   \
    X(FERRY_ERR_NVS_TYPE, "the key holds a value of type {v:x}, not {l:x}" WHY)                    \
    X(FERRY_ERR_NVS_KEY_LENGTH, "an NVS key or namespace has 1 to {l} characters, not {v}" WHY)    \
    X(FERRY_ERR_NVS_VALUE_LENGTH, "the value is {v} bytes; {l} are possible here" WHY)             \
    X(FERRY_ERR_NVS_FULL,                                                                          \
      "the NVS partition is full[: the value needs {v} entries of 32 bytes, {l} can be had]" WHY)  \
    X(FERRY_ERR_NVS_NAMESPACES, "NVS has {v} namespaces, all it can number" WHY)                   \
    X(FERRY_ERR_NVS_READ_ONLY, "this NVS partition is open for reading only" WHY)                  \
    X(FERRY_ERR_NVS_BUFFER, "the value is {v} bytes; there is room for {l}" WHY)                   \
    X(FERRY_ERR_NVS_DATA, "the value" AT_OFFSET " is damaged: its CRC does not match" WHY)         \
    X(FERRY_ERR_NVS_CRYPT, "an NVS entry" AT_OFFSET " could not be encrypted or decrypted" WHY)    \
    X(FERRY_ERR_FS_NONE, "{slot|the partition} holds no littlefs" WHY)                             \
    X(FERRY_ERR_FS_VERSION,                                                                        \
      "the littlefs in {slot|the partition} is of a format that is not known" WHY)                 \
    X(FERRY_ERR_FS_DAMAGED,                                                                        \
      "the file system in {slot|the partition} is damaged[ where {file} is or should be]" WHY)     \
    X(FERRY_ERR_FS_FULL, "the file system in {slot|the partition} is full[: {file} does not "      \
                         "fit][: {v} bytes are too many where {l} are free]" WHY)                  \
    X(FERRY_ERR_FS_PATH, "the file system[ in {slot}] has no {file|such file or folder}" WHY)      \
    X(FERRY_ERR_FS_NOT_FOLDER, "{file|what was named} is not a folder[ in {slot}]" WHY)            \
    X(FERRY_ERR_FS_IS_FOLDER, "{file|what was named} is a folder[ in {slot}]" WHY)                 \
    X(FERRY_ERR_FS_EXISTS, "{file|what was named} is there already[ in {slot}]" WHY)               \
    X(FERRY_ERR_FS_NOT_EMPTY, "{file|the folder}[ in {slot}] is not empty" WHY)                    \
    X(FERRY_ERR_FS_NAME, "{file|the name} is no name for a file or folder[ in {slot}][: {v} "      \
                         "bytes are too long; the limit is {l}]" WHY)                              \
    X(FERRY_ERR_FS_FILE_SIZE, "{file|the file} is {v} bytes; a file[ in {slot}] has at most {l}")  \
    X(FERRY_ERR_FS_SIZE, "the file system is {v} bytes; {slot|its partition} has {l}" WHY)         \
    X(FERRY_ERR_FS_LEFT_OUT, "this ferry was built without littlefs, which "                       \
                             "scripts/fetch_littlefs.sh brings; then build it again")              \
    X(FERRY_ERR_NO_ROLLBACK, "the bootloader has no app rollback, so an application that does "    \
                             "not know of updates would never give the device back" WHY)           \
    X(FERRY_ERR_JOIN, "the join string is not usable" WHY)                                         \
    X(FERRY_ERR_PIN, "no root certificate of {file|the server} is the pinned one" WHY)             \
    X(FERRY_ERR_NOT_ENROLLED, "the device has no certificate and no token to ask for one" WHY)     \
    X(FERRY_ERR_ENROL, "{file|the server} does not enrol this device" WHY)                         \
    X(FERRY_ERR_RELEASE_NEEDED, "{file|the server} knows this device with another key: an "        \
                                "operator must release it" WHY)                                    \
    X(FERRY_ERR_RELEASE_BAD, "the release failed on this device before" WHY)                       \
    X(FERRY_ERR_NO_APP, "no slot holds an application to start" WHY)                               \
    X(FERRY_ERR_SERVER_STATE, "the state folder[ {file}] of the server is not usable" WHY)         \
    X(FERRY_ERR_DATABASE, "the database of the server is not usable" WHY)                          \
    X(FERRY_ERR_RELEASE_REFUSED, "{file|the image} is no release" WHY)

/** NULL for a number that is no error of ours. No default: the compiler complains about an error
 * of ferry/err.h that has no sentence here. */
static const char *template_of(ferry_err err)
{
#define CASE(name, text)                                                                           \
    case name:                                                                                     \
        return text;
    switch (err) {
        SENTENCES(CASE)
    }
#undef CASE
    return NULL;
}

struct writer {
    char *buf;
    size_t n_bytes, at;
    const struct ferry_fault *fault;
    const struct ferry_about *about;
};

static void put(struct writer *w, const char *text, size_t n)
{
    const size_t room = w->n_bytes - w->at - 1;
    const size_t take = n < room ? n : room;
    memcpy(w->buf + w->at, text, take);
    w->at += take;
}

static void put_text(struct writer *w, const char *text)
{
    put(w, text, strlen(text));
}

const char *ferry_thousands(char *buf, size_t n_bytes, uint64_t n)
{
    char digits[24];
    const int n_digits = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
    size_t at = 0;
    for (int i = 0; i < n_digits && at + 2 < n_bytes; i++) {
        if (i && (n_digits - i) % 3 == 0)
            buf[at++] = ',';
        buf[at++] = digits[i];
    }
    buf[at] = '\0';
    return buf;
}

static void slot_text(char out[40], uint32_t value)
{
    const int32_t slot = (int32_t)value;
    if (slot == FERRY_SLOT_FACTORY)
        snprintf(out, 40, "factory");
    else if (slot == FERRY_SLOT_TEST)
        snprintf(out, 40, "test");
    else
        snprintf(out, 40, "ota_%d", (int)slot);
}

static void number_text(char out[40], uint32_t n, const char *form)
{
    if (!strcmp(form, "x")) {
        snprintf(out, 40, "0x%x", (unsigned)n);
    } else if (!strcmp(form, "x2")) {
        snprintf(out, 40, "0x%02x", (unsigned)n);
    } else if (!strcmp(form, "x8")) {
        snprintf(out, 40, "%08x", (unsigned)n);
    } else if (!strcmp(form, "rev")) {
        snprintf(out, 40, "v%u.%u", (unsigned)n / 100, (unsigned)n % 100);
    } else if (!strcmp(form, "slot")) {
        slot_text(out, n);
    } else if (!strcmp(form, "chip")) {
        const struct ferry_chip *chip = n > UINT16_MAX ? NULL : ferry_chip_by_id((uint16_t)n);
        if (chip)
            snprintf(out, 40, "%s", chip->name);
        else
            snprintf(out, 40, "an unknown chip (id 0x%x)", (unsigned)n);
    } else {
        ferry_thousands(out, 40, n);
    }
}

/** Writes what the braces' inside names; false if it is not known. */
static bool put_field(struct writer *w, const char *field)
{
    static const struct ferry_about nothing;
    const struct ferry_about *a = w->about ? w->about : &nothing;
    const struct ferry_fault *f = w->fault;
    char name[16], text[40];
    const size_t n_name = strcspn(field, ":|");
    snprintf(name, sizeof(name), "%.*s", (int)n_name, field);
    const char *rest = field[n_name] ? field + n_name + 1 : "";
    if (!strcmp(name, "v") || !strcmp(name, "l") || !strcmp(name, "o") || !strcmp(name, "o0")) {
        number_text(text,
                    name[0] == 'v'   ? f->value
                    : name[0] == 'l' ? f->limit
                                     : f->off_bytes,
                    rest);
        put_text(w, text);
        // A fault that gives neither number gives no number at all; an offset counts for itself.
        return name[0] == 'o' ? name[1] || f->off_bytes : f->value || f->limit;
    }
    const char *known = !strcmp(name, "file")   ? a->file
                        : !strcmp(name, "slot") ? a->slot
                                                : a->detail;
    if (!strcmp(name, "detail") && known && a->file && !strcmp(known, a->file))
        return false; // said already
    put_text(w, known ? known : rest);
    return known != NULL;
}

static const char *put_braces(struct writer *w, const char *t, bool *known)
{
    char field[64];
    const size_t n = strcspn(t, "}");
    snprintf(field, sizeof(field), "%.*s", (int)n, t);
    // A default word is as good as knowing.
    *known &= put_field(w, field) || strchr(field, '|');
    return t + n + 1;
}

const char *ferry_sentence(char *buf, size_t n_bytes, const struct ferry_fault *fault,
                           const struct ferry_about *about)
{
    struct writer w = {buf, n_bytes, 0, fault, about};
    const char *t = template_of(fault->err);
    if (!t) {
        snprintf(buf, n_bytes, "unknown error %d", (int)fault->err);
        return buf;
    }
    size_t part_at = 0;
    bool known = true;
    while (*t) {
        const char c = *t++;
        if (c == '[') {
            part_at = w.at;
            known = true;
        } else if (c == ']') {
            w.at = known ? w.at : part_at;
        } else if (c == '{') {
            t = put_braces(&w, t, &known);
        } else {
            put(&w, &c, 1);
        }
    }
    buf[w.at] = '\0';
    return buf;
}
