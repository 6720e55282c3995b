#!/bin/sh
# Shows that the tests guard what they say: puts one small fault after another into a copy of the sources and runs the
# tests that ought to see it. `make mutants`; M=name for those whose name contains it.
#
# One line for each: `NAME: caught by TEST`. The status is 1 where one was not caught, did not apply or did not compile.
set -u
kind=${KIND:-release}
only=${M:-}
tree=build/mutants
log=build/mutants.log
mutants=0 caught=0 clean=

rm -rf $tree
mkdir -p "$tree/build"
git ls-files -z | xargs -0 cp --parents -pt $tree || exit 2
cp -a "build/$kind" build/.tools "$tree/build/" 2>/dev/null
: >$log

build() {
    make -C $tree --no-print-directory -j"$(nproc)" KIND="$kind" "$@" >>$log 2>&1
}

# Whether the test passes on the sources as they are: else it would catch anything.
passes_clean() {
    case $clean in *" $1;"*) return 0 ;; esac
    # shellcheck disable=SC2086
    timeout -k 5 300 "build/$kind/tests/"$1 >build/mutant.out 2>&1 || return 1
    clean="$clean $1;"
}

# mutant NAME FILE EDIT TEST...: EDIT is sed's, in extended form. Tests run in order until one fails; a test may have
# arguments.
mutant() {
    name=$1 file=$2 edit=$3
    shift 3
    case $name in *"$only"*) ;; *) return ;; esac
    mutants=$((mutants + 1))
    echo "== $name" >>$log
    sed -E -i "$edit" "$tree/$file"
    verdict='NOT CAUGHT'
    if cmp -s "$file" "$tree/$file"; then
        verdict='does not apply'
    else
        for test; do
            if ! passes_clean "$test"; then
                verdict="$test fails without it"
                break
            fi
            if ! build "build/$kind/tests/${test%% *}"; then
                verdict="does not compile (see $log)"
                break
            fi
            # shellcheck disable=SC2086
            if ! (cd $tree && timeout -k 5 300 "build/$kind/tests/"$test >"$OLDPWD/build/mutant.out" 2>&1) 2>/dev/null; then
                verdict="caught by $test"
                caught=$((caught + 1))
                break
            fi
        done
    fi
    echo "$name: $verdict"
    cp "$file" "$tree/$file" # newer than what was built of the mutant
}

# simulated NAME FILE EDIT: one that the simulation ought to see, in its sample or in more worlds.
simulated() {
    mutant "sim-$1" "$2" "$3" sim/test_sim 'sim/sim 1 20000'
}

load='unit/load/test_run unit/load/test_run_units unit/load/test_run_policies unit/load/test_run_trouble'

# --- exactly once
# shellcheck disable=SC2086
mutant rows-before-their-ledger-row core/load/load.c '
    s/(begin\(w, err\) != ERR_OK \|\| )insert_rows/\1append_rows/
    s/^( +)append_rows(\(w, item, err\) != ERR_OK \|\| append_rejects)/\1insert_rows\2/' $load fault/test_kill
mutant no-fence backends/sink_sqlite.c 's/if \(sqlite_fence\(.*\)\)$/if (false)/' fault/test_races
mutant no-fence-in-the-model backends/sink_mem.c 's/^    \(void\)!mem_extend_claim\(m, load->hour.*/    (void)m;/' conformance/test_sink_mem
mutant ledger-row-not-unique backends/sqlite_schema.c 's/UNIQUE \(pipeline, object, chunk\)/CHECK (chunk = chunk)/' \
    conformance/test_sink_sqlite fault/test_races
mutant replace-without-guard backends/sqlite_replace.c 's/ WHERE id = \?3 AND run_id = \?4/ WHERE id = ?3 AND ?4 = ?4/' \
    conformance/test_sink_sqlite fault/test_races
mutant replay-marks-twice backends/sqlite_util.c 's/ AND replayed_by = 0"/"/' conformance/test_sink_sqlite
# shellcheck disable=SC2086
mutant failure-commits core/load/load.c \
    's/^    sink_abort\(work\.load\);/    if (work.load \&\& sink_commit(work.load, \&(struct err){0}) != ERR_OK) return err->code;/' \
    $load fault/test_lies
# shellcheck disable=SC2086
mutant in-doubt-is-failure core/load/run_unit.c 's/^    if \(code == ERR_IN_DOUBT\) \{/    if (false) {/' $load fault/test_sweep
# shellcheck disable=SC2086
mutant in-doubt-is-success backends/sqlite_util.c 's/if \(rc == SQLITE_DONE\) \{/if (rc == SQLITE_DONE || in_doubt(rc)) {/' \
    fault/test_disk

