/* store_fs: the suite, and what only folders have: links, fifos, rights, other programs that write in place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "backends/fs_beneath.h"
#include "backends/registry.h"
#include "backends/store_mem.h"
#include "core/base/log.h"
#include "tests/conformance/store_suite.h"
#include "tests/support/tempdir.h"

enum { BIG = 300000, NOBODY = 65534 };

/* A folder of the test's own with the lake in it, and things outside the lake. */
struct place {
    char *dir;
    char lake[PATH_MAX];
};

static void forget(struct place *place)
{
    tempdir_remove(place->dir);
    place->dir = NULL;
}

static void fresh(void *ctx)
{
    struct place *place = ctx;

    forget(place);
    place->dir = tempdir_make();
    snprintf(place->lake, sizeof place->lake, "%s/deep/lake", place->dir);
}

static enum err_code open_place(void *ctx, bool create, struct store **out, struct err *err)
{
    return registry_open_store("file:deep/lake", ((struct place *)ctx)->dir, clock_real(), create, out, err);
}

static void put_fast(void *ctx, const char *key)
{
    tempdir_write(((struct place *)ctx)->lake, key, "", 0);
}

static struct place place;
static struct store *store;

static int setup(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    fresh(&place);
    return open_place(&place, true, &store, &err) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    forget(&place);
    return 0;
}

