#!/bin/sh
# Bad input between good neighbours: it ends as rejects or as one clear error, and nothing next to it is touched.
# Then what is wrong around the files (rights, database, table, pipeline file): one line, and nothing changed.
set -u
. tests/e2e/lib.sh

hour=yyyy=2022/mm=06/dd=05/hh=12
table=loan_applicant_info
columns='SeriousDlqin2yrs, RevolvingUtilizationOfUnsecuredLines, age, NumberOfTime30_59DaysPastDueNotWorse, DebtRatio,
MonthlyIncome, NumberOfOpenCreditLinesAndLoans, NumberOfTimes90DaysLate, NumberRealEstateLoansOrLines,
NumberOfTime60_89DaysPastDueNotWorse, NumberOfDependents'

# rows DATABASE OBJECT: its loaded rows as CSV, in the order they were loaded
rows() {
    sqlite3 -batch -csv -separator , -newline '
' -nullvalue NA "$1" "SELECT $columns FROM ${table}_lineage WHERE _object = '$hour/$2' ORDER BY rowid"
}

# records FILE LINE...: these lines as `rows` prints them when they are loaded
records() {
    file=$1
    shift
    for line in "$@"; do
        sed -n "${line}p" "$file" | tr -d '\r"' | cut -d, -f2-
    done
}

# rejected DATABASE OBJECT: where and why, one "line:column:error" a reject, samples of failed attempts too
rejected() {
    sql "$1" "SELECT group_concat(line || ':' || column_name || ':' || error_name, ' ')
        FROM (SELECT * FROM sluice_reject WHERE object = '$hour/$2' ORDER BY id)"
}

# neighbours NAME DATABASE
neighbours() {
    is "$1: the files beside it are loaded whole" "$(rows "$2" a.csv; rows "$2" z.csv)" "$(cat "$work/neighbours")"
}

# --- every file of fixtures/csv/bad ----------------------------------------------------------------------------------
mkdir -p "$work/bad/lake/$hour"
cp docs/pipeline.example.yaml "$work/bad/sluice.yaml"
cp fixtures/csv/good/plain.csv "$work/bad/lake/$hour/a.csv"
cp fixtures/csv/good/quoted.csv "$work/bad/lake/$hour/z.csv"
cd "$work/bad" || exit 1
{
    records lake/$hour/a.csv 2 3 4
    records lake/$hour/z.csv 2 3 4
} >"$work/neighbours"
seen=

# becomes_rejects FILE LINES REJECT...: the lines that are loaded, then what is rejected
becomes_rejects() {
    name=$1 lines=$2
    shift 2
    seen="$seen $name"
    cp "$SOURCES/fixtures/csv/bad/$name.csv" lake/$hour/m.csv
    # shellcheck disable=SC2086
    records lake/$hour/m.csv $lines >expected
    for unit in file hour chunk; do
        rm -f loans.db
        succeeds "$name: within the limit, by $unit" run --set policy.max_rejects=80% --set target.commit_unit=$unit \
            --set target.chunk_rows=2
        is "$name: its good records are loaded" "$(rows loans.db m.csv)" "$(cat expected)"
        is "$name: the others are rejected" "$(rejected loans.db m.csv)" "$*"
        neighbours "$name" loans.db
        succeeds "$name: verify agrees" verify --set target.commit_unit=$unit
    done
    rm -f loans.db
    run run --set policy.max_rejects=0
    is "$name: over the limit" "$status $(grep -c error: "$work/err")" "3 1"
    like "$name: the error names the object" "$err" "error: REJECT_LIMIT: $hour/m.csv: $# of [0-9]+ records"
    is "$name: none of it is loaded" "$(rows loans.db m.csv)" ""
    is "$name: why is kept" "$(rejected loans.db m.csv)" "$*"
    neighbours "$name" loans.db
    rm -f loans.db
    run run --set policy.max_rejects=0 --set target.commit_unit=hour
    is "$name: by hour it stops the hour" "$status $(sql loans.db "SELECT count(*) FROM $table")" "3 0"
}