# --- what is told of rows
mutant told-though-rolled-back core/load/load.c 's/^    observe_rollback\(.*/    ;/' unit/load/test_observe
mutant told-in-doubt-is-lost core/load/load.c 's/^            observe_doubt\(.*/            (void)0;/' unit/load/test_observe
mutant told-in-doubt-stays core/load/load.c 's/^    observe_begun\(.*/    ;/' unit/load/test_observe
mutant told-of-another-commit core/load/observe.c 's/row->id == o->in_doubt \&\& //' unit/load/test_observe
mutant told-in-a-short-calendar tools/figure.c 's/end = \(HOUR_MAX \+ 1\)/end = (HOUR_MAX)/' unit/tools/test_profile_out unit/tools/test_figure
mutant told-with-a-doubles-digits tools/profile_json.c 's/tree_raw\(t, "value", v->text\)/tree_real(t, "value", v->number)/' unit/tools/test_profile_out

# --- claims
mutant claim-not-compared backends/sqlite_util.c "s/AND \(owner = '' OR/AND (1 OR owner = '' OR/" \
    conformance/test_sink_sqlite fault/test_races
mutant epoch-not-compared-by-fence backends/sqlite_util.c \
    '/ST_FENCE\]/,/epoch/s/ AND epoch = \?5"/ AND ?5 > 0"/' conformance/test_sink_sqlite fault/test_races
mutant dead-owner-not-seen core/load/claim.c \
    's/if \(code == ERR_OK && !taken && claim_owner_is_dead\(.*\)\) \{/if (false) {/' fault/test_kill
mutant dead-claim-left-running core/load/run.c 's/row->expired \|\| claim_owner_is_dead\(row->owner\)/false/' fault/test_kill

# --- books
mutant records-not-conserved core/load/ledger.c 's/records != t->rows_loaded \+ t->rows_rejected/false/' unit/load/test_ledger
mutant size-not-conserved core/load/ledger.c 's/t->raw_bytes != t->object_size/false/' unit/load/test_ledger
mutant stored-rows-not-counted core/load/ledger.c 's/if \(rows_sent != rows_stored\)/if (false)/' unit/load/test_ledger
# shellcheck disable=SC2086
mutant books-not-asked core/load/load.c 's/if \(ledger_check_stored\(.*\) != ERR_OK\)$/if (false)/' $load fault/test_lies
# shellcheck disable=SC2086
mutant reject-limit-not-judged core/load/load_parse.c 's/if \(!limit \|\| !reject_over_limit/if (true || !reject_over_limit/' $load
# shellcheck disable=SC2086
mutant doomed-too-early core/load/load_parse.c 's/p->rejected > REC_SAMPLES_MAX && //' $load fault/test_lies

# --- the source
# shellcheck disable=SC2086
mutant if-match-dropped core/load/load_fetch.c 's/\.if_match = [^}]*\}/.if_match = NULL}/' $load fault/test_lies
mutant changed-while-read backends/store_fs.c 's/if_match && strcmp/if_match \&\& false \&\& strcmp/' \
    conformance/test_store_fs
# shellcheck disable=SC2086
mutant fresh-etag-trusted core/load/load_fetch.c 's/found->etag_trusted \? found->etag : ""/found->etag/' \
    $load fault/test_lies
# shellcheck disable=SC2086
mutant listed-etag-trusted core/load/diff.c 's/ && object->etag_trusted//' $load fault/test_lies
# shellcheck disable=SC2086
mutant bad-file-stays-in-its-group core/load/load_parse.c 's/^    batch_truncate\(.*/    (void)rows;/' $load fault/test_kill
# shellcheck disable=SC2086
mutant prefix-not-compared core/load/load_parse.c 's/if \(!there \|\| !hash_equal\(.*\)\)$/if (!there)/' $load fault/test_lies
# shellcheck disable=SC2086
mutant header-not-in-prefix core/load/load_parse.c 's/hash_update\(p->in->prefix, record\.raw, record\.raw_len\);/(void)0;/' \
    $load fault/test_lies

# --- the service
mutant service-misses-hours core/queue/catch_up.c 's/k->in_window\[hour - k->from\] = true;/k->before = hour;/' unit/queue/test_service
mutant service-forgets-late-objects core/queue/catch_up.c 's/if \(look_back\(e, hour, err\) == ERR_OK\)/if (true)/' unit/queue/test_service
mutant worker-spends-attempts core/queue/worker.c 's/\(w->source_away && probe_source\(w, err\) != ERR_OK\) \|\| //' unit/queue/test_worker_source
mutant service-keeps-an-old-connection core/queue/service.c 's/s->stepped_us > patience/s->stepped_us < 0/' unit/queue/test_service
mutant service-trusts-the-clock core/queue/service.c 's/^    mind_the_clock\(s, now\);/    (void)mind_the_clock;/' unit/queue/test_service
mutant service-retries-by-schedule core/queue/service.c 's/if \(retry_us < s->work_due_us - now\)/if (false)/' unit/queue/test_service
mutant service-tells-a-failure-once core/queue/service.c 's/^( +)watch_failed_again\(.*/\1;/' unit/queue/test_service
mutant service-tells-old-failures core/queue/watch.c 's/if \(w->looked && tell_failed/if (tell_failed/' unit/queue/test_service
mutant page-policy-of-another-style tools/page_profile.c 's/digits\[v >> \(18 - 6/digits[v >> (17 - 6/' unit/tools/test_page_profile
mutant page-over-its-size tools/page_profile.c 's/ \&\& out->len <= PAGE_PROFILE_MAX//' unit/tools/test_page_profile
mutant page-shows-folders tools/page_profile.c 's/bool rooted = /bool rooted = n > 1000 \&\& /' unit/tools/test_page_profile
mutant page-tells-a-table-of-refusals tools/page_profile.c 's/^    if \(!r->of_target\)$/    if (true)/' unit/tools/test_page_profile
mutant page-cuts-inside-a-letter tools/page_profile_parts.c 's/ \& 0xc0\) == 0x80/ \& 0xc0) == 0xff/' unit/tools/test_page_profile
mutant page-not-escaped tools/html.c "s/else if \(strchr\(.*, c\)\)/else if (c == '\&')/" unit/tools/test_html

