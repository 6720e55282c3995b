/* tls_cert: see tls_cert.h. A key on P-256 takes no time to make; an hour is long enough for a test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "tests/support/tls_cert.h"

enum { VERSION_3 = 2, VALID_S = 3600 };

static void add(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static FILE *open_in(const char *dir, const char *name)
{
    char path[512];

    (void)!snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    return file;
}

void tls_cert_make(const char *dir, const char *names)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    FILE *file;

    assert_non_null(key);
    assert_non_null(cert);
    X509_NAME *who = X509_get_subject_name(cert);
    assert_int_equal(X509_set_version(cert, VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -VALID_S));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), VALID_S));
    assert_int_equal(
        X509_NAME_add_entry_by_txt(who, "CN", MBSTRING_ASC, (const unsigned char *)"sluice test", -1, -1, 0),
        1);
    assert_int_equal(X509_set_issuer_name(cert, who), 1);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    add(cert, NID_basic_constraints, "critical,CA:TRUE");
    add(cert, NID_subject_alt_name, names);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    file = open_in(dir, "cert.pem");
    assert_int_equal(PEM_write_X509(file, cert), 1);
    assert_int_equal(fclose(file), 0);
    file = open_in(dir, "key.pem");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}
