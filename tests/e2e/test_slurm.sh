#!/bin/sh
# A backfill on a real Slurm: docs/deploy/slurm as it is, an array of four tasks on one queue, of which one is cancelled, one killed and
# one told that its time is over, all in the middle. Every record is in the table once. Run under ci/with-slurm.sh; into SQLite, or
# into MySQL where a with-script around it names one.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

if [ -z "${SLUICE_TEST_SLURM_CONF:-}" ]; then
    no_server "a backfill by Slurm" SLUICE_TEST_SLURM_CONF ci/with-slurm.sh
    finish
    exit
fi
export SLURM_CONF="$SLUICE_TEST_SLURM_CONF"
PATH=$(dirname "$SLUICE"):$PATH # which the jobs get too
hours=24 files=2 rows=30000
objects=$((hours * files)) total=$((hours * files * rows))

lake "$work/p" --hours $hours --files $files --rows $rows
if [ -n "${SLUICE_TEST_MYSQL_URL:-}" ]; then
    own_mysql
    pipeline "$work/p" file:lake mysql
    # As a job gets a password: in a file that only its user reads.
    (umask 077 && printf '%s\n' "$SLUICE_TEST_MYSQL_PASSWORD" >"$work/p/password")
    sed -i 's/\${SLUICE_TEST_MYSQL_PASSWORD}/${file:password}/' "$work/p/sluice.yaml"
    unset SLUICE_TEST_MYSQL_PASSWORD
    table=t_p
    ask() { mysql_sql "$1"; }
else
    pipeline "$work/p" file:lake sqlite:loans.db
    table=t_p
    ask() { sql loans.db "$1"; }
fi
cd "$work/p" || exit 1
scripts=$SOURCES/docs/deploy/slurm

# job ID KEY: a value of `scontrol show job`
job() {
    scontrol --oneliner show job "$1" | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1
}

# within SECONDS COMMAND...: waits until it succeeds
within() {
    tries=$(($1 * 20))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}
ended() {
    case $(job "$1" JobState) in
    COMPLETED | CANCELLED | FAILED | TIMEOUT | NODE_FAIL | OUT_OF_MEMORY) ;;
    *) return 1 ;;
    esac
}
# loads TASK: an object has been opened by the task, and what it belongs to is not in the ledger yet, as a rule
loads() { grep -q 'open .*part-' "backfill-$1.log" 2>/dev/null; }
# worker TASK: the pid of its sluice
worker() {
    for pid in $(pgrep -x sluice); do
        tr '\0' '\n' <"/proc/$pid/environ" | grep -q -x "SLURM_CONF=$SLURM_CONF" &&
            tr '\0' '\n' <"/proc/$pid/environ" | grep -q -x "SLURM_ARRAY_TASK_ID=$1" && echo "$pid"
    done 2>/dev/null
}
logs() { tail -n 5 ./*.log; }

# --- a queue of a day, four tasks ------------------------------------------------------------------------------------
# submit ARGUMENT...: prints the job's id; nothing goes on without it
submit() {
    sbatch --parsable "$@" || {
        echo "not ok - sbatch $*"
        exit 1
    } >&2
}

enqueue=$(submit --output=enqueue.log "$scripts/enqueue.sbatch" -c "$PWD/sluice.yaml" --missing) || exit
array=$(submit --output=backfill-%a.log --dependency="afterok:$enqueue" "$scripts/backfill.sbatch" -v -c "$PWD/sluice.yaml") || exit
for task in 1 2 3; do
    within 20 loads $task || fail "task $task never loads" "$(logs)"
    case $task in
    1) scancel "${array}_1" ;;
    2) kill -s KILL "$(worker 2)" ;; # as the kernel does where memory is short
    3) scancel --batch --signal=USR1 "${array}_3" ;;
    esac
done
is "the queue was filled first" "$(job "$enqueue" JobState) $(job "$enqueue" ExitCode)" "COMPLETED 0:0"

for task in 1 2 3 4; do
    within 120 ended "${array}_$task" || fail "task $task does not end" "$(scontrol show job "${array}_$task"; logs)"
done
is "the first was cancelled" "$(job "${array}_1" JobState) $(job "${array}_1" Restarts)" "CANCELLED 0"
is "the second was killed" "$(job "${array}_2" JobState) $(job "${array}_2" ExitCode)" "FAILED 137:0"
is "the third went back into the queue, then ended well" "$(job "${array}_3" JobState) $(job "${array}_3" Restarts)" "COMPLETED 1"
is "the fourth ended well" "$(job "${array}_4" JobState) $(job "${array}_4" ExitCode)" "COMPLETED 0:0"

is "every record once, every object once in the ledger" \
    "$(ask "SELECT count(*) FROM $table") $(ask 'SELECT count(*) FROM sluice_load') $(ask 'SELECT count(DISTINCT object) FROM sluice_load')" \
    "$total $objects $objects"
like "several tasks loaded" "$(ask 'SELECT count(DISTINCT run_id) FROM sluice_load')" '^[2-9]$'
is "no claim is left" "$(ask "SELECT count(*) FROM sluice_claim WHERE owner <> '' OR state <> 'loaded'")" 0
is "no queue file is left" "$(find queue -type f | wc -l)" 0
succeeds "verify agrees" verify

# --- what is tried again, and what is not ------------------------------------------------------------------------------
wrong=$(submit --array=1 --output=wrong.log "$scripts/backfill.sbatch" -c "$PWD/nothing.yaml") || exit
within 30 ended "${wrong}_1" || fail "a task without a pipeline file does not end" "$(logs)"
is "what must be set right is not tried again" "$(job "${wrong}_1" JobState) $(job "${wrong}_1" ExitCode) $(job "${wrong}_1" Restarts)" \
    "FAILED 2:0 0"
restarted() { [ "$(job "$1" Restarts)" -ge 1 ]; }
unreachable='source.url=s3://bucket/lake?endpoint=http://127.0.0.1:9&region=us-east-1'
AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
down=$(submit --output=down.log "$scripts/enqueue.sbatch" -c "$PWD/sluice.yaml" --missing --set "$unreachable") || exit
within 60 restarted "$down" || fail "an unreachable store is not tried again" "$(logs)"
like "an unreachable store is tried again" "$(cat down.log)" 'STORE_UNREACHABLE'
scancel "$down"
within 30 ended "$down" || fail "it does not end" "$(logs)"
is "until it is cancelled" "$(job "$down" JobState)" "CANCELLED"

finish
