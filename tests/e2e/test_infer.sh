#!/bin/sh
# `sluice infer`: what it prints is a pipeline file that runs: infer, then run, then verify, over lakes of many forms; what it
# cannot guess it says, with what to do, and doing that works.
set -u
. tests/e2e/lib.sh
shared=${SLUICE_SHARED_DATA:-../shared/data}
case $shared in
/*) ;;
*) shared=$PWD/$shared ;;
esac
hour=yyyy=2022/mm=06/dd=05/hh=12

# json PATH: of the document on the last stdout
json() {
    sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('$work/out') AS TEXT), '$1')"
}

# at NAME: a new folder to work in
at() {
    mkdir -p "$work/$1" && cd "$work/$1" || exit 1
}

# old DIR...: an etag is trusted only when the file has rested for 2 s
old() {
    find "$@" -type f -exec touch -d '2022-06-05T12:30:00Z' {} +
}

# commands: does what the comments of sluice.yaml tell to do
commands() {
    sed -n 's/^#   sluice /sluice /p' sluice.yaml >commands
    (
        sluice() { "$SLUICE" "$@"; }
        . ./commands
    ) >/dev/null 2>"$work/commands.err" || fail "the commands of the comment" "$(cat commands "$work/commands.err")"
}

# loads NAME SOURCE RECORDS [OPTION...]: infers, does what is told, runs and verifies; all is loaded and nothing refused
loads() {
    name=$1 source=$2 records=$3
    shift 3
    run infer "$@" "$source"
    cp "$work/out" sluice.yaml
    inferred=$out
    if [ $status != 0 ] || [ -s "$work/err" ]; then
        fail "$name: infer" "status $status: $err"
        return
    fi
    commands
    run validate --offline
    [ $status = 0 ] || fail "$name: validate" "$err
$inferred"
    run run
    if [ $status = 0 ] && printf '%s\n' "$out" | grep -q "^read $records = loaded $records + rejected 0;"; then
        pass "$name: $records records"
    else
        fail "$name: run" "status $status: $out
$err
$inferred"
    fi
    run verify
    is "$name: verify" "$status $(printf '%s\n' "$out" | sed -n 's/^verify: \(equal\).*/\1/p')" "0 equal"
}

# has NAME LINE: a line of the file, without its comment
has() {
    if printf '%s\n' "$inferred" | sed 's/   *#.*//' | grep -Fxq -e "$2"; then pass "$1"; else fail "$1" "no \"$2\" in:
$inferred"; fi
}

# --- a generated lake ------------------------------------------------------------------------------------------------
at generated
"$GEN_FIXTURE" --out lake --hours 3 --files 2 --rows 1000 >/dev/null
gzip -n lake/$hour/part-00001.csv
echo '{}' >lake/manifest.json
mkdir lake/_tmp && cp lake/$hour/part-00000.csv lake/_tmp/
old lake
loads "a lake" lake 6,000
has "layout" '  layout: yyyy=%Y/mm=%m/dd=%d/hh=%H/*.csv'
has "url as given" '  url: lake'
has "the unnamed running number is dropped" '    - {name: row_no, from: "", type: bigint, drop: true}'
has "boolean" '    - {name: SeriousDlqin2yrs, type: boolean}'
has "double" '    - {name: DebtRatio, type: double}'
has "NULL" '    nulls: ["NA"]'
like "evidence of the layout" "$inferred" '# Matches 6 of 8 keys, hours 2022-06-05T12 to 2022-06-05T14\.$'
like "what it does not match" "$inferred" '# Not matched: 1, such as manifest\.json$'
like "what is hidden" "$inferred" '# 1 begin with "\." or "_"'
like "evidence of a column" "$inferred" 'name: age, type: int\}   # [0-9]+\.\.[0-9]+; no NULL among 6,000$'
like "all was read" "$inferred" '^# Inferred from lake: 6 of 6 objects, 6,000 records, [0-9.]+ KiB, all there is'
unlike "no line is too long" "$inferred" '^.{170}'
first=$inferred
run infer file:lake
is "the same twice but for the URL" "$(printf '%s\n' "$out" | sed 's/file:lake/lake/')" "$first"

