#!/bin/sh
# profile and run --profile: figures by hand, the forms and places of the result, ranges, mistakes, the target.
set -u
. tests/e2e/lib.sh

same="$SOURCES/tests/support/profile_same.py"

# json FILE PATH
json() {
    sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$1') AS TEXT), '$2')"
}
# of FILE COLUMN KEY...: of one column, divided by spaces
of() {
    file=$1 column=$2
    shift 2
    for key; do
        printf '%s ' "$(sqlite3 -batch :memory: "SELECT json_extract(value, '\$.$key') FROM
            json_each(CAST(readfile('$file') AS TEXT), '\$.columns') WHERE json_extract(value, '\$.name') = '$column'")"
    done | sed 's/ $//'
}
hours=lake/yyyy=2022/mm=06/dd=05

# --- by hand ---------------------------------------------------------------------------------------------------------
mkdir -p "$work/hand/$hours/hh=12" "$work/hand/$hours/hh=14" && cd "$work/hand" || exit 1
cat >sluice.yaml <<'END'
name: hand
source: {url: "file:lake", csv: {nulls: ["NA", ""]}}
schema:
  columns:
    - {name: id, type: bigint, nullable: false}
    - {name: name, type: varchar(20)}
    - {name: amount, type: double, checks: {max: 50}}
    - {name: day, type: date}
    - {name: flag, type: boolean}
    - {name: price, type: "decimal(8,2)"}
    - {name: nothing, type: int}
target: {url: "sqlite:t.db", table: t}
policy: {max_rejects: 2}
END
head=id,name,amount,day,flag,price,nothing
printf '%s\n1,ann,1.5,2022-01-01,1,0.10,\n2,bob,2.5,2022-01-03,0,0.20,\n3,,NA,2022-01-05,1,0.30,\n' $head >$hours/hh=12/a.csv
printf '%s\r\n4,ann,4.5,NA,true,0.40,\r\nx,ann,1,NA,1,1,\r\n5,ann,11.5,2022-01-09,false,1000.00,\r\n6,b,51,NA,1,1,\r\n' $head |
    gzip -n >$hours/hh=14/b.csv.gz
printf '%s\n' $head >$hours/hh=14/header-only.csv
touch $hours/hh=14/other.txt
find lake -type f -exec touch -d '2022-06-06' {} +

succeeds "profile" profile --json p.json
is "rows, refused, objects, hours, gaps" "$(json p.json '$.rows') $(json p.json '$.refused') $(json p.json '$.objects') $(json p.json '$.hours_covered') $(json p.json '$.gaps')" "5 2 3 2 1"
is "describe() of amount" "$(of p.json amount count nulls null_share mean min p25 p50 p75 max sum distinct)" "4 1 0.2 5 1.5 2.25 3.5 6.25 11.5 20 4"
like "its std" "$(of p.json amount std)" '^4\.50924975282289'
is "whole numbers are whole" "$(of p.json id count min p50 max sum negatives zeros)" "5 1 3 5 15 0 0"
is "a text" "$(of p.json name kind count nulls distinct 'top[0].value' 'top[0].count' mean histogram)" "text 4 1 2 ann 3  "
is "its lengths" "$(of p.json name lengths)" '{"min":3,"max":3,"mean":3,"empty":0}'
is "a date" "$(of p.json day kind count min p50 mean max std)" "time 4 2022-01-01 2022-01-04 2022-01-04 12:00:00 2022-01-09 3.41565025531987"
is "a boolean" "$(of p.json flag kind count mean 'top[0].value' 'top[0].count')" "boolean 5 0.6 1 3"
is "a decimal" "$(of p.json price type count sum max)" "decimal(8,2) 5 1001 1000"
is "all NULL" "$(of p.json nothing count nulls null_share distinct mean max top histogram)" "0 5 1 0   [] "
is "nothing is an estimate" "$(of p.json id approx) $(of p.json name approx)" "[] []"
is "hours" "$(json p.json '$.hours')" '[{"hour":"2022-06-05T12","objects":1,"rows":3,"refused":0,"nulls":{"name":1,"amount":1,"nothing":3}},{"hour":"2022-06-05T14","objects":2,"rows":2,"refused":2,"nulls":{"day":1,"nothing":2}}]'
is "refusals" "$(json p.json '$.refusals[0].error_name') $(json p.json '$.refusals[1].error_name')" "CAST_INT CHECK_MAX"
like "with the first of each name" "$(json p.json '$.refusals[0].example')" '^yyyy=2022/mm=06/dd=05/hh=14/b\.csv\.gz line 3 column id: '
is "the first row" "$(json p.json '$.head[0]')" '{"id":"1","name":"ann","amount":"1.5","day":"2022-01-01","flag":"1","price":"0.10","nothing":null}'
like "a warning has its rule" "$(json p.json '$.warnings')" '"rule":"all_null","strong":true,"column":"nothing"'
like "the refused ones are warned of" "$(json p.json '$.warnings')" '"rule":"refused"'
is "the run" "$(json p.json '$.run')" '{"pipeline":"hand","env":null,"what":"source file:lake","range":{"from":null,"to":null}}'
unlike "no folder of this machine" "$(cat p.json)" "$work"

