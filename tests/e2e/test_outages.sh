#!/bin/sh
# Servers that go away, connections that are cut and answers that are lost in the middle of a load from S3 into MySQL: the run
# ends by itself, and the table holds what a load without trouble gives, each row once.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

{ own_mysql && own_root; } || { finish; exit 0; }
mkdir "$work/lakes"
lake "$work/lakes" --hours 2 --files 2 --rows 12000
gzip -n "$work/lakes/lake/yyyy=2022/mm=06/dd=05/hh=12/part-00001.csv"
# Tiny ones, which are gathered: 0.6 MB in all.
"$GEN_FIXTURE" --out "$work/lakes/lake" --seed 2 --from 2022-06-05T14 --files 120 --rows 100 >/dev/null
find "$work/lakes/lake" -type f -exec touch -d 2022-06-06 {} +
own_s3 "$work/lakes/lake" || { finish; exit 0; }
trap 'kill $proxies 2>/dev/null; "$SLUICE_TEST_S3_CTL" start; "$SLUICE_TEST_MYSQL_CTL" start; as_root -e "$heal"; client -e "DROP DATABASE $database"; rm -rf "$work"' EXIT
heal='SET GLOBAL read_only = OFF, GLOBAL innodb_lock_wait_timeout = 50'
direct_s3=$s3_url direct_mysql=$mysql_url

# through_s3 FAULT..., through_mysql FAULT...: pipelines that are made now go through a proxy to that server
through_s3() {
    port=$(echo "$direct_s3" | sed 's/.*endpoint=[a-z]*:[/][/]127.0.0.1:\([0-9]*\).*/\1/')
    proxy "$port" "$@"
    s3_url=$(echo "$direct_s3" | sed "s/\(endpoint=[a-z]*:[/][/]127.0.0.1:\)[0-9]*/\1$proxy/")
}
through_mysql() {
    port=$(echo "$direct_mysql" | sed 's/.*127.0.0.1:\([0-9]*\).*/\1/')
    proxy "$port" "$@"
    mysql_url=$(echo "$direct_mysql" | sed "s/\(127.0.0.1:\)[0-9]*/\1$proxy/")
}
straight() {
    kill $proxies 2>/dev/null
    proxies= s3_url=$direct_s3 mysql_url=$direct_mysql
}

