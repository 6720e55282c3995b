#!/bin/sh
# Quality checks: each of them fires and does not, warns, refuses or fails, on every sink alike: what `run` says, what is in
# the table, what stays in the books, and that a rerun adds nothing. One table of cases; SQLite and memory everywhere, MySQL by
# LOAD and by INSERT where the environment names a server.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

lake=$work/lake/yyyy=2022/mm=06/dd=05/hh=12
mkdir -p "$lake"
printf 'id,code,age\n1,AA1,10\n2,BB2,130\n3,AA1,\n4,zz,20\n5,CC3,-5\n' >"$lake/a.csv"
printf 'id,code,age\n6,AA1,30\n7,DD4,40\n' >"$lake/b.csv"
find "$work/lake" -type f -exec touch -d 2022-06-06 {} +

json() {
    sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$work/out') AS TEXT), '$1')"
}

# found: of the last document, each result as name:on:fired:count, and each object's error
found() {
    sqlite3 -batch :memory: "SELECT coalesce(group_concat(t, ' '), '') FROM (
        SELECT json_extract(value, '\$.name') || ':' || json_extract(value, '\$.on') || ':' || json_extract(value, '\$.fired') || ':' ||
            json_extract(value, '\$.count') AS t FROM json_each(CAST(readfile('$work/out') AS TEXT), '\$.checks') ORDER BY t)"
}
errors() {
    sqlite3 -batch :memory: "SELECT coalesce(group_concat(json_extract(value, '\$.error_name'), ' '), '')
        FROM json_each(CAST(readfile('$work/out') AS TEXT), '\$.objects')"
}

# pipeline_of NAME UNIT CODE AGE HOUR: the file, into $target
pipeline_of() {
    cat >sluice.yaml <<YAML
name: $1
source: {url: "file:$work/lake", csv: {nulls: [""]}}
schema:
  columns:
    - {name: id, type: bigint, nullable: false}
    - {name: code, type: varchar(8), checks: $3}
    - {name: age, type: int, checks: $4}
  extra_columns: ignore
target:
  url: $target
  table: t_$1
  commit_unit: $2
$more
policy: {max_rejects: 2}
$5
YAML
}

# in_table NAME: how many rows are there, asked for without sluice
in_table() {
    case $target in
    mysql:*) mysql_sql "SELECT count(*) FROM t_$1" ;;
    *) sql t.db "SELECT count(*) FROM t_$1" ;;
    esac
}

# case_of NAME UNIT CODE AGE HOUR STATUS LOADED ERRORS RESULTS
case_of() {
    pipeline_of "$1" "$2" "$3" "$4" "$5"
    run run -o json
    is "$cell: $1" "$status $(json '$.totals.rows_loaded') $(errors) | $(found)" "$6 $7 $8 | $9"
    [ "$cell" != mem ] || return
    is "$cell: $1: the table" "$(in_table "$1")" "$7"
    run history --checks -o json
    is "$cell: $1: the books" "$(found)" "$9"
    run status -o json
    is "$cell: $1: status counts what fired" "$(json '$.hours[0].checks')" "$(echo "$9" | tr ' ' '\n' | grep -c :1:)"
    run run -o json
    is "$cell: $1: a rerun finds it as it is" "$(found)" ""
    run history --checks -o json
    is "$cell: $1: and adds nothing" "$(found)" "$9"
    is "$cell: $1: nothing of what failed is there" "$(in_table "$1")" "$7"
}

