/* run: what is loaded, what is left alone, and what is said, over memory and over SQLite. */
#include <zlib.h>
#include <zstd.h>

#include "core/data/hash.h"
#include "tests/unit/load/load_rig.h"

#define A    K("12", "a")
#define GOOD HEAD "1,ann,1.5\n2,NA,\n3,\"b,c\",-2e3\n"
#define BAD  HEAD "4,dan,1\nx,eve,2\n5,fay,3\n"

static struct hash128 hash_of(const void *data, size_t len)
{
    struct hash_state *state = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(hash_new(&state, &err), ERR_OK);
    hash_update(state, data, len);
    struct hash128 hash = hash_digest(state);
    hash_free(state);
    return hash;
}

OVER_ALL(loads_each_object_once)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), GOOD);
    rig_put(rig, K("12", "b"), HEAD);
    rig_put(rig, K("13", "a"), "amount,id,name\n1,9,z\n");
    rig_put(rig, "yyyy=2022/other.txt", "?");
    rig_put(rig, K("13", "_temp"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(
        buf_str(&rig->log),
        K("12", "a") " loaded 3 3 0 -\n" K("12", "b") " loaded 0 0 0 -\n" K("13", "a") " loaded 1 1 0 -\n");
    assert_string_equal(buf_str(&rig->hours), "2022-06-05T12 loaded\n2022-06-05T13 loaded\n");
    assert_int_equal(rig->totals.ignored, 1);
    assert_int_equal(rig->totals.hours, 2);
    assert_int_equal(rig->totals.objects, 3);
    uint64_t hash = 0;
    assert_int_equal(rig_rows(rig, &hash), 4);
    assert_true(hash == rig->totals.row_hash);
    books_balance(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), "");
    assert_int_equal(rig->totals.unchanged, 3);
    assert_int_equal(rig->totals.objects, 0);
    assert_int_equal(rig_rows(rig, NULL), 4);
}

OVER_ALL(a_bad_file_does_not_touch_its_neighbours)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), GOOD);
    rig_put(rig, K("12", "b"), BAD);
    rig_put(rig, K("12", "c"), GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(buf_str(&rig->log),
                        K("12", "a") " loaded 3 3 0 -\n" K("12", "c") " loaded 3 3 0 -\n" K(
                            "12", "b") " failed 3 0 1 REJECT_LIMIT\n" K("13", "a") " loaded 3 3 0 "
                                                                                   "-\n");
    assert_int_equal(rig_rows(rig, NULL), 9);
    /* mended, it loads alone */
    rig_put(rig, K("12", "b"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), K("12", "b") " loaded 3 3 0 -\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n2022-06-05T13 loaded 0\n");
}

OVER_ALL(the_ledger_has_every_count)
{
    struct err err = ERR_INIT;
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.max_rejects=9"));
    const char *text = "\xef\xbb\xbf" HEAD "1,\"a\nb\",1\n\nx,b,2\r\n3,c,3";
    rig_put(rig, A, text);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), A " loaded 3 2 1 -\n");
    assert_string_equal(books_ledger(rig), A " 0 load 3 2 1 bytes=41 0..41 lines=2..7\n");
    struct ledger_row row = books_row(rig, A, 0);
    struct hash128 content = hash_of(text, strlen(text));
    assert_true(hash_equal(&row.content, &content));
    assert_true(row.schema_hash == rig->pipeline->schema.hash);
    assert_true(row.row_hash == rig->totals.row_hash);
    assert_string_equal(row.run_id, rig->job.run_id);
    assert_string_equal(row.load_method, rig->job.sink->caps.load_method);
    assert_int_equal(row.chunk_rows, 0);
    assert_true(row.finished_us >= row.started_us && row.started_us > 0);
    struct buf header;
    buf_init(&header, 4096);
    assert_int_equal(sink_ledger_header(rig->job.sink, row.id, &header, &err), ERR_OK);
    assert_string_equal(buf_str(&header), HEAD);
    buf_release(&header);
    assert_string_equal(books_rejects(rig), A ":5 29+7 CAST_INT id load <x,b,2\\x0d\\x0a>\n");
    books_balance(rig);
}

OVER_ALL(rejects_are_kept_byte_for_byte)
{
    static const char TEXT[] = HEAD "x,\"say \"\"hi\"\"\nand, go\",1\n" /* quotes, line end, delimiter */
                                    "1,nul\0here,2\n"
                                    "2,\xff\xfe,3\n" /* no UTF-8 */
                                    "3,a\n"          /* ragged */
                                    "4,a,1,2\n"
                                    "5,a\"b,1\n"
                                    "6,abcdefghijklmnopqrstu,1\n" /* 21 characters */
                                    ",a,1\n"                      /* id is not nullable */
                                    "7, a ,1e999\n"
                                    "8,ok,1\n";
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.max_rejects=100%"));
    rig_put_bytes(rig, A, TEXT, sizeof TEXT - 1);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), A " loaded 10 1 9 -\n");
    assert_string_equal(
        books_rejects(rig), A
        ":2 15+25 CAST_INT id load <x,\"say \"\"hi\"\"\\x0aand, go\",1\\x0a>\n" A
        ":4 40+13 CSV_NUL - load <1,nul\\x00here,2\\x0a>\n" A
        ":5 53+7 TEXT_ENCODING name load <2,\\xff\\xfe,3\\x0a>\n" A ":6 60+4 CSV_RAGGED - load <3,a\\x0a>\n" A
        ":7 64+8 CSV_RAGGED - load <4,a,1,2\\x0a>\n" A ":8 72+8 CSV_QUOTE - load <5,a\"b,1\\x0a>\n" A
        ":9 80+26 TEXT_TOO_LONG name load <6,abcdefghijklmnopqrstu,1\\x0a>\n" A
        ":10 106+5 NOT_NULL id load <,a,1\\x0a>\n" A
        ":11 111+12 CAST_RANGE amount load <7, a ,1e999\\x0a>\n");
    books_balance(rig);
}

