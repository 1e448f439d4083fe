/* Batches in the queue: stages, dependencies, and how a batch is stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/queue_batch_steps.h"
#include "tests/support/queue_group.h"

#define assert_batch(was) assert_string_equal(step_batch_state(&fixture, "b"), was)
#define RUNS_MAX          8

static int setup(void **state)
{
    step_worker_new();
    return queue_test_setup(state);
}

#define BATCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, queue_test_teardown)

static const char *const ids[RUNS_MAX] = {"0", "1", "2", "3", "4", "5", "6", "7"};

/* A shape is a word for each run: its stage, then what it depends on: "0 0 1:0 1:0,1". */
static void expanded(const char *shape, bool abort)
{
    const struct queue_hold hold = step_resolving(&fixture);
    AUTO(auto_free) char *text = mem_dup(shape);
    struct batch_run runs[RUNS_MAX];
    size_t count = 0;
    char *rest = text;

    for (char *word; (word = strsep(&rest, " ")) != NULL; count++) {
        assert_true(count < RUNS_MAX);
        runs[count] = step_run(ids[count], word[0] - '0', word[1] == ':' ? word + 2 : "");
    }
    assert_int_equal(step_expand(&fixture, &hold, runs, count, abort), HOLD_DONE);
}

/* The runs' statuses, a letter each: q d r o c e x (cancelled). */
static const char *statuses(void)
{
    static char letters[RUNS_MAX + 1];
    size_t count = 0;

    for (; count < RUNS_MAX; count++) {
        const char *status = step_status(&fixture, ids[count]);

        if (strcmp(status, "none") == 0)
            break;
        letters[count] = strcmp(status, "cancelled") == 0 ? 'x' : status[0];
    }
    letters[count] = '\0';
    return letters;
}

static void end_as(const char *id, char how)
{
    assert_int_equal(step_end(&fixture, id, how == 'c' ? RUN_CLEAN : RUN_ERROR),
                     HOLD_DONE);
}

/* `events`: a run and how it ends, each; afterwards every run's status. */
static void stages_follow_one_another_as_their_runs_end(void **state)
{
    static const struct {
        const char *shape;
        bool abort;
        const char *events, *statuses, *batch;
    } rows[] = {
        {"0 1", false, "", "qd", "running 2 2 0 0"},
        {"0 1", false, "0c", "cq", "running 2 1 1 0"},
        {"0 1", false, "0c1c", "cc", "success 2 0 2 0"},
        {"0 0 1", false, "0c", "crd", "running 3 2 1 0"},
        {"0 0 1", false, "0c1c", "ccq", "running 3 1 2 0"},
        {"1 0", false, "1c", "qc", "running 2 1 1 0"},
        {"2 0 1", false, "1c", "dcq", "running 3 2 1 0"},
        {"2 0 1", false, "1c2c0c", "ccc", "success 3 0 3 0"},
        /* a failure alone stops nobody that does not depend on it */
        {"0 1", false, "0e", "eq", "running 2 1 0 1"},
        {"0 1", false, "0e1c", "ec", "partial 2 0 1 1"},
        {"0 0 1:0 1:1", false, "0e1c", "ecxq", "running 4 1 1 2"},
        {"0 0 1:0 1:1", false, "0e1c3c", "ecxc", "partial 4 0 2 2"},
        {"0 0 1:0,1", false, "0c1e", "cex", "partial 3 0 1 2"},
        {"0 0 1:1,0", false, "1c0c", "ccq", "running 3 1 2 0"},
        /* what depends on what depends on a failure */
        {"0 1:0 2:1", false, "0e", "exx", "failed 3 0 0 3"},
        {"0 1:0 2:1 2", false, "0e", "exxq", "running 4 1 0 3"},
        {"0 1:0 2:1 2", false, "0e3c", "exxc", "partial 4 0 1 3"},
        {"0 1 2:0", false, "0e1c", "ecx", "partial 3 0 1 2"},
        {"0 1 2:1", false, "0e1c", "ecq", "running 3 1 1 1"},
        /* abort: what of the failing stage runs goes on, what comes later does not */
        {"0 0 1 2", true, "0e", "erdd", "running 4 3 0 1"},
        {"0 0 1 2", true, "0e1c", "ecxx", "partial 4 0 1 3"},
        {"0 1 2 3", true, "0c1e", "cexx", "partial 4 0 1 3"},
        {"0 1 2 3", true, "0e", "exxx", "failed 4 0 0 4"},
        {"0 1 2", true, "0c1c2c", "ccc", "success 3 0 3 0"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(setup(state), 0);
        expanded(rows[i].shape, rows[i].abort);
        for (const char *at = rows[i].events; at[0] != '\0'; at += 2)
            end_as(ids[at[0] - '0'], at[1]);
        if (strcmp(statuses(), rows[i].statuses) != 0)
            fail_msg("%s, %s: %s", rows[i].shape, rows[i].events, statuses());
        assert_batch(rows[i].batch);
        assert_int_equal(step_fsck(&fixture), 0);
    }
}

static void a_run_whose_stage_has_come_is_woken_for(void **state)
{
    (void)state;
    expanded("0 1", false);
    step_claim_all(&fixture);
    ask("DEL wake");
    end_as("0", 'c');
    assert_string_equal(ask("ZCARD wake"), "1");
    assert_string_equal(ask("ZCARD delayed"), "0");
    assert_string_equal(ask("HGET waiting "), "1");
    assert_string_equal(ask("EXISTS batch_later:b"), "0");
}

static void why_a_run_was_not_started_is_said(void **state)
{
    (void)state;
    expanded("0 1:0 1", false);
    end_as("0", 'e');
    assert_non_null(strstr(ask("HGET run:1 error_message"), "depends on"));
    assert_int_equal(setup(state), 0);
    expanded("0 1", true);
    end_as("0", 'e');
    assert_non_null(strstr(ask("HGET run:1 error_message"), "execution group"));
}

static void a_retried_run_holds_up_its_stage(void **state)
{
    struct queue_hold hold;

    (void)state;
    expanded("0 0 1", false);
    step_claim_all(&fixture);
    hold = step_hold_of("0");
    step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE);
    end_as("1", 'c');
    assert_string_equal(statuses(), "dcd");
    queue_fixture_advance(&fixture, 60000);
    assert_int_equal(step_promote(&fixture), 1);
    end_as("0", 'c');
    assert_string_equal(statuses(), "ccq");
}