# One line a case: NAME; UNIT; checks of code; of age; of the hour; exit status; rows loaded; errors; results.
table() {
    cat <<'TABLE'
none;file;{};{};;0;7;;
min_warn;file;{};{min: 0, on: warn};;0;7;;min:warn:1:1
min_well;file;{};{min: -5, on: warn};;0;7;;
min_reject;file;{};{min: 0};;0;6;;
min_fail;file;{};{min: 0, on: fail};;3;2;CHECK_MIN;
max_warn;file;{};{max: 100, on: warn};;0;7;;max:warn:1:1
max_reject;file;{};{max: 100};;0;6;;
max_fail;file;{};{max: 100, on: fail};;3;2;CHECK_MAX;
max_well;file;{};{max: 130, on: fail};;0;7;;
in_warn;file;{in: [AA1, zz], on: warn};{};;0;7;;in:warn:1:1 in:warn:1:2
in_fail;file;{in: [AA1, BB2, CC3, DD4], on: fail};{};;3;2;CHECK_IN;
in_reject;file;{in: [AA1, BB2, zz, CC3, DD4]};{};;0;7;;
regex_warn;file;{regex: "^[A-Z]{2}[0-9]+$", on: warn};{};;0;7;;regex:warn:1:1
regex_reject;file;{regex: "^[A-Z]{2}[0-9]+$"};{};;0;6;;
regex_fail;file;{regex: "^[A-Z]{2}[0-9]+$", on: fail};{};;3;2;CHECK_REGEX;
regex_well;file;{regex: "[A-Za-z]", on: fail};{};;0;7;;
unique_warn;file;{unique: true, on: warn};{};;0;7;;unique:warn:1:1
unique_reject;file;{unique: true};{};;0;6;;
unique_fail;file;{unique: true, on: fail};{};;3;2;CHECK_UNIQUE;
unique_well;file;{};{unique: true, on: fail};;0;7;;
unique_hour;hour;{unique: true, on: warn};{};;0;7;;unique:warn:1:1 unique:warn:1:1
unique_hour_fail;hour;{unique: true, on: fail};{};;3;0;CHECK_UNIQUE;
nulls_warn;file;{};{max_nulls: 0, on: warn};;0;7;;max_nulls:warn:1:1
nulls_fail;file;{};{max_nulls: 0};;3;2;CHECK_NULLS;
nulls_well;file;{};{max_nulls: 20%};;0;7;;
nulls_chunk;chunk;{};{max_nulls: 0, on: warn};;0;7;;max_nulls:warn:1:1
two;file;[{regex: "^[A-Z]", on: warn}, {unique: true}];[{min: 0}, {max: 100, on: warn}];;0;5;;max:warn:1:1 regex:warn:1:1
rows_warn;hour;{};{};{name: r, rows: {min: 8}, on: warn};0;7;;r:warn:1:7
rows_well;hour;{};{};{name: r, rows: {min: 7, max: 7}};0;7;;r:fail:0:0
rows_fail;hour;{};{};{name: r, rows: {max: 6}};3;0;CHECK_ROWS;
mean_warn;hour;{};{};{name: m, mean: {column: age, max: 37}, on: warn};0;7;;m:warn:1:6
mean_well;hour;{};{};{name: m, mean: {column: age, min: 37.5, max: 37.5}};0;7;;m:fail:0:0
mean_fail;hour;{};{};{name: m, mean: {column: age, min: 38}};3;0;CHECK_MEAN;
mean_rejects;hour;{};{min: 0, max: 100};{name: m, mean: {column: age, min: 25, max: 25}};0;5;;m:fail:0:0
sql_warn;hour;{};{};{name: s, sql: "SELECT * FROM {table} WHERE _load IN {loads} AND age < 0", on: warn};0;7;;s:warn:1:1
sql_well;hour;{};{};{name: s, sql: "SELECT * FROM {table} WHERE _load IN {loads} AND age < -5"};0;7;;s:fail:0:0
sql_fail;hour;{};{};{name: s, sql: "SELECT code FROM {table} WHERE _load IN {loads} GROUP BY code HAVING count(*) > 1"};3;0;CHECK_SQL;
TABLE
}

# cells: every case on this sink
cells() {
    mkdir -p "$work/$cell"
    cd "$work/$cell" || exit 1
    table >cases
    while IFS=';' read -r name unit code age hour status_of loaded error results; do
        case $cell-$name in mem-sql_*) continue ;; esac
        [ -z "$hour" ] || hour="checks: [$hour]"
        # A name of its own in a database that all cells share.
        case $target in mem:*) target=mem:$name ;; esac
        case_of "${prefix}$name" "$unit" "$code" "$age" "$hour" "$status_of" "$loaded" "$error" "$results"
    done <cases
    cd "$SOURCES" || exit 1
}

# queries: validate finds out what a query cannot ask, where the table is there, and runs none of them
queries() {
    mkdir -p "$work/$cell-queries"
    cd "$work/$cell-queries" || exit 1
    pipeline_of "${prefix}queries" hour '{}' '{}' 'checks: [{name: good, sql: "SELECT age FROM {table} WHERE _load IN {loads} AND age > 1000"}]'
    succeeds "$cell: queries: before the table is there" validate
    unlike "$cell: queries: nothing can be told" "$out" '^checks '
    run run
    succeeds "$cell: queries: a good one" validate
    like "$cell: queries: is listed" "$out" '^checks +ok +good$'
    sed -i '$d' sluice.yaml
    cat >>sluice.yaml <<'YAML'
checks:
  - {name: column, sql: "SELECT agee FROM {table}"}
  - {name: comma, sql: "SELECT age,, id FROM {table}"}
  - {name: well, sql: "SELECT 1 FROM {table} WHERE age < {hour}"}
YAML
    run validate
    is "$cell: queries: bad ones" "$status $(grep -c '^checks *failed *CONFIG: .*checks\[\].sql of' "$work/out")" "2 2"
    like "$cell: queries: with their place" "$out" 'CONFIG: .*sluice.yaml:[0-9]+: checks\[\].sql of column: .*agee'
    like "$cell: queries: and the good one" "$out" '^checks +ok +well$'
    cd "$SOURCES" || exit 1
}

