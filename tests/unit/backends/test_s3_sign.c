/* s3_sign: the signatures that AWS publishes, 10,000 random requests, signed in a header or in the URL,
 * against a second signer, and what must not be signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/s3_sign.h"
#include "core/base/hour.h"
#include "core/base/mem.h"
#include "tests/support/tempdir.h"

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define S3_HOST                                                                                              \
    {                                                                                                        \
        "host", "examplebucket.s3.amazonaws.com"                                                             \
    }
#define SUITE_HOST                                                                                           \
    {                                                                                                        \
        "host", "example.amazonaws.com"                                                                      \
    }

enum { RANDOM_REQUESTS = 10000, RANDOM_TEXT = 40 };

/* The keys of AWS's documentation: of S3's pages, of the signature test suite. */
static const struct sign_key s3_key = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                       NULL};
static const struct sign_key suite_key = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL};

static const struct vector {
    struct sign_request request;
    const char *time;
    const char *signature;
} vectors[] = {
    {{.method = "GET",
      .path = "/test.txt",
      .headers = {{"range", "bytes=0-9"}, S3_HOST},
      .nheaders = 2,
      .payload_hash = EMPTY_HASH,
      .region = "us-east-1",
      .service = "s3"},
     "2013-05-24T00:00:00Z",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {{.method = "PUT",
      .path = "/test$file.text",
      .headers = {S3_HOST,
                  {"date", "Fri, 24 May 2013 00:00:00 GMT"},
                  {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
      .nheaders = 3,
      .payload_hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
      .region = "us-east-1",
      .service = "s3"},
     "2013-05-24T00:00:00Z",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {{.method = "GET",
      .path = "/",
      .query = {{"lifecycle", ""}},
      .nquery = 1,
      .headers = {S3_HOST},
      .nheaders = 1,
      .payload_hash = EMPTY_HASH,
      .region = "us-east-1",
      .service = "s3"},
     "2013-05-24T00:00:00Z",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {{.method = "GET",
      .path = "/",
      .query = {{"prefix", "J"}, {"max-keys", "2"}},
      .nquery = 2,
      .headers = {S3_HOST},
      .nheaders = 1,
      .payload_hash = EMPTY_HASH,
      .region = "us-east-1",
      .service = "s3"},
     "2013-05-24T00:00:00Z",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    {{.method = "GET",
      .path = "/",
      .headers = {SUITE_HOST},
      .nheaders = 1,
      .payload_hash = EMPTY_HASH,
      .region = "us-east-1",
      .service = "service"},
     "2015-08-30T12:36:00Z",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {{.method = "GET",
      .path = "/",
      .query = {{"Param2", "value2"}, {"Param1", "value1"}},
      .nquery = 2,
      .headers = {SUITE_HOST},
      .nheaders = 1,
      .payload_hash = EMPTY_HASH,
      .region = "us-east-1",
      .service = "service"},
     "2015-08-30T12:36:00Z",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {{.method = "GET",
      .path = "/",
      .query = {{"\xe1\x88\xb4", "bar"}},
      .nquery = 1,
      .headers = {SUITE_HOST},
      .nheaders = 1,
      .payload_hash = EMPTY_HASH,
      .region = "us-east-1",
      .service = "service"},
     "2015-08-30T12:36:00Z",
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {{.method = "GET",
      .path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
      .headers = {SUITE_HOST},
      .nheaders = 1,
      .payload_hash = EMPTY_HASH,
      .region = "us-east-1",
      .service = "service"},
     "2015-08-30T12:36:00Z",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {{.method = "GET",
      .path = "/\xe1\x88\xb4",
      .headers = {SUITE_HOST},
      .nheaders = 1,
      .payload_hash = EMPTY_HASH,
      .region = "us-east-1",
      .service = "service"},
     "2015-08-30T12:36:00Z",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {{.method = "POST",
      .path = "/",
      .headers = {SUITE_HOST},
      .nheaders = 1,
      .payload_hash = EMPTY_HASH,
      .region = "us-east-1",
      .service = "service"},
     "2015-08-30T12:36:00Z",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
};

static int64_t at(const char *time)
{
    struct err err = ERR_INIT;
    int64_t us;

    assert_int_equal(time_parse_us(time, &us, &err), ERR_OK);
    return us;
}

static void gives_the_published_signatures(void **state)
{
    struct sign_result result;
    struct err err = ERR_INIT;

    (void)state;
    sign_result_init(&result);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *v = &vectors[i];
        const char *signature;

        assert_int_equal(sign_v4(&v->request, strcmp(v->request.service, "s3") == 0 ? &s3_key : &suite_key,
                                 at(v->time), &result, &err),
                         ERR_OK);
        signature = strstr(buf_str(&result.headers), "Signature=");
        assert_non_null(signature);
        if (strncmp(signature + 10, v->signature, 64) != 0) {
            fail_msg("vector %zu: %s%s", i, signature, buf_str(&result.canonical));
        }
    }
    sign_result_release(&result);
}

/* The example of S3's page on query strings. */
static void gives_the_published_signed_url(void **state)
{
    struct sign_request r = {.method = "GET",
                             .path = "/test.txt",
                             .headers = {S3_HOST},
                             .nheaders = 1,
                             .payload_hash = "UNSIGNED-PAYLOAD",
                             .region = "us-east-1",
                             .service = "s3"};
    struct sign_result result;
    struct err err = ERR_INIT;

    (void)state;
    sign_result_init(&result);
    assert_int_equal(sign_v4_url(&r, &s3_key, at("2013-05-24T00:00:00Z"), 86400, &result, &err), ERR_OK);
    assert_string_equal(
        buf_str(&result.target),
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
        "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders="
        "host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    assert_string_equal(buf_str(&result.headers), "host: examplebucket.s3.amazonaws.com\n");
    r.nquery = SIGN_PAIRS_MAX - 5;
    assert_int_equal(sign_v4_url(&r, &s3_key, 0, 1, &result, &err), ERR_INTERNAL);
    sign_result_release(&result);
}

static uint64_t seed = 20220605;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

/* Any bytes but NUL, many of those that encoders get wrong. */
static void random_text(char *out, unsigned max)
{
    static const char odd[] = "/+ %&=?#~*'()!$@:;,.-_\"<>\\\x7f\x01\xc3\xa9";
    unsigned len = below(max);

    for (unsigned i = 0; i < len; i++) {
        out[i] = below(2) ? odd[below(sizeof odd - 1)] : (char)(1 + below(255));
    }
    out[len] = '\0';
}

static void hex(FILE *file, const char *text, size_t len, char end)
{
    for (size_t i = 0; i < len; i++) {
        fprintf(file, "%02x", (unsigned char)text[i]);
    }
    fputc(end, file);
}

static void write_pairs(FILE *file, const struct sign_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hex(file, pairs[i].name, strlen(pairs[i].name), ',');
        hex(file, pairs[i].value, strlen(pairs[i].value), i + 1 < n ? ',' : '\t');
    }
    if (n == 0) {
        fputc('\t', file);
    }
}

static void write_request(FILE *file, const struct sign_request *r, const struct sign_key *key,
                          int64_t seconds, unsigned expires_s, const struct sign_result *result)
{
    char number[24];
    char expires[12] = "";
    const char *const plain[] = {r->method,       r->path, r->region,   r->service,
                                 number,          key->id, key->secret, key->token ? key->token : "",
                                 r->payload_hash, expires};
    const char *authorization = expires_s ? "" : strstr(result->headers.data, "\nauthorization: ");

    snprintf(number, sizeof number, "%lld", (long long)seconds);
    if (expires_s) {
        snprintf(expires, sizeof expires, "%u", expires_s);
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        hex(file, plain[i], strlen(plain[i]), '\t');
    }
    write_pairs(file, r->query, r->nquery);
    write_pairs(file, r->headers, r->nheaders);
    assert_non_null(authorization);
    hex(file, result->target.data, result->target.len, '\t');
    if (expires_s) {
        fputc('\n', file);
        return;
    }
    authorization += strlen("\nauthorization: ");
    hex(file, authorization, strlen(authorization) - 1, '\n');
}

static void random_request(FILE *file, struct sign_result *result)
{
    static const char *const methods[] = {"GET", "PUT", "HEAD", "DELETE", "POST"};
    static char text[2 * SIGN_PAIRS_MAX][RANDOM_TEXT], path[2 * RANDOM_TEXT], secret[RANDOM_TEXT];
    struct sign_request r = {
        .method = methods[below(5)],
        .path = path,
        .payload_hash = EMPTY_HASH,
        .region = below(2) ? "ap-northeast-1" : "us-east-1",
        .service = below(4) ? "s3" : "sts",
        .headers = {{"x-amz-meta-a", "two  words "}, {"host", "127.0.0.1:9000"}, {"if-match", "\"abc\""}},
        .nheaders = 2 + below(2),
        .nquery = below(8)};
    struct sign_key key = {"AKID", secret, below(2) ? "tok/en+=" : NULL};
    int64_t seconds = 1000000000 + (int64_t)below(2000000000);
    unsigned expires_s = below(2) ? 1 + below(604800) : 0; /* 0: in a header */
    struct err err = ERR_INIT;

    path[0] = '/';
    random_text(path + 1, sizeof path - 1);
    random_text(secret, sizeof secret);
    for (size_t i = 0; i < r.nquery; i++) {
        random_text(text[2 * i], below(3) ? 4 : RANDOM_TEXT);
        random_text(text[2 * i + 1], RANDOM_TEXT);
        r.query[i] = (struct sign_pair){text[2 * i], text[2 * i + 1]};
    }
    if (expires_s) {
        r.service = below(2) ? "s3" : "rds-db";
        assert_int_equal(sign_v4_url(&r, &key, seconds * 1000000, expires_s, result, &err), ERR_OK);
    } else {
        assert_int_equal(sign_v4(&r, &key, seconds * 1000000, result, &err), ERR_OK);
    }
    write_request(file, &r, &key, seconds, expires_s, result);
}

static void agrees_with_a_second_signer(void **state)
{
    char *dir = tempdir_make();
    char name[512], command[1024];
    struct sign_result result;
    FILE *file;

    (void)state;
    if (system("python3 -c '' 2>/dev/null") != 0) {
        print_message("SKIP: no python3 for the second signer; make deps\n");
        tempdir_remove(dir);
        skip();
    }
    snprintf(name, sizeof name, "%s/requests", dir);
    file = fopen(name, "w");
    assert_non_null(file);
    sign_result_init(&result);
    for (int i = 0; i < RANDOM_REQUESTS; i++) {
        random_request(file, &result);
    }
    sign_result_release(&result);
    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof command, "python3 tests/support/second_signer.py %s %d >&2", name,
             RANDOM_REQUESTS);
    assert_int_equal(system(command), 0);
    tempdir_remove(dir);
}

/* A line end in a value would make two headers of one. */
static void refuses_a_line_end_in_a_header(void **state)
{
    struct sign_request r = {.method = "GET",
                             .path = "/",
                             .headers = {{"host", "h"}, {"if-match", "a\r\nx: y"}},
                             .nheaders = 2,
                             .payload_hash = EMPTY_HASH,
                             .region = "r",
                             .service = "s3"};
    struct sign_result result;
    struct err err = ERR_INIT;

    (void)state;
    sign_result_init(&result);
    assert_int_equal(sign_v4(&r, &s3_key, 0, &result, &err), ERR_INTERNAL);
    sign_result_release(&result);
}

static int countdown;

static bool fail_nth(void *ctx)
{
    (void)ctx;
    return --countdown == 0;
}

static void survives_each_failed_allocation(void **state)
{
    enum err_code code = ERR_NOMEM;

    (void)state;
    for (int n = 1; code == ERR_NOMEM; n++) {
        struct sign_result result;
        struct err err = ERR_INIT;

        assert_true(n < 100);
        countdown = n;
        mem_set_fault(fail_nth, NULL);
        sign_result_init(&result);
        code = sign_v4(&vectors[3].request, &s3_key, 0, &result, &err);
        if (code == ERR_OK) {
            code = sign_v4_url(&vectors[3].request, &s3_key, 0, 900, &result, &err);
        }
        mem_set_fault(NULL, NULL);
        sign_result_release(&result);
    }
    assert_int_equal(code, ERR_OK);
}

static void hashes_in_pieces_as_at_once(void **state)
{
    unsigned char bytes[SHA256_BYTES];
    char text[SHA256_HEX_MAX];
    struct sha256 *sha;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(sha256_new(&sha, &err), ERR_OK);
    assert_int_equal(sha256_update(sha, "Welcome to ", 11, &err), ERR_OK);
    assert_int_equal(sha256_update(sha, "Amazon S3.", 10, &err), ERR_OK);
    assert_int_equal(sha256_final(sha, bytes, &err), ERR_OK);
    sha256_free(sha);
    assert_int_equal(sha256_hex("Welcome to Amazon S3.", 21, text, &err), ERR_OK);
    assert_string_equal(text, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
    assert_int_equal(bytes[0], 0x44);
    assert_int_equal(bytes[31], 0x72);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_signatures),  cmocka_unit_test(gives_the_published_signed_url),
        cmocka_unit_test(agrees_with_a_second_signer),     cmocka_unit_test(refuses_a_line_end_in_a_header),
        cmocka_unit_test(survives_each_failed_allocation), cmocka_unit_test(hashes_in_pieces_as_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