# --- reading ahead
mutant ahead-if-match-dropped core/store/ahead.c 's/\.if_match = item\.if_match/.if_match = NULL/' unit/store/test_ahead
mutant ahead-error-lost core/store/ahead.c 's/\*n == 0 && f->err\.code != ERR_OK/false/' unit/store/test_ahead
mutant ahead-other-length-taken core/store/ahead.c 's/as_listed = .*;/as_listed = true;/' unit/store/test_ahead
mutant ahead-not-in-order core/store/ahead.c 's/struct slot \*slot = slot_of\(a, i\)/struct slot *slot = slot_of(a, i ^ 1)/' unit/store/test_ahead
mutant ahead-memory-without-bound core/store/ahead.c 's/a->held \+ cost > AHEAD_BYTES/false/' unit/store/test_ahead
mutant ahead-window-without-bound core/store/ahead.c 's/a->next - a->taken == AHEAD_OBJECTS \|\| //' unit/store/test_ahead
mutant ahead-not-waited-for core/store/ahead.c 's/while \(slot->state == SLOT_READING\)/while (false)/' unit/store/test_ahead
mutant ahead-share-without-bound core/store/ahead.c 's/large = cost > AHEAD_SHARE/large = false/' unit/store/test_ahead
mutant ahead-deaf-to-stop core/store/ahead.c 's/return a->stop && .*/return false;/' unit/store/test_ahead
mutant ahead-of-a-list-that-ends core/store/ahead.c 's/if \(a->next == a->n\)/if (a->next > a->n)/' unit/store/test_ahead
mutant ahead-of-a-near-store core/load/load.c 's/l->store->caps\.remote && ahead_new/ahead_new/' unit/load/test_load_ahead

# --- verify
mutant verify-adds-a-broken-scan core/load/verify_books.c 's/^        v->nloads = 0;/        (void)0;/' unit/load/test_verify_read
mutant verify-waits-without-end core/load/verify_books.c 's/if \(rows > v->scan_best \+ .*/if (rows > 0) {/' unit/load/test_verify_read
mutant verify-waits-for-nobody core/load/verify_read.c 's/while \(err->code == ERR_TRANSIENT \&\&$/while (false \&\&/' unit/load/test_verify_read
mutant verify-ends-with-a-bad-object core/load/verify_read.c 's/if \(is_its_own\(&why\)/if (false \&\& is_its_own(\&why)/' unit/load/test_verify_read
mutant verify-hour-by-its-sum core/load/verify_hours.c 's/^    sum->status = verify_worse\(.*/    (void)0;/' unit/load/test_verify_hours
mutant verify-hours-in-key-order core/load/verify_hours.c 's/if \(h->n && h->at\[h->n - 1\]\.hour < hour\)/if (true)/' unit/load/test_verify_hours
mutant verify-judges-what-moved core/load/verify_books.c 's/b->moved \|= .*/b->moved |= !mark;/' unit/load/test_verify
mutant verify-table-loaded-beside core/load/verify.c 's/before->stamp != after\.stamp/false/' unit/load/test_verify
mutant verify-other-schema-by-hash core/load/verify_books.c 's/b->other_schema \|= .*/(void)0;/' unit/load/test_verify
mutant verify-other-schema-by-counts core/load/verify.c 's/r->target\.known && !same\(&r->source, &r->target, false\)/false/' unit/load/test_verify
mutant verify-other-schema-unseen core/load/verify.c 's/!r->target\.known && has_changed\(s\)/false/' unit/load/test_verify
mutant verify-reloads-what-is-gone core/load/verify.c 's/ && !unread && !gone\)/)/' unit/load/test_verify
mutant verify-rows-by-counts core/load/verify_rows.c 's/differs = b->sum != 0 \|\| /differs = /' unit/load/test_verify_rows
mutant verify-names-rows-of-the-gone core/load/verify_rows.c 's/ \|\| \(more && s->no_extras\)//' unit/load/test_verify_rows
mutant verify-names-what-broke core/load/verify_rows.c 's/s->nnames = s->n = 0;/s->nnames = 0;/' unit/load/test_verify_read
mutant verify-pairs-without-key core/load/verify_rows.c 's/d == 0 \&\& same_key/false \&\& same_key/' unit/load/test_verify_rows

