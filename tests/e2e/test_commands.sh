#!/bin/sh
# What the commands do, as a user runs them: folder of CSV -> SQLite.
set -u
. tests/e2e/lib.sh

lake "$work/p" --hours 3 --files 2 --rows 100 --bad ragged:2 --bad type
cd "$work/p" || exit 1
db=loans.db
first=lake/yyyy=2022/mm=06/dd=05/hh=12/part-00000.csv

# json EXPRESSION: of the document d on the last stdout
json() {
    python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/out" "$1" 2>&1
}

# --- setup and validate ----------------------------------------------------------------------------------------------
succeeds "validate" validate
like "says that a run will make the tables" "$out" 'target tables +ok .*will make'
succeeds "setup --print" setup --print
like "prints the statements" "$out" 'CREATE TABLE'
succeeds "setup" setup
is "makes the tables" "$(sql $db "SELECT count(*) FROM sqlite_master WHERE name IN ('loan_applicant_info','sluice_load','sluice_claim','sluice_reject','sluice_attempt')")" 5
succeeds "setup again" setup -o json
is "made nothing" "$(json 'd["tables"][0]["made"]')" False
run validate --set source.layout='x/%Y/%m/%d/%H/*.csv'
like "validate warns of a layout that matches nothing" "$out" 'source listing +warning +no object'
is "as a warning" $status 0
run validate --set source.url=file:nolake --set target.url=sqlite:nodir/x.db
is "validate fails" $status 2
is "one error line" "$(grep -c error: "$work/err")" 1
like "that counts" "$err" 'error: NOT_FOUND: 2 of [0-9]+ checks failed, first: source$'
like "the list has the reason" "$out" '^target +failed +NOT_FOUND: .*nodir'
mkdir "$work/nothing"
run validate --set source.url="file:$work/nothing"
like "validate says that nothing is there" "$out" 'source listing +warning +no object is there yet'
run validate --set queue.url=file:sluice.yaml
is "a queue that is a file fails" $status 2
like "the list has that too" "$out" '^queue +failed +CONFIG: queue.url: .*sluice.yaml is no folder'
like "a queue that is not there is fine" "$("$SLUICE" validate)" '^queue +ok +the folder is not there yet'

# --- plan and run ----------------------------------------------------------------------------------------------------
succeeds "plan" plan -o json
is "plan counts" "$(json '[(h["hour"], h["objects"]) for h in d["hours"]], d["totals"]["objects"], d["run"]["commit_unit"]')" \
    "([('2022-06-05T12', 2), ('2022-06-05T13', 2), ('2022-06-05T14', 2)], 6, 'file')"
touch lake/yyyy=2022/note.txt
succeeds "plan with a stray file" plan
like "names what is ignored" "$out" 'ignored.*: yyyy=2022/note.txt'
rm lake/yyyy=2022/note.txt
succeeds "run one hour" run --hour 2022-06-05T12
like "the table's title" "$out" '^object +status +read +loaded +rejected +bytes +time$'
like "counts with zeros" "$out" '^2 new, 0 replaced, 0 loaded before, 0 failed, 0 ignored; hours: 1; run '
succeeds "run the rest" run -o json --summary s.json
is "the keys of an object" "$(json '",".join(d["objects"][0])')" \
    "hour,object,status,etag,bytes,rows_read,rows_loaded,rows_rejected,row_hash,load_method,duration_ms,error_name,error"
is "the document" "$(json '",".join(d)')" "schema_version,run,objects,checks,totals"
is "read = loaded + rejected" "$(json 'd["totals"]["rows_read"], d["totals"]["rows_loaded"] + d["totals"]["rows_rejected"], len(d["objects"])')" "(400, 400, 4)"
is "the summary is the same document" "$(cmp s.json "$work/out" 2>&1)" ""
run_id=$(json 'd["run"]["run_id"]')
is "all rows are there" "$(sql $db 'SELECT count(*) FROM loan_applicant_info')" 597
succeeds "run again" run
like "0 new" "$out" '^0 new, 0 replaced, 6 loaded before'
like "the table stands also then" "$out" '^object +status +read'
is "no row twice" "$(sql $db 'SELECT count(*) FROM loan_applicant_info')" 597
succeeds "run -o csv" run -o csv
is "is the header alone" "$out" "pipeline,env,run_id,hour,object,status,etag,bytes,rows_read,rows_loaded,rows_rejected,row_hash,load_method,duration_ms,error_name,error"

