/*
 * pipeline: the example is accepted whole, defaults are its values, environments and --set, secrets, every
 * bad file of fixtures/pipelines/bad with the message it expects in its first line, failing memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/pipeline.h"

#define GOOD "fixtures/pipelines/good/"
#define BAD  "fixtures/pipelines/bad/"
static char dir[] = "/tmp/sluice-pipeline-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    unsetenv("SLUICE_DB_PASSWORD");
    unsetenv("SLUICE_TEST_UNSET");
    unsetenv("SLUICE_TEST_BUCKET");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    log_release();
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

/* Loads with up to four --set values, the first NULL ends them. */
static enum err_code load(const char *file, const char *env, const char *const sets[4], struct pipeline **out,
                          struct err *err)
{
    struct pipeline_options options = {.file = file, .env = env, .sets = sets};

    while (sets && options.nsets < 4 && sets[options.nsets])
        options.nsets++;
    return pipeline_load(&options, out, err);
}

#define SETS(...) ((const char *const[4]){__VA_ARGS__})

static struct pipeline *good(const char *file, const char *env, const char *const sets[4])
{
    struct err err = ERR_INIT;
    struct pipeline *p = NULL;

    if (load(file, env, sets, &p, &err) != ERR_OK)
        fail_msg("%s: %s: %s", file, err_name_text(err.name), err.msg);
    return p;
}

static void refused(const char *file, const char *env, const char *const sets[4], enum err_name name,
                    const char *message)
{
    struct err err = ERR_INIT;
    struct pipeline *p = (struct pipeline *)&err;

    assert_int_not_equal(load(file, env, sets, &p, &err), ERR_OK);
    assert_null(p);
    if (err.name != name || !strstr(err.msg, message))
        fail_msg("%s: %s: %s\nexpected %s", file, err_name_text(err.name), err.msg, message);
    assert_null(strchr(err.msg, '\n'));
}

/* A file of the test's own, with a mode. Returns its path, valid until the next call. */
static const char *write_file(const char *name, const char *text, size_t len, unsigned mode)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

/* --- the example --- */

static void check_schema(const struct schema *s)
{
    static const char *const names[] = {"row_no",
                                        "SeriousDlqin2yrs",
                                        "RevolvingUtilizationOfUnsecuredLines",
                                        "age",
                                        "NumberOfTime30_59DaysPastDueNotWorse",
                                        "DebtRatio",
                                        "MonthlyIncome",
                                        "NumberOfOpenCreditLinesAndLoans",
                                        "NumberOfTimes90DaysLate",
                                        "NumberRealEstateLoansOrLines",
                                        "NumberOfTime60_89DaysPastDueNotWorse",
                                        "NumberOfDependents"};

    assert_int_equal(s->ncolumns, 12);
    assert_int_equal(s->nloaded, 11);
    for (size_t i = 0; i < 12; i++) {
        assert_string_equal(s->columns[i].name, names[i]);
        assert_int_equal(s->columns[i].nullable, i != 1);
        assert_int_equal(s->columns[i].drop, i == 0);
        assert_int_equal(s->columns[i].type.kind, i == 0             ? TYPE_BIGINT
                                                  : i == 1           ? TYPE_BOOLEAN
                                                  : i == 2 || i == 5 ? TYPE_DOUBLE
                                                                     : TYPE_INT);
    }
    assert_string_equal(s->columns[0].from, "");
    assert_string_equal(s->columns[3].from, "age");
    assert_string_equal(s->columns[4].from, "NumberOfTime30-59DaysPastDueNotWorse");
    assert_string_equal(s->columns[10].from, "NumberOfTime60-89DaysPastDueNotWorse");
    assert_int_equal(s->columns[3].checks.n, 2);
    assert_int_equal(s->columns[3].checks.items[0].bound.i64, 0);
    assert_int_equal(s->columns[3].checks.items[1].bound.i64, 120);
    assert_int_equal(s->columns[3].checks.items[1].on, CHECK_ON_REJECT);
    assert_int_equal(s->nnulls, 2);
    assert_string_equal(s->nulls[0], "NA");
    assert_string_equal(s->nulls[1], "");
    assert_int_not_equal(s->hash, 0);
}

