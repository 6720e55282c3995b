#!/bin/sh
# A small lake of 3 hours with three bad records, loaded into a new SQLite database, loaded again, verified: what sluice
# does, in its own words. Everything is under build/demo.
set -eu
cd "$(dirname "$0")/.."

sluice=build/release/sluice
demo=build/demo
rm -rf $demo
mkdir -p $demo

show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

# total KEY FILE: a number from the totals of a --summary document.
total() {
    sed -n '/"totals"/,$p' "$2" | tr ',{}' '\n\n\n' | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" | head -n 1
}

echo "A lake of 3 hours, 3 files each, with three bad records:"
show build/release/gen_fixture --out $demo/lake --hours 3 --files 3 --rows 4000 --bad ragged --bad type --bad range
cp docs/pipeline.example.yaml $demo/sluice.yaml

start=$(date +%s%N)
show $sluice run -c $demo/sluice.yaml --summary $demo/first.json
elapsed=$(($(date +%s%N) - start))
show $sluice rejects ls -c $demo/sluice.yaml
printf '\nThe same again: what is loaded stays loaded once.\n'
show $sluice run -c $demo/sluice.yaml --summary $demo/second.json
show $sluice verify -c $demo/sluice.yaml

read=$(total rows_read $demo/first.json)
loaded=$(total rows_loaded $demo/first.json)
rejected=$(total rows_rejected $demo/first.json)
again=$(total rows_loaded $demo/second.json)
if [ "$read" != $((loaded + rejected)) ] || [ "$rejected" != 3 ] || [ "$again" != 0 ]; then
    echo "demo: the counts are not what they must be: read $read, loaded $loaded, rejected $rejected, again $again" >&2
    exit 1
fi
cat <<END

read $read = loaded $loaded + rejected $rejected; 3 hours, 9 objects, $((elapsed / 1000000000)).$(printf %02d $((elapsed / 10000000 % 100))) s
loaded again: $again new
verify: equal
The database is $demo/loans.db. Try next:
  $sluice history -c $demo/sluice.yaml
  $sluice rejects show -c $demo/sluice.yaml
END
