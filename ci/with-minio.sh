#!/bin/sh
# Runs COMMAND with a private MinIO: `[SLUICE_TEST_TLS=none|ca|expired|name|self] ci/with-minio.sh COMMAND...`
#
# COMMAND gets SLUICE_TEST_S3_URL (an empty bucket), AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, SLUICE_TEST_S3_SERVER (minio),
# SLUICE_TEST_S3_CTL (a program: stop, start, kill) and, with TLS, SLUICE_TEST_TLS_CA. Its status is the script's; 125
# where the server cannot be had.
set -eu
. "$(dirname "$0")/with-s3.sh"

configure() {
    if [ "$tls" != none ]; then
        mkdir -p "$dir/certs"
        cp "$dir/tls/cert.pem" "$dir/certs/public.crt"
        cp "$dir/tls/key.pem" "$dir/certs/private.key"
    fi
    script "$dir/run" <<RUN
exec env -i PATH="$PATH" HOME="$dir" MINIO_ROOT_USER=$AWS_ACCESS_KEY_ID MINIO_ROOT_PASSWORD=$AWS_SECRET_ACCESS_KEY \\
    MINIO_BROWSER=off MINIO_UPDATE=off "$program/minio" server --quiet --certs-dir "$dir/certs" \\
    --address 127.0.0.1:$port "$dir/data"
RUN
}
serve_s3 minio "$@"
