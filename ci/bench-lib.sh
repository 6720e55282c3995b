# What ci/bench-*.sh share; sourced from the root of the sources, with set -eu. Data is made once in build/bench/, reports
# are kept there.
# The script says where its `report` is.
# shellcheck shell=sh disable=SC2034,SC2154
runs=${RUNS:-3}
sluice=$PWD/build/release/sluice
gen=build/release/gen_fixture
dir=$PWD/build/bench
table=loan_applicant_info
hour=yyyy=2022/mm=06/dd=05/hh=12
mkdir -p "$dir"

# say TEXT: to the report too.
say() {
    echo "$*" | tee -a "$report"
}

# lake NAME FILES ROWS: generated once.
lake() {
    if [ ! -e "$dir/$1.made" ]; then
        rm -rf "${dir:?}/$1"
        $gen --out "$dir/$1" --files "$2" --rows "$3" >"$dir/$1.made.new"
        mv "$dir/$1.made.new" "$dir/$1.made"
    fi
    echo "bench: $1: $(cat "$dir/$1.made")"
}

# timed NAME COMMAND...: adds a line `seconds peak-KiB` to NAME.times.
timed() {
    name=$1
    shift
    sync
    /usr/bin/time -q -o "$dir/time" -f '%e %M' "$@" >"$dir/$name.log" 2>&1 || {
        cat "$dir/$name.log" >&2
        exit 1
    }
    cat "$dir/time" >>"$dir/$name.times"
    echo "bench: $name: $(sed 's/ / s, /' "$dir/time") KiB"
}

seconds() { # of the median run
    sort -n "$dir/$1.times" | awk '{ at[NR] = $1 } END { print at[int((NR + 1) / 2)] }'
}

peak_mib() { # of the largest run
    awk '$2 > most { most = $2 } END { printf "%.1f", most / 1024 }' "$dir/$1.times"
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }'
}

# line TEXT NAME BASE AIM: a row of the report.
line() {
    say "$(printf '  %-44s %9s %15s %10s   %s' "$1" "$(seconds "$2")" "$(ratio "$(seconds "$3")" "$(seconds "$2")")" "$(peak_mib "$2")" "$4")"
}

machine() {
    echo "$(grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //'), $(nproc) cores, load average $(cut -d' ' -f1 /proc/loadavg)"
}