# --- samples ---------------------------------------------------------------------------------------------------------
run infer --samples 1 lake
like "one sample" "$out" '^# Inferred from lake: 1 of 6 objects, 1,000 records, .*what was not read may be different'
run infer --samples 3 lake
like "three samples" "$out" '^# Inferred from lake: 3 of 6 objects, 3,000 records'
run infer --full lake
like "everything" "$out" '^# Inferred from lake: 6 of 6 objects, 6,000 records, .*all there is'
run infer -o json --samples 3 lake
is "json: objects" "$(json '$.inferred.objects')" 3
is "json: a column" "$(json '$.columns[1].type') $(json '$.columns[1].name') $(json '$.columns[1].values')" "boolean SeriousDlqin2yrs 3000"
is "json: nulls" "$(json '$.nulls[0].text') $(json '$.nulls[0].taken')" "NA 1"
run infer --summary summary.json lake
is "the summary holds the file" "$(sqlite3 -batch :memory: "SELECT json_extract(CAST(readfile('summary.json') AS TEXT), '\$.inferred.file')")" "$out"
run infer -o csv lake
is "csv: the columns" "$(printf '%s\n' "$out" | head -n 3 | cut -d, -f1 | tr '\n' ,)" "name,row_no,SeriousDlqin2yrs,"
# 100,000 records of an object are enough.
at long
mkdir -p lake/$hour
awk 'BEGIN { print "id,x"; for (i = 1; i <= 100200; i++) print i "," (i > 100100 ? "late" : i % 7) }' >lake/$hour/a.csv
old lake
run infer lake
like "a long object is read in part" "$out" '1 of 1 object, 100,000 records'
like "and it says so" "$out" 'only the first part was read; `--full` reads all'
like "so the late text is not seen" "$out" 'name: x, type: int\}'
run infer --full lake
like "--full sees it" "$out" 'texts: 100, `late` \(.*a\.csv line 100102\)'
like "and makes it text" "$out" 'name: x, type: varchar'

# --- other layouts ---------------------------------------------------------------------------------------------------
for pattern in year=%Y/month=%m/day=%d/hour=%H/x-%N.csv %Y/%m/%d/%H/x-%N.csv dt=%Y-%m-%d/hour=%H/x-%N.csv \
    %Y%m%dT%H-%N.csv eu/%Y/%m/%d/x_%Y%m%d%H_%N.csv; do
    at "layout $(echo "$pattern" | tr '/%' '__')"
    "$GEN_FIXTURE" --out lake --layout "$pattern" --hours 26 --files 2 --rows 10 >/dev/null
    old lake
    loads "$pattern" lake 520
    like "$pattern: all keys" "$inferred" '# Matches 52 of 52 keys, hours 2022-06-05T12 to 2022-06-06T13\.'
done

