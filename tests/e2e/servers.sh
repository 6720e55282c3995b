# What the scripts that meet servers share, to be read after lib.sh: the servers that the environment names, a database and
# a prefix in the bucket of their own, one pipeline file for each pair of a source and a target.
#
# own_mysql and own_s3 fail where no such server is named, own_libs3 where its library or server cannot do it; each leaves a
# skipped case that says so.

# no_server NAME VARIABLE SCRIPT: one skipped case
no_server() {
    cases=$((cases + 1))
    echo "SKIP-SERVER: $2 names no server; run under $3"
    echo "ok $cases - $1 # SKIP"
}

# own_mysql: makes the database $mysql_url, which goes with the script
own_mysql() {
    [ -n "${SLUICE_TEST_MYSQL_URL:-}" ] || {
        no_server "cells of a MySQL server" SLUICE_TEST_MYSQL_URL ci/with-mysql.sh
        return 1
    }
    rest=${SLUICE_TEST_MYSQL_URL#mysql://}
    place=${rest%%/*}
    query=
    case $rest in *\?*) query=?${rest#*\?} ;; esac
    port=${place##*:}
    [ "$port" != "$place" ] || port=3306
    database=sluice_e2e_$$
    mysql_url=mysql://$place/$database$query
    (
        umask 077
        printf '[client]\nhost=%s\nport=%s\nuser=%s\npassword="%s"\nprotocol=tcp\n' "${place%:*}" "$port" "$SLUICE_TEST_MYSQL_USER" \
            "${SLUICE_TEST_MYSQL_PASSWORD:-}" >"$work/client.cnf"
    )
    stock=$(command -v mariadb || command -v mysql) || { echo "no client of MySQL or MariaDB: install mariadb-client-core" >&2; exit 1; }
    client() { "$stock" --defaults-file="$work/client.cnf" -N -B "$@"; }
    mysql_sql() { client "$database" -e "$1"; }
    client -e "CREATE DATABASE $database CHARACTER SET utf8mb4" || exit 1
    trap 'client -e "DROP DATABASE $database"; rm -rf "$work"' EXIT
}

# own_root: as_root, the stock client as the administrator of the MySQL server, where one is named
own_root() {
    [ -n "${SLUICE_TEST_MYSQL_ROOT_USER:-}" ] || {
        no_server "the administrator of a MySQL server" SLUICE_TEST_MYSQL_ROOT_USER ci/with-mysql.sh
        return 1
    }
    (
        umask 077
        sed "s/^user=.*/user=$SLUICE_TEST_MYSQL_ROOT_USER/; s/^password=.*/password=\"$SLUICE_TEST_MYSQL_ROOT_PASSWORD\"/" \
            "$work/client.cnf" >"$work/root.cnf"
    )
    as_root() { mariadb --defaults-file="$work/root.cnf" -N -B "$@"; }
}

# proxy PORT FAULT...: starts one that goes there (0: nowhere), sets $proxy, its port; $proxies are those that the script has to kill
proxies=
proxy() {
    rm -f "$work/proxy"
    mkfifo "$work/proxy"
    "$SLUICE_BUILD/tests/e2e/proxy" "$@" >"$work/proxy" 2>/dev/null &
    proxies="$proxies $!"
    read -r proxy <"$work/proxy"
}

# own_s3 LAKE: copies the folder to $s3_url, a prefix of its own (the bucket is left as it is afterwards)
own_s3() {
    [ -n "${SLUICE_TEST_S3_URL:-}" ] || {
        no_server "cells of an S3 server" SLUICE_TEST_S3_URL ci/with-minio.sh
        return 1
    }
    s3_query=
    case $SLUICE_TEST_S3_URL in *\?*) s3_query=?${SLUICE_TEST_S3_URL#*\?} ;; esac
    s3_bucket=${SLUICE_TEST_S3_URL%%\?*}
    s3_url=${s3_bucket%/}/e2e-$$-$(date +%s)/lake$s3_query
    "$SLUICE" cp -q -r "$1" "$s3_url" >/dev/null || exit 1
}

# own_libs3: $libs3_url, which is $s3_url through libs3
own_libs3() {
    endpoint=$(echo "$s3_query" | tr '?&' '\n\n' | grep '^endpoint=http://')
    why=
    if ! "$SLUICE" -V | grep -q '^stores:.* libs3'; then
        why='this build has no libs3://; make deps, and build again'
    elif [ -z "$endpoint" ]; then
        why='the server speaks TLS, which libs3 cannot verify'
    elif [ "${SLUICE_TEST_S3_SERVER:-}" = versitygw ]; then
        why='versitygw takes no signatures of version 2, and libs3 has no other; run under ci/with-minio.sh'
    fi
    if [ -n "$why" ]; then
        cases=$((cases + 1))
        echo "SKIP: $why"
        echo "ok $cases - cells of libs3 # SKIP"
        return 1
    fi
    libs3_url=lib${s3_url%%\?*}?$endpoint
}

# pipeline DIR SOURCE TARGET: its file, under the folder's name; TARGET is mysql, or a database for SQLite
pipeline() {
    mkdir -p "$1"
    into=$3
    [ "$into" != mysql ] || into="$mysql_url
  user: ${SLUICE_TEST_MYSQL_USER}
  password: \${SLUICE_TEST_MYSQL_PASSWORD}"
    NAME=${1##*/} SOURCE=$2 TARGET=$into awk '
        /^name:/ { print "name: " ENVIRON["NAME"]; next }
        /^  url: file:lake/ { print "  url: " ENVIRON["SOURCE"]; next }
        /^  url: sqlite:/ { print "  url: " ENVIRON["TARGET"]; next }
        /^  table:/ { print "  table: t_" ENVIRON["NAME"]; next }
        { print }' "$SOURCES/docs/pipeline.example.yaml" >"$1/sluice.yaml"
}
