#!/bin/sh
# Edges an operator meets one day: names of every kind, files written this very second, headers in other forms, thousands of
# tiny files with one bad among them, two pipelines writing at once, a full disk.
set -u
. tests/e2e/lib.sh

table=loan_applicant_info
db=loans.db
hour=yyyy=2022/mm=06/dd=05/hh=12

fresh() {
    dir=$work/$1
    shift
    lake "$dir" "$@"
    cd "$dir" || exit 1
}

count() {
    sql "${1:-$db}" "SELECT count(*) FROM $table"
}

# --- names -----------------------------------------------------------------------------------------------------------
fresh names --rows 10
file=lake/$hour/part-00000.csv
odd=$(printf 'bytes \377\376.csv')
for name in Part-00000.csv 'a b.csv' "it's.csv" 'per%cent.csv' '-dash.csv' "$odd"; do
    cp $file "lake/$hour/$name"
done
long=lake/$hour/$(head -c 240 /dev/zero | tr '\0' n).csv
cp $file "$long"
for name in _part.csv .part.csv part.txt part.csv.tmp; do
    cp $file "lake/$hour/$name"
done
mkdir -p "lake/$hour/deeper" "lake/yyyy=2022/mm=06/dd=05/hh=24" "lake/yyyy=2022/mm=13/dd=05/hh=12"
cp $file lake/$hour/deeper/part.csv
cp $file lake/yyyy=2022/mm=06/dd=05/hh=24/part.csv
cp $file lake/yyyy=2022/mm=13/dd=05/hh=12/part.csv
succeeds "names of every kind" run -o json
is "are loaded, each with all its records" "$(count)" 80
is "the ledger has their bytes" "$(sqlite3 -batch -newline '
' $db 'SELECT object FROM sluice_load ORDER BY object')" "$(cd lake && LC_ALL=C ls -d $hour/*.csv | LC_ALL=C grep -v /_ | LC_ALL=C sort)"
is "the JSON is UTF-8 all the same" "$(iconv -f utf-8 -t utf-8 "$work/out" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["objects"]))')" 8
succeeds "hidden, other and impossible ones are not" plan -o json
like "but counted" "$(sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$work/out') AS TEXT), '$.totals.ignored')")" '^[3-5]$'
succeeds "verify" verify
succeeds "again" run
is "nothing twice" "$(count)" 80
deep=lake/$(head -c 200 /dev/zero | tr '\0' d)
layout=$(head -c 200 /dev/zero | tr '\0' d)
for _ in 1 2 3 4 5; do
    deep=$deep/$(head -c 200 /dev/zero | tr '\0' d)
    layout=$layout/$(head -c 200 /dev/zero | tr '\0' d)
done
mkdir -p "$deep/2022060512" && cp $file "$deep/2022060512/x.csv"
run run --set "source.layout=$layout/%Y%m%d%H/*.csv" --set target.url=sqlite:long.db
is "a key over 1,024 bytes" "$status $(grep -c 'error: KEY_TOO_LONG: ' "$work/err")" "2 1"

# --- written this second ---------------------------------------------------------------------------------------------
fresh race --rows 10
file=lake/$hour/part-00000.csv
touch $file
succeeds "a file that was written just now" run
touch -r $file stamp
sed '2s/^1,/9,/; 2s/,0,/,1,/' $file >other && cat other >$file && touch -r stamp $file
run run
is "other bytes, the same size and time" "$status $(grep -c 'error: SOURCE_CHANGED: ' "$work/err")" "3 1"

