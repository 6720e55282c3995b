/* convert: which field is which column, what is null, what is refused and why, and that a refused record
 * leaves no row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/convert.h"
#include "core/data/types.h"

struct spec {
    const char *name, *from, *type;
    bool required, drop;
    const char *min, *max, *in;
};

static const struct spec loan[] = {
    {.name = "row_no", .from = "", .type = "bigint", .drop = true},
    {.name = "SeriousDlqin2yrs", .type = "boolean", .required = true},
    {.name = "RevolvingUtilizationOfUnsecuredLines", .type = "double"},
    {.name = "age", .type = "int", .min = "0", .max = "120"},
    {.name = "NumberOfTime30_59DaysPastDueNotWorse",
     .from = "NumberOfTime30-59DaysPastDueNotWorse",
     .type = "int"},
    {.name = "DebtRatio", .type = "double"},
    {.name = "MonthlyIncome", .type = "int"},
    {.name = "NumberOfOpenCreditLinesAndLoans", .type = "int"},
    {.name = "NumberOfTimes90DaysLate", .type = "int"},
    {.name = "NumberRealEstateLoansOrLines", .type = "int"},
    {.name = "NumberOfTime60_89DaysPastDueNotWorse",
     .from = "NumberOfTime60-89DaysPastDueNotWorse",
     .type = "int"},
    {.name = "NumberOfDependents", .type = "int"},
};
#define LOAN loan, sizeof loan / sizeof *loan

static const struct spec mixed[] = {
    {.name = "id", .type = "int", .required = true, .min = "1"},
    {.name = "name", .type = "varchar(4)", .in = "Ann"},
    {.name = "note", .type = "text"},
    {.name = "born", .type = "date", .max = "2020-12-31"},
    {.name = "sum", .type = "decimal(6,2)", .min = "-1.50"},
};
#define MIXED mixed, sizeof mixed / sizeof *mixed

struct fixture {
    struct schema schema;
    struct csv_dialect dialect;
    struct convert *convert;
    struct batch *batch;
    struct refusal refusal;
    struct err err;
};

static void add_check(struct schema_column *c, enum check_kind kind, const char *text)
{
    struct err err = ERR_INIT;
    if (text)
        assert_int_equal(checks_add(c, kind, CHECK_ON_REJECT, text, &err), ERR_OK);
}

static void begin(struct fixture *f, const struct spec *specs, size_t n, enum csv_header header)
{
    *f = (struct fixture){.dialect = {',', '"', header}, .err = ERR_INIT};
    f->schema.columns = mem_calloc(n, sizeof *f->schema.columns);
    assert_non_null(f->schema.columns);
    f->schema.ncolumns = n;
    for (size_t i = 0; i < n; i++) {
        struct schema_column *c = &f->schema.columns[i];
        c->name = mem_strdup(specs[i].name);
        c->from = mem_strdup(specs[i].from ? specs[i].from : specs[i].name);
        assert_int_equal(type_parse(specs[i].type, &c->type, &f->err), ERR_OK);
        c->nullable = !specs[i].required;
        c->drop = specs[i].drop;
        add_check(c, CHECK_KIND_MIN, specs[i].min);
        add_check(c, CHECK_KIND_MAX, specs[i].max);
        add_check(c, CHECK_KIND_IN, specs[i].in);
        if (specs[i].in)
            assert_int_equal(checks_add_value(c, specs[i].in, &f->err), ERR_OK);
    }
    f->schema.nulls = mem_calloc(2, sizeof *f->schema.nulls);
    f->schema.nulls[0] = mem_strdup("NA");
    f->schema.nulls[1] = mem_strdup("");
    f->schema.nnulls = 2;
    assert_int_equal(schema_seal(&f->schema, &f->err), ERR_OK);
    assert_int_equal(batch_new(&f->schema, 100, 1 << 16, &f->batch, &f->err), ERR_OK);
    assert_int_equal(convert_new(&f->schema, &f->dialect, &f->convert, &f->err), ERR_OK);
}

static void end(struct fixture *f)
{
    convert_free(f->convert);
    batch_free(f->batch);
    schema_release(&f->schema);
}

/* Reads all of `data`; the first record is the header unless the dialect has none. One letter a record: r a
 * row, else the refusal's name into `said` (the last one stays). Returns the header's verdict. */