static const char *in_lake(const char *name)
{
    static char path[PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/%s", place.lake, name);
    return path;
}

static void link_in_lake(const char *target, const char *name)
{
    assert_int_equal(symlink(target, in_lake(name)), 0);
}

static void assert_keys(const char *prefix, const char *wanted)
{
    char buf[4096];

    store_suite_keys(store, prefix, buf, sizeof buf);
    assert_string_equal(buf, wanted);
}

static void assert_fails(enum err_code wanted, const char *key)
{
    struct err a = ERR_INIT, b = ERR_INIT;
    struct store_object object;
    struct store_reader *reader;

    assert_int_equal(store_stat(store, key, &object, &a), wanted);
    assert_int_equal(store_open_read(store, key, NULL, &reader, &b), wanted);
    assert_non_null(strstr(a.msg, key));
    assert_non_null(strstr(b.msg, key));
}

static void assert_text(const char *key, const char *wanted)
{
    struct err err = ERR_INIT;
    char buf[64];

    if (store_suite_slurp(store, key, buf, sizeof buf, &err) < 0) {
        fail_msg("%s", err.msg);
    }
    assert_string_equal(buf, wanted);
}

static void links_to_files_inside_are_objects(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    tempdir_write(place.lake, "d/e/file", "text", 4);
    link_in_lake("d/e/file", "a");
    link_in_lake("../d/./e//file", "d/up");
    link_in_lake("up", "d/twice");
    link_in_lake("e", "d/folder");
    assert_keys("", "a\nd/e/file\nd/twice\nd/up\n");
    assert_text("a", "text");
    assert_text("d/up", "text");
    assert_text("d/twice", "text");
    assert_fails(ERR_NOT_FOUND, "d/folder");
    assert_fails(ERR_DENIED, "d/folder/file");
    assert_keys("d/folder/", "");
    assert_int_equal(store_put_mem(store, "d/folder/new", "x", 1, PUT_ALWAYS, &err), ERR_DENIED);
    err_clear(&err);
    assert_int_equal(store_put_mem(store, "a", "new", 3, PUT_ALWAYS, &err),
                     ERR_OK); /* the link is replaced, not followed */
    assert_text("d/e/file", "text");
    assert_int_equal(store_remove(store, "d/up", &err), ERR_OK);
    assert_keys("", "a\nd/e/file\n");
}

static void nothing_leads_out(void **state)
{
    char target[PATH_MAX + 64];
    struct err err = ERR_INIT;

    (void)state;
    tempdir_write(place.dir, "secret", "secret", 6);
    tempdir_write(place.lake, "d/x", "", 0);
    snprintf(target, sizeof target, "%s/d/x", place.lake);
    link_in_lake("../../secret", "escape");
    link_in_lake("../../../deep/lake/d/x", "d/out-and-in");
    link_in_lake(target, "absolute");
    link_in_lake("../..", "outside");
    link_in_lake("/", "root");
    link_in_lake("/proc/self/root", "magic");
    link_in_lake("loop", "loop");
    link_in_lake("nothing", "dangling");
    link_in_lake("outside/secret", "two-steps");
    assert_keys("", "d/x\n");
    assert_keys("outside/", "");
    assert_fails(ERR_DENIED, "escape");
    assert_fails(ERR_DENIED, "d/out-and-in");
    assert_fails(ERR_DENIED, "absolute");
    assert_fails(ERR_DENIED, "outside/secret");
    assert_fails(ERR_DENIED, "root/etc/passwd");
    assert_fails(ERR_DENIED, "magic/etc/passwd");
    assert_fails(ERR_DENIED, "loop");
    assert_fails(ERR_DENIED, "two-steps");
    assert_fails(ERR_NOT_FOUND, "dangling");
    assert_int_equal(store_put_mem(store, "outside/planted", "x", 1, PUT_ALWAYS, &err), ERR_DENIED);
    err_clear(&err);
    assert_int_equal(store_put_mem(store, "outside/new/planted", "x", 1, PUT_ALWAYS, &err), ERR_DENIED);
    err_clear(&err);
    assert_int_equal(store_remove(store, "outside/secret", &err), ERR_DENIED);
    snprintf(target, sizeof target, "%s/secret", place.dir);
    assert_int_equal(access(target, F_OK), 0);
    snprintf(target, sizeof target, "%s/planted", place.dir);
    assert_int_not_equal(access(target, F_OK), 0);
}

/* openat2 and the walk that stands in for it give the same answer to every path. */
static void both_ways_beneath_agree(void **state)
{
    static const int flags[] = {O_RDONLY | O_NONBLOCK, O_RDONLY | O_NOFOLLOW, O_PATH | O_NOFOLLOW,
                                O_PATH | O_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW};
    char name[NAME_MAX + 8];
    int root;

    (void)state;
    tempdir_write(place.lake, "d/e/file", "text", 4);
    tempdir_write(place.dir, "secret", "secret", 6);
    link_in_lake("d", "folder");
    link_in_lake("d/e/file", "file");
    link_in_lake("../../secret", "escape");
    link_in_lake("../..", "outside");
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    root = open(place.lake, O_PATH | O_DIRECTORY);
    close(fs_beneath_openat2(root, "d", O_PATH)); /* this system has both */
    for (const char *const *path =
             (const char *const[]){
                 "d",    "d/e",    "d/e/file",   "folder",         "folder/e", "folder/e/file",
                 "file", "file/x", "escape",     "outside/secret", "d/..",     "..",
                 ".",    "",       "/",          "/etc/passwd",    "d/",       "d//e",
                 "no",   "no/no",  "d/e/file/x", "d/../../..",     name,       NULL};
         *path; path++) {
        for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
            struct stat a = {0}, b = {0};
            int one = fs_beneath_openat2(root, *path, flags[i]), one_errno = errno;
            int two = fs_beneath_walk(root, *path, flags[i]), two_errno = errno;

            if ((one < 0) != (two < 0) || (one < 0 && one_errno != two_errno)) {
                fail_msg("%s with flags %o: %d (%s), %d (%s)", *path, (unsigned)flags[i], one,
                         strerror(one_errno), two, strerror(two_errno));
            }
            if (one >= 0) {
                assert_int_equal(fstat(one, &a) | fstat(two, &b), 0);
                assert_int_equal(a.st_ino, b.st_ino);
                close(one);
                close(two);
            }
        }
    }
    close(root);
}

