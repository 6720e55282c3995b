#!/bin/sh
# Slow analysers over the sources: `ci/analyze.sh "CFLAGS" FILE...` (by `make analyze`). Goes on after findings; the
# status is 1 where there was any. A file takes seconds; one that takes LIMIT has failed.
#
# What is off: of clang-tidy in .clang-tidy, and here
#   -Wanalyzer-malloc-leak: gcc 12 takes every handle that lives on as its first member (`*out = &x->base`) for
#     lost. Leaks are clang's to find, and AddressSanitizer's.
set -u
LIMIT=300
flags=$1
shift
bad=0

# each COMMAND...: for each of the files, as $file, on all processors.
each() {
    command=$1
    shift
    printf '%s\n' "$@" | flags=$flags timed="timeout $LIMIT" xargs -P "$(nproc)" -I{} sh -c '
        file={}
        case $file in
        core/base/err.c | core/base/mem.c) ;;
        *) flags="$flags -include ci/contracts.h" ;;
        esac
        '"$command"' || { echo "analyze: $file: findings, or stopped" >&2; exit 1; }' || bad=1
}

echo "analyze: clang-tidy"
each '$timed clang-tidy --quiet "$file" -- $flags -DSLUICE_VERSION=\"0\" 2>/dev/null' "$@"

echo "analyze: gcc -fanalyzer"
each '$timed gcc $flags -DSLUICE_VERSION=\"0\" -fanalyzer -Wno-analyzer-malloc-leak -Werror -c -o /dev/null "$file"' "$@"

echo "analyze: cppcheck"
cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
    --suppress=missingIncludeSystem -D_GNU_SOURCE -DSLUICE_VERSION='"0"' -I. -j "$(nproc)" "$@" || bad=1

exit $bad
