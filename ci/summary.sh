#!/bin/sh
# Counts a results file of ci/run-tests.sh and ci/check.sh: skips with their reason and cure, failures with log and the
# command that runs them again, and as the last line `N passed, N failed, N skipped`. The exit status is 1 where anything failed
# or nothing ran. Under CI=true a case that lacks its server has failed.
set -u
awk -F '\t' -v ci="${CI:-}" '
    $1 == "server" { $1 = ci == "true" ? "fail" : "skip" }
    $1 == "pass" { passed++ }
    $1 == "skip" { reasons[$3 ": " $4]++; skipped++ }
    $1 == "fail" { failures[++failed] = $2 "\t" $3 "\t" $4 }
    END {
        if (skipped) print "Skipped:"
        for (r in reasons) print "  " r
        if (failed) print "Failed:"
        for (i = 1; i <= failed; i++) {
            split(failures[i], f, "\t")
            if (f[1] == "check") {
                again = f[2] ~ /^build-/ ? "make KIND=" substr(f[2], 7) " tests" : "make " f[2]
                print "  " f[2] "\n      log build/check/" f[2] ".log, again: " again
            } else {
                log_name = f[2]; sub(/^tests\//, "", log_name); gsub(/\//, ".", log_name)
                base = f[2]; sub(/.*\//, "", base)
                with = ""
                if (f[2] ~ /^chroot-/) with = "ci/with-minio.sh ci/with-mysql.sh mysql ci/with-chroot.sh "
                if (f[2] ~ /^with-/) { split(f[2], w, "[-/]"); with = "ci/with-" w[2] ".sh ci/with-mysql.sh " w[3] " " }
                print "  " f[2] ": " f[3] "\n      log build/" f[1] "/log/" log_name ".log, again: " with "make check-quick T=" base \
                    (f[1] == "gcc" || f[1] == "debug" ? "" : " KIND=" f[1])
            }
        }
        if (!passed && !failed && !skipped) { print "No test matches."; failed = 1 }
        printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0
    }' "$1"
