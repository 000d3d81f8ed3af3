/* tests/fuzz/fuzz_slots.c - any sequence of what a running app, a person and the power switch do.
 * Every slot holds a good image, so whatever the sequence the device boots; and what an operation
 * promised to boot is what boots. Each input byte is one operation and its argument. */
#include "fuzz.h"

#include <string.h>

#include "app_image.h"
#include "bench_device.h"

#define N_SLOTS 3

static struct bench_device fresh;

/** A device with a good image everywhere; made once. */
static void make_fresh(void)
{
    static uint8_t image[APP_IMAGE_BYTES(64)];
    const struct bench_layout layout = {.n_slots = N_SLOTS, .has_factory = true};
    bench_device_init(&fresh, &layout);
    for (int slot = FERRY_SLOT_FACTORY; slot < N_SLOTS; slot++) {
        const struct app_image_spec spec = {.project = "fuzz",
                                            .version = "1.0",
                                            .payload_bytes = 64,
                                            .seed = (uint32_t)(slot + 2),
                                            .chip_id = ferry_chip_esp32c3.id};
        bench_device_put(&fresh, slot, image, app_image_make(image, &spec));
    }
}

/** What would boot if the power went now; the device itself is left alone. */
static int would_boot(const struct bench_device *b)
{
    static struct bench_device copy;
    bench_device_fork(&copy, b, 1);
    const int slot = bench_device_boot(&copy);
    bench_device_free(&copy);
    FUZZ_MUST(slot != FERRY_SLOT_NONE);
    return slot;
}

static void operate(struct bench_device *b, uint8_t byte)
{
    struct ferry_device *d = &b->dev;
    const int running = d->running;
    const int slot = (byte >> 4) % (N_SLOTS + 1) - 1;
    int target = FERRY_SLOT_NONE;
    uint8_t erased = 0;
    switch (byte % 7) {
    case 0:
        FUZZ_MUST(bench_device_boot(b) != FERRY_SLOT_NONE);
        break;
    case 1:
        if (ferry_slots_confirm(d) == FERRY_OK)
            FUZZ_MUST(would_boot(b) == running || ferry_slots_cancel_force(d) == FERRY_OK);
        break;
    case 2:
        if (ferry_slots_reject(d, &target) == FERRY_OK)
            FUZZ_MUST(would_boot(b) == target);
        break;
    case 3:
        if (ferry_slots_set_boot(d, slot, FERRY_SET_BOOT_INVALID_TOO) == FERRY_OK)
            FUZZ_MUST(would_boot(b) == slot);
        break;
    case 4:
        if (ferry_slots_force(d, &target) == FERRY_OK)
            FUZZ_MUST(target != running && would_boot(b) == target);
        break;
    case 5:
        if (ferry_slots_cancel_force(d) == FERRY_OK)
            FUZZ_MUST(would_boot(b) == running);
        break;
    case 6:
        if (slot >= 0 && ferry_slots_prepare(d, slot, &erased) == FERRY_OK)
            FUZZ_MUST(slot != running && would_boot(b) != slot);
        break;
    }
    FUZZ_MUST(would_boot(b) != FERRY_SLOT_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct bench_device b;
    if (!fresh.dev.flash)
        make_fresh();
    bench_device_fork(&b, &fresh, 1);
    FUZZ_MUST(bench_device_boot(&b) != FERRY_SLOT_NONE);
    for (size_t i = 0; i < n && i < 64; i++)
        operate(&b, data[i]);
    bench_device_free(&b);
    return 0;
}