# --- people ----------------------------------------------------------------------------------------------------------
like "text: overview" "$out" '^5 rows, 7 columns, 3 objects, .*; hours: 2, 2022-06-05T12 to 2022-06-05T14$'
like "text: refused" "$out" '^2 records refused, by the schema or a check$'
like "text: by name" "$out" '^  CAST_INT: 1 \(first: .*line 3 column id'
like "text: columns" "$out" '^amount +double +4 +1 +20\.0 % +4 +5 +4\.50925 +1\.5 +2\.25 +3\.5 +6\.25 +11\.5$'
like "text: dates" "$out" '^day +date .* 2022-01-01 .* 2022-01-09$'
like "text: top values" "$out" '^name +ann \(75\.0 %\), bob \(25\.0 %\)$'
like "text: hours" "$out" '^2022-06-05T14 +2 +2 +2 +3 +21\.4 %$'
like "text: first rows" "$out" '^ +3 +NULL +NULL +2022-01-05 +1 +0\.30 +NULL$'
is "text: warnings stand before the columns" "$(printf '%s\n' "$out" | grep -En '^(Warnings|Columns)' | sed 's/^[0-9]*://; s/ .*//' | tr '\n' ' ')" "Warnings Columns "
like "ignored objects are said" "$err" '1 objects of the source do not match'
"$SLUICE" profile --now 2030-01-01 >"$work/again" 2>/dev/null
is "the same at any time" "$(cmp "$work/out" "$work/again" 2>&1)" ""

# --- programs --------------------------------------------------------------------------------------------------------
succeeds "-o json" profile -o json
is "is the document of --json" "$(cmp "$work/out" p.json 2>&1)" ""
succeeds "--json -" profile --json -
is "is the same" "$(cmp "$work/out" p.json 2>&1)" ""
succeeds "--summary" profile --summary s.json --json q.json -q
is "is the same" "$(cmp s.json p.json 2>&1)" ""
is "-q with a file: nothing on stdout" "$out" ""
is "and the file is there" "$(cmp q.json p.json 2>&1)" ""
is "no temporary file stays" "$(ls)" "lake
p.json
q.json
s.json
sluice.yaml"
succeeds "-o csv" profile -o csv
is "-o csv: a line for each column" "$(wc -l <"$work/out")" 8
like "-o csv: names" "$out" '^name,type,count,nulls,null_share,distinct,distinct_approx,mean,std,min,p25,p50,p75,max,'
like "-o csv: exact" "$out" '^amount,double,4,1,0\.2,4,false,5,4\.509249752822894,1\.5,2\.25,3\.5,6\.25,11\.5,false,'
like "-o csv: what has no number is empty" "$out" '^name,varchar\(20\),4,1,0\.2,2,false,,,,,,,,false,,,,,$'
succeeds "--html" profile --html p.html -q
is "a page that is whole" "$(head -c 15 p.html) $(tail -n 1 p.html)" "<!DOCTYPE html> </html>"
like "with the figures" "$(cat p.html)" '6\.25'
succeeds "--html -" profile --html -
is "is the same page" "$(cmp "$work/out" p.html 2>&1)" ""
succeeds "both files" profile --html q.html --json q.json -q
is "are the same" "$(cmp q.html p.html 2>&1; cmp q.json p.json 2>&1)" ""
for threads in 1 2 5; do
    succeeds "--threads $threads" profile --json t.json --threads $threads
    is "$threads threads give the same bytes" "$(cmp t.json p.json 2>&1)" ""
done

