# What the e2e scripts share: where the binaries are, TAP output, one run of a command with its three results.
# To be read with `.`; the script ends with `finish`.
SLUICE_BUILD=${SLUICE_BUILD:-build/release}
case $SLUICE_BUILD in
/*) ;;
*) SLUICE_BUILD=$PWD/$SLUICE_BUILD ;;
esac
SLUICE=${SLUICE:-$SLUICE_BUILD/sluice}
GEN_FIXTURE=${GEN_FIXTURE:-$SLUICE_BUILD/gen_fixture}
SOURCES=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cases=0
unset SLUICE_ENV NO_COLOR
# Whatever machine this is, it lends its credentials to no test.
export AWS_EC2_METADATA_DISABLED=true

# pass NAME / fail NAME [WHY]
pass() {
    cases=$((cases + 1))
    echo "ok $cases - $1"
}
fail() {
    cases=$((cases + 1))
    echo "not ok $cases - $1"
    printf '%s\n' "${2-}" | sed 's/^/# /'
}

# is NAME ACTUAL EXPECTED
is() {
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got  $2
want $3"; fi
}

# like NAME TEXT PATTERN: a grep -E pattern
like() {
    if printf '%s\n' "$2" | grep -Eq -e "$3"; then pass "$1"; else fail "$1" "no /$3/ in: $2"; fi
}
unlike() {
    if printf '%s\n' "$2" | grep -Eq -e "$3"; then fail "$1" "/$3/ in: $2"; else pass "$1"; fi
}

# run ARGUMENT...: sluice; leaves $status, $out and $err
run() {
    "$SLUICE" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    out=$(cat "$work/out")
    err=$(cat "$work/err")
}

# succeeds NAME ARGUMENT...: exit 0 and no error
succeeds() {
    name=$1
    shift
    run "$@"
    if [ $status = 0 ] && ! grep -q 'error:' "$work/err"; then pass "$name"; else fail "$name" "status $status: $err"; fi
}

# refuses NAME STATUS ERROR PATTERN ARGUMENT...: that exit status and exactly one error line, "sluice: error: ERROR: ...",
# with PATTERN in it; nothing on stdout
refuses() {
    name=$1 want=$2 error=$3 pattern=$4
    shift 4
    run "$@"
    if [ $status = "$want" ] && [ "$(grep -c 'sluice: error: ' "$work/err")" = 1 ] && [ ! -s "$work/out" ] &&
        grep -Eq "^sluice: error: $error: .*($pattern)" "$work/err"; then
        pass "$name"
    else
        fail "$name" "status $status, not $want $error /$pattern/: $err
stdout: $out"
    fi
}

# lake DIR ARGUMENT...: a folder with the example's pipeline file and a generated lake
lake() {
    mkdir -p "$1" && cp "$SOURCES/docs/pipeline.example.yaml" "$1/sluice.yaml" || exit 1
    dir=$1
    shift
    "$GEN_FIXTURE" --out "$dir/lake" "$@" >/dev/null || exit 1
    # An etag is trusted only when the file has rested for 2 s.
    find "$dir/lake" -type f -exec touch -d '2022-06-06' {} +
}

# sql DATABASE STATEMENT
sql() {
    sqlite3 -batch -cmd '.timeout 10000' "$1" "$2"
}

finish() {
    echo "1..$cases"
}
