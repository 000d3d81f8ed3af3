/* ferry/err.h - every error the system can give, with its pinned number.
 * Included by everyone. The numbers travel in reports and JSON, so a number is never reused.
 * One list makes the enum, ferry_strerror() and the table in docs/errors.md. */
#ifndef FERRY_ERR_H
#define FERRY_ERR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FERRY_MUST_CHECK __attribute__((warn_unused_result))
#else
#define FERRY_MUST_CHECK
#endif

/* Hundreds: 1 the caller, 2 bytes, 4 flash, 5 partition table, 6 image, 7 update, 8 slots,
 * 9 network, 10 host tools, 11 NVS, 12 file systems, 13 agent. */
#define FERRY_ERR_LIST(X)                                                                          \
    X(FERRY_OK, 0, "ok")                                                                           \
    X(FERRY_AGAIN, -1, "work remains, call again")                                                 \
    X(FERRY_ERR_ARG, -100, "argument out of range")                                                \
    X(FERRY_ERR_STATE, -101, "call not allowed in this state")                                     \
    X(FERRY_ERR_WORK_SIZE, -102, "work memory is too small")                                       \
    X(FERRY_ERR_NOT_FOUND, -103, "not found")                                                      \
    X(FERRY_ERR_CANCELLED, -104, "cancelled by the user")                                          \
    X(FERRY_ERR_NO_MEMORY, -105, "out of memory")                                                  \
    X(FERRY_ERR_TRUNC, -200, "input ends inside a field")                                          \
    X(FERRY_ERR_RANGE, -201, "length or offset out of range")                                      \
    X(FERRY_ERR_SYNTAX, -202, "input is not well formed")                                          \
    X(FERRY_ERR_FLASH_IO, -400, "flash driver reported a failure")                                 \
    X(FERRY_ERR_FLASH_RANGE, -401, "access outside the flash or the region")                       \
    X(FERRY_ERR_FLASH_ALIGN, -402, "flash access is not aligned")                                  \
    X(FERRY_ERR_FLASH_PROTECTED, -403, "region holds the bootloader or the partition table")       \
    X(FERRY_ERR_FLASH_VERIFY, -404, "flash does not hold what was written")                        \
    X(FERRY_ERR_FLASH_LOCKED, -405, "another process uses this flash")                             \
    X(FERRY_ERR_FLASH_FULL, -406, "no space left on the disk that holds the flash file")           \
    X(FERRY_ERR_TABLE_MAGIC, -500, "no partition table at this offset")                            \
    X(FERRY_ERR_TABLE_ROW, -501, "partition table has a row that is not a partition")              \
    X(FERRY_ERR_TABLE_MD5, -502, "partition table MD5 does not match")                             \
    X(FERRY_ERR_TABLE_MD5_TWICE, -503, "partition table has a second MD5 row")                     \
    X(FERRY_ERR_TABLE_END, -504, "partition table has no end marker")                              \
    X(FERRY_ERR_TABLE_SIZE, -505, "partition lies outside the flash")                              \
    X(FERRY_ERR_TABLE_FULL, -506, "too many partitions for one table")                             \
    X(FERRY_ERR_TABLE_DUPLICATE, -507, "partition table names one slot or otadata twice")          \
    X(FERRY_ERR_TABLE_RULE, -508, "partition breaks a rule of the table")                          \
    X(FERRY_ERR_NO_OTADATA, -510, "partition table has no otadata partition")                      \
    X(FERRY_ERR_OTADATA_SIZE, -511, "otadata partition is smaller than two sectors")               \
    X(FERRY_ERR_NO_SLOT, -512, "partition table has no spare OTA slot")                            \
    X(FERRY_ERR_SLOT_GAP, -513, "OTA slots do not count up from ota_0 without gaps")               \
    X(FERRY_ERR_IMAGE_MAGIC, -600, "not an ESP application image")                                 \
    X(FERRY_ERR_IMAGE_CHIP, -601, "image is for another chip")                                     \
    X(FERRY_ERR_IMAGE_REV_MIN, -602, "image needs a newer chip revision")                          \
    X(FERRY_ERR_IMAGE_REV_MAX, -603, "image does not support this chip revision")                  \
    X(FERRY_ERR_IMAGE_BLK_REV, -604, "image does not support this eFuse block revision")           \
    X(FERRY_ERR_IMAGE_SEGMENTS, -605, "image has too many segments")                               \
    X(FERRY_ERR_IMAGE_SEG_LEN, -606, "image segment has an impossible length")                     \
    X(FERRY_ERR_IMAGE_SEG_ALIGN, -607, "image segment does not line up with the flash page")       \
    X(FERRY_ERR_IMAGE_NO_DESC, -608, "image has no application descriptor")                        \
    X(FERRY_ERR_IMAGE_TRUNC, -609, "image is cut short")                                           \
    X(FERRY_ERR_IMAGE_SIZE, -610, "image is larger than the slot")                                 \
    X(FERRY_ERR_IMAGE_CHECKSUM, -611, "image checksum does not match")                             \
    X(FERRY_ERR_IMAGE_HASH, -612, "image SHA-256 does not match")                                  \
    X(FERRY_ERR_IMAGE_SECURE_VERSION, -613, "image secure version is below the device's")          \
    X(FERRY_ERR_IMAGE_MERGED, -614, "file is a whole flash image, not an application image")       \
    X(FERRY_ERR_PARTITION_LIMIT, -615, "partition is larger than the chip can map")                \
    X(FERRY_ERR_SIGNATURE_NONE, -620, "image is not signed")                                       \
    X(FERRY_ERR_SIGNATURE_KEY, -621, "image is signed with a key that is not trusted")             \
    X(FERRY_ERR_SIGNATURE_BAD, -622, "signature does not belong to the image")                     \
    X(FERRY_ERR_SIGNATURE_FULL, -623, "no room for another signature")                             \
    X(FERRY_ERR_UPDATE_LENGTH, -700, "length differs from what was promised")                      \
    X(FERRY_ERR_UPDATE_CRC, -701, "CRC32 differs from what was promised")                          \
    X(FERRY_ERR_UPDATE_SHA, -702, "SHA-256 differs from what was promised")                        \
    X(FERRY_ERR_UPDATE_PROJECT, -703, "image belongs to another project")                          \
    X(FERRY_ERR_UPDATE_DOWNGRADE, -704, "image is older than the running version")                 \
    X(FERRY_ERR_UPDATE_MIN_VERSION, -705, "image is older than the required minimum")              \
    X(FERRY_ERR_UPDATE_COMPARE, -706, "versions cannot be compared")                               \
    X(FERRY_ERR_UPDATE_PENDING, -707, "running app is not confirmed yet")                          \
    X(FERRY_ERR_UPDATE_RUNNING, -708, "target is the running slot")                                \
    X(FERRY_ERR_UPDATE_EMPTY, -709, "no data was received")                                        \
    X(FERRY_ERR_CHECKPOINT, -710, "checkpoint does not fit this update")                           \
    X(FERRY_ERR_REFLASH_NONE, -720, "journal holds no reflash plan")                               \
    X(FERRY_ERR_REFLASH_UNFINISHED, -721, "a reflash plan is not finished yet")                    \
    X(FERRY_ERR_REFLASH_FORMAT, -722, "reflash plan is damaged or of another version")             \
    X(FERRY_ERR_REFLASH_STEPS, -723, "reflash plan has too many steps")                            \
    X(FERRY_ERR_REFLASH_SIZE, -724, "content is larger than its destination")                      \
    X(FERRY_ERR_REFLASH_OVERLAP, -725, "ranges of a reflash plan overlap")                         \
    X(FERRY_ERR_REFLASH_RUNNING, -726, "reflash plan would overwrite the running app")             \
    X(FERRY_ERR_REFLASH_JOURNAL, -727, "journal's sector is used by something else")               \
    X(FERRY_ERR_REFLASH_SOURCE, -728, "source does not hold what the plan says")                   \
    X(FERRY_ERR_REFLASH_WINDOW, -729, "a power cut in this plan could need a cable")               \
    X(FERRY_ERR_REFLASH_PLACE, -730, "content does not belong at this offset")                     \
    X(FERRY_ERR_REFLASH_LOST, -731, "new layout would lose NVS")                                   \
    X(FERRY_ERR_REFLASH_FULL, -732, "area has no room left")                                       \
    X(FERRY_ERR_REFLASH_STAGING, -733, "no partition can serve as staging area")                   \
    X(FERRY_ERR_REFLASH_BACKUP, -734, "no backup was kept")                                        \
    X(FERRY_ERR_REFLASH_BEGUN, -735, "too late to give the reflash plan up")                       \
    X(FERRY_ERR_REFLASH_UNSETTLED, -736, "next boot would start another app than the running one") \
    X(FERRY_ERR_REFLASH_PLAIN, -737, "partition is not encrypted, but the plan writes encrypted")  \
    X(FERRY_ERR_OTADATA_VERIFY, -800, "otadata does not hold what was written")                    \
    X(FERRY_ERR_OTADATA_SEQ, -801, "otadata sequence number is used up")                           \
    X(FERRY_ERR_SLOT_FACTORY, -802, "factory app is running, there is nothing to confirm")         \
    X(FERRY_ERR_SLOT_UNKNOWN, -803, "running slot is not known")                                   \
    X(FERRY_ERR_SLOT_INVALID, -804, "slot was rejected before")                                    \
    X(FERRY_ERR_SLOT_NO_ENTRY, -805, "running slot has no valid otadata entry")                    \
    X(FERRY_ERR_ROLLBACK_NONE, -806, "there is no other bootable app to go back to")               \
    X(FERRY_ERR_NOT_FORCED, -807, "no other slot is selected, there is nothing to cancel")         \
    X(FERRY_ERR_NO_BOOT, -808, "nothing bootable: the chip would reset forever")                   \
    X(FERRY_ERR_NET_URL, -900, "address is not one this source understands")                       \
    X(FERRY_ERR_NET_CONNECT, -901, "cannot connect to the server")                                 \
    X(FERRY_ERR_NET_TLS, -902, "secure connection failed")                                         \
    X(FERRY_ERR_NET_TIMEOUT, -903, "server stopped answering")                                     \
    X(FERRY_ERR_NET_CLOSED, -904, "connection closed before the end of the file")                  \
    X(FERRY_ERR_NET_STATUS, -905, "server answered with an error")                                 \
    X(FERRY_ERR_NET_REDIRECT, -906, "redirect refused")                                            \
    X(FERRY_ERR_NET_TYPE, -907, "server sent a web page, not a file")                              \
    X(FERRY_ERR_NET_LENGTH, -908, "server sent more than it announced or than fits")               \
    X(FERRY_ERR_NET_PROTOCOL, -909, "server broke the protocol")                                   \
    X(FERRY_ERR_NET_INSECURE, -910, "unsigned image over plain http refused")                      \
    X(FERRY_ERR_NET_LIBRARY, -911, "libcurl cannot be loaded")                                     \
    X(FERRY_ERR_MANIFEST, -920, "manifest is not usable")                                          \
    X(FERRY_ERR_MANIFEST_SIZE, -921, "manifest is too large")                                      \
    X(FERRY_ERR_FILE_OPEN, -1000, "cannot open the file")                                          \
    X(FERRY_ERR_FILE_READ, -1001, "cannot read the file")                                          \
    X(FERRY_ERR_FILE_WRITE, -1002, "cannot write the file")                                        \
    X(FERRY_ERR_FILE_EXISTS, -1003, "file exists already")                                         \
    X(FERRY_ERR_DEVICE_JSON, -1004, "device.json is not usable")                                   \
    X(FERRY_ERR_FLASH_SIZE, -1005, "not a flash size")                                             \
    X(FERRY_ERR_CHIP_UNKNOWN, -1006, "chip is not known")                                          \
    X(FERRY_ERR_CSV, -1007, "partition CSV is not usable")                                         \
    X(FERRY_ERR_ELF, -1008, "ELF file is not usable")                                              \
    X(FERRY_ERR_IMAGE_LAYOUT, -1009, "ELF cannot be laid out as an image")                         \
    X(FERRY_ERR_KEY, -1010, "key is not usable")                                                   \
    X(FERRY_ERR_UNSOUND, -1020, "something is wrong with the device")                              \
    X(FERRY_ERR_NVS_PAGES, -1100, "NVS partition has too few pages")                               \
    X(FERRY_ERR_NVS_VERSION, -1101, "NVS page is of a later format")                               \
    X(FERRY_ERR_NVS_NO_FREE, -1102, "NVS partition has no free page")                              \
    X(FERRY_ERR_NVS_NAMESPACE, -1103, "NVS has no such namespace")                                 \
    X(FERRY_ERR_NVS_KEY, -1104, "NVS has no such key")                                             \
    X(FERRY_ERR_NVS_TYPE, -1105, "NVS key holds another type")                                     \
    X(FERRY_ERR_NVS_KEY_LENGTH, -1106, "NVS key or namespace is empty or too long")                \
    X(FERRY_ERR_NVS_VALUE_LENGTH, -1107, "NVS value is too long")                                  \
    X(FERRY_ERR_NVS_FULL, -1108, "NVS partition is full")                                          \
    X(FERRY_ERR_NVS_NAMESPACES, -1109, "NVS has no namespace number left")                         \
    X(FERRY_ERR_NVS_READ_ONLY, -1110, "NVS partition is open for reading only")                    \
    X(FERRY_ERR_NVS_BUFFER, -1111, "NVS value is larger than the buffer")                          \
    X(FERRY_ERR_NVS_DATA, -1112, "NVS value is damaged")                                           \
    X(FERRY_ERR_NVS_CRYPT, -1113, "NVS cipher failed")                                             \
    X(FERRY_ERR_FS_NONE, -1200, "partition holds no littlefs")                                     \
    X(FERRY_ERR_FS_VERSION, -1201, "file system is of a format that is not known")                 \
    X(FERRY_ERR_FS_DAMAGED, -1202, "file system is damaged")                                       \
    X(FERRY_ERR_FS_FULL, -1203, "file system is full")                                             \
    X(FERRY_ERR_FS_PATH, -1204, "file system has no such file or folder")                          \
    X(FERRY_ERR_FS_NOT_FOLDER, -1205, "not a folder of the file system")                           \
    X(FERRY_ERR_FS_IS_FOLDER, -1206, "a folder of the file system, not a file")                    \
    X(FERRY_ERR_FS_EXISTS, -1207, "file system has such a file or folder already")                 \
    X(FERRY_ERR_FS_NOT_EMPTY, -1208, "folder of the file system is not empty")                     \
    X(FERRY_ERR_FS_NAME, -1209, "file system cannot hold such a name")                             \
    X(FERRY_ERR_FS_FILE_SIZE, -1210, "file system cannot hold a file of this size")                \
    X(FERRY_ERR_FS_SIZE, -1211, "file system and partition differ in size")                        \
    X(FERRY_ERR_FS_LEFT_OUT, -1212, "built without littlefs")                                      \
    X(FERRY_ERR_NO_ROLLBACK, -1300, "bootloader does not roll back")                               \
    X(FERRY_ERR_JOIN, -1301, "join string is not usable")                                          \
    X(FERRY_ERR_PIN, -1302, "server's root certificate is not the pinned one")                     \
    X(FERRY_ERR_NOT_ENROLLED, -1303, "device has no certificate and no token to ask for one")      \
    X(FERRY_ERR_ENROL, -1304, "server does not enrol this device")                                 \
    X(FERRY_ERR_RELEASE_NEEDED, -1305, "server knows this device with another key")                \
    X(FERRY_ERR_RELEASE_BAD, -1306, "release failed on this device before")                        \
    X(FERRY_ERR_NO_APP, -1307, "no application to hand over to")                                   \
    X(FERRY_ERR_SERVER_STATE, -1400, "state folder of the server is not usable")                   \
    X(FERRY_ERR_DATABASE, -1401, "database of the server is not usable")                           \
    X(FERRY_ERR_RELEASE_REFUSED, -1402, "catalogue does not take this image")

#define FERRY_ERR_ENUM_(name, number, text) name = (number),
typedef enum ferry_err { FERRY_ERR_LIST(FERRY_ERR_ENUM_) } ferry_err;
#undef FERRY_ERR_ENUM_

/** What a failed job can say beyond its error: the offending value, the limit it broke and the
 * position. Which of the three is meant, and in which unit, stands with each error in
 * docs/errors.md. Zero where an error has nothing to add. */
struct ferry_fault {
    ferry_err err;
    uint32_t value;
    uint32_t limit;
    uint32_t off_bytes;
};

/** The short English text of an error; "unknown error" for a number that is not in the list.
 * The string is static. */
const char *ferry_strerror(ferry_err err);

/** The name of an error as it stands in the source ("FERRY_ERR_IMAGE_HASH"); "?" if unknown. */
const char *ferry_errname(ferry_err err);

/** Fills *fault and returns err, so that a refusal is one line. fault may be NULL. */
ferry_err ferry_fail(struct ferry_fault *fault, ferry_err err, uint32_t value, uint32_t limit,
                     uint32_t off_bytes);

#ifdef __cplusplus
}
#endif
#endif
