#!/bin/sh
# Signals, hours that others hold, a database that others hold: what ends a command from outside.
set -u
. tests/e2e/lib.sh

lake "$work/p" --hours 1 --files 1 --rows 100000
cd "$work/p" || exit 1
db=loans.db
succeeds "setup" setup

# until_loading: waits until the transaction of a load is open (its journal is there)
until_loading() {
    tries=0
    while [ ! -s $db-journal ] && [ $tries -lt 1000 ]; do
        sleep 0.01
        tries=$((tries + 1))
    done
}

"$SLUICE" run >"$work/out" 2>"$work/err" &
pid=$!
until_loading
kill -TERM $pid
wait $pid 2>/dev/null
is "SIGTERM: the shell sees it" $? 143
is "one error" "$(grep -c 'error: CANCELLED: ' "$work/err")" 1
like "the totals are there" "$(cat "$work/out")" '^0 new'
is "rolled back" "$(sql $db 'SELECT (SELECT count(*) FROM loan_applicant_info) + (SELECT count(*) FROM sluice_load)')" 0

# A background job of sh ignores SIGINT; python starts one that does not.
cat >int.py <<'END'
import os, signal, subprocess, sys, time
run = subprocess.Popen([sys.argv[1], "run", "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
for _ in range(1000):
    if os.path.exists("loans.db-journal") and os.path.getsize("loans.db-journal") > 0: break
    time.sleep(0.01)
run.send_signal(signal.SIGINT)
out, err = run.communicate()
import json
print(run.returncode, json.loads(out)["totals"]["error_name"])
END
is "SIGINT too; the JSON document is whole" "$(python3 int.py "$SLUICE")" "-2 CANCELLED"
is "rolled back again" "$(sql $db 'SELECT count(*) FROM loan_applicant_info')" 0
(
    trap '' INT
    "$SLUICE" plan >/dev/null
)
is "an ignored signal stays ignored" $? 0

succeeds "the next run is not held back" run
is "and loads all" "$(sql $db 'SELECT count(*) FROM loan_applicant_info')" 100000

# --- a check's query -----------------------------------------------------------------------------------------------------
lake "$work/check" --hours 1 --files 1 --rows 5
cd "$work/check" || exit 1
endless='WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'
sed -i "s/^checks: .*/checks: [{name: endless, sql: \"$endless\"}]/" sluice.yaml
"$SLUICE" run --set target.commit_unit=hour >"$work/out" 2>"$work/err" &
pid=$!
until_loading
sleep 0.3
kill -TERM $pid
for _ in $(seq 50); do
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
done
kill -TERM $pid 2>/dev/null # the second one is not asked about
wait $pid 2>/dev/null
is "a query without an end is ended" "$? $(grep -c 'error: CANCELLED: ' "$work/err")" "143 1"
is "and its hour rolled back" "$(sql $db 'SELECT (SELECT count(*) FROM loan_applicant_info) + (SELECT count(*) FROM sluice_load)')" 0
cd "$work/p" || exit 1

# --- profile -----------------------------------------------------------------------------------------------------------
lake "$work/profile" --hours 1 --files 1 --rows 100000
hour=$work/profile/lake/yyyy=2022/mm=06/dd=05/hh=12
for copy in $(seq 40); do
    ln "$hour/part-00000.csv" "$hour/copy-$copy.csv"
done
"$SLUICE" profile -C "$work/profile" --json p.json >"$work/out" 2>"$work/err" &
pid=$!
tries=0
while ! ls "$work/profile"/p.json.* >/dev/null 2>&1 && [ $tries -lt 1000 ]; do
    sleep 0.01
    tries=$((tries + 1))
done
kill -TERM $pid
wait $pid 2>/dev/null
is "SIGTERM ends a profile" "$? $(grep -c 'error: CANCELLED: ' "$work/err")" "143 1"
is "which leaves no file" "$(ls "$work/profile")" "lake
sluice.yaml"

# --- a reader that goes away, a file that may not grow -----------------------------------------------------------------
lake "$work/pipe" --hours 1 --files 300 --rows 2
for format in csv json text; do
    rm -f "$work/pipe/$db"
    {
        env --default-signal=PIPE "$SLUICE" run -C "$work/pipe" -v -o $format 2>"$work/err"
        echo $? >"$work/status"
    } | { exec <&-; }
    is "a closed pipe, $format: all is loaded" "$(cat "$work/status") $(sql "$work/pipe/$db" 'SELECT count(*) FROM loan_applicant_info')" "1 600"
    is "quietly, $format" "$(grep -c 'error:' "$work/err")" 0
done
rm -f "$work/pipe/$db"
(
    ulimit -f 64 # blocks of 512 bytes: less than the database
    env --default-signal=XFSZ "$SLUICE" run -C "$work/pipe" >/dev/null 2>"$work/err"
    echo $? >"$work/status"
)
like "a file that may not grow is an error" "$(cat "$work/status") $(grep error: "$work/err")" '^1 sluice: error: (IO|DISK_FULL): '

# An object's error that ends the run is the run's too: it is said once.
rm -f "$work/pipe/$db"
succeeds "setup" setup -C "$work/pipe"
for unit in hour file; do
    (
        ulimit -f $(($(stat -c %s "$work/pipe/$db") / 512))
        env --default-signal=XFSZ "$SLUICE" run -C "$work/pipe" --set target.commit_unit=$unit >/dev/null 2>"$work/err"
        echo $? >"$work/status"
    )
    is "no room for the rows, unit $unit: one error" "$(cat "$work/status") $(sort "$work/err" | uniq -d | wc -l) $(grep -Ec 'error: (IO|DISK_FULL): ' "$work/err")" "1 0 1"
done

# --- held by another -------------------------------------------------------------------------------------------------
sql $db "UPDATE sluice_claim SET owner = 'elsewhere/boot/1/1/1/1', epoch = epoch + 1, state = 'running', lease_until_us = 9000000000000000;
    DELETE FROM sluice_load; DELETE FROM loan_applicant_info;"
refuses_held() {
    run "$@"
    is "$* while another holds the hour" $status 4
    is "one error line" "$(grep -c 'error: HELD: ' "$work/err") $(grep -c error: "$work/err")" "1 1"
}
refuses_held run
refuses_held run --wait 600ms
succeeds "status shows it" status
like "as held" "$out" 'running +held|running .*held'
sql $db "UPDATE sluice_claim SET lease_until_us = 1"
succeeds "an expired lease is taken over" run

# --- a busy database -------------------------------------------------------------------------------------------------
mkfifo hold
sqlite3 $db <hold >/dev/null &
exec 3>hold
echo 'BEGIN EXCLUSIVE; CREATE TABLE held (x);' >&3
until_loading
start=$(date +%s)
run status
is "a locked database" $status 5
like "is said" "$err" 'error: DB_BUSY'
is "within 4 s" "$([ $(($(date +%s) - start)) -le 4 ] && echo yes)" yes
echo 'ROLLBACK;' >&3
exec 3>&-
wait
succeeds "and free again" status

finish
