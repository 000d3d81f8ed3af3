/* bench_update - what an update costs the flash, beside the sequences of five other systems.
 * All run on the same flash model in the same run: a 1.5 MiB image into a 1.875 MiB slot. ferry is
 * the real core; the others are their flash operations, replayed from what is known of them
 * (docs/bench.md). Prints counts, multiples of the image and ratios; judges nothing. */
#include "app_image.h"
#include "sim_flash.h"

#include "ferry/boot.h"
#include "ferry/bytes.h"
#include "ferry/slots.h"
#include "ferry/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_BYTES 0x180000u
#define SLOT_BYTES  0x1e0000u
#define SLOT_OFF(n) (0x10000u + (uint32_t)(n)*SLOT_BYTES)
#define OTADATA_OFF 0xd000u
#define FLASH_BYTES 0x400000u

static uint8_t image[IMAGE_BYTES + 64];

struct row {
    const char *name;
    struct sim_counts counts;
};

static void must(ferry_err err, const char *what)
{
    if (err) {
        fprintf(stderr, "%s: %s\n", what, ferry_strerror(err));
        exit(1);
    }
}

static void erase(struct sim_flash *s, uint32_t off, uint32_t len)
{
    must(s->flash.ops->erase(&s->flash, off, len), "erase");
}

static void prog(struct sim_flash *s, uint32_t off, const void *src, uint32_t len)
{
    must(s->flash.ops->prog(&s->flash, off, src, len), "program");
}

static void read_all(struct sim_flash *s, uint32_t off, uint32_t len, uint32_t piece)
{
    static uint8_t buf[65536];
    for (uint32_t at = 0; at < len; at += piece)
        must(s->flash.ops->read(&s->flash, off + at, buf, len - at < piece ? len - at : piece),
             "read");
}

/* One otadata entry as Espressif writes it, `times` over: begin invalidates, set_boot, the
 * bootloader's PENDING, confirm. */
static void otadata(struct sim_flash *s, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        erase(s, OTADATA_OFF + 0x1000, 4096);
        prog(s, OTADATA_OFF + 0x1000, image, 32);
    }
}

static void erase_blocks(struct sim_flash *s, uint32_t off, uint32_t len)
{
    while (len) {
        const uint32_t step = off % 65536 == 0 && len >= 65536 ? 65536 : 4096;
        erase(s, off, step);
        off += step;
        len -= step;
    }
}

/* esp_https_ota as it comes: sectors erased when the data reaches them, 1436-byte writes, three
 * readings: esp_ota_end, esp_ota_set_boot_partition, bootloader. */
static void esp_https_ota(struct sim_flash *s)
{
    uint32_t erased = 0;
    for (uint32_t at = 0; at < IMAGE_BYTES;) {
        const uint32_t n = IMAGE_BYTES - at < 1436 ? IMAGE_BYTES - at : 1436;
        for (; erased < at + n; erased += 4096)
            erase(s, SLOT_OFF(1) + erased, 4096);
        prog(s, SLOT_OFF(1) + at, image + at, n);
        at += n;
    }
    for (int k = 0; k < 3; k++)
        read_all(s, SLOT_OFF(1), IMAGE_BYTES, 16384);
    otadata(s, 4);
}

static void bulk(struct sim_flash *s, uint32_t erased)
{
    erase_blocks(s, SLOT_OFF(1), erased);
    for (uint32_t at = 0; at < IMAGE_BYTES; at += 4096)
        prog(s, SLOT_OFF(1) + at, image + at, 4096);
    for (int k = 0; k < 3; k++)
        read_all(s, SLOT_OFF(1), IMAGE_BYTES, 16384);
    otadata(s, 4);
}

static void esp_ota_begin_size(struct sim_flash *s)
{
    bulk(s, IMAGE_BYTES);
}

static void esp_ota_begin_unknown(struct sim_flash *s)
{
    bulk(s, SLOT_BYTES);
}

