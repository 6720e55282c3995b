#!/bin/sh
# Names the Debian packages that a task needs and are missing, with the exact command, and runs it.
#
#   ci/deps.sh build|test|check|servers|deploy|slurm|bench|analyze|cov     installs what is missing (DEPS=no refuses)
#   ci/deps.sh --check build                     only names it, and the cure
#
# What is there is asked for by what it gives (a command, a header, a pkg-config module), not by package name: so
# it is the same question on any system, and a compiler from elsewhere counts.
set -u

# package  probe: cmd:NAME, file:PATH, pc:MODULE (or another, a|b), hdr:HEADER, py:MODULE, anypy:MODULE (the system's python3 will do), san:COMPILER (it links with its sanitizers)
BUILD='gcc cmd:gcc
libc6-dev hdr:stdio.h
pkg-config cmd:pkg-config
libcsv-dev hdr:csv.h
libsqlite3-dev pc:sqlite3
libyaml-dev pc:yaml-0.1
libjansson-dev pc:jansson
zlib1g-dev pc:zlib
libzstd-dev pc:libzstd
libxxhash-dev pc:libxxhash
libcurl4-openssl-dev pc:libcurl
libssl-dev pc:libssl
libexpat1-dev pc:expat
libmicrohttpd-dev pc:libmicrohttpd
default-libmysqlclient-dev pc:mysqlclient|libmariadb'
# What a build takes in where it is there: installed where that can be done, and not asked for otherwise (WITH_LIBS3=0: not at all).
OPTIONAL='libs3-dev hdr:libs3.h'
TEST='libcmocka-dev pc:cmocka
sqlite3 cmd:sqlite3
python3 cmd:python3
python3-pandas anypy:pandas
locales file:/usr/share/i18n/locales/de_DE
chromium cmd:chromium
fonts-dejavu-core file:/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
curl cmd:curl'
CHECK='clang cmd:clang
clang-format cmd:clang-format
libclang-rt-14-dev san:clang'
SERVERS='debootstrap file:/usr/sbin/debootstrap
golang-go cmd:go
ca-certificates file:/etc/ssl/certs/ca-certificates.crt
mariadb-server-core file:/usr/sbin/mariadbd
mariadb-client-core cmd:mariadb
openssl cmd:openssl
curl cmd:curl'
DEPLOY='systemd cmd:systemd-analyze
python3-venv py:ensurepip
shellcheck cmd:shellcheck'
SLURM='slurmctld file:/usr/sbin/slurmctld
slurmd file:/usr/sbin/slurmd
slurm-client cmd:sbatch
munge file:/usr/sbin/munged'
BENCH='sqlite3 cmd:sqlite3
python3-venv py:ensurepip
time cmd:/usr/bin/time'
ANALYZE='clang-tidy cmd:clang-tidy
cppcheck cmd:cppcheck'
COV='gcovr cmd:gcovr'

only_check=no
if [ "${1:-}" = --check ]; then
    only_check=yes
    shift
fi
task=${1:-}
case $task in
build) list=$BUILD ;;
test) list="$BUILD
$TEST" ;;
check) list="$BUILD
$TEST
$CHECK" ;;
servers) list=$SERVERS ;;
deploy) list=$DEPLOY ;;
slurm) list=$SLURM ;;
bench) list="$BUILD
$BENCH" ;;
analyze) list="$BUILD
$TEST
$CHECK
$ANALYZE" ;;
cov) list="$BUILD
$TEST
$CHECK
$COV" ;;
*)
    echo "usage: ci/deps.sh [--check] build|test|check|servers|deploy|slurm|bench|analyze|cov" >&2
    exit 2
    ;;
esac

have() {
    what=${1#*:}
    case $1 in
    cmd:*) command -v "$what" >/dev/null ;;
    file:*) [ -e "$what" ] ;;
    pc:*) pkg-config --exists "${what%|*}" || pkg-config --exists "${what#*|}" ;;
    hdr:*) echo "#include <$what>" | cc -E -o /dev/null - ;;
    py:*) python3 -c "import $what" ;;
    anypy:*) python3 -c "import $what" || /usr/bin/python3 -c "import $what" ;;
    san:*) echo 'int main(void){return 0;}' | "$what" -fsanitize=address,undefined -o /dev/null -x c - ;;
    esac 2>/dev/null
}

# lacking LIST: its packages that are not there
lacking() {
    echo "$1" | while read -r package probe; do
        have "$probe" || printf ' %s' "$package"
    done
}
missing=$(lacking "$list")
optional=
case $list in
*"$BUILD"*)
    if [ "${WITH_LIBS3:-1}" != 0 ] && [ $only_check = no ] && [ "${DEPS:-yes}" != no ] && command -v apt-get >/dev/null &&
        { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }; then
        optional=$(lacking "$OPTIONAL")
    fi
    ;;
esac
[ -n "$missing$optional" ] || exit 0

sudo=
[ "$(id -u)" = 0 ] || sudo='sudo '
command="${sudo}apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends$missing$optional"
echo "sluice: missing to $task:$missing$optional" >&2
if [ $only_check = yes ]; then
    echo "sluice: \`make deps\` installs them, by: $command" >&2
    exit 1
fi
if [ "${DEPS:-yes}" = no ]; then
    echo "sluice: DEPS=no, so nothing is installed. By hand: $command" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "sluice: no apt-get here: install what this system calls these packages" >&2
    exit 1
fi
if [ -n "$sudo" ] && ! command -v sudo >/dev/null; then
    echo "sluice: neither root nor sudo here. As root: ${command#sudo }" >&2
    exit 1
fi

echo "sluice: running: $command" >&2
export DEBIAN_FRONTEND=noninteractive
update() {
    echo "sluice: running: ${sudo}apt-get update" >&2
    ${sudo}apt-get update -qq
}
updated=no
for package in $missing $optional; do
    if ! apt-cache show "$package" >/dev/null 2>&1; then
        update || [ -z "$missing" ] || exit 1
        updated=yes
        break
    fi
done
# A list that is there may still name files that the mirror has replaced since.
${command} -qq >&2 || { [ $updated = no ] && update && ${command} -qq >&2; } || {
    [ -z "$missing" ] || exit 1
    echo "sluice: goes on without$optional" >&2
}
