# The servers that tests run against, what judges manifests and what is timed beside us, each version in this one place. Sourced by ci/cache.sh.
# shellcheck shell=sh disable=SC2034
MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
MINIO_MODULE=github.com/minio/minio
VERSITYGW_VERSION=v1.8.0
VERSITYGW_MODULE=github.com/versity/versitygw/cmd/versitygw
GO_VERSION=1.25.0 # the least that builds both; an older one fetches it
DEBIAN_SUITE=sid  # of the chroot: Oracle's MySQL server and client library, a newer libcurl
MYSQL_SERIES=9.7  # what the suite had when this was last looked at; another one is told, not refused
# MariaDB 10.11 is the system's own (apt).
KUBERNETES_VALIDATE_VERSION=1.37.0
KUBERNETES_VERSIONS='1.31 1.37' # that the manifests are for: where podFailurePolicy came to stay, and the newest it knows
# What `profile` is timed beside; pandas and numpy are the newest that this ydata-profiling takes.
YDATA_PROFILING_VERSION=4.18.4
PANDAS_VERSION=2.3.3
NUMPY_VERSION=2.3.5
