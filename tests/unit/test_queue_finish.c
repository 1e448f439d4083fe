/* The queue: how a run ends, with its result and its live output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/queue/queue_log.h"
#include "tests/support/queue_group.h"

static struct queue_hold running(enum run_kind kind)
{
    return step_running(&fixture, "r1", kind);
}

static struct queue_hold with_nonce(struct queue_hold hold, const char *nonce)
{
    snprintf(hold.nonce, sizeof hold.nonce, "%s", nonce);
    return hold;
}

/* ---- finish ---- */
static void a_finish_stores_the_result_and_frees_the_target(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct enqueue next = step_check("r2");
    const struct finish result = {.status = RUN_DRIFT_DETECTED,
                                  .exit_code = 2,
                                  .commit = "abc",
                                  .summary = "{\"toAdd\":1}",
                                  .output_truncated = true,
                                  .output = "out",
                                  .output_len = 3,
                                  .log = "logs",
                                  .log_len = 4,
                                  .metadata = "{}",
                                  .metadata_len = 2,
                                  .drift_repo = "repo",
                                  .drift_field = "t|main",
                                  .drift_record = "{\"drift\":1}"};

    (void)state;
    step_enqueue(&fixture, &next);
    queue_fixture_advance(&fixture, 10);
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
    assert_status("r1", "drift_detected");
    assert_string_equal(ask("HGET run:r1 exit"), "2");
    assert_string_equal(ask("HGET run:r1 commit"), "abc");
    assert_string_equal(ask("HGET run:r1 truncated"), "1");
    assert_int_equal(strtoll(ask("HGET run:r1 ended"), NULL, 10), fixture.now_ms);
    assert_string_equal(ask("HGET result:r1 output"), "out");
    assert_string_equal(ask("HGET meta result_bytes"), "7");
    assert_string_equal(ask("HGET drift:repo t|main"), "{\"drift\":1}");
    assert_string_equal(ask("HGET last:s good"), "r1");
    assert_string_equal(ask("HGET last:s ended"), "r1");
    assert_string_equal(ask("HGET last:s newest"), "r2");
    assert_string_equal(ask("ZCARD leases"), "0");
    assert_string_equal(step_claim(&fixture, "w", "m").run_id, "r2");
}

static void a_finish_sent_again_changes_nothing(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct finish result = {.status = RUN_CLEAN, .output = "out", .output_len = 3};
    char version[64];

    (void)state;
    step_finish_with(&fixture, &hold, &result);
    snprintf(version, sizeof version, "%s", ask("HGET run:r1 version"));
    queue_fixture_advance(&fixture, 10);
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
    assert_string_equal(ask("HGET meta result_bytes"), "3");
    assert_string_equal(ask("HGET run:r1 version"), version);
}

static void who_does_not_hold_a_run_cannot_finish_it(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    struct queue_hold other = with_nonce(hold, "other");
    struct queue_hold empty = hold;

    (void)state;
    empty.fence[0] = '\0';
    assert_int_equal(step_finish(&fixture, &other, RUN_CLEAN), HOLD_GONE);
    assert_int_equal(step_finish(&fixture, &empty, RUN_CLEAN), HOLD_GONE);
    assert_status("r1", "running");
    step_release(&fixture, &hold);
    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_GONE);
    assert_status("r1", "queued");
}

static void an_error_moves_ended_but_not_good(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct finish failed = {.status = RUN_ERROR,
                                  .error_code = "STATE_LOCKED",
                                  .error_message = "locked",
                                  .drift_repo = "repo",
                                  .drift_field = "f",
                                  .drift_record = "{\"error\":1}"};

    (void)state;
    step_finish(&fixture, &hold, RUN_CLEAN);
    ask("HSET drift:repo f good");
    hold = step_running(&fixture, "r2", RUN_DRIFT_CHECK);
    step_finish_with(&fixture, &hold, &failed);
    assert_string_equal(ask("HGET last:s good"), "r1");
    assert_string_equal(ask("HGET last:s ended"), "r2");
    assert_string_equal(ask("HGET run:r2 error_code"), "STATE_LOCKED");
    assert_string_equal(ask("HGET drift:repo f"), "good");
    assert_string_equal(ask("HGET drift:repo f|error"), "{\"error\":1}");
}