# --- hours and classes -----------------------------------------------------------------------------------------------
succeeds "one hour" profile --hour 2022-06-05T14 --json h.json
is "has its rows" "$(json h.json '$.rows') $(of h.json amount mean) $(json h.json '$.run.range.from')" "2 8 2022-06-05T14"
succeeds "an empty range" profile --from 2022-06-06 --to 2022-06-07 --json e.json
is "has no row" "$(json e.json '$.rows') $(of e.json amount count nulls null_share mean)" "0 0 0  "
like "and says so" "$out" '^nothing to describe: these hours have no object$'
succeeds "by a text" profile --by name --json b.json
is "its classes" "$(json b.json '$.classes')" '[{"class":"ann","null":false,"other":false,"rows":3,"share":0.6},{"class":"bob","null":false,"other":false,"rows":1,"share":0.2},{"class":"NULL","null":true,"other":false,"rows":1,"share":0.2}]'
is "its split" "$(of b.json amount 'split[0].class' 'split[0].count' 'split[0].mean' 'split[2].count' 'split[2].nulls')" "ann 3 5.83333333333333 0 1"
is "its top values" "$(of b.json flag 'top[0].by_class')" "[2,0,1]"
like "people see it" "$out" '^amount +ann +3 +0 % +5\.83333 '
succeeds "by a boolean" profile --by flag --json b.json
is "its classes" "$(json b.json '$.classes[0].class') $(json b.json '$.classes[0].rows')" "1 3"

# --- mistakes --------------------------------------------------------------------------------------------------------
refuses "a column that is none" 2 USAGE '--by amuont: .*did you mean amount\?' profile --by amuont
refuses "a column that is like none" 2 USAGE 'no loaded column' profile --by qwertyuiop
refuses "threads: none" 2 USAGE '--threads is a number from 1 to 16, not "0"' profile --threads 0
refuses "threads: too many" 2 USAGE '--threads' profile --threads 17
refuses "two for stdout" 2 USAGE 'room for one' profile --json - --html -
refuses "JSON and CSV" 2 USAGE 'room for one' profile --json - -o csv
refuses "a page and JSON" 2 USAGE 'room for one' profile --html - -o json
refuses "one file for both" 2 USAGE 'same file' profile --json f --html f
refuses "a folder for --json" 2 USAGE '--json lake is a folder' profile --json lake
refuses "a folder that is not there" 2 NOT_FOUND '--json nowhere/p.json' profile --json nowhere/p.json
refuses "--json without --profile" 2 USAGE '--json is of the profile: it needs --profile' run --json x.json
refuses "--by without --profile" 2 USAGE '--by is of the profile' run --by name
refuses "stdout of run is taken" 2 USAGE 'also with -q; name a file, or write -o json' run --profile -q --json -
refuses "a profile of a dry run" 2 USAGE 'dry-run loads nothing' run --dry-run --profile
refuses "no source" 2 NOT_FOUND 'nowhere' profile --set source.url=file:nowhere
refuses "run --profile with a column that is none" 2 USAGE 'did you mean flag' run --profile --by flaq
is "nothing was made by all that" "$(ls t.db x.json 2>/dev/null)" ""
refuses "--target before anything is loaded" 2 TABLE_MISSING 'table t is not there' profile --target
is "a reader makes nothing" "$(ls t.db 2>/dev/null)" ""
mkdir -p "$work/bad/$hours/hh=12" && printf 'id,nmae\n1,a\n' >"$work/bad/$hours/hh=12/a.csv"
run profile --set "source.url=file:$work/bad/lake" --json bad.json
is "a header that does not fit" "$status $(grep -c 'CSV_HEADER: .*hh=12/a.csv' "$work/err")" "3 1"
is "leaves no document" "$(ls bad.json* 2>/dev/null)" ""
run profile --set "source.url=file:$work/bad/lake" -o json
is "on stdout it is a document that says so" "$status $(json "$work/out" '$.failure.error_name')" "3 CSV_HEADER"
for what in --json --html; do
    run profile $what /dev/full -q
    is "$what to a full device" "$status $(grep -Ec 'sluice: error: (IO|DISK_FULL): .*/dev/full' "$work/err")" "1 1"
done
"$SLUICE" profile >/dev/full 2>"$work/err"
is "stdout is full" "$? $(grep -Ec 'sluice: error: (IO|DISK_FULL): .*stdout' "$work/err")" "1 1"

# --- nothing to describe ---------------------------------------------------------------------------------------------
mkdir -p "$work/void/lake" && cp sluice.yaml "$work/void" && cd "$work/void" || exit 1
succeeds "an empty lake" profile --json e.json
is "has nothing" "$(json e.json '$.rows') $(json e.json '$.objects') $(json e.json '$.hours')" "0 0 []"
like "and says so" "$out" '^nothing to describe: these hours have no object$'
mkdir -p $hours/hh=01 && printf '%s\n' $head >$hours/hh=01/a.csv
succeeds "headers only" profile --json e.json
is "an object without a row" "$(json e.json '$.rows') $(json e.json '$.objects') $(json e.json '$.hours_covered')" "0 1 1"
like "and says so" "$out" '^nothing to describe: its objects have no record$'
printf '%s\nx,,,,,,\n' $head >$hours/hh=01/a.csv
succeeds "all refused" profile
like "and says so" "$out" '^nothing to describe: every record was refused$'

