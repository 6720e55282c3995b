#!/bin/sh
# Runs COMMAND with a private MySQL or MariaDB: `[SLUICE_TEST_TLS=none|ca|expired|name|self] ci/with-mysql.sh [mysql|mariadb] COMMAND...`
#
# COMMAND gets SLUICE_TEST_MYSQL_URL (an empty database), _USER and _PASSWORD (may do all to databases sluice and sluice_*), _ROOT_USER and
# _ROOT_PASSWORD, _SERVER (mysql or mariadb), _CTL (a program: stop, start, kill), _CLIENT (the stock client as that user) and, with
# TLS, SLUICE_TEST_TLS_CA (none is the server as it comes: MySQL has a certificate of its own making, MariaDB 10.11 no TLS). SLUICE_TEST_MYSQL_OPTIONS are more options of the server. The status is COMMAND's; 125 where the
# server cannot be had.
set -eu
. "$(dirname "$0")/with-server.sh"

kind=mysql
case ${1:-} in
mysql | mariadb)
    kind=$1
    shift
    ;;
esac
[ $# -gt 0 ] || fail "usage: ci/with-mysql.sh [mysql|mariadb] COMMAND..."
"$here/deps.sh" servers || fail "no $kind"

# MySQL runs inside its chroot, so its folder is there too; `in_server` is that folder's name as the server sees it.
if [ $kind = mysql ]; then
    chroot=$("$here/cache.sh" chroot) || fail "no mysql"
    mysqld="chroot $chroot mysqld"
    serve_dir "$chroot/tmp" mysql
    in_server=${dir#"$chroot"}
else
    mysqld=/usr/sbin/mariadbd
    serve_dir "${TMPDIR:-/tmp}" mariadb
    in_server=$dir
fi
user=$(id -un)

SLUICE_TEST_MYSQL_USER=sluice
SLUICE_TEST_MYSQL_PASSWORD=$(secret)
SLUICE_TEST_MYSQL_ROOT_USER=root
SLUICE_TEST_MYSQL_ROOT_PASSWORD=$(secret)
# Run at the first start alone; one statement a line. No account without a password is left.
accounts="ALTER USER 'root'@'localhost' IDENTIFIED BY '$SLUICE_TEST_MYSQL_ROOT_PASSWORD'"
[ $kind = mysql ] || accounts="DELETE FROM mysql.global_priv WHERE User IN ('', 'root');
FLUSH PRIVILEGES"
cat >"$dir/first.sql" <<SQL
$accounts;
CREATE DATABASE sluice CHARACTER SET utf8mb4;
CREATE USER 'sluice'@'%' IDENTIFIED BY '$SLUICE_TEST_MYSQL_PASSWORD';
GRANT ALL ON sluice.* TO 'sluice'@'%';
GRANT ALL ON \`sluice\\_%\`.* TO 'sluice'@'%';
CREATE USER 'root'@'%' IDENTIFIED BY '$SLUICE_TEST_MYSQL_ROOT_PASSWORD';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
SQL

configure() {
    # The socket's name is relative to the data folder: a long path has no room in a socket's address.
    cat >"$dir/my.cnf" <<CNF
[mysqld]
user=$user
datadir=$in_server/data
tmpdir=$in_server/tmp
pid-file=$in_server/mysqld.pid
socket=mysqld.sock
bind-address=127.0.0.1
port=$port
skip-name-resolve
local-infile=ON
CNF
    if [ $kind = mysql ]; then
        printf 'mysqlx=OFF\nsecure-file-priv=NULL\n' >>"$dir/my.cnf"
    fi
    if [ "$tls" != none ]; then
        printf 'ssl-ca=%s/ca.pem\nssl-cert=%s/cert.pem\nssl-key=%s/key.pem\n' "$in_server/tls" "$in_server/tls" "$in_server/tls" \
            >>"$dir/my.cnf"
    fi
    # After a crash the lock names a pid that may still be there as a zombie: nobody else uses this folder.
    script "$dir/run" <<RUN
rm -f "$dir/data/mysqld.sock.lock"
exec $mysqld --defaults-file="$in_server/my.cnf" ${SLUICE_TEST_MYSQL_OPTIONS:-} "\$@"
RUN
    for who in sluice root; do
        password=$SLUICE_TEST_MYSQL_PASSWORD
        [ $who = sluice ] || password=$SLUICE_TEST_MYSQL_ROOT_PASSWORD
        printf '[client]\nuser=%s\npassword=%s\nhost=127.0.0.1\nport=%s\nconnect-timeout=10\n%s\n' $who "$password" "$port" \
            "$([ "$tls" = none ] || echo ssl)" >"$dir/$who.cnf"
    done
}

port=0
mkdir "$dir/tmp"
configure
if [ $kind = mysql ]; then
    # shellcheck disable=SC2086
    $mysqld --defaults-file="$in_server/my.cnf" --initialize-insecure >"$dir/log" 2>&1
else
    mariadb-install-db --defaults-file="$dir/my.cnf" --auth-root-authentication-method=normal --skip-test-db >"$dir/log" 2>&1
fi || {
    tail -n 30 "$dir/log" >&2
    fail "no data folder of $kind"
}
script "$dir/client" <<CLIENT
exec mariadb --defaults-file="$dir/sluice.cnf" "\$@"
CLIENT
script "$dir/answers" <<ANSWERS
exec mariadb --defaults-file="$dir/root.cnf" -e 'SELECT 1'
ANSWERS
serve configure --init-file="$in_server/first.sql"
rm "$dir/first.sql"

unset SLUICE_TEST_MYSQL_OPTIONS
export SLUICE_TEST_MYSQL_USER SLUICE_TEST_MYSQL_PASSWORD SLUICE_TEST_MYSQL_ROOT_USER SLUICE_TEST_MYSQL_ROOT_PASSWORD
export SLUICE_TEST_MYSQL_SERVER=$kind
export SLUICE_TEST_MYSQL_CTL="$dir/ctl"
export SLUICE_TEST_MYSQL_CLIENT="$dir/client"
export SLUICE_TEST_MYSQL_URL="mysql://127.0.0.1:$port/sluice"
[ "$tls" = none ] || export SLUICE_TEST_TLS_CA="$dir/tls/ca.pem"
serve_run "$@"