static void what_a_refused_reconcile_found_is_a_good_record(void **state)
{
    static const char *const codes[] = {"DESTROY_REFUSED", "PROTECTED"};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        const struct finish refused = {.status = RUN_ERROR,
                                       .error_code = codes[i],
                                       .drift_repo = "repo",
                                       .drift_field = "f",
                                       .drift_record = "{\"drift\":1}",
                                       .found = true};
        struct queue_hold hold;

        assert_int_equal(queue_test_setup(state), 0);
        hold = running(RUN_RECONCILE);
        ask("HSET drift:repo f good f|error old");
        assert_int_equal(step_finish_with(&fixture, &hold, &refused), HOLD_DONE);
        assert_status("r1", "error");
        assert_string_equal(ask("HGET drift:repo f"), "{\"drift\":1}");
        assert_string_equal(ask("HEXISTS drift:repo f|error"), "0");
    }
}

/* What the next claim of the scope is told. */
static int64_t claimed_resources(const char *run_id, const char *pkey)
{
    const struct enqueue req = step_check(run_id);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(claimed_done) struct claimed claimed = {0};
    struct redis_cmd cmd;
    struct err err;

    step_enqueue(&fixture, &req);
    ask("HSET run:%s pkey %s", run_id, pkey);
    queue_claim(&cmd, FIXTURE_PREFIX, "w", run_id);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_claim_reply(reply, run_id, &claimed, &err), 0);
    step_finish(&fixture, &claimed.hold, RUN_CLEAN);
    return claimed.resources;
}

static void what_was_counted_in_a_state_is_told_to_the_next_run(void **state)
{
    struct finish counted = {.status = RUN_CLEAN, .counted = true, .resources = 7};
    struct queue_hold hold = running(RUN_DRIFT_CHECK);

    (void)state;
    ask("HSET run:r1 pkey p");
    step_finish_with(&fixture, &hold, &counted);
    assert_int_equal(claimed_resources("r2", "p"),
                     7); /* its own finish counted nothing */
    assert_int_equal(claimed_resources("r3", "p"), 7);
    hold = step_running(&fixture, "r4", RUN_RECONCILE);
    ask("HSET run:r4 pkey p");
    counted = (struct finish){.status = RUN_APPLIED, .counted = true};
    step_finish_with(&fixture, &hold, &counted);
    assert_int_equal(claimed_resources("r5", "p"), 0);
}

static void outside_of_projects_nobody_counts(void **state)
{
    const struct finish counted = {
        .status = RUN_APPLIED, .counted = true, .resources = 7};
    struct queue_hold hold = running(RUN_APPLY);

    (void)state;
    step_finish_with(&fixture, &hold, &counted);
    assert_string_equal(ask("HEXISTS last:s resources"), "0");
    ask("HSET last:s resources 7");
    assert_int_equal(claimed_resources("r2", ""), 0);
}

static void a_good_check_takes_the_error_off_the_record(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct finish good = {.status = RUN_CLEAN,
                                .drift_repo = "repo",
                                .drift_field = "f",
                                .drift_record = "{}"};

    (void)state;
    ask("HSET drift:repo f|error old");
    step_finish_with(&fixture, &hold, &good);
    assert_string_equal(ask("HGET drift:repo f|error"), "");
    assert_string_equal(ask("HGET drift:repo f"), "{}");
}

static void a_cancelled_check_is_never_shown_as_clean(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct finish clean = {.status = RUN_CLEAN,
                                 .drift_repo = "repo",
                                 .drift_field = "f",
                                 .drift_record = "{}"};

    (void)state;
    step_cancel(&fixture, "r1", false);
    assert_int_equal(step_finish_with(&fixture, &hold, &clean), HOLD_DONE);
    assert_status("r1", "cancelled");
    assert_string_equal(ask("HGET last:s ended"), "");
    assert_string_equal(ask("HGET drift:repo f"), "");
}

static void a_marked_apply_keeps_its_outcome_although_cancelled(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);

    (void)state;
    step_mark(&fixture, &hold);
    step_cancel(&fixture, "r1", true);
    assert_int_equal(step_finish(&fixture, &hold, RUN_APPLIED), HOLD_DONE);
    assert_status("r1", "applied");
}

