#!/bin/sh
# Compares `sluice profile` with pandas and ydata-profiling on one generated file of 5,000,000 rows: speed and memory. No test: it
# prints figures with the aim beside them, and keeps them in build/bench/profile.txt.
#
# What is compared: the whole command, from the file to the report. pandas does what people do by hand (ci/bench-pandas.py: read_csv,
# describe, isna, value_counts, corr), ydata-profiling its minimal report (ci/bench-ydata.py). Runs alternate, the median of RUNS (3)
# counts; ydata-profiling takes minutes and runs once, on fewer rows (YDATA_ROWS) where asked, which is said.
# Both come from `ci/cache.sh profilers`; without them sluice is timed alone.
set -eu
cd "$(dirname "$0")/.."

. ci/bench-lib.sh
report=$dir/profile.txt
ydata_rows=${YDATA_ROWS:-5000000}
: >"$report"
python=$(ci/cache.sh profilers)/bin/python || python=

# profile NAME THREADS: one timed run; its JSON stays in NAME.json.
profile() {
    timed "$1" "$sluice" profile -c docs/pipeline.example.yaml -q --set "source.url=file:$dir/rows5m" \
        --threads "$2" --json "$dir/$1.json"
}

lake rows5m 1 5000000
rm -f "$dir"/profile_*.times "$dir"/pandas.times "$dir"/ydata.times
file=$dir/rows5m/$hour/part-00000.csv
cat "$file" >/dev/null

i=0
while [ $i -lt "$runs" ]; do
    profile profile_1 1
    [ -z "$python" ] || timed pandas "$python" ci/bench-pandas.py "$file"
    profile profile_2 2
    i=$((i + 1))
done
cmp -s "$dir/profile_1.json" "$dir/profile_2.json" || {
    echo "bench: the reports of 1 and 2 threads differ" >&2
    exit 1
}
if [ -n "$python" ]; then
    some=$file
    if [ "$ydata_rows" -lt 5000000 ]; then
        some=$dir/ydata.csv
        head -n $((ydata_rows + 1)) "$file" >"$some"
    fi
    # A compiler at run time and fonts have their caches by the second time: the first is not counted.
    head -n 1001 "$file" >"$dir/warm.csv"
    "$python" ci/bench-ydata.py "$dir/warm.csv" "$dir/warm.html" >/dev/null 2>&1
    timed ydata "$python" ci/bench-ydata.py "$some" "$dir/ydata.html"
fi

echo
say "$(machine), median of $runs"
[ -z "$python" ] || say "$("$python" -c 'import pandas, numpy, platform, importlib.metadata as m
print("Python", platform.python_version() + ", pandas", pandas.__version__ + ", numpy", numpy.__version__ +
      ", ydata-profiling", m.version("ydata-profiling"))' 2>/dev/null)"
say ""
if [ -n "$python" ]; then
    say "5,000,000 rows in one file, $(($(stat -c %s "$file") / 1000000)) MB           seconds    times pandas   peak MiB"
    line "pandas: describe, isna, value_counts, corr" pandas pandas ""
    line "sluice profile, 1 thread" profile_1 pandas ""
    line "sluice profile, 2 threads" profile_2 pandas "aim: 2.5 times, 128 MiB"
    say ""
    say "ydata-profiling, minimal, $ydata_rows rows: $(seconds ydata) s, $(peak_mib ydata) MiB: $(awk -v y="$(seconds ydata)" \
        -v s="$(seconds profile_2)" -v n="$ydata_rows" 'BEGIN { printf "%.1f", y / (s * n / 5000000) }') times as long for each row (aim: 15)"
else
    say "5,000,000 rows in one file: 1 thread $(seconds profile_1) s, 2 threads $(seconds profile_2) s, peak $(peak_mib profile_2) MiB"
fi
rm -f "$dir"/profile_?.json "$dir"/warm.* "$dir"/ydata.csv
