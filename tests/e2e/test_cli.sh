#!/bin/sh
# The command line itself: options, help, mistakes, streams, exit status. What commands do is in test_commands.sh.
set -u
. tests/e2e/lib.sh

lake "$work/p" --hours 3 --files 2 --rows 100 --bad ragged:2 --bad type
cd "$work/p" || exit 1
first=lake/yyyy=2022/mm=06/dd=05/hh=12/part-00000.csv

# --- version and help ------------------------------------------------------------------------------------------------
succeeds "-V" -V
like "-V names version and backends" "$out" '^sluice [0-9]+\.[0-9]+\.[0-9]+$'
like "-V names the sinks" "$out" '^sinks: .*sqlite'
succeeds "help" help
commands=$(printf '%s\n' "$out" | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p')
is "help lists every command of this version" "$(echo "$commands" | tr '\n' ,)" \
    "help,validate,setup,baseline,plan,run,status,history,rejects ls,rejects show,rejects replay,verify,query,ls,cat,cp,enqueue,work,queue ls,queue retry,queue drop,serve,infer,profile,"
unlike "no line ends in a space" "$out" ' $'
echo "$commands" | while read -r command; do
    # shellcheck disable=SC2086
    "$SLUICE" help $command 2>&1 | grep -q "^Usage: sluice .*$command" || echo "$command"
done >"$work/without"
is "each has a page" "$(cat "$work/without")" ""
# shellcheck disable=SC2086
echo "$commands" | while read -r command; do
    [ "$("$SLUICE" help $command)" = "$("$SLUICE" $command -h)" ] || echo "$command"
done >"$work/without"
is "-h behind a command is its page" "$(cat "$work/without")" ""
succeeds "-h alone is the overview" -h
like "-h alone" "$out" '^Usage: sluice \[OPTION\]\.\.\. COMMAND'
succeeds "-h before the command" -h run
like "it is the command's page" "$out" 'run: load what'
succeeds "help of plan" help plan
like "it says what to check means" "$(echo $out)" 'To check are objects that were loaded and whose version mark is another'
succeeds "help of a group" help rejects
like "it lists the group" "$out" 'rejects replay'
succeeds "help of an error" help csv_ragged
like "it names the exit status" "$out" '^CSV_RAGGED \(exit status 3\)'
succeeds "help pipeline" help pipeline
like "it lists the keys" "$out" 'commit_unit'
for command in profile verify; do
    run help $command
    like "help $command says what --by is there" "$out" "$([ $command = profile ] && echo '--by COLUMN' || echo 'by hour or')"
    unlike "and not what it is elsewhere" "$out" "$([ $command = profile ] && echo 'verify:' || echo 'profile:')"
done
succeeds "help man" help man
is "docs/sluice.1 is what help man prints" "$(cmp "$work/out" "$SOURCES/docs/sluice.1" 2>&1)" ""
refuses "help of what is unknown" 2 USAGE 'did you mean .sluice help CSV_RAGGED' help CVS_RAGGED
refuses "help of nonsense" 2 USAGE 'help. lists' help qwertyuiop

# --- mistakes --------------------------------------------------------------------------------------------------------
refuses "no command" 2 USAGE 'no command'
refuses "unknown command" 2 USAGE 'did you mean .sluice run' rnu
refuses "a command of the future is unknown" 2 USAGE 'unknown command "backup"' backup
refuses "half a command" 2 USAGE 'ls, show, replay' rejects
refuses "unknown second word" 2 USAGE 'did you mean .sluice rejects show' rejects shwo
refuses "unknown long option" 2 USAGE 'did you mean --reload' run --relaod
refuses "an option of another command" 2 USAGE 'unknown option --reload' verify --reload
refuses "a command's option before it" 2 USAGE 'unknown option --hour' --hour 2022-06-05T12 run
refuses "no abbreviations" 2 USAGE 'unknown option --allow-non' run --allow-non
refuses "unknown short option" 2 USAGE 'unknown option -z; .sluice help run. lists' run -z
refuses "a value is missing" 2 USAGE '--hour needs a value' run --hour
refuses "a page that is nothing's" 2 USAGE 'no page "NOPE"; `sluice help` lists' help NOPE
refuses "a page nearly named" 2 USAGE 'did you mean `sluice help CSV_RAGGED`' help CSV_RAGED
for hours in --all '--hour 2022-06-05T12'; do
    # shellcheck disable=SC2086
    refuses "a reload that nobody can be asked about" 2 USAGE '--reload deletes .*needs -y' run --reload $hours
done
refuses "a value too many" 2 USAGE '--reload takes no value' run --reload=yes
refuses "an empty value" 2 USAGE '--hour has an empty value' run --hour=
refuses "an hour out of form" 2 USAGE '--hour.*2022-06-05T12' run --hour 5pm
refuses "an hour that does not exist" 2 USAGE '--hour' run --hour 2022-02-30
refuses "a duration out of form" 2 USAGE '--wait' run --wait 5
refuses "a moment out of form" 2 USAGE '--now' run --now tomorrow
refuses "a format that is none" 2 USAGE 'text, json or csv' run -o xml
refuses "-o twice over: the last counts, and is wrong" 2 USAGE 'xml' run -o json -o xml
refuses "--log-format" 2 USAGE 'text or json' run --log-format csv
refuses "--set without =" 2 USAGE 'KEY=VALUE' run --set target.table
refuses "--hour and --all" 2 USAGE 'exclude' run --hour 2022-06-05T12 --all
refuses "--to alone" 2 USAGE '--from' run --to 2022-06-05T12
refuses "a range without an hour" 2 USAGE 'no hour' run --from 2022-06-05T12 --to 2022-06-05T12
refuses "baseline without --to" 2 USAGE '--to H' baseline
refuses "two pipelines" 2 USAGE 'given twice' run -c sluice.yaml -c sluice.yaml
refuses "-q and -v" 2 USAGE 'exclude' run -q -v
refuses "too many arguments" 2 USAGE 'too many' run now
refuses "too few arguments" 2 USAGE 'missing' cp a
refuses "an error that is none" 2 USAGE 'no error has the name' rejects ls --error CSV_BAD
refuses "--show over its limit" 2 USAGE '--show' verify --show 100000
refuses "JSON of bytes" 2 USAGE 'as it is' cat "$first" -o json
refuses "a missing pipeline file" 2 NOT_FOUND 'sluice.yaml' -C / run
refuses "a missing named one" 2 NOT_FOUND 'other.yaml' -c other.yaml run
refuses "a folder instead of it" 2 '(USAGE|CONFIG|NOT_FOUND|IO|UNSUPPORTED)' 'lake' -c lake run
refuses "-C to nowhere" 2 NOT_FOUND 'nowhere' -C nowhere run
refuses "an unknown key" 2 CONFIG_UNKNOWN_KEY 'commit_unit' run --set target.comit_unit=file
refuses "an unknown environment" 2 CONFIG 'staging' -e staging run
refuses "a bucket without credentials" 2 DENIED 'no credentials: set AWS_ACCESS_KEY_ID' -e ci run --set target.password=
refuses "a secret on the command line" 2 SECRET_EXPOSED 'password' run --set target.password=hunter22
unlike "which is not printed" "$err" 'hunter22'
refuses "a missing source" 2 NOT_FOUND 'nolake' run --set source.url=file:nolake
refuses "a missing folder of the database" 2 NOT_FOUND 'nodir' run --set target.url=sqlite:nodir/x.db
refuses "no database" 2 DB_CORRUPT 'sluice.yaml' run --set target.url=sqlite:sluice.yaml
refuses "create: never" 2 TABLE_MISSING 'sluice setup' run --set target.create=never
is "none of that made anything" "$(ls)" "lake
sluice.yaml"

# --- reading makes nothing -------------------------------------------------------------------------------------------
for command in validate 'validate --offline' plan status history 'rejects ls' 'rejects show' ls 'run --dry-run' 'setup --print'; do
    # shellcheck disable=SC2086
    succeeds "$command on a fresh folder" $command
done
is "they made nothing" "$(ls)" "lake
sluice.yaml"

# --- where options stand, and what they take -------------------------------------------------------------------------
succeeds "common options before the command" -q -c sluice.yaml --set target.table=t plan
succeeds "and behind it" plan -qc sluice.yaml --set=target.table=t
succeeds "-cFILE" plan -csluice.yaml
succeeds "-C before relative paths" -C .. -c p/sluice.yaml plan
like "paths in the file are relative to the file" "$out" '6 new'
succeeds "between two words" rejects -c sluice.yaml ls
succeeds "-- ends the options" cat -- "$first"
is "cat prints the bytes" "$(cmp "$work/out" "$first" 2>&1)" ""
succeeds "SLUICE_ENV empty is none" plan
SLUICE_ENV=staging refuses "SLUICE_ENV" 2 CONFIG 'staging' plan
succeeds "hours in three forms" plan --from 2022-06-05 --to 2022060513
like "only those" "$out" '^2 new'
succeeds "--from up to now" --now 2022-06-05T14:30:00Z plan --from 2022-06-05T13
like "now's hour is not among them" "$out" '^2 new.*hours: 1;'

# --- streams ---------------------------------------------------------------------------------------------------------
succeeds "-o json" plan -o json
is "is JSON and nothing else" "$(python3 -m json.tool <"$work/out" >/dev/null 2>&1 && echo yes)" yes
succeeds "-o csv" plan -o csv
is "has one header line and a line an hour" "$(wc -l <"$work/out")" 4
run --log-format json -c none.yaml plan
is "--log-format json" "$(python3 -c 'import json,sys; d=json.loads(sys.stdin.read()); print(d["level"], d["error_name"])' <"$work/err")" "error NOT_FOUND"
refuses "--summary that is a folder" 2 USAGE 'lake is a folder' plan --summary lake
succeeds "--summary" plan --summary s.json
like "leaves stdout alone" "$out" '^6 new'
is "the file is the JSON document" "$(python3 -c 'import json; d=json.load(open("s.json")); print(d["schema_version"], d["totals"]["objects"])')" "1 6"
refuses "--summary into a missing folder" 2 NOT_FOUND 'no/s.json' plan --summary no/s.json
ln -s real.json link.json
succeeds "--summary through a link" plan --summary link.json
is "leaves the link" "$(readlink link.json) $(python3 -m json.tool real.json >/dev/null && echo yes)" "real.json yes"
"$SLUICE" ls >/dev/full 2>"$work/err"
is "a full disk behind stdout" $? 1
like "is said" "$(cat "$work/err")" 'error: DISK_FULL: stdout'
# The reader takes nothing and goes: the shell shows a death by SIGPIPE as 128 + 13.
"$GEN_FIXTURE" --out big --rows 20000 >/dev/null
big=big/yyyy=2022/mm=06/dd=05/hh=12/part-00000.csv
mkfifo pipe
"$SLUICE" cat "$big" >pipe 2>"$work/err" &
exec 3<pipe
head -c 1 <&3 >/dev/null
is "core files are forbidden" "$(awk '/^Max core file size/ { print ($5 <= 1 && $6 <= 1) ? "yes" : $0 }' /proc/$!/limits)" yes
exec 3<&-
wait $! 2>/dev/null
is "a closed stdout ends by SIGPIPE" $? 141
is "quietly" "$(cat "$work/err")" ""
rm -r pipe big

# --- colours and bars ------------------------------------------------------------------------------------------------
escape=$(printf '\033')
succeeds "load for the colours" run
unlike "none without a terminal" "$out" "$escape"
succeeds "--color always" status --color always
like "colours the state" "$out" "$escape\[32mloaded$escape"
succeeds "--progress bar" verify --progress bar
like "draws nothing on stdout" "$out" '^verify: equal'
is "make install copies it once" "$(env -u MAKEFLAGS make -n -C "$SOURCES" install | grep -c 'man1/sluice.1')" 1

# --- the README's lines, as they stand there, from the folder of the sources after `make demo` -----------------------
mkdir -p "$work/readme/build/demo" && ln -s "$SLUICE_BUILD" "$work/readme/build/release" && ln -s "$SOURCES/docs" "$work/readme/docs"
"$GEN_FIXTURE" --out "$work/readme/build/demo/lake" --hours 3 --files 3 --rows 400 --bad ragged --bad type --bad range >/dev/null
sed -n '/^## Ten lines/,/^## /p' "$SOURCES/README.md" | sed -n '/^```sh/,/^```$/{/^```/d;p;}' | head -n 20 >"$work/lines.sh"
like "the README has them" "$(grep -c sluice "$work/lines.sh")" '^[0-9]{2}$'
(cd "$work/readme" && sh -e "$work/lines.sh" >"$work/out" 2>"$work/err" </dev/null)
is "each goes through" "$? $(grep -c error: "$work/err")" "0 0"

finish
