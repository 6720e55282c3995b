#!/bin/sh
# What is true after every step, as an operator sees it: changed, late and gone files, reload, rejects and their replay,
# baseline, commit units, compressed files, lineage, limits of rejects, empty hours, two pipelines in one table.
set -u
. tests/e2e/lib.sh

table=loan_applicant_info
db=loans.db
hour=yyyy=2022/mm=06/dd=05/hh=12
next=yyyy=2022/mm=06/dd=05/hh=13

# fresh NAME ARGUMENT...: a new folder with a lake, and goes there
fresh() {
    dir=$work/$1
    shift
    lake "$dir" "$@"
    cd "$dir" || exit 1
}

# old FILE...: their etags may be trusted; another time each call, as a writer would leave
stamp=0
old() {
    stamp=$((stamp + 1))
    touch -d "2022-06-06 00:00:$stamp" "$@"
}

count() {
    sql $db "SELECT count(*) FROM $table"
}

# content: all rows without lineage, in an order of their own
content() {
    sql "${1:-$db}" "SELECT SeriousDlqin2yrs, RevolvingUtilizationOfUnsecuredLines, age, DebtRatio, MonthlyIncome FROM $table ORDER BY 1, 2, 3, 4, 5" | cksum
}

# json PATH: of the document on the last stdout
json() {
    sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$work/out') AS TEXT), '$1')"
}

# --- changed files ---------------------------------------------------------------------------------------------------
fresh changed --files 3 --rows 20
succeeds "load" run
before=$(content)
old lake/$hour/part-00001.csv
succeeds "a touched file: plan" plan -o json
is "has to be looked at" "$(json '$.totals.check') $(json '$.totals.objects')" "1 0"
succeeds "run" run
like "it is not new" "$out" '^0 new, 0 replaced, 3 loaded before, 0 failed'
succeeds "afterwards" plan -o json
is "it is known" "$(json '$.totals.check') $(json '$.totals.unchanged')" "0 3"

sed -i '$d' lake/$hour/part-00001.csv
old lake/$hour/part-00001.csv
cp lake/$hour/part-00000.csv lake/$hour/part-00003.csv
run run
is "on_changed: fail: exit" "$status $(grep -c error: "$work/err")" "3 1"
like "it names the object and both ways out" "$err" "error: SOURCE_CHANGED: $hour/part-00001.csv: .*--reload.*on_changed"
is "the others load" "$(count)" 80
run run --set policy.on_changed=ignore
is "on_changed: ignore: exit" "$status $(count)" "0 80"
like "it says what it did" "$out" 'part-00001.csv +ignored'
succeeds "on_changed: replace" run --set policy.on_changed=replace
like "it says so" "$out" 'part-00001.csv +replaced +19 +19 +0'
is "its rows are exchanged" "$(count)" 79
succeeds "verify agrees" verify
succeeds "again" run
like "nothing to do" "$out" '^0 new, 0 replaced, 4 loaded before, 0 failed'
refuses "replace without lineage" 2 '(CONFIG|NEEDS_LINEAGE)' 'lineage' run --set policy.on_changed=replace --set target.lineage=false

sed -i '2s/,.*/,broken/' lake/$hour/part-00001.csv
old lake/$hour/part-00001.csv
run run --set policy.on_changed=replace --set policy.max_rejects=0
is "a replacement that fails" "$status $(count)" "3 79"
like "fails for what is wrong with it" "$err" 'error: REJECT_LIMIT: .*part-00001.csv'
succeeds "history has it" history -o json
is "with its reason" "$(json '$.objects[#-1].error_name')" REJECT_LIMIT