# json PATH: of the document on the last stdout
json() { sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$work/out') AS TEXT), '$1')"; }

# contents: what verify says of the whole table, and the table without sluice
contents() {
    run verify -o json --set source.url="$direct_s3" --set target.url="$direct_mysql"
    echo "$status $(json '$.totals.source_rows') $(json '$.totals.source_hash') $(json '$.totals.ledger_hash') $(json '$.totals.target_hash')" \
        "$(mysql_sql "SELECT count(*) FROM t_$cell") $(mysql_sql "SELECT concat(count(*), ' ', sum(rows_loaded)) FROM sluice_load WHERE pipeline = '$cell'")"
}

# begin CELL SETTING...: its pipeline, and a run of it in the background
begin() {
    cell=$1
    shift
    pipeline "$work/$cell" "$s3_url" mysql
    cd "$work/$cell" || exit 1
    timeout 280 "$SLUICE" run --set target.commit_unit=chunk --set target.chunk_rows=2000 "$@" >"$work/out" 2>"$work/err" </dev/null &
    running=$!
}
# middle: waits until something of the load is committed, and not all of it
middle() {
    for _ in $(seq 600); do
        [ "$(mysql_sql "SELECT count(*) > 1 FROM sluice_load WHERE pipeline = '$cell'" 2>/dev/null)" = 1 ] && return
        sleep 0.1
    done
}
# ended STATUS: the run ended so, by itself
ended() {
    wait $running
    status=$?
    err=$(cat "$work/err") out=$(cat "$work/out")
    if [ $status = "$1" ]; then pass "$cell: exit $1"; else fail "$cell: exit $1" "status $status: $err $out"; fi
}
right() { is "$cell: the rows of a load without trouble" "$(contents)" "$expected"; }
# waited WHICH: one line said that it waits for that server, one that it goes on
waited() {
    lines=$(grep -c "waiting for it, at most 60 s" "$work/err")/$(grep -c 'goes on after' "$work/err")
    name="$cell: says once that it waits, once that it goes on"
    if [ "$lines" = 1/1 ]; then pass "$name"; else fail "$name" "$lines: $err"; fi
    like "$cell: and for what" "$err" "^sluice: warning: ($1): .*; waiting for it"
    unlike "$cell: no error" "$err" '^sluice: error:'
}

begin clean
ended 0
expected=$(contents)
like "clean: verified" "$expected" "^0 60000 ([0-9a-f]{16}) \\1 \\1 60000 "
# By whole files there are fewer ledger rows: what is held against them is all the rest.
begin whole --set target.commit_unit=file
ended 0
like "whole: the same rows" "$(contents)" "^$(echo "$expected" | cut -d ' ' -f 1-6) 124 60000"
by_file=$(contents)

# --- a server that goes away -------------------------------------------------------------------------------------------
# away CELL CTL HOW WHICH SETTING...
away() {
    ctl=$2 how=$3 which=$4 name=$1
    shift 4
    begin "$name" "$@"
    middle
    "$ctl" "$how"
    sleep 2
    "$ctl" start || fail "$cell: the server does not start again"
    ended 0
    waited "$which"
    right
}
for connections in 1 3; do
    through_mysql rate=600000
    [ $connections = 1 ] || away s3_stopped "$SLUICE_TEST_S3_CTL" stop STORE_UNREACHABLE --set target.connections=$connections
    away "s3_killed_$connections" "$SLUICE_TEST_S3_CTL" kill 'STORE_UNREACHABLE|STORE_TRUNCATED' --set target.connections=$connections
    straight
    through_s3 rate=600000
    away "mysql_killed_$connections" "$SLUICE_TEST_MYSQL_CTL" kill DB_LOST --set target.connections=$connections
    [ $connections = 1 ] || away mysql_stopped "$SLUICE_TEST_MYSQL_CTL" stop DB_LOST --set target.connections=$connections
    straight
done

# verify waits too: for a store that is gone once the target is scanned, for a database that goes in the midst of the scan, which
# begins again.
# compared NAME CTL WHICH: the server is killed, and started once verify says that it waits
compared() {
    cd "$work/clean" || exit 1
    timeout 280 "$SLUICE" verify --set source.url="$s3_url" --set target.url="$mysql_url" >"$work/out" 2>"$work/err" </dev/null &
    running=$!
    sleep 1
    "$2" kill
    for _ in $(seq 600); do
        grep -q 'waiting for it' "$work/err" && break
        sleep 0.1
    done
    "$2" start
    wait $running
    is "verify, $1: exit, closing line" "$? $(tail -n 1 "$work/out")" '0 verify: equal (124 objects)'
    like "verify, $1: it waited" "$(cat "$work/err")" "^sluice: warning: ($3): .*; waiting for it"
}
through_mysql rate=1000000
compared "the store is killed" "$SLUICE_TEST_S3_CTL" 'STORE_UNREACHABLE|STORE_TRUNCATED'
compared "the database is killed" "$SLUICE_TEST_MYSQL_CTL" DB_LOST
straight

# gone CELL CTL ERROR: for longer than the pipeline says; the next run loads the rest
gone() {
    ctl=$2
    begin "$1" --set policy.outage=4s
    middle
    "$ctl" kill
    ended 5
    like "$cell: says so" "$(grep 'error:' "$work/err" | tail -n 1)" "^sluice: error: $3: .*gave up after [0-9]+ s and [0-9]+ tries: "
    "$ctl" start
    straight
    run run --set source.url="$direct_s3" --set target.url="$direct_mysql" --set target.commit_unit=chunk --set target.chunk_rows=2000
    is "$cell: the next run loads the rest" "$status" 0
    right
}
through_mysql rate=600000
gone s3_gone "$SLUICE_TEST_S3_CTL" STORE_UNREACHABLE
through_s3 rate=600000
gone mysql_gone "$SLUICE_TEST_MYSQL_CTL" DB_LOST

# --- a database that is there, and does not let us -------------------------------------------------------------------------
# As in a failover: the old address answers, but writes are refused, then taken again.
through_s3 rate=600000
for connections in 1 3; do
    begin "mysql_read_only_$connections" --set target.connections=$connections
    middle
    as_root -e 'SET GLOBAL read_only = ON'
    sleep 3
    as_root -e "$heal"
    ended 0
    waited 'READ_ONLY|DB_LOST'
    right
done
# The administrator ends all of the run's connections, thrice.
begin mysql_ended --set target.connections=3
middle
for _ in 1 2 3; do
    as_root -e "SELECT concat('KILL ', id, ';') FROM information_schema.processlist WHERE user = '$SLUICE_TEST_MYSQL_USER' AND db = '$database'" |
        as_root -f 2>/dev/null
    sleep 1
done
ended 0
right
like "$cell: connected again" "$err" 'DB_LOST: .*trying again'
# Somebody else has the row that each transaction ends with, for longer than the server lets a statement wait.
as_root -e 'SET GLOBAL innodb_lock_wait_timeout = 1'
begin mysql_locked
middle
mysql_sql "BEGIN; SELECT hour FROM sluice_claim WHERE pipeline = 'mysql_locked' FOR UPDATE; DO SLEEP(3); COMMIT" >/dev/null
ended 0
as_root -e "$heal"
right
like "$cell: the unit was tried again" "$err" 'DB_BUSY: .*trying again in 1 s'
straight

# --- connections that are cut ------------------------------------------------------------------------------------------
through_s3 cut=262144
begin s3_cut
ended 0
right
unlike "s3_cut: reads go on where they broke: nothing to wait for" "$err" 'waiting for it'
straight

through_mysql cut=262144
begin mysql_cut
ended 0
right
like "mysql_cut: chunks went on" "$err" 'DB_LOST'
# A transaction that no connection carries to its end: the tiny objects are halved until they get through, the large ones cannot be.
begin mysql_cut_whole --set target.commit_unit=file --set policy.outage=4s --set target.connections=1
ended 5
like "mysql_cut_whole: says what would help" "$(grep 'error:' "$work/err" | tail -n 1)" \
    '^sluice: error: DB_LOST: .*gave up after .*cut long connections[?].*commit_unit: chunk'
begin mysql_cut_tiny --set target.commit_unit=file --set target.connections=1 --hour 2022-06-05T14
ended 0
is "mysql_cut_tiny: the tiny ones got through" "$(mysql_sql "SELECT count(*) FROM t_mysql_cut_tiny")" 12000
straight
cell=mysql_cut_whole
cd "$work/$cell" || exit 1
run run --set target.url="$direct_mysql"
is "mysql_cut_whole: without the cuts a run loads the rest" "$status" 0
expected=$by_file
right

# --- answers that are lost ---------------------------------------------------------------------------------------------
for fault in drop refuse; do
    for unit in file chunk; do
        through_mysql $fault=4
        begin "${fault}_$unit" --set target.commit_unit=$unit --set target.chunk_rows=6000
        ended 0
        like "$cell: answers were lost" "$err" 'asking the ledger'
        if [ $unit = file ]; then right; else like "$cell: the same rows" "$(contents)" "^$(echo "$expected" | cut -d ' ' -f 1-6) [0-9]+ 60000"; fi
        straight
    done
done
finish
