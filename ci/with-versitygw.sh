#!/bin/sh
# Runs COMMAND with a private Versity gateway, the second S3 server: `ci/with-versitygw.sh COMMAND...`
#
# As ci/with-minio.sh; SLUICE_TEST_S3_SERVER is versitygw.
set -eu
. "$(dirname "$0")/with-s3.sh"

configure() {
    # Metadata beside the objects, not in extended attributes, which a file system may lack.
    mkdir -p "$dir/data" "$dir/meta"
    certs=
    [ "$tls" = none ] || certs="--cert \"$dir/tls/cert.pem\" --key \"$dir/tls/key.pem\""
    script "$dir/run" <<RUN
exec env -i PATH="$PATH" HOME="$dir" ROOT_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID ROOT_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY \\
    "$program/versitygw" --quiet --port 127.0.0.1:$port $certs posix --sidecar "$dir/meta" "$dir/data"
RUN
}
serve_s3 versitygw "$@"