/* All that has a default and stands in the example with it. */
static void check_defaults(const struct pipeline *p)
{
    assert_string_equal(p->source.layout, "yyyy=%Y/mm=%m/dd=%d/hh=%H/*.csv");
    assert_int_equal(p->source.expect_within_ms, 30 * 60000);
    assert_int_equal(p->source.csv.delimiter, ',');
    assert_int_equal(p->source.csv.quote, '"');
    assert_int_equal(p->source.csv.header, CSV_HEADER_BY_NAME);
    assert_int_equal(p->schema.extra, COLUMNS_FAIL);
    assert_int_equal(p->schema.missing, COLUMNS_FAIL);
    assert_int_equal(p->schema.contract, CONTRACT_FREEZE);
    assert_int_equal(p->target.create, PIPELINE_CREATE_IF_MISSING);
    assert_int_equal(p->target.nkey, 0);
    assert_int_equal(p->target.lineage, PIPELINE_LINEAGE_TRUE);
    assert_int_equal(p->target.commit_unit, COMMIT_FILE);
    assert_int_equal(p->target.chunk_rows, 1000000);
    assert_int_equal(p->target.connections, 2);
    assert_int_equal(p->target.lease_ms, 60000);
    assert_int_equal(p->policy.on_empty, ON_EMPTY_WARN);
    assert_int_equal(p->policy.on_changed, ON_CHANGED_FAIL);
    assert_int_equal(p->policy.outage_ms, 60000);
    assert_int_equal(p->policy.retry_attempts, 3);
    assert_int_equal(p->policy.retry_delay_ms, 60000);
    assert_int_equal(p->queue.lookback_ms, 2 * 3600000);
    assert_int_equal(p->schedule.lag_ms, 0);
}

static void check_example(const char *file, const char *folder)
{
    struct pipeline *p = good(file, NULL, NULL);
    char cwd[1024];

    check_schema(&p->schema);
    check_defaults(p);
    assert_string_equal(p->name, "loan_applicants");
    assert_string_equal(p->file, file);
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(strncmp(p->base_dir, cwd, strlen(cwd)), 0);
    assert_string_equal(p->base_dir + strlen(cwd), folder);
    assert_null(p->env);
    assert_string_equal(p->source.url, "file:lake");
    assert_string_equal(p->target.url, "sqlite:loans.db");
    assert_string_equal(p->target.table, "loan_applicant_info");
    assert_null(p->target.user);
    assert_null(p->target.password);
    assert_true(p->policy.max_rejects.is_share);
    assert_int_equal(p->policy.max_rejects.share_ppm, 10000);
    assert_string_equal(p->queue.url, "file:queue/loan_applicants");
    pipeline_free(p);

    refused(file, "ci", NULL, ERRN_CONFIG_UNSET, "target.password: ${SLUICE_DB_PASSWORD} is not set");
    setenv("SLUICE_DB_PASSWORD", "sesame77", 1);
    p = good(file, "ci", NULL);
    check_schema(&p->schema);
    check_defaults(p);
    assert_string_equal(p->env, "ci");
    assert_string_equal(p->source.url, "s3://sluice-ci/lake?endpoint=http://127.0.0.1:9000");
    assert_string_equal(p->queue.url, "s3://sluice-ci/queue?endpoint=http://127.0.0.1:9000");
    assert_string_equal(p->target.url, "mysql://127.0.0.1:3306/sluice");
    assert_string_equal(p->target.user, "sluice");
    assert_string_equal(p->target.password, "sesame77");
    assert_string_equal(p->target.table, "loan_applicant_info");
    pipeline_free(p);
    unsetenv("SLUICE_DB_PASSWORD");

    p = good(file, "prod", NULL);
    check_defaults(p);
    assert_string_equal(p->target.url,
                        "mysql://my-db.example.com:3306/sluice?auth=rds-iam&tls-ca=global-bundle.pem");
    assert_string_equal(p->target.user, "etl");
    assert_null(p->target.password);
    pipeline_free(p);

    refused(file, "staging", NULL, ERRN_CONFIG, "no environment is named staging; known ones: ci, prod");
}

static void test_example(void **state)
{
    (void)state;
    check_example("fixtures/pipelines/example.yaml", "/fixtures/pipelines");
    check_example("docs/pipeline.example.yaml", "/docs");
}

/* --- good files --- */