# --- gone and late ---------------------------------------------------------------------------------------------------
fresh gone --files 2 --hours 2 --rows 20
succeeds "load" run
"$GEN_FIXTURE" --out lake --files 1 --rows 30 --layout 'yyyy=%Y/mm=%m/dd=%d/hh=%H/a-late.csv' --seed 3 >/dev/null
old lake/$hour/a-late.csv
succeeds "a late file of a finished hour, first by its name" run
like "is loaded, and it alone" "$out" '^1 new, 0 replaced, 4 loaded before, 0 failed'
is "with its rows" "$(count)" 110
succeeds "status counts it" status -o json
is "in its hour" "$(json '$.hours[0].objects') $(json '$.hours[0].rows_loaded')" "3 70"
mv lake/$hour/part-00000.csv kept.csv
succeeds "a loaded file that is gone: plan" plan
like "counts it" "$out" ' 1 gone, '
succeeds "for programs too" plan -o json
is "by hour and in all" "$(json '$.hours[0].gone') $(json '$.hours[1].gone') $(json '$.totals.gone')" "1 0 1"
succeeds "a loaded file that is gone" run
is "its rows stay" "$(count)" 110
succeeds "verify holds the table against the ledger" verify
like "and says that it is gone" "$out" 'part-00000.csv +gone'
run run --reload -y --hour 2022-06-05T12
is "it cannot be reloaded" "$status $(count)" "3 110"
like "which is said" "$err" 'error: SOURCE_GONE: .*part-00000.csv'
mv kept.csv lake/$hour/part-00000.csv
succeeds "it is back" verify

# --- tampered --------------------------------------------------------------------------------------------------------
before=$(content)
sql $db "UPDATE $table SET age = age + 1 WHERE rowid = (SELECT min(rowid) FROM $table WHERE age > 0)"
run verify --show 5
is "a cell changed in the table: exit" "$status" 3
like "the object" "$out" '(part|late)-?[0-9]*.csv +target differs'
is "the row, as it should be and as it is" "$(grep -Ec ' (source|target) +[01],' "$work/out")" 2
succeeds "reload of the hour" run --reload -y --hour 2022-06-05T12
is "heals it" "$(content)" "$before"
succeeds "verify agrees" verify
sql $db "INSERT INTO $table (SeriousDlqin2yrs) VALUES (1)"
run verify
is "a row of nobody's: exit" "$status" 3
like "is said" "$out$err" '1 row of the target is of no load'
sql $db "DELETE FROM $table WHERE _load IS NULL"
sql $db "UPDATE sluice_load SET rows_loaded = rows_loaded + 1 WHERE id = 2"
run verify
is "a ledger that is wrong: exit" "$status" 3
sql $db "UPDATE sluice_load SET rows_loaded = rows_loaded - 1 WHERE id = 2"
succeeds "and right again" verify

# --- rejects and replay ----------------------------------------------------------------------------------------------
fresh rejects --files 2 --hours 2 --rows 100
{
    head -n 40 lake/$hour/part-00000.csv
    printf '1,0,0.5,none,0,0.3,1,1,1,1,1,1\r\n'
    printf '2,0,0.5,40,"0\nstill, one record\n",0.3,1,1,1,1,1,1\n'
    printf '3,0,0.5,\377\376\001,0,0.3,1,1,1,1,1,1\n'
    tail -n 60 lake/$hour/part-00000.csv
    printf '4,0,0.5,none,0,0.3,1,1,1,1,1,1'
} >bad.csv
mv bad.csv lake/$hour/part-00000.csv
old lake/$hour/part-00000.csv
succeeds "load" run --set policy.max_rejects=4
for id in 1 2 3 4; do
    offset=$(sql $db "SELECT \"offset\" FROM sluice_reject WHERE id = $id")
    length=$(sql $db "SELECT length FROM sluice_reject WHERE id = $id")
    tail -c "+$((offset + 1))" lake/$hour/part-00000.csv | head -c "$length" >expected
    run rejects show $id
    head -c "$length" "$work/out" >shown
    is "reject $id is kept byte for byte" "$length $(cmp shown expected 2>&1)" "$(wc -c <"$work/out" | awk -v l="$length" '{ print ($1 <= l + 1 ? l : $1) }') "
done
is "lines and columns" "$(sql $db "SELECT group_concat(line || ' ' || error_name || ' ' || column_name, '; ') FROM sluice_reject")" \
    "41 CAST_INT age; 42 CAST_INT NumberOfTime30_59DaysPastDueNotWorse; 45 CAST_INT age; 106 CAST_INT age"
