#!/bin/sh
# Slow analysers over the sources: `ci/analyze.sh "CFLAGS" FILE...` (by `make analyze`). Goes on after findings; the
# status is 1 where there was any.
set -u
flags=$1
shift
bad=0

echo "analyze: clang-tidy"
# shellcheck disable=SC2086 # flags are words
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} clang-tidy --quiet {} -- $flags || bad=1

echo "analyze: gcc -fanalyzer"
# shellcheck disable=SC2086
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} gcc $flags -fanalyzer -Werror -c -o /dev/null {} || bad=1

echo "analyze: cppcheck"
cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
    --suppress=missingIncludeSystem -D_GNU_SOURCE -I. -j "$(nproc)" "$@" || bad=1

exit $bad
