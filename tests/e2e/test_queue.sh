#!/bin/sh
# The queue as a user runs it: folder of CSV -> queue files -> workers -> SQLite. What gets a queue file, who loads it, what is tried
# again, what is given up, how workers end, and what the next ones find.
set -u
. tests/e2e/lib.sh

table=loan_applicant_info
day=lake/yyyy=2022/mm=06/dd=05
lake "$work/p" --hours 3 --files 2 --rows 10
cd "$work/p" || exit 1
q=queue/loan_applicants

# json EXPRESSION: of the document d on the last stdout
json() {
    python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/out" "$1" 2>&1
}
# files: the queue's, as one line; rows: of the table, and those that the ledger has; hours: all claims
files() { echo $(ls "$q" 2>/dev/null); }
rows() { sql loans.db "SELECT (SELECT count(*) FROM $table) || ' ' || (SELECT coalesce(sum(rows_loaded), 0) FROM sluice_load)"; }
hours() { sql loans.db "SELECT coalesce(group_concat(substr(hour, 12) || ' ' || state || ' ' || attempts, ', '), '') FROM
    (SELECT * FROM sluice_claim WHERE pipeline = '${1:-loan_applicants}' ORDER BY hour)"; }
fresh() { rm -rf loans.db loans.db-journal queue && mkdir -p "$q" && (cd "$q" && [ $# = 0 ] || touch "$@"); }

# --- enqueue ---------------------------------------------------------------------------------------------------------
succeeds "work without a queue folder finds nothing" work
is "and makes none" "$([ -e queue ] || echo no)" no
succeeds "queue ls neither" queue ls
like "says so" "$out" '^hours: 0; 0 ready, 0 waiting, 0 held, 0 failed; 0 other names$'
is "and makes none" "$([ -e queue ] || echo no)" no

succeeds "enqueue: the hour before now" enqueue --now 2022-06-05T13:00:00Z
is "makes folder and file" "$(files)" 2022060512
unlike "and asks nobody to make it" "$err" 'make it'
is "which is empty" "$(stat -c %s $q/2022060512)" 0
like "its table" "$out" '^2022-06-05T12 +queued$'
succeeds "again" enqueue --now 2022-06-05T13:59:59Z
like "finds it there" "$out" '^2022-06-05T12 +there already$'
is "and nothing more" "$(files)" 2022060512
succeeds "with a lag" enqueue --now 2022-06-05T15:09:59Z --set schedule.lag=10m --set queue.lookback=0h
is "it is the hour before" "$(files)" "2022060512 2022060513"
succeeds "an hour of choice" enqueue --hour 2022-06-07T01 -o json
is "as JSON" "$(json 'd["hours"], d["totals"]')" "([{'hour': '2022-06-07T01', 'outcome': 'queued'}], {'queued': 1, 'again': 0, 'failed': 0})"
succeeds "a range" enqueue --from 2022-06-07 --to 2022-06-07T02 -o csv
is "as CSV" "$out" "hour,outcome
2022-06-07T00,queued
2022-06-07T01,there already"
succeeds "up to now" enqueue --from 2022-06-07T23 --now 2022-06-08T01:30:00Z
is "is without the hour that is now" "$(files)" "2022060512 2022060513 2022060700 2022060701 2022060723 2022060800"
fresh
succeeds "what is missing" enqueue --missing
is "is what the lake has and the ledger lacks" "$(files)" "2022060512 2022060513 2022060514"
succeeds "work" work
is "loads it all" "$(rows) $(files)" "60 60 "
succeeds "nothing is missing now" enqueue --missing
is "so no file" "$(files)" ""
cp $day/hh=12/part-00000.csv $day/hh=12/late.csv
cp $day/hh=13/part-00000.csv $day/hh=13/late.csv
succeeds "missing, of a range" enqueue --missing --from 2022-06-05T13
is "is that range's" "$(files)" 2022060513
rm $q/*
succeeds "enqueue looks back" enqueue --now 2022-06-05T15:30:00Z
is "for late objects" "$(files)" "2022060512 2022060513 2022060514"
rm $q/*
succeeds "so far as it is told" enqueue --now 2022-06-05T15:30:00Z --set queue.lookback=1h
is "and no further" "$(files)" "2022060513 2022060514"
rm $q/*
touch $q/2022060512 $q/2022060513
succeeds "files made by touch count" work
is "the late ones are loaded" "$(rows) $(files)" "80 80 "
rm $day/hh=12/late.csv $day/hh=13/late.csv

# --- what is no queue file -------------------------------------------------------------------------------------------
fresh 2022060512 2022060599 20220605 notes .hidden _marker 2022-06-05T13 '2022060513 '
mkdir $q/folder $q/2022060514
touch $q/folder/2022060513
before=$(ls -A $q | grep -v '^2022060512$')
succeeds "queue ls, other names" queue ls -o json
is "counts what is none" "$(json '[h["hour"] for h in d["hours"]], d["totals"]["others"]')" "(['2022-06-05T12'], 5)"
is "names them, hidden ones and folders left out" "$(grep -c 'warning: no queue file, left alone: ' "$work/err")" 5
succeeds "work" work
is "loads the one" "$(rows)" "20 20"
is "and leaves the others alone" "$(ls -A $q)" "$before"
succeeds "drop all" queue drop --all
is "too" "$(ls -A $q)" "$before"

# The queue's place may hold the lake.
rm -rf loans.db queue
succeeds "enqueue beside the lake" enqueue --missing --set queue.url=file:lake
succeeds "work beside the lake" work --set queue.url=file:lake
is "loads it" "$(rows) $(ls lake)" "60 60 yyyy=2022"
rm -rf loans.db
: >2022060512
succeeds "work in a place that has all" work --set queue.url=file:.
is "loads it" "$(rows) $(ls | grep -c 2022060512)" "20 20 0"

# --- order, one at a time ------------------------------------------------------------------------------------------------
fresh 2022060514 2022060512 2022060513
for hour in 12 13 14; do
    succeeds "work --once" work --once -o json
    is "takes the oldest: $hour" "$(json 'sorted({o["hour"] for o in d["objects"]})')" "['2022-06-05T$hour']"
done
succeeds "work --once without work" work --once
like "is fine" "$out" 'hours: 0;'
is "and all is done" "$(rows) $(hours)" "60 60 12 loaded 0, 13 loaded 0, 14 loaded 0"

# --- failed hours ----------------------------------------------------------------------------------------------------
cp $day/hh=12/part-00001.csv good.csv
printf 'nothing,of,this\n1,2,3\n' >$day/hh=12/part-00001.csv
fresh 2022060512 2022060513
run work
is "a failed hour: work ends with 1" $status 1
is "it holds nobody back" "$(hours)" "12 failed 1, 13 loaded 0"
is "its file stays" "$(files)" 2022060512
like "the log says what it is" "$err" 'warning: hour 2022-06-05T12: failed .*CSV_HEADER'
like "and what to do" "$err" 'failed hours: 1; .*queue ls.*queue retry'
run work
is "the next skips it, and ends so too" "$status $(hours)" "1 12 failed 1, 13 loaded 0"
succeeds "queue ls" queue ls
like "shows it" "$out" '^2022-06-05T12 +failed +yes +failed +1'
succeeds "queue ls -o json" queue ls -o json --hour 2022-06-05T12
is "its keys" "$(json 'd["hours"], sorted(d["totals"])')" "([{'hour': '2022-06-05T12', 'queue': 'failed', 'file': True, 'state': 'failed', 'attempts': 1, 'next_try': None}], ['failed', 'held', 'hours', 'others', 'ready', 'waiting'])"
succeeds "queue ls -o csv" queue ls -o csv --from 2022-06-05T12
is "its lines" "$out" "hour,queue,file,state,attempts,next_try
2022-06-05T12,failed,true,failed,1,"
succeeds "queue ls of another hour" queue ls --hour 2022-06-05T13
like "is empty" "$out" '^hours: 0;'
run status --exit-code
is "status --exit-code" $status 1
succeeds "enqueue leaves it out" enqueue --hour 2022-06-05T12
like "and says so" "$out" '^2022-06-05T12 +failed'
succeeds "a retry of other hours" queue retry --hour 2022-06-05T13
like "does nothing" "$out" '^queued: 0$'
succeeds "a retry" queue retry -o json
is "queues it" "$(json 'd["hours"], d["totals"]') $(hours)" "([{'hour': '2022-06-05T12'}], {'queued': 1}) 12 queued 0, 13 loaded 0"
run work --once
is "without a fix it fails again: work --once ends with the verdict" "$status $(hours)" "3 12 failed 1, 13 loaded 0"
cp good.csv $day/hh=12/part-00001.csv
succeeds "a retry" queue retry --hour 2022-06-05T12
succeeds "after a fix" work
is "loads what is left" "$(rows) $(hours) $(files)" "40 40 12 loaded 0, 13 loaded 0 "

printf 'nothing,of,this\n1,2,3\n' >$day/hh=12/part-00001.csv
fresh 2022060512
run work
cp good.csv $day/hh=12/part-00001.csv
succeeds "a run of a failed hour that ends well" run
is "resets it" "$(rows) $(hours)" "60 60 12 loaded 0, 13 loaded 0, 14 loaded 0"
succeeds "queue ls" queue ls
like "its file is work again" "$out" '^2022-06-05T12 +ready +yes +queued'
succeeds "work" work
is "and goes" "$(rows) $(files)" "60 60 "

fresh 2022060512 2022060513 2022060514
succeeds "drop an hour" queue drop --hour 2022-06-05T12 -o csv
is "says which" "$out" "hour
2022-06-05T12"
succeeds "drop a range" queue drop --from 2022-06-05T13 --to 2022-06-05T14 -o json
is "says which" "$(json 'd["hours"], d["totals"]')" "([{'hour': '2022-06-05T13'}], {'dropped': 1})"
is "the other stays" "$(files)" 2022060514
succeeds "drop again" queue drop --hour 2022-06-05T12
like "finds none" "$out" '^dropped: 0$'

# --- tried again -----------------------------------------------------------------------------------------------------
# The lake again, behind a store whose answers can be kept back. Between two attempts lies at least half of the delay, doubled each time.
export AWS_ACCESS_KEY_ID=nobody AWS_SECRET_ACCESS_KEY=secret-of-nobody
mkdir ctl
mkfifo ctl/alive
python3 "$SOURCES/tests/support/slow_store.py" . ctl <ctl/alive &
exec 4>ctl/alive
until_is() { # FILE: waits for it
    for _ in $(seq 3000); do
        [ -e "$1" ] && return
        sleep 0.01
    done
    echo "# $1 never came"
}
until_is ctl/port
store="s3://lake?endpoint=http://127.0.0.1:$(cat ctl/port)"
touch ctl/away
fresh 2022060512
run work --once --set source.url="$store" --set policy.outage=0s --set policy.retry.delay=6s
is "a store that is away: work --once ends with 5" "$status $(hours)" "5 12 retrying 1"
succeeds "queue ls" queue ls
like "the hour waits" "$out" '^2022-06-05T12 +waiting +yes +retrying +1 +20'
succeeds "work --once takes no hour that waits" work --once
is "so" "$(hours)" "12 retrying 1"
succeeds "work waits for it" work
is "and loads it, which is no failure" "$(rows) $(hours) $(files)" "20 20 12 loaded 0 "
fresh 2022060512 2022060513
rm ctl/away
touch ctl/broken
started=$(date +%s%N)
run work --set source.url="$store" --set policy.outage=0s --set policy.retry.delay=1s
elapsed=$((($(date +%s%N) - started) / 1000000))
is "it lists, but gives no object: given up after three attempts" "$status $(hours)" "1 12 failed 3, 13 failed 3"
like "with waits in between ($elapsed ms)" $elapsed '^(1[5-9]|[2-9][0-9]|[1-3][0-9]{2})[0-9]{2}$'
is "the files stay" "$(files)" "2022060512 2022060513"
like "the log has the reason" "$err" 'warning: hour 2022-06-05T12: failed .*STORE_UNREACHABLE: .*503'
succeeds "they can be queued again" queue retry
succeeds "and loaded" work
is "all" "$(rows) $(files)" "40 40 "
fresh 2022060512
run work --set source.url="$store" --set policy.outage=0s --set policy.retry.attempts=1
is "one attempt alone" "$status $(hours)" "1 12 failed 1"
fresh 2022060512 2022060513
rm ctl/broken
touch ctl/away
"$SLUICE" work --set source.url="$store" --set policy.outage=0s --set policy.retry.delay=1s --set policy.retry.attempts=2 >out 2>err &
pid=$!
for _ in $(seq 300); do
    [ "$(grep -c 'again in' err)" -ge 3 ] && break
    sleep 0.1
done
is "a store that stays away costs one hour an attempt, and no other any" "$(hours)" "12 retrying 1"
rm ctl/away
wait $pid
is "work goes on when it is back" "$? $(rows) $(hours) $(files)" "0 40 40 12 loaded 0, 13 loaded 0 "

# --- hours without an object -----------------------------------------------------------------------------------------
fresh 2022060601 2022060602
succeeds "on_empty: ok" work --once --set policy.on_empty=ok -q
is "is done, quietly" "$(hours) $(files) $err" "01 empty 0 2022060602 "
succeeds "on_empty: warn" work --once --set policy.on_empty=warn
like "warns" "$err" 'warning: hour 2022-06-06T02 has no object'
is "and is done" "$(hours) $(files)" "01 empty 0, 02 empty 0 "
fresh 2022060601 2022060512
run work --set policy.on_empty=fail
is "on_empty: fail" "$status $(hours) $(files)" "1 12 loaded 0, 01 failed 1 2022060601"
fresh 2022060601
run work --once --set policy.on_empty=fail --set source.expect_within=30m --now 2022-06-06T02:29:59Z
is "it may still come: waits, and counts no attempt" "$status $(hours)" "3 01 retrying 0"
fresh 2022060601
run work --once --set policy.on_empty=fail --set source.expect_within=30m --now 2022-06-06T02:30:00Z
is "it is late: given up" "$status $(hours)" "3 01 failed 1"

# --- ended from outside -----------------------------------------------------------------------------------------------
rm -rf ctl/away lake && "$GEN_FIXTURE" --out lake --hours 2 --files 6 --rows 500 --seed 7 >/dev/null
find lake -type f -exec touch -d 2022-06-06 {} +
# background ARGUMENT...: sluice with its log in `log`; a shell without job control would have it ignore SIGINT
background() {
    env --default-signal=INT,TERM "$SLUICE" "$@" >out 2>log </dev/null 4>&- &
    pid=$!
}
# held ARGUMENT...: in the background, held in the middle of its first load, until `release`
held() {
    fresh 2022060512 2022060513
    "$SLUICE" setup -q >/dev/null
    rm -f ctl/holding
    touch ctl/hold
    background "$@" --set source.url="$store"
    until_is ctl/holding
}
release() { rm -f ctl/hold; }
ended() { # EXPECTED STATUS
    wait $pid 2>/dev/null
    is "$1" $? "$2"
}

held work --grace 60s
kill -TERM $pid
sleep 0.3
release
ended "SIGTERM with a grace: ended by the signal" 143
is "after the hour is finished" "$(rows) $(hours) $(files)" "3000 3000 12 loaded 0 2022060513"
unlike "without an error" "$(cat log)" 'error:'

held work --watch
kill -TERM $pid
sleep 0.3
release
ended "SIGTERM to work --watch, which has a grace: 0" 0
is "after the hour is finished" "$(rows) $(hours) $(files)" "3000 3000 12 loaded 0 2022060513"

# part WHAT: not all of hour 12 is loaded, what is there is whole, and the next worker loads the rest at once
part() {
    is "$1: what is there is whole" "$(set -- $(rows) && echo $(($1 == $2)) $(($1 < 3000)))" "1 1"
    is "$1: the files are there" "$(files)" "2022060512 2022060513"
    started=$(date +%s)
    succeeds "$1: the next one" work
    like "$1: is not held up" $(($(date +%s) - started)) '^[0-9]$'
    is "$1: and loads the rest" "$(rows) $(hours) $(files)" "6000 6000 12 loaded 0, 13 loaded 0 "
}
held work --grace 1s
kill -TERM $pid
sleep 1.3
release
ended "the grace is over: ended by the signal" 143
like "rolled back" "$(cat log)" 'error: CANCELLED: '
part "the grace is over"

held work --watch --grace 1s
kill -TERM $pid
sleep 1.3
release
ended "the grace is over, work --watch: 0" 0
part "the grace is over, work --watch"

held work --grace 60s
kill -TERM $pid
sleep 0.3
kill -TERM $pid
sleep 0.3
release
ended "SIGTERM twice: the grace is over at once" 143
part "SIGTERM twice"

held work
kill -TERM $pid
sleep 0.3
release
ended "SIGTERM without a grace" 143
part "SIGTERM without a grace"

held work --grace 0s --watch
kill -INT $pid
sleep 0.3
release
ended "SIGINT to work --watch" 0
part "SIGINT to work --watch"

held work --drain
kill -INT $pid
sleep 0.3
release
ended "SIGINT to work --drain" 130
part "SIGINT to work --drain"

held work
kill -KILL $pid
release
ended "kill -9" 137
succeeds "kill -9: queue ls" queue ls
like "the hour is work again" "$out" '^2022-06-05T12 +ready +yes +running +0'
part "kill -9"

# A worker that has nothing to do.
fresh
started=$(date +%s)
background work --watch
sleep 0.5
touch $q/2022060512
for _ in $(seq 300); do
    [ -z "$(files)" ] && break
    sleep 0.1
done
is "work --watch sees a file that comes" "$(files) $(rows)" " 3000 3000"
kill -TERM $pid
ended "SIGTERM while it waits" 0
like "soon" $(($(date +%s) - started)) '^[0-9]$|^1[0-9]$'
sql loans.db "UPDATE sluice_claim SET owner = 'elsewhere/boot/1/1/1/1', epoch = epoch + 1, lease_until_us = 9000000000000000"
touch $q/2022060512
succeeds "work --once: another has the only hour" work --once
like "nothing was to be done" "$out" 'hours: 0;'
succeeds "queue ls" queue ls
like "shows who has it" "$out" '^2022-06-05T12 +held +yes +running'
background work --drain
sleep 0.5
kill -TERM $pid
ended "work --drain waits for it, and hears a signal" 143
run run --reload -y --hour 2022-06-05T12
like "a run finds it held" "$status $err" '^4 sluice: error: HELD: .*elsewhere'
sql loans.db "UPDATE sluice_claim SET lease_until_us = 1"
succeeds "a lease that is over" work
is "is taken over" "$(rows) $(files)" "3000 3000 "

# --- several at once -------------------------------------------------------------------------------------------------
# Two pipelines with a queue each, two workers each, on one database.
sed "s/^name:.*/name: other/; s#file:queue/loan_applicants#file:queue/other#; s/^  table:.*/  table: other/" sluice.yaml >other.yaml
fresh
succeeds "enqueue, one pipeline" enqueue --missing
succeeds "enqueue, the other" enqueue --missing -c other.yaml
pids=
for file in sluice other sluice other; do
    "$SLUICE" work -q -c $file.yaml >/dev/null 2>err$(echo $pids | wc -w) &
    pids="$pids $!"
done
statuses=
for pid in $pids; do
    wait "$pid"
    statuses="$statuses$?"
done
is "two pipelines, two workers each, one database: all end well" "$statuses $(cat err?)" "0000 "
is "one is loaded" "$(hours) $(files)" "12 loaded 0, 13 loaded 0 "
is "the other too" "$(hours other) $(ls queue/other)" "12 loaded 0, 13 loaded 0 "
is "rows once" "$(rows) $(sql loans.db 'SELECT count(*) FROM other')" "6000 12000 6000"

# One worker for both: an hour of each in turn, and one whose target is away keeps the other not back.
fresh
rm -rf queue/other
succeeds "enqueue, one pipeline" enqueue --missing
succeeds "enqueue, the other" enqueue --missing -c other.yaml
succeeds "one worker for both" work -c sluice.yaml -c other.yaml -o csv
is "takes an hour of each in turn" "$(printf '%s\n' "$out" | sed 1d | cut -d, -f1,4 | uniq | tr '\n' ' ')" \
    "loan_applicants,2022-06-05T12 other,2022-06-05T12 loan_applicants,2022-06-05T13 other,2022-06-05T13 "
is "rows once" "$(rows) $(sql loans.db 'SELECT count(*) FROM other') $(files)" "6000 12000 6000 "
fresh
mkdir both && cp sluice.yaml both/1.yaml && sed 's#^  url: sqlite:.*#  url: mysql://u@127.0.0.1:1/d#' other.yaml >both/2.yaml
sed -i 's#file:#file:../#; s#sqlite:#sqlite:../#' both/*.yaml
mkdir -p queue/other && touch $q/2022060512 queue/other/2022060512
run work -c both -o json
is "a target that is away: its status, and the other's rows" "$status $(hours) $(json '[(o["pipeline"], o["status"]) for o in d["objects"]][:1]')" \
    "5 12 loaded 0 [('loan_applicants', 'loaded')]"
like "it is named" "$err" 'error: DB_LOST: other: target.url'
background work --watch -c both
for _ in $(seq 300); do
    grep -q 'other: again in 2 s' "$work/err" && break
    sleep 0.1
done
touch $q/2022060513
for _ in $(seq 300); do
    [ -z "$(files)" ] && break
    sleep 0.1
done
kill -TERM $pid
ended "--watch waits for one and works the other" 0
is "so" "$(hours) $(files)" "12 loaded 0, 13 loaded 0 "

# --- mistakes --------------------------------------------------------------------------------------------------------
rm -rf loans.db queue
sed '/^queue:/,/^  lookback/d' sluice.yaml >none.yaml
for command in enqueue work 'queue ls' 'queue retry' 'queue drop --all'; do
    # shellcheck disable=SC2086
    refuses "$command without queue.url" 2 CONFIG 'set queue.url, such as file:queue/loan_applicants' $command -c none.yaml
done
refuses "queue.url is a file" 2 CONFIG 'queue.url: .*sluice.yaml is no folder' work --set queue.url=file:sluice.yaml
refuses "queue.url is a database" 2 UNSUPPORTED 'no store of this build' enqueue --set queue.url=mysql://h/d
refuses "no source folder" 2 NOT_FOUND 'source.url: ' work --set source.url=file:nolake
refuses "no hour" 2 USAGE 'is no hour: write' enqueue --hour 2022-13-01T00
refuses "an empty range" 2 USAGE 'no hour is from' enqueue --from 2022-06-05T12 --to 2022-06-05T12
refuses "--to alone" 2 USAGE 'needs --from' enqueue --to 2022-06-05T12
refuses "--hour with a range" 2 USAGE 'exclude each other' enqueue --hour 2022-06-05T12 --from 2022-06-05T12
refuses "--missing with --hour" 2 USAGE 'exclude each other' enqueue --missing --hour 2022-06-05T12
refuses "enqueue takes no --once" 2 USAGE 'unknown option --once' enqueue --once
refuses "work takes no hours" 2 USAGE 'unknown option --hour' work --hour 2022-06-05T12
refuses "work takes no argument" 2 USAGE 'too many arguments' work 2022-06-05T12
for pair in '--once --drain' '--drain --watch' '--once --watch'; do
    # shellcheck disable=SC2086
    refuses "work $pair" 2 USAGE 'exclude each other' work $pair
done
refuses "--grace without a unit" 2 USAGE 'is no duration' work --grace 5
refuses "drop of no hour" 2 USAGE 'which hours' queue drop
refuses "queue alone" 2 USAGE 'ls, retry, drop' queue
refuses "queue ls of too many choices" 2 USAGE 'exclude each other' queue ls --hour 2022-06-05T12 --all
is "nothing was made meanwhile" "$([ -e loans.db ] || [ -e queue ] || echo nothing)" nothing
refuses "an hour of a table that is not ours" 2 TABLE_MISSING 'sluice setup' work --set target.create=never

finish