mutant verify-pairs-in-a-bucket core/load/verify_rows.c 's/!is_like_one\(s, batch, row\)/!is_like_one(s, batch, row) || true/' unit/load/test_verify_rows
mutant verify-pairs-uncounted core/load/verify_rows.c 's/ \|\| s->likes == 0\)/ || true)/' unit/load/test_verify_rows

# --- waiting
mutant loader-waits-in-silence core/load/load.c 's/channel_pop_idle\(p->items_full, &next, &keep, err\)/channel_pop_idle(p->items_full, \&next, keep.fn ? NULL : \&keep, err)/' \
    unit/load/test_keep
mutant worker-waits-in-silence core/load/crew.c 's/^( +if \(channel_pop_idle\(w->crew->units, &next, )&keep/\1keep.fn ? NULL : \&keep/' unit/load/test_keep
mutant hour-waits-in-silence core/load/crew.c 's/^    keep_now\(crew->job->sink\);/    (void)crew;/' unit/load/test_keep
mutant listing-in-silence core/load/diff.c 's/^( +)keep_due\(.*/\1(void)0;/' unit/load/test_keep
mutant hashing-in-silence core/load/load_fetch.c 's/^( +)keep_due\(&keep\);/\1(void)keep;/' unit/load/test_keep
if [ -n "${SLUICE_TEST_MYSQL_URL:-}" ]; then
    mutant mysql-not-pinged backends/sink_mysql.c 's/^    \.keep = mys_keep,//' conformance/test_sink_mysql_loads
    mutant mysql-delete-not-asked backends/mysql_rights.c 's/if \(n->replaced && lineage\)/if (false)/' conformance/test_sink_mysql_preflight
    mutant mysql-create-not-asked backends/mysql_rights.c 's/^    if \(makes\)$/    if (false)/' conformance/test_sink_mysql_preflight
    mutant mysql-read-only-not-seen backends/mysql_rights.c 's/code == READ_ONLY_OPTION \|\| //' conformance/test_sink_mysql_preflight
    mutant mysql-fallback-not-said backends/mysql_connect.c 's/^    (s->load_off|    s->load_off) = .*/        s->load_off = false;/' conformance/test_sink_mysql_preflight
    mutant mysql-timeouts-not-set backends/mysql_connect.c 's/, wait_timeout = .*$/, wait_timeout = wait_timeout + 0 * %" PRId64/' conformance/test_sink_mysql
fi

# --- settings
mutant galera-splits backends/mysql_preflight.c 's/if \(is_on\(values\[WSREP_SPLITS\]\) &&/if (false \&\&/' conformance/test_sink_mysql_rogue
mutant session-not-looked-at backends/mysql_preflight.c 's/\(!strstr\(mys_col\(&r, 0\), "STRICT_ALL_TABLES"\)/(false/' conformance/test_sink_mysql_rogue

# --- checks
mutant warning-not-written core/load/load.c 's/check_notes_store\(&item->notes, w->load, item->rows, err\)/ERR_OK/' \
    unit/load/test_judge
mutant warning-of-what-is-left-out core/load/load_parse.c 's/^    check_notes_cut\(&p->item->notes, notes\);/    (void)notes;/' \
    unit/load/test_judge
mutant warning-refuses core/data/convert.c 's/\(\*check\)->on != CHECK_ON_REJECT\)/false)/' unit/load/test_judge
mutant failure-only-warns core/load/judge.c 's/if \(hit->check->on != CHECK_ON_FAIL\)/if (hit)/' unit/load/test_judge
mutant unique-over-objects core/load/judge.c 's/if \(j->kind != UNIT_HOUR \|\| !j->verdicts\)/if (false)/' unit/load/test_judge
mutant unique-not-over-the-hour core/load/judge.c 's/if \(j->kind != UNIT_HOUR \|\| !j->verdicts\)/if (true)/' unit/load/test_judge
mutant unique-keeps-the-refused core/load/judge.c 's/^        if \(!u->twice \|\| u->tally->check->on != CHECK_ON_REJECT\)/        if (true)/' \
    unit/load/test_judge
mutant nulls-begin-with-the-chunk core/load/load_parse.c 's/if \(judged && \*event/if (false \&\& judged \&\& *event/' unit/load/test_judge
mutant nulls-of-the-refused core/load/judge.c 's/^    j->rows \+= .*/    j->rows += (int64_t)(to - from) + 1;/' unit/load/test_judge
mutant verify-is-judged core/load/load_parse.c 's/judge_unit\(p->in->judge, unit->kind, p->in->limit != NULL\)/judge_unit(p->in->judge, unit->kind, true)/' \
    unit/load/test_judge
mutant replay-not-judged core/load/replay.c 's/if \(r->judge && judge_row/if (false \&\& judge_row/' unit/load/test_judge
mutant replay-brings-a-value-twice core/load/replay.c 's/if \(stays_twice\(/if (false \&\& stays_twice(/' unit/load/test_judge
mutant unique-forgets-the-chunks core/load/judge.c 's/\(j->nnulls > 0 \|\| j->nuniques > 0\)/j->nnulls > 0/' unit/load/test_judge
mutant hour-of-the-rest-not-judged core/load/load.c 's/\(last->object_end && judge_hour\(w, err\) != ERR_OK\)/false/' \
    unit/load/test_hour_checks
