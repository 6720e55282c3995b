#!/bin/sh
# `sluice query` as users run it, on a folder and an SQLite file: outputs, what is read, SQL from stdin, mistakes, --target.
set -u
. tests/e2e/lib.sh

lake "$work/p" --from 2022-06-05T00 --hours 48 --files 1 --rows 100
cd "$work/p" || exit 1
day5='yyyy=2022 AND mm=6 AND dd=5'

# json FILE SQL: of a document, as the expression d
json() {
    sqlite3 -batch :memory: "WITH f(d) AS (SELECT CAST(readfile('$1') AS TEXT)) SELECT $2 FROM f"
}

# --- the same answers as from the table --------------------------------------------------------------------------------
run run -q
is "a load to compare with" $status 0
for query in "SELECT count(*), sum(age), count(MonthlyIncome) FROM @" "SELECT age, count(*) FROM @ GROUP BY age ORDER BY age" \
    "SELECT DISTINCT age, DebtRatio, MonthlyIncome FROM @ WHERE age > 70 ORDER BY 1, 2, 3" \
    "SELECT min(DebtRatio), max(DebtRatio), sum(CAST(DebtRatio * 1e9 AS INTEGER)) FROM @"; do
    of_table=$(echo "$query" | sed 's/@/loan_applicant_info/')
    of_source=$(echo "$query" | sed 's/@/source/')
    run query -o csv "$of_source"
    printf '%s\n' "$out" | sed 1d >got
    "$SLUICE" query --target -o csv "$of_table" | sed 1d >want
    is "as the table: $query" "$(cat got)" "$(cat want)"
    is "which says something" "$([ -s want ] && echo yes)" yes
done
rm -f loans.db
queue_before=$(find . -name queue)

# --- outputs -----------------------------------------------------------------------------------------------------------
run query "SELECT hh, count(*) AS n, avg(age) > 20 AS old FROM source WHERE $day5 AND hh < 3 GROUP BY hh"
is "text" "$out" "hh    n  old
 0  100    1
 1  100    1
 2  100    1"
is "exit and stderr" "$status $err" "0 "
run query -o csv "SELECT 1 AS a, NULL AS b, '' AS c, 'x,\"y\"' AS d, 1.5 AS e, x'00ff' AS f, 1.0 AS g, 'é' AS a"
is "csv" "$out" 'a,b,c,d,e,f,g,a:2
1,,"","x,""y""",1.5,00ff,1.0,é'
is "nothing behind the last row" "$("$SLUICE" query -o csv 'SELECT 1 AS a' | od -An -c | tr -d ' ')" 'a\n1\n'
run query -o csv "SELECT age FROM source WHERE 0"
is "csv without rows has its header line" "$out" age
run query "SELECT age, hh FROM source WHERE 0"
is "text too" "$out" "age  hh"
"$SLUICE" query -o json --summary s.json "SELECT dd, count(*) AS n, 0.1 + 0.2 AS x, 1e300 AS y, 900719925474099 AS z, NULL AS w,
    x'01' AS b, 'a' || char(10) AS t FROM source WHERE hh IN (3, 4) GROUP BY dd" >out.json
is "json" "$(json out.json "json_extract(d, '\$.schema_version', '\$.run.pipeline'), (SELECT json_group_array(json_extract(value, '\$.name')) FROM json_each(d, '\$.columns'))")" \
    '[1,"loan_applicants"]|["dd","n","x","y","z","w","b","t"]'
is "json: the rows" "$(sed -n '/"rows":\[/,/\]/p' out.json | sed '1d; s/\],*$//' | tr -d '\n')" \
    '{"dd":5,"n":200,"x":0.30000000000000004,"y":1e+300,"z":900719925474099,"w":null,"b":"01","t":"a\n"},{"dd":6,"n":200,"x":0.30000000000000004,"y":1e+300,"z":900719925474099,"w":null,"b":"01","t":"a\n"}'
like "reals are as short as they can be" "$(cat out.json)" '"x":0.30000000000000004,"y":1e\+300,"z":900719925474099,'
is "json: what was read" \
    "$(json out.json "json_extract(d, '\$.totals.rows', '\$.totals.objects', '\$.totals.passed', '\$.totals.records', '\$.totals.refused')")" \
    '[2,4,44,400,0]'
