/* server/admin.c - the frame around each change, and names. */
#include "admin.h"

#include <stdarg.h>
#include <stdio.h>

#include "audit.h"
#include "store_device.h"
#include "unicode.h"

static void say(struct admin *a, enum admin_code code, const char *fmt, va_list args)
{
    a->code = code;
    vsnprintf(a->why, sizeof(a->why), fmt, args);
    ferry_utf8_mend(a->why); // what was said may be quoted
}

enum admin_code admin_end(struct admin *a, enum admin_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(a, code, fmt, args);
    va_end(args);
    return code;
}

enum db_result admin_stop(struct admin *a, enum admin_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(a, code, fmt, args);
    va_end(args);
    return DB_OK;
}

enum admin_code admin_db(struct admin *a, enum db_result result)
{
    switch (result) {
    case DB_OK:
    case DB_ROW:
        a->code = ADMIN_DONE;
        return ADMIN_DONE;
    case DB_GONE:
        return admin_end(a, ADMIN_LATER, "the database is away: %s", a->db->detail);
    case DB_RETRY:
        return admin_end(a, ADMIN_LATER, "the database is too busy: %s", a->db->detail);
    default:
        return admin_end(a, ADMIN_FAILED, "the database refused: %s", a->db->detail);
    }
}

/** One change on its way. */
struct change {
    struct admin *a;
    admin_work work;
    void *ctx;
};

static enum db_result change(struct db *db, void *ctx)
{
    const struct change *const c = ctx;
    (void)db;
    c->a->code = ADMIN_DONE; // whatever a former try has found
    return c->work(c->a, c->ctx);
}

enum admin_code admin_run(struct admin *a, admin_work work, void *ctx)
{
    struct change c = {a, work, ctx};
    const enum db_result result = db_transaction(a->db, change, &c);
    return result == DB_OK ? a->code : admin_db(a, result);
}

enum db_result admin_audit(struct admin *a, const char *action, const char *subject,
                           const char *detail)
{
    return audit_add(a->db, a->actor, action, subject, detail);
}

enum admin_code admin_check_name(struct admin *a, const char *what, const char *name)
{
    if (device_name_is_fine(name))
        return ADMIN_DONE;
    return admin_end(a, ADMIN_MISUSED,
                     "%s '%.80s' is no name: 1 to 64 letters, digits and . _ - :, the first of "
                     "them a letter or digit",
                     what, name);
}
