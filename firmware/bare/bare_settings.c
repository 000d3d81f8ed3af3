/* firmware/bare/bare_settings.c - the sample app's NVS: settings as text, and the checkpoint of an
 * update. The store is opened for each command, which is a mount with its repairs: what a power cut
 * left behind is put in order there. */
#include "bare_app.h"

#include "ferry/nvs.h"
#include "ferry/update.h"

#define PAGES_MOST           16u
#define TEXT_MOST            128u

#define CHECKPOINT_NAMESPACE "ferry"
#define CHECKPOINT_KEY       "checkpoint"
#define SETTINGS_NAMESPACE   "app"

struct store {
    struct ferry_nvs nvs;
    uint8_t ns;
};

static struct ferry_nvs_page pages[PAGES_MOST];

static ferry_err open_store(struct bare_app *app, const char *space, bool create, struct store *s)
{
    struct ferry_nvs_config config = {.work = pages, .work_bytes = sizeof(pages)};
    struct ferry_partition partition;
    uint32_t i = 0;
    ferry_err err =
        ferry_table_find(&app->dev.table, FERRY_TYPE_DATA, FERRY_DATA_NVS, NULL, &i, &partition);
    if (!err)
        err = ferry_table_region(&app->dev.table, &partition, false, &config.region, NULL);
    if (!err)
        err = ferry_nvs_open(&s->nvs, &config);
    if (!err)
        err = ferry_nvs_namespace(&s->nvs, space, create, &s->ns);
    return err;
}

void bare_set(struct bare_app *app, const char *const words[BARE_WORDS])
{
    struct store s;
    ferry_err err = open_store(app, SETTINGS_NAMESPACE, true, &s);
    if (!err)
        err = ferry_nvs_set_string(&s.nvs, s.ns, words[1], words[2]);
    if (!err)
        err = ferry_nvs_commit(&s.nvs);
    bare_put_result(err, err ? &s.nvs.fault : NULL);
}

void bare_get(struct bare_app *app, const char *const words[BARE_WORDS])
{
    struct store s;
    char text[TEXT_MOST];
    uint32_t n = sizeof(text);
    ferry_err err = open_store(app, SETTINGS_NAMESPACE, false, &s);
    if (!err)
        err = ferry_nvs_get_string(&s.nvs, s.ns, words[1], text, &n);
    if (!err) {
        console_put_text(text);
        console_put_text("\r\n");
    }
    bare_put_result(err, err ? &s.nvs.fault : NULL);
}

ferry_err bare_checkpoint_get(struct bare_app *app, uint8_t *blob)
{
    struct store s;
    uint32_t n = FERRY_CHECKPOINT_BYTES;
    ferry_err err = open_store(app, CHECKPOINT_NAMESPACE, false, &s);
    if (!err)
        err = ferry_nvs_get_blob(&s.nvs, s.ns, CHECKPOINT_KEY, blob, &n);
    return !err && n != FERRY_CHECKPOINT_BYTES ? FERRY_ERR_NVS_DATA : err;
}

ferry_err bare_checkpoint_keep(struct bare_app *app, const uint8_t *blob)
{
    struct store s;
    ferry_err err = open_store(app, CHECKPOINT_NAMESPACE, true, &s);
    if (!err)
        err = ferry_nvs_set_blob(&s.nvs, s.ns, CHECKPOINT_KEY, blob, FERRY_CHECKPOINT_BYTES);
    return err ? err : ferry_nvs_commit(&s.nvs);
}

ferry_err bare_checkpoint_drop(struct bare_app *app)
{
    struct store s;
    ferry_err err = open_store(app, CHECKPOINT_NAMESPACE, false, &s);
    if (!err)
        err = ferry_nvs_erase(&s.nvs, s.ns, CHECKPOINT_KEY);
    return err == FERRY_ERR_NVS_NAMESPACE || err == FERRY_ERR_NVS_KEY ? FERRY_OK : err;
}