is "--summary is the same document" "$(cmp s.json out.json && echo same)" same
run query "SELECT 'a' || char(27) || '[31m' AS x"
is "no control character reaches a terminal" "$out" 'x
a\x1b[31m'

# --- reading less ------------------------------------------------------------------------------------------------------
# objects QUERY...: how many are opened
objects() {
    "$SLUICE" query -o json "$@" >objects.json
    json objects.json "json_extract(d, '\$.totals.objects')"
}
is "a day's objects" "$(objects "SELECT count(*) FROM source WHERE $day5")" 24
is "an hour's" "$(objects "SELECT count(*) FROM source WHERE $day5 AND hh = 7")" 1
is "an hour of each day" "$(objects "SELECT count(*) FROM source WHERE hh = 7")" 2
is "--hour" "$(objects --hour 2022-06-06T01 "SELECT count(*) FROM source")" 1
is "--from, --to and a bound" "$(objects --from 2022-06-05T20 --to 2022-06-06T04 "SELECT count(*) FROM source WHERE dd = 6")" 4
is "an object" "$(objects "SELECT count(*) FROM source WHERE _object = 'yyyy=2022/mm=06/dd=05/hh=07/part-00000.csv'")" 1
is "a LIMIT" "$(objects "SELECT age FROM source LIMIT 5")" 1
run query --explain "SELECT hh, count(*) FROM source WHERE $day5 GROUP BY hh"
like "--explain: the plan" "$out" '^SCAN source \(yyyy=2022 AND mm=6 AND dd=5\)$'
like "--explain: what would be read" "$out" \
    '^source  yyyy=2022 AND mm=6 AND dd=5  2022-06-05T00  2022-06-06T00  yyyy=2022/mm=06/dd=05/hh= +1 +24 +[0-9.]+ KiB +0$'
unlike "--explain: no column is always empty" "$out" 'note'
like "where a reading depends on others, that is said" "$("$SLUICE" query --explain "SELECT 1 FROM source a JOIN source b ON b.hh = a.hh")" \
    '^where \? stands: at most, each time it is read$'
run query --hour 2023-01-01 "SELECT count(*) FROM source"
is "hours without an object are told" "$status $err" \
    "0 sluice: warning: no object was read: none matches --hour 2023-01-01T00 and the query; the whole day is --from 2023-01-01 --to 2023-01-02"
run query --from 2023-01-01 --to 2023-01-02 "SELECT count(*) FROM source"
is "of a range too" "$err" "sluice: warning: no object was read: none matches these hours and the query"
run query --hour 2022-06-05 "SELECT count(*) FROM source"
is "not where there is one" "$err" ""
run query --hour 2023-01-01 "SELECT 1"
is "nor where none was asked for" "$status $err" "0 "
like "--explain as csv" "$("$SLUICE" query --explain -o csv "SELECT 1 FROM source WHERE hh = 7" | tail -1)" \
    '^source,hh=7,,,yyyy=,1,2,[0-9]+,46,0,true$'
chmod 0 lake/yyyy=2022/mm=06/dd=06/hh=00/part-00000.csv
mv lake/yyyy=2022/mm=06/dd=06/hh=00/part-00000.csv away
: >lake/yyyy=2022/mm=06/dd=06/hh=00/part-00000.csv
succeeds "--explain opens no object" query --explain "SELECT count(*) FROM source"
refuses "one that is needed is opened" 3 CSV_NO_HEADER 'dd=06/hh=00/part-00000.csv: ' query "SELECT count(*) FROM source"
succeeds "one that is not needed is not" query "SELECT count(*) FROM source WHERE dd = 5"
chmod 644 away && mv away lake/yyyy=2022/mm=06/dd=06/hh=00/part-00000.csv

# --- joins -------------------------------------------------------------------------------------------------------------
run query "WITH b AS MATERIALIZED (SELECT hh, avg(age) AS m FROM source WHERE dd = 6 GROUP BY hh)
    SELECT count(*), count(DISTINCT a.hh) FROM source a JOIN b USING (hh) WHERE a.yyyy = 2022 AND a.mm = 6 AND a.dd = 5"
is "a day beside the other" "$(echo "$out" | tail -1 | tr -s ' ')" " 2400 24"

# --- stdin -------------------------------------------------------------------------------------------------------------
is "SQL from stdin" "$(printf -- '-- of a file\nSELECT count(*)\nFROM source WHERE dd = 5;\n' | "$SLUICE" query -o csv - | tail -1)" 2400
head -c 1100000 /dev/zero | tr '\0' ' ' >long
"$SLUICE" query - <long >out 2>err
is "but not any amount" "$? $(cat err)" "2 sluice: error: QUERY: SQL: more than 1048576 bytes"
printf 'SELECT 1\0' | "$SLUICE" query - >out 2>err
is "and no bytes that are no text" "$? $(cat err)" "2 sluice: error: QUERY: SQL: a NUL byte: stdin is no text"

# --- refused records ---------------------------------------------------------------------------------------------------
printf '9,x,1,45,2,0.8,9120,13,0,6,0,2\n8,1,1,45\n' >>lake/yyyy=2022/mm=06/dd=05/hh=01/part-00000.csv
run query "SELECT count(*) FROM source WHERE $day5"
is "are left out" "$status $(echo "$out" | tail -1 | tr -d ' ')" "0 2400"
is "and told in one line" "$err" \
    'sluice: warning: 2 records are refused by the schema or a check, and left out here (first: yyyy=2022/mm=06/dd=05/hh=01/part-00000.csv line 102 column SeriousDlqin2yrs: CAST_BOOLEAN: "x" is no boolean)'
run query -q "SELECT count(*) FROM source WHERE $day5"
is "-q leaves that out" "$err" ""

# --- mistakes ----------------------------------------------------------------------------------------------------------
refuses "an unknown column" 2 QUERY 'SQL, character 8: no such column: agee; did you mean age\?' query 'SELECT agee FROM source'
refuses "in double quotes too" 2 QUERY 'SQL, character 8: no such column: agee; did you mean age\?' query 'SELECT "agee" FROM source'
refuses "an unknown table" 2 QUERY 'no such table: sourc; did you mean source\?' query 'SELECT age FROM sourc'
refuses "no SQL" 2 QUERY 'there is no statement' query ' '
refuses "two statements" 2 QUERY 'a second statement begins here' query 'SELECT 1; SELECT 2'
refuses "a statement that writes" 2 QUERY 'a query only reads' query 'CREATE TABLE t (a)'
refuses "a PRAGMA" 2 QUERY 'a query only reads' query 'PRAGMA user_version'
refuses "another database" 2 QUERY 'a query only reads' query "ATTACH 'x.db' AS x"
refuses "an error on the way" 2 QUERY 'integer overflow' query 'SELECT sum(9223372036854775807) FROM source'
refuses "no argument" 2 USAGE 'sluice query SQL' query
refuses "--target with hours" 2 USAGE '\-\-target asks the target' query --target --hour 2022-06-05T00 'SELECT 1'
refuses "a source that is not there" 2 NOT_FOUND 'source.url' query --set source.url=file:nowhere 'SELECT 1 FROM source'
if [ "$(find . -name '*.db' -o -name queue)" = "$queue_before" ]; then pass "no target and no queue was made"; else fail "no target and no queue was made" "$(ls)"; fi

# --- a reader that goes away -------------------------------------------------------------------------------------------
(
    trap - PIPE
    "$SLUICE" query -o csv 'SELECT * FROM source a, source b' 2>err
    echo $? >code
) | head -1 >out
is "ends it quietly" "$(cat out | cut -c1-16) $(cat code) $(cat err)" "SeriousDlqin2yrs 141 "

# --- a signal ----------------------------------------------------------------------------------------------------------
"$SLUICE" query 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n, source' >out 2>err &
endless=$!
sleep 1
kill -TERM $endless
wait $endless
is "ends a query that does not end" "$? $(cat err)" "143 sluice: error: CANCELLED: stopped by a signal"

# --- --target ----------------------------------------------------------------------------------------------------------
refuses "a target that is not there" 2 QUERY 'no such table: loan_applicant_info' query --target 'SELECT 1 FROM loan_applicant_info'
if [ -e loans.db ]; then fail "and is not made"; else pass "and is not made"; fi
run run -q --hour 2022-06-05T00
run query --target 'SELECT count(*) AS n, sum(age) > 0 AS s FROM loan_applicant_info'
is "rows" "$status $out" "0   n  s
100  1"
refuses "the name of the source" 2 QUERY 'no such table: source; did you mean loan_applicant_info\?' query --target 'SELECT 1 FROM source'
refuses "an unknown column" 2 QUERY 'no such column: ages; did you mean age\?' query --target 'SELECT ages FROM loan_applicant_info'
for sql in 'DELETE FROM loan_applicant_info' 'DROP TABLE loan_applicant_info' "ATTACH 'x.db' AS x" 'PRAGMA user_version = 3' \
    'WITH x AS (SELECT 1) DELETE FROM loan_applicant_info' 'SELECT 1; DELETE FROM loan_applicant_info'; do
    refuses "not: $sql" 2 QUERY 'a query only reads|a second statement' query --target "$sql"
done
is "all rows are there" "$(sql loans.db 'SELECT count(*) FROM loan_applicant_info')" 100
refuses "a target without SQL" 2 UNSUPPORTED 'no SQL' query --target --set target.url=mem:x 'SELECT 1'

# --- another environment -----------------------------------------------------------------------------------------------
mkdir other && cp -r lake/yyyy=2022 other/ && rm -r other/yyyy=2022/mm=06/dd=06
is "--set as everywhere" "$("$SLUICE" query -q -o csv --set source.url=file:other 'SELECT count(*) FROM source' | tail -1)" 2400
finish
