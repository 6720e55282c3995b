#!/bin/sh
# Builds or fetches a server for tests once and prints where it is: `ci/cache.sh [--check] minio|versitygw|chroot|all`; kubernetes is
# no server, but what judges manifests without one, profilers are what `profile` is timed beside.
#
# With --check nothing is made: the status is 1 where it is not there yet, with the cure on stderr. What is there lies in
# ${SLUICE_CACHE:-~/.cache/sluice} under a name with its version, so a new version in ci/versions.sh is a new build. It is made in
# a folder *.tmp under a lock, then renamed: two at once make it once, and one that was broken off leaves nothing
# that looks whole.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/versions.sh"

cache=${SLUICE_CACHE:-$HOME/.cache/sluice}
only_check=no
if [ "${1:-}" = --check ]; then
    only_check=yes
    shift
fi

# go_command: the `go` to build with. One older than GO_VERSION (Debian 12 has 1.19) fetches the newer toolchain as the module that it
# is published as; its files come without their execute bits.
go_command() {
    have=$(GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//')
    if [ "$(printf '%s\n%s\n' "$GO_VERSION" "$have" | sort -V | head -n 1)" = "$GO_VERSION" ]; then
        command -v go
        return
    fi
    toolchain=golang.org/toolchain@v0.0.1-go$GO_VERSION.$(go env GOOS)-$(go env GOARCH)
    (cd / && GO111MODULE=on go mod download "$toolchain") >&2
    root=$GOMODCACHE/$toolchain
    chmod -R u+w "$root"
    find "$root/bin" "$root/pkg/tool" -type f -exec chmod +x {} +
    echo "$root/bin/go"
}

# make_go DIR MODULE@VERSION: installs its command into DIR. Caches of its own, gone afterwards: they are some GB.
make_go() {
    (
        mkdir -p "$1.go"
        GOMODCACHE=$1.go/mod GOCACHE=$1.go/build GOPATH=$1.go GOFLAGS="${GOFLAGS:-} -modcacherw"
        GOENV=off GOPROXY=$(go env GOPROXY) GOSUMDB=$(go env GOSUMDB) CGO_ENABLED=0
        export GOMODCACHE GOCACHE GOPATH GOFLAGS GOENV GOPROXY GOSUMDB CGO_ENABLED
        go=$(go_command)
        unset GOROOT
        GOTOOLCHAIN=local GOBIN=$1 nice "$go" install -trimpath -ldflags='-s -w' "$2" >&2
    )
    rm -rf "$1.go"
}

# mirrors: the Debian archives that this machine takes its packages from.
mirrors() {
    find /etc/apt '(' -name '*.list' -o -name '*.sources' ')' -exec cat {} + | grep -v '^ *#' | tr ' ' '\n' |
        grep -E '^https?://.*/debian/?$' | sort -u
}

# make_chroot DIR: a minimal system of DEBIAN_SUITE with MySQL's server.
make_chroot() {
    [ "$(id -u)" = 0 ] || {
        echo "sluice: debootstrap needs root; again as root: ci/cache.sh chroot" >&2
        return 1
    }
    proxy=$(apt-config shell http_proxy Acquire::http::Proxy)
    [ -z "$proxy" ] || eval "export $proxy"
    # Its mounts in a name space of their own end with it, however it ends.
    unshare=$(unshare --mount true 2>/dev/null && echo unshare --mount || true)
    made=no # first from debootstrap's own default
    for mirror in '' $(mirrors); do
        rm -rf --one-file-system "$1"
        # shellcheck disable=SC2086
        if $unshare debootstrap --variant=minbase --include=mysql-server-core,mysql-client-core,ca-certificates \
            "$DEBIAN_SUITE" "$1" $mirror >"$1.log" 2>&1; then
            made=yes
            break
        fi
    done
    [ $made = yes ] || {
        tail -n 20 "$1.log" >&2
        return 1
    }
    rm -f "$1.log" "$1"/var/cache/apt/archives/*.deb
    # How this machine reaches its mirrors (a proxy, a clock that is off) holds in there too.
    apt-config dump Acquire | grep -E '^Acquire::(Check-|https?)' >"$1/etc/apt/apt.conf.d/90host" || true
    version=$(chroot "$1" mysqld --version)
    case $version in
    *"Ver $MYSQL_SERIES."*) ;;
    *) echo "sluice: Debian's $DEBIAN_SUITE has another MySQL now than $MYSQL_SERIES (ci/versions.sh): $version" >&2 ;;
    esac
}

# make_validator DIR: kubernetes-validate in a Python environment of its own, which is moved later: its bin/python knows where it is, the
# other programs do not.
make_validator() {
    python3 -m venv "$1" >&2
    "$1/bin/python" -m pip --quiet --disable-pip-version-check install "kubernetes-validate==$KUBERNETES_VALIDATE_VERSION" >&2
}

# make_profilers DIR: pandas and ydata-profiling, as make_validator. setuptools: some of what they import is there alone.
make_profilers() {
    python3 -m venv "$1" >&2
    "$1/bin/python" -m pip --quiet --disable-pip-version-check install "ydata-profiling==$YDATA_PROFILING_VERSION" \
        "pandas==$PANDAS_VERSION" "numpy==$NUMPY_VERSION" setuptools >&2
}

# cached NAME WHAT MAKE...: prints the path of NAME, made by MAKE PATH... where it is missing.
cached() {
    path=$cache/$1
    what=$2
    shift 2
    if [ ! -e "$path" ]; then
        if [ $only_check = yes ]; then
            echo "sluice: no $what in $cache; \`ci/cache.sh $what\` makes it" >&2
            return 1
        fi
        case $what in
        kubernetes) "$here/deps.sh" deploy ;;
        profilers) "$here/deps.sh" bench ;;
        *) "$here/deps.sh" servers ;;
        esac
        mkdir -p "$cache"
        (
            flock 9
            [ -e "$path" ] && exit 0
            rm -rf --one-file-system "$path.tmp" "$path.tmp.go"
            echo "sluice: making $what, once; minutes: $path" >&2
            make=$1
            shift
            $make "$path.tmp" "$@"
            mv "$path.tmp" "$path"
        ) 9>"$path.lock"
    fi
    echo "$path"
}

one() {
    case $1 in
    minio) cached "minio-$MINIO_VERSION" minio make_go "$MINIO_MODULE@$MINIO_VERSION" ;;
    versitygw) cached "versitygw-$VERSITYGW_VERSION" versitygw make_go "$VERSITYGW_MODULE@$VERSITYGW_VERSION" ;;
    chroot) cached "chroot-$DEBIAN_SUITE" chroot make_chroot ;;
    kubernetes) cached "kubernetes-validate-$KUBERNETES_VALIDATE_VERSION" kubernetes make_validator ;;
    profilers) cached "profilers-$YDATA_PROFILING_VERSION-$PANDAS_VERSION" profilers make_profilers ;;
    esac
}
case ${1:-} in
minio | versitygw | chroot | kubernetes | profilers) one "$1" ;;
all) for name in versitygw minio chroot; do one $name; done ;;
*)
    echo "usage: ci/cache.sh [--check] minio|versitygw|chroot|all|kubernetes|profilers" >&2
    exit 2
    ;;
esac
