#!/bin/sh
# docs/deploy: systemd and Kubernetes take units and manifests for what they say, copies that were broken are found, and every command in
# them does its work as it stands, with no more rights than it is given there. (A Slurm runs its scripts in tests/e2e/test_slurm.sh.)
set -u
. tests/e2e/lib.sh
. ci/versions.sh
deploy=$SOURCES/docs/deploy
chmod 755 "$work"

# skip NAME WHY [KIND]: one skipped case
skip() {
    cases=$((cases + 1))
    echo "SKIP${3:-}: $2"
    echo "ok $cases - $1 # skip"
}

# broken NAME FOLDER FILE SED COMMAND...: a copy of the folder with that edit of its file; COMMAND must find fault with it
broken() {
    name=$1 folder=$2 file=$3 edit=$4
    shift 4
    rm -rf "$work/broken" && cp -R "$folder" "$work/broken" && sed -i "$edit" "$work/broken/$file"
    if cmp -s "$folder/$file" "$work/broken/$file"; then
        fail "$name" "the edit changes nothing"
    elif said=$("$@" "$work/broken" 2>&1); then
        fail "$name" "nothing is said of it: $said"
    else
        pass "$name"
    fi
}

# --- systemd ---------------------------------------------------------------------------------------------------------
# verify FOLDER: systemd-analyze says all in words, little in its status
verify() {
    said=$(systemd-analyze verify --man=no "$1"/*.service "$1"/*.timer 2>&1) && [ -z "$said" ]
}
# ends_in_time FOLDER: what systemd waits for exceeds what sluice takes
ends_in_time() {
    stop=$(sed -n 's/^TimeoutStopSec=\([0-9]*\)s$/\1/p' "$1/sluice-.service.d/10-common.conf")
    for grace in $(sed -n 's/^ExecStart=.*--grace \([0-9]*\)s .*/\1/p' "$1"/*.service); do
        [ "$grace" -lt "$stop" ] || return 1
    done
}
if missing=$(ci/deps.sh --check deploy 2>&1); then
    units=$work/units
    cp -R "$deploy/systemd" "$units"
    sed -i "s#^ExecStart=sluice #ExecStart=$SLUICE #" "$units"/*.service
    verify "$units"
    is "systemd finds no fault with the units" "$said" ""
    cp "$units/password.conf" "$units/sluice-.service.d/20-password.conf"
    verify "$units"
    is "nor with a password among them" "$said" ""
    broken "a command that is not there" "$units" sluice-work@.service 's/sluice work/slouce work/' verify
    broken "a key that systemd does not know" "$units" sluice-serve@.service 's/^RestartSec=/RestartSeconds=/' verify
    broken "a value that it does not know, in what all share" "$units" sluice-.service.d/10-common.conf 's/=strict$/=strictly/' verify
    broken "a timer without a time" "$units" sluice-drain@.timer 's,^OnCalendar=.*,OnCalendar=often,' verify
    if ends_in_time "$units"; then pass "--grace is shorter than TimeoutStopSec"; else fail "--grace is shorter than TimeoutStopSec"; fi
    broken "a --grace that is not" "$units" sluice-work@.service 's/--grace 60s/--grace 90s/' ends_in_time
    # next TIMER: when it goes off, seen from 12:34:56
    next() {
        systemd-analyze calendar --base-time='2022-06-05 12:34:56 UTC' "$(sed -n 's/^OnCalendar=//p' "$deploy/systemd/$1")" |
            sed -n 's/.*\(Next elapse\|(in UTC)\): [A-Z][a-z]* //p' | tail -n 1
    }
    is "enqueue: every hour" "$(next sluice-enqueue@.timer)" "2022-06-05 13:00:00 UTC"
    is "drain: every five minutes" "$(next sluice-drain@.timer)" "2022-06-05 12:35:00 UTC"
    # 0 (locked up) to 100
    exposed() { ! systemd-analyze security --offline=true --threshold=20 "$1"/sluice-work@.service >/dev/null 2>&1; }
    if exposed "$units"; then fail "they are locked up"; else pass "they are locked up"; fi
    # exposed_too FOLDER: the other way round, for `broken`
    exposed_too() { ! exposed "$1"; }
    broken "one that is not" "$units" sluice-.service.d/10-common.conf '/^CapabilityBoundingSet\|^SystemCallFilter/d' exposed_too
    said=$(shellcheck -s sh "$deploy"/slurm/*.sbatch 2>&1)
    is "shellcheck finds no fault with the scripts for Slurm" "$said" ""
else
    skip "systemd units" "$(echo "$missing" | head -n 1 | sed 's/^sluice: //'); make servers" -SERVER
fi

# --- Kubernetes ------------------------------------------------------------------------------------------------------
# schema FOLDER: a kind that has no schema is a warning to the validator, and a mistake here
schema() {
    # shellcheck disable=SC2046
    said=$("$validator/bin/python" -m kubernetes_validate --strict $(printf -- '-k %s ' $KUBERNETES_VERSIONS) "$1"/*.yaml 2>&1) &&
        ! echo "$said" | grep -v '^INFO '
}
sense() { "$validator/bin/python" tests/support/manifests.py "$1" "$work"; }
manifests=$deploy/kubernetes
if validator=$(ci/cache.sh --check kubernetes 2>"$work/missing"); then
    said=
    if schema "$manifests"; then
        pass "Kubernetes $KUBERNETES_VERSIONS find no fault with the manifests"
    else
        fail "Kubernetes $KUBERNETES_VERSIONS find no fault with the manifests" "$said"
    fi
    broken "a number that is none" "$manifests" work.yaml 's/replicas: 3/replicas: three/' schema
    broken "a key that Kubernetes does not know" "$manifests" serve.yaml 's/terminationGracePeriodSeconds/gracePeriod/' schema
    broken "a kind that it does not know" "$manifests" work.yaml 's/kind: Deployment/kind: Deploiment/' schema
    broken "a key that is missing" "$manifests" enqueue.yaml '/schedule:/d' schema
    is "names, rights, graces and ports fit together" "$(sense "$manifests" 2>&1)" ""
    broken "a selector that finds nothing" "$manifests" serve.yaml 's/selector: {.*serve}/selector: {app.kubernetes.io\/name: slice}/' sense
    broken "a ConfigMap that is not there" "$manifests" work.yaml 's/configMap: {name: sluice}/configMap: {name: slice}/' sense
    broken "a grace as long as the cluster's" "$manifests" backfill.yaml 's/--grace, 60s/--grace, 90s/' sense
    broken "secrets that all may read" "$manifests" enqueue.yaml 's/0440/0444/' sense
    broken "a root that can be written to" "$manifests" work.yaml '/readOnlyRootFilesystem/d' sense
    broken "a port that nobody listens on" "$manifests" serve.yaml 's/0.0.0.0:8080/0.0.0.0:8081/' sense
    broken "another image" "$manifests" work.yaml 's/sluice:0.1.0/sluice:0.0.9/' sense
    sense "$manifests" >/dev/null
    echo secret >"$work/db_password"
    sed -i "s#/run/secrets/sluice#$work#" "$work/sluice.yaml"
    succeeds "the ConfigMap's pipeline file is one" validate --offline -c "$work/sluice.yaml"
    # The option that password.conf hands over, as systemd hands it over.
    option=$(sed -n "s#^Environment=SLUICE_OPTIONS=##p" "$deploy/systemd/password.conf" | sed "s#%d#$work#")
    sed -i '/^  password:/d' "$work/sluice.yaml"
    succeeds "a credential of systemd is a password" validate --offline -c "$work/sluice.yaml" "$option"
    refuses "one that is missing is said" 2 NOT_FOUND "nobody" validate --offline -c "$work/sluice.yaml" "${option%/*}/nobody}"
else
    skip "Kubernetes manifests" "$(sed 's/^sluice: //' "$work/missing"); make servers" -SERVER
    : >"$work/commands"
fi

# What the binary is linked with is in the image.
packages=$(ldd "$SLUICE" | sed -n 's/.* => \([^ ]*\) .*/\1/p' >"$work/linked"
    readelf -d "$SLUICE" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -F -f - "$work/linked" | while read -r library; do
        # Which of the two names of its folder dpkg knows differs.
        dpkg-query -S "$(realpath "$library")" 2>/dev/null || dpkg-query -S "/usr$(realpath "$library")" 2>/dev/null ||
            dpkg-query -S "$(realpath "$library" | sed 's,^/usr,,')"
    done | sed 's/:.*//' | sort -u)
