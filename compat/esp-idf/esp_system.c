/* compat/esp-idf/esp_system.c - the device a program was given, and restarting in the slot that the
 * boot decision chooses: the process replaces itself, the flash stays. */
#include "esp_system.h"
#include "compat_private.h"
#include "esp_log.h"
#include "ferry/boot.h"
#include "ferry/plan_gate.h"
#include "ferry/reflash.h"
#include "reflash_waiting.h"
#include "vdevice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESTARTS_MOST 16
#define HANDLERS_MOST 5

static struct ferry_vdevice device;
static bool device_is_open;
static char **arguments; // of main, for the restart
static shutdown_handler_t handlers[HANDLERS_MOST];
static size_t n_handlers;

static int restarts(void)
{
    const char *text = getenv("FERRY_RESTARTS");
    return text ? atoi(text) : 0;
}

static void save_and_close(void)
{
    if (!device_is_open)
        return;
    device_is_open = false;
    ferry_compat_stop();
    if (ferry_vdevice_save(&device))
        fprintf(stderr, "%s: device.json cannot be written: %s\n", device.path, device.detail);
    ferry_vdevice_close(&device);
}

static ferry_err raise_secure_version(void *ctx, uint32_t version)
{
    struct ferry_vdevice *v = ctx;
    v->policy.secure_version = version;
    return FERRY_OK;
}

/* The boot decision, with its writes, by the table that is there now. FERRY_SLOT_NONE: nothing
 * boots. */
static int power_on(struct ferry_vdevice *v)
{
    if (ferry_vdevice_reload(v))
        return FERRY_SLOT_NONE;
    const struct ferry_boot_hooks hooks = {.raise_secure_version = raise_secure_version, .ctx = v};
    struct ferry_boot_report report;
    if (ferry_boot_run(&v->dev, FERRY_HOLD_NONE, &hooks, &report))
        return FERRY_SLOT_NONE;
    v->boot_count++;
    v->dev.running = report.booted;
    return report.booted;
}

static esp_err_t find_running(struct ferry_vdevice *v)
{
    const char *name = getenv("FERRY_RUNNING");
    int slot = FERRY_SLOT_NONE;
    if (!name || !*name)
        return power_on(v) == FERRY_SLOT_NONE ? ESP_ERR_OTA_ROLLBACK_FAILED : ESP_OK;
    if (ferry_vdevice_slot(v, name, &slot))
        return ESP_ERR_NOT_FOUND;
    v->dev.running = slot;
    return ESP_OK;
}

/* The app that boots finishes a reflash that power has interrupted, before it does anything else.
 * Which app that is, is found without the writes of a boot: those come once the plan is done. */
static ferry_err finish_reflash(struct ferry_vdevice *v)
{
    struct ferry_reflash r;
    uint8_t work[FERRY_REFLASH_WORK_BYTES(FERRY_JOURNAL_BYTES)];
    struct ferry_signed_plan_gate gate;
    struct ferry_boot_preview preview;
    const char *name = getenv("FERRY_RUNNING");
    int slot = FERRY_SLOT_NONE;
    if (!ferry_reflash_waits(v))
        return FERRY_OK;
    ferry_boot_preview(&v->dev, &preview);
    if (!name || !*name || ferry_vdevice_slot(v, name, &slot))
        slot = preview.booted;
    if (slot == FERRY_SLOT_NONE)
        return FERRY_ERR_NO_BOOT;
    struct ferry_reflash_config cfg = {
        .flash = &v->file.flash,
        .journal = ferry_vdevice_journal(v),
        .running = ferry_device_span(&v->dev, slot),
        .work = work,
        .work_bytes = sizeof(work),
    };
    if (v->trust.n_keys) {
        ferry_signed_plan_gate_init(&gate, &v->trust);
        cfg.gate = &gate.gate;
    }
    const ferry_err err = ferry_reflash_resume(&r, &cfg);
    if (!err)
        ESP_LOGI("ferry", "a reflash was interrupted; it is finished now");
    return err ? err : ferry_vdevice_reload(v);
}

