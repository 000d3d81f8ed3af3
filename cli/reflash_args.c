/* cli/reflash_args.c - the options of the `ferry reflash` commands. */
#include "reflash_args.h"

#include <stdlib.h>
#include <string.h>

#include "image_signature.h"

enum {
    OPT_STEP = CLI_OPT_OWN,
    OPT_STAGING,
    OPT_BACKUP,
    OPT_ALLOW_DANGEROUS,
    OPT_FOREIGN,
    OPT_DROP_NVS,
    OPT_JOURNAL_AT,
    OPT_NEW_TABLE_OFFSET,
    OPT_RECOVERY_AT,
    OPT_RESUMES,
    OPT_SIGN_KEY,
};

#define ROW_JOURNAL                                                                                \
    {                                                                                              \
        "journal-at", OPT_JOURNAL_AT, "N", 0,                                                      \
            "Sector of the journal, as app and bootloader were built with (the flash's last)", 0   \
    }
#define ROW_RESUMES                                                                                \
    {                                                                                              \
        "resumes", OPT_RESUMES, "app|bootloader", 0,                                               \
            "Who goes on after a power cut: the app that starts (app), or already the bootloader " \
            "of today, if it calls ferry_reflash_resume",                                          \
            0                                                                                      \
    }
#define ROW_RECOVERY                                                                               \
    {                                                                                              \
        "recovery-at", OPT_RECOVERY_AT, "N", 0,                                                    \
            "Place of the recovery bootloader, as the chip's eFuse names it (none)", 0             \
    }
#define ROW_DANGEROUS                                                                              \
    {                                                                                              \
        "allow-dangerous", OPT_ALLOW_DANGEROUS, 0, 0,                                              \
            "Write bootloader, partition table and what selects the app, and accept the moments "  \
            "in which a power cut would need a cable; `plan` names them",                          \
            1                                                                                      \
    }
#define ROW_SIGN_KEY                                                                               \
    {                                                                                              \
        "sign-key", OPT_SIGN_KEY, "FILE", 0,                                                       \
            "Private key (PEM) that signs the plan, for a device with trusted keys", 2             \
    }

const struct argp_option reflash_plan_options[] = {
    {"step", OPT_STEP, "STEP", 0, "One step, as below; may be repeated, up to 16", 0},
    {"staging", OPT_STAGING, "PLACE", 0,
     "Partition, or 0xOFFSET+SIZE, where contents from outside are kept and checked first (an app "
     "partition that does not run and that no step touches)",
     0},
    {"backup", OPT_BACKUP, "PLACE", OPTION_ARG_OPTIONAL,
     "Keep what is overwritten, so that undo can bring it back: there, or in the largest gap "
     "between the partitions",
     0},
    ROW_JOURNAL,
    {"new-table-offset", OPT_NEW_TABLE_OFFSET, "N", 0,
     "Where the new bootloader looks for its partition table (where it is)", 0},
    ROW_RECOVERY,
    ROW_RESUMES,
    {0, 0, 0, 0, "What is allowed though it is unusual:", 1},
    ROW_DANGEROUS,
    {"drop-nvs", OPT_DROP_NVS, 0, 0, "The new layout need not bring NVS along", 1},
    {"foreign", OPT_FOREIGN, 0, 0,
     "The result need not be a layout of ESP-IDF that boots (MCUboot, NuttX)", 1},
    {0, 0, 0, 0, "Whose plan it is:", 2},
    ROW_SIGN_KEY,
    CLI_HTTP_OPTIONS(3),
    {0},
};

const struct argp_option reflash_resume_options[] = {ROW_JOURNAL, ROW_RESUMES, {0}};

const struct argp_option reflash_status_options[] = {ROW_JOURNAL, {0}};

const struct argp_option reflash_undo_options[] = {
    ROW_JOURNAL,   ROW_RECOVERY,
    ROW_RESUMES,   {0, 0, 0, 0, "What is allowed though it is unusual:", 1},
    ROW_DANGEROUS, {0, 0, 0, 0, "Whose plan it is:", 2},
    ROW_SIGN_KEY,  {0},
};

static int take_text(const struct cli_call *call, const char *text, char **out)
{
    free(*out);
    *out = strdup(text);
    return *out ? CLI_EXIT_OK : cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
}

/** The plan file, and the steps behind it; the command line has the last word. */
static int read_wishes(const struct cli_call *call, struct reflash_wishes *w)
{
    const char *text;
    if (call->n_args > 1 && !reflash_wish_file(w, call->args[1]))
        return cli_fail_text(call->out, FERRY_ERR_SYNTAX, "%s", w->detail);
    for (int i = 0; (text = cli_value_at(call, OPT_STEP, i)); i++)
        if (!reflash_wish_add(w, text))
            return cli_usage(call, "--step=%s: %s", text, w->detail);
    int exit_code = CLI_EXIT_OK;
    if ((text = cli_value(call, OPT_STAGING)))
        exit_code = take_text(call, text, &w->staging);
    if (!exit_code && cli_has(call, OPT_BACKUP)) {
        text = cli_value(call, OPT_BACKUP);
        exit_code = take_text(call, text ? text : "", &w->backup);
    }
    w->foreign |= cli_has(call, OPT_FOREIGN);
    w->drop_nvs |= cli_has(call, OPT_DROP_NVS);
    w->has_new_table_off |= cli_has(call, OPT_NEW_TABLE_OFFSET);
    return exit_code;
}

static int one_stdin(const struct cli_call *call, const struct reflash_wishes *w)
{
    int n = 0;
    for (unsigned i = 0; i < w->n; i++)
        n += w->steps[i].from_name && !strcmp(w->steps[i].from_name, "-");
    return n < 2 ? CLI_EXIT_OK : cli_usage(call, "only one step can come from standard input");
}

int reflash_read_args(const struct cli_call *call, struct reflash_args *a)
{
    static const char *const who[] = {"app", "bootloader", NULL};
    int resumes = 0;
    memset(a, 0, sizeof(*a));
    a->allow_dangerous = cli_has(call, OPT_ALLOW_DANGEROUS);
    a->has_journal = cli_has(call, OPT_JOURNAL_AT);
    if (!cli_number(call, OPT_JOURNAL_AT, UINT32_MAX, &a->journal_off_bytes) ||
        !cli_number(call, OPT_RECOVERY_AT, UINT32_MAX, &a->recovery_off_bytes) ||
        !cli_choice(call, OPT_RESUMES, who, &resumes))
        return CLI_EXIT_USAGE;
    a->bootloader_resumes = resumes == 1;
    int exit_code = read_wishes(call, &a->wishes);
    if (!exit_code &&
        !cli_number(call, OPT_NEW_TABLE_OFFSET, UINT32_MAX, &a->wishes.new_table_off_bytes))
        exit_code = CLI_EXIT_USAGE;
    if (!exit_code)
        exit_code = one_stdin(call, &a->wishes);
    if (!exit_code)
        exit_code = cli_http_read_args(call, &a->server);
    const char *key = cli_value(call, OPT_SIGN_KEY);
    a->has_key = key != NULL;
    if (!exit_code && key)
        exit_code = image_key_read(call, key, &a->key);
    return exit_code;
}

void reflash_args_free(struct reflash_args *a)
{
    reflash_wishes_free(&a->wishes);
    cli_http_free_args(&a->server);
    ferry_sign_key_close(&a->key);
}