like "libraries have been found" "$packages" libsqlite3-0
for package in $packages; do
    [ "$package" = libc6 ] || grep -q -w -e "$package" "$deploy/kubernetes/Dockerfile" || fail "the Dockerfile installs $package"
done

# --- the commands, as they stand -------------------------------------------------------------------------------------
if [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null; then
    skip "the commands of units and manifests" "no rights to take rights away; as root"
    finish
    exit
fi
bin=$work/bin state=$work/state
mkdir "$bin" && cp "$SLUICE" "$bin/sluice" || exit 1
lake "$state" --hours 3 --files 2 --rows 500
chown -R 65532:65532 "$state"

# confined ARGUMENT...: sluice as it runs in a unit or pod: nobody in particular, no capability, nothing but $state can be written to, no home.
# It keeps the pid.
confined() {
    # shellcheck disable=SC2016
    exec unshare --mount sh -c '
        state=$1 bin=$2
        shift 2
        mount --make-rprivate / && mount --bind "$state" "$state" && mount -o remount,bind,ro / || exit 99
        exec setpriv --reuid=65532 --regid=65532 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
            env -i --default-signal=TERM PATH="$bin:/usr/bin:/bin" "$bin/sluice" "$@"' sh "$state" "$bin" "$@"
}
( confined cp "$state/sluice.yaml" "$work/written" ) >"$work/out" 2>&1
is "nothing else can be written to" "$? $(grep -c READ_ONLY "$work/out") $(find "$work/written" 2>/dev/null)" "2 1 "

books() { sql "$state/loans.db" "SELECT count(*) FROM loan_applicant_info" 2>/dev/null; }
queued() { find "$state/queue" -type f 2>/dev/null | sed 's,.*/,,' | sort | tr '\n' ' '; }
# all_is_loaded: within a minute
all_is_loaded() {
    for _ in $(seq 300); do
        [ "$(books)" = 3000 ] && [ -z "$(queued)" ] && return
        sleep 0.2
    done
    return 1
}
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# answers PAGE: the status of what is served there
answers() {
    python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).status)' "http://127.0.0.1:$port/$1" 2>&1 | tail -n 1
}