OVER_ALL(compressed_objects_load_the_same_rows)
{
    enum { ROWS = 5000 };
    static char text[ROWS * 24], packed[ROWS * 24];
    size_t len = (size_t)snprintf(text, sizeof text, HEAD);
    (void)wrap;
    for (int i = 0; i < ROWS; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%d,name %d,%d.5\n", i, i * 7, i);
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), text);
    assert_int_equal(rig_run(rig, NULL), 0);
    uint64_t plain = rig->totals.row_hash;

    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)text;
    z.avail_in = (unsigned)len;
    z.next_out = (unsigned char *)packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    rig_put_bytes(rig, K("12", "b") ".gz", packed, z.total_out);
    struct hash128 gz = hash_of(packed, z.total_out);
    rig_put_bytes(rig, K("13", "cut") ".gz", packed, z.total_out / 2);
    deflateEnd(&z);
    size_t n = ZSTD_compress(packed, sizeof packed, text, len, 3);
    assert_false(ZSTD_isError(n));
    rig_put_bytes(rig, K("12", "c") ".zst", packed, n);
    packed[n] = 'x';
    rig_put_bytes(rig, K("13", "more") ".zst", packed, n + 1);

    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(
        buf_str(&rig->log),
        K("12", "b") ".gz loaded 5000 5000 0 -\n" K("12", "c") ".zst loaded 5000 5000 0 -\n" K(
            "13", "cut") ".gz failed 0 0 0 COMPRESSED\n" K("13", "more") ".zst failed 0 0 0 "
                                                                         "COMPRESSED\n");
    assert_true(rig->totals.row_hash == plain + plain);
    struct ledger_row row = books_row(rig, K("12", "b") ".gz", 0);
    assert_true(row.bytes < row.byte_end);
    assert_int_equal(row.byte_end, (int64_t)len);
    assert_true(hash_equal(&row.content, &gz));
    books_balance(rig);
}

OVER_ALL(columns_go_by_position_or_without_a_header)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS("source.csv.header=by_position"));
    rig_put(rig, A, "x,y,z\n1,a,1\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, K("12", "b"), "x,y\n1,a\n");
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_non_null(strstr(buf_str(&rig->log), "CSV_HEADER"));
    rig_restart(rig, pipeline, SETS("source.csv.header=none"));
    rig_put(rig, K("12", "b"), "2,b,2\n3,c,3\n");
    rig_put(rig, K("12", "c"), ""); /* no header is needed: an object without records */
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log),
                        K("12", "b") " loaded 2 2 0 -\n" K("12", "c") " loaded 0 0 0 -\n");
    assert_int_equal(books_row(rig, K("12", "b"), 0).first_line, 1);
    assert_int_equal(rig_rows(rig, NULL), 3);
    books_balance(rig);
}

/* The hash of the rows says the same of the same rows, wherever they are kept. */
static void row_hashes_agree_between_sinks(void **state)
{
    uint64_t hash[BACKENDS] = {0};
    (void)state;
    for (size_t i = 0; i < BACKENDS; i++) {
        struct rig rig = {0};
        rig_open(&rig, PIPELINES[i], NO_SETS);
        rig_put(&rig, A,
                HEAD "1,,-0.0\n-9223372036854775808,\"\xc3\xa9\xf0\x9f\x8d\x8e\",1e-320\n2,NA,NA\n"
                     "9223372036854775807,\"0123456789,\n\",0.1\n");
        assert_int_equal(rig_run(&rig, NULL), 0);
        assert_int_equal(rig_rows(&rig, &hash[i]), 4);
        assert_true(hash[i] == rig.totals.row_hash);
        rig_close(&rig);
    }
    assert_true(hash[0] == hash[1]);
    assert_true(hash[0] != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_each_object_once),
        cmocka_unit_test(a_bad_file_does_not_touch_its_neighbours),
        cmocka_unit_test(the_ledger_has_every_count),
        cmocka_unit_test(rejects_are_kept_byte_for_byte),
        cmocka_unit_test(compressed_objects_load_the_same_rows),
        cmocka_unit_test(columns_go_by_position_or_without_a_header),
        cmocka_unit_test(row_hashes_agree_between_sinks),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