mutant hour-not-judged core/load/load.c 's/if \(judge_hour\(&work, err\) == ERR_OK\)/if (!judge_hour || true)/' unit/load/test_hour_checks
mutant hour-without-earlier-rows core/load/hour_checks.c 's/out->rows \+= rows\[i\]\.rows_loaded;/out->rows = rows[i].rows_loaded;/' \
    unit/load/test_hour_checks
mutant mean-without-earlier-rows core/load/hour_checks.c 's/if \(v->books\.rows == v->loaded\)/if (true)/' unit/load/test_hour_checks
mutant mean-counts-nulls core/load/judge.c 's/if \(batch->cols\[s->col\]\.null\[r\]\)/if (false)/' unit/load/test_hour_checks
mutant hour-fails-by-warning core/load/hour_checks.c 's/if \(row->fired && check->on == CHECK_ON_FAIL\)/if (row->fired)/' \
    unit/load/test_hour_checks

# --- passwords
mutant password-in-clear backends/mysql_connect.c 's/bool clear = p->iam && p->tls;/bool clear = true;/' \
    conformance/test_sink_mysql_login
mutant token-without-tls backends/mysql_connect.c 's/p->tls = !p->near \|\| ca \|\| p->iam;/p->tls = !p->near || ca;/
    s/bool clear = p->iam && p->tls;/bool clear = p->iam;/' conformance/test_sink_mysql_login
mutant token-for-another-port backends/aws_rds.c 's/login->host, login->port\)/login->host, 3306U)/' unit/backends/test_aws_rds

# --- libs3, which takes broken answers for whole ones
if [ -e "build/$kind/tests/unit/backends/test_store_libs3" ]; then
    libs3=unit/backends/test_store_libs3
    mutant libs3-end-believed backends/libs3_list.c 's/list->ended = page->beyond;/list->ended = !page->truncated;/' $libs3
    mutant libs3-nothing-believed backends/libs3_list.c 's/list->ended = page->beyond \|\|/list->ended = true ||/' $libs3
    mutant libs3-upload-believed backends/libs3_put.c 's/err->code == ERR_OK && !same/false/' $libs3
    mutant libs3-length-believed backends/store_libs3.c 's/reader->cut = piece\.got < piece\.said;/reader->cut = false;/' $libs3
    mutant libs3-etag-not-compared backends/libs3_get.c 's/if_match && strcmp/if_match \&\& false \&\& strcmp/' $libs3
    mutant libs3-range-not-compared backends/store_libs3.c 's/piece\.said != piece\.length/false/' $libs3
    mutant libs3-space-sent backends/libs3_client.c "s/strchr\(call->path, ' '\)/false/" $libs3
    mutant libs3-token-dropped backends/libs3_client.c 's/key\.token && \*key\.token/false/' $libs3
    mutant libs3-waits-on backends/libs3_client.c 's/!call->done && left_ms <= 0/false/' $libs3
fi

# --- checks, and columns that come later
mutant check-words-not-judged core/sink/check_template.c 's/if \(is_one_of\(r->at, n, WRITES\) \|\|/if (false ||/' unit/sink/test_check_template
mutant check-quote-not-doubled core/sink/check_template.c 's/c == quote \&\& escaped \&\& quote != /c == quote \&\& false \&\& quote != /' \
    unit/sink/test_check_template
mutant check-of-any-hour backends/sqlite_check.c "s/ AND hour = '%s'\)\", hour/ AND hour <> '%s')\", \"\"/" conformance/test_sink_sqlite
mutant check-loads-of-any-pipeline backends/sink_mem_check.c \
    's/l->row\.hour == hour \&\& strcmp.* == 0 \&\&/l->row.hour == hour \&\&/' conformance/test_sink_mem
mutant check-outside-the-replacement backends/sqlite_replace.c 's/"DELETE FROM main\.", "sluice_check",/"SELECT 1 FROM main.", "sluice_check",/' \
    conformance/test_sink_sqlite
mutant check-parameters-are-null backends/sqlite_check.c 's/sqlite3_bind_parameter_count\(\*out\) > 0/false/' conformance/test_sink_sqlite
mutant quoted-name-is-a-text backends/sink_sqlite.c 's/SQLITE_DBCONFIG_DQS_DML, 0,/SQLITE_DBCONFIG_DQS_DML, 1,/' conformance/test_sink_sqlite
mutant check-limit-stays backends/mysql_check.c 's/^        s->broken = true;.*//' conformance/test_sink_mysql_rogue
mutant evolve-though-frozen core/sink/evolve.c 's/if \(!t->evolve\)$/if (false)/' conformance/test_sink_mem
mutant evolve-fills-no-rows core/sink/evolve.c 's/has_rows \&\& !schema_loaded/false \&\& !schema_loaded/' conformance/test_sink_mem
mutant evolve-unrecorded backends/sink_mem_table.c 's/ \|\| mem_check_insert\(m, \&record, err\)//' conformance/test_sink_mem

