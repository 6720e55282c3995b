/*
 * pipeline_parts: what the files of pipeline_load share: the loader, and where a message points.
 */
#ifndef SLUICE_CONFIG_PIPELINE_PARTS_H
#define SLUICE_CONFIG_PIPELINE_PARTS_H

#include "core/base/buf.h"
#include "core/config/keys.h"
#include "core/config/yaml.h"

/* One call of pipeline_load. */
struct loader {
    const struct pipeline_options *options;
    unsigned mode;      /* the file's permission bits */
    const char *env;    /* the environment that is being checked; NULL = the file's own keys */
    struct ynode *root; /* first the file; then with environment and --set merged in */
    struct pipeline *pipeline;
    struct buf missing; /* ", KEY" for each required key that is not there */
};

/* Reads and checks the file and puts environment and --set in: fills pipeline->base_dir, mode, root. */
enum err_code loader_read(struct loader *loader, struct err *err) MUST_USE;

/* Puts "FILE:LINE:COLUMN: PATH: " before the message. `node` may be NULL (no line then). Returns its code. */
enum err_code loader_at(const struct loader *loader, const struct ynode *node, const char *path,
                        struct err *err);

/* Judges what stands under a prefix of the table ("" is the file itself), or one key's value. */
enum err_code loader_check_map(struct loader *loader, const struct ynode *map, const char *prefix,
                               struct err *err) MUST_USE;
enum err_code loader_check_key(struct loader *loader, const struct key *key, const struct ynode *node,
                               struct err *err) MUST_USE;
enum err_code loader_unknown_key(const char *path, struct err *err);

/* Puts one "path.to.key=value" into the tree. */
enum err_code loader_set(struct loader *loader, const char *set, struct err *err) MUST_USE;

/* Resolves the ${...} of a scalar, those of --set relative to the current folder. *out is the caller's. */
enum err_code loader_resolve(const struct loader *loader, const struct ynode *node, char **out,
                             struct err *err) MUST_USE;

/* The node of a key under `map` at `path` (the key's own, or its end within a column); NULL where it is not
 * there or null. */
const struct ynode *loader_find(const struct ynode *map, const struct key *key, const char *path);

/* Stores a scalar key of `map` (or its default) at base; notes it in `missing` where it is required. */
enum err_code loader_scalar(struct loader *loader, const struct key *key, const struct ynode *map,
                            const char *path, void *base, struct err *err) MUST_USE;

/* The resolved texts of a list; *out has *n, both the caller's. */
enum err_code loader_texts(const struct loader *loader, const struct ynode *list, const char *path,
                           char ***out, size_t *n, struct err *err) MUST_USE;
void texts_free(char **texts, size_t n);

/* Fills pipeline->schema but for the seal. */
enum err_code loader_columns(struct loader *loader, struct err *err) MUST_USE;

/* Adds the checks of one column (pipeline_checks). */
enum err_code loader_column_checks(struct loader *loader, struct schema_column *column,
                                   const struct ynode *item, struct err *err) MUST_USE;

/* Fills pipeline->checks. After the seal. */
enum err_code loader_hour_checks(struct loader *loader, struct err *err) MUST_USE;
void hour_checks_release(struct pipeline *pipeline);

/* Warnings about checks. */
enum err_code checks_warnings(const struct pipeline *pipeline, struct buf *out, struct err *err) MUST_USE;

/* The rules that hold between schema, key and table; sets target.key. After the seal. */
enum err_code loader_key(struct loader *loader, struct err *err) MUST_USE;

#endif