static void test_defaults(void **state)
{
    struct pipeline *p = good(GOOD "minimal.yaml", NULL, NULL);

    (void)state;
    check_defaults(p);
    assert_string_equal(p->source.url, "lake");
    assert_false(p->policy.max_rejects.is_share);
    assert_int_equal(p->policy.max_rejects.number, 0);
    assert_null(p->queue.url);
    assert_int_equal(p->schema.nnulls, 0);
    assert_true(p->schema.columns[0].nullable);
    assert_false(p->schema.columns[0].drop);
    pipeline_free(p);

    p = good(GOOD "sections_empty.yaml", NULL, NULL);
    check_defaults(p);
    assert_null(p->queue.url);
    assert_null(p->target.user);
    pipeline_free(p);
    refused(GOOD "sections_empty.yaml", "ci", NULL, ERRN_CONFIG,
            "no environment is named ci; the file has none");
}

static void test_full(void **state)
{
    struct pipeline *p = good(GOOD "full.yaml", NULL, NULL);
    const struct schema_column *c = p->schema.columns;

    (void)state;
    assert_string_equal(p->name, "Full-1.2_x");
    assert_string_equal(p->source.layout, "%Y/%m/%d/%H/part-*.csv");
    assert_int_equal(p->source.expect_within_ms, 90000);
    assert_int_equal(p->source.csv.delimiter, '\t');
    assert_int_equal(p->source.csv.quote, '\'');
    assert_int_equal(p->source.csv.header, CSV_HEADER_BY_POSITION);
    assert_int_equal(p->schema.nnulls, 4);
    assert_string_equal(p->schema.nulls[0], "NULL"); /* in a list they are texts */
    assert_string_equal(p->schema.nulls[1], "~");
    assert_string_equal(p->schema.nulls[2], "");
    assert_int_equal(c[1].checks.items[0].in_count, 3);
    assert_string_equal(c[1].checks.items[0].in[1].str, "b c");
    assert_string_equal(c[1].from, "street");
    assert_int_equal(c[1].type.length, 20);
    assert_string_equal(c[2].checks.items[0].bound.str, "-1.50");
    assert_int_equal(c[3].checks.items[0].bound.i64, INT64_C(1577836800000000));
    assert_true(c[4].checks.items[0].in[2].f64 == 1000.0);
    assert_int_equal(p->schema.extra, COLUMNS_IGNORE);
    assert_int_equal(p->schema.missing, COLUMNS_NULL);
    assert_string_equal(p->target.url, "mysql://etl@db.example.com:3307/warehouse");
    assert_string_equal(p->target.password, "from-a-file");
    assert_int_equal(p->target.create, PIPELINE_CREATE_NEVER);
    assert_int_equal(p->target.nkey, 2);
    assert_string_equal(schema_loaded(&p->schema, p->target.key[0])->name, "day");
    assert_int_equal(p->target.key[1], 0);
    assert_int_equal(p->target.lineage, PIPELINE_LINEAGE_INDEXED);
    assert_int_equal(p->target.commit_unit, COMMIT_CHUNK);
    assert_int_equal(p->target.chunk_rows, 5000);
    assert_int_equal(p->target.connections, 8);
    assert_int_equal(p->target.lease_ms, 300000);
    assert_int_equal(p->policy.max_rejects.share_ppm, 2500);
    assert_int_equal(p->policy.on_empty, ON_EMPTY_OK);
    assert_int_equal(p->policy.on_changed, ON_CHANGED_IGNORE);
    assert_int_equal(p->policy.retry_attempts, 7);
    assert_int_equal(p->policy.retry_delay_ms, 10000);
    assert_string_equal(p->queue.url, "file:queue/full");
    assert_int_equal(p->queue.lookback_ms, 86400000);
    assert_string_equal(p->schedule.enqueue, "5 * * * *");
    assert_string_equal(p->schedule.work, "*/2 * * * *");
    assert_int_equal(p->schedule.lag_ms, 900000);
    pipeline_free(p);
}

