#!/bin/sh
# Many workers on one queue, killed and stopped at random, from a bucket into a server's database (the servers are those that the
# environment names) and from a folder into SQLite: what is there at the end is what one worker left alone would have made.
#
# CHAOS=long (make chaos): 8 workers, 200 hours, CHAOS_SEEDS (default "1 2 3"); else 4 workers, 40 hours, one seed.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

if [ "${CHAOS:-}" = long ]; then
    workers=8 hours=200 kills=400 seconds=600 seeds=${CHAOS_SEEDS:-1 2 3}
else
    workers=4 hours=40 kills=40 seconds=90 seeds=${CHAOS_SEEDS:-$(date +%s)}
fi
lake "$work/lakes" --hours $hours --files 3 --rows 8
lake=$work/lakes/lake
# One hour that fails, whoever tries: it holds nobody back.
printf 'nothing,of,this\n1,2,3\n' >"$lake/yyyy=2022/mm=06/dd=05/hh=14/part-00001.csv"
find "$lake" -type f -exec touch -d 2022-06-06 {} +

# json PATH: of the document on the last stdout
json() {
    sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$work/out') AS TEXT), '$1')"
}
question() { # STATEMENT: to the target, whatever it is
    case $target in
    mysql) mysql_sql "$1" | tr '\t' ' ' ;;
    *) sql loans.db "$1" | tr '|' ' ' ;;
    esac
}

# place NAME SOURCE TARGET [SETTING...]: a pipeline of its own, and its queue full, in the folder $work/NAME, which becomes the current one
place() {
    cell=$1 source=$2 target=$3
    pipeline "$work/$cell" "$source" "$target"
    cd "$work/$cell" || exit 1
    queue=file:queue
    [ "$source" != "${s3_url:-}" ] || queue="${s3_url%%/lake*}/queue-$cell$s3_query"
    sed -i -e "s#^  url: file:queue/.*#  url: $(echo "$queue" | sed 's/&/\\&/g')#" -e 's/^  lease:.*/  lease: 3s/' -e 's/retry: {.*/retry: {attempts: 3, delay: 1s}/' sluice.yaml
    succeeds "$cell: enqueue" enqueue -q --missing
    run queue ls -o json
    is "$cell: the queue is full" "$(json '$.totals.ready')" $hours
}

# left: all that is left: hashes and counts, rows, what is in the ledger, hours by state and attempts, objects that failed, the queue
left() {
    run verify -o json
    echo "verify $(json '$.totals.source_rows') $(json '$.totals.ledger_hash') $(json '$.totals.target_hash')"
    echo "rows $(question "SELECT count(*), sum(age), sum(MonthlyIncome) FROM t_$cell")"
    "$SLUICE" history -o csv | awk -F, '$6 == "loaded" { print $3, $4, $5, $8, $9, $10, $11, $12 }' | sort
    echo "hours $(question "SELECT state, attempts, owner, count(*) FROM sluice_claim WHERE pipeline = '$cell' GROUP BY state, attempts, owner ORDER BY state")"
    echo "failed $(question "SELECT DISTINCT object, error_name FROM sluice_attempt WHERE pipeline = '$cell'")"
    "$SLUICE" queue ls -o csv
}

# as_expected FILE: what is left is what is in FILE
as_expected() {
    left >left
    if cmp -s left "$1"; then pass "$cell: nothing is lost, doubled, or left behind"; else
        fail "$cell: nothing is lost, doubled, or left behind" "$(diff left "$1" | head -n 20)"
    fi
}

# alone N: that many workers that nobody disturbs; says how long they took, in ms
alone() {
    started=$(date +%s%N)
    for i in $(seq "$1"); do
        "$SLUICE" work -q >/dev/null 2>"err$i" &
        eval "worker$i=$!"
    done
    for i in $(seq "$1"); do
        eval "wait \$worker$i"
        is "$cell: worker $i of $1 ends with 1, for the sake of the failed hour" $? 1
    done
    took=$((($(date +%s%N) - started) / 1000000))
}

