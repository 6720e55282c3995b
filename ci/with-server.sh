# What ci/with-*.sh share; sourced, with set -eu.
#
# The life of a with-script: serve_dir (a private folder, and a guard), serve (a free port, start), serve_run (the command). The guard
# is a process in a session of its own that waits for the end of the script, whatever the end (a pipe that only
# the script keeps open on fd 9 says so, SIGKILL included), then stops the server by its pid and removes the folder.
# shellcheck shell=sh disable=SC2034
here=$(cd "$(dirname "$0")" && pwd)
. "$here/versions.sh"
umask 077
tls=${SLUICE_TEST_TLS:-none}

fail() {
    echo "sluice: $*" >&2
    exit 125
}

# secret: 24 characters that need no quoting anywhere.
secret() { od -An -N 12 -tx1 /dev/urandom | tr -d ' \n'; }

# script PATH: makes it of stdin.
script() {
    { echo '#!/bin/sh'; cat; } >"$1"
    chmod 700 "$1"
}

# serve_dir PARENT NAME: sets dir.
serve_dir() {
    dir=$(mktemp -d "$1/sluice-$2-XXXXXX") || fail "no folder in $1"
    mkfifo "$dir/ended"
    setsid sh -c 'trap "" INT TERM HUP; cat "$1/ended" >/dev/null; "$1/ctl" stop; rm -rf "$1"' guard "$dir" </dev/null &
    guard=$!
    exec 9>"$dir/ended"
    trap 'exec 9>&-; wait $guard' EXIT
    for signal in HUP INT TERM; do
        # shellcheck disable=SC2064
        trap "on_signal $signal" $signal
    done
    script "$dir/ctl" <<CTL
exec "$here/server.sh" "$dir" "\$@"
CTL
    [ "$tls" = none ] || "$here/make-certs.sh" "$dir/tls" "$tls" || fail "no certificates"
}

child=
on_signal() {
    trap '' HUP INT TERM
    if [ -n "$child" ]; then
        kill -s "$1" "$child" 2>/dev/null || true
        wait "$child" || true
    fi
    trap - "$1"
    exec 9>&-
    wait $guard || true
    trap - EXIT
    kill -s "$1" $$
}

# free_port: one that nobody listens on, below those that the system gives to outgoing connections, so that it is still
# free when the server starts again.
free_port() {
    awk -v seed="$(od -An -N 3 -tu4 /dev/urandom)" '
        { split($2, a, ":"); used[a[2]] = 1 }
        END { srand(seed); do port = 20000 + int(rand() * 12000); while (sprintf("%04X", port) in used); print port }' \
        /proc/net/tcp /proc/net/tcp6
}

# serve CONFIGURE [ARGUMENT...]: starts the server that the function CONFIGURE writes $dir/run and $dir/answers of, for $port;
# another port where somebody was faster.
serve() {
    configure=$1
    shift
    for _ in 1 2 3 4 5; do
        port=$(free_port)
        $configure
        : >"$dir/log"
        "$dir/ctl" start "$@" && return
        grep -qi 'in use' "$dir/log" || break
    done
    tail -n 30 "$dir/log" >&2
    fail "the server did not start; above, the end of its log"
}

# serve_run COMMAND...: runs it and ends with its status. It runs beside the script, which so hears signals at once, and gets
# stdin and the signals as if it did not.
serve_run() {
    env --default-signal=INT,QUIT "$@" <&3 3<&- 9>&- &
    child=$!
    status=0
    wait $child || status=$?
    child=
    exit $status
}

exec 3<&0
if [ "$tls" = none ]; then
    unset SLUICE_TEST_TLS_CA
    scheme=http
else
    scheme=https
fi
export SLUICE_TEST_TLS="$tls"
