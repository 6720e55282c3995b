#!/bin/sh
# ci/run-tests.sh and ci/summary.sh count what happened, and let no failure pass as success.
set -u
run=$PWD/ci/run-tests.sh
summary=$PWD/ci/summary.sh
cd "$TMPDIR" && mkdir tests || exit 1
n=0

# expect NAME LAST-LINE PATTERN SCRIPT: what the summary says of a test that is SCRIPT.
expect() {
    n=$((n + 1))
    printf '%s\n' "$4" >tests/planted.sh
    RESULTS=$TMPDIR/results
    export RESULTS
    : >"$RESULTS"
    TEST_TIMEOUT=${limit:-20} "$run" gcc tests/planted.sh >run.out
    status=$?
    output=$("$summary" "$RESULTS")
    total=$?
    case $2 in
    *" 0 failed"*) wanted=0 ;;
    *) wanted=1 ;;
    esac
    if [ "$(echo "$output" | tail -n 1)" = "$2" ] && echo "$output" | grep -q -e "$3" && [ $status = 0 ] &&
        [ $total = $wanted ]; then
        echo "ok $n - $1"
    else
        printf 'not ok %d - %s\n# status %d, %d: %s\n' $n "$1" $status $total "$(echo "$output" | tr '\n' '~')"
    fi
}

unset CI
echo 1..15
expect "passing" "2 passed, 0 failed, 0 skipped" . 'echo 1..2; echo ok 1 - a; echo ok 2 - b'
expect "a failing case" "1 passed, 1 failed, 0 skipped" 'planted: b$' 'echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1'
expect "it names log and command" "0 passed, 1 failed, 0 skipped" \
    'log build/gcc/log/planted.log, again: make check-quick T=planted' 'echo not ok 1 - b'
expect "status 0 does not help" "1 passed, 1 failed, 0 skipped" . 'echo ok 1 - a; echo not ok 2 - b; exit 0'
expect "a crash" "1 passed, 1 failed, 0 skipped" 'signal 6' 'echo 1..2; echo ok 1 - a; kill -6 $$'
expect "a status of its own" "1 passed, 1 failed, 0 skipped" 'status 23' 'echo ok 1 - a; exit 23'
expect "too few cases" "1 passed, 1 failed, 0 skipped" 'ran 1 of 2' 'echo 1..2; echo ok 1 - a'
expect "no case" "0 passed, 1 failed, 0 skipped" 'ran no case' 'true'
limit=1
expect "no end" "1 passed, 1 failed, 0 skipped" 'stopped after 1 s' 'echo ok 1 - a; sleep 20'
limit=20
expect "a skip as cmocka writes it" "1 passed, 0 failed, 1 skipped" 'planted: b: no x; get x' \
    'echo 1..2; echo ok 1 - a; echo "SKIP: no x; get x"; echo "not ok 2 # SKIP b"'
expect "a skip as a script writes it" "0 passed, 0 failed, 1 skipped" 'planted: b: no x' 'echo "ok 1 - b # skip no x"'
expect "a missing server" "0 passed, 0 failed, 1 skipped" 'planted: b: no db' \
    'echo "SKIP-SERVER: no db; start it"; echo "not ok 1 # SKIP b"'
expect "a missing server, said on the line itself" "0 passed, 0 failed, 1 skipped" 'planted: b: no db; start it$' \
    'echo "ok 1 - b # SKIP-SERVER: no db; start it"'
CI=true
export CI
expect "the same in CI" "0 passed, 1 failed, 0 skipped" 'planted: b: no db; start it$' \
    'echo "ok 1 - b # SKIP-SERVER: no db; start it"'
expect "a missing server in CI" "0 passed, 1 failed, 0 skipped" 'planted: b: no db' \
    'echo "SKIP-SERVER: no db; start it"; echo "not ok 1 # SKIP b"'