# chaos SOURCE TARGET
chaos() {
    label=$3
    place "${label}_one" "$1" "$2"
    alone 1
    one=$took
    left >"$work/expected"
    is "$cell: one hour has failed, the others are loaded" "$(grep -E '^(hours )?(loaded|failed) [0-9]' "$work/expected" | tr '\n' ' ')" "hours failed 1  1 loaded 0  $((hours - 1)) "
    place "${label}_two" "$1" "$2"
    alone 2
    as_expected "$work/expected"
    echo "# $label: $hours hours: one worker $one ms, two $took ms: $((one * 100 / (took + 1)))%"
    for seed in $seeds; do
        place "${label}_$seed" "$1" "$2"
        if said=$(python3 "$SOURCES/tests/support/chaos.py" "$SLUICE" $workers "$seed" $kills $seconds -q); then
            pass "$cell: $workers workers are drained, whatever happens to them"
        else
            fail "$cell: $workers workers are drained, whatever happens to them" "$said
$(cat worker-*.log | sort | uniq -c | sort -rn | head -n 10)"
        fi
        echo "# $label: $said"
        like "$cell: none ends but for the failed hour, or when it is told to" "$said" 'ended with (0 )?1$'
        as_expected "$work/expected"
    done
    cd "$SOURCES" || exit 1
}

until_is() { # COMMAND...: waits until it succeeds
    for _ in $(seq 3000); do
        "$@" && return
        sleep 0.01
    done
    echo "# this never came: $*"
}
uncommitted() { [ "$(mysql_sql "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; SELECT count(*) FROM t_stopped")" != 0 ]; }

# stopped: a worker that is stopped (SIGSTOP) past its lease in the middle of a transaction. Its claim and its locks fall with the lease,
# another loads the hour, and once it goes on its own transaction comes to nothing.
stopped() {
    lake "$work/stopped" --hours 1 --files 2 --rows 300000
    cd "$work/stopped" || exit 1
    mkdir ctl
    mkfifo ctl/alive
    python3 "$SOURCES/tests/support/slow_store.py" . ctl <ctl/alive &
    exec 4>ctl/alive
    until_is test -e ctl/port
    export AWS_ACCESS_KEY_ID="${AWS_ACCESS_KEY_ID:-nobody}" AWS_SECRET_ACCESS_KEY="${AWS_SECRET_ACCESS_KEY:-secret-of-nobody}"
    cell=stopped target=mysql hours=1
    place stopped "s3://lake?endpoint=http://127.0.0.1:$(cat ctl/port)" mysql
    sed -i 's/^  commit_unit:.*/  commit_unit: hour/; s/^  connections:.*/  connections: 1/' sluice.yaml
    echo part-00001 >ctl/hold
    "$SLUICE" work >out 2>log 4>&- </dev/null &
    first=$!
    until_is test -e ctl/holding
    until_is uncommitted
    kill -STOP $first
    started=$(date +%s%N)
    rm ctl/hold
    mysql_sql "SELECT id FROM sluice_load WHERE pipeline = 'stopped' FOR UPDATE" >/dev/null
    unlocked=$((($(date +%s%N) - started) / 1000000))
    succeeds "another worker loads the hour" work -q
    loaded=$((($(date +%s%N) - started) / 1000000))
    echo "# stopped with a lease of 3000 ms: its locks fell after $unlocked ms, the hour was loaded after $loaded ms"
    # Without it they stay for hours, and the statement above gives up after 50 s.
    like "the stopped one's locks fall with its lease" "$unlocked" '^([0-9]{1,4}|[12][0-9]{4})$'
    is "rows once" "$(mysql_sql 'SELECT count(*) FROM t_stopped')" 600000
    left >before
    kill -CONT $first
    wait $first
    is "it goes on, and ends well: nothing is left" $? 0
    like "its transaction was refused" "$(cat log)" 'hour 2022-06-05T12: another worker has it now: FENCED'
    left >after
    is "and nothing has changed" "$(diff before after)" ""
    cd "$SOURCES" || exit 1
    exec 4>&-
}

chaos "file:$lake" sqlite:loans.db file_sqlite
if own_s3 "$lake"; then s3=yes; fi
[ -z "${s3:-}" ] || chaos "$s3_url" sqlite:loans.db s3_sqlite
if own_mysql; then
    chaos "${s3_url:-file:$lake}" mysql "s3_$SLUICE_TEST_MYSQL_SERVER"
    stopped
fi
finish