# --- fixtures, and files without an hour -----------------------------------------------------------------------------
for file in "$SOURCES"/fixtures/csv/good/*.csv; do
    base=$(basename "$file" .csv)
    at "good $base"
    cp "$file" .
    old .
    case $base in header_only) n=0 ;; multiline) n=6 ;; *) n=3 ;; esac
    loads "$base" "$base.csv" $n
done
has "a column whose fields are quoted" '    - {name: age, type: int}'
at "good folder"
cp "$SOURCES"/fixtures/csv/good/[bcnpq]*.csv .
mkdir data && mv ./*.csv data && rm data/*multi* 2>/dev/null
old data
loads "a folder of files" data $((3 * $(ls data | wc -l)))
like "it is copied whole" "$inferred" '^#   sluice cp -r data data_by_hour/yyyy=2022/mm=06/dd=05/hh=12$'
like "it says why" "$inferred" '^# No hour can be found in the keys'
at inside
printf 'a,b\n5,6\n' >"it's 1.csv" && printf 'a,b\n7,8\n' >2.csv
old .
loads "the current folder" . 2
loads "and again" ./ 2
at days
for day in 05 06; do for i in 1 2; do mkdir -p "lake/2022/06/$day" && printf 'a,b\n5,6\n' >"lake/2022/06/$day/part-0$i.csv"; done; done
old lake
printf 'a,b\n5,6\n' >lake/no_day.csv
old lake
loads "a lake of days" lake 4
like "what has no day" "$inferred" '^# Not matched: 1, such as no_day\.csv$'
like "it names the form" "$inferred" 'The keys tell the day \(%Y/%m/%d/\*\.csv\), but no hour'
like "each file goes to its day" "$inferred" '^#   sluice cp lake/2022/06/06/part-01.csv lake_by_hour/yyyy=2022/mm=06/dd=06/hh=00/'
at one_digit
for h in 3 12; do mkdir -p "lake/dt=2024-05-01/hour=$h" && printf 'a,b\n5,6\n' >"lake/dt=2024-05-01/hour=$h/a.csv"; done
old lake
loads "hours of one digit" lake 2
like "it says why" "$inferred" 'The keys tell the hour \(dt=%Y-%m-%d/hour=%H/\*\.csv\), but some with one digit'
like "each file goes to its hour" "$inferred" '^#   sluice cp lake/dt=2024-05-01/hour=3/a.csv lake_by_hour/yyyy=2024/mm=05/dd=01/hh=03/'
like "also where it has two" "$inferred" '^#   sluice cp lake/dt=2024-05-01/hour=12/a.csv lake_by_hour/yyyy=2024/mm=05/dd=01/hh=12/'
at nested
mkdir -p data/a data/b
for i in 1 2; do printf 'a,b\n5,6\n' | tee data/a/$i.csv >data/b/$i.csv; done
old data
loads "folders below" data 4
printf 'a,b\n5,6\n' >data/top.csv
old data
rm -rf data_by_hour data.db
loads "at several depths" data 5
at other_names
printf 'a|b\n5|x\n7|y\n' >numbers.txt && printf 'a\tb\n5\tx\n' | gzip -n >n.tsv.gz && printf 'a,b\n5,x\n' >plain
old .
loads "a .txt file" numbers.txt 2
has "with its delimiter" '    delimiter: "|"'
loads "a .tsv.gz file" n.tsv.gz 1
has "tab" '    delimiter: "\t"'
loads "a name that tells nothing" plain 1
printf 'a,b\n5,x\n' >.hidden.csv
old .
loads "a file that is hidden" .hidden.csv 1
at one_of_a_lake
mkdir -p lake/$hour && printf 'a,b\n5,x\n' >lake/$hour/a.csv
old lake
loads "one file of a lake" lake/$hour/a.csv 1
like "the lake would do" "$inferred" 'The path of the file has an hour'
unlike "a file of no lake" "$("$SLUICE" infer "$work/other_names/plain")" 'The path of the file'
at place
mkdir -p 'my data'
printf 'a,b\n5,x\n' >'my data/a ${b}.csv'
old .
loads "a path to be quoted" 'my data/a ${b}.csv' 1

# --- dialects --------------------------------------------------------------------------------------------------------
# lake_of TEXT...: one object for each, as printf writes it, in hours 00, 01, ...
lake_of() {
    h=0
    for text; do
        d=$(printf 'lake/yyyy=2022/mm=06/dd=05/hh=%02d' $h)
        mkdir -p "$d"
        # shellcheck disable=SC2059
        printf "$text" >"$d/a.csv"
        h=$((h + 1))
    done
    old lake
}
at semicolon
lake_of 'id;price;note\n7;1,50;Hello, world\n8;2,75;"a;b"\n' 'id;price;note\n9;10,00;x\n'
loads "semicolons" lake 3
has "delimiter" '    delimiter: ";"'
has "a decimal comma is a text" '    - {name: price, type: varchar(20)}'
like "and says so" "$inferred" 'such as `1,50`: sluice takes numbers with a point only'
at single
lake_of "a,b\n'x,y',5\n'z',6\n"
loads "single quotes" lake 2
has "quote" "    quote: \"'\""
at headless
lake_of '7,anna\n8,bert\n' '9,carl\n'
loads "no header" lake 3
has "header: none" '    header: none'
has "names by position" '    - {name: column_2, type: varchar(20)}'
at bom
lake_of '\357\273\277id;x\r\n7;5\r\n' '\357\273\277id;x\r\n8;6\r\n'
loads "BOM and CRLF" lake 2
like "it says so" "$inferred" '# Lines end with CR and LF, the files begin with a byte order mark'
at packed
lake_of 'id,x\n7,5\n' 'id,x\n8,6\n'
zstd -q --rm lake/*/*/*/hh=00/a.csv && gzip -n lake/*/*/*/hh=01/a.csv
old lake
loads "zstd and gzip" lake 2
at names
lake_of 'a b,_x,"q""t: #",${HOME},\303\251t\303\251,null,a_b\n5,6,7,8,9,10,11\n'
loads "names that need care" lake 1
is "they are columns" "$(sql lake.db "SELECT a_b, x, q_t, HOME, été, \"null\", a_b_2 FROM lake")" "5|6|7|8|9|10|11"
at twice
lake_of 'a,b,a\n5,x,1.5\n6,y,2.5\n'
loads "a name twice" lake 2
has "by position" '    header: by_position'
like "it says why" "$inferred" '# the name "a" stands twice'

at one_record
lake_of 'a,b\n'
loads "a header alone" lake 0
like "is said as one" "$inferred" '# the one record looked at has 2 fields'
unlike "of no record nothing is said" "$inferred" 'among 0'
like "the queue has a place" "$inferred" '^# queue: \{url: "?file:queue/lake"?\}$'
printf '%s\n' "$inferred" | sed 's/^# queue:/queue:/' >sluice.yaml
succeeds "that works as it is" enqueue --hour 2022-06-05T00

# --- types and nulls -------------------------------------------------------------------------------------------------
at types
lake_of 'id,zip,day,at,ok,big,amount,note,none\n7,08123,2022-06-05,2022-06-05T12:00:00Z,true,9000000000,1.5,,\n8,90210,,2022-06-05 13:00:00.5,false,2,2e3,\\\\N,\n'
loads "types" lake 2
for column in 'id, type: int' 'zip, type: varchar(20)' 'day, type: date' 'at, type: timestamp' 'ok, type: boolean' 'big, type: bigint' \
    'amount, type: double' 'none, type: varchar(255)'; do
    has "${column%%,*}" "    - {name: $column}"
done
has 'empty is NULL, as it stands among dates; \N among texts only is not' '    nulls: [""]'
at money
mkdir -p lake/$hour
awk 'BEGIN { print "amount"; for (i = 0; i < 40; i++) printf "%d.%02d\n", i, (i * 10) % 100 }' >lake/$hour/a.csv
old lake
loads "money" lake 40
has "decimal" '    - {name: amount, type: "decimal(12,2)"}'
at namibia
lake_of 'country,n\nDE,5\nNA,NA\nFR,7\n'
loads "NA is Namibia" lake 3
has "not taken" '    nulls: []'
like "it says why" "$inferred" '`NA`: 2, not taken: in country'
is "no country is lost" "$(sql lake.db "SELECT count(*) FROM lake WHERE country = 'NA'")" 1
at drift
lake_of 'a,b\n5,6\n' 'a,b,c\n7,8,x\n' 'b,a\n9,10\n'
loads "headers that differ" lake 3
has "missing columns are NULL" '  missing_columns: null'
like "it says where" "$inferred" '2 of 3 objects lack some of these columns, first yyyy=2022/mm=06/dd=05/hh=00/a.csv'
like "and of which column" "$inferred" 'name: c, type: varchar\(20\)\}   # .*; in 1 of 3 objects'
is "by name" "$(sql lake.db 'SELECT sum(a), sum(b) FROM lake')" "22|23"

# --- what cannot be loaded is told -----------------------------------------------------------------------------------
at faults
lake_of 'a,b\n5,6\n7\n8,"x\\"y"\n' 'a,b\n5,caf\351\n'
run infer lake
is "faults do not stop it" "$status$err" 0
like "ragged" "$out" '# 1 record cannot be loaded, CSV_RAGGED: first .*hh=00/a\.csv line 3, `7`'
like "quote" "$out" 'CSV_QUOTE: first'
like "backslash" "$out" 'have a backslash before a quote or delimiter: 1\.'
like "Latin-1" "$out" 'If the files are Latin-1, convert them: iconv'
like "where" "$out" 'no UTF-8, so rejected: 1, such as'
printf '%s\n' "$out" >sluice.yaml
run run --set policy.max_rejects=90%
is "exactly these are refused" "$status $(printf '%s\n' "$out" | sed -n 's/^\(read.*rejected [0-9]*\);.*/\1/p')" "0 read 4 = loaded 1 + rejected 3"
at damaged
lake_of 'a,b\n5,6\n' 'a,b\n7,8\n'
printf 'no gzip' >lake/yyyy=2022/mm=06/dd=05/hh=00/b.csv.gz
printf '\377\376a\000' >lake/yyyy=2022/mm=06/dd=05/hh=01/b.csv
run infer lake
is "a damaged object does not stop it" "$status$err" 0
like "it is told" "$out" '^# 2 objects could not be used: .*hh=00/b\.csv\.gz: '

