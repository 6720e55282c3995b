/*
 * libs3_status: a status of libs3 becomes one of our errors, with a message that says what to do.
 *
 * libs3 hides the HTTP status, and the server's own code where it does not know it: then the kind is the one
 * that may be tried again, and the server's words are all there is to tell.
 */
#include "backends/libs3_client.h"

#include <stdio.h>
#include <string.h>

static const struct {
    S3Status status;
    enum err_name name;
} known[] = {
    {S3StatusInternalError, ERRN_STORE_UNREACHABLE}, /* whatever libcurl said */
    {S3StatusOutOfMemory, ERRN_NOMEM},
    {S3StatusInterrupted, ERRN_STORE_UNREACHABLE},
    {S3StatusFailedToInitializeRequest, ERRN_NOMEM},
    {S3StatusQueryParamsTooLong, ERRN_KEY_TOO_LONG},
    {S3StatusKeyTooLong, ERRN_KEY_TOO_LONG},
    {S3StatusUriTooLong, ERRN_KEY_TOO_LONG},
    {S3StatusBadIfMatchETag, ERRN_UNSUPPORTED},
    {S3StatusIfMatchETagTooLong, ERRN_UNSUPPORTED},
    {S3StatusNameLookupError, ERRN_STORE_UNREACHABLE},
    {S3StatusFailedToConnect, ERRN_STORE_UNREACHABLE},
    {S3StatusConnectionFailed, ERRN_STORE_UNREACHABLE},
    {S3StatusErrorAccessDenied, ERRN_DENIED},
    {S3StatusErrorAccountProblem, ERRN_DENIED},
    {S3StatusErrorCredentialsNotSupported, ERRN_DENIED},
    {S3StatusErrorExpiredToken, ERRN_DENIED},
    {S3StatusErrorInvalidAccessKeyId, ERRN_DENIED},
    {S3StatusErrorInvalidPayer, ERRN_DENIED},
    {S3StatusErrorInvalidSecurity, ERRN_DENIED},
    {S3StatusErrorInvalidToken, ERRN_DENIED},
    {S3StatusErrorMissingSecurityElement, ERRN_DENIED},
    {S3StatusErrorMissingSecurityHeader, ERRN_DENIED},
    {S3StatusErrorNotSignedUp, ERRN_DENIED},
    {S3StatusErrorSignatureDoesNotMatch, ERRN_DENIED},
    {S3StatusErrorTokenRefreshRequired, ERRN_DENIED},
    {S3StatusHttpErrorForbidden, ERRN_DENIED},
    {S3StatusErrorEntityTooLarge, ERRN_LIMIT},
    {S3StatusErrorMaxMessageLengthExceeded, ERRN_LIMIT},
    {S3StatusErrorTooManyBuckets, ERRN_LIMIT},
    {S3StatusErrorKeyTooLong, ERRN_KEY_TOO_LONG},
    {S3StatusErrorNoSuchBucket, ERRN_NOT_FOUND},
    {S3StatusErrorNoSuchKey, ERRN_NOT_FOUND},
    {S3StatusHttpErrorNotFound, ERRN_NOT_FOUND},
    {S3StatusErrorMethodNotAllowed, ERRN_UNSUPPORTED},
    {S3StatusErrorNotImplemented, ERRN_UNSUPPORTED},
    {S3StatusErrorPreconditionFailed, ERRN_SOURCE_MOVED},
    {S3StatusErrorSlowDown, ERRN_STORE_THROTTLED}, /* and a 503 without a word */
    {S3StatusErrorIncompleteBody, ERRN_STORE_UNREACHABLE},
    {S3StatusErrorInternalError, ERRN_STORE_UNREACHABLE},
    {S3StatusErrorOperationAborted, ERRN_STORE_UNREACHABLE},
    {S3StatusErrorRequestTimeout, ERRN_STORE_UNREACHABLE},
    {S3StatusErrorUnknown, ERRN_STORE_UNREACHABLE},
    {S3StatusHttpErrorConflict, ERRN_STORE_UNREACHABLE},
    {S3StatusHttpErrorUnknown, ERRN_STORE_UNREACHABLE},
};

static enum err_name name_of(const struct libs3_call *call)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].status == call->status) {
            return known[i].name;
        }
    }
    /* An answer of 2xx that is no document is another server's; an error that is none comes from a proxy. */
    return call->status == S3StatusXmlParseFailure && !call->headed ? ERRN_STORE_UNREACHABLE : ERRN_CONFIG;
}

