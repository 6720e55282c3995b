#!/bin/sh
# verify, and the reload that it names: a changed cell, a lost, a doubled, an extra and a moved row, rows of nobody, in every
# pair of a store and a target: each is named, exit 3, and what verify says to type repairs it. Files into SQLite need no
# server; S3 and MySQL are those that the environment names.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

twelve=yyyy=2022/mm=06/dd=05/hh=12
thirteen=yyyy=2022/mm=06/dd=05/hh=13

# rows FROM TO: records, and one that is refused
rows() {
    echo 'id,name,amount,day,price'
    seq "$1" "$2" | awk '{ printf "%d,\"name, %d\",%d.5,2022-06-%02d,%d.25\n", $1, $1, $1, 1 + $1 % 28, $1 }'
    echo "x,bad,,,"
}

lake=$work/lakes/lake
mkdir -p "$lake/$twelve" "$lake/$thirteen"
rows 1 40 >"$lake/$twelve/a.csv"
rows 41 80 | gzip -n >"$lake/$twelve/b.csv.gz"
rows 81 100 >"$lake/$thirteen/a.csv"
for i in $(seq 1 9); do rows $((100 + i)) $((100 + i)) >"$lake/$thirteen/tiny-$i.csv"; done
find "$lake" -type f -exec touch -d 2022-06-06 {} +

# table_of SOURCE TARGET [LINES]: the pipeline file of the cell, in its folder
table_of() {
    mkdir -p "$work/$cell" && cd "$work/$cell" || exit 1
    into=$2
    [ "$2" != mysql ] || into="\"$mysql_url\", user: $SLUICE_TEST_MYSQL_USER, password: \"\${SLUICE_TEST_MYSQL_PASSWORD}\""
    cat >sluice.yaml <<END
name: $cell
source: {url: "$1"}
schema:
  columns:
    - {name: id, type: bigint, nullable: false}
    - {name: name, type: varchar(20)}
    - {name: amount, type: double}
    - {name: day, type: date}
    - {name: price, type: "decimal(10,2)"}
${3:-}
policy: {max_rejects: 1}
target: {url: $into, table: t_$cell, lineage: ${lineage:-true}${more:-}}
END
}

# in_target STATEMENT: on the target, without sluice
in_target() {
    case $target in
    mysql) mysql_sql "$1" ;;
    *) sql t.db "$1" ;;
    esac
}

json() { sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$work/out') AS TEXT), '$1')"; }

# named: the rows of the last document: kind, line, object, what differs
named() {
    sqlite3 -batch :memory: "SELECT json_extract(value, '\$.kind') || ' ' || coalesce(json_extract(value, '\$.line'), '-') || ' ' ||
        coalesce(substr(json_extract(value, '\$.object'), 23), '-') || ' ' || json_extract(value, '\$.difference')
        FROM json_each(CAST(readfile('$work/out') AS TEXT), '\$.rows')" | tr '\n' ';'
}

# sums: of the table, without sluice
sums() { in_target "SELECT count(*), sum(id), sum(amount) FROM t_$cell" | tr '\t|' '  '; }

# repair: types what the last document says, with this program
repair() {
    sqlite3 -batch :memory: "SELECT json_extract(value, '\$.command') FROM json_each(CAST(readfile('$work/out') AS TEXT), '\$.repair')" >"$work/commands"
    [ -s "$work/commands" ] || return 1
    sed "s|^sluice |$SLUICE |" "$work/commands" >"$work/commands.sh"
    sh -e "$work/commands.sh" >"$work/repaired" 2>&1
}

# differs NAME STATEMENT NAMED: exit 3 and these rows; then the repair, and all is equal
differs() {
    in_target "$2"
    run verify --show 10 -o json
    is "$cell: $1: exit, rows" "$status $(named)" "3 $3"
    if repair; then pass "$cell: $1: what it says to type"; else fail "$cell: $1: what it says to type" "$(cat "$work/commands" "$work/repaired")"; fi
    run verify
    is "$cell: $1: is repaired" "$status $(sums)" "0 $contents"
}

a=hh=12/a.csv b=hh=12/b.csv.gz
of_b="(SELECT id FROM sluice_load WHERE pipeline = 'CELL' AND object LIKE '%hh=12/b.csv.gz')"

# cell NAME SOURCE TARGET
cell() {
    cell=$1 target=$3
    table_of "$2" "$3"
    load_of_b=$(echo "$of_b" | sed "s/CELL/$cell/")
    load_of_a=$(echo "$of_b" | sed "s/CELL/$cell/; s/b.csv.gz/a.csv/")
    succeeds "$cell: run" run
    succeeds "$cell: verify" verify
    contents=$(sums)
    differs "a changed cell" "UPDATE t_$cell SET amount = amount + 1 WHERE id = 7" "changed 8 $a amount: 7.5 | 8.5;"
    differs "a changed text and decimal" "UPDATE t_$cell SET name = 'x', price = 1 WHERE id = 50" \
        "missing 11 $b missing in the target;extra - $b only in the target;"
    differs "a value that was taken away" "UPDATE t_$cell SET day = NULL WHERE id = 85" "changed 6 hh=13/a.csv day: 2022-06-02 | NULL;"
    differs "a lost row" "DELETE FROM t_$cell WHERE id = 11" "missing 12 $a missing in the target;"
    differs "a doubled row" "INSERT INTO t_$cell SELECT * FROM t_$cell WHERE id = 13" "doubled 14 $a twice in the target (1 in the source);"
    differs "an extra row" "INSERT INTO t_$cell SELECT 0, name, 0, day, price, _load FROM t_$cell WHERE id = 103" \
        "extra - hh=13/tiny-3.csv only in the target;"
    differs "a moved row" "UPDATE t_$cell SET _load = $load_of_b WHERE id = 20" "missing 21 $a missing in the target;extra - $b only in the target;"
    differs "all at once" "DELETE FROM t_$cell WHERE id IN (30, 90)" "missing 31 $a missing in the target;missing 11 hh=13/a.csv missing in the target;"

    in_target "UPDATE t_$cell SET amount = 0 WHERE id = 42"
    run verify --by hour -o json
    is "$cell: by hour" "$status $(json '$.hours[0].status') $(json '$.hours[0].objects') $(json '$.hours[0].target_rows'), $(json '$.hours[1].status') $(json '$.hours[1].objects') $(json '$.hours[1].source_rejected')" \
        "3 target differs 2 80, equal 10 10"
    is "$cell: hashes by hour" "$(json '$.hours[0].source_hash = $.hours[0].target_hash')$(json '$.hours[1].source_hash')" "$(json '$.hours[1].target_hash')"
    run verify --by table -o csv
    is "$cell: by table" "$status $(tail -n 1 "$work/out" | cut -d , -f 2-6)" "3 target differs,12,109,109,109"
    run verify --hour 2022-06-05T13
    is "$cell: the other hour" "$status" 0
    like "$cell: how much was read for it" "$out" '^the target was read whole for it: 109 rows'
    run verify
    like "$cell: the closing line" "$(tail -n 1 "$work/out")" '^to repair: sluice run --reload -y --hour 2022-06-05T12$'
    succeeds "$cell: reload" run --reload -y --hour 2022-06-05T12

    in_target "INSERT INTO t_$cell SELECT 500, 'odd', 1, day, price, NULL FROM t_$cell WHERE id = 1"
    run verify --show 5 -o json
    is "$cell: a row of nobody" "$status $(json '$.totals.unknown_rows') $(named)" "3 1 extra - - only in the target;"
    run verify
    like "$cell: how to look at it" "$out" "^rows of no load .*SELECT \* FROM t_$cell WHERE _load IS NULL OR"
    unlike "$cell: no reload is named" "$out" 'to repair'
    query=$(sed -n 's/^rows of no load.*: SELECT \*/SELECT count(*)/p' "$work/out")
    is "$cell: and it is what that shows" "$(in_target "$query")" 1
    in_target "UPDATE t_$cell SET _load = NULL WHERE id = 20"
    run verify
    like "$cell: a row that lost its _load" "$out" '^1 object lost rows, and some rows have no _load, .* a reload refuses until then$'
    like "$cell: comes before the reload" "$out" '^to repair, once no row is without _load: sluice run --reload -y --hour 2022-06-05T12'
    run verify --hour 2022-06-05T12 -o json
    is "$cell: for programs too" "$(json '$.repair[0].what')" "to repair, once no row is without _load"
    run run --reload -y
    like "$cell: as the reload does" "$err" 'NEEDS_LINEAGE'
    in_target "UPDATE t_$cell SET _load = $load_of_a WHERE id = 20"
    succeeds "$cell: a reload leaves it" run --reload -y
    is "$cell: there" "$(in_target "$query")" 1
    in_target "DELETE FROM t_$cell WHERE id = 500"
    succeeds "$cell: without it" verify

    # A table that does not fit: what run says, not what the database does.
    in_target "ALTER TABLE t_$cell RENAME COLUMN amount TO amounts"
    refuses "$cell: a column that is not there" 2 TABLE_MISMATCH "table t_$cell has no column amount: add it .*sluice setup" verify
    refuses "$cell: under evolve" 2 TABLE_MISMATCH 'lacks 1 column of the schema \(amount\): run .sluice setup.' verify --set schema.contract=evolve
    refuses "$cell: and to profile" 2 TABLE_MISMATCH 'lacks 1 column of the schema \(amount\): run .sluice setup.' \
        profile --target --set schema.contract=evolve
    in_target "ALTER TABLE t_$cell RENAME COLUMN amounts TO amount"
    in_target "ALTER TABLE t_$cell RENAME TO elsewhere_$cell"
    refuses "$cell: a table that is not there" 2 TABLE_MISSING "table t_$cell is missing, but the ledger says" verify
    in_target "ALTER TABLE elsewhere_$cell RENAME TO t_$cell"
    succeeds "$cell: there again" verify

    # A repair that takes something away says so before it is typed, and when it does it.
    in_target "ALTER TABLE t_$cell ADD COLUMN remark VARCHAR(20) DEFAULT 'kept'"
    in_target "UPDATE t_$cell SET amount = 0 WHERE id = 42"
    run verify
    like "$cell: what a reload loses" "$out" "^a reload loses what its rows have in columns of table t_$cell outside of the schema, for good: remark\$"
    run verify -o json
    is "$cell: for programs" "$(json '$.repair[0].loses')" remark
    succeeds "$cell: a reload that loses" run --reload -y --hour 2022-06-05T12
    like "$cell: warns" "$err" "warning: .*rows that are loaded again lose .*t_$cell outside of the schema: remark"
}

# plain NAME SOURCE TARGET: without lineage
plain() {
    cell=$1 target=$3 lineage=false
    table_of "$2" "$3"
    lineage=
    succeeds "$cell: run" run
    succeeds "$cell: verify" verify --show 5
    in_target "UPDATE t_$cell SET amount = amount + 1 WHERE id = 7"
    in_target "INSERT INTO t_$cell SELECT * FROM t_$cell WHERE id = 13"
    in_target "DELETE FROM t_$cell WHERE id = 42"
    run verify --show 10 -o json
    is "$cell: rows are named" "$status $(named)" \
        "3 changed 8 $a amount: 7.5 | 8.5;doubled 14 $a twice in the target (1 in the source);missing 3 $b missing in the target;"
    run verify
    like "$cell: nothing to type" "$out" '^nothing can be reloaded without target.lineage'
    unlike "$cell: no reload is named" "$out" 'to repair'
    run verify --hour 2022-06-05T13
    is "$cell: an hour, and the whole table" "$status" 3
}

cell fs_sqlite "file:$lake" sqlite:t.db
plain fs_plain "file:$lake" sqlite:t.db

# Options that the pipeline was given with are part of what is typed, in quotes where a shell needs them.
cd "$work/fs_sqlite" || exit 1
in_target() { sql t.db "$1"; }
mv sluice.yaml 'my file.yaml'
in_target "DELETE FROM t_fs_sqlite WHERE id = 3"
run verify -c 'my file.yaml' --set policy.on_empty=ok --set "source.csv.nulls=[\"it's\"]"
like "the command is whole" "$out" "^to repair: sluice run --reload -y --hour 2022-06-05T12 -c 'my file.yaml' --set policy.on_empty=ok --set 'source.csv.nulls="
sed -n "s|^to repair: sluice|$SLUICE|p" "$work/out" >"$work/commands.sh"
sh "$work/commands.sh" >/dev/null 2>&1
is "and does what it says" "$?" 0
mv 'my file.yaml' sluice.yaml
refuses "--by of something else" 2 USAGE 'object, hour or table' verify --by day

# A damaged object is told, and the others are compared; its hour's reload is not what helps.
cp -a "$lake" damaged
find damaged -name 'b.csv.gz' -exec sh -c 'head -c 60 "$1" >"$1.new" && mv "$1.new" "$1"' - {} \;
run verify --set source.url=file:damaged
is "a damaged object: exit" "$status" 3
like "is told" "$out" 'b.csv.gz +source differs +40 +40 .*(COMPRESSED|compressed|cut short|ends)'
is "and it alone" "$(grep -c 'differs' "$work/out")" 1
like "with what to do" "$out" '^1 object could not be read: mend or replace'
unlike "which is no reload" "$out" 'to repair'

# A column that was added since: the ledger's hashes are of other rows.
sql t.db "ALTER TABLE t_fs_sqlite ADD COLUMN city TEXT"
sed -i 's/^    - {name: day,/    - {name: city, type: varchar(9)}\n&/; s/^policy:/  missing_columns: null\n&/' sluice.yaml
succeeds "a column more" verify
like "is said" "$out" '^12 loaded under another schema: source and target were compared with each other'
sql t.db "UPDATE t_fs_sqlite SET city = 'Bonn' WHERE id = 5"
run verify --show 2 -o json
is "a value in it" "$status $(named)" "3 changed 6 $a city: NULL | Bonn;"
if repair; then pass "is repaired"; else fail "is repaired" "$(cat "$work/repaired")"; fi
succeeds "then the hour is of this schema" verify --hour 2022-06-05T12
unlike "which needs no word" "$out" 'another schema'

# Beside a server also there; the run without servers leaves it out, and is not said to have skipped it.
if [ -n "${SLUICE_TEST_S3_URL:-}" ] && own_s3 "$lake"; then
    s3=yes
    cell s3_sqlite "$s3_url" sqlite:t.db
    plain s3_plain "$s3_url" sqlite:t.db
fi
if [ -n "${SLUICE_TEST_MYSQL_URL:-}" ] && own_mysql; then
    in_target() { case $target in mysql) mysql_sql "$1" ;; *) sql t.db "$1" ;; esac }
    cell fs_mysql "file:$lake" mysql
    plain fs_mysql_plain "file:$lake" mysql
    [ -z "${s3:-}" ] || cell s3_mysql "$s3_url" mysql
    # The first connections are cut in the middle of what they read: the comparison begins again, and ends.
    seq 200000 | awk 'BEGIN { print "id,name,amount,day,price" } { print $1 + 1000 ",some text," $1 ",2022-06-05,1.25" }' >"$work/large.csv"
    cell=fs_mysql_cut target=mysql
    mkdir -p "$work/large/$twelve" && mv "$work/large.csv" "$work/large/$twelve/a.csv"
    table_of "file:$work/large" mysql
    succeeds "$cell: run" run
    port=$(echo "$mysql_url" | sed 's/.*127.0.0.1:\([0-9]*\).*/\1/')
    proxy "$port" rate=2000000
    trap 'kill $proxies 2>/dev/null; client -e "DROP DATABASE $database"; rm -rf "$work"' EXIT
    through=$(echo "$mysql_url" | sed "s/127.0.0.1:[0-9]*/127.0.0.1:$proxy/")
    "$SLUICE" verify --set target.url="$through" -v >"$work/out" 2>"$work/err" &
    verifying=$!
    sleep 2
    mysql_sql "SELECT id FROM information_schema.processlist WHERE db = '$database' AND id <> connection_id()" | while read -r id; do mysql_sql "KILL $id"; done
    wait $verifying
    status=$? err=$(cat "$work/err")
    is "$cell: a scan whose connection was ended" "$status $(cat "$work/out")" "0 rows: source 200,000, ledger 200,000, target 200,000
verify: equal (1 object)"
    like "$cell: began again" "$err" 'DB_LOST'
    kill $proxies
fi
finish
