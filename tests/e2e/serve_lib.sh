# What the tests of serve share: starting it, asking it, ending it. To be read with `.` behind lib.sh.
pids=
trap 'kill $pids 2>/dev/null; wait; rm -rf "$work"' EXIT

# serve NAME ARGUMENT...: in the background, at a free port; leaves $url, $pid; its log is $work/NAME.log
serve() {
    log=$work/$1.log
    shift
    : >"$log"
    # A background job of sh ignores SIGINT.
    env --default-signal=INT "$SLUICE" serve --listen 127.0.0.1:0 "$@" >"$work/serve.out" 2>"$log" </dev/null &
    pid=$!
    pids="$pids $pid"
    url=
    tries=0
    while [ -z "$url" ] && [ $tries -lt 400 ] && kill -0 $pid 2>/dev/null; do
        sleep 0.05
        url=$(sed -n 's/^sluice: serving .* at \(http:.*\)\/$/\1/p' "$log")
        tries=$((tries + 1))
    done
    [ -n "$url" ] || { fail "serve starts" "$(cat "$log")"; finish; exit 0; }
}

# ends NAME [SIGNAL]: it ends in good order, with 0
ends() {
    kill -"${2:-TERM}" $pid
    wait $pid
    is "$1" $? 0
    pids=
}

# get PATH [CURL-ARGUMENT...]: leaves $out (the body), $code, and the headers in $work/headers
get() {
    asked=$1
    shift
    code=$(curl -sg -m 20 -o "$work/body" -D "$work/headers" -w '%{http_code}' "$@" "$url$asked")
    out=$(cat "$work/body" 2>/dev/null)
}

# until_says PATH PATTERN [SECONDS]: asks until the answer has it
until_says() {
    until=$(($(date +%s) + ${3:-30}))
    while get "$1"; ! printf '%s\n' "$out" | grep -Eq -e "$2"; do
        [ "$(date +%s)" -lt $until ] || return 1
        sleep 0.1
    done
}

# json EXPRESSION: of the body, with the document as d
json() {
    python3 -c "import json, sys; d = json.load(open(sys.argv[1], encoding='utf-8')); print($1)" "$work/body"
}
