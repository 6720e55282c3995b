#!/bin/sh
# Races that only processes show: an object that comes, and is queued, while its hour is being ended; several enqueues at once.
set -u
. tests/e2e/lib.sh

lake "$work/p" --hours 1 --files 1 --rows 2
cd "$work/p" || exit 1
mkdir -p queue/loan_applicants
# A worker looks again for an hour that another has after a third of the lease: here soon. In SQLite the file's lock is the lease.
sed -i 's/^  lease:.*/  lease: 1s/' sluice.yaml
succeeds "setup" setup

pids=
for i in 1 2 3 4 5 6 7 8; do
    "$SLUICE" enqueue -q --missing >/dev/null 2>"err$i" &
    pids="$pids $!"
done
statuses=
for pid in $pids; do
    wait "$pid"
    statuses=$statuses$?
done
is "eight enqueues at once" "$statuses $(cat err?) $(ls queue/loan_applicants)" "00000000  2022060512"

seed=${TEST_SEED:-$(date +%s)}
if said=$(python3 "$SOURCES/tests/support/queue_races.py" "$SLUICE" 300 45 "$seed" 2>&1); then
    pass "an object that comes late is never forgotten"
else
    fail "an object that comes late is never forgotten" "$said"
fi
echo "# $said"
succeeds "work" work
is "all is loaded, once" "$(sql loans.db "SELECT count(*) - (SELECT count(*) FROM sluice_load) FROM (SELECT DISTINCT object FROM sluice_load)") $(ls queue/loan_applicants)" "0 "
is "each object" "$(sql loans.db 'SELECT count(*) FROM sluice_load')" "$(find lake -name '*.csv' | wc -l)"
succeeds "verify agrees" verify
finish