bool libs3_refused(S3Status status)
{
    /* The statuses that come from error documents stand in a row; the last one is for codes that libs3 does
     * not know. */
    return status >= S3StatusErrorAccessDenied && status < S3StatusErrorUnknown &&
           status != S3StatusErrorInternalError;
}

static enum err_code say_denied(const struct libs3_call *call, const char *words, struct err *err)
{
    const struct s3 *s3 = call->libs3->s3;
    const char *source = aws_creds_source(s3->creds);

    switch (call->status) {
    case S3StatusErrorInvalidAccessKeyId:
        return err_set(err, ERRN_DENIED, "the access key from %s is not known at %s: give another", source,
                       s3->endpoint);
    case S3StatusErrorSignatureDoesNotMatch:
        return err_set(err, ERRN_DENIED, "the secret key from %s does not fit its access key: correct it",
                       source);
    default:
        return err_set(err, ERRN_DENIED,
                       "the credentials from %s were refused (%s%s): they need the right %s, and the server "
                       "must take signatures of version 2",
                       source, S3_get_status_name(call->status), words, call->right);
    }
}

static enum err_code say_not_found(const struct libs3_call *call, struct err *err)
{
    const struct s3 *s3 = call->libs3->s3;

    return call->key && call->status != S3StatusErrorNoSuchBucket
               ? err_set(err, ERRN_NOT_FOUND, "no such object")
               : err_set(err, ERRN_NOT_FOUND, "there is no bucket \"%s\" at %s: make it, or correct the URL",
                         s3->bucket, s3->endpoint);
}

/* The server cannot be reached, or speaks in a way that libs3 does not understand. */
static enum err_code say_unreachable(const struct libs3_call *call, const char *words, struct err *err)
{
    const char *host = call->libs3->s3->endpoint;

    switch (call->status) {
    case S3StatusNameLookupError:
        return err_set(err, ERRN_STORE_UNREACHABLE, "the name of %s is not known: correct endpoint", host);
    case S3StatusFailedToConnect:
        return err_set(err, ERRN_STORE_UNREACHABLE, "%s does not take connections", host);
    case S3StatusInternalError:
    case S3StatusConnectionFailed:
    case S3StatusInterrupted:
        return err_set(err, ERRN_STORE_UNREACHABLE,
                       "the connection to %s broke, or went on at less than 1 KiB/s (libs3: %s)", host,
                       S3_get_status_name(call->status));
    default:
        return err_set(err, ERRN_STORE_UNREACHABLE, "%s answered with an error (libs3: %s%s)", host,
                       S3_get_status_name(call->status), words);
    }
}

enum err_code libs3_say(const struct libs3_call *call, struct err *err)
{
    const char *host = call->libs3->s3->endpoint, *status = S3_get_status_name(call->status);
    enum err_name name = name_of(call);
    char words[LIBS3_SAID_MAX + 2] = "";

    if (call->said[0]) {
        snprintf(words, sizeof words, ": %s", call->said);
    }
    switch (name) {
    case ERRN_DENIED:
        return say_denied(call, words, err);
    case ERRN_NOT_FOUND:
        return say_not_found(call, err);
    case ERRN_STORE_UNREACHABLE:
        return say_unreachable(call, words, err);
    case ERRN_NOMEM:
        return err_nomem(err);
    case ERRN_SOURCE_MOVED:
        return err_set(err, name, "changed while it was being read");
    case ERRN_STORE_THROTTLED:
        return err_set(err, name, "%s asks for fewer requests%s", host, words);
    case ERRN_KEY_TOO_LONG:
        return err_set(err, name, "key, prefix or URL are too long for libs3 (%s): use s3://", status);
    default:
        break;
    }
    switch (call->status) {
    case S3StatusXmlParseFailure:
        return err_set(
            err, name,
            "the answer of %s is no XML: correct endpoint; keys with control characters need s3://", host);
    case S3StatusErrorRequestTimeTooSkewed:
        return err_set(err, name, "this machine's clock and that of %s differ by minutes: correct the clock",
                       host);
    case S3StatusErrorPermanentRedirect:
    case S3StatusErrorRedirect:
    case S3StatusErrorTemporaryRedirect:
    case S3StatusHttpErrorMovedTemporarily:
        return err_set(err, name, "%s sends elsewhere (libs3: %s): correct endpoint, or use s3://", host,
                       status);
    default:
        return err_set(err, name, "%s refuses the request (libs3: %s%s)", host, status, words);
    }
}