/* Arduino's Update: 64 KB blocks ahead of 4 KB writes; set_boot and the bootloader read. */
static void arduino(struct sim_flash *s)
{
    for (uint32_t at = 0; at < IMAGE_BYTES; at += 4096) {
        if (at % 65536 == 0)
            erase(s, SLOT_OFF(1) + at, 65536);
        prog(s, SLOT_OFF(1) + at, image + at, 4096);
    }
    for (int k = 0; k < 2; k++)
        read_all(s, SLOT_OFF(1), IMAGE_BYTES, 16384);
    otadata(s, 3);
}

static void micropython(struct sim_flash *s)
{
    for (uint32_t at = 0; at < IMAGE_BYTES; at += 4096) {
        erase(s, SLOT_OFF(1) + at, 4096);
        prog(s, SLOT_OFF(1) + at, image + at, 4096);
    }
    for (int k = 0; k < 3; k++)
        read_all(s, SLOT_OFF(1), IMAGE_BYTES, 4096);
    otadata(s, 3);
}

/* esp-hal-ota over esp-storage: every write reads, erases and rewrites each sector it touches. */
static void esp_hal_ota(struct sim_flash *s, uint32_t chunk)
{
    static uint8_t sector[4096];
    for (uint32_t at = 0; at < IMAGE_BYTES;) {
        const uint32_t n = IMAGE_BYTES - at < chunk ? IMAGE_BYTES - at : chunk;
        for (uint32_t sec = at / 4096; sec <= (at + n - 1) / 4096; sec++) {
            must(s->flash.ops->read(&s->flash, SLOT_OFF(1) + sec * 4096, sector, 4096), "read");
            memcpy(sector, image + sec * 4096, 4096);
            erase(s, SLOT_OFF(1) + sec * 4096, 4096);
            prog(s, SLOT_OFF(1) + sec * 4096, sector, 4096);
        }
        at += n;
    }
    for (int k = 0; k < 2; k++)
        read_all(s, SLOT_OFF(1), IMAGE_BYTES, 256);
    otadata(s, 3);
}

static void esp_hal_ota_8k(struct sim_flash *s)
{
    esp_hal_ota(s, 8192);
}

static void esp_hal_ota_tcp(struct sim_flash *s)
{
    esp_hal_ota(s, 1436);
}

static void put_table(struct sim_flash *s)
{
    struct ferry_partition rows[3] = {
        {.type = 1,
         .subtype = 0,
         .off_bytes = OTADATA_OFF,
         .size_bytes = 0x2000,
         .label = "otadata"},
        {.type = 0,
         .subtype = 0x10,
         .off_bytes = SLOT_OFF(0),
         .size_bytes = SLOT_BYTES,
         .label = "ota_0"},
        {.type = 0,
         .subtype = 0x11,
         .off_bytes = SLOT_OFF(1),
         .size_bytes = SLOT_BYTES,
         .label = "ota_1"},
    };
    uint8_t bytes[FERRY_TABLE_BYTES];
    must(ferry_table_encode(rows, 3, true, bytes, NULL), "table");
    sim_flash_poke(s, FERRY_TABLE_OFF_DEFAULT, bytes, sizeof(bytes));
    const struct ferry_otadata e = ferry_otadata_make(1, FERRY_STATE_VALID);
    uint8_t entry[FERRY_OTADATA_BYTES];
    ferry_otadata_encode(&e, entry);
    sim_flash_poke(s, OTADATA_OFF, entry, sizeof(entry));
}

