#!/bin/sh
# What is wrong around the files: rights, folders, database, table, pipeline file, hour. Each mistake is one line that says
# what to do, with the exit status of its kind, and it changes nothing: neither in the folder nor in the database.
set -u
. tests/e2e/lib.sh

lake "$work/p" --hours 2 --files 2 --rows 50
cd "$work/p" || exit 1
hour=lake/yyyy=2022/mm=06/dd=05/hh=12
succeeds "a good load first" run --hour 2022-06-05T12

snapshot() {
    find . -printf '%p %y %m %T@ %s\n' 2>&1 | sort
    find . -type f -exec cat {} + 2>&1 | cksum
}

# mistake NAME STATUS ERROR PATTERN ARGUMENT...: as $user if that is set
user=
mistake() {
    name=$1 want=$2 error=$3 pattern=$4
    shift 4
    before=$(snapshot)
    # shellcheck disable=SC2086
    $user "$SLUICE" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    err=$(cat "$work/err")
    is "$name: exit and lines" "$status $(wc -l <"$work/err")" "$want 1"
    like "$name: what, where, what to do" "$err" "^sluice: error: $error: .*($pattern)"
    is "$name: nothing has changed" "$(snapshot)" "$before"
}

# --- pipeline file ---------------------------------------------------------------------------------------------------
sed 's/commit_unit/comit_unit/' sluice.yaml >key.yaml
mistake "unknown key" 2 CONFIG_UNKNOWN_KEY 'key.yaml:[0-9]+:3: target.comit_unit: .*target.commit_unit' run -c key.yaml
sed 's/^schema:/chema:/' sluice.yaml >key.yaml
mistake "unknown section" 2 CONFIG_UNKNOWN_KEY 'key.yaml:[0-9]+:1: chema: .*nearest.* schema' run -c key.yaml
mistake "a key like no other" 2 CONFIG_UNKNOWN_KEY 'x.y: unknown key; `sluice help pipeline` lists' run --set x.y=1
mistake "a key with brackets" 2 CONFIG_UNKNOWN_KEY 'no brackets: .*schema.columns.NAME.type' run --set 'schema.columns[age].type=int'
mistake "a scheme that this build has not" 2 UNSUPPORTED 'this build has no sink' run --set target.url=oracle://h/d
unlike "it says once which key" "$err" 'target.url.*target.url'
sed 's/type: double}/type: duoble}/' sluice.yaml >key.yaml
mistake "unknown type" 2 CONFIG 'key.yaml:[0-9]+:[0-9]+: .*duoble' run -c key.yaml
sed 's/^target:/target: [/' sluice.yaml >key.yaml
mistake "no YAML" 2 CONFIG 'key.yaml:[0-9]+' run -c key.yaml
sed 's/file:lake/"file:${NO_LAKE_HERE}"/' sluice.yaml >key.yaml
mistake "unset variable" 2 CONFIG_UNSET 'key.yaml:[0-9]+:[0-9]+: .*NO_LAKE_HERE.* (set|write)' run -c key.yaml
sed 's/file:lake/"file:${file:no_such_file}"/' sluice.yaml >key.yaml
mistake "missing \${file:}" 2 NOT_FOUND 'key.yaml:[0-9]+.*no_such_file' run -c key.yaml
for command in plan validate status verify; do
    mistake "$command too" 2 NOT_FOUND 'no_such_file' $command -c key.yaml
done
mistake "unknown environment" 2 CONFIG 'prd.*ci.*prod' run -e prd
mistake "layout without the hour" 2 CONFIG 'layout .*%H is missing' run --set 'source.layout=%Y/%m/%d/*.csv'
mistake "layout with a stranger" 2 CONFIG 'layout .*%Q|only %Y' run --set 'source.layout=%Y/%m/%d/%H/%Q.csv'
mistake "no layout" 2 CONFIG 'source.layout.*empty' run --set source.layout=
mistake "no column" 2 CONFIG 'target.key.*no column agee' run --set 'target.key=[agee]'
mistake "reload without lineage" 2 NEEDS_LINEAGE 'target.lineage' run --reload -y --set target.lineage=false
mistake "an hour out of form" 2 USAGE '2022-6-5.*write 2022-06-05T12' run --hour 2022-6-5
mistake "an hour that is none" 2 USAGE '2022-06-05T24' run --hour 2022-06-05T24