# later NAME: what is there already counts; what is too much then is rolled back
later() {
    mkdir -p "$work/$cell-later/lake/h"
    cd "$work/$cell-later" || exit 1
    pipeline_of "${prefix}later" hour '{}' '{min: 0, on: warn}' \
        'checks: [{name: r, rows: {max: 3}}, {name: m, mean: {column: age, max: 20}, on: warn}]'
    sed -i "s|file:$work/lake|file:lake|; s|^source: {|source: {layout: '%Y%m%d%H/*.csv', |" sluice.yaml
    mkdir -p lake/2022060512
    printf 'id,code,age\n1,a,10\n2,b,10\n' >lake/2022060512/1.csv
    run run -o json
    cp "$work/out" first
    is "$cell: later: the first" "$status $(found)" "0 m:warn:0:0 r:fail:0:0"
    printf 'id,code,age\n3,c,70\n' >lake/2022060512/2.csv
    run run -o json
    is "$cell: later: a mean of all" "$status $(found)" "0 m:warn:1:3 r:fail:0:0"
    run status -o json
    is "$cell: later: the last judgement is what status counts" "$(json '$.hours[0].checks')" 1
    run history --checks -o json
    is "$cell: later: and what history tells" "$(found) $(json '$.totals.checks')" "m:warn:1:3 r:fail:0:0 2"
    run history --checks --hour 2022-06-05T12 --run "$(sed -n 's/.*"run_id": *"\([^"]*\)".*/\1/p' first | head -n 1)" -o json
    is "$cell: later: an earlier one by its run" "$(found)" "m:warn:0:0 r:fail:0:0"
    run run --reload -y -o json
    run history --checks -o json
    is "$cell: later: a reload judges anew" "$(found)" "m:warn:1:3 r:fail:0:0"
    printf 'id,code,age\n4,d,-1\n' >lake/2022060512/3.csv
    run run -o json
    is "$cell: later: one too many" "$status $(errors) $(found) $(in_table "${prefix}later")" "3 CHECK_ROWS  3"
    run history -o json
    is "$cell: later: the attempt" "$(json '$.totals.failed')" 1
    like "$cell: later: says why" "$out" 'hour 2022-06-05T12: check r: 4 rows; allowed are 0 to 3'
    cd "$SOURCES" || exit 1
}

more='' prefix='' cell=sqlite target=sqlite:t.db
cells
later
queries

# A run that finds an object half loaded judges the hour with the rest of it, and again with the others.
mkdir -p "$work/twice/lake/2022060512"
cd "$work/twice" || exit 1
cat >sluice.yaml <<'YAML'
name: twice
source: {layout: '%Y%m%d%H/*.csv', url: "file:lake"}
schema: {columns: [{name: id, type: int}]}
target: {url: "sqlite:t.db", table: t, commit_unit: chunk, chunk_rows: 2}
YAML
printf 'id\n1\n2\nx\n' >lake/2022060512/1.csv
run run
is "twice: half of an object" "$status $(sql t.db 'SELECT count(*) FROM t')" "3 2"
sed -i 's/commit_unit: .*}/commit_unit: hour}/' sluice.yaml
printf 'policy: {max_rejects: 1}\nchecks: [{name: r, rows: {min: 3}, on: warn}]\n' >>sluice.yaml
printf 'id\n3\n' >lake/2022060512/2.csv
run run -o json
is "twice: the run judges twice" "$status $(sql t.db 'SELECT count(DISTINCT run_id), count(*), sum(fired) FROM sluice_check')" "0 1|2|1"
is "twice: and tells the newest" "$(found)" "r:warn:0:0"
run history --checks -o json
is "twice: so does history" "$(found)" "r:warn:0:0"
run status -o json
is "twice: and status" "$(json '$.hours[0].checks')" 0
cd "$SOURCES" || exit 1

cell=mem target=mem:x
cells

# What a person sees.
mkdir -p "$work/people"
cd "$work/people" || exit 1
cell=people target=sqlite:t.db
pipeline_of seen file '{unique: true, on: warn}' '{max: 100, on: warn}' ''
run run
like "the closing text names what fired" "$out" '^check unique of column code \(warn\): .*a.csv: 1 record; first: line 4: "AA1" was in an earlier record$'
run history --checks --object yyyy=2022/mm=06/dd=05/hh=12/a.csv
like "history lists it" "$out" '^2 results of checks, 2 fired$'
run history --checks --hour 2022-06-05T13
like "and chooses" "$out" '^0 results of checks, 0 fired$'
printf 'id,code,age,more\n8,EE1,1,x\n' >"$lake/c.csv"
run run
like "drift is told" "$out" '^check extra_columns \(warn\): .*c.csv: the header has also "more"'
printf 'id,code\n9,EE1\n' >"$lake/c.csv"
run run --set policy.on_changed=replace
like "what is missing fails, and the cure is named" "$err" 'CSV_HEADER: .*it lacks "age"; schema.missing_columns: null'
rm "$lake/c.csv"
cd "$SOURCES" || exit 1

# Beside a server also there; the run without servers leaves it out, and is not said to have skipped it.
if [ -n "${SLUICE_TEST_MYSQL_URL:-}" ] && own_mysql; then
    user="  user: $SLUICE_TEST_MYSQL_USER
  password: \${SLUICE_TEST_MYSQL_PASSWORD}"
    more=$user prefix=l_ cell=mysql_load target=$mysql_url
    cells
    later
    queries
    case $mysql_url in *\?*) and='&' ;; *) and='?' ;; esac
    more="$user
  connections: 1" prefix=i_ cell=mysql_insert target="$mysql_url${and}load=insert"
    cells
fi
finish
