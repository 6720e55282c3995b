#!/bin/sh
# ci/check-layers.sh passes a clean tree and finds each kind of planted violation.
set -u
check=$PWD/ci/check-layers.sh
n=0

# expect NAME STATUS PATTERN FILE TEXT: writes FILE into a tree that is otherwise clean.
expect() {
    n=$((n + 1))
    tree=$TMPDIR/$n
    mkdir -p "$tree/core/base" "$tree/core/data" "$tree/core/store" "$tree/core/load" "$tree/core/sink" "$tree/backends" "$tree/tools"
    printf '#include <stdio.h>\n#include "core/base/err.h"\n' >"$tree/core/store/store.c"
    printf '#include <csv.h>\n' >"$tree/core/data/csv.c"
    printf '/* like <sqlite3.h>: sqlite3_open() */\n#include "core/sink/sink.h"\n' >"$tree/core/load/load.c"
    printf '#include <sqlite3.h>\n#include "core/sink/sink.h"\n' >"$tree/backends/sink_sqlite.c"
    printf '#include "backends/registry.h"\n#include "core/load/load.h"\n' >"$tree/tools/sluice.c"
    mkdir -p "$(dirname "$tree/$4")"
    printf "$5" >"$tree/$4"
    output=$("$check" "$tree" 2>&1)
    status=$?
    if [ $status = "$2" ] && echo "$output" | grep -q -e "$3"; then
        echo "ok $n - $1"
    else
        printf 'not ok %d - %s\n# status %d: %s\n' $n "$1" $status "$output"
    fi
}

echo 1..11
expect "a clean tree passes" 0 '^$' tools/x.c '#include "core/base/err.h"\n'
expect "base includes upward" 1 '^core/base/x.c:2: .*core/data/csv.h' core/base/x.c '\n#include "core/data/csv.h"\n'
expect "a store knows the sink" 1 'core/sink/sink.h' core/store/x.h '#include "core/sink/sink.h"\n'
expect "core includes a backend" 1 'backends/registry.h' core/load/x.c '#  include "backends/registry.h"\n'
expect "backends include tools" 1 'tools/out.h' backends/x.c '#include "tools/out.h"\n'
expect "a vendor's header in another file" 1 'csv.h' core/data/types.c '#include <csv.h>\n'
expect "a vendor's header that no list has" 1 'curl/curl.h' backends/x.c '#include <curl/curl.h>\n'
expect "the core names a scheme" 1 'names a backend' core/load/x.c 'static const char X[] = "sqlite:x";\n'
expect "the core names a backend's symbol" 1 'store_fs' core/load/x.c 'extern int store_fs;\n'
expect "a comment may name it" 0 '^$' core/load/x.c '/* \n "sqlite:x" */ int x; // store_fs\n'
expect "a folder without a rule" 1 'without a rule' core/new/x.c '#include "core/base/err.h"\n'
