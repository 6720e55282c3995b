/*
 * mysql_preflight: what the server's settings and the user's rights mean for a load, before anything is
 * loaded.
 *
 * A setting that would break a promise is wrong, which stops a run; one that may only make it fail later, or
 * slower, is a warning. Settings that a server does not know are none of its own. What the session sets
 * itself is looked at all the same: a proxy in between may have kept it to itself.
 *
 * Invariant: nothing is changed.
 */
#include <string.h>
#include <strings.h>

#include "backends/mysql_internal.h"

enum { VALUE_MAX = 64, PACKET_MIN = 4 * 1024 * 1024 };

enum setting {
    WSREP_ON,
    WSREP_SPLITS,
    WSREP_ROWS,
    WSREP_SIZE,
    GROUP_SIZE,
    READ_ONLY_ENGINE,
    SETTINGS,
};
static const char *const NAMES[SETTINGS] = {"wsrep_on",
                                            "wsrep_load_data_splitting",
                                            "wsrep_max_ws_rows",
                                            "wsrep_max_ws_size",
                                            "group_replication_transaction_size_limit",
                                            "innodb_read_only"};

/* Their values, "" where the server has none of that name. */
static enum err_code read_settings(struct mys_sink *s, char values[SETTINGS][VALUE_MAX], struct err *err)
{
    struct result r;
    struct bind b = mys_bind(s, "SHOW GLOBAL VARIABLES WHERE Variable_name IN (?, ?, ?, ?, ?, ?)", err);

    memset(values, 0, SETTINGS * VALUE_MAX);
    for (int i = 0; i < SETTINGS; i++)
        mys_word(&b, NAMES[i]);
    if (mys_query(&b, "settings", &r, err))
        return err->code;
    while (mys_next(&r))
        for (int i = 0; i < SETTINGS; i++)
            if (strcasecmp(mys_col(&r, 0), NAMES[i]) == 0)
                mys_col_text(&r, 1, values[i], VALUE_MAX);
    mys_done(&r);
    return ERR_OK;
}

static bool is_on(const char *value)
{
    return strcasecmp(value, "ON") == 0 || strcmp(value, "1") == 0;
}

static bool is_limit(const char *value)
{
    return value[0] && strcmp(value, "0") != 0;
}

/* ENGINE = InnoDB must not become something else, or be off. */
static enum err_code check_innodb(struct mys_sink *s, struct buf *wrong, struct err *err)
{
    int64_t n;
    struct result r;
    struct bind b = mys_bind(s,
                             "SELECT COUNT(*) FROM information_schema.engines WHERE engine = 'InnoDB'"
                             " AND support IN ('YES', 'DEFAULT')",
                             err);

    if (mys_query_int(&b, "settings", &n, err))
        return err->code;
    if (!n && buf_append_str(wrong, "the server has no InnoDB: its tables could not roll back\n", err))
        return err->code;
    b = mys_bind(s,
                 "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()"
                 " AND table_name IN ('sluice_schema', 'sluice_load', 'sluice_claim', 'sluice_attempt',"
                 " 'sluice_reject', 'sluice_check') AND engine <> 'InnoDB'",
                 err);
    if (mys_query(&b, "settings", &r, err))
        return err->code;
    while (!err->code && mys_next(&r))
        (void)!buf_printf(wrong, err,
                          "table %s is kept by %s, which cannot roll back: ALTER TABLE %s ENGINE = InnoDB\n",
                          mys_col(&r, 0), mys_col(&r, 1), mys_col(&r, 0));
    mys_done(&r);
    return err->code;
}

/* What begin_session said, as the server has it. */
static enum err_code check_session(struct mys_sink *s, struct buf *wrong, struct err *err)
{
    struct result r;
    struct bind b = mys_bind(s, "SELECT @@SESSION.sql_mode, @@SESSION.time_zone, @@SESSION.autocommit", err);

