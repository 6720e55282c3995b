#!/bin/sh
# Runs test programs and scripts of one kind of build, a few at a time, each with its log under build/KIND/log/.
#
#   ci/run-tests.sh KIND [TEST...]
#
# A test is a program build/KIND/tests/... (cmocka, told to speak TAP) or a script tests/...sh that speaks TAP. It runs from
# the root of the sources with a clean environment, a folder of its own as TMPDIR and HOME, and SLUICE_BUILD=build/KIND
# where the binaries are. The status is 0 where all were run, whatever came out: ci/summary.sh judges. Every case becomes one line `pass|fail|skip|server KIND TEST CASE` in the file $RESULTS
# (default build/KIND/log/results). A skipped case says why on a line `SKIP: reason; cure` before it (scripts: after `# skip`),
# and `SKIP-SERVER: reason; cure` (or `# SKIP-SERVER: ...`) where a server is missing. A test that crashes, runs out of time, ends with a
# status of its own, runs nothing or fewer cases than it announced is one more failure.
set -u

limit=${TEST_TIMEOUT:-300} # seconds for one test program

# servers: what ci/with-*.sh say of the servers that the tests meet, as arguments for env; none of the values holds a space.
servers() {
    env | grep '^SLUICE_TEST_'
    [ -z "${SLUICE_TEST_S3_URL:-}" ] || env | grep -E '^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)='
}

run_one() {
    kind=$1
    test=$2
    name=${test#"build/$kind/"}
    name=${name%.sh}
    # The same test beside other servers is another line, with another log.
    [ -z "${TEST_SUITE:-}" ] || name=$TEST_SUITE/${name#tests/}
    log=build/$kind/log/$(echo "${name#tests/}" | tr / .).log
    tmp=$(mktemp -d) && chmod 755 "$tmp" || exit 1 # tests that become nobody go there too
    case $test in
    build/*) set -- "./$test" ;;
    *) set -- sh "$test" ;;
    esac
    # gcc's thread sanitizer knows only the old address space layout.
    if [ "$kind" = tsan ] && setarch -R true 2>/dev/null; then
        set -- setarch -R "$@"
    fi
    start=$(date +%s%N)
    env -i PATH="$PATH" HOME="$tmp" TMPDIR="$tmp" LC_ALL=C.UTF-8 TZ=UTC ${CI:+"CI=$CI"} \
        SLUICE_BUILD="build/$kind" CMOCKA_MESSAGE_OUTPUT=TAP \
        ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
        UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 \
        ${TEST_SEED:+"TEST_SEED=$TEST_SEED"} ${SLUICE_SHARED_DATA:+"SLUICE_SHARED_DATA=$SLUICE_SHARED_DATA"} \
        SLUICE_CACHE="${SLUICE_CACHE:-$HOME/.cache/sluice}" $(servers) timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null
    status=$?
    chmod -R u+rwX "$tmp" && rm -rf "$tmp"
    awk -v kind="$kind" -v test="$name" -v status=$status -v limit="$limit" '
        function result(what, text) { printf "%s\t%s\t%s\t%s\n", what, kind, test, text }
        function rest(line) { sub(/^(not )?ok *[0-9]* *(- )?/, "", line); return line }
        /^1\.\.[0-9]+/ { planned += substr($1, 4) }
        /^SKIP(-SERVER)?: / { server = /^SKIP-SERVER/; why = $0; sub(/^[A-Z-]*: /, "", why) }
        /^(not )?ok/ {
            if (match(tolower($0), /# skip/)) {
                name = rest(substr($0, 1, RSTART - 1)); after = substr($0, RSTART + RLENGTH)
                if (sub(/^-SERVER:/, "", after)) server = 1
                sub(/^ */, "", after); sub(/ *$/, "", name)
                if (name == "") name = after; else if (after != "") why = after
                result(server ? "server" : "skip", name ": " (why == "" ? "no reason given" : why))
            } else if (/^not/) { failed++; result("fail", rest($0)) }
            else result("pass", rest($0))
            seen++; why = ""; server = 0
        }
        END {
            if (status == 124 || status == 137) result("fail", "(stopped after " limit " s)")
            else if (status > 128) result("fail", "(crashed by signal " status - 128 ")")
            else if (status != 0 && !failed) result("fail", "(ended with status " status ")")
            else if (seen < planned) result("fail", "(ran " seen " of " planned " cases)")
            else if (!seen) result("fail", "(ran no case)")
        }' "$log" >"$log.results"
    end=$(date +%s%N)
    bad=$(grep -c '^fail' "$log.results")
    printf '  %-6s %-50s %5d cases %6d.%d s%s\n' "$kind" "${name#tests/}" "$(wc -l <"$log.results")" \
        $(((end - start) / 1000000000)) $(((end - start) / 100000000 % 10)) "$([ "$bad" = 0 ] || echo "  $bad FAILED")"
}

if [ "$1" = --one ]; then
    run_one "$2" "$3"
    exit 0
fi

kind=$1
shift
if [ $# = 0 ]; then
    echo "no test matches" >&2
    exit 1
fi
mkdir -p "build/$kind/log"
rm -f "build/$kind/log/"*.results
printf '%s\n' "$@" | grep . | xargs -r -n 1 -P "${TEST_JOBS:-$(nproc)}" "$0" --one "$kind"
find "build/$kind/log" -name '*.results' -exec cat {} + >>"${RESULTS:-build/$kind/log/results}"
