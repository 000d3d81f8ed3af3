/* cli/agent_words.c - what the agent does, in words. */
#include "agent_words.h"

#include <stdio.h>
#include <string.h>

#include "device_words.h"

void cli_agent_say(struct cli_agent_words *w, const char *fmt, ...)
{
    char line[FERRY_SENTENCE_BYTES + 256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    cJSON_AddItemToArray(w->log, cJSON_CreateString(line));
    cli_text(w->call->out, "  %s\n", line);
}

static const char *name_of(const struct ferry_release *r)
{
    return r->version[0] ? r->version : "the application";
}

static const char *slot_of(const struct cli_agent_words *w, const struct ferry_release *r)
{
    static char label[FERRY_LABEL_BYTES + 1];
    return r->slot >= 0 ? cli_label(w->v, r->slot, label) : "no slot";
}

static void say_failed(struct cli_agent_words *w, const char *before, const struct ferry_agent *a)
{
    char sentence[FERRY_SENTENCE_BYTES];
    const struct ferry_about about = {.file = a->credentials.join.url[0] ? a->credentials.join.url
                                                                         : NULL,
                                      .detail = a->detail[0] ? a->detail : NULL};
    cli_agent_say(w, "%s%s", before, ferry_sentence(sentence, sizeof(sentence), &a->fault, &about));
}

static void say_start(struct cli_agent_words *w, const struct ferry_agent *a)
{
    const char *reset = ferry_reset_name(a->config.start.reset);
    switch (a->run) {
    case FERRY_RUN_NONE:
        cli_agent_say(w, "updater starts (%s)", reset);
        break;
    case FERRY_RUN_WELL:
        cli_agent_say(w, "updater starts (%s): %s ran well", reset, name_of(&a->installed));
        break;
    case FERRY_RUN_CRASHED:
        cli_agent_say(w, "updater starts (%s): %s crashed", reset, name_of(&a->installed));
        break;
    }
}

/* What is about releases; false: something else. */
static bool say_release(struct cli_agent_words *w, enum ferry_agent_news news,
                        const struct ferry_agent *a)
{
    switch (news) {
    case FERRY_NEWS_OFFER:
        cli_agent_say(w, "fetches %s, %s bytes, into %s", name_of(&a->coming),
                      cli_thousands(a->coming.length_bytes), slot_of(w, &a->coming));
        return true;
    case FERRY_NEWS_INSTALLED:
        cli_agent_say(w, "%s is verified in %s", name_of(&a->installed), slot_of(w, &a->installed));
        return true;
    case FERRY_NEWS_CONFIRMED:
        cli_agent_say(w, "%s is confirmed", name_of(&a->installed));
        return true;
    case FERRY_NEWS_CRASHED:
        cli_agent_say(w, "that is crash %u in a row", (unsigned)a->config.notes->n_crashes);
        return true;
    case FERRY_NEWS_BAD:
        cli_agent_say(w, "%s is bad: %s", name_of(&a->bad), a->reason);
        return true;
    case FERRY_NEWS_BACK:
        cli_agent_say(w, "goes back to %s in %s", name_of(&a->installed),
                      slot_of(w, &a->installed));
        return true;
    case FERRY_NEWS_HANDOVER:
        cli_agent_say(w, "hands over to %s in %s", name_of(&a->installed),
                      slot_of(w, &a->installed));
        return true;
    case FERRY_NEWS_SELF:
        cli_agent_say(w, "updater %s is verified in %s and restarts into it", name_of(&a->self),
                      slot_of(w, &a->self));
        return true;
    case FERRY_NEWS_SELF_KEPT:
        cli_agent_say(w, "this updater is new, has reached the server, and stays");
        return true;
    case FERRY_NEWS_SELF_BACK:
        cli_agent_say(w, "this updater is new, has reached nobody, and gives way to the old one");
        return true;
    default:
        return false;
    }
}

void cli_agent_news(void *ctx, enum ferry_agent_news news, const struct ferry_agent *a)
{
    struct cli_agent_words *w = ctx;
    if (say_release(w, news, a))
        return;
    switch (news) {
    case FERRY_NEWS_START:
        say_start(w, a);
        break;
    case FERRY_NEWS_QUICK:
        cli_agent_say(w, "does not ask: the server was asked a short while ago");
        break;
    case FERRY_NEWS_PROBE:
        cli_agent_say(w, "writes a probe and restarts, to see whether the bootloader rolls back");
        break;
    case FERRY_NEWS_PROVED:
        cli_agent_say(w, "the bootloader rolls back");
        break;
    case FERRY_NEWS_NO_ROLLBACK:
        cli_agent_say(w, "the bootloader does not roll back: nothing will be started");
        break;
    case FERRY_NEWS_OFFLINE:
        cli_agent_say(w, "no network");
        break;
    case FERRY_NEWS_ENROLLED:
        cli_agent_say(w, "enrolled as %s", a->credentials.join.id);
        break;
    case FERRY_NEWS_RENEWED:
        cli_agent_say(w, "has a new certificate");
        break;
    case FERRY_NEWS_UP_TO_DATE:
        cli_agent_say(w, "the server has nothing newer");
        break;
    case FERRY_NEWS_REFUSED:
        say_failed(w, "not fetched: ", a);
        break;
    case FERRY_NEWS_LATER:
        cli_agent_say(w, "an update is there, but this is not the time");
        break;
    case FERRY_NEWS_FAILED:
        say_failed(w, "", a);
        break;
    case FERRY_NEWS_REPORTED:
        cli_agent_say(w, "reported: %s", a->report);
        break;
    case FERRY_NEWS_WEAR:
        cli_agent_say(w, "otadata was erased %s times, which is half of what flash is good for",
                      cli_thousands(a->wear));
        break;
    default:
        cli_agent_say(w, "nothing to start; asks again in %u s", (unsigned)a->rest_s);
        break;
    }
}

static void on_stage(void *ctx, enum ferry_stage stage, const struct ferry_update *u)
{
    if (stage == FERRY_STAGE_RECEIVING && u->got_bytes)
        cli_agent_say(ctx, "goes on at byte %s", cli_thousands(u->got_bytes));
}

static void on_remark(void *ctx, const struct ferry_remark *r)
{
    const struct cli_agent_words *w = ctx;
    if (r->kind == FERRY_REMARK_RETRY)
        cli_agent_say(ctx, "link lost at byte %s (%s): asks for the rest in %u ms, try %u of %u",
                      cli_thousands(w->agent ? w->agent->update.got_bytes : 0),
                      ferry_strerror(r->fault.err), (unsigned)r->pause_ms, (unsigned)r->n,
                      (unsigned)r->n_most);
    else if (r->kind == FERRY_REMARK_ANEW)
        cli_agent_say(ctx, "begins anew%s%s", r->detail ? ": " : "", r->detail ? r->detail : "");
}

struct ferry_update_events cli_agent_events(struct cli_agent_words *w)
{
    return (struct ferry_update_events){on_stage, NULL, on_remark, w};
}

void cli_agent_json_release(cJSON *parent, const char *key, const struct ferry_vdevice *v,
                            const struct ferry_release *r)
{
    char sha[2 * FERRY_SHA256_BYTES + 1];
    cJSON *item = cJSON_AddObjectToObject(parent, key);
    for (size_t i = 0; i < FERRY_SHA256_BYTES; i++)
        snprintf(sha + 2 * i, 3, "%02x", r->sha256[i]);
    cJSON_AddStringToObject(item, "version", r->version);
    cJSON_AddStringToObject(item, "project", r->project);
    if (r->has_serial)
        cJSON_AddNumberToObject(item, "serial", (double)r->serial);
    cJSON_AddStringToObject(item, "sha256", sha);
    if (r->slot >= 0)
        cli_json_slot(item, "slot", v, r->slot);
}

int cli_agent_fail(const struct cli_call *call, const struct ferry_fault *fault, const char *server,
                   const char *detail)
{
    const struct ferry_about about = {.file = server && server[0] ? server : NULL,
                                      .detail = detail && detail[0] ? detail : NULL};
    return cli_fail(call->out, fault, &about);
}