is "the rest is loaded" "$(count)" 399
succeeds "a fix of the pipeline, and replay" rejects replay --set 'source.csv.nulls=["NA", "", none]'
like "loads what it heals" "$out" '^tried 4 = loaded 2 \+ still rejected 2;'
succeeds "replay again" rejects replay --set 'source.csv.nulls=["NA", "", none]'
like "loads nothing" "$out" '^tried 2 = loaded 0 \+ still rejected 2;'
is "they are there once" "$(count) $(sql $db "SELECT count(*) FROM $table WHERE age IS NULL")" "401 2"
succeeds "verify under the fixed pipeline" verify --set 'source.csv.nulls=["NA", "", none]'
succeeds "status still counts rejects" status -o json
is "those that are left" "$(json '$.hours[0].rows_rejected')" 2
succeeds "reload takes replayed rows too" run --reload -y --hour 2022-06-05T12 --set 'source.csv.nulls=["NA", "", none]' --set policy.max_rejects=4
is "they are not there twice" "$(count) $(sql $db 'SELECT count(*) FROM sluice_reject')" "401 2"
succeeds "verify agrees" verify --set 'source.csv.nulls=["NA", "", none]'

# --- limits of rejects -----------------------------------------------------------------------------------------------
fresh limits --rows 101 --bad type:2
succeeds "1% of 101 is rounded up to 2" run --set policy.max_rejects=1%
rm $db
fresh limits2 --rows 100 --bad type:2
run run --set policy.max_rejects=1%
is "2 of 100 are over 1%" "$status $(count)" "3 0"
like "it counts" "$err" '2 of 100 records were refused \(first: line [0-9]+ column age: CAST_INT\); max_rejects allows 1% \(1 of 100\)'
succeeds "samples are kept" rejects ls -o json
is "with their place" "$(json '$.rejects[0].line') $(json '$.rejects[0].column') $(json '$.rejects[0].load_id')" "27 age "
succeeds "a person sees what they are of" rejects ls
is "an attempt" "$(grep -Ec '^ *[0-9]+ +attempt ' "$work/out") $(grep -Ec '^ *[0-9]+ +load ' "$work/out")" "2 0"
succeeds "but they are not replayed" rejects replay
like "and it says so" "$out" '^2 samples of failed attempts left out: raise policy.max_rejects and run'
is "which would load rows of a file that is not there" "$(count)" 0
run run --set policy.max_rejects=1
is "a number counts too" "$status" 3
succeeds "2" run --set policy.max_rejects=2
is "98 rows" "$(count)" 98
succeeds "rejects of a load are what there is to replay" rejects replay
unlike "nothing is said of samples" "$out" 'samples'

# --- baseline, rows of others ----------------------------------------------------------------------------------------
fresh baseline --files 2 --hours 3 --rows 20
succeeds "setup" setup
sql $db "INSERT INTO $table (SeriousDlqin2yrs, age) VALUES (1, 50)"
run run
is "rows of others: refused" "$status $(count)" "2 1"
like "with both ways out" "$err" 'error: TABLE_NOT_EMPTY: .*baseline --to.*--allow-nonempty'
succeeds "baseline" baseline --to 2022-06-05T13
succeeds "then run" run
like "loads what comes after" "$out" '^4 new, 0 replaced, 2 loaded before, 0 failed'
is "beside what was there" "$(count)" 81
run verify
like "verify leaves baseline out and says so" "$out" 'baseline'
old lake/$hour/part-00000.csv
run run --set policy.on_changed=replace
is "a changed file of the baseline" "$status $(count)" "2 81"
like "its rows are not known" "$err" 'error: BASELINE_ROW: .*part-00000.csv'
run run --reload -y --hour 2022-06-05T12
is "nor can it be reloaded" "$status $(count)" "2 81"
fresh nonempty --rows 20
succeeds "setup" setup
sql $db "INSERT INTO $table (SeriousDlqin2yrs, age) VALUES (1, 50)"
succeeds "--allow-nonempty" run --allow-nonempty
is "adds" "$(count)" 21
succeeds "once it has loaded it does not ask again" run

