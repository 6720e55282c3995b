#!/bin/sh
# What is wrong around the servers: keys, names, certificates, ports, rights, tables. Each mistake is one line that says what to
# do, with the exit status of its kind, within ten seconds; validate says the same; and no secret stands in anything that is
# said, or in a command line.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

lake "$work/lakes" --hours 1 --files 1 --rows 50
SECONDS_MAX=10

# What must not be seen: the keys of the servers, and those that stand in for them here.
wrong_key=canary-of-a-secret-key wrong_password=canary-of-a-password
printf '%s\n' "${AWS_SECRET_ACCESS_KEY:-$wrong_key}" "${SLUICE_TEST_MYSQL_PASSWORD:-$wrong_key}" "$wrong_key" "$wrong_password" |
    grep . >"$work/secrets"

# said NAME: nothing of the last command's output is a secret
said() {
    if cat "$work/out" "$work/err" | grep -q -F -f "$work/secrets"; then fail "$1: no secret is said" "(it is)"; else pass "$1: no secret is said"; fi
}

# mistake NAME STATUS ERROR PATTERN SETTING...: with the variables in $with. run, then validate -v
with=
mistake() {
    name=$1 want=$2 error=$3 pattern=$4
    shift 4
    began=$(date +%s)
    # shellcheck disable=SC2086
    env $with "$SLUICE" run "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    took=$(($(date +%s) - began))
    err=$(cat "$work/err")
    is "$name: exit and lines" "$status $(wc -l <"$work/err")" "$want 1"
    like "$name: what, where, what to do" "$err" "^sluice: error: $error: .*($pattern)"
    if [ $took -le $SECONDS_MAX ]; then pass "$name: soon"; else fail "$name: soon" "$took s"; fi
    said "$name"
    # shellcheck disable=SC2086
    env $with "$SLUICE" validate -v "$@" >"$work/out" 2>"$work/err" </dev/null
    is "$name: validate: exit and errors" "$? $(grep -c '^sluice: error:' "$work/err")" "$want 1"
    like "$name: validate lists it" "$(cat "$work/out")" " failed +$error: .*($pattern)"
    said "$name: validate -v"
}

# A port that nobody listens on: a proxy had it and is gone.
proxy 0
kill $proxies
wait $proxies 2>/dev/null
proxies=
nobody=$proxy
# And one that takes connections and never answers.
proxy 0
hole=$proxy
trap 'kill $proxies 2>/dev/null; rm -rf "$work"' EXIT

# tls KIND SCRIPT...: the pipeline of this folder beside a server that has such a certificate; $tls_case judges
tls() {
    kind=$1
    shift
    script=$SOURCES/$1
    shift
    SLUICE_TEST_TLS=$kind SLUICE=$SLUICE "$script" "$@" sh -c "$tls_case" case "$PWD" >"$work/tls.out" 2>&1
    status=$?
    if [ $status = 0 ]; then
        pass "a certificate of the kind $kind: $(tail -n 1 "$work/tls.out" | cut -c 1-150)"
    else
        fail "a certificate of the kind $kind" "$status: $(cat "$work/tls.out")"
    fi
}

