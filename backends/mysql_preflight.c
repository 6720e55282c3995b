/*
 * mysql_preflight: what the server's settings mean for a load.
 *
 * A setting that would break a guarantee is a problem, which stops a run; one that may only make it fail
 * later, or slower, is logged. Settings that a server does not know are none of its own.
 */
#include <string.h>
#include <strings.h>

#include "backends/mysql_internal.h"
#include "core/base/log.h"

enum { VALUE_MAX = 64, RECORD_PACKET = 33 * 1024 * 1024 };

/* The value of a variable, "" where the server has none of that name. */
static enum err_code variable(struct mys_sink *s, const char *name, char out[VALUE_MAX], struct err *err)
{
    struct result r;
    struct bind b = mys_bind(s, "SHOW GLOBAL VARIABLES WHERE Variable_name = ?", err);

    out[0] = '\0';
    mys_word(&b, name);
    if (mys_query(&b, "settings", &r, err))
        return err->code;
    if (mys_next(&r))
        mys_col_text(&r, 1, out, VALUE_MAX);
    mys_done(&r);
    return ERR_OK;
}

static bool is_on(const char *value)
{
    return strcasecmp(value, "ON") == 0 || strcmp(value, "1") == 0;
}

/* ENGINE = InnoDB must not become something else, or be off. */
static enum err_code check_innodb(struct mys_sink *s, struct buf *problems, struct err *err)
{
    int64_t n;
    struct bind b = mys_bind(s,
                             "SELECT COUNT(*) FROM information_schema.engines WHERE engine = 'InnoDB'"
                             " AND support IN ('YES', 'DEFAULT')",
                             err);

    if (mys_query_int(&b, "settings", &n, err))
        return err->code;
    return n ? ERR_OK
             : buf_append_str(problems, "the server has no InnoDB: its tables could not roll back\n", err);
}

enum err_code mys_preflight(struct mys_sink *s, struct buf *problems, struct err *err)
{
    char value[VALUE_MAX];
    struct err why = ERR_INIT;

    if (mys_check_writable(s, &why) != ERR_OK && buf_printf(problems, err, "%s\n", why.msg))
        return err->code;
    if (check_innodb(s, problems, err) || variable(s, "wsrep_on", value, err))
        return err->code;
    if (is_on(value)) {
        if (variable(s, "wsrep_load_data_splitting", value, err))
            return err->code;
        if (is_on(value) &&
            buf_append_str(problems,
                           "the cluster commits LOAD DATA in pieces, which no ROLLBACK undoes: SET GLOBAL "
                           "wsrep_load_data_splitting = OFF\n",
                           err))
            return err->code;
        if (variable(s, "wsrep_max_ws_size", value, err))
            return err->code;
        log_msg(LOG_WARN,
                "%s: Galera refuses transactions over %s bytes (wsrep_max_ws_size): `commit_unit: chunk` "
                "keeps them small",
                s->base.label, value);
    }
    if (variable(s, "group_replication_transaction_size_limit", value, err))
        return err->code;
    if (value[0] && strcmp(value, "0") != 0)
        log_msg(LOG_WARN,
                "%s: group replication refuses transactions over %s bytes "
                "(group_replication_transaction_size_limit): `commit_unit: chunk` keeps them small",
                s->base.label, value);
    if (s->max_packet < RECORD_PACKET)
        log_msg(LOG_DEBUG, "%s: max_allowed_packet of %zu bytes: a refused record of 16 MiB would not fit",
                s->base.label, s->max_packet);
    return ERR_OK;
}
