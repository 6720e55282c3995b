#!/bin/sh
# Fails where an include goes against the architecture, a vendor's header is used outside its one file, or the core
# names a backend. `ci/check-layers.sh [ROOT]`; one line for each violation. A new rule is a line in a table below.
set -u
cd "${1:-.}" || exit 2

# layer: what its files may include besides themselves (`core` stands for all of core/).
LAYERS='core/base
core/data core/base
core/config core/base core/data
core/store core/base
core/sink core/base core/data
core/load core/base core/data core/config core/store core/sink
core/queue core/base core/data core/config core/store core/sink core/load
core/profile core/base core/data core/store
backends core
tools core backends'

# vendor header: the files that may include it, as one regular expression over paths.
VENDORS='csv.h ^core/data/csv\.c$
yaml.h ^core/config/yaml\.c$
zlib.h ^core/data/inflate\.c$
zstd.h ^core/data/inflate\.c$
zstd_errors.h ^core/data/inflate\.c$
xxhash.h ^core/data/(canon|hash)\.[ch]$
sqlite3.h ^backends/[a-z_]*sqlite[a-z_]*\.[ch]$
jansson.h ^(tools/out[a-z_]*|backends/aws_creds)\.c$
curl/curl.h ^backends/s3_http\.c$
microhttpd.h ^tools/http\.c$
expat.h ^backends/s3_xml\.c$
openssl/crypto.h ^backends/s3_sign\.c$
openssl/evp.h ^backends/(s3_sign|libs3_put)\.c$
libs3.h ^backends/(store_)?libs3[a-z_]*\.[ch]$
openssl/hmac.h ^backends/s3_sign\.c$
mysql.h ^backends/[a-z_]*mysql[a-z_]*\.[ch]$
errmsg.h ^backends/mysql_error\.c$'

# Headers that anyone may include: the C library's and Linux'.
SYSTEM='^(assert|ctype|dirent|endian|errno|fcntl|fenv|float|getopt|glob|inttypes|libgen|limits|locale|malloc|math|poll|pthread|regex|sched|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|sysexits|syscall|termios|threads|time|unistd|wchar|(arpa|linux|net|netinet|sys)/[a-z0-9_]+)\.h$'

# Names of backends, which the core must not know. url.c is the grammar of URLs, whose forms differ by scheme; keys.c has
# the help of each key, which names what users may write.
NAMES='"(fs|mem|s3|libs3|sqlite|mysql):|(store|sink)_(fs|mem|s3|libs3|sqlite|mysql)([^a-z_]|$)|sqlite3_|mysql_'
NAMES_EXEMPT='^core/(base/url|config/keys)\.c$'

find core backends tools -name '*.[ch]' 2>/dev/null | sort | {
    files=$(cat)
    [ -n "$files" ] || exit 0
    # Paths of this project hold no spaces.
    # shellcheck disable=SC2086
    LAYERS=$LAYERS VENDORS=$VENDORS SYSTEM=$SYSTEM NAMES=$NAMES NAMES_EXEMPT=$NAMES_EXEMPT awk '
    function layer(path) { return match(path, /^core\/[a-z]+/) ? substr(path, 1, RLENGTH) : substr(path, 1, index(path, "/") - 1) }
    function complain(what) { print FILENAME ":" FNR ": " what; bad = 1 }
    function check_own(path,    l, from, ok, i) {
        l = layer(path); from = layer(FILENAME); ok = l == from
        if (!(from in may)) { complain("a folder without a rule in ci/check-layers.sh: " from); return }
        for (i = 1; i <= split(may[from], parts, " "); i++)
            if (l == parts[i] || (parts[i] == "core" && l ~ /^core\//)) ok = 1
        if (!ok) complain(from " may not include " path)
    }
    BEGIN {
        n = split(ENVIRON["LAYERS"], lines, "\n")
        for (i = 1; i <= n; i++) { l = lines[i]; sub(/ .*/, "", l); may[l] = substr(lines[i], length(l) + 2) }
        n = split(ENVIRON["VENDORS"], lines, "\n")
        for (i = 1; i <= n; i++) { split(lines[i], parts, " "); vendor[parts[1]] = parts[2] }
    }
    FNR == 1 { comment = 0 }
    {
        line = $0
        # Comments out: they may name anything.
        if (comment) { if (!match(line, /\*\//)) next; line = substr(line, RSTART + 2); comment = 0 }
        while (match(line, /\/\*/)) {
            head = substr(line, 1, RSTART - 1); tail = substr(line, RSTART + 2)
            if (!match(tail, /\*\//)) { line = head; comment = 1; break }
            line = head " " substr(tail, RSTART + 2)
        }
        if (line !~ /"[^"]*\/\/[^"]*"/) sub(/\/\/.*/, "", line)
    }
    line ~ /^[ \t]*#[ \t]*include[ \t]*"/ {
        split(line, parts, "\""); check_own(parts[2]); next
    }
    line ~ /^[ \t]*#[ \t]*include[ \t]*</ {
        header = line; sub(/^[^<]*</, "", header); sub(/>.*/, "", header)
        if (header in vendor) { if (FILENAME !~ vendor[header]) complain("<" header "> belongs to " vendor[header] " alone") }
        else if (header !~ ENVIRON["SYSTEM"]) complain("<" header "> is in no list of ci/check-layers.sh")
        next
    }
    FILENAME ~ /^core\// && FILENAME !~ ENVIRON["NAMES_EXEMPT"] && match(line, ENVIRON["NAMES"]) {
        complain("the core names a backend: " substr(line, RSTART, RLENGTH))
    }
    END { exit bad }' $files
}
