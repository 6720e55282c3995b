/*
 * s3_checksum: CRCs of 32 and 64 bits by one table-driven loop, and SHA-256, compared with what the server
 * says.
 *
 * All three CRCs are reflected, start from ones and end inverted; they differ in polynomial and width only.
 * The tables are made once and then only read: table[k][b] is the CRC of byte b with k bytes of zero behind
 * it, so that eight bytes go in one step.
 */
#include "backends/s3_checksum.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "backends/s3_sign.h"
#include "core/base/mem.h"

enum { KINDS = 4, CRC_KINDS = 3, BASE64_MAX = 48, STEP = 8 };

static const struct {
    const char *header;
    uint64_t poly; /* 0: SHA-256 */
    size_t bytes;
} kinds[KINDS] = {
    {"x-amz-checksum-crc64nvme", UINT64_C(0x9a6c9329ac4bc9b5), 8},
    {"x-amz-checksum-crc32c", 0x82f63b78, 4},
    {"x-amz-checksum-crc32", 0xedb88320, 4},
    {"x-amz-checksum-sha256", 0, SHA256_BYTES},
};

struct checksum {
    int kind;
    uint64_t crc;
    struct sha256 *sha;
    char wanted[BASE64_MAX];
};

static uint64_t tables[CRC_KINDS][STEP][256];

static void make_tables(void)
{
    for (int kind = 0; kind < CRC_KINDS; kind++) {
        for (unsigned b = 0; b < 256; b++) {
            uint64_t crc = b;

            for (int bit = 0; bit < 8; bit++) {
                crc = crc >> 1 ^ (crc & 1 ? kinds[kind].poly : 0);
            }
            tables[kind][0][b] = crc;
        }
        for (int k = 1; k < STEP; k++) {
            for (unsigned b = 0; b < 256; b++) {
                uint64_t crc = tables[kind][k - 1][b];

                tables[kind][k][b] = crc >> 8 ^ tables[kind][0][crc & 255];
            }
        }
    }
}

static uint64_t crc_update(int kind, uint64_t crc, const unsigned char *data, size_t len)
{
    for (; len >= STEP; data += STEP, len -= STEP) {
        uint64_t next = 0;

        for (int i = 0; i < STEP; i++) {
            next ^= tables[kind][STEP - 1 - i][data[i] ^ (crc >> 8 * i & 255)];
        }
        crc = next;
    }
    for (; len > 0; data++, len--) {
        crc = crc >> 8 ^ tables[kind][0][(crc ^ *data) & 255];
    }
    return crc;
}

enum err_code checksum_new(const struct http_answer *answer, struct checksum **out, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct checksum sum = {.kind = -1};
    char type[16];

    *out = NULL;
    if (http_header(answer, "x-amz-checksum-type", type, sizeof type) && strcmp(type, "COMPOSITE") == 0) {
        return ERR_OK;
    }
    for (int i = 0; i < KINDS && sum.kind < 0; i++) {
        if (http_header(answer, kinds[i].header, sum.wanted, sizeof sum.wanted) && !strchr(sum.wanted, '-')) {
            sum.kind = i;
        }
    }
    if (sum.kind < 0) {
        return ERR_OK;
    }
    pthread_once(&once, make_tables);
    sum.crc = kinds[sum.kind].bytes == 8 ? UINT64_MAX : UINT32_MAX;
    if (sum.kind >= CRC_KINDS && sha256_new(&sum.sha, err) != ERR_OK) {
        return err->code;
    }
    *out = mem_alloc(sizeof **out);
    if (!*out) {
        sha256_free(sum.sha);
        return err_nomem(err);
    }
    **out = sum;
    return ERR_OK;
}

enum err_code checksum_update(struct checksum *sum, const void *data, size_t len, struct err *err)
{
    if (sum->sha) {
        return sha256_update(sum->sha, data, len, err);
    }
    sum->crc = crc_update(sum->kind, sum->crc, data, len);
    return ERR_OK;
}

static void base64(const unsigned char *data, size_t len, char out[BASE64_MAX])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        unsigned b1 = i + 1 < len ? data[i + 1] : 0, b2 = i + 2 < len ? data[i + 2] : 0;
        unsigned v = (unsigned)data[i] << 16 | b1 << 8 | b2;

        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < len ? digits[v & 63] : '=';
    }
    *out = '\0';
}

enum err_code checksum_verify(struct checksum *sum, struct err *err)
{
    unsigned char bytes[SHA256_BYTES];
    size_t len = kinds[sum->kind].bytes;
    char got[BASE64_MAX];

    if (sum->sha) {
        if (sha256_final(sum->sha, bytes, err) != ERR_OK) {
            return err->code;
        }
    } else {
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (unsigned char)(~sum->crc >> 8 * (len - 1 - i));
        }
    }
    base64(bytes, len, got);
    if (strcmp(got, sum->wanted) != 0) {
        return err_set(err, ERRN_STORE_CHECKSUM, "the bytes that came have %s %s, the store says %s",
                       kinds[sum->kind].header + strlen("x-amz-checksum-"), got, sum->wanted);
    }
    return ERR_OK;
}

void checksum_free(struct checksum *sum)
{
    if (sum) {
        sha256_free(sum->sha);
        mem_free(sum);
    }
}