# --- target, and on the way there ------------------------------------------------------------------------------------
cd "$work/hand" || exit 1
succeeds "run --profile" run --profile --by name --json r.json --html r.html
is "with its page" "$(head -c 15 r.html)" "<!DOCTYPE html>"
like "the load's table comes first" "$out" '^read 7 = loaded 5 \+ rejected 2'
like "then the profile" "$out" '^loaded from file:lake into sqlite:t\.db, table t$'
succeeds "the source by the same" profile --by name --json p.json
is "run --profile has the source's columns" "$(python3 "$same" p.json r.json)" "same 7 columns, 27 values"
is "and hours" "$(json r.json '$.hours')" "$(json p.json '$.hours')"
is "and refusals" "$(json r.json '$.refusals[0].example')" "$(json p.json '$.refusals[0].example')"
is "and the same counts" "$(json r.json '$.rows') $(json r.json '$.objects') $(json r.json '$.bytes') $(json r.json '$.refused')" \
    "$(json p.json '$.rows') $(json p.json '$.objects') $(json p.json '$.bytes') $(json p.json '$.refused')"
succeeds "the target" profile --target --by name --json g.json
is "has the source's columns" "$(python3 "$same" p.json g.json)" "same 7 columns, 27 values"
is "and its hours, by lineage" "$(json g.json '$.hours[1].hour') $(json g.json '$.hours[1].rows') $(json g.json '$.objects')" "2022-06-05T14 2 3"
like "the target refuses nothing, to people neither" "$("$SLUICE" profile --target | grep -c 'records* refused')" '^0$'
refusals='Refused records|>refused<| refused</title>'
like "nor on the page" "$("$SLUICE" profile --target --html - | grep -c -E "$refusals") $("$SLUICE" profile --html - | grep -c -E "$refusals")" '^0 [1-9]'
succeeds "one hour of it" profile --target --hour 2022-06-05T14 --json g.json
is "by lineage" "$(json g.json '$.rows') $(of g.json amount mean)" "2 8"
succeeds "a second run" run --profile --json r.json
is "commits nothing to describe" "$(json r.json '$.rows')" 0
succeeds "the run's document" run --reload -y --profile -o json
is "has the profile" "$(python3 "$same" q.json "$work/out") $(json "$work/out" '$.profile.rows') $(json "$work/out" '$.totals.rows_loaded')" "same 7 columns, 27 values 5 5"
sql t.db "UPDATE t SET amount = 'much' WHERE id = 1; INSERT INTO t (id, name) VALUES (9, 'zoe')"
succeeds "a target that others wrote to" profile --target --json g.json
is "odd values are told" "$(json g.json '$.odd_rows') $(of g.json amount count nulls) $(json g.json '$.rows')" "1 3 3 6"
like "to people, too" "$out" '^1 row holds a value that is none of its column.s type'
succeeds "rows of no known load are in no hour" profile --target --from 2022-06-05 --to 2022-06-06 --json g.json
is "so a range leaves them out" "$(json g.json '$.rows')" 5
succeeds "no lineage" run --set target.lineage=false --set target.url=sqlite:u.db
refuses "no hours" 2 NEEDS_LINEAGE 'leave the hours out' profile --target --hour 2022-06-05T14 --set target.lineage=false --set target.url=sqlite:u.db
succeeds "but the whole" profile --target --all --set target.lineage=false --set target.url=sqlite:u.db --json g.json
is "without hours" "$(json g.json '$.rows') $(json g.json '$.hours_covered')" "5 0"
like "nor a word of them" "$out" '^5 rows, 7 columns$'

# --- what is rolled back does not count ------------------------------------------------------------------------------
lake "$work/p" --hours 30 --files 2 --rows 200 --bad type:40
cd "$work/p" || exit 1
for unit in file hour chunk; do
    run run --profile --json $unit.json --set target.url=sqlite:$unit.db --set target.commit_unit=$unit --set target.chunk_rows=70 \
        --set policy.max_rejects=0
    is "$unit: something was rolled back" "$status $(sql $unit.db "SELECT count(*) > 0 FROM sluice_attempt")" "3 1"
    is "$unit: what was committed counts" "$(json $unit.json '$.rows')" "$(sql $unit.db 'SELECT count(*) FROM loan_applicant_info')"
    succeeds "$unit: the target" profile --target --json t.json --set target.url=sqlite:$unit.db
    like "$unit: as the target has it" "$(python3 "$same" $unit.json t.json)" '^same 11 columns'
done
succeeds "30 hours" profile
like "are shortened, and that is said" "$out" '^Hours \(the first and last 12 of 30; -o json has all\)$'
is "to 24" "$(printf '%s\n' "$out" | grep -c '^2022-06-0')" 24

finish
