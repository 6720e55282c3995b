#!/bin/sh
# One pipeline from every kind of store into every kind of sink: the same rows, hashes, rejects and verdicts in each cell, and
# the same after a rerun, a reload, a replay. Files into SQLite is the cell that the others are held against; S3 and
# MySQL are the servers that the environment names.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

hour=yyyy=2022/mm=06/dd=05/hh=12
fix='source.csv.nulls=["NA", "", none]'

lake "$work/lakes" --hours 3 --files 3 --rows 700 --bad range:5
lake=$work/lakes/lake
# One record that a fix of the pipeline heals, text of other languages and a quoted line end in what is rejected.
printf '901,0,0.5,none,0,0.3,1,1,1,1,1,1\r\n902,0,0.5,"\303\251\nx",0,0.3,1,1,1,1,1,1\r\n' >>"$lake/$hour/part-00001.csv"
gzip -n "$lake/$hour/part-00002.csv"
find "$lake" -type f -exec touch -d 2022-06-06 {} +

# rows: of the target, asked for without sluice
rows() {
    question="SELECT concat_ws(' ', count(*), sum(SeriousDlqin2yrs), sum(age), sum(MonthlyIncome), sum(age IS NULL), sum(NumberOfDependents)) FROM t_$cell"
    case $target in
    mysql) mysql_sql "$question" ;;
    *) sqlite3 -batch loans.db "$(echo "$question" | sed "s/concat_ws(' ', \(.*\)) FROM/\1 FROM/")" | tr '|' ' ' ;;
    esac
}
change() {
    case $target in
    mysql) mysql_sql "UPDATE t_$cell SET age = age + 1 WHERE age > 0 LIMIT 1" ;;
    *) sqlite3 -batch loans.db "UPDATE t_$cell SET age = age + 1 WHERE rowid = (SELECT min(rowid) FROM t_$cell WHERE age > 0)" ;;
    esac
}

# json PATH: of the document on the last stdout
json() {
    sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$work/out') AS TEXT), '$1')"
}

# hashes: of source, ledger and target, by object
hashes() {
    run verify -o json "$@"
    echo "$status $(json '$.totals.source_hash') $(json '$.totals.ledger_hash') $(json '$.totals.target_hash') $(json '$.totals.source_rows')"
}

# held NAME ACTUAL: against the first cell's, which it sets
held() {
    key=$(echo "$1" | tr -c 'a-z\n' _)
    if [ -n "$first" ]; then
        printf '%s\n' "$2" >"$work/expected.$key"
    else
        is "$cell: $1: as from files into SQLite" "$2" "$(cat "$work/expected.$key")"
    fi
}

# described SETTING...: source, target and what the run loaded ($work/loaded.json): each column as the first cell's source has it
described() {
    for what in --all --target; do
        succeeds "$cell: profile $what" profile $what --by SeriousDlqin2yrs -o json "$@"
        [ -e "$work/expected.profile" ] || cp "$work/out" "$work/expected.profile"
        like "$cell: profile $what: the same columns" "$(python3 "$SOURCES/tests/support/profile_same.py" "$work/expected.profile" "$work/out")" '^same 11 columns'
    done
    like "$cell: run --profile: the same columns" "$(python3 "$SOURCES/tests/support/profile_same.py" "$work/expected.profile" "$work/loaded.json")" '^same 11 columns'
}

# loaded SETTING...: loads, and holds all that can be known of it against the first cell
loaded() {
    succeeds "$cell: validate" validate "$@"
    succeeds "$cell: run" run "$@" --profile --by SeriousDlqin2yrs -o json
    cp "$work/out" "$work/loaded.json"
    held "counts" "$(json '$.totals.rows_read') $(json '$.totals.rows_loaded') $(json '$.totals.rows_rejected') $(json '$.totals.bytes')"
    held "rows" "$(rows)"
    succeeds "$cell: run again" run "$@"
    like "$cell: nothing is new" "$out" '^0 new, 0 replaced, 9 loaded before, 0 failed'
    described "$@"
    held "hash of all rows" "$(hashes "$@")"
    run rejects ls -o json "$@"
    held "rejects" "$(sqlite3 -batch :memory: "SELECT json_extract(value, '\$.object') || ' ' || json_extract(value, '\$.line') || ' ' || json_extract(value, '\$.column') ||
        ' ' || json_extract(value, '\$.message') FROM json_each(CAST(readfile('$work/out') AS TEXT), '\$.rejects') ORDER BY 1")"
}