# obeys WHERE ARGUMENT...: a command of the deployment, on the test's pipeline
obeys() {
    where="$1: sluice $2"
    shift
    rm -rf "$state"/loans.db* "$state/queue"
    case "$*" in
    *--missing*)
        said=$( (confined "$@") 2>&1)
        is "$where puts what is missing into the queue" "$? $(queued)" "0 2022060512 2022060513 2022060514 "
        return
        ;;
    enqueue*)
        said=$( (confined "$@" --now 2022-06-05T13:00:01Z) 2>&1)
        is "$where puts the hour before now into the queue" "$? $(queued)" "0 2022060512 "
        return
        ;;
    esac
    ( confined enqueue -q --missing -c "$state/sluice.yaml" ) >/dev/null || fail "enqueue"
    confined "$@" >"$work/out" 2>&1 &
    pid=$!
    if ! all_is_loaded; then
        fail "$where loads the queue" "$(books); $(queued); $(cat "$work/out")"
    else
        pass "$where loads the queue"
    fi
    case "$*" in
    serve*)
        for page in healthz readyz metrics; do
            is "$where answers /$page" "$(answers $page)" 200
        done
        ;;
    esac
    case "$*" in
    *--drain*) ;;
    *) kill -s TERM $pid ;;
    esac
    wait $pid
    is "$where ends with 0" "$?" 0
}

"$SLUICE" help serve >/dev/null 2>&1 && has_serve=yes || has_serve=no
{
    cat "$work/commands"
    for unit in "$deploy"/systemd/*.service; do
        sed -n "s/^ExecStart=sluice /${unit##*/} sluice /p" "$unit"
    done
} | sed "s#/etc/sluice/[^ ]*\.yaml#$state/sluice.yaml#; s# \$SLUICE_OPTIONS##; s#\${SLUICE_LISTEN}#127.0.0.1:8080#; s#:8080#:$port#" >"$work/all"
like "there are commands" "$(wc -l <"$work/all")" '^[4-9]$'
while read -r file _ arguments; do
    if [ $has_serve = no ] && [ "${arguments%% *}" = serve ]; then
        skip "$file: sluice serve" "this build has no serve"
    else
        # shellcheck disable=SC2086
        obeys "$file" $arguments
    fi
done <"$work/all"

finish