static enum err_code run(struct fixture *f, const char *data, size_t len, char *said)
{
    struct bytes_mem src;
    struct csv_reader *reader;
    struct csv_record r;
    enum csv_event event;
    bytes_mem_init(&src, data, len);
    assert_int_equal(csv_open(&f->dialect, NULL, &src.base, &reader, &f->err), ERR_OK);
    enum err_code code = ERR_OK;
    if (f->dialect.header == CSV_HEADER_NONE) {
        convert_no_header(f->convert);
    } else {
        assert_int_equal(csv_next(reader, &event, &r, &f->err), ERR_OK);
        assert_int_equal(event, CSV_RECORD);
        code = convert_header(f->convert, &r, &f->err);
    }
    while (code == ERR_OK) {
        size_t rows = f->batch->rows;
        assert_int_equal(csv_next(reader, &event, &r, &f->err), ERR_OK);
        if (event == CSV_END)
            break;
        assert_int_equal(event, CSV_RECORD);
        assert_int_equal(convert_record(f->convert, &r, f->batch, &f->refusal, &f->err), ERR_OK);
        assert_int_equal(f->batch->rows, rows + (f->refusal.name == ERRN_NONE));
        if (f->refusal.name == ERRN_NONE) {
            assert_int_equal(f->batch->line[rows], r.line);
            assert_int_equal(f->batch->offset[rows], r.offset);
        }
        if (said)
            *said++ = f->refusal.name == ERRN_NONE ? 'r' : 'x';
    }
    if (said)
        *said = '\0';
    csv_close(reader);
    return code;
}

static void expect_row(const char *data)
{
    struct fixture f;
    char said[16];
    begin(&f, MIXED, CSV_HEADER_NONE);
    assert_int_equal(run(&f, data, strlen(data), said), ERR_OK);
    if (strcmp(said, "r") != 0)
        fail_msg("%s: %s %s", data, err_name_text(f.refusal.name), f.refusal.detail);
    end(&f);
}

static void expect_refusal(const char *data, size_t len, enum err_name name, const char *column,
                           const char *detail)
{
    struct fixture f;
    begin(&f, MIXED, CSV_HEADER_NONE);
    assert_int_equal(run(&f, data, len, NULL), ERR_OK);
    assert_string_equal(err_name_text(f.refusal.name), err_name_text(name));
    assert_string_equal(f.refusal.column, column);
    assert_string_equal(f.refusal.detail, detail);
    assert_int_equal(f.batch->rows, 0);
    end(&f);
}
#define REFUSED(data, name, column, detail) expect_refusal(data, sizeof(data) - 1, name, column, detail)

static void test_refusals(void **state)
{
    (void)state;
    expect_row("7,Ann,x,1999-12-31,1.50\n");
    REFUSED("7,Ann,x,1999-12-31\n", ERRN_CSV_RAGGED, "", "4 fields where the schema has 5");
    REFUSED("7,Ann,x,1999-12-31,1,2\n", ERRN_CSV_RAGGED, "", "6 fields where the schema has 5");
    REFUSED("x7,Ann,x,1999-12-31,1\n", ERRN_CAST_INT, "id", "\"x7\" is no int");
    REFUSED("3000000000,Ann,x,1999-12-31,1\n", ERRN_CAST_RANGE, "id",
            "3000000000 is outside the range of int");
    REFUSED(",Ann,x,1999-12-31,1\n", ERRN_NOT_NULL, "id", "no value");
    REFUSED("NA,Ann,x,1999-12-31,1\n", ERRN_NOT_NULL, "id", "\"NA\" stands for no value");
    REFUSED("\"\",Ann,x,1999-12-31,1\n", ERRN_CAST_INT, "id", "\"\" is no int");
    REFUSED("0,Ann,x,1999-12-31,1\n", ERRN_CHECK_MIN, "id", "0 is below the minimum 1");
    REFUSED("1,Bob,x,1999-12-31,1\n", ERRN_CHECK_IN, "name", "\"Bob\" is not one of the 1 allowed values");
    REFUSED("1,Annie,x,1999-12-31,1\n", ERRN_TEXT_TOO_LONG, "name",
            "\"Annie\" has more characters than varchar(4)");
    REFUSED("1,Ann,\"a\xff\n\"\"\",1999-12-31,1\n", ERRN_TEXT_ENCODING, "note",
            "\"a\\xFF\\x0A\\\"\" is not valid UTF-8");
    REFUSED("1,Ann,x,1999-02-29,1\n", ERRN_CAST_DATE, "born", "\"1999-02-29\" is no date");
    REFUSED("1,Ann,x,2021-01-01,1\n", ERRN_CHECK_MAX, "born", "2021-01-01 is over the maximum 2020-12-31");
    REFUSED("1,Ann,x,1999-12-31,1.234\n", ERRN_CAST_DECIMAL, "sum", "\"1.234\" is no decimal(6,2)");
    REFUSED("1,Ann,x,1999-12-31,-1.51\n", ERRN_CHECK_MIN, "sum", "-1.51 is below the minimum -1.50");
}