# --- memory, disk, limits
mutant allocation-not-checked core/load/run.c 's/^    if \(!row\)$/    if (false)/' fault/test_sweep
mutant full-disk-is-success backends/sqlite_util.c \
    's/if \(rc == SQLITE_DONE\) \{/if (rc == SQLITE_DONE || rc == SQLITE_FULL) {/' fault/test_disk
mutant ratio-not-capped core/data/inflate.c 's/(s->given > INFLATE_RATIO_FROM)/false \&\& \1/' \
    unit/data/test_inflate fault/test_hostile

# --- lines that are cut without libcsv
mutant plain-with-a-lone-cr core/data/csv.c 's/return cr \+ 1 == line \+ text && text < len \? text - 1 : 0;/return text;/' unit/data/test_csv
mutant plain-with-a-quote core/data/csv.c 's/if \(memchr\(line, r->dialect\.quote, len\)\)/if (false)/' unit/data/test_csv
mutant plain-beyond-the-text core/data/csv.c 's/if \(len - at < CSV_WORD\)/if (false)/' unit/data/test_csv
mutant plain-without-caps core/data/csv.c 's/\|\| len > r->limits\.field_max\)/|| false)/' unit/data/test_csv

# --- what is told of data
profile='unit/profile/test_profile unit/profile/test_profile_whole'
# shellcheck disable=SC2086
{
    mutant profile-beyond-its-budget core/profile/stats.c 's/return table_bytes_grown\(&stats->table\) <= stats->granted/return true/' \
        unit/profile/test_stats
    mutant profile-grants-by-batch core/profile/profile_work.c 's/if \(begins \|\| left == p->epoch\)/if (true)/' $profile
    mutant profile-class-without-memory core/profile/profile_work.c 's/if \(begins \|\| left == p->epoch\)/if (left == p->epoch)/' $profile
    mutant profile-merges-without-a-grant core/profile/profile_classes.c \
        's/stats_grant\(to, before \+ \(.*\)\);/stats_grant(to, before);/' $profile
    mutant profile-nulls-of-no-hour core/profile/profile_work.c 's/^(            )(hour->nulls\[c\] \+= profile->job_nulls\[c\]);/\1\2, profile->job_nulls[c] = 0;/
        s/^(        )profile->job_nulls\[c\] = 0;/\1;/' $profile
    mutant profile-sketch-not-marked core/profile/top.c 's/out->approx \|= of\[k\]->sketch != NULL;/(void)of;/' $profile
    mutant profile-quantile-not-marked core/profile/view.c 's/quantiles\((walk_begin\(views, n\), count), !exact/quantiles(\1, false/' $profile
    mutant profile-classes-not-gathered core/profile/top.c 's/value->count \+= value->by_class\[k\];/;/' $profile
    mutant profile-zero-with-a-sign core/profile/stats.c 's/stats_real\(STATS_REAL, from\[i\]\) \+ 0\.0/stats_real(STATS_REAL, from[i])/' \
        unit/profile/test_stats
    mutant profile-other-swallows-null core/profile/profile_classes.c 's/^        profile->value_classes_max--;/        ;/' $profile
    mutant profile-sums-without-an-origin core/profile/stats.c 's/s->moments\.origin = stats_real\(.*\);/s->moments.origin = 0, s->origin = 0;/' \
        unit/profile/test_stats
    mutant profile-pairs-with-nulls core/profile/correlate.c 's/add_masked\(a->d, b->mask, /add_own(a, /' unit/profile/test_stats
    mutant profile-pairs-not-parted core/profile/correlate.c 's/\.n = a->n, \.a = a->d, \.aa = a->dd, \.b = b->d, \.bb = b->dd, \.ab = p->ab/.ab = p->ab/' \
        unit/profile/test_stats
    mutant profile-skew-of-a-block core/profile/moments.c 's/ \+ 3 \* part \* \(na \* m2 - nb \* m->m2\)//' unit/profile/test_stats
    mutant profile-every-first-goes-up core/profile/sketch.c 's/i = next_random\(kll\) & 1; i < kll->width/i = 0; i < kll->width/' \
        unit/profile/test_sketch
    mutant profile-sampler-takes-the-last core/profile/sketch.c 's/ \|\| next_random\(kll\) % kll->group < weight/ || true/' unit/profile/test_sketch
    mutant profile-distinct-by-too-few-bits core/profile/sketch.h 's/hash << HLL_BITS \|/hash |/' unit/profile/test_sketch
    mutant profile-codes-seen-in-tails core/profile/warnings.c 's/here - next <= next - n->min\.value \|\|/here - next <= 0 ||/' unit/profile/test_warnings
}
# --- what infer guesses
infer=unit/profile/test_infer
mutant infer-zeros-are-numbers core/profile/infer_cells.c 's/NONE && !zeros\)/NONE)/' $infer
mutant infer-no-head-room core/profile/infer_cells.c 's/\(INT32_MAX \/ 2\)/INT32_MAX/' $infer
mutant infer-few-bits-are-booleans core/profile/infer_cells.c 's/only\(mask, M_BIT\) && !sure_bits\(c\)/false/' $infer
mutant infer-any-scale-is-money core/profile/infer_cells.c 's/c->scale_min != c->scale_max/false/' $infer
mutant infer-namibia-is-null core/profile/infer_cells.c 's/return c->pairs &&/return false \&\&/' $infer
mutant infer-tokens-among-texts core/profile/infer_cells.c 's/ \|\| !typed\(c, &type\)\)/ || (typed(c, \&type) \&\& false))/' $infer
mutant infer-quoted-empty-is-null core/profile/infer_cells.c 's/field->empty_unquoted \? 0/field->len == 0 ? 0/' $infer
mutant infer-huge-whole-numbers core/profile/infer_cells.c \
    's/is\(TYPE_DOUBLE, text, len, &v\) \? INFER_BIG : INFER_TEXT/INFER_BIG/' $infer
