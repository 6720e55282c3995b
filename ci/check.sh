#!/bin/sh
# Everything that must hold of the sources: `make check` (all) and `make check-quick` (quick KIND [T]).
#
# Goes on after a failure, so that one run shows all of them. At the end: skips with their reason and cure, failures
# with log and the command that runs them again, and as the last line `N passed, N failed, N skipped`. The exit status is 1 where
# anything failed. Under CI=true a test that lacks its server has failed.
set -u
unset MAKECMDGOALS
MAKE=${MAKE:-make}
mode=$1
kind=${2:-}
T=${3:-}
case " ${MAKEFLAGS:-} " in
*" -j"* | *jobserver*) jobs= ;;
*) jobs=-j$(nproc) ;;
esac

mkdir -p build/check
RESULTS=build/check/results
export RESULTS
: >$RESULTS
started=$(date +%s)

# step NAME COMMAND...: one case, its output kept in build/check/NAME.log and shown where it fails.
step() {
    name=$1
    shift
    echo "check: $name"
    if "$@" >"build/check/$name.log" 2>&1; then
        printf 'pass\tcheck\t%s\t\n' "$name" >>$RESULTS
    else
        printf 'fail\tcheck\t%s\t\n' "$name" >>$RESULTS
        grep -E 'error|warning|Error|:[0-9]+:' "build/check/$name.log" | head -n 20
        return 1
    fi
}

# tests KIND: builds and runs them.
tests() {
    step "build-$1" $MAKE --no-print-directory $jobs KIND="$1" T="$T" build-tests &&
        $MAKE --no-print-directory KIND="$1" T="$T" run-tests
}

if [ "$mode" = all ]; then
    step check-layers $MAKE --no-print-directory check-layers
    step check-rules $MAKE --no-print-directory check-rules
    step check-format $MAKE --no-print-directory check-format
    step check-headers $MAKE --no-print-directory check-headers
    tests gcc
    tests clang
    tests tsan
else
    tests "$kind"
fi

awk -F '\t' -v ci="${CI:-}" -v seconds=$(($(date +%s) - started)) '
    $1 == "server" { $1 = ci == "true" ? "fail" : "skip" }
    $1 == "pass" { passed++ }
    $1 == "skip" { reasons[$3 ": " $4]++; skipped++ }
    $1 == "fail" { failures[++failed] = $2 "\t" $3 "\t" $4 }
    END {
        if (skipped) print "\nSkipped:"
        for (r in reasons) print "  " r
        if (failed) print "\nFailed:"
        for (i = 1; i <= failed; i++) {
            split(failures[i], f, "\t")
            if (f[1] == "check") {
                again = f[2] ~ /^build-/ ? "make KIND=" substr(f[2], 7) " tests" : "make " f[2]
                print "  " f[2] "\n      log build/check/" f[2] ".log, again: " again
            } else {
                log_name = f[2]; sub(/^tests\//, "", log_name); gsub(/\//, ".", log_name)
                base = f[2]; sub(/.*\//, "", base)
                print "  " f[2] ": " f[3] "\n      log build/" f[1] "/log/" log_name ".log, again: make check-quick T=" base \
                    (f[1] == "gcc" || f[1] == "debug" ? "" : " KIND=" f[1])
            }
        }
        if (!passed && !failed && !skipped) { print "\nNo test matches."; failed = 1 }
        printf "\n%d s\n%d passed, %d failed, %d skipped\n", seconds, passed, failed, skipped
        exit failed > 0
    }' $RESULTS
