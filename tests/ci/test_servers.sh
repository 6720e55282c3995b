#!/bin/sh
# The with-scripts start servers that answer, on loopback alone, can be stopped and started in the middle, and leave nothing
# behind, whatever becomes of the command or of the script itself.
set -u
n=0
result() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else printf 'not ok %d - %s\n%s\n' $n "$2" "$(echo "${3:-}" | sed 's/^/# /')"; fi
}
skip() {
    n=$((n + 1))
    echo "SKIP-SERVER: $2"
    echo "ok $n - $1 # skip"
}

# Run inside a with-script: what must hold of its server; the first thing that does not is said. $1: the program that controls it,
# the rest: a question to it.
cat >"$TMPDIR/inside" <<'INSIDE'
#!/bin/sh
ctl=$1
shift
dir=$(dirname "$ctl")
echo "$dir" >"$TMPDIR/dir"
read -r pid _ <"$dir/pid"
echo "$pid" >"$TMPDIR/pid"
bad() { echo "$*"; exit 99; }
"$@" >"$TMPDIR/answer" 2>&1 || bad "no answer: $(cat "$TMPDIR/answer")"
# Each listening socket of the process, and its address: 127.0.0.1, ::1 or the former as IPv6.
find "/proc/$pid/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' >"$TMPDIR/sockets"
listening=$(awk 'NR == FNR { own[$1]; next } $4 == "0A" && $10 in own { sub(/:.*/, "", $2); print $2 }' "$TMPDIR/sockets" \
    /proc/net/tcp /proc/net/tcp6)
[ -n "$listening" ] || bad "it listens nowhere"
beyond=$(echo "$listening" | grep -v -E '^(0100007F|00000000000000000000000001000000|0000000000000000FFFF00000100007F)$')
[ -z "$beyond" ] || bad "it listens beyond loopback: $beyond"
tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -F -e "${AWS_SECRET_ACCESS_KEY:-none}" -e "${SLUICE_TEST_MYSQL_ROOT_PASSWORD:-none}" &&
    bad "a secret in its arguments"
for how in stop kill; do
    "$ctl" $how || bad "$how failed"
    "$ctl" alive && bad "it lives after $how"
    "$@" >/dev/null 2>&1 && bad "it answers after $how"
    "$ctl" start || bad "no start after $how"
    "$@" >/dev/null 2>&1 || bad "no answer after $how and start"
done
read -r pid _ <"$dir/pid"
echo "$pid" >"$TMPDIR/pid"
exit 23
INSIDE

s3_question="\$(dirname \$SLUICE_TEST_S3_CTL)/request GET /sluice-test/"
mysql_question="\$SLUICE_TEST_MYSQL_CLIENT -e 'CREATE TABLE sluice.t (x INT); DROP TABLE sluice.t; CREATE DATABASE sluice_2; DROP DATABASE sluice_2'"

# gone: neither the process nor its folder is there.
gone() {
    pid=$(cat "$TMPDIR/pid")
    [ ! -e "$(cat "$TMPDIR/dir")" ] || { echo "its folder is left"; return 1; }
    [ ! -e "/proc/$pid" ] || grep -q '^State:.Z' "/proc/$pid/status" || { echo "its process is left"; return 1; }
}
soon_gone() {
    for _ in $(seq 100); do
        gone >/dev/null && return
        sleep 0.2
    done
    gone
}

# interrupted SIGNAL COMMAND...: the script gets SIGNAL while its command sleeps.
interrupted() {
    signal=$1
    shift
    rm -f "$TMPDIR/dir" "$TMPDIR/sleeping"
    "$@" >"$TMPDIR/out" 2>&1 &
    script=$!
    for _ in $(seq 600); do
        [ -e "$TMPDIR/sleeping" ] && break
        sleep 0.1
    done
    kill -s "$signal" $script
    wait $script 2>/dev/null
    status=$?
}

# server CACHED CTL QUESTION COMMAND...: the cases of one server.
server() {
    cached=$1 ctl=$2 question=$3
    shift 3
    name=$(echo "$*" | sed 's/.*with-//; s/\.sh//')
    if [ "${CI:-}" != true ]; then
        missing=$(ci/deps.sh --check servers 2>&1 && { [ "$cached" = - ] || ci/cache.sh --check "$cached" 2>&1 >/dev/null; }) || {
            for case in "without TLS" "with TLS" "SIGTERM" "SIGKILL"; do
                skip "$name $case" "$(echo "$missing" | head -n 1 | sed 's/^sluice: //'); make servers"
            done
            return
        }
    fi
    for tls in none ca; do
        said=$(SLUICE_TEST_TLS=$tls "$@" sh -c "sh $TMPDIR/inside $ctl $question" 2>&1)
        status=$?
        left=$(soon_gone) && [ $status = 23 ]
        result $? "$name, TLS $tls: answers, on loopback alone; stop, kill, start; nothing is left" "status $status: $said $left"
    done
    for signal in TERM KILL; do
        interrupted $signal "$@" sh -c "dirname $ctl >$TMPDIR/dir; cut -d ' ' -f 1 \$(dirname $ctl)/pid >$TMPDIR/pid
            >$TMPDIR/sleeping; exec sleep 20"
        left=$(soon_gone) && [ $status -gt 128 ]
        result $? "$name, SIG$signal to the script: nothing is left" "status $status: $left $(cat "$TMPDIR/out")"
    done
}

unset SLUICE_TEST_TLS SLUICE_TEST_MYSQL_OPTIONS
export TMPDIR
echo 1..23
server minio '$SLUICE_TEST_S3_CTL' "$s3_question" ci/with-minio.sh
server versitygw '$SLUICE_TEST_S3_CTL' "$s3_question" ci/with-versitygw.sh
server chroot '$SLUICE_TEST_MYSQL_CTL' "$mysql_question" ci/with-mysql.sh mysql
server - '$SLUICE_TEST_MYSQL_CTL' "$mysql_question" ci/with-mysql.sh mariadb

# Certificates: a client that trusts the CA accepts one kind alone.
for kind in ca expired name self; do
    wanted=1
    [ $kind = ca ] && wanted=0
    said=$(ci/make-certs.sh "$TMPDIR/$kind" $kind 2>&1 &&
        openssl verify -CAfile "$TMPDIR/$kind/ca.pem" -verify_ip 127.0.0.1 "$TMPDIR/$kind/cert.pem" 2>&1)
    status=$?
    [ -s "$TMPDIR/$kind/key.pem" ] && [ $((status != 0)) = $wanted ]
    result $? "a certificate of the kind $kind" "status $status: $said"
done

said=$(ci/with-minio.sh 2>&1)
[ $? = 125 ]
result $? "no command is status 125" "$said"
said=$(ci/cache.sh nothing 2>&1)
[ $? = 2 ]
result $? "no such server is status 2" "$said"
said=$(SLUICE_CACHE=$TMPDIR/empty ci/cache.sh --check minio 2>&1)
[ $? = 1 ] && echo "$said" | grep -q 'ci/cache.sh minio' && [ ! -e "$TMPDIR/empty" ]
result $? "a missing server is named with its cure, and nothing is made" "$said"