mutant infer-ragged-counts core/profile/infer.c 's/record->nfields != infer->nfields/record->nfields < infer->nfields/' fuzz/test_replay
mutant infer-name-twice core/profile/infer.c 's/infer->cells\[i\]\.mark == infer->object_no \|\| //' $infer
mutant infer-names-alike core/profile/infer_names.c 's/strcasecmp/strcmp/' $infer
mutant infer-first-line-not-divided core/profile/infer_dialect.c 's/2 \* t->odd > t->heads/false/' unit/profile/test_infer_dialect
mutant infer-cut-record-judged core/profile/infer_dialect.c 's/\*n == 0 && !cut->head->whole/false/' unit/profile/test_infer_dialect
mutant infer-one-digit-is-no-hour core/profile/infer_layout.c 's/bool one_digit = len == 1 && f\.n > YEAR;/bool one_digit = false;/' unit/profile/test_infer_layout
mutant infer-one-digit-makes-a-layout core/profile/infer_layout.c 's/found->one_digit \? INFER_ONE_DIGIT : INFER_HOUR/INFER_HOUR/' unit/profile/test_infer_layout
mutant infer-part-is-an-hour core/profile/infer_layout.c 's/if \(run - last > BETWEEN_MAX\)/if (true) return true; if (false)/' unit/profile/test_infer_layout
mutant infer-reference-in-yaml tools/yaml_text.c "s/point == '\\$' &&/false \&\&/" unit/tools/test_yaml_text
mutant infer-line-end-in-comment tools/yaml_text.c 's/ && point != 0x2028//' unit/tools/test_yaml_text
# --- queries over a source
mutant query-bound-too-narrow backends/query_hours.c 's/return number <= value;/return number < value;/' unit/backends/test_query_hours \
    unit/backends/test_query_random
mutant query-list-loses-one backends/query_hours.c 's/for \(size_t v = 0; v < n; v\+\+\)/for (size_t v = 1; v < n; v++)/' \
    unit/backends/test_query_hours
mutant query-part-not-bounded backends/query_sqlite_plan.c 's/hour_set_keep\(set, \(enum hour_part\)term->column, compare_of.*/(void)number;/' \
    unit/backends/test_query_sqlite
mutant query-or-by-a-count backends/query_sqlite_table.c 's/"PRIMARY KEY \(%s, %s\)\) WITHOUT ROWID", q->extra\[TERM_OBJECT\],/"PRIMARY KEY (%s, %s)) WITHOUT ROWID", q->extra[TERM_OBJECT + 1],/' \
    unit/backends/test_query_random unit/backends/test_query_sqlite
mutant query-pattern-in-one-case backends/query_sqlite_plan.c 's/sqlite3_strnicmp\(key, test->text, \(int\)test->len\)/strncmp(key, test->text, test->len)/' \
    unit/backends/test_query_sqlite
mutant query-collation-ignored backends/query_sqlite_plan.c 's/strcmp\(sqlite3_vtab_collation\(info, i\), "BINARY"\) == 0/true/' \
    unit/backends/test_query_sqlite
mutant query-text-borrowed backends/query_sqlite_table.c 's/result_text\(ctx, text, \(int\)len, SQLITE_TRANSIENT/result_text(ctx, text, (int)len, SQLITE_STATIC/' \
    unit/backends/test_query_sqlite
mutant query-explain-reads backends/query_sqlite_table.c 's/if \(!c->query->explaining\)/if (true)/' unit/backends/test_query_sqlite
mutant query-may-write backends/sqlite_ask.c 's/^        return SQLITE_DENY;/        return SQLITE_OK;/' unit/backends/test_query_sqlite
mutant query-second-statement backends/sqlite_ask.c 's/if \(\*tail\)/if (false)/' unit/backends/test_query_sqlite
mutant scan-mixes-versions core/profile/scan.c 's/object->etag_trusted \? object->etag : NULL/NULL/' unit/profile/test_scan
mutant scan-ahead-mixes-versions core/profile/scan.c 's/object->etag_trusted \? object->etag : NULL/NULL/' unit/profile/test_scan_ahead
mutant scan-fetches-far-more core/profile/scan.c 's/size_t most = .*/size_t most = scan->room;/' unit/profile/test_scan_ahead
mutant scan-listing-fails-early core/profile/scan.c 's/^        scan->all_listed = !another;/        scan->all_listed = !another; if (scan->list_failed.code) return *err = scan->list_failed, err->code;/' \
    unit/profile/test_scan_ahead