/* Long values are cut at a character, never inside one or inside an escape. */
static void test_shown_value_is_cut(void **state)
{
    (void)state;
    char data[400], expected[400];
    for (int pad = 0; pad < 4; pad++) {
        int n = snprintf(data, sizeof data, "%.*s", pad, "aaa");
        for (int i = 0; i < 60; i++)
            n += snprintf(data + n, sizeof data - n, "\u00e9");
        snprintf(data + n, sizeof data - n, ",Ann,x,1999-12-31,1\n");
        struct fixture f;
        begin(&f, MIXED, CSV_HEADER_NONE);
        assert_int_equal(run(&f, data, strlen(data), NULL), ERR_OK);
        size_t len = strlen(f.refusal.detail);
        assert_int_equal(utf8_length(f.refusal.detail, len) > 0, 1);
        snprintf(expected, sizeof expected, "...\" is no int");
        assert_string_equal(f.refusal.detail + len - strlen(expected), expected);
        assert_true(len > 60 && len < 90);
        end(&f);
    }
    memset(data, '\x01', 100);
    snprintf(data + 100, sizeof data - 100, ",Ann,x,1999-12-31,1\n");
    struct fixture f;
    begin(&f, MIXED, CSV_HEADER_NONE);
    assert_int_equal(run(&f, data, strlen(data), NULL), ERR_OK);
    assert_non_null(strstr(f.refusal.detail, "\\x01\\x01...\" is no int"));
    end(&f);
}

static void test_nulls(void **state)
{
    (void)state;
    struct fixture f;
    char said[16];
    begin(&f, MIXED, CSV_HEADER_NONE);
    mem_free(f.schema.nulls[0]);
    f.schema.nulls[0] = mem_strdup("\\N");
    convert_free(f.convert);
    assert_int_equal(convert_new(&f.schema, &f.dialect, &f.convert, &f.err), ERR_OK);
    static const char data[] = "1,\\N,\"\\N\",,\n"  /* a token is one quoted or not */
                               "2,\"Ann\",\"\",,\n" /* but an empty quoted field is a value */
                               "3,,\\n,,\n"         /* tokens are exact */
                               "4,,\\,\\N,\\N\n";   /* and whole */
    assert_int_equal(run(&f, data, sizeof data - 1, said), ERR_OK);
    assert_string_equal(said, "rrrr");
    static const uint8_t nulls[4][5] = {{0, 1, 1, 1, 1}, {0, 0, 0, 1, 1}, {0, 1, 0, 1, 1}, {0, 1, 0, 1, 1}};
    for (size_t row = 0; row < 4; row++)
        for (size_t c = 0; c < 5; c++)
            assert_int_equal(f.batch->cols[c].null[row], nulls[row][c]);
    size_t len;
    batch_str(f.batch, 2, 1, &len);
    assert_int_equal(len, 0);
    assert_memory_equal(batch_str(f.batch, 2, 2, &len), "\\n", 2);
    end(&f);

    begin(&f, MIXED, CSV_HEADER_NONE); /* without the empty token an empty field is a value as well */
    f.schema.nnulls = 1;
    convert_free(f.convert);
    assert_int_equal(convert_new(&f.schema, &f.dialect, &f.convert, &f.err), ERR_OK);
    assert_int_equal(run(&f, "1,NA,,NA,NA\n2,NA,NA,,NA\n", 24, said), ERR_OK);
    assert_string_equal(said, "rx");
    assert_int_equal(f.refusal.name, ERRN_CAST_DATE);
    assert_int_equal(f.batch->cols[2].null[0], 0);
    f.schema.nnulls = 2;
    end(&f);
}

