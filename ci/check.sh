#!/bin/sh
# Everything that must hold of the sources: `make check` (all), `make check-quick` (quick KIND [T]), `make check-slurm` (slurm KIND).
#
# Goes on after a failure, so that one run shows all of them; ci/summary.sh counts and has the last word.
set -u
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
        grep -E 'error:|warning:|undefined reference|[*]{3}|:[0-9]+: ' "build/check/$name.log" | head -n 20
        return 1
    fi
}

# tests KIND: builds and runs them.
tests() {
    step "build-$1" $MAKE --no-print-directory -k $jobs KIND="$1" T="$T" build-tests &&
        { $MAKE --no-print-directory KIND="$1" T="$T" run-tests ||
            printf 'fail\tcheck\trun-tests KIND=%s\t\n' "$1" >>$RESULTS; }
}

# beside KIND S3 SQL: the tests of the servers, beside a private pair of them. Its tests go one at a time: they share a database.
beside() {
    if ! why=$(ci/cache.sh --check all 2>&1 >/dev/null); then
        printf 'server\tcheck\twith-%s-%s\tno servers: %s\n' "$2" "$3" "$(echo "$why" | tr '\n\t' '  ')" >>$RESULTS
        return
    fi
    # Not synced to the disk: the process may die here, not the machine.
    SLUICE_TEST_MYSQL_OPTIONS="--skip-log-bin --innodb-flush-log-at-trx-commit=2 --innodb-doublewrite=OFF" \
        TEST_JOBS=1 TEST_SUITE="with-$2-$3" "ci/with-$2.sh" ci/with-mysql.sh "$3" \
        $MAKE --no-print-directory KIND="$1" SERVERS=yes run-tests ||
        printf 'fail\tcheck\twith-%s-%s\t\n' "$2" "$3" >>$RESULTS
}

# by_slurm KIND [SQL]: the tests of a private Slurm, beside a private server too where one is named.
by_slurm() {
    suite=with-slurm${2:+-$2}
    why=
    for needed in slurm ${2:+servers}; do
        [ -n "$why" ] || why=$(ci/deps.sh --check "$needed" 2>&1)
    done
    [ "$(id -u)" = 0 ] || why="its daemons run as root"
    if [ -n "$why" ]; then
        printf 'server\tcheck\t%s\tno Slurm: %s\n' "$suite" "$(echo "$why" | tr '\n\t' '  ')" >>$RESULTS
        return
    fi
    TEST_SUITE=$suite ${2:+ci/with-mysql.sh "$2"} ci/with-slurm.sh \
        $MAKE --no-print-directory KIND="$1" T=tests/e2e/test_slurm run-tests ||
        printf 'fail\tcheck\t%s\t\n' "$suite" >>$RESULTS
}

# in_chroot: what other libraries may break, built in Debian's unstable suite against Oracle's client library and a newer libcurl, beside
# MinIO and MySQL. Results and logs come back by the folder build/out, see ci/with-chroot.sh.
in_chroot() {
    name=chroot-minio-mysql
    echo "check: $name"
    rm -rf build/chroot
    env -u MAKEFLAGS -u MFLAGS TEST_JOBS=1 TEST_SUITE=$name RESULTS=build/out/results \
        ci/with-minio.sh ci/with-mysql.sh mysql ci/with-chroot.sh sh -c "make -k -j$(nproc) SERVERS=chroot build-tests >build/out/build.log 2>&1 &&
            make SERVERS=chroot run-tests; status=\$?; cp -r build/release/log build/out; exit \$status" >"build/check/$name.log" 2>&1
    status=$?
    grep '^  release' "build/check/$name.log"
    [ ! -d build/chroot/log ] || { mkdir -p build/release/log && cp build/chroot/log/*.log build/release/log; }
    [ ! -e build/chroot/results ] || cat build/chroot/results >>$RESULTS
    case $status in
    0) printf 'pass\tcheck\t%s\t\n' "$name" >>$RESULTS ;;
    125) printf 'server\tcheck\t%s\t%s\n' "$name" "$(tail -n 1 "build/check/$name.log" | tr '\t' ' ')" >>$RESULTS ;;
    *)
        [ ! -e build/chroot/build.log ] || cat build/chroot/build.log >>"build/check/$name.log"
        printf 'fail\tcheck\t%s\t\n' "$name" >>$RESULTS
        ;;
    esac
}

# apart NAME COMMAND...: beside others, with results of its own; together: waits for all of them and adds theirs. Tests of servers mostly
# wait, and each pair of servers is private.
parts=
apart() {
    part=$RESULTS.$1
    parts="$parts $part"
    shift
    (
        RESULTS=$part
        : >"$part"
        "$@"
    ) &
}
together() {
    wait
    for part in $parts; do cat "$part" >>$RESULTS; done
    parts=
}

if [ "$mode" = all ]; then
    step check-layers $MAKE --no-print-directory check-layers
    step check-rules $MAKE --no-print-directory check-rules
    step check-format $MAKE --no-print-directory check-format
    step check-headers $MAKE --no-print-directory check-headers
    tests gcc
    tests clang
    tests tsan
    apart gcc-1 beside gcc minio mysql
    apart gcc-2 beside gcc versitygw mariadb
    together
    apart clang beside clang minio mariadb
    apart chroot in_chroot
    together
    by_slurm gcc
    by_slurm gcc mariadb
elif [ "$mode" = slurm ]; then
    step "build-$kind" $MAKE --no-print-directory $jobs KIND="$kind" T=tests/e2e/test_slurm build-tests &&
        by_slurm "$kind" && by_slurm "$kind" mariadb
else
    tests "$kind"
fi

echo "$(($(date +%s) - started)) s"
ci/summary.sh $RESULTS
