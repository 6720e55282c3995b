#!/bin/sh
# Certificates for a test server on loopback: `ci/make-certs.sh DIR ca|expired|name|self` makes DIR/{ca,cert,key}.pem.
#
# A client that trusts ca.pem accepts `ca` alone: `expired` is past its time, `name` is for another host, `self` is signed by
# itself.
set -eu
[ $# = 2 ] || {
    echo "usage: ci/make-certs.sh DIR ca|expired|name|self" >&2
    exit 2
}
umask 077
mkdir -p "$1"
cd "$1"

host=localhost
names=DNS:localhost,IP:127.0.0.1,IP:::1
days=2
case $2 in
ca | self) ;;
expired) days=-1 ;;
name)
    host=other.invalid
    names=DNS:other.invalid
    ;;
*)
    echo "ci/make-certs.sh: not a kind of certificate: $2" >&2
    exit 2
    ;;
esac

quiet() { "$@" 2>make-certs.log || { cat make-certs.log >&2; exit 1; }; }
new='req -x509 -newkey rsa:2048 -nodes -sha256 -days 2'
# shellcheck disable=SC2086
quiet openssl $new -subj '/CN=sluice test CA' -keyout ca-key.pem -out ca.pem
if [ "$2" = self ]; then
    # shellcheck disable=SC2086
    quiet openssl $new -subj "/CN=$host" -addext "subjectAltName=$names" -keyout key.pem -out cert.pem
else
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$names" >extensions
    quiet openssl req -newkey rsa:2048 -nodes -sha256 -subj "/CN=$host" -keyout key.pem -out request.pem
    quiet openssl x509 -req -sha256 -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days $days \
        -extfile extensions -out cert.pem
    rm -f extensions request.pem
fi
rm -f ca-key.pem ca.srl make-certs.log