# becomes_error FILE ERROR PATTERN
becomes_error() {
    name=$1
    seen="$seen $name"
    cp "$SOURCES/fixtures/csv/bad/$name.csv" lake/$hour/m.csv
    for unit in file chunk; do
        rm -f loans.db
        run run --set policy.max_rejects=80% --set target.commit_unit=$unit --set target.chunk_rows=2
        is "$name: exit 3 with one error, by $unit" "$status $(grep -c error: "$work/err")" "3 1"
        like "$name: it says where and what" "$err" "^sluice: error: $2: $hour/m.csv: $3"
        is "$name: none of it is loaded" "$(rows loans.db m.csv)" ""
        neighbours "$name" loans.db
    done
    rm -f loans.db
    run run --set policy.max_rejects=80% --set target.commit_unit=hour
    is "$name: by hour it stops the hour" "$status $(sql loans.db "SELECT count(*) FROM $table")" "3 0"
}

becomes_rejects cut_short '2' '3::CSV_RAGGED'
becomes_error header_missing CSV_HEADER 'line 1: .*lacks "age"'
becomes_error header_twice CSV_HEADER 'line 1: .*twice "age"'
becomes_rejects lone_cr '2 4' '3::CSV_LONE_CR'
becomes_rejects nul '2 4' '3::CSV_NUL'
becomes_error old_mac CSV_HEADER 'line 1: .*old Mac'
becomes_rejects quote_inside '2 4' '3::CSV_QUOTE'
becomes_rejects ragged_long '2 4' '3::CSV_RAGGED'
becomes_rejects ragged_short '2 4' '3::CSV_RAGGED'
becomes_rejects text_after_quote '2 4' '3::CSV_QUOTE'
becomes_rejects unclosed_quote '2 4 5' '3::CSV_QUOTE'
becomes_rejects utf8 '2 4' '3:age:CAST_INT'
becomes_rejects values '2 4 8' '3:SeriousDlqin2yrs:CAST_BOOLEAN' '5:age:CHECK_MAX' '6:SeriousDlqin2yrs:NOT_NULL' \
    '7:MonthlyIncome:CAST_INT'
becomes_error zero_byte CSV_NO_HEADER '.*header line is needed'
is "no file of fixtures/csv/bad is left out" "$(printf '%s\n' $seen | sort)" \
    "$(cd "$SOURCES/fixtures/csv/bad" && printf '%s\n' *.csv | sed 's/\.csv$//' | sort)"

# All at once in one group: none drags another down.
for file in "$SOURCES"/fixtures/csv/bad/*.csv; do
    cp "$file" "lake/$hour/m_$(basename "$file")"
done
rm -f loans.db lake/$hour/m.csv
run run --set policy.max_rejects=80%
is "all together" "$status $(grep -c error: "$work/err")" "3 4"
like "closes with what became of each" "$out" '^12 new, 0 replaced, 0 loaded before, 4 failed, 0 ignored'
neighbours "all together" loans.db
run run --set policy.max_rejects=80%
like "again: the bad ones only" "$out" '^0 new, .*, 12 loaded before, 4 failed'
rm -r "$work/bad"

# --- every damage of gen_fixture -------------------------------------------------------------------------------------
mkdir "$work/damage"
cd "$work/damage" || exit 1
cp "$SOURCES/docs/pipeline.example.yaml" sluice.yaml
"$GEN_FIXTURE" --out clean --files 2 --rows 400 >/dev/null
succeeds "the clean lake" run --set source.url=file:clean --set target.url=sqlite:clean.db
kinds=$("$GEN_FIXTURE" --bad none 2>&1 | sed -n 's/^.*--bad none: //p' | tr -d ,)
is "gen_fixture names its kinds" "$kinds" 'ragged quote nul utf8 type range bom cr'
for kind in $kinds; do
    rm -rf lake loans.db
    "$GEN_FIXTURE" --out lake --files 2 --rows 400 --bad "$kind" >/dev/null
    run run
    case $kind in
    bom)
        is "$kind: exit" "$status" 0
        lost=0
        ;;
    cr)
        is "$kind: one error" "$status $(grep -c 'error: CSV_HEADER: .*part-00000.csv: line 1: ' "$work/err")" "3 1"
        is "$kind: nothing of that file" "$(rows loans.db part-00000.csv)" ""
        is "$kind: the other is loaded whole" "$(rows loans.db part-00001.csv)" "$(rows clean.db part-00001.csv)"
        continue
        ;;
    *)
        is "$kind: exit" "$status" 0
        lost=1
        ;;
    esac
    # The damaged record is the line that differs from the clean file's.
    for part in part-00000.csv part-00001.csv; do
        LC_ALL=C diff -a clean/$hour/$part lake/$hour/$part >differ
        [ $kind = bom ] && : >differ
        line=$(LC_ALL=C sed -n 's/^\([0-9]*\)c.*/\1/p' differ)
        rows clean.db $part | sed "${line:+$((line - 1))d}" >expected
        is "$kind: $part without the damaged record" "$(rows loans.db $part | cmp - expected 2>&1)" ""
        [ -z "$line" ] || LC_ALL=C sed -n "${line}p" lake/$hour/$part >bad
    done
    is "$kind: records lost" "$((800 - $(sql loans.db "SELECT count(*) FROM $table")))" $lost
    [ $lost = 0 ] && continue
    run rejects show
    is "$kind: it is kept as it is" "$(cmp "$work/out" bad 2>&1)" ""