# --- S3 ----------------------------------------------------------------------------------------------------------------
if own_s3 "$work/lakes/lake"; then
    pipeline "$work/s3" "$s3_url" sqlite:loans.db
    cd "$work/s3" || exit 1
    bucket=${SLUICE_TEST_S3_URL%%\?*} prefix=${s3_url%%\?*}
    port=$(echo "$SLUICE_TEST_S3_URL" | sed 's/.*127.0.0.1:\([0-9]*\).*/\1/')
    at() { echo "source.url=$prefix?region=us-east-1&endpoint=$1"; }
    with=AWS_ACCESS_KEY_ID=nobody
    mistake "wrong access key" 2 DENIED 'access key from .* is not known at .*: give another'
    with=AWS_SECRET_ACCESS_KEY=$wrong_key
    mistake "wrong secret key" 2 DENIED 'secret key from .* does not fit its access key: correct it'
    with='-u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY'
    mistake "no keys" 2 DENIED 'no credentials: set AWS_ACCESS_KEY_ID'
    with=
    mistake "wrong bucket" 2 NOT_FOUND 'no bucket "sluice-no-such" at 127.0.0.1:[0-9]+: make it, or correct the URL' \
        --set source.url="s3://sluice-no-such/x?region=us-east-1&endpoint=http://127.0.0.1:$port"
    lost="queue.url=s3://sluice-no-such/q?region=us-east-1&endpoint=http://127.0.0.1:$port"
    for command in 'enqueue --hour 2022-06-05T12' work 'queue ls' 'queue retry' validate; do
        # shellcheck disable=SC2086
        run $command --set "$lost"
        is "wrong bucket of the queue: $command: exit and errors" "$status $(grep -c '^sluice: error: NOT_FOUND:' "$work/err")" "2 1"
        like "wrong bucket of the queue: $command says it" "$out$err" 'queue.url: .*no bucket "sluice-no-such" at 127.0.0.1:[0-9]+: make it'
    done
    mistake "nobody listens" 5 STORE_UNREACHABLE "onnect.*127.0.0.1.*$nobody" --set "$(at "http://127.0.0.1:$nobody")"
    mistake "a host that is none" 5 STORE_UNREACHABLE 'resolve host.*no-such-host.invalid' --set "$(at http://no-such-host.invalid:9000)"
    mistake "a black hole" 5 STORE_UNREACHABLE 'timed out|too slow|sent nothing' --set "$(at "http://127.0.0.1:$hole")"
    "$SLUICE" run -v --set "$(at "http://127.0.0.1:$hole")" >"$work/out" 2>"$work/err" </dev/null &
    sleep 1
    tr '\0' ' ' </proc/$!/cmdline >>"$work/out"
    like "a run that waits: its command line" "$(cat "$work/out")" 'sluice run -v'
    kill $!
    wait $! 2>/dev/null
    said "a run that waits"
    mistake "a black hole behind TLS" 5 STORE_UNREACHABLE 'time' --set "$(at "https://127.0.0.1:$hole")"
    mistake "TLS where there is none" 2 CONFIG 'speaks no TLS.*write http://' --set "$(at "https://127.0.0.1:$port")"
    # A wrong region is learned from the server, where it minds.
    run run --set "source.url=$prefix?region=eu-west-3&endpoint=http://127.0.0.1:$port"
    is "wrong region: the right one is taken" "$status" 0
    said "wrong region"
    unlike "wrong region: no error" "$err" '^sluice: error:'
    [ "$SLUICE_TEST_S3_SERVER" != versitygw ] || like "wrong region: it says so" "$err" 'is in the region us-east-1, not eu-west-3'

    tls_case='cd "$1" && "$SLUICE" run --set source.url="$SLUICE_TEST_S3_URL&tls-ca=$SLUICE_TEST_TLS_CA" >out 2>err; status=$?; cat err; case $SLUICE_TEST_TLS in
        ca) [ $status = 0 ] ;;
        *) [ "$status $(wc -l <err)" = "2 1" ] && grep -E "error: CONFIG: .*certificate is not trusted \(.*(expired|self.signed|match).*tls-ca=FILE" err ;; esac'
    for kind in ca expired name self; do
        tls $kind "ci/with-$SLUICE_TEST_S3_SERVER.sh"
    done
fi

