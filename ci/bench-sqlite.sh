#!/bin/sh
# Compares `sluice run` with the sqlite3 shell's .import on generated files: speed, memory, second runs. No test: it
# prints figures with the aim beside them, and keeps them in build/bench/sqlite.txt.
#
# What is compared: the same file into a table of the same column types, both with synchronous=FULL and rollback
# journal, runs alternating, the median of RUNS (3). .import loads the row number too, stores the text NA where sluice
# stores NULL, checks nothing and remembers nothing; so sluice is also timed with the row number loaded and no lineage: exactly
# the same columns. Each run starts from no database; setting up the table is in sluice's time, not in .import's.
set -eu
cd "$(dirname "$0")/.."

. ci/bench-lib.sh
report=$dir/sqlite.txt
durable='PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL'
: >"$report"

# expect_rows DB N: what was timed has also done its work.
expect_rows() {
    rows=$(sqlite3 "$1" "SELECT count(*) FROM $table")
    [ "$rows" = "$2" ] || {
        echo "bench: $1 has $rows rows, not $2" >&2
        exit 1
    }
}

# load NAME LAKE ROWS [OPTION...]: one timed sluice run into a new database.
load() {
    name=$1 from=$2 rows=$3
    shift 3
    rm -f "$dir/$name.db"*
    timed "$name" "$sluice" run -c "${pipeline:-docs/pipeline.example.yaml}" --progress none \
        --set "source.url=file:$dir/$from" --set "target.url=sqlite:$dir/$name.db" "$@"
    expect_rows "$dir/$name.db" "$rows"
}

new_import_db() {
    rm -f "$dir/import.db"*
    sqlite3 "$dir/import.db" "CREATE TABLE $table (row_no INTEGER, SeriousDlqin2yrs INTEGER,
        RevolvingUtilizationOfUnsecuredLines REAL, age INTEGER, NumberOfTime30_59DaysPastDueNotWorse INTEGER,
        DebtRatio REAL, MonthlyIncome INTEGER, NumberOfOpenCreditLinesAndLoans INTEGER,
        NumberOfTimes90DaysLate INTEGER, NumberRealEstateLoansOrLines INTEGER,
        NumberOfTime60_89DaysPastDueNotWorse INTEGER, NumberOfDependents INTEGER)"
}

import_each() { # FOLDER: one process for each file
    for file in "$1"/*.csv; do
        sqlite3 "$dir/import.db" "$durable" ".import --csv --skip 1 $file $table" >/dev/null
    done
}

lake files10k 10000 20
lake files1k 1000 20
lake rows1m 1 1000000
lake rows5m 1 5000000
rm -f "$dir"/*.times
sed 's/, drop: true//' docs/pipeline.example.yaml >"$dir/with_row_no.yaml"
file=$dir/rows5m/$hour/part-00000.csv
cat "$file" >/dev/null

i=0
while [ $i -lt "$runs" ]; do
    new_import_db
    timed import sqlite3 "$dir/import.db" "$durable" ".import --csv --skip 1 $file $table"
    expect_rows "$dir/import.db" 5000000
    load lineage rows5m 5000000
    load plain rows5m 5000000 --set target.lineage=false
    pipeline=$dir/with_row_no.yaml load same_columns rows5m 5000000 --set target.lineage=false
    i=$((i + 1))
done
load lineage_1m rows1m 1000000

load files_1k files1k 20000
load files_10k files10k 200000
timed second "$sluice" run -c docs/pipeline.example.yaml --progress none \
    --set "source.url=file:$dir/files10k" --set "target.url=sqlite:$dir/files_10k.db"
expect_rows "$dir/files_10k.db" 200000
new_import_db
echo "bench: 10,000 sqlite3 processes, one for each file"
start=$(date +%s%N)
(import_each "$dir/files10k/$hour")
import_files=$(($(date +%s%N) - start))
import_files=$((import_files / 10000000)) # hundredths of a second
import_files=$((import_files / 100)).$(printf %02d $((import_files % 100)))
expect_rows "$dir/import.db" 200000

start=$(date +%s%N)
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    "$sluice" -V >/dev/null
done
version_ms=$(awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { printf "%.1f", ns / 20e6 }')

echo
say "$(machine), sqlite3 $(sqlite3 --version | cut -d' ' -f1), median of $runs, synchronous=FULL"
say ""
say "5,000,000 rows in one file, $(($(stat -c %s "$file") / 1000000)) MB           seconds   times .import   peak MiB"
line "sqlite3 .import" import import ""
line "sluice run, the example pipeline (lineage)" lineage import "aim: 3.0 times, 64 MiB"
line "sluice run, lineage off" plain import ""
line "sluice run, lineage off, row number loaded" same_columns import ""
say ""
say "10,000 files of 20 rows in one hour            seconds"
say "  one sqlite3 .import process for each file    $import_files"
say "  sluice run                                   $(seconds files_10k)   $(ratio "$import_files" "$(seconds files_10k)") times (aim: 20)"
say "  sluice run again, nothing new                $(seconds second)   (aim: 0.5)"
say ""
say "Peak memory, MiB: 1,000,000 rows $(peak_mib lineage_1m), 5,000,000 rows $(peak_mib lineage); 1,000 files $(peak_mib files_1k), 10,000 files $(peak_mib files_10k), second run $(peak_mib second)"
say "sluice -V: $version_ms ms (aim: 10)"
rm -f "$dir"/*.db