static void test_environments(void **state)
{
    struct pipeline *p = good(GOOD "environments.yaml", NULL, NULL);

    (void)state;
    assert_int_equal(p->schema.nnulls, 2);
    assert_int_equal(p->target.lease_ms, 30000);
    pipeline_free(p);

    p = good(GOOD "environments.yaml", "plain", NULL);
    assert_int_equal(p->target.lease_ms, 30000);
    pipeline_free(p);

    p = good(GOOD "environments.yaml", "lists", NULL); /* lists replace, their map merges */
    assert_int_equal(p->schema.nnulls, 1);
    assert_string_equal(p->schema.nulls[0], "?");
    assert_int_equal(p->source.csv.quote, '\'');
    assert_int_equal(p->schema.ncolumns, 1);
    assert_string_equal(p->schema.columns[0].name, "other");
    pipeline_free(p);

    p = good(GOOD "environments.yaml", "deep", NULL);
    assert_int_equal(p->source.csv.delimiter, ';');
    assert_int_equal(p->schema.nnulls, 2);
    assert_int_equal(p->target.lease_ms, 90000);
    assert_int_equal(p->policy.retry_attempts, 9);
    assert_int_equal(p->policy.retry_delay_ms, 60000);
    pipeline_free(p);

    p = good(GOOD "environments.yaml", "no_queue", NULL);
    assert_null(p->queue.url);
    pipeline_free(p);

    refused(GOOD "environments.yaml", "needs_variable", NULL, ERRN_CONFIG_UNSET,
            GOOD "environments.yaml:21:19: source.url: ${SLUICE_TEST_BUCKET} is not set");
    setenv("SLUICE_TEST_BUCKET", "b1", 1);
    p = good(GOOD "environments.yaml", "needs_variable", NULL);
    assert_string_equal(p->source.url, "s3://b1/lake");
    pipeline_free(p);
    unsetenv("SLUICE_TEST_BUCKET");
    p = good(GOOD "environments.yaml", "needs_variable", SETS("source.url=mem:x")); /* not used any more */
    pipeline_free(p);
}

/* --- --set --- */

static void test_set(void **state)
{
    static const char file[] = GOOD "environments.yaml";
    struct pipeline *p = good(file, "deep",
                              SETS("target.lease=2m", "policy.max_rejects=3%", "target.key=[]",
                                   "source.csv.nulls=[\"\", 'a, b', c]"));

    (void)state;
    assert_int_equal(p->target.lease_ms, 120000); /* beats the environment, which beats the file */
    assert_int_equal(p->policy.max_rejects.share_ppm, 30000);
    assert_int_equal(p->schema.nnulls, 3);
    assert_string_equal(p->schema.nulls[1], "a, b");
    pipeline_free(p);

    p = good(file, NULL, SETS("target.table=a=b", "target.lease=1m", "target.lease=3m", "queue.url="));
    assert_string_equal(p->target.table, "a=b");  /* the first = divides */
    assert_int_equal(p->target.lease_ms, 180000); /* the last wins */
    assert_null(p->queue.url);
    pipeline_free(p);

    p = good(file, NULL,
             SETS("schema.columns.age.type=bigint", "schema.columns.age.checks.max=5000000000",
                  "schema.columns.a.b.nullable=false", "target.key=[a.b]"));
    assert_int_equal(p->schema.columns[1].type.kind, TYPE_BIGINT);
    assert_int_equal(p->schema.columns[1].checks.items[1].bound.i64, INT64_C(5000000000));
    assert_int_equal(p->schema.columns[1].checks.items[0].bound.i64, 0);
    assert_int_equal(p->target.key[0], 2);
    pipeline_free(p);

    setenv("SLUICE_TEST_BUCKET", "b2", 1);
    p = good(file, NULL, SETS("source.url=s3://${SLUICE_TEST_BUCKET}/x", "name=$${x}-", "name=n"));
    assert_string_equal(p->source.url, "s3://b2/x");
    unsetenv("SLUICE_TEST_BUCKET");
    pipeline_free(p);

    refused(file, NULL, SETS("target.lease"), ERRN_USAGE, "--set wants path.to.key=value");
    refused(file, NULL, SETS("=x"), ERRN_USAGE, "--set wants");
    refused(file, NULL, SETS("target.lese=1m"), ERRN_CONFIG_UNKNOWN_KEY,
            "--set target.lese: unknown key; the nearest known one is target.lease");
    refused(file, NULL, SETS("target.lease=soon"), ERRN_CONFIG,
            "--set target.lease: \"soon\" is no duration");
    refused(file, NULL, SETS("target=x"), ERRN_CONFIG, "--set target: this is a section");
    refused(file, NULL, SETS("environments.deep=x"), ERRN_CONFIG_UNKNOWN_KEY, "--set environments.deep");
    refused(file, NULL, SETS("environments=deep"), ERRN_CONFIG, "choose an environment by -e NAME");
    refused(file, NULL, SETS("schema.columns=[]"), ERRN_CONFIG, "set one key of a column");
    refused(file, NULL, SETS("schema.columns.nix.type=int"), ERRN_CONFIG,
            "--set schema.columns.nix.type: names no key of a column that the schema has");
    refused(file, NULL, SETS("schema.columns.age"), ERRN_USAGE, "--set wants");
    refused(file, NULL, SETS("schema.columns.age=int"), ERRN_CONFIG, "names no key of a column");
    refused(file, NULL, SETS("schema.columns.age.typ=int"), ERRN_CONFIG_UNKNOWN_KEY,
            "--set schema.columns.age.typ: unknown key; the nearest known one is schema.columns[].type");
    refused(file, NULL, SETS("schema.columns.age.checks.min=x"), ERRN_CONFIG,
            "--set schema.columns[].checks.min: \"x\" is no value of column age");
    refused(file, NULL, SETS("source.csv.nulls=NA"), ERRN_CONFIG, "--set source.csv.nulls: must be a list");
    refused(file, NULL, SETS("source.csv.nulls=[NA"), ERRN_CONFIG, "must be a list");
    refused(file, NULL, SETS("source.csv.nulls=[[a]]"), ERRN_CONFIG, "must be a list of plain values");
}