# --- MySQL -------------------------------------------------------------------------------------------------------------
if own_mysql && own_root; then
    trap 'as_root -e "$heal" 2>/dev/null; kill $proxies 2>/dev/null; client -e "DROP DATABASE $database"; rm -rf "$work"' EXIT
    heal='SET GLOBAL local_infile = ON, GLOBAL read_only = OFF'
    echo "$SLUICE_TEST_MYSQL_ROOT_PASSWORD" >>"$work/secrets"
    pipeline "$work/mysql" "file:$work/lakes/lake" mysql
    cd "$work/mysql" || exit 1
    place=${mysql_url%/*}
    with=SLUICE_TEST_MYSQL_PASSWORD=$wrong_password
    mistake "wrong password" 2 DENIED 'check target.user and target.password'
    with=
    mistake "unknown user" 2 DENIED 'nobody.*check target.user and target.password' --set target.user=nobody
    mistake "unknown database" 2 NOT_FOUND 'sluice_no_such.*create it, or correct target.url' --set target.url="$place/sluice_no_such"
    mistake "a database that is another's" 2 DENIED 'grant that right' --set target.url="$place/mysql"
    mistake "nobody listens for SQL" 5 DB_LOST "onnect.*127.0.0.1" --set target.url="mysql://127.0.0.1:$nobody/$database"
    mistake "a host of MySQL that is none" 5 DB_LOST 'no-such-host.invalid' --set target.url="mysql://no-such-host.invalid/$database?tls-ca=/etc/ssl/certs/ca-certificates.crt"
    mistake "a black hole for SQL" 5 DB_LOST 'mysql://127.0.0.1' --set target.url="mysql://127.0.0.1:$hole/$database"
    # 0.0.0.0 gets to this machine, but is not its own name: TLS is not to be done without.
    mistake "no trusted TLS off this machine" 2 DENIED 'TLS|SSL|certificate' --set target.url="mysql://0.0.0.0:${place##*:}/$database"
    mistake "tls=off off this machine" 2 CONFIG 'tls=off: .*tls-ca=FILE' --set target.url="mysql://0.0.0.0:${place##*:}/$database?tls=off"

    run run
    is "a good load" "$status" 0
    said "a good load"
    for how in "DROP COLUMN age/no column age.*add it" "MODIFY COLUMN age VARCHAR(20)/age.*make it" \
        "MODIFY COLUMN DebtRatio FLOAT/DebtRatio.*make it" "MODIFY COLUMN age TINYINT/age.*make it" "DROP COLUMN _load/_load"; do
        mysql_sql "DROP TABLE IF EXISTS t_other; CREATE TABLE t_other LIKE t_mysql; ALTER TABLE t_other ${how%%/*}"
        mistake "${how%%/*}" 2 TABLE_MISMATCH "${how#*/}" --set target.table=t_other --set name=other
    done
    mistake "create: never" 2 TABLE_MISSING 'sluice setup' --set target.table=t_none --set name=none --set target.create=never

    as_root -e "SET GLOBAL read_only = ON"
    mistake "a read-only server" 2 '(READ_ONLY|TABLE_MISMATCH)' 'takes no writes.*the primary'
    as_root -e "SET GLOBAL read_only = OFF, GLOBAL local_infile = OFF"
    run run --set name=by_insert --set target.table=t_by_insert
    is "local_infile is off: it loads all the same" "$status $(mysql_sql 'SELECT count(*) FROM t_by_insert')" "0 50"
    like "local_infile is off: says so, and the cure" "$err" 'local_infile is off on the server, so rows go by INSERT.*SET GLOBAL local_infile = ON'
    is "local_infile is off: the ledger keeps it" "$(mysql_sql "SELECT load_method FROM sluice_load WHERE pipeline = 'by_insert'")" insert
    as_root -e "$heal"

    tls_case='cd "$1" && "$SLUICE" run --set target.url="$SLUICE_TEST_MYSQL_URL?tls-ca=$SLUICE_TEST_TLS_CA" >out 2>err; status=$?; cat err; case $SLUICE_TEST_TLS in
        ca) [ $status = 0 ] ;;
        *) [ "$status $(wc -l <err)" = "2 1" ] && grep -E "error: DENIED: .*certificate must be valid and of an authority" err ;; esac'
    for kind in ca expired name self; do
        tls $kind "ci/with-mysql.sh" "$SLUICE_TEST_MYSQL_SERVER"
    done
fi
finish
