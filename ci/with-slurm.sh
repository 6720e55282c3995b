#!/bin/sh
# Runs COMMAND with a private Slurm of one node and four processors: `ci/with-slurm.sh COMMAND...`
#
# COMMAND gets SLUICE_TEST_SLURM_CONF, which is what SLURM_CONF must be for sbatch, squeue, scontrol and scancel, and SLUICE_TEST_SLURM_CTL
# (a program: stop, start, kill). Its status is the script's; 125 where Slurm cannot be had. Root only: so is slurmd.
#
# Three daemons, each a server of its own for ci/server.sh: munge (who is who), slurmctld (the queue), slurmd (the node). A job is a
# child of none of them and outlives them all, so what ends them ends the jobs first, and then what it knows by its environment.
set -eu
. "$(dirname "$0")/with-server.sh"

[ $# -gt 0 ] || fail "usage: ci/with-slurm.sh COMMAND..."
[ "$(id -u)" = 0 ] || fail "Slurm's daemons run as root; again as root"
"$here/deps.sh" slurm || fail "no slurm"
[ "$tls" = none ] || fail "Slurm has no TLS: unset SLUICE_TEST_TLS"

serve_dir "${TMPDIR:-/tmp}" slurm
node=$(uname -n)
conf=$dir/slurm.conf
mkdir "$dir/munge" "$dir/slurmctld" "$dir/slurmd" "$dir/state" "$dir/spool"

script "$dir/ctl" <<CTL
# stop, start, kill, alive: all three.
export SLURM_CONF="$conf"
command=\$1
each() {
    for name in "\$@"; do
        "$here/server.sh" "$dir/\$name" "\$command" || return 1
    done
}
# jobs: the processes of jobs, their own keepers (slurmstepd) among them.
jobs() {
    grep -l -z -x -F "SLURM_CONF=$conf" /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ pid _; do
        if grep -q -x slurmstepd "/proc/\$pid/comm" || grep -q -z '^SLURM_JOB_ID=' "/proc/\$pid/environ"; then
            echo "\$pid"
        fi
    done 2>/dev/null
}
case \$command in
start)
    each munge slurmctld slurmd && exit 0
    for name in munge slurmctld slurmd; do
        cat "$dir/\$name/log" >>"$dir/log" 2>/dev/null
    done
    exit 1
    ;;
stop | kill)
    # Jobs are asked to end, and have five seconds for it.
    if [ "\$command" = stop ] && "$here/server.sh" "$dir/slurmctld" alive; then
        timeout 5 scancel --quiet --user="\$(id -un)"
        for _ in \$(seq 50); do
            [ -n "\$(jobs)" ] || break
            sleep 0.1
        done
    fi
    each slurmd slurmctld munge
    for pid in \$(jobs); do
        kill -s KILL "\$pid" 2>/dev/null
    done
    true
    ;;
*) each munge slurmctld slurmd ;;
esac
CTL

# Anybody may reach munge's socket, or it does not start.
chmod 711 "$dir" "$dir/munge"
head -c 1024 /dev/urandom >"$dir/munge/key"
script "$dir/munge/run" <<RUN
exec munged --foreground --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munge/munged.pid" \\
    --log-file="$dir/munge/munged.log" --seed-file="$dir/munge/seed"
RUN
script "$dir/munge/answers" <<ANSWERS
exec munge --no-input --socket="$dir/munge/socket"
ANSWERS
for daemon in slurmctld slurmd; do
    script "$dir/$daemon/run" <<RUN
export SLURM_CONF="$conf"
exec $daemon -D
RUN
done
script "$dir/slurmctld/answers" <<ANSWERS
SLURM_CONF="$conf" scontrol ping | grep -q 'is UP'
ANSWERS
script "$dir/slurmd/answers" <<ANSWERS
SLURM_CONF="$conf" sinfo --noheader --format=%t | grep -q -x -e idle -e mix -e alloc
ANSWERS

configure() {
    node_port=$(free_port)
    cat >"$conf" <<CONF
ClusterName=sluice
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$node_port
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld/daemon.pid
SlurmdPidFile=$dir/slurmd/daemon.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=2,sched_min_interval=0
ReturnToService=2
KillWait=10
MailProg=/bin/true
NodeName=$node NodeAddr=127.0.0.1 CPUs=4 RealMemory=4096
PartitionName=all Nodes=$node Default=YES
CONF
}
serve configure

export SLUICE_TEST_SLURM_CONF="$conf"
export SLUICE_TEST_SLURM_CTL="$dir/ctl"
serve_run "$@"