# objects: each load in the ledger, the run's own marks left out
objects() {
    "$SLUICE" history -o csv | awk -F, 'NR > 1 { print $3, $4, $5, $6, $8, $9, $10, $11, $12 }' | sort
}

# cell NAME SOURCE TARGET
cell() {
    cell=$1 target=$3
    pipeline "$work/$cell" "$2" "$target"
    cd "$work/$cell" || exit 1
    loaded --set policy.max_rejects=1%
    held "objects of the ledger" "$(objects)"

    change
    run verify
    is "$cell: a cell changed behind its back" "$status" 3
    succeeds "$cell: reload of the hour" run --reload -y --hour 2022-06-05T12 --set policy.max_rejects=1%
    like "$cell: replaces it alone" "$out" '3 replaced, 0 loaded before, 0 failed'
    held "rows after the reload" "$(rows)"
    held "hash after the reload" "$(hashes)"

    succeeds "$cell: replay after a fix" rejects replay --set "$fix"
    like "$cell: loads what it heals" "$out" '^tried 7 = loaded 1 \+ still rejected 6;'
    succeeds "$cell: replay again" rejects replay --set "$fix"
    like "$cell: loads nothing" "$out" '^tried 6 = loaded 0 \+ still rejected 6;'
    held "rows after the replay" "$(rows)"
    held "hash after the replay" "$(hashes --set "$fix")"
}

# units SOURCE TARGET: the other units of a transaction, and one connection
units() {
    for unit in hour chunk; do
        for connections in 1 3; do
            cell=${2%%:*}_${unit}_$connections target=$2
            pipeline "$work/$cell" "$1" "$target"
            cd "$work/$cell" || exit 1
            loaded --set policy.max_rejects=1% --set target.commit_unit=$unit --set target.chunk_rows=200 --set target.connections=$connections
        done
    done
}

# inferred NAME SOURCE OBJECTS SETTING...: the pipeline file that infer prints loads all records
inferred() {
    cell=infer_$1 source=$2 objects=$3
    shift 3
    mkdir -p "$work/$cell" && cd "$work/$cell" || exit 1
    succeeds "$cell: infer" infer "$source"
    cp "$work/out" sluice.yaml
    if grep '^#   sluice cp ' sluice.yaml | sed "s|^#   sluice|'$SLUICE' -q|" >copy; then
        sh copy >/dev/null || fail "$cell: $(cat copy)"
    fi
    succeeds "$cell: run" run "$@"
    like "$cell: all objects" "$out" "^$objects new, .* 0 failed, 0 ignored"
    like "$cell: all records" "$out" 'rejected 0;'
    succeeds "$cell: verify" verify "$@"
}

first=yes
cell file_sqlite "file:$lake" sqlite:loans.db
first=
if own_s3 "$lake"; then
    s3=yes
    cell s3_sqlite "$s3_url" sqlite:loans.db
    inferred s3 "$s3_url" 9
    inferred s3_object "${s3_url%%\?*}/$hour/part-00001.csv$s3_query" 1
    if own_libs3; then
        libs3=yes
        cell libs3_sqlite "$libs3_url" sqlite:loans.db
    fi
fi
if own_mysql; then
    cell file_mysql "file:$lake" mysql
    inferred mysql "file:$lake" 9 --set "target.url=$mysql_url" --set "target.user=$SLUICE_TEST_MYSQL_USER" --set 'target.password=${SLUICE_TEST_MYSQL_PASSWORD}' --set target.table=t_inferred
    units "file:$lake" mysql
    [ -z "${s3:-}" ] || cell s3_mysql "$s3_url" mysql
    [ -z "${libs3:-}" ] || cell libs3_mysql "$libs3_url" mysql
fi
finish