static void only_regular_files_are_objects(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    tempdir_write(place.lake, "file", "", 0);
    assert_int_equal(mkfifo(in_lake("fifo"), 0666), 0);
    link_in_lake("fifo", "to-fifo");
    tempdir_write(place.lake, ".sluice-tmp-left", "half", 4);
    tempdir_write(place.lake, ".sluice-tmp-dir/file", "half", 4);
    link_in_lake("file", ".sluice-tmp-link");
    tempdir_write(place.lake, ".hidden", "", 0); /* an object here; layouts pass over it */
    assert_keys("", ".hidden\nfile\n");
    assert_keys(".sluice-tmp-", "");
    assert_fails(ERR_NOT_FOUND, "fifo");
    assert_fails(ERR_NOT_FOUND, "to-fifo");
    assert_fails(ERR_NOT_FOUND, ".sluice-tmp-left");
    assert_fails(ERR_NOT_FOUND, ".sluice-tmp-dir/file");
    assert_int_equal(store_remove(store, "fifo", &err), ERR_OK);
    assert_int_equal(access(in_lake("fifo"), F_OK), 0);
    assert_int_equal(store_put_mem(store, "d/.sluice-tmp-mine", "", 0, PUT_ALWAYS, &err), ERR_CONFIG);
}

static void names_of_folders_and_objects_collide(void **state)
{
    struct err a = ERR_INIT, b = ERR_INIT, c = ERR_INIT;
    char longer[NAME_MAX + 2];

    (void)state;
    tempdir_write(place.lake, "d/file", "", 0);
    assert_int_equal(store_put_mem(store, "d", "", 0, PUT_ALWAYS, &a), ERR_CONFIG);
    assert_int_equal(store_put_mem(store, "d/file/x", "", 0, PUT_ALWAYS, &b), ERR_CONFIG);
    memset(longer, 'n', sizeof longer);
    longer[NAME_MAX + 1] = '\0';
    assert_int_equal(store_put_mem(store, longer, "", 0, PUT_ALWAYS, &c), ERR_CONFIG);
    assert_fails(ERR_NOT_FOUND, longer);
    assert_keys(longer, "");
    assert_keys("", "d/file\n");
}

static int entries_of_lake(void)
{
    DIR *dir = opendir(place.lake);
    int n = -2; /* "." and ".." */

    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

static void puts_leave_nothing_behind(void **state)
{
    struct bytes_mem body;
    struct err a = ERR_INIT, b = ERR_INIT;

    (void)state;
    bytes_mem_init(&body, "text", 4);
    assert_int_equal(store_put(store, "x", &body.base, 5, PUT_ALWAYS, &a), ERR_INTERNAL);
    assert_int_equal(entries_of_lake(), 0);
    assert_int_equal(store_put_mem(store, "x", "1", 1, PUT_IF_ABSENT, &b), ERR_OK);
    assert_int_equal(store_put_mem(store, "x", "2", 1, PUT_IF_ABSENT, &b), ERR_EXISTS);
    assert_int_equal(entries_of_lake(), 1);
}

static void rights_are_named(void **state)
{
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    struct store_reader *reader;
    bool more = true;
    uid_t me = geteuid();

    (void)state;
    tempdir_write(place.lake, "a/x", "", 0);
    tempdir_write(place.lake, "b/x", "", 0);
    tempdir_write(place.lake, "file", "", 0);
    assert_int_equal(chmod(in_lake("file"), 0) | chmod(in_lake("b"), 0), 0);
    if (me == 0 && seteuid(NOBODY) != 0) {
        print_message("SKIP: root reads everything and cannot be another user here; run as one\n");
        skip();
    }
    assert_int_equal(store_open_read(store, "file", NULL, &reader, &err), ERR_DENIED);
    assert_non_null(strstr(err.msg, "file:deep/lake/file"));
    err_clear(&err);
    assert_int_equal(store_list_begin(store, "", STORE_BELOW, &list, &err), ERR_OK);
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_OK);
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_DENIED);
    assert_non_null(strstr(err.msg, "file:deep/lake/b/"));
    err_clear(&err);
    assert_int_equal(store_list_next(list, &object, &more, &err),
                     ERR_DENIED); /* never an end that looks whole */
    store_list_end(list);
    assert_int_equal(seteuid(me), 0);
    assert_int_equal(chmod(in_lake("b"), 0700), 0);
}