# --- folders and rights ----------------------------------------------------------------------------------------------
for command in run plan verify; do
    mistake "missing source folder: $command" 2 NOT_FOUND 'source.url: folder .*/p/nolake is not there: make it, or correct' \
        $command --set source.url=file:nolake
done
mistake "missing folder of the database" 2 NOT_FOUND 'target.url: folder .*/p/nodb is not there: make it, or correct' \
    run --set target.url=sqlite:nodb/x.db
mistake "a folder in place of the database" 2 CONFIG 'target.url: .*lake is a folder: name a database file' run --set target.url=sqlite:lake
mistake "no database" 2 DB_CORRUPT 'target.url: .*sluice.yaml.*(name|is)' run --set target.url=sqlite:sluice.yaml

# Root passes every right: it takes another user's place where it can.
if [ "$(id -u)" = 0 ]; then
    # What a build for coverage counts (GCOV_PREFIX) could not go where root's counts are, and it would say so.
    mkdir -m 777 "$work/gcov"
    user="env GCOV_PREFIX=$work/gcov setpriv --reuid=65534 --regid=65534 --clear-groups"
    $user true 2>/dev/null || user=cannot
fi
# That user has to get there through a TMPDIR of our own.
chmod go+x "${TMPDIR:-/tmp}" 2>/dev/null
cp "$SLUICE" "$work/sluice" && chmod 755 "$work" "$work/p" "$work/sluice" && chmod -R go+rX lake
SLUICE=$work/sluice
if [ "$user" = cannot ]; then
    pass "rights # skip root passes every right, and cannot become another user; run as another user"
else
    chmod 444 loans.db
    mistake "read-only database" 2 READ_ONLY 'target.url: file .*loans.db cannot be written to: let this user write to it' run
    mistake "validate says so too" 2 READ_ONLY 'checks failed, first: target server' validate
    like "in its list" "$(cat "$work/out")" 'failed +READ_ONLY: file .*loans.db cannot be written to: let this user write to it'
    chmod 666 loans.db
    chmod 555 .
    mistake "read-only folder of the database" 2 READ_ONLY 'target.url: folder .*/p cannot be written to: let this user write there' run
    mistake "read-only folder, a new database" 2 READ_ONLY 'target.url: folder .*/p cannot be written to' run --set target.url=sqlite:new.db
    chmod 777 .
    chmod 000 lake
    mistake "unreadable source folder" 2 DENIED 'lake.*: let this user read it' run
    chmod 755 lake
    chmod 000 lake/yyyy=2022/mm=06/dd=05/hh=13
    mistake "unreadable folder inside" 2 DENIED 'dd=05/hh=13.*: let this user read it' run
    chmod 755 lake/yyyy=2022/mm=06/dd=05/hh=13
    # What was loaded stays loaded; the hour's failure is noted, so the database does change.
    chmod 000 lake/yyyy=2022/mm=06/dd=05/hh=13/part-00000.csv
    $user "$SLUICE" run >"$work/out" 2>"$work/err"
    is "unreadable file: exit and lines" "$? $(wc -l <"$work/err")" "2 1"
    like "unreadable file: which" "$(cat "$work/err")" 'error: DENIED: .*hh=13/part-00000.csv: .*let this user read it'
    is "unreadable file: the one beside it is loaded" "$(sql loans.db "SELECT group_concat(object) FROM sluice_load WHERE object LIKE '%hh=13%'")" \
        "yyyy=2022/mm=06/dd=05/hh=13/part-00001.csv"
    chmod 644 lake/yyyy=2022/mm=06/dd=05/hh=13/part-00000.csv
    $user "$SLUICE" run >"$work/out" 2>"$work/err"
    is "readable again: it is loaded" "$? $(sql loans.db 'SELECT count(*) FROM loan_applicant_info')" "0 200"
    chmod 755 .