at some_headers
lake_of '7,x\n8,y\n' 'a,b\n5,x\n' 'a,b\n6,y\n'
run infer lake
like "an object without a header is left out" "$out" '^# 1 object could not be used: .*hh=00/a\.csv: it has no header line'
like "it is told" "$out" 'Of the objects looked at, 2 seem to have a header, 1 seem to have none'
is "the columns are those of the header" "$(printf '%s\n' "$out" | grep -c '^    - {name: [ab],')$(printf '%s\n' "$out" | grep -c '^    - ')" 22

# --- mistakes: one line, exit 2 --------------------------------------------------------------------------------------
at mistakes
mkdir empty other
echo '{}' >other/a.json
printf 'a\000,\000b\000\n\000' >utf16.csv
printf '\000\001\002\003\004\005\006\016' >binary.csv
: >zero.csv
printf 'a\r1\r2\r' >mac.csv
printf 'a,b\n1,2\n' | gzip -n >packed.csv
refuses "no SOURCE" 2 USAGE 'the form is .sluice infer SOURCE' infer
refuses "standard input" 2 USAGE 'no place' infer -
refuses "a missing folder" 2 NOT_FOUND 'missing' infer missing
refuses "a missing file" 2 NOT_FOUND 'missing.csv' infer missing.csv
refuses "an empty folder" 2 NOT_FOUND 'empty has no object' infer empty
refuses "no CSV" 2 NOT_FOUND 'none of the 1 objects in other is a \.csv.*the first is a\.json' infer other
refuses "UTF-16" 2 UNSUPPORTED 'utf16\.csv: .*UTF-16.*iconv' infer utf16.csv
refuses "binary" 2 UNSUPPORTED 'binary\.csv: it is no text' infer binary.csv
refuses "nothing in it" 2 UNSUPPORTED 'zero\.csv: .*empty' infer zero.csv
refuses "old Mac" 2 UNSUPPORTED "mac\.csv: .*tr '" infer mac.csv
refuses "gzip under another name" 2 UNSUPPORTED 'packed\.csv: it is compressed by gzip: its name must end in \.csv\.gz' infer packed.csv
refuses "--samples 0" 2 USAGE '--samples is a number from 1 to 1000' infer --samples 0 empty
refuses "--samples and --full" 2 USAGE 'exclude each other' infer --samples 3 --full empty
is "nothing was made" "$(ls)" "$(printf 'binary.csv\nempty\nmac.csv\nother\npacked.csv\nutf16.csv\nzero.csv')"