/* A refused record must not leave text, values or null marks to the next. */
static void test_refused_leaves_nothing(void **state)
{
    (void)state;
    struct fixture f;
    char said[16];
    begin(&f, MIXED, CSV_HEADER_NONE);
    const char *data = "1,Ann,one,1999-01-01,1\n2,Ann,two,2030-01-01,2\n3,,three,,\n";
    assert_int_equal(run(&f, data, strlen(data), said), ERR_OK);
    assert_string_equal(said, "rxr");
    size_t len;
    assert_int_equal(f.batch->rows, 2);
    assert_int_equal(f.batch->text.len, strlen("Annone1.00three"));
    assert_int_equal(f.batch->cols[0].i64[1], 3);
    assert_int_equal(f.batch->cols[1].null[1], 1);
    assert_memory_equal(batch_str(f.batch, 2, 1, &len), "three", 5);
    assert_int_equal(f.batch->cols[3].null[1], 1);
    end(&f);
}

static enum err_code header(struct fixture *f, const char *text)
{
    batch_clear(f->batch);
    err_clear(&f->err);
    return run(f, text, strlen(text), NULL);
}

static void expect_header(struct fixture *f, const char *text, const char *problem)
{
    assert_int_equal(header(f, text), ERR_DATA);
    assert_int_equal(f->err.name, ERRN_CSV_HEADER);
    if (!strstr(f->err.msg, problem))
        fail_msg("%s: %s", text, f->err.msg);
}

static void test_by_name(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, MIXED, CSV_HEADER_BY_NAME);
    assert_int_equal(header(&f, "sum,note,id,born,name\n1.5,x,7,,Ann\n"), ERR_OK); /* any order */
    assert_int_equal(f.batch->rows, 1);
    assert_int_equal(f.batch->cols[0].i64[0], 7);
    size_t len;
    assert_memory_equal(batch_str(f.batch, 4, 0, &len), "1.50", 4);

    expect_header(&f, "id,name,note,born\n", "4 columns, the schema 5: it lacks \"sum\"");
    expect_header(&f, "id,name,note,born,sum,\"more\nof it\"\n", "it has also \"more\\x0Aof it\"");
    expect_header(&f, "id,name,note,born,sum,note\n", "it has twice \"note\"");
    expect_header(&f, "ID,name,note,born, sum\n",
                  "it has also \"ID\", it has also \" sum\", it lacks \"id\", it lacks \"sum\"");

    f.schema.extra = COLUMNS_IGNORE;
    assert_int_equal(header(&f, "x,sum,note,id,x,born,name\n?,1.5,x,7,?,,Ann\n"), ERR_OK);
    assert_int_equal(f.batch->rows, 1);
    assert_int_equal(f.batch->cols[0].i64[0], 7);
    expect_header(&f, "id,name,note,born,sum,note\n", "it has twice \"note\""); /* still */
    f.schema.missing = COLUMNS_NULL;
    assert_int_equal(header(&f, "id,x\n7,?\n8,?,?\n"), ERR_OK);
    assert_int_equal(f.refusal.name, ERRN_CSV_RAGGED);
    assert_string_equal(f.refusal.detail, "3 fields where the header has 2");
    assert_int_equal(f.batch->rows, 1);
    for (size_t c = 1; c < 5; c++)
        assert_int_equal(f.batch->cols[c].null[0], 1);
    expect_header(&f, "name,note\n", "it lacks \"id\""); /* which cannot be null */
    end(&f);
}

static void test_by_position(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, MIXED, CSV_HEADER_BY_POSITION);
    assert_int_equal(header(&f, "a,b,c,d,id\n7,Ann,x,,1\n"), ERR_OK); /* names mean nothing */
    assert_int_equal(f.batch->cols[0].i64[0], 7);
    expect_header(&f, "a,b,c,d\n", "it lacks \"sum\"");
    expect_header(&f, "a,b,c,d,e,f\n", "it has also \"f\"");
    f.schema.extra = COLUMNS_IGNORE;
    f.schema.missing = COLUMNS_NULL;
    assert_int_equal(header(&f, "a,b,c,d,e,f\n7,Ann,x,,1,?\n"), ERR_OK);
    assert_int_equal(f.batch->rows, 1);
    assert_int_equal(header(&f, "a,b\n7,Ann\n"), ERR_OK);
    assert_int_equal(f.batch->rows, 1);
    assert_int_equal(f.batch->cols[4].null[0], 1);
    end(&f);
}

