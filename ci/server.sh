#!/bin/sh
# Controls one server for tests: `ci/server.sh DIR start|stop|kill|alive`; each waits until it is so, a minute at most.
#
# DIR holds: run (execs the server in its own pid; more arguments go to it), answers (status 0 where it serves), log, pid (the pid and
# when it was started, so that no other process is ever taken for it). stop: SIGTERM, then SIGKILL. kill: SIGKILL at once, as
# a crash. start of a server that runs and stop of one that does not are fine.
set -u
dir=$1
command=$2
shift 2

# born PID: when it was started, empty where it is gone or a zombie.
born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'; }
alive() {
    [ -s "$dir/pid" ] && read -r pid start <"$dir/pid" && [ "$(born "$pid")" = "$start" ]
}
# within SECONDS COMMAND...: waits until it succeeds.
within() {
    tries=$(($1 * 10))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}
gone() { ! alive; }
ended_or_answers() { gone || timeout 10 "$dir/answers" >/dev/null 2>&1; }

# end SIGNAL: sends it; what is not gone in time is killed.
end() {
    alive || return 0
    kill -s "$1" "$pid" 2>/dev/null
    within 40 gone && return 0
    kill -s KILL "$pid" 2>/dev/null
    within 20 gone
}

case $command in
alive) alive ;;
stop) end TERM ;;
kill) end KILL ;;
start)
    alive && exit 0
    # A session of its own: what ends the tests, a Ctrl-C too, does not end it behind their back.
    setsid "$dir/run" "$@" >>"$dir/log" 2>&1 </dev/null 9>&- &
    pid=$!
    echo "$pid $(born $pid)" >"$dir/pid"
    within 60 ended_or_answers && alive && exit 0
    end KILL
    exit 1
    ;;
*)
    echo "usage: ci/server.sh DIR start|stop|kill|alive" >&2
    exit 2
    ;;
esac
