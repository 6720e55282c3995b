#!/bin/sh
# A column that the schema gets later: what each command says of a table that lacks it, and who adds it. On SQLite, and on a MySQL
# server where one is named.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

# hour HH HEADER ROW...: one object
hour() {
    at="$work/lake/yyyy=2022/mm=06/dd=05/hh=$1"
    shift
    mkdir -p "$at" && printf '%s\n' "$@" >"$at/a.csv" || exit 1
    touch -d '2022-06-06' "$at/a.csv"
}
hour 12 id,name 1,x 2,y
hour 13 id,name,score 3,z,0.50

# pipeline_file CONTRACT COLUMN...: sluice.yaml for $url, $login
pipeline_file() {
    contract=$1
    shift
    {
        printf 'name: evolving\nsource: {url: "file:%s/lake"}\nschema:\n  missing_columns: null\n  contract: %s\n  columns:\n' "$work" "$contract"
        for column; do printf '    - {%s}\n' "$column"; done
        printf 'target:\n  url: %s\n  table: t\n%s\n' "$url" "$login"
    } >sluice.yaml
}
# on_terminal ANSWER COMMAND...: what a terminal shows of it, with the answer typed at its question
on_terminal() {
    python3 - "$@" <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b""
while True:
    try:
        some = os.read(fd, 4096)
    except OSError:  # the other end is closed
        break
    if not some:
        break
    before = b"[y/N]" in shown
    shown += some
    if b"[y/N]" in shown and not before:
        os.write(fd, sys.argv[1].encode() + b"\n")
os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
END
}
ids='name: id, type: int, nullable: false'
names='name: name, type: varchar(20)'
scores='name: score, type: "decimal(10,2)"'

# evolves SINK: the story, in the current folder; ask SQL gives the target's answer, script FILE runs SQL
evolves() {
    pipeline_file freeze "$ids" "$names"
    succeeds "$1: the first hour" run --hour 2022-06-05T12
    pipeline_file freeze "$scores" "$ids" "$names"
    refuses "$1: freeze: run" 2 TABLE_MISMATCH 'no column score: add it \(ALTER TABLE .t. ADD COLUMN .score. .*schema.contract: evolve' run
    refuses "$1: freeze: setup" 2 TABLE_MISMATCH 'no column score' setup
    run validate
    is "$1: freeze: validate" $status 2
    succeeds "$1: freeze: setup --print" setup --print
    unlike "$1: freeze: adds nothing" "$out" 'ADD COLUMN'

    pipeline_file evolve "$scores" "$ids" "$names"
    refuses "$1: create: never" 2 TABLE_MISMATCH 'lacks 1 column of the schema \(score\): run .sluice setup., which adds it' \
        run --set target.create=never
    succeeds "$1: validate says who adds it" validate
    like "$1: in words" "$out" 'target tables +ok .*will add 1 column to it: score'
    succeeds "$1: setup --print" setup --print
    like "$1: prints the statement" "$out" 'ALTER TABLE .t. ADD COLUMN .score. '
    is "$1: and does nothing" "$(ask "SELECT count(*) FROM sluice_check")" 0
    succeeds "$1: run adds it" run
    like "$1: and names it" "$err" 'adding to table t: score$'
    is "$1: rows of before and after" "$(ask "SELECT id, score IS NULL, coalesce(score, 0) * 100 FROM t ORDER BY id" | tr '\t' '|' | sed 's/\.0*$//')" \
        "1|1|0
2|1|0
3|0|50"
    is "$1: the view has it too" "$(ask "SELECT count(score) FROM t_lineage")" 1
    is "$1: it is on record" "$(ask "SELECT name, column_name, on_fire, fired, load_id FROM sluice_check" | tr '\t' '|')" "evolve|score|warn|1|0"
    succeeds "$1: setup has nothing to do" setup
    like "$1: and says so" "$out" 'are there'
    is "$1: recorded once" "$(ask "SELECT count(*) FROM sluice_check")" 1

    pipeline_file evolve "$scores" "$ids" "$names" 'name: must, type: int, nullable: false'
    refuses "$1: rows cannot have it" 2 TABLE_MISMATCH 'no column must, which setup cannot add: it is nullable: false' run
    pipeline_file evolve 'name: score, type: date' "$ids" "$names"
    refuses "$1: no type is changed" 2 TABLE_MISMATCH 'column score.*no contract changes a type' run
    refuses "$1: nor by setup" 2 TABLE_MISMATCH 'column score' setup

    # What is printed, by hand.
    pipeline_file evolve "$scores" "$ids" "$names" 'name: more, type: text'
    for command in verify 'profile --target'; do
        # shellcheck disable=SC2086 # words
        refuses "$1: $command names the cure" 2 TABLE_MISMATCH 'lacks 1 column.*\(more\): run `sluice setup`' $command
    done
    "$SLUICE" setup --print >ddl.sql
    script ddl.sql
    is "$1: printed statements do it" "$? $(ask "SELECT count(*) FROM sluice_check WHERE column_name = 'more'")" "0 1"
    succeeds "$1: and run finds it done" run
    is "$1: nothing more is recorded" "$(ask "SELECT count(*) FROM sluice_check")" 2

    pipeline_file evolve "$scores" "$ids" "$names" 'name: last, type: text' 'name: least, type: int'
    succeeds "$1: setup adds what is left" setup
    like "$1: and names it" "$out" ': added to table t: last, least$'

    # What the schema does not have is lost with its rows: told before they are deleted.
    pipeline_file evolve "$ids" "$names"
    succeeds "$1: a reload under a narrower schema" run --reload -y --hour 2022-06-05T12
    like "$1: says what it takes away" "$err" 'warning: .*lose what they have in columns of table t outside of the schema: (.*, )?score'
    is "$1: once" "$(echo "$err" | grep -c 'lose what they have')" 1
    asked=$(on_terminal n "$SLUICE" run --reload --hour 2022-06-05T13 | tr -d '\r\n')
    like "$1: a person knows it before the question" "$asked" 'lose what they have in columns .*score.*\[y/N\].*nothing was reloaded'
    is "$1: and keeps it by no" "$(ask "SELECT count(score) FROM t WHERE id = 3")" 1
}

mkdir "$work/sqlite" && cd "$work/sqlite" || exit 1
url=sqlite:e.db login=
ask() { sql e.db "$1"; }
script() { sqlite3 -batch -bail e.db <"$1"; }
evolves sqlite
cd "$SOURCES" || exit 1

# Beside a server also there; the run without servers leaves it out, and is not said to have skipped it.
if [ -n "${SLUICE_TEST_MYSQL_URL:-}" ] && own_mysql; then
    mkdir "$work/mysql" && cd "$work/mysql" || exit 1
    url=$mysql_url
    # shellcheck disable=SC2016 # sluice puts it in
    login="  user: $SLUICE_TEST_MYSQL_USER
  password: \${SLUICE_TEST_MYSQL_PASSWORD}"
    ask() { mysql_sql "$1"; }
    script() { client "$database" <"$1"; }
    evolves mysql
fi

finish
