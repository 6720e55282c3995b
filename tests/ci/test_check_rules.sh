#!/bin/sh
# ci/check-rules.sh passes a clean tree and finds each kind of planted violation.
set -u
check=$PWD/ci/check-rules.sh
n=0

# expect NAME STATUS PATTERN FILE TEXT: writes FILE into an empty tree.
expect() {
    n=$((n + 1))
    tree=$TMPDIR/$n
    mkdir -p "$tree/core/base" "$tree/core/store" "$tree/tests"
    echo "$5" >"$tree/$4"
    output=$("$check" "$tree" 2>&1)
    status=$?
    if [ $status = "$2" ] && echo "$output" | grep -q -e "$3"; then
        echo "ok $n - $1"
    else
        printf 'not ok %d - %s\n# status %d: %s\n' $n "$1" $status "$output"
    fi
}
lines() { awk -v n="$1" 'BEGIN { while (n--) print "    x();" }'; }
nl='
'

echo 1..10
expect "a clean tree passes" 0 '^$' core/base/x.c "/* x: strcpy(a, b) */${nl}int f(void)$nl{$nl$(lines 80)$nl}"
expect "601 lines" 1 'x.c:601' core/base/x.c "/* x */$nl$(lines 600)"
expect "a function of 81 lines" 1 'x.c:3: the function' core/base/x.c "/* x */${nl}int f(void)$nl{$nl$(lines 81)$nl}"
expect "no first comment" 1 'x.c:1' core/base/x.c '#include <stdio.h>'
expect "sprintf" 1 'x.c:2: banned' tests/x.c "/* x */${nl}    sprintf(a, b);"
expect "snprintf is fine" 0 '^$' core/base/x.c "/* x */${nl}    snprintf(a, 1, \"atoi(\");"
expect "malloc" 1 'x.c:2: heap' core/base/x.c "/* x */${nl}void *p = malloc(3);"
expect "malloc in mem.c is fine" 0 '^$' core/base/mem.c "/* x */${nl}void *p = malloc(3);"
expect "past the wrapper" 1 'x.c:2: an op' core/store/x.c "/* x */${nl}    s->type->read(s);"
expect "left for later" 1 'x.c:2: something' core/base/x.c "/* x */$nl/* TO""DO: later */"