/* A header of many unknown names: the message is cut, not the stack. */
static void test_long_problem(void **state)
{
    (void)state;
    struct fixture f;
    struct buf text;
    begin(&f, MIXED, CSV_HEADER_BY_NAME);
    buf_init(&text, 1 << 20);
    for (int i = 0; i < 4000; i++)
        assert_int_equal(buf_printf(&text, &f.err, "%sa very long name of column %d", i ? "," : "", i),
                         ERR_OK);
    expect_header(&f, text.data,
                  "4000 columns, the schema 5: it has also \"a very long name of column 0\", ");
    assert_non_null(strstr(
        f.err.msg, "\"; schema.missing_columns: null loads NULL for it; schema.extra_columns: ignore "));
    assert_string_equal(f.err.msg + strlen(f.err.msg) - strlen("adds it to the table"),
                        "adds it to the table");
    buf_release(&text);
    end(&f);
}

static const struct {
    const char *file, *said;
    enum err_name last;
} fixtures[] = {
    {"good/plain", "rrr", ERRN_NONE},
    {"good/crlf", "rrr", ERRN_NONE},
    {"good/bom", "rrr", ERRN_NONE},
    {"good/no_final_newline", "rrr", ERRN_NONE},
    {"good/blank_lines", "rrr", ERRN_NONE},
    {"good/quoted", "rrr", ERRN_NONE},
    {"good/header_only", "", ERRN_NONE},
    {"bad/ragged_short", "rxr", ERRN_NONE},
    {"bad/ragged_long", "rxr", ERRN_NONE},
    {"bad/cut_short", "rx", ERRN_CSV_RAGGED},
    {"bad/utf8", "rxr", ERRN_NONE},
    {"bad/values", "rxrxxxr", ERRN_NONE},
    {"bad/header_missing", NULL, ERRN_CSV_HEADER},
    {"bad/header_twice", NULL, ERRN_CSV_HEADER},
};

static void test_fixtures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
        char path[128], data[4096], said[32];
        snprintf(path, sizeof path, "fixtures/csv/%s.csv", fixtures[i].file);
        FILE *file = fopen(path, "rb");
        if (!file)
            fail_msg("%s: cannot be opened", path);
        size_t len = fread(data, 1, sizeof data, file);
        fclose(file);
        struct fixture f;
        begin(&f, LOAN, CSV_HEADER_BY_NAME);
        enum err_code code = run(&f, data, len, said);
        assert_string_equal(err_name_text(code ? f.err.name : f.refusal.name),
                            err_name_text(fixtures[i].last));
        if (fixtures[i].said && strcmp(said, fixtures[i].said) != 0)
            fail_msg("%s: %s, last %s", path, said, f.refusal.detail);
        if (fixtures[i].said && strcmp(said, "rrr") == 0) { /* all good files hold the same rows */
            assert_int_equal(f.batch->ncols, 11);
            assert_int_equal(f.batch->cols[2].i64[0], 41);
            assert_true(f.batch->cols[1].f64[1] == 0.97);
            assert_int_equal(f.batch->cols[5].null[1], 1);
            assert_int_equal(f.batch->cols[10].null[1], 1);
            assert_int_equal(f.batch->cols[5].i64[2], 3100);
        }
        end(&f);
    }
}

static bool fail_nth(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, MIXED, CSV_HEADER_NONE);
    int n = 0;
    for (int left = -1; left < 0; n++) {
        struct convert *convert;
        err_clear(&f.err);
        left = n;
        mem_set_fault(fail_nth, &left);
        enum err_code code = convert_new(&f.schema, &f.dialect, &convert, &f.err);
        mem_set_fault(NULL, NULL);
        assert_int_equal(code, left < 0 ? ERR_NOMEM : ERR_OK);
        assert_int_equal(convert == NULL, left < 0);
        convert_free(convert);
    }
    assert_int_equal(n, 6);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_shown_value_is_cut),
        cmocka_unit_test(test_nulls),         cmocka_unit_test(test_refused_leaves_nothing),
        cmocka_unit_test(test_by_name),       cmocka_unit_test(test_by_position),
        cmocka_unit_test(test_long_problem),  cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
