#!/bin/sh
# Simulated worlds, two processes side by side: `ci/sim.sh PROGRAM FIRST COUNT`, or `ci/sim.sh PROGRAM log SEED` for the story
# of one. `make sim` builds the program and calls it. The status is 1 where a seed failed; the first that did tells its story.
set -u
program=$1
if [ "$2" = log ]; then
    exec "$program" log "$3"
fi
first=$2 count=$3
half=$((count / 2)) status=0
tmp=$(mktemp -d) || exit 2
"$program" "$((first + half))" "$((count - half))" >"$tmp/second" &
beside=$!
if [ "$half" -gt 0 ]; then
    "$program" "$first" "$half" || status=1
fi
wait "$beside" || status=1
cat "$tmp/second"
rm -rf "$tmp"
exit $status
