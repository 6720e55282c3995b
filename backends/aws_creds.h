/*
 * aws_creds: who we are to AWS: an access key, found where AWS's own tools look for it, and kept fresh.
 *
 * In this order: a profile that was named on purpose; AWS_ACCESS_KEY_ID and its fellows in the environment;
 * the shared credentials and configuration files (AWS_PROFILE, or "default"); a web identity token file
 * (EKS); the container's endpoint (ECS, EKS pod identity); the instance's metadata, version 2. Secret keys
 * and tokens are registered with the log as soon as they are known.
 */
#ifndef SLUICE_BACKENDS_AWS_CREDS_H
#define SLUICE_BACKENDS_AWS_CREDS_H

#include <stdbool.h>

#include "backends/s3_sign.h"
#include "core/base/clock.h"

enum { AWS_REGION_MAX = 64 }; /* with the NUL */

struct aws_creds;

struct aws_creds_options {
    const char *profile; /* NULL = AWS_PROFILE, else "default" */
    const char *tls_ca;  /* for the token service; NULL = the system's */
    const struct clock *clock;
};

/* Reads the files; asks no one yet. */
enum err_code aws_creds_open(const struct aws_creds_options *options, struct aws_creds **out,
                             struct err *err) MUST_USE;
void aws_creds_close(struct aws_creds *creds);

/* A key that is good at `now_us`, fetched anew some minutes before it expires. *out points into creds until
 * the next call. DENIED where there is none anywhere; `region` is where the token service is asked. */
enum err_code aws_creds_get(struct aws_creds *creds, int64_t now_us, const char *region, struct sign_key *out,
                            struct err *err) MUST_USE;

/* The key was refused as expired. True where the next call may give another one. */
bool aws_creds_expired(struct aws_creds *creds);

/* Where the key came from, for messages: "the environment". */
const char *aws_creds_source(const struct aws_creds *creds);

/* A setting of the profile ("region", "endpoint_url"); NULL where it has none. */
const char *aws_creds_setting(const struct aws_creds *creds, const char *name);

/* AWS_REGION, AWS_DEFAULT_REGION, the profile's region: the first that is there, else NULL. */
const char *aws_creds_region(const struct aws_creds *creds);
/* CONFIG where it cannot be the name of a region. */
enum err_code aws_region_check(const char *region, struct err *err) MUST_USE;

#endif