# --- status, history, rejects, verify --------------------------------------------------------------------------------
succeeds "status" status -o json --exit-code
is "status counts" "$(json 'd["totals"]["loaded"], d["totals"]["rejects"], [h["rows_loaded"] for h in d["hours"]]')" "(3, 3, [199, 199, 199])"
succeeds "history" history
like "history ends with its counts" "$out" '^6 loads, 0 failed attempts$'
succeeds "history of a run" history --run "$run_id" -o json
is "is that run's" "$(json 'len(d["objects"]), {o["run_id"] for o in d["objects"]}')" "(4, {'$run_id'})"
succeeds "history of an hour" history --hour 2022-06-05T12 -o csv
is "is that hour's" "$(grep -c 'hh=12' "$work/out")" 2
succeeds "rejects ls" rejects ls -o json
is "rejects" "$(json '[(r["id"], r["error_name"], r["column"]) for r in d["rejects"]]')" \
    "[(1, 'CSV_RAGGED', None), (2, 'CSV_RAGGED', None), (3, 'CAST_INT', 'age')]"
succeeds "rejects ls --error" rejects ls --error cast_int
like "only those" "$out" '^1 reject$'
object=$(sql $db 'SELECT object FROM sluice_reject WHERE id = 3')
line=$(sql $db 'SELECT line FROM sluice_reject WHERE id = 3')
succeeds "rejects show" rejects show 3
is "is the record, byte for byte" "$out" "$(sed -n "${line}p" "lake/$object")"
succeeds "rejects show of an object" rejects show --object "$object"
is "is the same" "$out" "$(sed -n "${line}p" "lake/$object")"
refuses "an id that is not there" 2 NOT_FOUND '99' rejects show 99
refuses "an id that is none" 2 USAGE 'x' rejects show x
succeeds "verify" verify
like "equal" "$out" '^verify: equal \(6 objects\)$'
succeeds "replay without a fix" rejects replay
like "loads nothing" "$out" '^tried 3 = loaded 0 \+ still rejected 3;'
sed -i 's/{name: age, type: int/{name: age, type: text/; s/, checks: {min: 0, max: 120}//' sluice.yaml
run rejects replay
is "a schema that does not fit the table is refused" $status 2
like "naming the column" "$err" 'error: TABLE_MISMATCH: .*age'
sed 's/"NA", ""/"NA", "", "forty"/' "$SOURCES/docs/pipeline.example.yaml" >sluice.yaml
succeeds "replay with a fix" rejects replay -o json
is "loads what passes" "$(json 'd["replay"]')" "[{'objects': 3, 'tried': 3, 'loaded': 1, 'still_rejected': 2, 'refused': 0}]"
succeeds "replay again" rejects replay
like "not twice" "$out" 'loaded 0 '
is "the row is there once" "$(sql $db 'SELECT count(*) FROM loan_applicant_info')" 598

