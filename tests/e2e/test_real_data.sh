#!/bin/sh
# A public sample of real loan applicants, laid out in hours and loaded by the documented pipeline in its default
# environment. What must be in the table is worked out by another program: sqlite3's own .import of the same file, as text.
set -u
. tests/e2e/lib.sh

sample=${SLUICE_SHARED_DATA:-../shared/data}/loan_applicants_sample.csv
if [ ! -r "$sample" ]; then
    echo "ok 1 - real data # skip $sample is not there; lay it there, or set SLUICE_SHARED_DATA to its folder"
    echo "1..1"
    exit 0
fi
case $sample in
/*) ;;
*) sample=$PWD/$sample ;;
esac

# --- 6 hours of 2 files ----------------------------------------------------------------------------------------------
cp docs/pipeline.example.yaml "$work/sluice.yaml"
for hour in 00 01 02 03 04 05; do
    mkdir -p "$work/lake/yyyy=2022/mm=06/dd=05/hh=$hour"
done
cd "$work" || exit 1
awk -v rows="$(($(wc -l <"$sample") - 1))" '
    NR == 1 { header = $0; next }
    {
        part = int((NR - 2) * 12 / rows)
        file = sprintf("lake/yyyy=2022/mm=06/dd=05/hh=%02d/part-%d.csv", part / 2, part % 2)
        if (!(file in seen)) { print header >file; seen[file] = 1 }
        print >file
    }' "$sample"
find lake -type f -exec touch -d '2022-06-06' {} +
is "12 files" "$(find lake -type f | wc -l)" 12

# --- load ------------------------------------------------------------------------------------------------------------
succeeds "run" run
like "closes with all rows" "$out" '^read 9,999 = loaded 9,999 \+ rejected 0; '
like "and all files" "$out" '^12 new, .* 0 failed, .* hours: 6; '
db=loans.db
table=loan_applicant_info
is "9,999 rows" "$(sql $db "SELECT count(*) FROM $table")" 9999
is "1,974 without MonthlyIncome" "$(sql $db "SELECT count(*) FROM $table WHERE MonthlyIncome IS NULL")" 1974
is "284 without NumberOfDependents" "$(sql $db "SELECT count(*) FROM $table WHERE NumberOfDependents IS NULL")" 284

# --- against the other program ---------------------------------------------------------------------------------------
# A number as sqlite3 reads the text of it; in sums as a count of 1e-9, the smallest digit of the sample, so that they are
# exact and in no order. 9 * 10^18 is the largest sum that fits; the columns stay under 10^16.
columns='SeriousDlqin2yrs RevolvingUtilizationOfUnsecuredLines age NumberOfTime30-59DaysPastDueNotWorse DebtRatio
MonthlyIncome NumberOfOpenCreditLinesAndLoans NumberOfTimes90DaysLate NumberRealEstateLoansOrLines
NumberOfTime60-89DaysPastDueNotWorse NumberOfDependents'
sqlite3 other.db '.mode csv' ".import '$sample' sample" 2>import.log
is "the other program reads as many" "$(sql other.db 'SELECT count(*) FROM sample')" 9999
for column in $columns; do
    name=$(echo "$column" | tr - _)
    value="CAST(nullif(\"$column\", 'NA') AS NUMERIC)"
    is "sum of $name" "$(sql $db "SELECT count($name), sum(CAST(round($name * 1e9) AS INTEGER)) FROM $table")" \
        "$(sql other.db "SELECT count($value), sum(CAST(round($value * 1e9) AS INTEGER)) FROM sample")"
done

# --- a question to the files ------------------------------------------------------------------------------------------
is "counts and sums over the files" \
    "$("$SLUICE" query -o csv "SELECT count(*), count(MonthlyIncome), sum(MonthlyIncome), sum(age), max(DebtRatio) FROM source" | tail -1)" \
    "$(sql other.db "SELECT count(*), count(nullif(MonthlyIncome, 'NA')), sum(CAST(nullif(MonthlyIncome, 'NA') AS INTEGER)),
        sum(CAST(age AS INTEGER)), max(CAST(DebtRatio AS REAL)) FROM sample" | tr '|' ,)"
like "one hour of them" "$("$SLUICE" query -o json "SELECT count(*) > 1600 AS n, avg(SeriousDlqin2yrs) > 0 AS m FROM source WHERE hh = 3" | tr -d '\n')" \
    '\{"n":1,"m":1\}.*"objects":2,'
like "the sums are of something" "$(sql $db "SELECT sum(age) > 0, sum(DebtRatio) > 0 FROM $table")" '^1\|1$'

# Every row, to the last bit: sqlite3 reads some decimals one bit off, so here a third program is asked.
cat >rows.py <<'END'
import collections, csv, sqlite3, sys
columns = [name.replace("-", "_") for name in sys.argv[3:]]
with open(sys.argv[1], newline="") as file:
    there = [tuple(None if row[c] == "NA" else float(row[c]) for c in sys.argv[3:]) for row in csv.DictReader(file)]
query = "SELECT %s FROM loan_applicant_info" % ", ".join(columns)
loaded = [tuple(row) for row in sqlite3.connect(sys.argv[2]).execute(query)]
different = collections.Counter(there)
different.subtract(collections.Counter(loaded))
print(len(there), *[(n, row) for row, n in different.items() if n][:5])
END
# shellcheck disable=SC2086
is "every row is equal" "$(python3 rows.py "$sample" $db $columns 2>&1)" 9999
is "an hour has its rows" "$(sql $db "SELECT count(*) FROM ${table}_lineage WHERE _hour LIKE '%T03'")" \
    "$(cat lake/yyyy=2022/mm=06/dd=05/hh=03/*.csv | grep -vc SeriousDlqin2yrs)"

# --- and again -------------------------------------------------------------------------------------------------------
succeeds "verify" verify
like "equal" "$out" '^verify: equal \(12 objects\)$'
succeeds "run again" run
like "0 new" "$out" '^0 new, .*12 loaded before, 0 failed'
is "no row twice" "$(sql $db "SELECT count(*) FROM $table")" 9999

finish
