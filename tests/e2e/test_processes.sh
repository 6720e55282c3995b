#!/bin/sh
# Several processes, and processes that end in the middle: two on one hour, kill -9, SIGINT, SIGTERM, a stopped one, a locked
# database. Rows are there once, and whoever comes next is not held up.
set -u
. tests/e2e/lib.sh

table=loan_applicant_info
files=6
rows=10000
total=$((2 * files * rows))
lake "$work/p" --hours 2 --files $files --rows $rows
cd "$work/p" || exit 1

# Rows that are there beside those that the ledger has: equal means that every unit is there whole or not at all.
books() {
    sql loans.db "SELECT (SELECT count(*) FROM $table) || ' ' || (SELECT coalesce(sum(rows_loaded), 0) FROM sluice_load)
        || ' ' || (SELECT count(*) FROM (SELECT DISTINCT object FROM sluice_load))"
}

# background ARGUMENT...: sluice with its log in `log`; a shell without job control would have it ignore SIGINT
background() {
    : >log
    env --default-signal=INT,TERM "$SLUICE" -v "$@" >out 2>log </dev/null &
    pid=$!
}

# reads PART: waits until the load reads that file of the first hour
reads() {
    for _ in $(seq 3000); do
        grep -q "open .*hh=12/part-0000$1.csv" log && return
        sleep 0.01
    done
    echo "# it never read part $1: $(tail -n 3 log)"
}

# --- two at once -----------------------------------------------------------------------------------------------------
for round in 1 2; do
    rm -f loans.db
    "$SLUICE" run -q --hour 2022-06-05T12 >out1 2>err1 &
    first=$!
    "$SLUICE" run -q --hour 2022-06-05T12 >out2 2>err2 &
    second=$!
    wait $first
    statuses=$?
    wait $second
    statuses="$statuses $?"
    like "round $round: one hour, two processes: both end well, or one finds it held" "$statuses" '^(0 0|0 4|4 0)$'
    is "round $round: rows once" "$(books)" "$((total / 2)) $((total / 2)) $files"
    case $statuses in
    *4*) like "round $round: held says by whom and what to do" "$(cat err1 err2)" \
        '^sluice: error: HELD: hour 2022-06-05T12 is held by .*--wait' ;;
    esac
done
rm -f loans.db
"$SLUICE" run -q --wait 2m >out1 2>err1 &
first=$!
"$SLUICE" run -q --wait 2m >out2 2>err2 &
second=$!
wait $first
statuses=$?
wait $second
is "both hours, two processes that wait: both end well" "$statuses $? $(cat err1 err2)" "0 0 "
is "rows once" "$(books)" "$total $total $((2 * files))"

# --- ended in the middle ---------------------------------------------------------------------------------------------
# ends SIGNAL STATUS ARGUMENT...: sends it in the middle of the first hour's fourth file, then loads the rest
ends() {
    signal=$1 want=$2
    shift 2
    rm -f loans.db loans.db-journal
    background run "$@"
    reads 3
    kill "-$signal" $pid
    wait $pid 2>/dev/null
    is "SIG$signal $*: the exit is the signal's" $? "$want"
    set -- "$@"
    before=$(books)
    # shellcheck disable=SC2086
    is "SIG$signal $*: what is there is whole" "$(set -- $before && echo $(($1 == $2)) $(($3 < 2 * files)))" "1 1"
    started=$(date +%s)
    run run "$@"
    is "SIG$signal $*: the next run ends well" "$status $(grep -c error: "$work/err")" "0 0"
    like "SIG$signal $*: and is not held up" "$(($(date +%s) - started))" '^[0-9]$|^[1-4][0-9]$'
    is "SIG$signal $*: rows once" "$(books)" "$total $total $((2 * files))"
    succeeds "SIG$signal $*: verify agrees" verify "$@"
}
for signal in 'KILL 137' 'INT 130' 'TERM 143'; do
    # shellcheck disable=SC2086
    ends $signal --set target.commit_unit=file
    unlike "it left no claim behind" "$(sql loans.db 'SELECT group_concat(state) FROM sluice_claim')" 'running'