# --- differences, changes, reload ------------------------------------------------------------------------------------
sql $db 'DELETE FROM loan_applicant_info WHERE rowid = (SELECT min(rowid) FROM loan_applicant_info)'
run verify --show 5
is "verify finds a row that is gone" $status 3
like "and says so once" "$err" '^sluice: error: VERIFY_DIFFERENT: 1 object differs, 0 are not loaded, 0 rows of the target are of no load$'
like "names the object" "$out" "hh=12/part-00000.csv +target differs"
like "and the row" "$out" 'only in'
run verify -o json
is "in JSON too" "$(json 'd["totals"]["different"], d["failure"]["error_name"]')" "(1, 'VERIFY_DIFFERENT')"
succeeds "reload heals it" run --reload --hour 2022-06-05T12 -y
like "as replaced" "$out" '0 new, 2 replaced'
succeeds "verify is equal again" verify
printf '9,0,0.1,30,0,0.1,1,1,0,0,0,0\n' >>"$first"
run run
is "a changed object" $status 3
like "is one error" "$err" '^sluice: error: SOURCE_CHANGED: .*part-00000.csv'
like "and a row of the table" "$out" 'part-00000.csv +failed'
run status --exit-code
is "status --exit-code" $status 1
run status
is "status without it" $status 0
succeeds "history has the attempt" history -o json
is "with its reason" "$(json '[o["error_name"] for o in d["objects"] if o["status"] == "failed"][0]')" SOURCE_CHANGED
succeeds "reload the changed one" run --reload -y --hour 2022-06-05T12
succeeds "status is well again" status --exit-code

# --- limits, many objects, foreign rows ------------------------------------------------------------------------------
lake "$work/q" --hours 1 --files 30 --rows 10 --bad ragged:25
cd "$work/q" || exit 1
run run --set policy.max_rejects=0
is "over the limit of rejects" $status 3
is "each object's error once, at most 20 of them" "$(grep -c 'error: REJECT_LIMIT' "$work/err")" 20
like "the others are counted" "$err" 'more objects failed: sluice history --run'
is "the table has 20" "$(grep -c '^yyyy' "$work/out")" 20
like "and names the rest" "$out" '^\.\.\. [0-9]+ more: sluice history --run [0-9TZa-f-]+$'
sql $db 'DELETE FROM sluice_load; DELETE FROM sluice_attempt;'
refuses_table() {
    run run
    is "a table with rows of others" $status 2
    like "is refused, with two ways out" "$err" 'error: TABLE_NOT_EMPTY: .*baseline.*--allow-nonempty'
}
[ "$(sql $db 'SELECT count(*) FROM loan_applicant_info')" -gt 0 ] || sql $db 'INSERT INTO loan_applicant_info (SeriousDlqin2yrs) VALUES (0)'
refuses_table
succeeds "baseline" baseline --to 2022-06-05T13
like "notes the objects" "$out" '^30 objects .* noted as loaded'
succeeds "after which nothing is new" run
like "0 new" "$out" '^0 new, 0 replaced, 30 loaded before'

# --- objects ---------------------------------------------------------------------------------------------------------
cd "$work/p" || exit 1
succeeds "ls of the source" ls -o csv
is "has every object" "$(grep -c 'yyyy=2022' "$work/out")" 6
succeeds "ls of a folder" ls lake/yyyy=2022 -o json
is "keys are relative to it" "$(json 'd["objects"][0]["key"], d["totals"]["objects"]')" "('mm=06/dd=05/hh=12/part-00000.csv', 6)"
succeeds "ls of an object" ls "file:$first"
like "is one" "$out" '^1 object,'
refuses "ls of nothing" 2 NOT_FOUND 'nothing' ls nothing
refuses "cat of nothing" 2 NOT_FOUND 'nothing' cat lake/nothing
succeeds "cp to a file" cp "$first" copy.csv
is "is a copy" "$(cmp "$first" copy.csv 2>&1)" ""
mkdir into
succeeds "cp into a folder" cp "$first" into
is "keeps the name" "$(cmp "$first" into/part-00000.csv 2>&1)" ""
succeeds "cp makes folders" cp "$first" file:new/deep/x.csv
is "and the object" "$(cmp "$first" new/deep/x.csv 2>&1)" ""
refuses "cp of a folder" 2 USAGE '-r' cp lake elsewhere
succeeds "cp -r" cp -r lake elsewhere -o json
is "copies all" "$(json 'd["copied"][0]["objects"]') $(diff -r lake elsewhere && echo same)" "6 same"
refuses "cp of nothing" 2 NOT_FOUND 'nothing' cp nothing elsewhere/nothing

finish
