#!/bin/sh
# The table of bad and edge values: each gets one verdict, whatever the database. One CSV file with all of them goes into every sink: the
# same records are accepted, the same refused at the same line and column with the same error, the row hash is the same, and what
# the stock client reads back is what stood in the file.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

values() { python3 "$SOURCES/tests/support/bad_values.py" "$@"; }
file=yyyy=2022/mm=06/dd=05/hh=12/values.csv
mkdir -p "$work/lake/${file%/*}"
values csv "$work/lake/$file"
touch -d 2022-06-06 "$work/lake/$file"
values rejects | LC_ALL=C sort >"$work/rejects"
read -r records accepted <<COUNT
$(values count)
COUNT

columns='id tiny small whole big flag single dbl amount day moment word txt'

# place NAME URL: a folder with a pipeline into this target
place() {
    cell=$1
    mkdir -p "$work/$cell"
    cd "$work/$cell" || exit 1
    user=
    case $2 in mysql:*) user="
  user: $SLUICE_TEST_MYSQL_USER
  password: \${SLUICE_TEST_MYSQL_PASSWORD}" ;; esac
    cat >sluice.yaml <<YAML
name: $cell
source:
  url: file:$work/lake
  layout: yyyy=%Y/mm=%m/dd=%d/hh=%H/*.csv
  csv: {nulls: ["NA", ""]}
schema:
  columns:
    - {name: id, type: bigint, nullable: false}
    - {name: tiny, type: tinyint}
    - {name: small, type: smallint}
    - {name: whole, type: int}
    - {name: big, type: bigint}
    - {name: flag, type: boolean}
    - {name: single, type: float}
    - {name: dbl, type: double}
    - {name: amount, type: "decimal(10,2)"}
    - {name: day, type: date}
    - {name: moment, type: timestamp}
    - {name: word, type: varchar(5)}
    - {name: txt, type: text}
target:
  url: $2$user
  table: t_$cell
policy: {max_rejects: 100%}
YAML
}

json() {
    sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$work/out') AS TEXT), '$1')"
}

# loaded: counts and hash, as every sink must give them; the first one's hash is the others'
loaded() {
    succeeds "$cell: run" run -o json
    is "$cell: read, loaded, rejected" "$(json '$.totals.rows_read') $(json '$.totals.rows_loaded') $(json '$.totals.rows_rejected')" \
        "$records $accepted $((records - accepted))"
    found=$(json '$.objects[0].row_hash')
    : "${hash:=$found}"
    is "$cell: the row hash" "$found" "$hash"
}

# kept FILE: rejects and rows of a sink that stays; FILE is what the stock client read
kept() {
    run rejects ls -o json
    sqlite3 -batch :memory: "SELECT json_extract(value, '\$.line') || ' ' || coalesce(json_extract(value, '\$.column'), '') || ' ' || json_extract(value, '\$.error_name')
        FROM json_each(CAST(readfile('$work/out') AS TEXT), '\$.rejects')" | LC_ALL=C sort >rejects
    is "$cell: each reject at its line and column, with its error" "$(diff rejects "$work/rejects" | head -n 20)" ""
    is "$cell: what the stock client reads back" "$(values stored "$1" | head -n 20)" "as it must be"
    succeeds "$cell: verify" verify
}

# Of SQLite, numbers with all their digits.
from_sqlite() {
    for column in $columns; do
        case $column in
        single | dbl) text="quote($column)" ;;
        *) text="CAST($column AS TEXT)" ;;
        esac
        echo "SELECT id || char(9) || '$column' || char(9) || lower(hex($text)) FROM t_$cell WHERE $column IS NOT NULL;"
    done | sqlite3 -batch values.db >stored
}

# Of MySQL; FLOAT loses digits as text, but not on its way to DOUBLE.
from_mysql() {
    for column in $columns; do
        case $column in
        single) text="CONVERT($column + 0e0, CHAR)" ;;
        word | txt) text=$column ;;
        *) text="CONVERT($column, CHAR)" ;;
        esac
        echo "SELECT id, '$column', LOWER(HEX($text)) FROM t_$cell WHERE $column IS NOT NULL;"
    done | client --max-allowed-packet=64M "$database" >stored
}

place sqlite sqlite:values.db
loaded
from_sqlite
kept stored

place mem mem:values
loaded

# Beside a server also there; the run without servers leaves it out, and is not said to have skipped it.
if [ -n "${SLUICE_TEST_MYSQL_URL:-}" ] && own_mysql; then
    place mysql_load "$mysql_url"
    loaded
    is "$cell: by LOAD" "$(json '$.objects[0].load_method')" "local infile"
    from_mysql
    kept stored
    case $mysql_url in *\?*) and='&' ;; *) and='?' ;; esac
    place mysql_insert "$mysql_url${and}load=insert"
    loaded
    is "$cell: by INSERT" "$(json '$.objects[0].load_method')" insert
    from_mysql
    kept stored
fi
cd "$SOURCES" || exit 1
finish