/* What ends before its stage has come is no end of the stage that is there. */
static void a_later_run_that_is_cancelled_ends_no_earlier_stage(void **state)
{
    (void)state;
    expanded("0 1 1 2", true);
    step_claim_all(&fixture);
    assert_int_equal(step_cancel(&fixture, "1", false), CANCEL_DONE);
    assert_string_equal(statuses(), "rxdd");
    assert_batch("running 4 3 0 1");
    end_as("0", 'c');
    assert_string_equal(statuses(), "cxqd");
    end_as("2", 'c');
    assert_string_equal(statuses(), "cxcx"); /* a run of the stage before it failed */
    assert_batch("partial 4 0 2 2");
}

static void a_stage_whose_runs_were_all_cancelled_is_passed(void **state)
{
    (void)state;
    expanded("0 1 2 3:1", false);
    step_claim_all(&fixture);
    step_cancel(&fixture, "1", false);
    end_as("0", 'c');
    assert_string_equal(statuses(), "cxqd");
    end_as("2", 'c');
    assert_string_equal(statuses(), "cxcx");
    assert_batch("partial 4 0 2 2");
}

/* ---- cancel ---- */
static void a_batch_that_waits_is_cancelled_at_once(void **state)
{
    const struct batch_open open = step_batch();

    (void)state;
    step_batch_open(&fixture, &open);
    assert_int_equal(step_cancel(&fixture, "b", false), CANCEL_DONE);
    assert_batch("cancelled 0 0 0 0");
    assert_status("r", "cancelled");
    assert_int_equal(step_claim_all(&fixture), 0);
    assert_int_equal(step_cancel(&fixture, "b", false), CANCEL_ENDED);
}

static void a_batch_that_is_resolved_is_asked_to_stop(void **state)
{
    const struct batch_run run = step_run("0", 0, "");
    const struct queue_hold hold = step_resolving(&fixture);

    (void)state;
    assert_int_equal(step_cancel(&fixture, "b", false), CANCEL_ASKED);
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).cancel_level, 1);
    assert_int_equal(step_expand(&fixture, &hold, &run, 1, false), HOLD_CANCELLED);
    assert_batch("running 0 0 0 0");
    step_finish(&fixture, &hold, RUN_CANCELLED);
    assert_batch("cancelled 0 0 0 0");
}

static void the_runs_of_a_batch_are_stopped_wherever_they_are(void **state)
{
    struct queue_hold hold;

    (void)state;
    expanded("0 0 0 1 2", false);
    step_claim_all(&fixture);
    hold = step_hold_of("0");
    step_release(&fixture, &hold);
    end_as("2", 'c');
    hold = step_hold_of("1");
    step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE);
    assert_int_equal(step_claim(&fixture, "w", "n").run_id[0], '\0');
    assert_string_equal(statuses(), "rdcdd");
    assert_int_equal(step_cancel(&fixture, "b", false), CANCEL_ASKED);
    assert_string_equal(statuses(), "rxcxx");
    assert_batch("running 5 1 1 3");
    hold = step_hold_of("0");
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).cancel_level, 1);
    assert_string_equal(ask("HGET run:0 cancel_by"), "token");
    assert_int_equal(step_cancel(&fixture, "b", true), CANCEL_ASKED);
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).cancel_level, 2);
    assert_int_equal(step_cancel(&fixture, "b", false), CANCEL_ASKED);
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).cancel_level, 2);
    assert_string_equal(ask("HGET batch:b cancel"), "2");
    step_finish(&fixture, &hold, RUN_CLEAN);
    assert_status("0", "cancelled");
    assert_batch("cancelled 5 0 1 4");
}

