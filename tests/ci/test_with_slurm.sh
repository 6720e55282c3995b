#!/bin/sh
# ci/with-slurm.sh: its Slurm runs jobs, listens on loopback alone, comes back after a stop and a crash, and leaves nothing behind: no
# daemon, no job, no folder, whatever becomes of the script.
set -u
n=0
result() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else printf 'not ok %d - %s\n%s\n' $n "$2" "$(echo "${3:-}" | sed 's/^/# /')"; fi
}
export TMPDIR
missing=$(ci/deps.sh --check slurm 2>&1 | head -n 1)
[ "$(id -u)" = 0 ] || missing="Slurm's daemons run as root"
if [ -n "$missing" ]; then
    echo "SKIP-SERVER: ${missing#sluice: }; make servers, as root"
    echo "ok 1 - a private Slurm # skip"
    echo 1..1
    exit
fi

# Run inside: the first thing that does not hold is said. A job that would go on for a minute is left.
cat >"$TMPDIR/inside" <<'INSIDE'
#!/bin/sh
export SLURM_CONF="$SLUICE_TEST_SLURM_CONF"
dir=$(dirname "$SLURM_CONF")
bad() { echo "$*"; exit 99; }
for daemon in slurmctld slurmd; do
    read -r pid _ <"$dir/$daemon/pid"
    find "/proc/$pid/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' >"$TMPDIR/sockets"
    listening=$(awk 'NR == FNR { own[$1]; next } $4 == "0A" && $10 in own { sub(/:.*/, "", $2); print $2 }' "$TMPDIR/sockets" \
        /proc/net/tcp /proc/net/tcp6 | sort -u)
    [ "$listening" = 0100007F ] || bad "$daemon listens on $listening, not on loopback alone"
done
hows='none stop kill'
[ "${1:-}" != stay ] || hows=
for how in $hows; do
    if [ $how != none ]; then
        "$SLUICE_TEST_SLURM_CTL" $how || bad "$how failed"
        "$SLUICE_TEST_SLURM_CTL" alive && bad "it lives after $how"
        "$SLUICE_TEST_SLURM_CTL" start || bad "no start after $how"
    fi
    # After a crash the controller may have forgotten that a job has ended, and run it again.
    id=$(sbatch --parsable --wait --output="$TMPDIR/out" --open-mode=append --wrap 'echo done by $SLURM_JOB_ID') || bad "no job after $how"
    grep -q -x "done by $id" "$TMPDIR/out" || bad "after $how: $(cat "$TMPDIR/out")"
    rm "$TMPDIR/out"
done
# It does not end for SIGTERM, so it must be killed.
sbatch --quiet --output=/dev/null --wrap "trap '' TERM; echo \$\$ >$TMPDIR/job; while :; do sleep 0.2; done" || bad "no long job"
for _ in $(seq 100); do
    [ ! -s "$TMPDIR/job" ] || break
    sleep 0.1
done
cat "$dir"/*/pid "$TMPDIR/job" >"$TMPDIR/pids"
echo "$dir" >"$TMPDIR/dir"
[ "${1:-}" != stay ] || sleep 60
exit 23
INSIDE
chmod +x "$TMPDIR/inside"

# left: what there still is, once it had half a minute to go.
left() {
    for _ in $(seq 300); do
        still=$(
            [ ! -e "$(cat "$TMPDIR/dir")" ] || echo "its folder"
            while read -r pid _; do
                [ ! -e "/proc/$pid" ] || grep -q '^State:.Z' "/proc/$pid/status" || echo "process $pid"
            done <"$TMPDIR/pids"
        )
        [ -n "$still" ] || return
        sleep 0.1
    done
    echo "$still is left"
}

said=$(ci/with-slurm.sh "$TMPDIR/inside" 2>&1)
status=$?
still=$(left)
[ $status = 23 ] && [ -s "$TMPDIR/job" ] && [ -z "$still" ]
result $? "it runs jobs, on loopback alone; stop, kill, start; nothing is left" "status $status: $said $still"
for signal in TERM KILL; do
    rm -f "$TMPDIR/dir" "$TMPDIR/pids" "$TMPDIR/job"
    ci/with-slurm.sh "$TMPDIR/inside" stay >"$TMPDIR/said" 2>&1 &
    script=$!
    for _ in $(seq 300); do
        [ ! -s "$TMPDIR/dir" ] || break
        sleep 0.1
    done
    kill -s "$signal" $script
    wait $script 2>/dev/null
    status=$?
    still=$(left)
    [ $status -gt 128 ] && [ -s "$TMPDIR/job" ] && [ -z "$still" ]
    result $? "SIG$signal to the script: nothing is left" "status $status: $(cat "$TMPDIR/said") $still"
done
said=$(ci/with-slurm.sh 2>&1)
[ $? = 125 ]
result $? "no command is status 125" "$said"
echo 1..4