fi
user=

# --- tables ----------------------------------------------------------------------------------------------------------
most='SeriousDlqin2yrs INTEGER, RevolvingUtilizationOfUnsecuredLines REAL, age INTEGER,
NumberOfTime30_59DaysPastDueNotWorse INTEGER, DebtRatio REAL, MonthlyIncome INTEGER, NumberOfOpenCreditLinesAndLoans INTEGER,
NumberOfTimes90DaysLate INTEGER, NumberRealEstateLoansOrLines INTEGER, NumberOfTime60_89DaysPastDueNotWorse INTEGER'
# table NAME PATTERN COLUMNS
table() {
    rm -f other.db
    sql other.db "CREATE TABLE loan_applicant_info ($3)"
    mistake "$1" 2 TABLE_MISMATCH "loan_applicant_info.*($2)" run --set target.url=sqlite:other.db
}
table "a missing column" 'no column NumberOfDependents: add it' "$most, _load INTEGER"
table "another type" 'NumberOfDependents .*TEXT.*make it INTEGER' "$most, NumberOfDependents TEXT, _load INTEGER"
table "a type that rounds" 'NumberOfDependents.*make it' "$most, NumberOfDependents REAL, _load INTEGER"
table "no _load" 'ADD COLUMN _load INTEGER, or say target.lineage: false' "$most, NumberOfDependents INTEGER"
table "a column that must have a value" 'column x .*give it a default' "$most, NumberOfDependents INTEGER, _load INTEGER, x TEXT NOT NULL"
table "a column that may not be NULL" 'NumberOfDependents .*nullable: false' "$most, NumberOfDependents INTEGER NOT NULL, _load INTEGER"
rm -f other.db
sql other.db 'CREATE VIEW loan_applicant_info AS SELECT 1 AS age'
mistake "a view" 2 TABLE_MISMATCH 'is a view: name a table' run --set target.url=sqlite:other.db
rm -f other.db
sql other.db "CREATE TABLE loan_applicant_info ($most, NumberOfDependents INTEGER, _load INTEGER)"
mistake "create: never" 2 TABLE_MISSING 'sluice setup' run --set target.url=sqlite:other.db --set target.create=never
mistake "create: never, no file" 2 '(TABLE_MISSING|NOT_FOUND)' 'sluice setup' run --set target.url=sqlite:new.db --set target.create=never
sql loans.db 'UPDATE sluice_schema SET version = version + 1000'
for command in run setup plan status history verify 'rejects ls' 'rejects show' 'rejects replay' 'baseline --to 2022-06-05T13' \
    'setup --print'; do
    # shellcheck disable=SC2086
    mistake "tables of a newer version: $command" 2 SCHEMA_NEWER 'newer' $command
done
sql loans.db 'UPDATE sluice_schema SET version = version - 1000'
sed "s/name: age, type: int, checks: {min: 0, max: 120}/name: age, type: text/" sluice.yaml >text.yaml
mistake "a changed schema: the table is looked at" 2 TABLE_MISMATCH 'age' run -c text.yaml

# A table that is gone, or has another name now: made anew it would stay empty.
for command in run setup; do
    mistake "$command: another table name" 2 TABLE_MISSING 'other is missing.*loaded [0-9]+ rows.*target.table.*run --reload' \
        $command --set target.table=other
done
sql loans.db 'DROP TABLE loan_applicant_info'
mistake "a dropped table" 2 TABLE_MISSING 'loan_applicant_info is missing.*run --reload' run
mistake "nor for one hour" 2 TABLE_MISSING 'loan_applicant_info is missing.*run --reload' run --reload -y --hour 2022-06-05T12
mistake "a dropped table, create: never" 2 TABLE_MISSING 'run --reload --set target.create=if_missing' run --set target.create=never
succeeds "a reload of all makes it" run --reload -y
is "with all rows" "$(sql loans.db 'SELECT count(*) FROM loan_applicant_info')" 200

finish