mutant scan-listing-error-lost core/profile/scan.c 's/\*err = scan->list_failed;/(void)err;/' unit/profile/test_scan
mutant scan-counts-the-unopened core/profile/scan.c 's/if \(scan->fetched->opened\)/if (true)/' unit/profile/test_scan_ahead
mutant scan-readers-not-told core/profile/scan.c 's/ahead_grow\(scan->spec\.ahead, scan->listed\)/(void)0/' unit/profile/test_scan_ahead
mutant query-ahead-of-a-near-store backends/query_sqlite.c 's/out->store->caps\.remote &&/true \&\&/' unit/backends/test_query_far
mutant query-readers-not-kept backends/query_sqlite.c 's/handle->store && q->nidle < QUERY_IDLE_MAX/false/' unit/backends/test_query_far
mutant scan-loses-the-record-ahead core/profile/scan.c 's/while \(scan->event != CSV_END && !batch_full\(batch\)\)/while (scan->event != CSV_END \&\& batch->rows + 1 < batch->max_rows)/' \
    unit/profile/test_scan

# --- many workers at once
simulated no-fence backends/sink_mem.c 's/^    \(void\)!mem_extend_claim\(m, load->hour.*/    (void)m;/'
simulated epoch-not-raised backends/sink_mem_books.c 's/^        c->row\.epoch\+\+;//'
simulated claim-given-back-by-a-stranger backends/sink_mem_books.c 's/holds\(claim_at\(m->work, i\), row->owner, row->epoch\)/true/'
simulated lease-by-the-workers-clock core/load/claim.c \
    's/claim_owner_is_dead\(out->row\.owner\)/out->row.lease_until_us < clock_wall_us(sink->clock)/'
simulated rows-before-their-ledger-row core/load/load.c '
    s/(begin\(w, err\) != ERR_OK \|\| )insert_rows/\1append_rows/
    s/^( +)append_rows(\(w, item, err\) != ERR_OK \|\| append_rejects)/\1insert_rows\2/'
simulated in-doubt-is-success core/load/load.c \
    's/if \(sink_commit\(load, err\) != ERR_OK\)/if (sink_commit(load, err) == ERR_IN_DOUBT) err_clear(err); else if (err->code)/'
simulated resent-under-another-key core/load/load.c \
    's/(replaces \|= .*replace_id != 0);/\1, item->rows[i].chunk += clock_mono_us(w->loader->job->clock) % 1000;/'
simulated replace-keeps-the-old-rows backends/sink_mem_books.c 's/deleted \+= mem_delete_rows\(m, id\);/deleted = owed;/'
simulated collision-is-success core/load/run_unit.c 's/look_again\(w, \*unit, started_us, &left, err\) == ERR_OK/true/'
simulated stop-is-failure core/load/run_unit.c '
    /if \(passing && job_check_stop/{n;s/true/false/}
    s/if \(passing && job_check_stop\(w->job, err\) != ERR_OK\)/if (passing \&\& w->job->stop \&\& atomic_load(w->job->stop))/'
simulated push-wakes-nobody core/load/channel.c '/^enum err_code channel_push/,/^}/s/monitor_wake\(c->monitor\);/;/'
simulated file-removed-before-the-load core/queue/worker.c 's/^    \*taken = true;/    *taken = true; (void)!queue_remove(w->queue, hour, err);/'
simulated claim-not-asked-for-before-the-removal core/queue/worker.c \
    's/sink_claim_renew\(claim->sink, row->hour, row->owner, row->epoch, err\) != ERR_OK \|\|/row->epoch < 0 ||/'
simulated not-listed-again core/queue/worker.c 's/\*moved = now\.listed != listed;/*moved = false;/'
simulated only-new-objects-put-the-file-back core/queue/worker.c 's/\*moved = now\.listed != listed;/*moved = plan.objects > 0;/'
simulated attempts-not-counted core/queue/worker.c 's/^    outcome->attempts = claim->row\.attempts \+ 1;/    outcome->attempts = claim->row.attempts;/'
simulated takeovers-not-counted core/queue/worker.c 's/if \(claim\.row\.takeovers >= WORKER_TAKEOVERS\)/if (false)/'
simulated failed-hour-blocks-the-next core/queue/worker.c \
    's/while \(w->at < w->backlog\.n\)/while (w->at < w->backlog.n \&\& w->backlog.items[w->at].class != BACKLOG_FAILED)/'
simulated left-claim-is-no-work core/queue/backlog.c 's/item->file \|\| left \|\|/item->file ||/'
simulated retry-without-a-file-is-no-work core/queue/backlog.c 's/ \|\| \(claim && claim->before == HOUR_RETRYING\)\)/)/'

echo "$mutants mutants, $caught caught"
[ "$mutants" = "$caught" ]