/* Relative paths of the command line start here; the file's are kept as they stand. */
static void test_set_paths(void **state)
{
    char cwd[1024], expected[1100];
    struct pipeline *p = good(GOOD "minimal.yaml", NULL,
                              SETS("target.url=sqlite:x.db", "source.url=lake2", "queue.url=file:/abs/q",
                                   "target.password=${file:" GOOD "secret.txt}"));

    (void)state;
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(expected, sizeof expected, "sqlite:%s/x.db", cwd);
    assert_string_equal(p->target.url, expected);
    snprintf(expected, sizeof expected, "%s/lake2", cwd);
    assert_string_equal(p->source.url, expected);
    assert_string_equal(p->queue.url, "file:/abs/q");
    assert_string_equal(p->target.password, "from-a-file");
    pipeline_free(p);

    p = good(GOOD "minimal.yaml", NULL, SETS("target.url=mem:m", "source.url=s3://b/p"));
    assert_string_equal(p->target.url, "mem:m");
    assert_string_equal(p->source.url, "s3://b/p");
    pipeline_free(p);
}

/* --- secrets --- */

static void test_secrets(void **state)
{
    static const char text[] = "name: t\nsource: {url: lake}\nschema: {columns: [{name: a, type: int}]}\n"
                               "target: {url: \"mysql://h/d\", table: t, password: hunter22}\n";
    static const char file[] = GOOD "minimal.yaml";
    char line[] = "before hunter22 sesame88 after";
    struct pipeline *p;

    (void)state;
    refused(write_file("s.yaml", text, strlen(text), 0640), NULL, NULL, ERRN_SECRET_EXPOSED,
            "s.yaml:4:50: target.password: a literal secret in a file that others can read (mode 0640)");
    refused(write_file("s.yaml", text, strlen(text), 0604), NULL, NULL, ERRN_SECRET_EXPOSED, "mode 0604");
    p = good(write_file("s.yaml", text, strlen(text), 0600), NULL, NULL);
    assert_string_equal(p->target.password, "hunter22");
    pipeline_free(p);
    p = good(write_file("s.yaml", text, strlen(text), 0400), NULL, NULL);
    pipeline_free(p);

    refused(file, NULL, SETS("target.password=hunter22"), ERRN_SECRET_EXPOSED,
            "--set target.password: a literal secret on the command line");
    refused(file, NULL, SETS("target.password=${X:-hunter22}"), ERRN_SECRET_EXPOSED, "command line");
    refused(file, NULL, SETS("target.password=x${X}"), ERRN_SECRET_EXPOSED, "command line");
    refused(file, NULL, SETS("target.url=mysql://u:hunter22@h/d"), ERRN_SECRET_EXPOSED,
            "--set target.url: a password stands in the URL");
    setenv("SLUICE_TEST_PW", "sesame88", 1);
    refused(file, NULL, SETS("target.url=mysql://u:${SLUICE_TEST_PW}@h/d"), ERRN_SECRET_EXPOSED,
            "a password stands in the URL");
    p = good(file, NULL, SETS("target.password=${SLUICE_TEST_PW}"));
    assert_string_equal(p->target.password, "sesame88");
    pipeline_free(p);
    unsetenv("SLUICE_TEST_PW");
    p = good(file, NULL, SETS("target.password=", "target.user="));
    assert_null(p->target.password);
    assert_null(p->target.user);
    pipeline_free(p);

    log_redact(line); /* both were registered on the way */
    assert_string_equal(line, "before *** *** after");
}