static void what_never_was_there_is_no_project_that_fails(void **state)
{
    static const struct {
        const char *project, *before, *code, *error;
    } rows[] = {
        {"", "", "DIRECTORY_NOT_FOUND", "0"},  {"", "", "REF_NOT_FOUND", "0"},
        {"", "", "TERRAFORM_FAILED", "1"},     {"", "good", "DIRECTORY_NOT_FOUND", "1"},
        {"p", "", "DIRECTORY_NOT_FOUND", "1"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct finish failed = {.status = RUN_ERROR,
                                      .error_code = rows[i].code,
                                      .drift_repo = "repo",
                                      .drift_field = "f",
                                      .drift_record = "{}"};
        struct queue_hold hold;

        assert_int_equal(queue_test_setup(state), 0);
        hold = running(RUN_DRIFT_CHECK);
        if (rows[i].project[0] != '\0')
            ask("HSET run:r1 pkey %s", rows[i].project);
        if (rows[i].before[0] != '\0')
            ask("HSET drift:repo f good");
        assert_int_equal(step_finish_with(&fixture, &hold, &failed), HOLD_DONE);
        assert_string_equal(ask("HEXISTS drift:repo f|error"), rows[i].error);
    }
}

static void nobody_ends_cancelled_without_a_cancel(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);
    const struct finish result = {
        .status = RUN_CANCELLED, .output = "x", .output_len = 1};
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    queue_finish(&cmd, FIXTURE_PREFIX, &hold, &result);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "cancel"));
    assert_status("r1", "running");
    assert_string_equal(ask("EXISTS result:r1"), "0");
}

static void a_move_that_the_table_does_not_have_writes_nothing(void **state)
{
    struct queue_hold hold = running(RUN_PLAN);
    const struct finish result = {.status = RUN_SKIPPED, .output = "x", .output_len = 1};
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    queue_finish(&cmd, FIXTURE_PREFIX, &hold, &result);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err),
                           "may not move from running to skipped"));
    assert_status("r1", "running");
    assert_string_equal(ask("EXISTS result:r1"), "0");
    assert_string_equal(ask("XLEN events"), "2");
}

static void a_long_message_is_cut_not_refused(void **state)
{
    AUTO(auto_free) char *message = mem_new(1, 2 * QUEUE_SUMMARY_BYTES);
    struct queue_hold hold = running(RUN_PLAN);
    const struct finish result = {
        .status = RUN_ERROR, .error_code = "TIMEOUT", .error_message = message};

    (void)state;
    memset(message, 'm', 2 * QUEUE_SUMMARY_BYTES - 1);
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
    assert_int_equal(strtol(ask("HSTRLEN run:r1 error_message"), NULL, 10),
                     QUEUE_SUMMARY_BYTES);
}

/* ---- live output ---- */
static enum hold_outcome append(const struct queue_hold *hold, int64_t attempt,
                                int64_t offset, const char *text)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum hold_outcome out;
    struct redis_cmd cmd;
    struct err err;

    queue_log_append(&cmd, FIXTURE_PREFIX, hold, attempt, offset, text, strlen(text));
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_hold_reply(reply, &out, &err), 0);
    return out;
}

/* "<attempt>-<offset> <bytes>|…" of what is there from that place on. */
static void expect_log(int64_t attempt, int64_t offset, const char *wanted)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(buf_done) struct buf seen = BUF_INIT(1024);
    const struct log_place from = {attempt, offset};
    struct log_entry entry;
    struct redis_cmd cmd;

    queue_get_log_from(&cmd, FIXTURE_PREFIX, "r1", &from, 10);
    reply = queue_fixture_call(&fixture, &cmd);
    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        assert_true(queue_log_entry(redis_reply_at(reply, i), &entry));
        buf_fmt(&seen, "%" PRId64 "-%" PRId64 " %.*s|", entry.at.attempt, entry.at.offset,
                (int)entry.len, entry.bytes);
    }
    assert_string_equal(buf_text(&seen), wanted);
}

static void live_output_is_stored_once_in_order_and_goes_after_the_end(void **state)
{
    const struct finish result = {.status = RUN_CLEAN, .log = "logs", .log_len = 4};
    struct queue_hold hold = running(RUN_PLAN);

    (void)state;
    assert_int_equal(append(&hold, 1, 0, "line."), HOLD_DONE);
    assert_int_equal(append(&hold, 1, 0, "line."), HOLD_DONE);
    assert_int_equal(append(&hold, 1, 5, "next."), HOLD_DONE);
    expect_log(1, 0, "1-0 line.|1-5 next.|");
    expect_log(1, 1, "1-5 next.|");
    step_finish_with(&fixture, &hold, &result);
    assert_int_equal(append(&hold, 1, 10, "late."), HOLD_GONE);
    assert_in_range(strtol(ask("PTTL log:r1"), NULL, 10), 590000, 600000);
}

static void live_output_stays_where_no_log_was_stored(void **state)
{
    struct queue_hold hold = running(RUN_PLAN);

    (void)state;
    append(&hold, 1, 0, "line.");
    step_finish(&fixture, &hold, RUN_CLEAN);
    assert_string_equal(ask("PTTL log:r1"), "-1");
    expect_log(1, 0, "1-0 line.|");
}