static void no_later_stage_begins_in_a_batch_that_is_stopped(void **state)
{
    long events;

    (void)state;
    expanded("0 1 2", false);
    events = strtol(ask("XLEN events"), NULL, 10);
    assert_int_equal(step_cancel(&fixture, "b", false), CANCEL_DONE);
    /* the level, three ends, the batch's: nobody hears of a run that waits */
    assert_int_equal(strtol(ask("XLEN events"), NULL, 10), events + 5);
    assert_string_equal(statuses(), "xxx");
    assert_batch("cancelled 3 0 0 3");
    assert_string_equal(ask("HGET waiting "), "0");
    assert_string_equal(ask("ZCARD delayed"), "0");
    for (const char *const *id = ids; id < ids + 3; id++)
        assert_string_equal(ask("HGET run:%s cancel_by", *id), "token");
}

static void an_apply_that_goes_on_keeps_its_outcome_in_a_stopped_batch(void **state)
{
    struct batch_run run = step_run("0", 0, "");
    struct queue_hold hold = step_resolving(&fixture);

    (void)state;
    run.kind = RUN_APPLY;
    step_expand(&fixture, &hold, &run, 1, false);
    step_claim_all(&fixture);
    hold = step_hold_of("0");
    step_mark(&fixture, &hold);
    assert_int_equal(step_cancel(&fixture, "b", false), CANCEL_ASKED);
    step_finish(&fixture, &hold, RUN_APPLIED);
    assert_status("0", "applied");
    assert_batch("cancelled 1 0 1 0");
}

static void a_cancel_of_a_batch_sent_again_gets_the_same_answer(void **state)
{
    const struct batch_open open = step_batch();
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    (void)state;
    step_batch_open(&fixture, &open);
    queue_cancel(&cmd, FIXTURE_PREFIX, "b", false, "token");
    for (int i = 0; i < 2; i++) {
        AUTO(redis_reply_free)
        struct redisReply *reply = queue_fixture_send(&fixture, &cmd);

        assert_string_equal(redis_reply_text(reply), "done");
    }
}

static void a_batch_that_has_ended_stays_as_it_is(void **state)
{
    (void)state;
    expanded("0", false);
    end_as("0", 'c');
    assert_int_equal(step_cancel(&fixture, "b", true), CANCEL_ENDED);
    assert_batch("success 1 0 1 0");
    assert_string_equal(ask("HGET batch:b cancel"), "0");
    assert_int_equal(step_cancel(&fixture, "no such", false), CANCEL_UNKNOWN);
}

static void a_stop_that_is_asked_for_is_an_event_of_the_batch(void **state)
{
    char version[64];

    (void)state;
    expanded("0", false);
    step_claim_all(&fixture);
    snprintf(version, sizeof version, "%s", ask("HGET batch:b version"));
    step_cancel(&fixture, "b", false);
    assert_string_not_equal(ask("HGET batch:b version"), version);
    snprintf(version, sizeof version, "%s", ask("HGET batch:b version"));
    step_cancel(&fixture, "b", false);
    assert_string_equal(ask("HGET batch:b version"), version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BATCH_TEST(stages_follow_one_another_as_their_runs_end),
        BATCH_TEST(a_run_whose_stage_has_come_is_woken_for),
        BATCH_TEST(why_a_run_was_not_started_is_said),
        BATCH_TEST(a_retried_run_holds_up_its_stage),
        BATCH_TEST(a_later_run_that_is_cancelled_ends_no_earlier_stage),
        BATCH_TEST(a_stage_whose_runs_were_all_cancelled_is_passed),
        BATCH_TEST(a_batch_that_waits_is_cancelled_at_once),
        BATCH_TEST(a_batch_that_is_resolved_is_asked_to_stop),
        BATCH_TEST(the_runs_of_a_batch_are_stopped_wherever_they_are),
        BATCH_TEST(no_later_stage_begins_in_a_batch_that_is_stopped),
        BATCH_TEST(an_apply_that_goes_on_keeps_its_outcome_in_a_stopped_batch),
        BATCH_TEST(a_cancel_of_a_batch_sent_again_gets_the_same_answer),
        BATCH_TEST(a_batch_that_has_ended_stays_as_it_is),
        BATCH_TEST(a_stop_that_is_asked_for_is_an_event_of_the_batch),
    };

    return cmocka_run_group_tests_name("queue_batch_stage", tests, queue_group_setup,
                                       queue_group_teardown);
}