done

# --- caps ------------------------------------------------------------------------------------------------------------
rm -rf lake loans.db
mkdir -p lake/$hour
good=$SOURCES/fixtures/csv/good/plain.csv
# long BYTES: a record whose age has that many digits
long() {
    printf '1,0,0.5,'
    head -c "$1" /dev/zero | tr '\0' 4
    echo ',0,0.31,5400,7,0,1,0,2'
}
{
    sed -n '1,2p' "$good"
    long 1100000
    sed -n '3p' "$good"
    # many fields of 1 MB: each is allowed, together they are not
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do
        head -c 1000000 /dev/zero | tr '\0' "x"
        printf ','
    done
    echo end
    head -c 5000 /dev/zero | tr '\0' ,
    echo
    sed -n '4p' "$good"
} >lake/$hour/huge.csv
cp "$good" lake/$hour/a.csv
run run --set policy.max_rejects=3
is "too long or too wide: rejects" "$status $(rejected loans.db huge.csv)" \
    "0 3::CSV_FIELD_TOO_LONG 5::CSV_RECORD_TOO_LONG 6::CSV_TOO_MANY_COLUMNS"
is "the records between are loaded" "$(rows loans.db huge.csv)" "$(rows loans.db a.csv)"
is "over the record cap 64 KiB are kept" \
    "$(sql loans.db "SELECT length(raw), length FROM sluice_reject WHERE error_name = 'CSV_RECORD_TOO_LONG'")" "65536|18000022"
run rejects replay --error CSV_RECORD_TOO_LONG
is "and replay refuses it" "$status $(grep -c 'error: REPLAY_REFUSED: ' "$work/err")" "3 1"
head -c 20000 /dev/zero | tr '\0' , >lake/$hour/huge.csv
rm loans.db
run run
is "too wide a header: an error" "$status $(grep -c "error: CSV_HEADER: $hour/huge.csv: line 1: " "$work/err")" "3 1"

# --- compressed ------------------------------------------------------------------------------------------------------
rm -f lake/$hour/huge.csv
echo 'no gzip' >lake/$hour/m_other.csv.gz
gzip -c "$good" | head -c 150 >lake/$hour/m_cut.csv.gz
{ gzip -c "$good" && echo tail; } >lake/$hour/m_tail.csv.gz
{ head -n 1 "$good" && head -c 80000000 /dev/zero | tr '\0' '\n'; } | gzip -c >lake/$hour/m_bomb.csv.gz
echo 'no zstd' >lake/$hour/m_other.csv.zst
: >lake/$hour/m_zero.csv.gz
gzip -c "$good" >lake/$hour/z.csv.gz
rm loans.db
run run
is "damaged compressed files: exit" "$status" 3
for file in cut.csv.gz tail.csv.gz other.csv.gz other.csv.zst zero.csv.gz; do
    is "$file: one error" "$(grep -Ec "error: (COMPRESSED|CSV_NO_HEADER): $hour/m_$file: " "$work/err")" 1
done
is "a bomb: one error" "$(grep -c "error: COMPRESSION_RATIO: $hour/m_bomb.csv.gz: " "$work/err")" 1
is "no other error" "$(grep -c error: "$work/err")" 6
is "only the good ones are loaded" "$(sql loans.db 'SELECT group_concat(DISTINCT object) FROM sluice_load')" "$hour/a.csv,$hour/z.csv.gz"
is "whole" "$(rows loans.db z.csv.gz)" "$(rows loans.db a.csv)"
rm -r "$work/damage"

finish
