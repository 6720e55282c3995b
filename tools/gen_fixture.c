/*
 * gen_fixture: writes a lake of loan-applicant CSV files, the same for the same seed.
 *
 * Hours follow each other from --from; each has --files files of --rows rows; rows are numbered through. Bad
 * records are spread evenly over all rows, kind after kind in the order of the options; kinds that damage a
 * file (bom, cr) take the first files. Rows are made by gen_rows; here are options, folders and output.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/hour.h"
#include "core/base/mem.h"
#include "tools/gen_rows.h"

enum {
    BUFFER_SIZE = 1 << 20,
    PATH_CAP = 4096,
    BAD_MAX = 1000000,   /* damaged rows or files of one kind */
    BAD_OPTIONS_MAX = 64 /* --bad given so many times */
};

static const char USAGE[] =
    "usage: gen_fixture --out DIR [OPTION]...\n"
    "  --seed N       the same seed gives the same bytes (1)\n"
    "  --from HOUR    first hour (2022-06-05T12)\n"
    "  --hours N      hours (1)\n"
    "  --files N      files in each hour (1)\n"
    "  --rows N       rows in each file (1000)\n"
    "  --layout PATH  under DIR, with %Y %m %d %H and %N, the file's number in its hour\n"
    "                 (yyyy=%Y/mm=%m/dd=%d/hh=%H/part-%N.csv)\n"
    "  --bad KIND[:N] N damaged records (1), spread over all rows: ragged, quote, nul, utf8, type, range;\n"
    "                 or N damaged files, the first ones: bom, cr. May be given again.\n";

static const char *const DAMAGE_NAMES[DAMAGE_COUNT] = {NULL,   "ragged", "quote", "nul", "utf8",
                                                       "type", "range",  "bom",   "cr"};

struct bad {
    enum damage damage;
    uint64_t count;
};

struct options {
    const char *out;
    const char *layout;
    uint64_t seed, hours, files, rows;
    hour_t from;
    struct bad bad[BAD_OPTIONS_MAX];
    size_t bad_len;
};

/* The state of the whole output. */
struct lake {
    const struct options *opt;
    struct rows *rows;
    char *buffer;
    size_t used;
    int fd;        /* of the file being written, -1 between files */
    uint64_t row;  /* rows so far, over all files */
    uint64_t file; /* files so far, over all hours */
    uint64_t bytes;
    uint64_t bad_total; /* damaged rows there will be */
    uint64_t bad_done;
    uint64_t bad_next; /* the row to damage next */
};

static bool of_file(enum damage damage)
{
    return damage == DAMAGE_BOM || damage == DAMAGE_CR;
}

static MUST_USE enum err_code parse_number(const char *option, const char *text, uint64_t min, uint64_t max,
                                           uint64_t *out, struct err *err)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || *out < min || *out > max)
        return err_set(err, ERRN_USAGE, "%s %s: not a number from %ju to %ju", option, text, (uintmax_t)min,
                       (uintmax_t)max);
    return ERR_OK;
}

static MUST_USE enum err_code parse_bad(const char *text, struct options *opt, struct err *err)
{
    struct bad bad = {DAMAGE_NONE, 1};
    size_t len = strcspn(text, ":");

    if (opt->bad_len == BAD_OPTIONS_MAX)
        return err_set(err, ERRN_USAGE, "--bad is given more than %d times", BAD_OPTIONS_MAX);
    for (int i = DAMAGE_NONE + 1; i < DAMAGE_COUNT; i++)
        if (strlen(DAMAGE_NAMES[i]) == len && memcmp(DAMAGE_NAMES[i], text, len) == 0)
            bad.damage = (enum damage)i;
    if (bad.damage == DAMAGE_NONE)
        return err_set(err, ERRN_USAGE, "--bad %s: ragged, quote, nul, utf8, type, range, bom, cr", text);
    if (text[len] == ':' && parse_number("--bad", text + len + 1, 1, BAD_MAX, &bad.count, err) != ERR_OK)
        return err->code;
    opt->bad[opt->bad_len++] = bad;
    return ERR_OK;
}