/* The real thing: update, boot, confirm. */
static void run_ferry(struct sim_flash *s, uint32_t chunk, uint32_t flags, bool length_known)
{
    static struct ferry_device_work work;
    static uint8_t buffer[4096];
    static struct ferry_update u;
    const struct ferry_policy policy = {
        .chip = &ferry_chip_esp32c3, .chip_rev = 3, .rollback = true};
    struct ferry_device d;
    struct ferry_boot_report report;
    put_table(s);
    must(ferry_device_open(&d, &s->flash, &policy, FERRY_TABLE_OFF_DEFAULT, &work), "open");
    d.running = 0;
    const struct ferry_update_config cfg = {.slot = FERRY_SLOT_NEXT,
                                            .flags = flags,
                                            .length_bytes = length_known ? IMAGE_BYTES : 0,
                                            .work = buffer,
                                            .work_bytes = sizeof(buffer)};
    must(ferry_update_begin(&u, &d, &cfg), "begin");
    for (uint32_t at = 0; at < IMAGE_BYTES;) {
        uint32_t used;
        const uint32_t n = IMAGE_BYTES - at < chunk ? IMAGE_BYTES - at : chunk;
        must(ferry_update_write(&u, image + at, n, &used), "write");
        at += used;
    }
    ferry_err err;
    while ((err = ferry_update_finish(&u)) == FERRY_AGAIN)
        ;
    must(err, "finish");
    must(ferry_boot_run(&d, FERRY_HOLD_NONE, NULL, &report), "boot");
    must(ferry_slots_confirm(&d), "confirm");
}

static struct row measure_peer(const char *name, void (*run)(struct sim_flash *))
{
    struct sim_flash s;
    sim_flash_init(&s, FLASH_BYTES, 1);
    run(&s);
    const struct row r = {name, s.counts};
    sim_flash_free(&s);
    return r;
}

static struct row measure_ferry(const char *name, uint32_t chunk, uint32_t flags, bool length_known)
{
    struct sim_flash s;
    sim_flash_init(&s, FLASH_BYTES, 1);
    run_ferry(&s, chunk, flags, length_known);
    const struct row r = {name, s.counts};
    sim_flash_free(&s);
    return r;
}

static void print_row(const struct row *r, const struct row *idf, const struct row *ard)
{
    const struct sim_counts *c = &r->counts;
    const double size = IMAGE_BYTES;
    printf("%-34s %5u %5u %7.3f %7.3f %7.3f %8.2f %8.2fx %8.2fx %7u\n", r->name, c->erases_64k,
           c->erases_4k, (double)c->erased_bytes / size, (double)c->prog_bytes / size,
           (double)c->read_bytes / size, (double)c->time_us / 1e6,
           (double)c->time_us / (double)idf->counts.time_us,
           (double)c->time_us / (double)ard->counts.time_us, c->longest_us / 1000);
}

int main(void)
{
    const uint32_t n = app_image_make(
        image,
        &(struct app_image_spec){
            .project = "bench", .version = "1", .payload_bytes = IMAGE_BYTES - 352, .chip_id = 5});
    if (n != IMAGE_BYTES) {
        fprintf(stderr, "the image is %u bytes instead of %u\n", n, IMAGE_BYTES);
        return 1;
    }
    const struct row rows[] = {
        measure_peer("esp_https_ota, default", esp_https_ota),
        measure_peer("Arduino Update", arduino),
        measure_peer("esp_ota_begin(size)", esp_ota_begin_size),
        measure_peer("esp_ota_begin(unknown)", esp_ota_begin_unknown),
        measure_peer("micropython-esp32-ota", micropython),
        measure_peer("esp-hal-ota, 8 KB pieces", esp_hal_ota_8k),
        measure_peer("esp-hal-ota, 1436-byte pieces", esp_hal_ota_tcp),
        measure_ferry("ferry, 1-byte pieces", 1, 0, true),
        measure_ferry("ferry, 1436-byte pieces", 1436, 0, true),
        measure_ferry("ferry, 4 KB pieces", 4096, 0, true),
        measure_ferry("ferry, 64 KB pieces", 65536, 0, true),
        measure_ferry("ferry, length not known", 1436, 0, false),
        measure_ferry("ferry, gentle", 1436, FERRY_UPDATE_GENTLE, true),
    };
    printf("A 1.5 MiB image until it runs confirmed: erase operations, bytes as multiples of the\n"
           "image, seconds in the flash model, and the longest single flash call.\n\n");
    printf("%-34s %5s %5s %7s %7s %7s %8s %9s %9s %7s\n", "", "64K", "4K", "erased", "written",
           "read", "seconds", "/esp_idf", "/arduino", "max ms");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        print_row(&rows[i], &rows[0], &rows[1]);
    return 0;
}
