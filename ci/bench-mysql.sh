#!/bin/sh
# Compares `sluice run` from MinIO into MySQL and into MariaDB with one LOAD DATA LOCAL INFILE by the stock client: speed
# and memory. No test: it prints figures with the aim beside them, and keeps them in build/bench/mysql.txt.
# `[ROWS=1000000] [RUNS=1] ci/bench-mysql.sh [mysql|mariadb]...`
#
# What is compared: an hour of four files in a bucket against the same rows in one local file, where the text NA becomes NULL by
# SET x = NULLIF(@x, 'NA'); into the same table of the same server, made before by `sluice setup`; runs alternating,
# the median of RUNS (3). After each the rows are held against each other by count and checksum, and sluice's also by
# `sluice verify`. The server is as it comes (each commit flushed to disk, doublewrite on) with the binary log on and flushed at
# each commit, as production has it, and with 1 GiB of buffer pool and of redo log, so that neither side waits for those.
set -eu
cd "$(dirname "$0")/.."
. ci/bench-lib.sh
report=$dir/mysql.txt
rows=${ROWS:-5000000}
lake=hour$rows
file=$dir/$lake.csv
columns='SeriousDlqin2yrs RevolvingUtilizationOfUnsecuredLines age NumberOfTime30_59DaysPastDueNotWorse DebtRatio MonthlyIncome
    NumberOfOpenCreditLinesAndLoans NumberOfTimes90DaysLate NumberRealEstateLoansOrLines
    NumberOfTime60_89DaysPastDueNotWorse NumberOfDependents'

# each TEXT: for each column, with its name for every &, divided by commas.
each() {
    # shellcheck disable=SC2086
    printf '%s\n' $columns | sed "s/.*/$1/" | paste -sd,
}

if [ "${1:-}" != measure ]; then
    lake "$lake" 4 $((rows / 4))
    [ -e "$file" ] || {
        awk 'FNR > 1 || NR == 1' "$dir/$lake/$hour"/*.csv >"$file.new"
        mv "$file.new" "$file"
    }
    : >"$report"
    [ $# -gt 0 ] || set -- mysql mariadb
    for server; do
        options='--innodb-buffer-pool-size=1G --sync-binlog=1'
        case $server in
        mysql) options="$options --innodb-redo-log-capacity=1G" ;;
        mariadb) options="$options --innodb-log-file-size=1G --log-bin --binlog-format=ROW" ;;
        esac
        status=0
        SLUICE_TEST_MYSQL_OPTIONS=$options ci/with-minio.sh ci/with-mysql.sh "$server" ci/bench-mysql.sh measure || status=$?
        [ $status = 125 ] && say "$server: not measured, the servers cannot be had"
        [ $status = 0 ] || [ $status = 125 ] || exit $status
    done
    exit
fi

sql() {
    "$SLUICE_TEST_MYSQL_CLIENT" --batch --skip-column-names --local-infile=1 sluice -e "$1"
}

new_table() { # OPTION... of sluice
    sql "DROP VIEW IF EXISTS ${table}_lineage;
        DROP TABLE IF EXISTS $table, sluice_schema, sluice_load, sluice_claim, sluice_attempt, sluice_reject, sluice_check"
    "$sluice" setup "$@" >/dev/null
}

# expect_rows NAME: all are there, and the same as after the first run of all.
expect_rows() {
    sql "SELECT COUNT(*), SUM(CRC32(CONCAT_WS(',', $(each "IFNULL(&, 'NULL')")))) FROM $table" >"$dir/$1.sum"
    [ -e "$dir/first.sum" ] || cp "$dir/$1.sum" "$dir/first.sum"
    if [ "$(cut -f1 "$dir/$1.sum")" != "$rows" ] || ! cmp -s "$dir/$1.sum" "$dir/first.sum"; then
        echo "bench: $1: count and checksum are $(cat "$dir/$1.sum"), not $rows and as in $(cat "$dir/first.sum")" >&2
        exit 1
    fi
}

rm -f "$dir"/*.times "$dir/first.sum"
"$sluice" cp -r "file:$dir/$lake" "$SLUICE_TEST_S3_URL" >"$dir/cp.log"
cat "$file" >/dev/null
load="LOAD DATA LOCAL INFILE '$file' INTO TABLE $table FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'
    LINES TERMINATED BY '\n' IGNORE 1 LINES (@row_no, $(each '@&')) SET $(each "& = NULLIF(@&, 'NA')")"

# shellcheck disable=SC2016
set -- -c docs/pipeline.example.yaml --progress none --set "source.url=$SLUICE_TEST_S3_URL" \
    --set "target.url=$SLUICE_TEST_MYSQL_URL" --set "target.user=$SLUICE_TEST_MYSQL_USER" \
    --set 'target.password=${SLUICE_TEST_MYSQL_PASSWORD}'
i=0
while [ $i -lt "$runs" ]; do
    new_table "$@"
    timed load_data "$SLUICE_TEST_MYSQL_CLIENT" --local-infile=1 sluice -e "$load"
    expect_rows load_data
    new_table "$@"
    timed sluice "$sluice" run "$@"
    expect_rows sluice
    "$sluice" verify "$@" >"$dir/verify.log" || {
        cat "$dir/verify.log" >&2
        exit 1
    }
    i=$((i + 1))
done

echo
say "$(machine), $SLUICE_TEST_MYSQL_SERVER $(sql 'SELECT VERSION()'), median of $runs, binary log on, all flushed at commit"
say ""
say "$(printf '%-46s   seconds  times LOAD DATA   peak MiB' "$rows rows in 4 files, $(($(stat -c %s "$file") / 1000000)) MB")"
line "LOAD DATA LOCAL INFILE, one local file" load_data load_data ""
line "sluice run from MinIO, the example pipeline" sluice load_data "aim: $([ "$SLUICE_TEST_MYSQL_SERVER" = mysql ] && echo '1.3 times, ')96 MiB"
say ""
