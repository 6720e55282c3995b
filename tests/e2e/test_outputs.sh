#!/bin/sh
# What programs read: every command's JSON and CSV, logs as JSON, --summary, exit status inside and outside; under file names
# and values that are hard to quote, and when the run fails or is stopped.
set -u
. tests/e2e/lib.sh

hour=yyyy=2022/mm=06/dd=05/hh=12
lake "$work/p" --hours 3 --files 2 --rows 40 --bad ragged --bad nul --bad utf8
cd "$work/p" || exit 1
newline=$(printf 'new\nline.csv')
mv "lake/$hour/part-00000.csv" "lake/$hour/a \"quoted\", <b>&'"'$x`;é.csv'
cp "lake/$hour/part-00001.csv" "lake/$hour/$newline"
cp "lake/$hour/part-00001.csv" "lake/$hour/=1+1.csv"
printf '3,0,0.5,"a\tb\033[31m\\\342\200\256",0,0.3,1,1,1,1,1,1\n' >>"lake/$hour/=1+1.csv"
find lake -type f -exec touch -d 2022-06-06 {} +

# json FILE PATH
json() {
    sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$1') AS TEXT), '$2')" 2>&1
}

# valid NAME FILE: one JSON document, in UTF-8, with the keys that every document has
valid() {
    is "$1: JSON" "$(json "$2" '$.schema_version') $(json "$2" '$.run.pipeline') $(iconv -f utf-8 -t utf-8 "$2" >/dev/null 2>&1 && echo utf-8)" \
        "1 loan_applicants utf-8"
}

# has NAME PATH KEY...: the object at that path of the last stdout has these keys
has() {
    name=$1 path=$2
    shift 2
    sqlite3 -batch :memory: "SELECT key FROM json_each(CAST(readfile('$work/out') AS TEXT), '$path')" >keys 2>&1
    missing=
    for key in "$@"; do
        grep -qx "$key" keys || missing="$missing $key"
    done
    rm keys
    is "$name" "$missing" ""
}

# csv NAME: the last stdout is CSV: as many fields in every record as the first has
csv() {
    is "$1: CSV" "$(python3 -c 'import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline=""), strict=True))
print(len(rows) > 0, {len(row) for row in rows} == {len(rows[0])}, len(set(rows[0])) == len(rows[0]))' "$work/out" 2>&1)" "True True True"
}

object_keys='hour object status etag bytes rows_read rows_loaded rows_rejected row_hash load_method duration_ms error_name error'

# --- a run -----------------------------------------------------------------------------------------------------------
run run -o json --summary summary.json --set policy.max_rejects=10
is "run" $status 0
cp "$work/out" first.json
valid "run" first.json
valid "--summary" summary.json
is "both are the same" "$(cmp summary.json first.json 2>&1)" ""
has "run: the document" '$' schema_version run objects totals
has "run: who" '$.run' pipeline env run_id
# shellcheck disable=SC2086
has "run: an object" '$.objects[0]' $object_keys
has "run: totals" '$.totals' bytes rows_read rows_loaded rows_rejected row_hash duration_ms exit_status error_name error
is "the totals are the sum" "$(sqlite3 -batch :memory: "WITH d(j) AS (SELECT CAST(readfile('first.json') AS TEXT)),
    o AS (SELECT value AS v FROM d, json_each(j, '\$.objects'))
    SELECT sum(v ->> 'rows_read') = (SELECT j ->> '\$.totals.rows_read' FROM d),
        sum(v ->> 'rows_loaded') = (SELECT j ->> '\$.totals.rows_loaded' FROM d),
        sum(v ->> 'rows_rejected') = (SELECT j ->> '\$.totals.rows_rejected' FROM d),
        sum(v ->> 'bytes') = (SELECT j ->> '\$.totals.bytes' FROM d),
        sum(v ->> 'rows_read') = sum((v ->> 'rows_loaded') + (v ->> 'rows_rejected')), count(*) FROM o")" "1|1|1|1|1|8"
is "read = loaded + rejected, in the table too" "$(json first.json '$.totals.rows_loaded')" \
    "$(sql loans.db 'SELECT count(*) FROM loan_applicant_info')"
is "names are the files' names" "$(sqlite3 -batch :memory: "SELECT value ->> 'object' FROM json_each(CAST(readfile('first.json') AS TEXT), '\$.objects')" | sort)" \
    "$(cd lake && find . -type f | sed 's|^\./||' | sort)"
run_id=$(json first.json '$.run.run_id')
is "env is null" "$(json first.json '$.run.env')" ""
run run -o json -e local --set policy.max_rejects=10
is "an environment that is not there gives no document" "$status $(wc -c <"$work/out")" "2 0"
printf 'environments:\n  local: {policy: {max_rejects: 10}}\n' >env.yaml
sed '/^environments:/,$d' sluice.yaml | cat - env.yaml >with_env.yaml
run run -c with_env.yaml -e local -o json
is "env" "$status $(json "$work/out" '$.run.env')" "0 local"
SLUICE_ENV=local run run -c with_env.yaml -o json
is "env from SLUICE_ENV" "$status $(json "$work/out" '$.run.env')" "0 local"

# --- every command ---------------------------------------------------------------------------------------------------
for command in plan status history 'rejects ls' verify 'history --hour 2022-06-05T12' "history --run $run_id" \
    'rejects ls --hour 2022-06-05T12' validate 'validate --offline' setup run 'rejects replay'; do
    # shellcheck disable=SC2086
    run $command -o json
    valid "$command" "$work/out"
    # shellcheck disable=SC2086
    run $command -o csv
    csv "$command"