# --- commit units, compressed files, connections ---------------------------------------------------------------------
fresh units --files 3 --hours 2 --rows 500 --bad type:3
succeeds "by file" run
whole=$(content)
for args in target.commit_unit=hour target.commit_unit=chunk target.connections=1 target.lineage=false target.lineage=indexed; do
    rm -f $db
    succeeds "$args" run --set $args --set target.chunk_rows=100 -o json
    is "$args: the same rows" "$(content)" "$whole"
    is "$args: the counts" "$(json '$.totals.rows_read') $(json '$.totals.rows_loaded') $(json '$.totals.rows_rejected')" "3000 2997 3"
    succeeds "$args: verify" verify --set $args
    succeeds "$args: again" run --set $args --set target.chunk_rows=70
    like "$args: nothing to do" "$out" '^0 new, 0 replaced, 6 loaded before, 0 failed'
    [ $args = target.commit_unit=chunk ] && is "chunks of 100" "$(sql $db 'SELECT count(*) FROM sluice_load')" 30
done
rm -f $db
gzip lake/$hour/part-00000.csv
if command -v zstd >/dev/null; then
    zstd -q --rm lake/$next/part-00001.csv
else
    echo "# no zstd: its files are tested in the unit tests alone"
fi
# Two members in one gzip file are one object.
{
    head -n 200 lake/$hour/part-00001.csv | gzip
    tail -n +201 lake/$hour/part-00001.csv | gzip
} >lake/$hour/part-00001.csv.gz
rm lake/$hour/part-00001.csv
for unit in file hour chunk; do
    rm -f $db
    succeeds "compressed, by $unit" run --set target.commit_unit=$unit --set target.chunk_rows=100
    is "the same rows, by $unit" "$(content)" "$whole"
    succeeds "verify, by $unit" verify --set target.commit_unit=$unit
done

# --- without lineage -------------------------------------------------------------------------------------------------
fresh plain --files 2 --rows 50
echo 'name: plain' >plain.yaml
sed '1,/^name:/d' sluice.yaml | sed 's/lineage: true/lineage: false/' >>plain.yaml
succeeds "lineage: false" run -c plain.yaml
is "no column, no view" "$(sql $db "SELECT count(*) FROM pragma_table_info('$table') WHERE name = '_load'; SELECT count(*) FROM sqlite_master WHERE type = 'view'")" "0
0"
succeeds "verify" verify -c plain.yaml
like "says that it compares the whole" "$out" 'the whole table. +equal .* target.lineage is false'
succeeds "verify of an hour" verify -c plain.yaml --hour 2022-06-05T12
like "holds the whole table against the whole ledger, and says so" "$out" 'the whole table. +equal +100 +100 .*the whole ledger: target.lineage is false'
sql $db "UPDATE $table SET age = 1 WHERE rowid = 7"
run verify -c plain.yaml
is "finds a changed cell" "$status" 3
run run -c plain.yaml --reload -y
is "reload is refused" "$status $(grep -c 'error: NEEDS_LINEAGE: .*target.lineage' "$work/err")" "2 1"

# --- empty hours, the clock ------------------------------------------------------------------------------------------
fresh empty --hours 2 --rows 20
succeeds "on_empty: ok" run --from 2022-06-05T10 --to 2022-06-05T14 --set policy.on_empty=ok
is "says nothing" "$(grep -c 'no object' "$work/err")" 0
succeeds "on_empty: warn" run --from 2022-06-05T10 --to 2022-06-05T14
is "warns of each hour" "$(grep -c 'warning: hour 2022-06-05T1[01] has no object' "$work/err")" 2
run run --from 2022-06-05T10 --to 2022-06-05T14 --set policy.on_empty=fail
is "on_empty: fail: exit" "$status $(grep -c 'error: HOUR_EMPTY: ' "$work/err")" "3 2"
head -n 1 lake/$hour/part-00000.csv >lake/$hour/header.csv
old lake/$hour/header.csv
succeeds "a header and no record" run --set policy.on_empty=fail --hour 2022-06-05T12
like "is a loaded file" "$out" 'header.csv +loaded +0 +0 +0'
succeeds "once" run
rm $db
succeeds "--from up to now" run --from 2022-06-05T12 --now 2022-06-05T13:10:00Z
is "is the hours before now's" "$(count)" 20
succeeds "the ledger's time is the real one" history -o json
unlike "not that of --now" "$(json '$.objects[0].time')" '^2022-'
sql $db "UPDATE sluice_claim SET owner = 'elsewhere/boot/1/1/1/1', state = 'running',
    lease_until_us = (strftime('%s', 'now') + 3600) * 1000000; DELETE FROM sluice_load; DELETE FROM loan_applicant_info"