static esp_err_t open_failed(esp_err_t err)
{
    ferry_vdevice_close(&device);
    return err;
}

esp_err_t ferry_compat_open(const char *path)
{
    save_and_close();
    if (ferry_vdevice_open(&device, path, true, NULL))
        return ESP_ERR_NOT_FOUND;
    if (ferry_vdevice_need_table(&device))
        return open_failed(ESP_ERR_INVALID_STATE);
    if (finish_reflash(&device))
        return open_failed(ESP_ERR_INVALID_STATE);
    esp_err_t err = find_running(&device);
    if (err)
        return open_failed(err);
    const struct ferry_compat_chip chip = {.flash = &device.file.flash,
                                           .policy = &device.policy,
                                           .table_off_bytes = device.table_off_bytes,
                                           .running = device.dev.running,
                                           .journal_off_bytes =
                                               ferry_vdevice_journal(&device).off_bytes};
    err = ferry_compat_start(&chip);
    if (err)
        return open_failed(err);
    device_is_open = true;
    atexit(save_and_close);
    return ESP_OK;
}

void ferry_compat_open_named(char **argv)
{
    const char *path = getenv("FERRY_DEVICE");
    arguments = argv;
    if (!path || !*path) {
        fprintf(stderr, "FERRY_DEVICE names no device: give it a directory made by `ferry device "
                        "new`, or a flash file\n");
        exit(1);
    }
    const esp_err_t err = ferry_compat_open(path);
    if (err) {
        fprintf(stderr, "%s: cannot start on this device: 0x%x (%s)\n", path, (unsigned)err,
                esp_err_to_name(err));
        if (err == ESP_ERR_INVALID_STATE)
            fprintf(stderr, "if a reflash was interrupted, `ferry reflash status` knows of it and "
                            "`ferry reflash resume` finishes it\n");
        exit(1);
    }
}

static void start_again(int slot)
{
    char label[FERRY_LABEL_BYTES + 1];
    char count[16];
    snprintf(count, sizeof(count), "%d", restarts() + 1);
    setenv("FERRY_RUNNING", ferry_vdevice_label(&device, slot, label), 1);
    setenv("FERRY_RESTARTS", count, 1);
    save_and_close();
    fflush(NULL);
    static char self[] = "/proc/self/exe";
    static char *nothing[] = {self, NULL};
    execv(self, arguments ? arguments : nothing);
    perror("restart");
    exit(1);
}

void esp_restart(void)
{
    while (n_handlers)
        handlers[--n_handlers]();
    if (!device_is_open) {
        fprintf(stderr, "esp_restart: no device was opened by FERRY_DEVICE or ferry_compat_open\n");
        exit(1);
    }
    if (restarts() >= RESTARTS_MOST) {
        fprintf(stderr, "restarted %d times: this goes on for ever\n", RESTARTS_MOST);
        exit(1);
    }
    const int slot = power_on(&device);
    if (slot == FERRY_SLOT_NONE) {
        fprintf(stderr, "restart: the bootloader finds no image that boots\n");
        exit(1);
    }
    start_again(slot);
    abort();
}

esp_reset_reason_t esp_reset_reason(void)
{
    return restarts() ? ESP_RST_SW : ESP_RST_POWERON;
}

esp_err_t esp_register_shutdown_handler(shutdown_handler_t handle)
{
    for (size_t i = 0; i < n_handlers; i++) {
        if (handlers[i] == handle)
            return ESP_ERR_INVALID_STATE;
    }
    if (n_handlers == HANDLERS_MOST)
        return ESP_ERR_NO_MEM;
    handlers[n_handlers++] = handle;
    return ESP_OK;
}

uint32_t esp_get_free_heap_size(void)
{
    return 256u * 1024u;
}

uint32_t esp_get_minimum_free_heap_size(void)
{
    return esp_get_free_heap_size();
}

esp_err_t esp_ota_mark_app_invalid_rollback_and_reboot(void)
{
    const esp_err_t err = esp_ota_mark_app_invalid_rollback();
    if (err)
        return err;
    esp_restart();
}