static void live_output_that_is_cut_elsewhere_is_stored_once(void **state)
{
    struct queue_hold hold = running(RUN_PLAN);

    (void)state;
    append(&hold, 1, 0, "line.");
    append(&hold, 1, 5, "next.");
    append(&hold, 1, 0, "line.next.third.");
    expect_log(1, 0, "1-0 line.|1-5 next.|1-10 third.|");
    append(&hold, 1, 8, "t.th");
    append(&hold, 1, 16, "end.");
    expect_log(1, 10, "1-10 third.|1-16 end.|");
}

static void
live_output_of_an_attempt_goes_when_the_one_after_the_next_begins(void **state)
{
    struct queue_hold hold = running(RUN_PLAN);

    (void)state;
    append(&hold, 1, 0, "one.");
    append(&hold, 2, 0, "two.");
    append(&hold, 2, 4, "more.");
    expect_log(1, 0, "1-0 one.|2-0 two.|2-4 more.|");
    append(&hold, 3, 0, "three.");
    expect_log(0, 0, "2-0 two.|2-4 more.|3-0 three.|");
}

/* ---- what was read of the repository ---- */
static void finish_check(const char *run_id, const char *project, enum run_status status,
                         const char *reads)
{
    struct enqueue req = step_check(run_id);
    const struct finish result = {
        .status = status, .error_code = "TIMEOUT", .error_message = "", .reads = reads};
    struct queue_hold hold;

    req.project_id = project;
    req.max_queued_project = 10;
    step_enqueue(&fixture, &req);
    hold = step_claim(&fixture, "w", run_id);
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
}

static void what_a_good_check_read_is_kept_until_the_next(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    (void)state;
    finish_check("r1", "p", RUN_CLEAN, "env\nmodules/a");
    queue_get_reads(&cmd, FIXTURE_PREFIX, "s");
    reply = queue_fixture_call(&fixture, &cmd);
    assert_string_equal(redis_reply_text(reply), "env\nmodules/a");
    finish_check("r2", "p", RUN_ERROR, NULL);
    assert_string_equal(ask("HGET last:s reads"), "env\nmodules/a");
    finish_check("r3", "p", RUN_DRIFT_DETECTED, "env");
    assert_string_equal(ask("HGET last:s reads"), "env");
    finish_check("r4", "p", RUN_CLEAN, NULL);
    assert_string_equal(ask("HEXISTS last:s reads"), "0");
    assert_string_equal(ask("HGET last:s good"), "r4");
}

static void what_is_no_workspace_keeps_nothing_of_it(void **state)
{
    (void)state;
    finish_check("r1", NULL, RUN_CLEAN, "env");
    assert_string_equal(ask("HEXISTS last:s reads"), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_finish_stores_the_result_and_frees_the_target),
        QUEUE_TEST(a_finish_sent_again_changes_nothing),
        QUEUE_TEST(who_does_not_hold_a_run_cannot_finish_it),
        QUEUE_TEST(an_error_moves_ended_but_not_good),
        QUEUE_TEST(what_a_refused_reconcile_found_is_a_good_record),
        QUEUE_TEST(what_never_was_there_is_no_project_that_fails),
        QUEUE_TEST(what_was_counted_in_a_state_is_told_to_the_next_run),
        QUEUE_TEST(outside_of_projects_nobody_counts),
        QUEUE_TEST(a_good_check_takes_the_error_off_the_record),
        QUEUE_TEST(a_cancelled_check_is_never_shown_as_clean),
        QUEUE_TEST(a_marked_apply_keeps_its_outcome_although_cancelled),
        QUEUE_TEST(nobody_ends_cancelled_without_a_cancel),
        QUEUE_TEST(a_move_that_the_table_does_not_have_writes_nothing),
        QUEUE_TEST(a_long_message_is_cut_not_refused),
        QUEUE_TEST(what_a_good_check_read_is_kept_until_the_next),
        QUEUE_TEST(what_is_no_workspace_keeps_nothing_of_it),
        QUEUE_TEST(live_output_is_stored_once_in_order_and_goes_after_the_end),
        QUEUE_TEST(live_output_stays_where_no_log_was_stored),
        QUEUE_TEST(live_output_that_is_cut_elsewhere_is_stored_once),
        QUEUE_TEST(live_output_of_an_attempt_goes_when_the_one_after_the_next_begins),
    };

    return cmocka_run_group_tests_name("queue_finish", tests, queue_group_setup,
                                       queue_group_teardown);
}