    if (mys_query(&b, "settings", &r, err))
        return err->code;
    if (mys_next(&r) &&
        (!strstr(mys_col(&r, 0), "STRICT_ALL_TABLES") || strstr(mys_col(&r, 0), "NO_BACKSLASH_ESCAPES") ||
         strcmp(mys_col(&r, 1), "+00:00") != 0 || mys_col_int(&r, 2) != 0))
        (void)!buf_printf(
            wrong, err,
            "the session is not as it was set (sql_mode %s, time_zone %s, autocommit %s): "
            "something between here and the server keeps SET SESSION to itself: connect past it\n",
            mys_col(&r, 0), mys_col(&r, 1), mys_col(&r, 2));
    mys_done(&r);
    return err->code;
}

static enum err_code check_cluster(char values[SETTINGS][VALUE_MAX], struct sink_preflight *out,
                                   struct err *err)
{
    static const char CHUNKS[] = "`commit_unit: chunk` keeps them small";

    if (is_on(values[WSREP_ON])) {
        if (is_on(values[WSREP_SPLITS]) &&
            buf_append_str(&out->wrong,
                           "the cluster commits LOAD DATA in pieces, which no ROLLBACK undoes: SET GLOBAL "
                           "wsrep_load_data_splitting = OFF\n",
                           err))
            return err->code;
        if (is_limit(values[WSREP_ROWS]) &&
            buf_printf(&out->warnings, err,
                       "Galera refuses transactions of over %s rows (wsrep_max_ws_rows): %s\n",
                       values[WSREP_ROWS], CHUNKS))
            return err->code;
        if (is_limit(values[WSREP_SIZE]) &&
            buf_printf(&out->warnings, err,
                       "Galera refuses transactions of over %s bytes (wsrep_max_ws_size): %s\n",
                       values[WSREP_SIZE], CHUNKS))
            return err->code;
    }
    if (is_limit(values[GROUP_SIZE]))
        return buf_printf(&out->warnings, err,
                          "group replication refuses transactions of over %s bytes "
                          "(group_replication_transaction_size_limit): %s\n",
                          values[GROUP_SIZE], CHUNKS);
    return ERR_OK;
}

static enum err_code check_ways(struct mys_sink *s, struct sink_preflight *out, struct err *err)
{
    if (s->load_off &&
        buf_append_str(
            &out->warnings,
            "local_infile is off on the server, so rows go by INSERTs of many rows instead of LOAD "
            "DATA, which is slower: SET GLOBAL local_infile = ON (RDS, Aurora: local_infile = 1 in "
            "the parameter group), or say load=insert in target.url\n",
            err))
        return err->code;
    if (s->max_packet < PACKET_MIN)
        return buf_printf(&out->warnings, err,
                          "max_allowed_packet is about %zu KiB: a refused record%s of more than half of that "
                          "cannot be stored: SET GLOBAL max_allowed_packet = 67108864\n",
                          s->max_packet / 1024 + 1, s->load_off ? ", or a row," : "");
    return ERR_OK;
}

static enum err_code preflight(struct mys_sink *s, bool creates, struct sink_preflight *out, struct err *err)
{
    char values[SETTINGS][VALUE_MAX];

    if (read_settings(s, values, err))
        return err->code;
    if (is_on(values[READ_ONLY_ENGINE]))
        return err_set(err, ERRN_READ_ONLY,
                       "%s: this server takes no writes (innodb_read_only): name the one that does (the "
                       "primary, the cluster's writer) in target.url",
                       s->base.label);
    if (check_innodb(s, &out->wrong, err) || check_session(s, &out->wrong, err) ||
        check_cluster(values, out, err) || check_ways(s, out, err))
        return err->code;
    return mys_rights(s, creates, &out->refused, err);
}

enum err_code mys_preflight(struct sink *sink, bool creates, struct sink_preflight *out, struct err *err)
{
    struct mys_sink *s = mys_of(sink);

    (void)!preflight(s, creates, out, err);
    mys_end_read(s);
    return err->code;
}
