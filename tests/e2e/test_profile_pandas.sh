#!/bin/sh
# profile --json against pandas: describe(), value_counts(), corr(), isna(), nunique(), skew(), quantile(), to 1e-9.
# On a generated file with every type, on a generated lake, and on the public sample of loan applicants where it is there.
set -u
. tests/e2e/lib.sh

# The one that comes first may be another than the system's, which the package is for.
python=
for candidate in python3 /usr/bin/python3; do
    [ -n "$python" ] || ! $candidate -c 'import pandas' 2>/dev/null || python=$candidate
done
if [ -z "$python" ]; then
    echo "SKIP: pandas is not there for python3; ci/deps.sh check installs it (python3-pandas)"
    echo "ok 1 - figures against pandas # SKIP"
    echo "1..1"
    exit 0
fi
compare="$SOURCES/tests/support/profile_pandas.py"
sample=${SLUICE_SHARED_DATA:-../shared/data}/loan_applicants_sample.csv
case $sample in
/*) ;;
*) sample=$PWD/$sample ;;
esac

# agree NAME LEAST NULLS: over all files of the lake; at least so many figures
agree() {
    # shellcheck disable=SC2046
    found=$($python "$compare" compare profile.json "$3" $(find lake -type f | LC_ALL=C sort) 2>&1)
    if [ "$(echo "$found" | grep -Ec '^[0-9]+ figures agree, 0 differ$')" = 1 ] && [ "${found%% *}" -ge "$2" ]; then
        pass "$1: $found"
    else
        fail "$1" "$found"
    fi
}

# --- every type ------------------------------------------------------------------------------------------------------
hour=lake/yyyy=2022/mm=06/dd=05/hh=12
mkdir -p "$work/types/$hour" && cd "$work/types" || exit 1
$python "$compare" generate $hour/a.csv
cat >sluice.yaml <<'END'
name: types
source: {url: "file:lake", csv: {nulls: ["NA"]}}
schema:
  columns:
    - {name: id, type: bigint, nullable: false}
    - {name: kind, type: varchar(5)}
    - {name: word, type: text}
    - {name: price, type: "decimal(12,2)"}
    - {name: day, type: date}
    - {name: moment, type: timestamp}
    - {name: ratio, type: double}
    - {name: flag, type: boolean}
    - {name: nothing, type: int}
    - {name: same, type: smallint}
target: {url: "sqlite:t.db", table: t}
END
succeeds "every type" profile --json profile.json
agree "as pandas has it" 250 NA
succeeds "by a text" profile --by kind --json profile.json
agree "split by it, too" 500 NA
succeeds "by a boolean with NULLs" profile --by flag --json profile.json
agree "split by that" 500 NA

# --- a lake of several files -----------------------------------------------------------------------------------------
lake "$work/p" --hours 3 --files 3 --rows 3000
cd "$work/p" || exit 1
succeeds "a generated lake" profile --by SeriousDlqin2yrs --json profile.json --threads 1
agree "as pandas has it" 900 NA,

# --- the public sample -----------------------------------------------------------------------------------------------
if [ ! -r "$sample" ]; then
    echo "ok $((cases += 1)) - real data # skip $sample is not there; lay it there, or set SLUICE_SHARED_DATA to its folder"
    finish
    exit
fi
mkdir -p "$work/real" && cd "$work/real" || exit 1
cp "$SOURCES/docs/pipeline.example.yaml" sluice.yaml
for hour in 00 01 02 03 04 05; do
    mkdir -p "lake/yyyy=2022/mm=06/dd=05/hh=$hour"
done
awk -v rows="$(($(wc -l <"$sample") - 1))" '
    NR == 1 { header = $0; next }
    {
        file = sprintf("lake/yyyy=2022/mm=06/dd=05/hh=%02d/part.csv", int((NR - 2) * 6 / rows))
        if (!(file in seen)) { print header >file; seen[file] = 1 }
        print >file
    }' "$sample"
succeeds "the sample" profile --by SeriousDlqin2yrs --json profile.json
agree "as pandas has it" 900 NA,
finish
