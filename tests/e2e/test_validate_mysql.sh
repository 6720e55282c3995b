#!/bin/sh
# What `validate` says of a MySQL server and its user, and that `run` and `setup` stop at it: each thing wrong once, its cure followed.
# It needs the server's administrator, SLUICE_TEST_MYSQL_ROOT_USER.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

own_mysql || {
    finish
    exit
}
own_root || {
    finish
    exit
}
root() { as_root "$database" -e "$1"; }
user=few_$$
trap 'root "DROP USER IF EXISTS $user; SET GLOBAL local_infile = ON; SET GLOBAL read_only = OFF"; client -e "DROP DATABASE $database"; rm -rf "$work"' EXIT
root "CREATE USER $user IDENTIFIED BY 'Few-rights-1'"
root "GRANT CREATE ON $database.nothing_here TO $user" # else it may not even name the database

lake "$work" --hours 1 --files 1 --rows 20
SLUICE_TEST_MYSQL_USER=$user
SLUICE_TEST_MYSQL_PASSWORD=Few-rights-1
export SLUICE_TEST_MYSQL_PASSWORD
pipeline "$work/v" "file:$work/lake" mysql
cd "$work/v" || exit 1

# grants: runs the statements that validate names, and counts them
grants() {
    run validate
    printf '%s\n' "$out" | sed -n 's/.*: \(GRANT .*\)$/\1/p' >"$work/grants.sql"
    while read -r statement; do root "$statement"; done <"$work/grants.sql"
    wc -l <"$work/grants.sql" | tr -d ' '
}

# --- rights
run validate
is "no right: exit 2" $status 2
all='SELECT, INSERT, UPDATE, DELETE, CREATE, CREATE VIEW, DROP'
like "all is named" "$out" "target rights +failed +DENIED: the user lacks $all on the database: GRANT $all ON .$database.\.\* TO '$user'@'%'$"
refuses "run stops before anything is made" 2 DENIED 'lacks .* GRANT ' run
refuses "setup too" 2 DENIED 'GRANT ' setup
is "nothing was made" "$(root 'SHOW TABLES')" ""
is "one statement is enough" "$(grants)" 1
succeeds "with what they gave validate passes" validate
like "and says so" "$out" 'target rights +ok'
succeeds "run" run
is "all is loaded" "$(root "SELECT COUNT(*) FROM t_v")" 20
root "REVOKE DELETE ON $database.* FROM $user; GRANT DELETE ON $database.sluice_reject TO $user; GRANT DELETE ON $database.sluice_check TO $user"
run validate --set target.create=never
is "one right: exit 2" $status 2
is "a line for each table" "$(printf '%s\n' "$out" | grep -c 'target rights')" 2
like "its statement" "$out" "lacks DELETE on table t_v: GRANT DELETE ON .$database.\..t_v. TO '$user'@'%'$"
refuses "run names the first" 2 DENIED 'lacks DELETE on table sluice_load: .* \(and 1 more: `sluice validate` names them\)$' run
is "two statements" "$(grants)" 2
succeeds "and all is well" validate

# --- the server
root "SET GLOBAL local_infile = OFF"
succeeds "local_infile off is no failure" validate
like "but a warning" "$out" 'target server +warning +local_infile is off .*INSERT.*SET GLOBAL local_infile = ON'
lake "$work" --hours 2 --files 1 --rows 20
succeeds "plan names the other way" plan
like "as run will go" "$out" 'method: insert$'
succeeds "run goes by the other way" run -o json
like "and says so in the log" "$err" 'warning: .*local_infile is off'
like "and in the result" "$out" '"load_method": *"insert"'
succeeds "who asks for it is not warned" validate --set "target.url=$mysql_url?load=insert"
unlike "who asks for it is not warned: no word" "$out" 'local_infile'
root "SET GLOBAL local_infile = ON"
succeeds "plan after that" plan
like "names LOAD, though it only reads" "$out" 'method: local infile$'
root "SET GLOBAL read_only = ON"
run validate
read_only=$status
said=$out
run run
ran=$status
succeeds "status is read from a server that takes no writes" status
root "SET GLOBAL read_only = OFF"
is "read-only: validate exits 2" $read_only 2
like "read-only: it is said" "$said" 'target server +failed +READ_ONLY: .*takes no writes'
is "read-only: run exits 2" $ran 2
succeeds "afterwards all is well" validate
finish