# --- public data -----------------------------------------------------------------------------------------------------
if [ -r "$shared/loan_applicants_sample.csv" ]; then
    at loan
    mkdir -p lake/$hour && cp "$shared/loan_applicants_sample.csv" lake/$hour/
    old lake
    loads "loan applicants" lake 9,999
    # The types of the documented pipeline.
    sed -n 's/^    - {name: \([A-Za-z0-9_]*\),.* type: \([a-z]*\).*/\1 \2/p' "$SOURCES/docs/pipeline.example.yaml" >documented
    sed -n 's/^    - {name: \([A-Za-z0-9_]*\),.* type: \([a-z]*\).*/\1 \2/p; s/^    - {name: \([A-Za-z0-9_]*\), type: \([a-z]*\).*/\1 \2/p' sluice.yaml | sort -u >found
    is "the types of docs/pipeline.example.yaml" "$(sort -u documented | diff - found)" ""
    has "NULL is NA" '    nulls: ["NA"]'
else
    echo "# skip the loan sample: $shared is not there; set SLUICE_SHARED_DATA to its folder"
fi
for file in "$shared"/csv-spectrum/csvs/*.csv; do
    [ -r "$file" ] || continue
    base=$(basename "$file" .csv)
    at "spectrum $base"
    mkdir -p lake/$hour && cp "$file" lake/$hour/
    old lake
    case $base in comma_in_quotes | json | simple | simple_crlf) n=1 ;; newlines*) n=3 ;; *) n=2 ;; esac
    loads "csv-spectrum $base" lake $n
done

finish
