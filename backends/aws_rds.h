/*
 * aws_rds: the password that RDS and Aurora take from an IAM identity: a signed URL, good for 15 minutes.
 *
 * Whoever may `rds-db:connect` as that user gets in by it; so it is a secret, is made anew for each
 * connection and goes over verified TLS only.
 */
#ifndef SLUICE_BACKENDS_AWS_RDS_H
#define SLUICE_BACKENDS_AWS_RDS_H

#include "backends/aws_creds.h"

struct rds_login {
    const char *host; /* as RDS calls the instance, cluster or proxy: another name for it gives no access */
    unsigned port;
    const char *user;
    const char *region;  /* NULL = the host's, else AWS's settings */
    const char *profile; /* as in aws_creds_options */
    const struct clock *clock;
};

/* The token for one login, looked for with AWS's own settings and chain of keys; *out is filled anew, and
 * wiped by rds_token_wipe. CONFIG where no region is known, DENIED where there is no key. */
enum err_code rds_token(const struct rds_login *login, struct buf *out, struct err *err) MUST_USE;
void rds_token_wipe(struct buf *token);

/* The token as a pure function of its arguments; login->region must be there. */
enum err_code rds_token_sign(const struct rds_login *login, const struct sign_key *key, int64_t wall_us,
                             struct buf *out, struct err *err) MUST_USE;

/* "eu-west-1" of "db.c1.eu-west-1.rds.amazonaws.com"; false where the host is none of RDS's. */
bool rds_region_of(const char *host, char out[AWS_REGION_MAX]);

#endif
