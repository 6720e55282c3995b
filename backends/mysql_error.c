/*
 * mysql_error: the server's and the client library's codes as errors.
 *
 * Invariant: every code becomes an error here and nowhere else. What a new connection may cure is DB_LOST,
 * what another try may cure DB_BUSY, what a row did DB_CONSTRAINT or DB_VALUE.
 */
#include <errmsg.h>
#include <string.h>

#include "backends/mysql_internal.h"

enum { PLUGIN_NOT_ALLOWED = 5010 /* MariaDB's library; Oracle's says CANNOT_LOAD */ };

/* By number: not both libraries name all of them. */
static const struct {
    unsigned short code;
    enum err_name name;
} NAMES[] = {
    /* the connection, or a server that cannot write now and after a failover is another one */
    {CR_CONNECTION_ERROR, ERRN_DB_LOST},
    {CR_CONN_HOST_ERROR, ERRN_DB_LOST},
    {CR_UNKNOWN_HOST, ERRN_DB_LOST},
    {CR_SERVER_GONE_ERROR, ERRN_DB_LOST},
    {CR_SERVER_HANDSHAKE_ERR, ERRN_DB_LOST},
    {CR_SERVER_LOST, ERRN_DB_LOST},
    {CR_COMMANDS_OUT_OF_SYNC, ERRN_DB_LOST},
    {CR_MALFORMED_PACKET, ERRN_DB_LOST},
    {2055 /* CR_SERVER_LOST_EXTENDED */, ERRN_DB_LOST},
    {1040 /* too many connections */, ERRN_DB_LOST},
    {1047 /* WSREP not ready */, ERRN_DB_LOST},
    {1053 /* shutdown */, ERRN_DB_LOST},
    {1152 /* aborting connection */, ERRN_DB_LOST},
    {1158, ERRN_DB_LOST},
    {1159, ERRN_DB_LOST},
    {1160, ERRN_DB_LOST},
    {1161, ERRN_DB_LOST},
    {1184, ERRN_DB_LOST},
    {1203 /* too many connections of this user */, ERRN_DB_LOST},
    {1226 /* a user's limit */, ERRN_DB_LOST},
    {1290 /* --read-only */, ERRN_DB_LOST},
    {1317 /* query interrupted */, ERRN_DB_LOST},
    {1792 /* transactions are read only */, ERRN_DB_LOST},
    {1836 /* read only mode */, ERRN_DB_LOST},
    {1874 /* InnoDB is in read only mode */, ERRN_DB_LOST},
    {1927 /* connection was killed */, ERRN_DB_LOST},
    {3032 /* offline mode */, ERRN_DB_LOST},
    {3100 /* replication hook */, ERRN_DB_LOST},
    {3101 /* rolled back by a plugin */, ERRN_DB_LOST},
    {4031 /* disconnected because of inactivity */, ERRN_DB_LOST},
    /* locks */
    {1205 /* lock wait timeout */, ERRN_DB_BUSY},
    {1213 /* deadlock */, ERRN_DB_BUSY},
    {3572 /* NOWAIT */, ERRN_DB_BUSY},
    {1180 /* error during commit */, ERRN_DB_BUSY},
    /* rights */
    {1044, ERRN_DENIED},
    {1045, ERRN_DENIED},
    {1129 /* host blocked */, ERRN_DENIED},
    {1130 /* host not allowed */, ERRN_DENIED},
    {1142, ERRN_DENIED},
    {1143, ERRN_DENIED},
    {1227, ERRN_DENIED},
    {1370, ERRN_DENIED},
    {1410, ERRN_DENIED},
    {1524 /* plugin is not loaded */, ERRN_DENIED},
    {1698, ERRN_DENIED},
    {1820, ERRN_DENIED},
    {1862 /* password expired */, ERRN_DENIED},
    {3118 /* account locked */, ERRN_DENIED},
    {3159 /* the server wants TLS */, ERRN_DENIED},
    {CR_SSL_CONNECTION_ERROR, ERRN_DENIED},
    {CR_AUTH_PLUGIN_ERR, ERRN_DENIED},
    {CR_AUTH_PLUGIN_CANNOT_LOAD, ERRN_DENIED},
    {PLUGIN_NOT_ALLOWED, ERRN_DENIED},
    /* what is not there */
    {1049 /* database */, ERRN_NOT_FOUND},
    {1146 /* table */, ERRN_TABLE_MISSING},
    {1054 /* column */, ERRN_TABLE_MISMATCH},
    {1148, ERRN_UNSUPPORTED},
    {3948 /* local_infile is off */, ERRN_UNSUPPORTED},
    {4166 /* the same in MariaDB */, ERRN_UNSUPPORTED},
    /* a row against the table's rules */
    {1022, ERRN_DB_CONSTRAINT},
    {1048 /* NULL */, ERRN_DB_CONSTRAINT},
    {1062 /* duplicate key */, ERRN_DB_CONSTRAINT},
    {1169, ERRN_DB_CONSTRAINT},
    {1216, ERRN_DB_CONSTRAINT},
    {1263 /* NULL, in LOAD */, ERRN_DB_CONSTRAINT},
    {1364 /* no default */, ERRN_DB_CONSTRAINT},
    {1452 /* foreign key */, ERRN_DB_CONSTRAINT},
    {1557, ERRN_DB_CONSTRAINT},
    {1586 /* duplicate key */, ERRN_DB_CONSTRAINT},
    {1748 /* no partition for it */, ERRN_DB_CONSTRAINT},
    {1526 /* no partition for it */, ERRN_DB_CONSTRAINT},
    {1761, ERRN_DB_CONSTRAINT},
    {1762, ERRN_DB_CONSTRAINT},
    {3819 /* CHECK */, ERRN_DB_CONSTRAINT},
    {4025 /* CHECK in MariaDB */, ERRN_DB_CONSTRAINT},
    {1644 /* SIGNAL in a trigger */, ERRN_DB_CONSTRAINT},
    /* a value */
    {1136, ERRN_DB_VALUE},
    {1153 /* packet */, ERRN_DB_VALUE},
    {1261, ERRN_DB_VALUE},
    {1262, ERRN_DB_VALUE},
    {1264 /* range */, ERRN_DB_VALUE},
    {1265 /* truncated */, ERRN_DB_VALUE},
    {1292, ERRN_DB_VALUE},
    {1300, ERRN_DB_VALUE},
    {1366, ERRN_DB_VALUE},
    {1406 /* too long */, ERRN_DB_VALUE},
    {1411, ERRN_DB_VALUE},
    {1690, ERRN_DB_VALUE},
    {3140, ERRN_DB_VALUE},
    {CR_NET_PACKET_TOO_LARGE, ERRN_DB_VALUE},
    /* room */
    {1021, ERRN_DISK_FULL},
    {1114, ERRN_DISK_FULL},
    {CR_OUT_OF_MEMORY, ERRN_NOMEM},
};

