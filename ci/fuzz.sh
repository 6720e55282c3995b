#!/bin/sh
# Runs the fuzz targets built in build/fuzz, one after another, each for some seconds: `ci/fuzz.sh SECONDS [T]`, T being
# a part of the name. What libFuzzer finds worth keeping goes to build/fuzz/corpus/TARGET and is taken up by the next
# run; an input that fails is left in build/fuzz and named, with how to run it again. Ends with 1 after a failure.
set -u
seconds=$1
T=${2:-}
ran=0
status=0
# libFuzzer ends without cleaning up.
TMPDIR=$(mktemp -d) || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM

for source in tests/fuzz/fuzz_*.c; do
    target=$(basename "$source" .c)
    target=${target#fuzz_}
    case $target in *"$T"*) ;; *) continue ;; esac
    ran=$((ran + 1))
    corpus=build/fuzz/corpus/$target
    mkdir -p "$corpus"
    seeds=tests/fuzz/corpus/$target
    more=$(sed -n "s/^ *X($target, \"\(.*\)\").*/\1/p" tests/fuzz/fuzz.h)
    if [ -n "$more" ]; then
        seeds="$seeds $(find "$more" -type d | tr '\n' ' ')"
    fi
    echo "fuzz: $target for $seconds s"
    # Paths of this project hold no spaces.
    # shellcheck disable=SC2086
    if ! "build/fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=8192 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/$target-" "$corpus" $seeds \
        >"build/fuzz/$target.log" 2>&1 </dev/null; then
        status=1
        grep -aE 'does not hold|ERROR|SUMMARY|runtime error' "build/fuzz/$target.log"
        found=$(sed -n 's/.*Test unit written to //p' "build/fuzz/$target.log" | tail -n 1)
        echo "fuzz: $target FAILED: build/fuzz/$target.log; again: build/fuzz/tests/fuzz/fuzz_$target $found"
    fi
    sed -n 's/^stat::number_of_executed_units: */  executions: /p' "build/fuzz/$target.log"
done
if [ $ran = 0 ]; then
    echo "fuzz: no target's name contains \"$T\"" >&2
    exit 2
fi
exit $status
