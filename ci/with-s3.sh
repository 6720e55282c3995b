# What the with-scripts of S3 servers share; sourced, with set -eu. Such a script has a function `configure`, and ends with serve_s3.
# shellcheck shell=sh
. "$(dirname "$0")/with-server.sh"

# serve_s3 NAME COMMAND...
serve_s3() {
    name=$1
    shift
    [ $# -gt 0 ] || fail "usage: ci/with-$name.sh COMMAND..."
    program=$("$here/cache.sh" "$name") || fail "no $name"
    bucket=sluice-test
    region=us-east-1
    AWS_ACCESS_KEY_ID=$(secret)
    AWS_SECRET_ACCESS_KEY=$(secret)$(secret)
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    unset AWS_SESSION_TOKEN AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION

    serve_dir "${TMPDIR:-/tmp}" "$name"
    # request METHOD PATH: one signed request. The keys stand in a file, where no list of processes shows them.
    script "$dir/request" <<REQUEST
exec curl -q -sS --fail --insecure --noproxy '*' --max-time 20 -K "$dir/keys" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \\
    --aws-sigv4 aws:amz:$region:s3 -X "\$1" "\$(cat "$dir/url")\$2"
REQUEST
    printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >"$dir/keys"
    script "$dir/answers" <<ANSWERS
exec "$dir/request" GET /
ANSWERS
    configure_s3() {
        echo "$scheme://127.0.0.1:$port" >"$dir/url"
        configure
    }
    serve configure_s3
    "$dir/request" PUT "/$bucket" || fail "no bucket in $name"

    export SLUICE_TEST_S3_SERVER="$name"
    export SLUICE_TEST_S3_CTL="$dir/ctl"
    export SLUICE_TEST_S3_URL="s3://$bucket?endpoint=$scheme://127.0.0.1:$port&region=$region"
    [ "$tls" = none ] || export SLUICE_TEST_TLS_CA="$dir/tls/ca.pem"
    serve_run "$@"
}