done
run ls -o json
is "ls: JSON" "$(json "$work/out" '$.schema_version') $(json "$work/out" '$.totals.objects')" "1 8"
run ls -o csv
csv "ls"
run history
is "text: a line an object, whatever its name" "$(grep -c 'hh=1' "$work/out") $(grep -c '^8 loads' "$work/out") $(wc -l <"$work/out")" "8 1 10"
run history --run "$run_id" -o json
is "history --run: that run's objects" "$(json "$work/out" '$.totals.loads') $(sqlite3 -batch :memory: "SELECT DISTINCT value ->> 'run_id' FROM json_each(CAST(readfile('$work/out') AS TEXT), '\$.objects')")" "8 $run_id"
# shellcheck disable=SC2086
has "history: an object" '$.objects[0]' run_id $object_keys
run history --run 20200101T000000Z-000000 -o json
is "a run that never was" "$status $(json "$work/out" '$.totals.loads')" "0 0"
run rejects ls -o json
has "rejects ls" '$.rejects[0]' id hour object line offset length column error_name error run_id
is "a value that would paint the terminal is shown tame" "$(tr -d '\n' <"$work/out" | grep -c "$(printf '\033')")" 0
run rejects ls
is "in text too" "$(tr -d '\n' <"$work/out" | grep -c "$(printf '\033')")" 0
run status -o json
has "status" '$.hours[0]' hour state late rejects held objects rows_loaded rows_rejected error
run verify -o json
has "verify" '$.objects[0]' hour object status source_rows ledger_rows target_rows source_hash ledger_hash target_hash
has "verify: totals" '$.totals' objects equal different not_loaded gone baseline meanwhile unknown_rows by_object source_rows scanned_rows
run verify --by hour -o json
has "verify by hour" '$.hours[0]' hour status objects source_rows ledger_rows target_rows source_rejected ledger_rejected source_hash ledger_hash target_hash note
run verify --by table -o json
has "verify of the table" '$.table[0]' hour status objects source_rows ledger_rows target_rows source_hash ledger_hash target_hash note

# --- late hours, the clock -------------------------------------------------------------------------------------------
run status --exit-code --now 2022-06-05T15:00:00Z
is "status --exit-code: all is well" $status 0
mkdir -p fresh && sed "s|file:lake|file:../lake|" sluice.yaml >fresh/sluice.yaml
run status -C fresh -o json --now 2022-06-05T12:20:00Z
is "status without a database" "$status $(ls fresh)" "0 sluice.yaml"

# --- failures --------------------------------------------------------------------------------------------------------
printf '1,0\n' >>"lake/$hour/part-00001.csv"
touch -d 2022-06-07 "lake/$hour/part-00001.csv"
run run -o json --summary failed.json --log-format json
is "a failed object: exit inside and outside" "$status $(json failed.json '$.totals.exit_status')" "3 3"
valid "a failed run" failed.json
is "its reason" "$(sqlite3 -batch :memory: "SELECT value ->> 'error_name' FROM json_each(CAST(readfile('failed.json') AS TEXT), '\$.objects') WHERE value ->> 'status' = 'failed'")" SOURCE_CHANGED
is "logs: a JSON object a line" "$(while IFS= read -r line; do
    printf '%s' "$line" >line.json
    json line.json '$.level'
done <"$work/err" | sort -u)" error
run status --exit-code -o csv
is "status --exit-code: an hour failed" "$status" 1
csv "with its table"
run verify -o json
is "verify finds it" "$status $(json "$work/out" '$.totals.different') $(json "$work/out" '$.failure.error_name')" "3 1 VERIFY_DIFFERENT"
valid "verify that differs" "$work/out"
run run -o json --set source.url=file:nolake --summary none.json
is "a mistake gives no document" "$status $(wc -c <"$work/out") $(ls none.json 2>/dev/null)" "2 0 "

# A broken stdout does not cost the summary.
"$SLUICE" status --summary status.json >/dev/full 2>"$work/err"
is "stdout is full: exit and lines" "$? $(grep -c 'error: DISK_FULL: stdout' "$work/err")" "1 1"
valid "but the summary is whole" status.json
"$SLUICE" history -o json --summary history.json >/dev/full 2>"$work/err"
is "stdout is full in the middle: exit and lines" "$? $(grep -c 'error: DISK_FULL: ' "$work/err")" "1 1"
valid "and the summary is whole" history.json

# A run that is stopped still ends its documents.
"$GEN_FIXTURE" --out lake --from 2022-06-06T00 --files 6 --rows 30000 >/dev/null
env --default-signal=INT "$SLUICE" run -v -o json --summary stopped.json --hour 2022-06-06T00 >stopped.out 2>log </dev/null &
pid=$!
for _ in $(seq 3000); do
    grep -q 'open .*hh=00/part-00003' log && break
    sleep 0.01
done
kill -INT $pid
wait $pid
is "stopped: exit" $? 130
valid "stopped: stdout" stopped.out
is "stopped: why" "$(json stopped.out '$.failure.error_name') $(cmp stopped.out stopped.json 2>&1)" "CANCELLED "
is "stopped: what is said to be loaded is" "$(json stopped.out '$.totals.rows_loaded')" \
    "$(sql loans.db "SELECT coalesce(sum(rows_loaded), 0) FROM sluice_load WHERE hour = '2022-06-06T00'")"

finish