static MUST_USE enum err_code parse_options(int argc, char **argv, struct options *opt, struct err *err)
{
    enum { OUT = 256, SEED, FROM, HOURS, FILES, ROWS, LAYOUT, BAD };
    static const struct option LONG[] = {
        {"out", 1, NULL, OUT},       {"seed", 1, NULL, SEED},   {"from", 1, NULL, FROM},
        {"hours", 1, NULL, HOURS},   {"files", 1, NULL, FILES}, {"rows", 1, NULL, ROWS},
        {"layout", 1, NULL, LAYOUT}, {"bad", 1, NULL, BAD},     {NULL, 0, NULL, 0}};
    enum err_code code = hour_parse("2022-06-05T12", &opt->from, err);
    int c;

    while (code == ERR_OK && (c = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
        switch (c) {
        case OUT:
            opt->out = optarg;
            break;
        case LAYOUT:
            opt->layout = optarg;
            break;
        case SEED:
            code = parse_number("--seed", optarg, 0, UINT64_MAX, &opt->seed, err);
            break;
        case FROM:
            code = hour_parse(optarg, &opt->from, err);
            break;
        case HOURS:
            code = parse_number("--hours", optarg, 1, 1000000, &opt->hours, err);
            break;
        case FILES:
            code = parse_number("--files", optarg, 1, 10000000, &opt->files, err);
            break;
        case ROWS:
            code = parse_number("--rows", optarg, 0, UINT64_C(1000000000), &opt->rows, err);
            break;
        case BAD:
            code = parse_bad(optarg, opt, err);
            break;
        default:
            return err_set(err, ERRN_USAGE, "see gen_fixture without options");
        }
    }
    if (code == ERR_OK && optind < argc)
        return err_set(err, ERRN_USAGE, "%s: not an option", argv[optind]);
    if (code == ERR_OK && opt->files > 1 && strstr(opt->layout, "%N") == NULL)
        return err_set(err, ERRN_USAGE, "--layout %s: more than one file in an hour needs %%N", opt->layout);
    return code;
}

/* The file's path from the layout. */
static MUST_USE enum err_code expand(const struct options *opt, hour_t hour, uint64_t number,
                                     char out[PATH_CAP], struct err *err)
{
    int year, month, day, h;
    size_t used = (size_t)snprintf(out, PATH_CAP, "%s/", opt->out);

    hour_to_civil(hour, &year, &month, &day, &h);
    for (const char *p = opt->layout; *p != '\0' && used < PATH_CAP; p++) {
        int n;
        if (*p != '%') {
            out[used++] = *p;
            continue;
        }
        switch (*++p) {
        case 'Y':
            n = snprintf(out + used, PATH_CAP - used, "%04d", year);
            break;
        case 'm':
            n = snprintf(out + used, PATH_CAP - used, "%02d", month);
            break;
        case 'd':
            n = snprintf(out + used, PATH_CAP - used, "%02d", day);
            break;
        case 'H':
            n = snprintf(out + used, PATH_CAP - used, "%02d", h);
            break;
        case 'N':
            n = snprintf(out + used, PATH_CAP - used, "%05ju", (uintmax_t)number);
            break;
        default:
            return err_set(err, ERRN_USAGE, "--layout %s: %%Y %%m %%d %%H %%N", opt->layout);
        }
        used += (size_t)n;
    }
    if (used >= PATH_CAP)
        return err_set(err, ERRN_USAGE, "--out and --layout together are longer than %d bytes", PATH_CAP - 1);
    out[used] = '\0';
    return ERR_OK;
}

static MUST_USE enum err_code flush(struct lake *lake, const char *path, struct err *err)
{
    size_t done = 0;

    while (done < lake->used) {
        ssize_t n = write(lake->fd, lake->buffer + done, lake->used - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, errno, "write %s", path);
        done += (size_t)n;
    }
    lake->bytes += lake->used;
    lake->used = 0;
    return ERR_OK;
}

/* Opens the file for writing, and makes its folders where they are not there. */
static MUST_USE enum err_code open_file(struct lake *lake, char *path, struct err *err)
{
    lake->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (lake->fd < 0 && errno == ENOENT) {
        for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
            *slash = '\0';
            if (mkdir(path, 0755) != 0 && errno != EEXIST)
                return err_set_errno(err, errno, "make folder %s", path);
            *slash = '/';
        }
        lake->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    }
    return lake->fd >= 0 ? ERR_OK : err_set_errno(err, errno, "open %s", path);
}

/* The kind of the n-th damaged row. */
static enum damage damage_of(const struct options *opt, uint64_t n)
{
    for (size_t i = 0; i < opt->bad_len; i++) {
        if (of_file(opt->bad[i].damage))
            continue;
        if (n < opt->bad[i].count)
            return opt->bad[i].damage;
        n -= opt->bad[i].count;
    }
    return DAMAGE_NONE;
}