enum err_name mys_name_of(unsigned code)
{
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (NAMES[i].code == code)
            return NAMES[i].name;
    return ERRN_DB;
}

/* A TLS handshake that the other side broke off has the code of a certificate that is not trusted; only the
 * words tell: MariaDB's library has the system's, Oracle's OpenSSL's, which may have nothing to say. */
static bool handshake_was_cut(unsigned code, const char *text)
{
    static const char *const WORDS[] = {"unexpected eof", "error:00000000", "Connection reset", "Broken pipe",
                                        "timed out"};

    for (size_t i = 0; code == CR_SSL_CONNECTION_ERROR && i < sizeof WORDS / sizeof *WORDS; i++)
        if (strstr(text, WORDS[i]))
            return true;
    return false;
}

static const char *cure_of(unsigned code)
{
    switch (code) {
    case 1045:
    case 1698:
        return ": check target.user and target.password";
    case 1049:
        return ": create it, or correct target.url";
    case 1227:
    case 1142:
    case 1044:
        return ": grant that right to target.user";
    case 1290:
    case 1792:
    case 1836:
    case 1874:
        return ": it cannot be written to now";
    case 1153:
    case CR_NET_PACKET_TOO_LARGE:
        return ": raise the server's max_allowed_packet";
    case PLUGIN_NOT_ALLOWED:
    case CR_AUTH_PLUGIN_CANNOT_LOAD:
        return ": the server asks for the password in a way that would give it away, or that this client "
               "does not know; IAM users of RDS need auth=rds-iam in target.url";
    case CR_SSL_CONNECTION_ERROR:
        return ": the server's certificate must be valid and of an authority that ?tls-ca=FILE in target.url "
               "names";
    default:
        return "";
    }
}

static enum err_code fail(struct mys_sink *s, unsigned code, const char *text, const char *what,
                          struct err *err)
{
    enum err_name name = mys_name_of(code);

    if (name == ERRN_NOMEM)
        return err_nomem(err);
    if (handshake_was_cut(code, text))
        return err_set_native(err, ERRN_DB_LOST, (long)code,
                              "%s: %s: %s: the server, or what stands before "
                              "it, broke off",
                              s->base.label, what, text);
    return err_set_native(err, name, (long)code, "%s: %s: %s%s", s->base.label, what, text, cure_of(code));
}

enum err_code mys_fail(struct mys_sink *s, const char *what, struct err *err)
{
    return fail(s, mysql_errno(s->db), mysql_error(s->db), what, err);
}

enum err_code mys_fail_stmt(struct mys_sink *s, MYSQL_STMT *stmt, const char *what, struct err *err)
{
    unsigned code = mysql_stmt_errno(stmt);

    if (code != 0)
        return fail(s, code, mysql_stmt_error(stmt), what, err);
    /* MariaDB's library notes a connection that broke in the midst of rows with the connection, or nowhere.
     */
    code = mysql_errno(s->db);
    return fail(s, code ? code : CR_SERVER_LOST, code ? mysql_error(s->db) : "the connection broke off", what,
                err);
}