/* --- bad files --- */

/* The first line of a bad file is "# expect: NAME part of the message". */
static void test_bad_files(void **state)
{
    static char text[64 * 1024];
    struct dirent **names;
    int n = scandir(BAD, &names, NULL, alphasort), seen = 0;

    (void)state;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        char path[512], name[64], message[512];

        snprintf(path, sizeof path, BAD "%s", names[i]->d_name);
        if (strstr(path, ".yaml")) {
            FILE *f = fopen(path, "r");
            assert_non_null(f);
            size_t len = fread(text, 1, sizeof text - 1, f);
            fclose(f);
            text[len] = '\0';
            if (sscanf(text, "# expect: %63s %511[^\n]", name, message) != 2)
                fail_msg("%s: its first line expects nothing", path);
            refused(write_file(names[i]->d_name, text, len, 0644), NULL, NULL, err_name_find(name), message);
            seen++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(seen >= 60);
}

static void test_no_file(void **state)
{
    char path[256], big[300];

    (void)state;
    refused("sluice.yaml", NULL, NULL, ERRN_NOT_FOUND,
            "no pipeline file sluice.yaml here; -c FILE names another");
    refused("none/such.yaml", NULL, NULL, ERRN_NOT_FOUND, "no pipeline file none/such.yaml; -c FILE");
    refused(GOOD "minimal.yaml/x", NULL, NULL, ERRN_NOT_FOUND, "no pipeline file");
    refused("docs", NULL, NULL, ERRN_CONFIG, "docs is a folder");
    snprintf(path, sizeof path, "%s/big.yaml", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    memset(big, '#', sizeof big);
    for (int i = 0; i < 4000; i++)
        fwrite(big, 1, sizeof big, f);
    fclose(f);
    refused(path, NULL, NULL, ERRN_LIMIT, "larger than 1048576 bytes");
    if (geteuid() != 0)
        refused(write_file("closed.yaml", "name: x\n", 8, 0), NULL, NULL, ERRN_DENIED, "closed.yaml");
}

/* --- warnings, memory --- */

static void test_warnings(void **state)
{
    struct pipeline *p = good(GOOD "full.yaml", NULL, NULL);
    struct err err = ERR_INIT;
    struct buf out;

    (void)state;
    buf_init(&out, 64 * 1024);
    assert_int_equal(pipeline_warnings(p, &out, &err), ERR_OK);
    assert_non_null(strstr(out.data, "last chunk only"));
    assert_non_null(strstr(out.data, "is taken to lack the last ones"));
    assert_non_null(strstr(out.data, "column id is not nullable: a file without it is not loaded"));
    assert_non_null(strstr(out.data, "column day is not nullable"));
    assert_null(strstr(out.data, "column amount"));
    pipeline_free(p);

    buf_clear(&out);
    p = good("docs/pipeline.example.yaml", NULL, NULL);
    assert_int_equal(pipeline_warnings(p, &out, &err), ERR_OK);
    assert_int_equal(out.len, 0);
    pipeline_free(p);
    buf_release(&out);
}

static bool fail_countdown(void *ctx)
{
    return --*(long *)ctx == 0;
}

static bool fail_from(void *ctx)
{
    return --*(long *)ctx <= 0;
}

/* Each allocation fails once, then from there on for good: an error, no leak (ASan), nothing half done. */
static void test_memory(void **state)
{
    bool (*const modes[])(void *) = {fail_countdown, fail_from};

    (void)state;
    for (size_t m = 0; m < 2; m++) {
        bool done = false;
        long n = 0;

        while (!done) {
            struct err err = ERR_INIT;
            struct pipeline *p = NULL;
            long left = ++n;

            mem_set_fault(modes[m], &left);
            enum err_code code = load(GOOD "full.yaml", NULL,
                                      SETS("schema.columns.id.checks.in=[1, 2]", "target.key=[id]",
                                           "queue.url=file:q", "policy.retry.delay=1s"),
                                      &p, &err);
            mem_set_fault(NULL, NULL);
            done = left > 0;
            assert_int_equal(code, done ? ERR_OK : ERR_NOMEM);
            assert_true(done == (p != NULL));
            pipeline_free(p);
        }
        assert_true(n > 200);
    }
    pipeline_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),      cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_full),         cmocka_unit_test(test_set),
        cmocka_unit_test(test_environments), cmocka_unit_test(test_set_paths),
        cmocka_unit_test(test_secrets),      cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_no_file),      cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
