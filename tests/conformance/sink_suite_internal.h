/*
 * sink_suite_internal: the fixture of the sink suite's cases, and the cases' names. One file of cases each:
 * sink_table_suite.c (setup, describe, lineage), sink_load_suite.c (loads, values, scans), sink_books_suite.c
 * (ledger, rejects, attempts), sink_checks_suite.c (results of checks, what they ask), sink_evolve_suite.c
 * (columns that setup adds), sink_claim_suite.c (claims, fence), sink_random_suite.c (beside the model).
 */
#ifndef SLUICE_TESTS_CONFORMANCE_SINK_SUITE_INTERNAL_H
#define SLUICE_TESTS_CONFORMANCE_SINK_SUITE_INTERNAL_H

#include "tests/conformance/sink_suite.h"

struct fix {
    struct clock_virtual clock;
    struct schema schema;
    size_t key[2];
    struct sink_target target;
    struct sink *sink; /* over `target`, set up */
};

/* The suite that is running. */
extern const struct sink_suite *suite_now;

/* cmocka's setup and teardown: an empty database, tables made, schema "id:int!,name:varchar(20)". */
int fix_setup(void **state);
int fix_teardown(void **state);

/* Another handle on the database. */
struct sink *fix_open(const struct fix *fix, const struct sink_target *target, bool read_only);

/* Describes and returns the number of problem lines. */
size_t fix_problems(struct sink *sink, struct sink_state *state);
/* No problem, and this state. */
void fix_assert_state(struct sink *sink, enum own_tables own, bool table, bool lineage);

#define CASE(f)       void f(void **state)
#define SUITE_CASE(f) cmocka_unit_test_setup_teardown(f, fix_setup, fix_teardown)
#define SINK_TABLE_CASES(X)                                                                                  \
    X(empty_database_reads_as_empty)                                                                         \
    X(setup_again_changes_nothing)                                                                           \
    X(print_makes_nothing)                                                                                   \
    X(describe_names_each_difference)                                                                        \
    X(bare_table_has_no_lineage)                                                                             \
    X(foreign_rows_are_those_of_no_load)                                                                     \
    X(read_only_handle_changes_nothing)
#define SINK_LOAD_CASES(X)                                                                                   \
    X(load_shows_after_commit)                                                                               \
    X(abort_leaves_nothing)                                                                                  \
    X(waiting_changes_nothing)                                                                               \
    X(segments_give_each_row_its_load)                                                                       \
    X(null_in_a_not_null_column_is_refused)                                                                  \
    X(key_twice_is_refused_wherever_it_stands)                                                               \
    X(key_may_be_two_columns)                                                                                \
    X(every_value_comes_back)                                                                                \
    X(scan_of_one_load_and_of_all)                                                                           \
    X(pipelines_share_a_table)                                                                               \
    X(writer_is_alone)                                                                                       \
    X(failed_allocations_leave_all_or_nothing)
#define SINK_BOOKS_CASES(X)                                                                                  \
    X(ledger_row_comes_back)                                                                                 \
    X(ledger_refuses_an_object_twice)                                                                        \
    X(ledger_pages_by_key_and_id)                                                                            \
    X(ledger_filters)                                                                                        \
    X(etag_is_refreshed)                                                                                     \
    X(replace_takes_the_whole_object)                                                                        \
    X(replace_doubles_no_row_without_lineage)                                                                \
    X(replace_refuses)                                                                                       \
    X(rejects_keep_every_byte)                                                                               \
    X(reject_pages_filter_and_stay_small)                                                                    \
    X(rejects_are_replayed_once)                                                                             \
    X(attempts_survive_with_their_samples)
#define SINK_CHECKS_CASES(X)                                                                                 \
    X(check_rows_come_back)                                                                                  \
    X(check_pages_filter)                                                                                    \
    X(check_rows_go_with_their_transaction)                                                                  \
    X(replace_takes_the_check_rows_along)                                                                    \
    X(check_sql_counts_and_shows)                                                                            \
    X(check_sql_sees_this_load)                                                                              \
    X(check_sql_refuses)                                                                                     \
    X(hour_sum_adds_this_hour)
#define SINK_EVOLVE_CASES(X)                                                                                 \
    X(frozen_table_stays_as_it_is)                                                                           \
    X(evolve_adds_what_is_missing)                                                                           \
    X(evolve_refuses_what_rows_cannot_have)                                                                  \
    X(evolve_keeps_old_rows_and_their_loads)                                                                 \
    X(a_table_may_lack_any_number)                                                                           \
    X(evolve_changes_no_type)                                                                                \
    X(evolve_twice_adds_once)                                                                                \
    X(evolve_without_memory_harms_nothing)
#define SINK_CLAIM_CASES(X)                                                                                  \
    X(claim_is_one_owners)                                                                                   \
    X(claim_expires_and_is_stolen)                                                                           \
    X(takeovers_are_counted_until_a_commit)                                                                  \
    X(claim_release_keeps_the_word)                                                                          \
    X(claim_pages_in_order)                                                                                  \
    X(fence_ends_a_load_whose_claim_is_gone)                                                                 \
    X(claim_race_has_one_winner)
#define SINK_RANDOM_CASES(X) X(random_operations_agree_with_the_model)

#define DECLARE(f) CASE(f);
SINK_TABLE_CASES(DECLARE)
SINK_LOAD_CASES(DECLARE)
SINK_BOOKS_CASES(DECLARE)
SINK_CHECKS_CASES(DECLARE)
SINK_EVOLVE_CASES(DECLARE)
SINK_CLAIM_CASES(DECLARE)
SINK_RANDOM_CASES(DECLARE)
#undef DECLARE

#endif
