/*
 * csv against a model: the reading rules once more, plainly, over input that is whole in memory. Random short
 * inputs of the bytes that matter, under small caps, in reads of random size, must give the same records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/support/csv_dump.h"

enum { INPUT_MAX = 120, FIELDS_MAX = 8, ROUNDS = 60000 };
enum state { ROW, FIELD, PLAIN, QUOTED, CLOSING };

static const struct csv_limits limits = {.field_max = 5, .record_max = 20, .columns_max = 4};

struct model {
    const char *data;
    size_t len;
    enum state state;
    size_t rows, nfields, text_len;
    struct csv_field fields[FIELDS_MAX * INPUT_MAX];
    char text[INPUT_MAX];
};

static size_t line_end(const struct model *m, size_t at)
{
    const char *nl = at < m->len ? memchr(m->data + at, '\n', m->len - at) : NULL;
    return nl ? (size_t)(nl - m->data) + 1 : m->len;
}

static void end_field(struct model *m, bool end_row)
{
    struct csv_field *f = &m->fields[m->nfields];
    const char *begin = m->nfields ? f[-1].data + f[-1].len : m->text;
    *f = (struct csv_field){begin, (uint32_t)(m->text + m->text_len - begin),
                            m->state == FIELD || m->state == ROW};
    m->nfields++;
    m->rows += end_row;
    m->state = end_row ? ROW : FIELD;
}

/* false: a quote out of place. */
static bool step(struct model *m, char c)
{
    bool end = c == '\n' || c == '\r';
    if (m->state == QUOTED && c == '"') {
        m->state = CLOSING;
        return true;
    }
    if (m->state == CLOSING && c == '"') {
        m->text[m->text_len++] = c;
        m->state = QUOTED;
        return true;
    }
    if (m->state != QUOTED) {
        if (end && m->state == ROW)
            return true;
        if (end || c == ',') {
            end_field(m, end);
            return true;
        }
        if (m->state == CLOSING || (c == '"' && m->state == PLAIN))
            return false;
        if (c == '"') {
            m->state = QUOTED;
            return true;
        }
        m->state = PLAIN;
    }
    m->text[m->text_len++] = c;
    return true;
}

/* Reads the record at `start`; gives the bytes it takes and why it is refused. true for a blank line. */
static bool model_record(struct model *m, size_t start, size_t *taken, enum err_name *bad)
{
    size_t first = line_end(m, start) - start;
    m->state = ROW;
    m->rows = m->nfields = m->text_len = 0;
    *taken = first;
    *bad = ERRN_NONE;
    for (size_t at = start;;) {
        size_t end = line_end(m, at);
        if (end - start > limits.record_max) {
            *bad = ERRN_CSV_RECORD_TOO_LONG;
            if (at == start)
                return false;
            break;
        }
        bool ok = at < m->len;
        for (; ok && at < end; at++)
            ok = step(m, m->data[at]);
        if (ok && m->data[end - 1] != '\n' && m->state != QUOTED && m->state != ROW)
            end_field(m, true);
        if (!ok || (m->state != ROW && m->rows > 0)) {
            *bad = ok ? ERRN_CSV_LONE_CR : ERRN_CSV_QUOTE;
            break;
        }
        if (m->state == ROW) {
            *taken = end - start;
            break;
        }
    }
    if (*bad == ERRN_NONE && m->rows > 1)
        *bad = ERRN_CSV_LONE_CR;
    if (memchr(m->data + start, 0, *taken) && (*bad || m->rows))
        *bad = ERRN_CSV_NUL;
    return m->rows == 0 && *bad == ERRN_NONE;
}

static void model_dump(struct model *m, struct buf *out)
{
    int64_t line = 1;
    size_t taken;
    for (size_t at = 0; at < m->len; at += taken) {
        enum err_name bad;
        if (!model_record(m, at, &taken, &bad)) {
            for (size_t i = 0; bad == ERRN_NONE && i < m->nfields; i++)
                bad = i >= limits.columns_max               ? ERRN_CSV_TOO_MANY_COLUMNS
                      : m->fields[i].len > limits.field_max ? ERRN_CSV_FIELD_TOO_LONG
                                                            : ERRN_NONE;
            struct csv_record r = {m->fields, m->nfields, line, (int64_t)at, NULL, 0, (int64_t)taken, bad, 0};
            csv_dump_record(&r, out);
        }
        for (size_t i = at; i < at + taken; i++)
            line += m->data[i] == '\n';
    }
}

static uint64_t next_random(uint64_t *seed) /* splitmix64 */
{
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void test_random(void **state)
{
    (void)state;
    static const char bytes[] = "aaa,,\"\"\"\n\n\n\r \0";
    static struct model m;
    struct buf want, got;
    int good = 0, refused = 0;
    buf_init(&want, 1 << 16);
    buf_init(&got, 1 << 16);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        char data[INPUT_MAX];
        uint64_t seed = round;
        size_t len = next_random(&seed) % INPUT_MAX;
        size_t kinds = round % 4 ? sizeof bytes - 3 : sizeof bytes - 1; /* NUL and space not always */
        for (size_t i = 0; i < len; i++)
            data[i] = bytes[next_random(&seed) % kinds];
        m.data = data;
        m.len = len;
        buf_clear(&want);
        buf_clear(&got);
        model_dump(&m, &want);
        struct bytes_steps src;
        struct err err = ERR_INIT;
        bytes_steps_init(&src, data, len, 1 + next_random(&seed) % 40);
        assert_int_equal(csv_dump(data, len, &src.base, &limits, &got, &err), ERR_OK);
        if (strcmp(buf_str(&got), buf_str(&want)) != 0)
            fail_msg("round %d: got\n%swant\n%s", (int)round, buf_str(&got), buf_str(&want));
        for (const char *p = buf_str(&got); *p; p = strchr(p, '\n') + 1)
            *(*p == 'R' ? &good : &refused) += 1;
    }
    assert_true(good > ROUNDS && refused > ROUNDS); /* both were tried */
    buf_release(&want);
    buf_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
