/*
 * sink_kit: short words for tests of sinks: schemas and batches from text, loads in one call, rows as text.
 * Every call asserts that it went well unless its name says otherwise.
 */
#ifndef SLUICE_TESTS_SUPPORT_SINK_KIT_H
#define SLUICE_TESTS_SUPPORT_SINK_KIT_H

#include "core/sink/sink.h"

enum { KIT_COLUMNS_MAX = 16, KIT_LEASE_MS = 60000 };
#define KIT_NOW  INT64_C(1654430400000000) /* 2022-06-05T12:00:00Z */
#define KIT_HOUR ((hour_t)459564)          /* 2022-06-05T12 */

/* "id:int!,name:varchar(20)": columns, "!" = not nullable. */
void kit_schema(struct schema *schema, const char *spec);

/* Rows "1|a|\N": "\N" is NULL; rows end with a newline. */
struct batch *kit_batch(const struct schema *schema, const char *rows);

/* A ledger row with every field filled from the object's name and the chunk. */
struct ledger_row kit_ledger(const char *object, int64_t chunk, const char *run_id);

/* Takes the claim of KIT_HOUR for `owner`; returns its epoch. */
int64_t kit_claim(struct sink *sink, const char *owner);

/* Begins a load under a claim taken for owner "me". */
struct sink_load *kit_begin(struct sink *sink, const char *run_id);

/* Appends a batch of text rows as one segment; returns what the sink said. */
enum err_code kit_append(struct sink_load *load, const char *rows, int64_t load_id, struct err *err);

/* One object with these rows, committed; returns its ledger id. */
int64_t kit_load(struct sink *sink, const char *object, const char *rows);

/* The table's rows (of one load, or 0) as sorted lines "load_id:1|a|\N", odd ones with a "?" in front; to be
 * freed by mem_free. With `ids` false the load id is left out. */
char *kit_rows(struct sink *sink, int64_t load_id, bool ids);
/* The rows without load ids are these lines. */
void kit_assert_rows(struct sink *sink, int64_t load_id, const char *expected);
size_t kit_count(struct sink *sink, int64_t load_id);

/* Number of ledger rows that match. */
size_t kit_ledger_count(struct sink *sink, const struct ledger_query *query);

#endif
