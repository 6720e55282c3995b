/* place: what a URL on the command line names: a folder, bucket or prefix, or one object in it. */
#ifndef SLUICE_TOOLS_PLACE_H
#define SLUICE_TOOLS_PLACE_H

#include "core/store/store.h"
#include "tools/app.h"

/* A URL as place and key. */
struct place {
    char *store; /* URL of the folder that holds the object */
    char *key;   /* NULL where the URL ends in "/" or has no key */
};

enum err_code place_parse(const char *url, struct place *out, struct err *err) MUST_USE;
void place_release(struct place *p);
bool place_has_host(const char *url); /* "scheme://host..." */

/* The store that a URL names as a whole; relative paths start at the current folder. */
enum err_code place_open(const struct app *app, const char *url, bool create, struct store **out,
                         struct err *err) MUST_USE;
/* The store that holds the object of this URL. USAGE where it has no key. */
enum err_code place_open_object(const struct app *app, const char *url, bool create, struct place *place,
                                struct store **store, struct err *err) MUST_USE;
/* A folder, or else an object. */
enum err_code place_open_listed(const struct app *app, const char *url, struct store **store,
                                struct store_object *object, bool *is_object, struct err *err) MUST_USE;

#endif