# --- equal records, other headers ------------------------------------------------------------------------------------
fresh forms --rows 10
file=lake/$hour/part-00000.csv
sed -n 2p $file >line && cat line line line >>$file
cp $file lake/$hour/same.csv
find lake -type f -exec touch -d 2022-06-06 {} +
succeeds "equal records, equal files" run
is "are all loaded" "$(count)" 26
values() {
    sql "$1" "SELECT SeriousDlqin2yrs, RevolvingUtilizationOfUnsecuredLines, age, DebtRatio, MonthlyIncome, NumberOfDependents FROM $table ORDER BY 1, 2, 3, 4, 5, 6"
}
whole=$(values $db)
# form NAME SED ARGUMENT...: both files changed so, loaded under these options: the same rows
form() {
    name=$1 script=$2
    shift 2
    mkdir "$name"
    for f in part-00000.csv same.csv; do
        mkdir -p "$name/lake/$hour"
        sed -E "$script" "lake/$hour/$f" >"$name/lake/$hour/$f"
    done
    succeeds "$name" run --set "source.url=file:$name/lake" --set "target.url=sqlite:$name/x.db" "$@"
    is "$name: the same rows" "$(values "$name/x.db")" "$whole"
    succeeds "$name: verify" verify --set "source.url=file:$name/lake" --set "target.url=sqlite:$name/x.db" "$@"
}
form no_header 1d --set source.csv.header=none
form by_position '1s/[A-Za-z]+/x/g' --set source.csv.header=by_position
form semicolons 's/,/;/g' --set 'source.csv.delimiter=;'
form tabs 's/,/	/g' --set 'source.csv.delimiter=	'
form crlf 's/$/\r/'
form quoted 's/([^,]+)/"\1"/g'
form other_quotes "s/([^,]+)/'\\1'/g" --set "source.csv.quote='"
form other_nulls 's/NA/-/g' --set 'source.csv.nulls=["-"]'
form other_order 's/^(.*),([^,]*)$/\2,\1/'
form extra_column 's/$/,more/' --set schema.extra_columns=ignore
run run --set "source.url=file:extra_column/lake" --set target.url=sqlite:no.db
is "an extra column otherwise" "$status $(grep -c 'error: CSV_HEADER: .* line 1: .*more' "$work/err")" "3 2"
mkdir -p missing/lake/$hour && cut -d, -f1-11 $file >missing/lake/$hour/x.csv
succeeds "missing_columns: null" run --set source.url=file:missing/lake --set target.url=sqlite:missing/x.db --set schema.missing_columns=null
is "is NULL" "$(sql missing/x.db "SELECT count(*), count(NumberOfDependents), count(age) FROM $table")" "13|0|13"

# --- thousands of tiny files -----------------------------------------------------------------------------------------
fresh tiny --files 3000 --rows 2
sed 's/key: \[\]/key: [row_no]/; s/{name: row_no, from: "", type: bigint, drop: true}/{name: row_no, from: "", type: bigint, nullable: false}/' sluice.yaml >key.yaml
sed -i '3s/.*/1,0,0.5,40,0,0.3,1,1,1,1,1,1/' lake/$hour/part-01500.csv
sed -i '2s/.*/x/' lake/$hour/part-02500.csv
find lake -type f -exec touch -d 2022-06-06 {} +
run run -c key.yaml --set policy.max_rejects=0
is "one that the database refuses, one that is broken" "$status $(grep -c error: "$work/err")" "3 2"
like "the first" "$err" 'error: DB_CONSTRAINT: .*part-01500.csv:? line 3'
like "the second" "$err" 'error: REJECT_LIMIT: .*part-02500.csv'
like "the others are loaded" "$out" '^2,998 new, 0 replaced, 0 loaded before, 2 failed'
is "with their rows" "$(count)" 5996
run run -c key.yaml --set policy.max_rejects=0
like "again: those two only" "$out" '^0 new, 0 replaced, 2,998 loaded before, 2 failed'

# --- two pipelines at once -------------------------------------------------------------------------------------------
fresh both --files 4 --hours 2 --rows 5000
sed 's/^name: .*/name: others/' sluice.yaml >others.yaml
succeeds "setup" setup
"$SLUICE" run -q >out1 2>err1 &
first=$!
"$SLUICE" run -q -c others.yaml >out2 2>err2 &
second=$!
wait $first
statuses=$?
wait $second
is "two pipelines into one table at once" "$statuses $? $(cat err1 err2)" "0 0 "
is "both are there" "$(count)" 80000
succeeds "verify" verify
succeeds "verify of the other" verify -c others.yaml

# --- a full disk: no file may grow over 1 MiB ------------------------------------------------------------------------
fresh full --files 4 --rows 20000
(
    ulimit -f 2048
    trap '' XFSZ
    "$SLUICE" run >"$work/out" 2>"$work/err"
    echo $? >status
)
is "a full disk: exit" "$(cat status)" 1
like "which is said" "$(cat "$work/err")" 'error: (DISK_FULL|IO): '
is "what is there is whole" "$(count)" "$(sql $db 'SELECT coalesce(sum(rows_loaded), 0) FROM sluice_load')"
is "and sound" "$(sql $db 'PRAGMA integrity_check')" ok
succeeds "with room again" run
is "all is there, once" "$(count)" 80000
succeeds "verify" verify

finish