run run --now 2032-01-01T00:00:00Z --hour 2022-06-05T12
is "--now takes no lease from its holder" "$status $(count)" "4 0"
sql $db "UPDATE sluice_claim SET lease_until_us = (strftime('%s', 'now') - 60) * 1000000"
succeeds "nor does it give a dead one more time" run --now 2012-01-01T00:00:00Z --all
touch -d '+1 hour' lake/$hour/part-00000.csv
etags() { sql $db 'SELECT group_concat(etag) FROM (SELECT etag FROM sluice_load ORDER BY object)'; }
before=$(etags)
succeeds "an object that may still be written to" run --now 2032-01-01T00:00:00Z
is "has no etag to trust, whatever --now says" "$(etags)" "$before"

# --- constraints -----------------------------------------------------------------------------------------------------
fresh key --files 2 --rows 20
sed 's/key: \[\]/key: [row_no]/; s/{name: row_no, from: "", type: bigint, drop: true}/{name: row_no, from: "", type: bigint, nullable: false}/' sluice.yaml >key.yaml
succeeds "with a key" run -c key.yaml
cp lake/$hour/part-00000.csv lake/$hour/part-00002.csv
old lake/$hour/part-00002.csv
run run -c key.yaml
is "a row that is there: exit" "$status $(count)" "3 40"
like "names object and line" "$err" "error: DB_CONSTRAINT: $hour/part-00002.csv:? line 2: "
"$GEN_FIXTURE" --out more --files 1 --rows 5 --layout x.csv >/dev/null
sed 's/^\([0-9]\)/90\1/' more/x.csv >lake/$hour/part-00003.csv
old lake/$hour/part-00003.csv
run run -c key.yaml
is "the file beside it loads" "$status $(count)" "3 45"

# --- two pipelines, one table; paths ---------------------------------------------------------------------------------
fresh two --files 2 --rows 50
"$GEN_FIXTURE" --out lake2 --files 2 --rows 30 --seed 9 >/dev/null
find lake2 -type f -exec touch -d 2022-06-06 {} +
sed 's/^name: .*/name: others/; s/file:lake$/file:lake2/; s/file:lake /file:lake2 /' sluice.yaml >others.yaml
succeeds "the first" run
succeeds "the second, into the same table" run -c others.yaml
is "both are there" "$(count)" 160
succeeds "verify of the first" verify
succeeds "verify of the second" verify -c others.yaml
succeeds "plan of a reload" plan --reload
like "calls nothing new that was loaded" "$out" '^[0-9]+ to load, '
succeeds "reload of the first" run --reload -y
is "leaves the second alone" "$(count)" 160
succeeds "verify of the second, still" verify -c others.yaml
cd / || exit 1
succeeds "from another folder" run -c "$work/two/sluice.yaml"
like "paths are relative to the file" "$out" '^0 new, 0 replaced, 2 loaded before'
mkdir "$work/two/sub"
succeeds "-C and a path" run -C "$work/two/sub" -c ../others.yaml --summary s.json
like "too" "$out" '^0 new, 0 replaced, 2 loaded before'
is "--summary is relative to the current folder" "$(ls "$work/two/sub")" s.json
succeeds "a target on the command line" run -C "$work/two/sub" -c ../others.yaml --set target.url=sqlite:here.db
is "is relative to the current folder" "$(ls "$work/two/sub")" "here.db
s.json"

finish