static bool file_has(const struct lake *lake, enum damage damage)
{
    uint64_t count = 0;

    for (size_t i = 0; i < lake->opt->bad_len; i++)
        if (lake->opt->bad[i].damage == damage)
            count += lake->opt->bad[i].count;
    return lake->file < count;
}

/* The middle of the n-th of bad_total equal parts of all rows; never reached past the last. */
static void plan_next_bad(struct lake *lake)
{
    const struct options *opt = lake->opt;
    double part = (double)(opt->hours * opt->files * opt->rows) / (double)lake->bad_total;

    lake->bad_next = lake->bad_done < lake->bad_total ? (uint64_t)(((double)lake->bad_done + 0.5) * part)
                                                      : UINT64_MAX;
}

static void put_row(struct lake *lake)
{
    char *row = lake->buffer + lake->used;
    enum damage damage = DAMAGE_NONE;

    if (lake->row++ == lake->bad_next) {
        damage = damage_of(lake->opt, lake->bad_done++);
        plan_next_bad(lake);
    }
    lake->used += (size_t)(rows_next(lake->rows, damage, row) - row);
}

static MUST_USE enum err_code write_file(struct lake *lake, char *path, struct err *err)
{
    bool cr = file_has(lake, DAMAGE_CR);
    char *start;

    if (open_file(lake, path, err) != ERR_OK)
        return err->code;
    lake->used = 0;
    if (file_has(lake, DAMAGE_BOM))
        lake->used = (size_t)((char *)mempcpy(lake->buffer, "\xef\xbb\xbf", 3) - lake->buffer);
    start = lake->buffer;
    lake->used = (size_t)((char *)mempcpy(start + lake->used, ROW_HEADER, strlen(ROW_HEADER)) - start);
    for (uint64_t i = 0; i <= lake->opt->rows; i++) {
        bool last = i == lake->opt->rows;
        if (last || lake->used > BUFFER_SIZE - ROW_MAX) {
            for (char *p = start; cr && (p = memchr(p, '\n', lake->used - (size_t)(p - start))) != NULL;)
                *p = '\r';
            if (flush(lake, path, err) != ERR_OK)
                break;
        }
        if (!last)
            put_row(lake);
    }
    if (close(lake->fd) != 0)
        (void)err_set_errno(err, errno, "close %s", path);
    lake->fd = -1;
    lake->file++;
    return err->code;
}

static MUST_USE enum err_code write_lake(struct lake *lake, struct err *err)
{
    const struct options *opt = lake->opt;
    char path[PATH_CAP];

    for (size_t i = 0; i < opt->bad_len; i++)
        lake->bad_total += of_file(opt->bad[i].damage) ? 0 : opt->bad[i].count;
    if (lake->bad_total > opt->hours * opt->files * opt->rows)
        return err_set(err, ERRN_USAGE, "--bad: more damaged records than there are rows");
    plan_next_bad(lake);
    for (uint64_t h = 0; h < opt->hours; h++)
        for (uint64_t f = 0; f < opt->files; f++)
            if (expand(opt, opt->from + (hour_t)h, f, path, err) != ERR_OK ||
                write_file(lake, path, err) != ERR_OK)
                return err->code;
    return ERR_OK;
}

int main(int argc, char **argv)
{
    struct options opt = {
        .seed = 1, .hours = 1, .files = 1, .rows = 1000, .layout = "yyyy=%Y/mm=%m/dd=%d/hh=%H/part-%N.csv"};
    struct lake lake = {.opt = &opt, .fd = -1};
    struct err err = ERR_INIT;

    if (parse_options(argc, argv, &opt, &err) != ERR_OK)
        goto out;
    if (opt.out == NULL) {
        fputs(USAGE, stderr);
        return err_name_status(ERRN_USAGE);
    }
    lake.rows = rows_new(opt.seed);
    lake.buffer = mem_alloc(BUFFER_SIZE);
    if (lake.rows == NULL || lake.buffer == NULL)
        (void)err_nomem(&err);
    else if (write_lake(&lake, &err) == ERR_OK)
        printf("%ju files, %ju rows, %ju bytes\n", (uintmax_t)lake.file, (uintmax_t)lake.row,
               (uintmax_t)lake.bytes);
    if (fflush(stdout) != 0)
        (void)err_set_errno(&err, errno, "stdout");
out:
    if (err.code != ERR_OK)
        fprintf(stderr, "gen_fixture: %s\n", err.msg);
    mem_free(lake.buffer);
    rows_free(lake.rows);
    return err_status(&err);
}
