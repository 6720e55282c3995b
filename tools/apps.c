/*
 * apps: see apps.h.
 *
 * Invariant: an app that is counted was initialised and has its pipeline; `files` outlive the apps that
 * borrow them.
 */
#include "tools/apps.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/mem.h"

/* Takes over `file`. */
static enum err_code add(struct apps *apps, char *file, struct err *err)
{
    if (!file)
        return err_nomem(err);
    if (apps->n == APPS_MAX) {
        mem_free(file);
        return err_set(err, ERRN_LIMIT, "more than %d pipeline files", APPS_MAX);
    }
    apps->files[apps->n++] = file;
    return ERR_OK;
}

static bool is_pipeline_file(const char *name)
{
    const char *dot = strrchr(name, '.');

    return name[0] != '.' && dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum err_code add_folder(struct apps *apps, const char *folder, struct err *err)
{
    size_t before = apps->n, len = strlen(folder);
    struct dirent *entry;
    char path[PATH_MAX];
    DIR *dir = opendir(folder);

    if (!dir)
        return err_set_errno(err, errno, "-c %s", folder);
    while (err->code == ERR_OK && (entry = readdir(dir))) {
        if (!is_pipeline_file(entry->d_name))
            continue;
        if ((size_t)snprintf(path, sizeof path, "%s%s%s", folder, folder[len - 1] == '/' ? "" : "/",
                             entry->d_name) >= sizeof path)
            err_set(err, ERRN_USAGE, "-c %s: the path is too long", folder);
        else
            (void)!add(apps, mem_strdup(path), err);
    }
    closedir(dir);
    if (err->code == ERR_OK && apps->n == before)
        err_set(err, ERRN_NOT_FOUND, "-c %s: no pipeline file (*.yaml) is in this folder", folder);
    qsort(apps->files + before, apps->n - before, sizeof *apps->files, by_name);
    return err->code;
}

static enum err_code find_files(const struct options *o, struct apps *apps, struct err *err)
{
    struct stat st;

    apps->files = mem_calloc(APPS_MAX, sizeof *apps->files);
    if (!apps->files)
        return err_nomem(err);
    for (size_t i = 0; i < o->nconfigs && err->code == ERR_OK; i++) {
        if (stat(o->configs[i], &st) == 0 && S_ISDIR(st.st_mode))
            (void)!add_folder(apps, o->configs[i], err);
        else
            (void)!add(apps, mem_strdup(o->configs[i]), err);
    }
    return err->code;
}

static enum err_code check_names(const struct apps *apps, struct err *err)
{
    for (size_t i = 1; i < apps->n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(apps->items[i].pipeline->name, apps->items[j].pipeline->name) == 0)
                return err_set(err, ERRN_CONFIG, "%s and %s both have the name %s; pipelines differ by name",
                               apps->files[j], apps->files[i], apps->items[i].pipeline->name);
        }
    }
    return ERR_OK;
}

enum err_code apps_load(const struct options *options, struct apps *out, struct err *err)
{
    *out = (struct apps){0};
    if (find_files(options, out, err))
        return err->code;
    out->items = mem_calloc(out->n, sizeof *out->items);
    if (!out->items)
        return err_nomem(err);
    for (size_t i = 0; i < out->n; i++) {
        if (app_init(&out->items[i], options, err))
            return err->code;
        out->items[i].file = out->files[i];
        if (app_open(&out->items[i], APP_PIPELINE, err))
            return err->code;
    }
    return check_names(out, err);
}

void apps_release(struct apps *apps)
{
    for (size_t i = 0; apps->items && i < apps->n; i++)
        app_release(&apps->items[i]);
    for (size_t i = 0; apps->files && i < apps->n; i++)
        mem_free(apps->files[i]);
    mem_free(apps->items);
    mem_free(apps->files);
    *apps = (struct apps){0};
}
