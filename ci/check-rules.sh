#!/bin/sh
# Rules of CONTRIBUTING.md that a program can check: `ci/check-rules.sh [ROOT]`, one line for each violation.
#   - no file over 600 lines, no function over 80;
#   - each .c starts with a comment that says what it is for;
#   - no call that cannot bound its output or report its failure; heap only through core/base/mem.h;
#   - the ops of a backend are called by the checked wrappers alone;
#   - nothing is left for later.
set -u
cd "${1:-.}" || exit 2

files=$(find core backends tools tests ci -name '*.[ch]' -o -name '*.sh' 2>/dev/null | sort)
[ -n "$files" ] || exit 0
# Paths of this project hold no spaces.
# shellcheck disable=SC2086
awk '
function complain(line, what) { print FILENAME ":" line ": " what; bad = 1 }
FNR == 1 {
    if (FILENAME ~ /\.c$/ && $0 !~ /^\/\*/) complain(1, "the file does not start with a comment")
    start = comment = 0
}
FNR == 601 { complain(601, "the file is over 600 lines long") }
/(TODO|FIXME)([^A-Z]|$)/ && FILENAME !~ /check[-_]rules/ { complain(FNR, "something is left for later") }
FILENAME !~ /\.[ch]$/ { next }
/^\{/ { start = FNR }
/^\}/ { if (start && FNR - start - 1 > 80) complain(start, "the function is over 80 lines long"); start = 0 }
{
    line = $0
    if (comment) { if (!match(line, /\*\//)) next; line = substr(line, RSTART + 2); comment = 0 }
    while (match(line, /\/\*/)) {
        head = substr(line, 1, RSTART - 1); tail = substr(line, RSTART + 2)
        if (!match(tail, /\*\//)) { line = head; comment = 1; break }
        line = head " " substr(tail, RSTART + 2)
    }
    gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
}
match(line, /(^|[^A-Za-z0-9_])(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|alloca)\(/) {
    complain(FNR, "banned: " substr(line, RSTART, RLENGTH) ")")
}
FILENAME !~ /^tests\// && FILENAME != "core/base/mem.c" &&
match(line, /(^|[^A-Za-z0-9_>.])(malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|vasprintf|getline|free)\(/) {
    complain(FNR, "heap outside core/base/mem.h: " substr(line, RSTART, RLENGTH) ")")
}
FILENAME !~ /^core\/(store\/store|sink\/sink)\.c$/ && match(line, /->type->[a-z_]+\(/) {
    complain(FNR, "an op is called past its wrapper: " substr(line, RSTART, RLENGTH) ")")
}
END { exit bad }' $files
