#!/bin/sh
# Runs COMMAND in a copy of this tree inside Debian's unstable suite, against Oracle's libmysqlclient, a newer libcurl and newer
# compilers: `ci/with-chroot.sh COMMAND...`, for instance `ci/with-mysql.sh ci/with-chroot.sh ci/check.sh quick release`.
#
# The servers of the with-scripts are reached by their ports as from outside, but not their programs: SLUICE_TEST_*_CTL and _CLIENT
# are unset. The copy is removed afterwards, but what COMMAND leaves in its folder build/out comes to build/chroot here. 125 where the
# chroot cannot be had.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/versions.sh"
[ $# -gt 0 ] || {
    echo "usage: ci/with-chroot.sh COMMAND..." >&2
    exit 125
}
chroot=$("$here/cache.sh" chroot) || exit 125

# Mounts in a name space of this run's own, where the system allows one; nothing of them outlives it.
if [ -z "${SLUICE_IN_NAMESPACE:-}" ] && unshare --mount true 2>/dev/null; then
    SLUICE_IN_NAMESPACE=yes exec unshare --mount -- "$here/with-chroot.sh" "$@"
fi
if [ -n "${SLUICE_IN_NAMESPACE:-}" ]; then
    unset SLUICE_IN_NAMESPACE
    mount -t proc proc "$chroot/proc"
    mount --bind /dev "$chroot/dev"
    mkdir -p "$chroot/dev/shm"
fi

tree=$(mktemp -d "$chroot/tmp/sluice-tree-XXXXXX")
trap 'rm -rf "$tree"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
tar -C "$here/.." --exclude=./build --exclude=./.git -cf - . | tar -C "$tree" -xf -
if [ -n "${SLUICE_TEST_TLS_CA:-}" ]; then
    cp "$SLUICE_TEST_TLS_CA" "$tree/test-ca.pem"
    export SLUICE_TEST_TLS_CA="${tree#"$chroot"}/test-ca.pem"
fi
unset SLUICE_TEST_S3_CTL SLUICE_TEST_MYSQL_CTL SLUICE_TEST_MYSQL_CLIENT

# Oracle's client library is asked for first: the default there is MariaDB's.
{
    flock 9
    chroot "$chroot" sh -c 'cd "$1" && {
        pkg-config --exists mysqlclient && [ -e /usr/include/mysql/mysql.h ] ||
            { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                gcc make pkg-config libmysqlclient-dev; }; } && ci/deps.sh test' sh "${tree#"$chroot"}" >"$tree/packages.log" 2>&1
} 9>"$chroot.packages.lock" || {
    tail -n 20 "$tree/packages.log" >&2
    exit 125
}

mkdir -p "$tree/build/out"
status=0
env -u TMPDIR HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    chroot "$chroot" sh -c 'cd "$1" && shift && "$@"' sh "${tree#"$chroot"}" "$@" || status=$?
rm -rf "$here/../build/chroot"
mkdir -p "$here/../build"
cp -r "$tree/build/out" "$here/../build/chroot"
exit $status
