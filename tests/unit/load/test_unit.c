/* unit: what objects may stand together, and copies of them. */
#include "core/base/mem.h"
#include "core/load/unit.h"
#include "tests/unit/load/load_rig.h"

static struct diff_entry entry_of(const char *key, int64_t size)
{
    struct diff_entry entry = {.kind = DIFF_NEW};
    snprintf(entry.object.key, sizeof entry.object.key, "%s", key);
    snprintf(entry.object.etag, sizeof entry.object.etag, "etag of %s", key);
    entry.object.size = size;
    return entry;
}

static void only_small_plain_files_are_grouped(void **state)
{
    struct pipeline p = {0};
    struct diff_entry tiny = entry_of("a.csv", UNIT_TINY_BYTES),
                      large = entry_of("a.csv", UNIT_TINY_BYTES + 1);
    struct diff_entry packed = entry_of("a.csv.gz", 10), zst = entry_of("a.csv.zst", 10);
    (void)state;
    p.target.commit_unit = COMMIT_FILE;
    assert_true(unit_is_tiny(&p, &tiny.object));
    assert_false(unit_is_tiny(&p, &large.object));
    assert_false(unit_is_tiny(&p, &packed.object));
    assert_false(unit_is_tiny(&p, &zst.object));
    p.target.commit_unit = COMMIT_CHUNK;
    assert_false(unit_is_tiny(&p, &tiny.object));
}

static void each_kind_has_its_room(void **state)
{
    static const struct {
        enum unit_kind kind;
        size_t most;
    } KINDS[] = {{UNIT_FILE, 1}, {UNIT_CHUNK, 1}, {UNIT_GROUP, UNIT_GROUP_MAX}};
    struct diff_entry entry = entry_of("a", 10);
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct unit *unit = NULL;
        struct err err = ERR_INIT;
        assert_int_equal(unit_new(KINDS[k].kind, 5, 0, &unit, &err), ERR_OK);
        for (size_t i = 0; i < KINDS[k].most; i++) {
            assert_true(unit_has_room(unit, 10));
            assert_int_equal(unit_add(unit, &entry, false, &err), ERR_OK);
        }
        assert_false(unit_has_room(unit, 10));
        assert_int_equal(unit_add(unit, &entry, false, &err), ERR_NOMEM);
        assert_int_equal(err.name, ERRN_LIMIT);
        unit_free(unit);
    }
    struct unit *unit = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(unit_new(UNIT_GROUP, 5, 0, &unit, &err), ERR_OK);
    entry = entry_of("a", UNIT_GROUP_BYTES - 5);
    assert_int_equal(unit_add(unit, &entry, false, &err), ERR_OK);
    assert_true(unit_has_room(unit, 5));
    assert_false(unit_has_room(unit, 6));
    unit_free(unit);
    unit_free(NULL);
}

static void an_entry_says_what_is_to_be_done(void **state)
{
    struct unit *unit = NULL;
    struct err err = ERR_INIT;
    struct diff_entry entry = entry_of("a", 10);
    (void)state;
    entry.row = (struct ledger_row){
        .id = 7, .chunk = 2, .byte_end = 99, .next_line = 12, .chunk_rows = 4, .run_id = "old run"};
    entry.read_sum = 8;
    entry.rejected_sum = 3;
    assert_int_equal(unit_new(UNIT_GROUP, 5, 1000, &unit, &err), ERR_OK);
    assert_int_equal(unit_add(unit, &entry, false, &err), ERR_OK);
    assert_int_equal(unit_add(unit, &entry, true, &err), ERR_OK);
    entry.kind = DIFF_PARTIAL;
    assert_int_equal(unit_add(unit, &entry, false, &err), ERR_OK);
    const struct unit_object *o = unit->objects;
    assert_int_equal(o[0].replace_id, 0);
    assert_int_equal(o[0].chunk, 0);
    assert_int_equal(o[0].chunk_rows, 1000);
    assert_int_equal(o[1].replace_id, 7);
    assert_string_equal(o[1].replace_run_id, "old run");
    assert_int_equal(o[2].replace_id, 0);
    assert_int_equal(o[2].chunk, 3);
    assert_int_equal(o[2].byte_start, 99);
    assert_int_equal(o[2].next_line, 12);
    assert_int_equal(o[2].chunk_rows, 4);
    assert_int_equal(o[2].read_before, 8);
    assert_int_equal(o[2].rejected_before, 3);
    unit_free(unit);
}

static void a_part_is_a_copy(void **state)
{
    struct unit *unit = NULL, *part = NULL;
    struct err err = ERR_INIT;
    struct store_object now = {.size = 3, .etag = "new", .etag_trusted = true};
    (void)state;
    assert_int_equal(unit_new(UNIT_GROUP, 5, 0, &unit, &err), ERR_OK);
    for (int i = 0; i < 5; i++) {
        char key[2] = {(char)('a' + i), '\0'};
        struct diff_entry entry = entry_of(key, 10 + i);
        assert_int_equal(unit_add(unit, &entry, false, &err), ERR_OK);
    }
    assert_int_equal(unit_update(unit, 2, &now, &err), ERR_OK);
    assert_int_equal(unit->bytes, 10 + 11 + 3 + 13 + 14);
    assert_int_equal(unit_part(unit, 1, 3, &part, &err), ERR_OK);
    unit_free(unit);
    assert_int_equal(part->kind, UNIT_GROUP);
    assert_int_equal(part->hour, 5);
    assert_int_equal(part->n, 2);
    assert_int_equal(part->bytes, 14);
    assert_string_equal(part->objects[0].key, "b");
    assert_string_equal(part->objects[1].etag, "new");
    unit = part;
    assert_int_equal(unit_part(unit, 1, 2, &part, &err), ERR_OK);
    assert_int_equal(part->kind, UNIT_FILE); /* one object is no group */
    unit_free(part);
    unit_free(unit);
}

static bool fail_nth(void *ctx)
{
    return --*(int *)ctx == 0;
}

static void lack_of_memory_leaves_nothing_behind(void **state)
{
    struct diff_entry entry = entry_of("a", 10);
    bool failed = true;
    (void)state;
    for (int nth = 1; failed; nth++) {
        struct unit *unit = NULL, *part = NULL;
        struct err err = ERR_INIT;
        int left = nth;
        mem_set_fault(fail_nth, &left);
        failed = unit_new(UNIT_GROUP, 5, 0, &unit, &err) != ERR_OK ||
                 unit_add(unit, &entry, false, &err) != ERR_OK ||
                 unit_add(unit, &entry, false, &err) != ERR_OK ||
                 unit_part(unit, 0, 2, &part, &err) != ERR_OK ||
                 unit_update(unit, 0, &entry.object, &err) != ERR_OK;
        mem_set_fault(NULL, NULL);
        if (failed)
            assert_int_equal(err.name, ERRN_NOMEM);
        unit_free(part);
        unit_free(unit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_small_plain_files_are_grouped),   cmocka_unit_test(each_kind_has_its_room),
        cmocka_unit_test(an_entry_says_what_is_to_be_done),     cmocka_unit_test(a_part_is_a_copy),
        cmocka_unit_test(lack_of_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("unit", tests, NULL, NULL);
}