done
ends KILL 137 --set target.commit_unit=hour
ends TERM 143 --set target.commit_unit=hour
ends KILL 137 --set target.commit_unit=chunk --set target.chunk_rows=4000
ends INT 130 --set target.commit_unit=chunk --set target.chunk_rows=4000
ends TERM 143 --set target.lineage=false

# An hour as one unit leaves nothing of itself. It is a long one: a signal takes its time on a busy machine.
rm -f loans.db
"$GEN_FIXTURE" --out big/lake --hours 1 --files 1 --rows 700000 >/dev/null
background run --set target.commit_unit=hour --set source.url=file:big/lake
reads 0
kill -TERM $pid
wait $pid 2>/dev/null
is "a stopped hour leaves no row" "$(books)" "0 0 0"
is "its claim is given back" "$(sql loans.db "SELECT state, owner FROM sluice_claim WHERE hour = '2022-06-05T12'")" "queued|"
is "the log has no error" "$(grep -c error: log)" 1
like "but that it was stopped" "$(grep error: log)" 'error: CANCELLED: '

# A reload that is stopped leaves what was there.
succeeds "load all" run
background run --reload -y
reads 3
kill -INT $pid
wait $pid 2>/dev/null
is "SIGINT in a reload" $? 130
is "rows are there, once" "$(books)" "$total $total $((2 * files))"
succeeds "verify agrees" verify

# --- a stopped process, a locked database ----------------------------------------------------------------------------
rm -f loans.db
background run
reads 2
kill -STOP $pid
started=$(date +%s)
run run --hour 2022-06-05T12
like "another meets a stopped one: held or busy" "$status" '^[45]$'
run status
like "status answers" "$status" '^[05]$'
like "neither for long" "$(($(date +%s) - started))" '^[0-9]$|^[1-7][0-9]$'
kill -CONT $pid
wait $pid
is "it goes on when it may" $? 0
is "rows once" "$(books)" "$total $total $((2 * files))"

# One transaction too large for the cache is written out before it ends: then not even readers get in.
rm -f loans.db
succeeds "tables" setup
small=$(stat -c %s loans.db)
background run --set source.url=file:big/lake
for _ in $(seq 6000); do
    [ "$(stat -c %s loans.db)" -gt "$small" ] && break
    sleep 0.005
done
kill -STOP $pid
like "a stopped load has spilled its cache" "$(sqlite3 loans.db 'SELECT count(*) FROM sluice_load' 2>&1)" 'locked'
for create in if_missing never; do
    refuses "create: $create: a second run finds it held" 4 HELD '--wait' run -q --set target.create=$create
done
started=$(date +%s)
env --default-signal=INT,TERM "$SLUICE" run -q --wait 5m >out2 2>err2 </dev/null &
waiter=$!
sleep 6
kill -TERM $waiter
wait $waiter
is "a signal ends the wait" "$? $(grep -c 'CANCELLED' err2)" "143 1"
like "soon" "$(($(date +%s) - started))" '^[0-9]$|^1[0-9]$'
"$SLUICE" run -q --wait 5m --hour 2022-06-05T13 >out2 2>err2 </dev/null &
waiter=$!
sleep 2
kill -CONT $pid
wait $pid
first=$?
wait $waiter
is "with --wait it loads behind the other" "$first $? $(cat err2)" "0 0 "
is "rows once, both" "$(books)" "$((700000 + total / 2)) $((700000 + total / 2)) $((1 + files))"
rm -rf loans.db big
succeeds "load all again" run

locked() {
    printf '%s\n' 'BEGIN EXCLUSIVE;' ".shell touch locked; sleep $1" 'COMMIT;' | sqlite3 -batch loans.db &
    locker=$!
    while [ ! -e locked ]; do sleep 0.01; done
    rm locked
}
locked 5
started=$(date +%s%N)
run status
elapsed=$((($(date +%s%N) - started) / 1000000))
is "status of a locked database" "$status" 5
like "says so" "$err" '^sluice: error: DB_BUSY: .*(lock|busy)'
is "within about 2 s ($elapsed ms)" $((elapsed < 3500)) 1
wait $locker
locked 2
succeeds "a run waits for a lock that goes" run --reload -y --hour 2022-06-05T12
wait $locker
is "rows once, still" "$(books)" "$total $total $((2 * files))"

finish
