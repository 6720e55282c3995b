#!/bin/sh
# How much faster two `sluice work` are than one, on the same queue: hours of a MinIO bucket into MySQL. Part of `make bench`.
#
# Starts both servers by itself where the environment names none; says so and ends well where they are not built.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${SLUICE_TEST_S3_URL:-}" ] || [ -z "${SLUICE_TEST_MYSQL_URL:-}" ]; then
    if ! ci/cache.sh --check all >/dev/null 2>&1; then
        echo "bench: no servers for the queue: \`make servers\` builds them"
        exit 0
    fi
    exec ci/with-minio.sh ci/with-mysql.sh "$0"
fi
. tests/e2e/lib.sh
. tests/e2e/servers.sh

hours=60 files=3 rows=20000
lake "$work/lakes" --hours $hours --files $files --rows $rows
own_s3 "$work/lakes/lake"
own_mysql

# seconds WORKERS: as many on a full queue
seconds() {
    pipeline "$work/workers_$1" "$s3_url" mysql
    (
        cd "$work/workers_$1"
        "$SLUICE" enqueue -q --missing >/dev/null
        start=$(date +%s%N)
        pids=
        for _ in $(seq "$1"); do
            "$SLUICE" work -q --set target.connections=1 >/dev/null &
            pids="$pids $!"
        done
        for pid in $pids; do
            wait "$pid"
        done
        awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { printf "%.2f", ns / 1e9 }'
    )
    [ "$(mysql_sql "SELECT count(*) FROM t_workers_$1")" = $((hours * files * rows)) ] || fail "rows"
}

one=$(seconds 1)
two=$(seconds 2)
echo "queue, MinIO -> MySQL: $hours hours of $files files of $rows rows, one connection each, $(nproc) cores for all: one worker $one s, two $two s," \
    "$(awk -v a="$one" -v b="$two" 'BEGIN { printf "%.2f", a / b }') times as fast"