static void writing_in_place_is_seen(void **state)
{
    struct err err = ERR_INIT;
    struct store_reader *reader;
    char *data = calloc(1, BIG);
    struct store_object object;
    size_t n;

    (void)state;
    for (int change = 0; change < 3; change++) {
        struct timeval old[2] = {{1000000000, 0}, {1000000000, 0}};
        int fd;

        tempdir_write(place.lake, "x", data, BIG);
        assert_int_equal(utimes(in_lake("x"), old), 0);
        assert_int_equal(store_open_read(store, "x", NULL, &reader, &err), ERR_OK);
        assert_true(reader->object.etag_trusted);
        assert_int_equal(store_read(reader, data, 1000, &n, &err), ERR_OK);
        fd = open(in_lake("x"), O_WRONLY);
        assert_int_equal(change == 0   ? pwrite(fd, "new", 3, BIG / 2)
                         : change == 1 ? pwrite(fd, "new", 3, BIG)
                                       : ftruncate(fd, BIG / 2) + 3,
                         3);
        close(fd);
        while (store_read(reader, data, BIG, &n, &err) == ERR_OK && n > 0) {
        }
        assert_int_equal(err.name, ERRN_SOURCE_MOVED);
        assert_non_null(strstr(err.msg, "file:deep/lake/x"));
        err_clear(&err);
        store_close_read(reader);
    }
    assert_int_equal(store_stat(store, "x", &object, &err), ERR_OK);
    assert_false(object.etag_trusted);
    free(data);
}

static void root_that_is_missing_or_no_folder(void **state)
{
    struct err err = ERR_INIT;
    struct store *none;
    struct store_list *list;

    (void)state;
    assert_int_equal(registry_open_store("no/such", place.dir, clock_real(), false, &none, &err),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "/no/such is not there: make it, or correct the URL"));
    assert_non_null(strstr(err.msg, place.dir));
    err_clear(&err);
    tempdir_write(place.dir, "plain", "", 0);
    assert_int_equal(registry_open_store("fs:plain", place.dir, clock_real(), true, &none, &err),
                     ERR_NOT_FOUND);
    err_clear(&err);
    assert_int_equal(registry_open_store("file:", place.dir, clock_real(), true, &none, &err), ERR_CONFIG);
    err_clear(&err);
    assert_int_equal(rmdir(place.lake), 0); /* a lake that is lost is no empty lake */
    assert_int_equal(store_list_begin(store, "", STORE_BELOW, &list, &err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct store_suite suite = {.name = "store_fs",
                                      .ctx = &place,
                                      .fresh = fresh,
                                      .open = open_place,
                                      .put_fast = put_fast,
                                      .random_ops = 2000};
    const struct CMUnitTest quirks[] = {
        cmocka_unit_test_setup_teardown(links_to_files_inside_are_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_leads_out, setup, teardown),
        cmocka_unit_test_setup_teardown(both_ways_beneath_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(only_regular_files_are_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(names_of_folders_and_objects_collide, setup, teardown),
        cmocka_unit_test_setup_teardown(puts_leave_nothing_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(rights_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(writing_in_place_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(root_that_is_missing_or_no_folder, setup, teardown),
    };
    int failed;

    log_configure(stderr, LOG_TEXT, LOG_ERROR);
    failed = store_suite_run(&suite) + cmocka_run_group_tests(quirks, NULL, NULL);
    forget(&place);
    store_mem_reset();
    return failed;
}
