/* The queue: coming in, being claimed, being cancelled, and being read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/registry.h"
#include "common/scripts.h"
#include "tests/support/queue_steps.h"

static struct queue_fixture fixture;

#define ask(...)               queue_fixture_ask(&fixture, __VA_ARGS__)
#define assert_status(id, was) assert_string_equal(step_status(&fixture, id), was)

static int group_setup(void **state)
{
    (void)state;
    queue_fixture_start(&fixture);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    queue_fixture_stop(&fixture);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    queue_fixture_reset(&fixture);
    return 0;
}

/* After each test nothing may be left that fsck would repair. */
static int teardown(void **state)
{
    (void)state;
    return step_fsck(&fixture) == 0 ? 0 : -1;
}

/* ---- enqueue ---- */
static void a_new_run_is_queued_and_its_target_ready(void **state)
{
    const struct enqueue req = step_check("r1");

    (void)state;
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
    assert_status("r1", "queued");
    assert_string_equal(ask("ZSCORE q:t r1"), "1");
    assert_int_equal(strtoll(ask("ZSCORE ready t"), NULL, 10),
                     fixture.now_ms - run_trigger_credit_ms(TRIGGER_API));
    assert_string_equal(ask("HGET last:s newest"), "r1");
    assert_string_equal(ask("HGET waiting "), "1");
    assert_string_equal(ask("ZCARD wake"), "1");
    assert_string_equal(ask("XLEN events"), "1");
}

static void the_same_call_sent_again_finds_its_own_run(void **state)
{
    const struct enqueue req = step_check("r1");
    struct enqueued again;

    (void)state;
    step_enqueue(&fixture, &req);
    again = step_enqueued(&fixture, &req);
    assert_int_equal(again.outcome, ENQUEUE_REPLAYED);
    assert_string_equal(again.run_id, "r1");
    assert_string_equal(ask("ZCARD q:t"), "1");
}

static void an_idempotency_key_gives_the_same_run_to_another_call(void **state)
{
    struct enqueue req = step_check("r1");
    struct enqueued again;

    (void)state;
    req.idem = "key";
    req.idem_body = "body one";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
    req.run_id = "r2";
    again = step_enqueued(&fixture, &req);
    assert_int_equal(again.outcome, ENQUEUE_REPLAYED);
    assert_string_equal(again.run_id, "r1");
    assert_status("r2", "none");
    assert_true(strtol(ask("PTTL idem:key"), NULL, 10) > 86390000);
}

static void an_idempotency_key_with_another_body_is_a_mismatch(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.idem = "key";
    req.idem_body = "one";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    req.idem_body = "two";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_IDEM_MISMATCH);
    assert_status("r2", "none");
}

static void an_equal_check_joins_the_queued_one_and_remembers_it(void **state)
{
    struct enqueue req = step_check("r1");
    struct enqueued joined;

    (void)state;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    joined = step_enqueued(&fixture, &req);
    assert_int_equal(joined.outcome, ENQUEUE_COALESCED);
    assert_true(joined.coalesced);
    assert_string_equal(joined.run_id, "r1");
    step_claim(&fixture, "w", "n");
    joined = step_enqueued(&fixture, &req);
    assert_int_equal(joined.outcome, ENQUEUE_REPLAYED);
    assert_true(joined.coalesced);
    assert_string_equal(joined.run_id, "r1");
}

static void a_check_that_joins_binds_its_idempotency_key(void **state)
{
    struct enqueue req = step_check("r1");
    struct enqueued again;

    (void)state;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    req.idem = "key";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_COALESCED);
    step_claim(&fixture, "w", "n");
    req.run_id = "r3";
    again = step_enqueued(&fixture, &req);
    assert_int_equal(again.outcome, ENQUEUE_REPLAYED);
    assert_true(again.coalesced);
    assert_string_equal(again.run_id, "r1");
}

static void a_person_who_joins_raises_a_schedules_check(void **state)
{
    struct enqueue req = step_check("slow");
    struct enqueue other = step_check("other");

    (void)state;
    req.trigger = TRIGGER_SCHEDULE;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    other.target = "other";
    other.trigger = TRIGGER_WEBHOOK;
    step_enqueue(&fixture, &other);
    req.run_id = "person";
    req.trigger = TRIGGER_API;
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_COALESCED);
    assert_string_equal(step_claim(&fixture, "w", "n1").run_id, "slow");
    assert_string_equal(step_claim(&fixture, "w", "n2").run_id, "other");
}

static void a_running_check_is_not_joined(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    step_claim(&fixture, "w", "n");
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_cancelled_or_delayed_check_is_not_joined(void **state)
{
    struct enqueue req = step_check("r1");
    struct queue_hold hold;

    (void)state;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    step_cancel(&fixture, "r1", false);
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
    hold = step_claim(&fixture, "w", "n");
    assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_DONE);
    req.run_id = "r3";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void plans_never_join(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.kind = RUN_PLAN;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_changed_project_is_told_before_anything_is_written(void **state)
{
    struct enqueue req = step_check("r1");
    char key[SIGN_ID_BYTES];

    (void)state;
    registry_project_key("p", key);
    ask("HSET project:%s revision 7", key);
    req.project_id = "p";
    req.registry_revision = 6;
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_MOVED);
    assert_status("r1", "none");
    req.registry_revision = 7;
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_deleted_project_is_told_as_moved(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.project_id = "p";
    req.registry_revision = 0;
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_MOVED);
}

static void more_than_the_limit_do_not_wait(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.max_queued = 1;
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_FULL);
    step_claim(&fixture, "w", "n");
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_project_has_a_limit_of_its_own(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.max_queued_project = 1;
    req.project_id = "p";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_FULL_PROJECT);
    req.project_id = "q";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
    step_cancel(&fixture, "r1", false);
    req.run_id = "r3";
    req.project_id = "p";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_joining_check_is_let_in_at_the_limit(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.max_queued = 1;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_COALESCED);
}

static void a_spec_above_64_kib_is_refused_whole(void **state)
{
    AUTO(auto_free) char *spec = mem_new(1, QUEUE_SPEC_BYTES + 2);
    struct enqueue req = step_check("r1");
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    memset(spec, 'x', QUEUE_SPEC_BYTES + 1);
    req.spec = spec;
    queue_enqueue(&cmd, FIXTURE_PREFIX, &req);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "64 KiB"));
    assert_int_equal(err.kind, ERR_PERM);
    assert_status("r1", "none");
}

static void with_memory_full_enqueue_is_refused_and_finish_is_not(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_PLAN);
    const struct enqueue req = step_check("r2");
    struct redis_cmd limit;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    for (int full = 1; full >= 0; full--) {
        redis_cmd_init(&limit);
        redis_cmd_arg(&limit, "CONFIG");
        redis_cmd_arg(&limit, "SET");
        redis_cmd_arg(&limit, "maxmemory");
        redis_cmd_arg(&limit, full ? "1" : "0");
        freeReplyObject(queue_fixture_call(&fixture, &limit));
        if (!full)
            break;
        queue_enqueue(&cmd, FIXTURE_PREFIX, &req);
        assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "memory"));
        assert_int_equal(err.kind, ERR_TEMP);
    }
    assert_status("r2", "none");
    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_DONE);
}

/* ---- claim ---- */
static void a_target_runs_one_run_at_a_time_in_the_order_they_came(void **state)
{
    const char *const ids[] = {"r1", "r2", "r3"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct enqueue req = step_check(ids[i]);

        req.trigger = i == 0 ? TRIGGER_SCHEDULE : TRIGGER_API;
        step_enqueue(&fixture, &req);
    }
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct queue_hold hold = step_claim(&fixture, "w", ids[i]);

        assert_string_equal(hold.run_id, ids[i]);
        assert_int_equal(step_claim_outcome(&fixture, "v", "no"), CLAIM_NONE);
        assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_DONE);
    }
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_NONE);
}

static void people_come_before_webhooks_and_those_before_schedules(void **state)
{
    (void)state;
    for (enum run_trigger trigger = TRIGGERS; trigger-- > 0;) {
        struct enqueue req = step_check(run_trigger_name(trigger));

        req.trigger = trigger;
        req.target = req.run_id;
        step_enqueue(&fixture, &req);
    }
    assert_string_equal(step_claim(&fixture, "w", "1").run_id, "api");
    assert_string_equal(step_claim(&fixture, "w", "2").run_id, "webhook");
    assert_string_equal(step_claim(&fixture, "w", "3").run_id, "schedule");
}

static void a_schedule_that_waited_long_enough_comes_first(void **state)
{
    struct enqueue req = step_check("schedule");

    (void)state;
    req.trigger = TRIGGER_SCHEDULE;
    step_enqueue(&fixture, &req);
    queue_fixture_advance(&fixture, run_trigger_credit_ms(TRIGGER_API) + 1);
    req = step_check("person");
    req.target = "other";
    step_enqueue(&fixture, &req);
    assert_string_equal(step_claim(&fixture, "w", "1").run_id, "schedule");
}

static void a_replayed_claim_gets_the_same_run_while_it_is_held(void **state)
{
    struct enqueue req = step_check("r1");
    struct queue_hold first, again;

    (void)state;
    step_enqueue(&fixture, &req);
    req = step_check("r2");
    req.target = "u";
    step_enqueue(&fixture, &req);
    first = step_claim(&fixture, "w", "n");
    again = step_claim(&fixture, "w", "n");
    assert_string_equal(again.run_id, first.run_id);
    assert_string_equal(again.fence, first.fence);
    assert_status("r2", "queued");
    step_finish(&fixture, &first, RUN_CLEAN);
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_NONE);
    assert_status("r2", "queued");
}

static void a_replayed_claim_that_found_nothing_finds_nothing(void **state)
{
    const struct enqueue req = step_check("r1");

    (void)state;
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_NONE);
    step_enqueue(&fixture, &req);
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_NONE);
    assert_int_equal(step_claim_outcome(&fixture, "w", "m"), CLAIM_RUN);
}

static void nothing_is_claimed_while_paused(void **state)
{
    const struct enqueue req = step_check("r1");

    (void)state;
    step_enqueue(&fixture, &req);
    ask("HSET meta paused 1");
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_PAUSED);
    ask("HSET meta paused 0");
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_RUN);
}

static void a_claim_tells_all_about_its_run(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct enqueue req = step_check("r1");
    struct claimed claimed;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    req.spec = "{\"ref\":\"main\"}";
    step_enqueue(&fixture, &req);
    req = step_check("r2");
    req.target = "u";
    step_enqueue(&fixture, &req);
    ask("ZPOPMIN wake");
    queue_fixture_advance(&fixture, 5);
    queue_claim(&cmd, FIXTURE_PREFIX, "w", "n");
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_claim_reply(reply, "n", &claimed, &err), 0);
    assert_int_equal(claimed.outcome, CLAIM_RUN);
    assert_int_equal(claimed.kind, RUN_DRIFT_CHECK);
    assert_string_equal(claimed.spec, "{\"ref\":\"main\"}");
    assert_string_equal(claimed.target, "t");
    assert_string_equal(claimed.hold.nonce, "n");
    assert_int_equal(claimed.attempt, 1);
    assert_int_equal(claimed.started_at_ms - claimed.queued_at_ms, 5);
    assert_true(claimed.more);
    assert_string_equal(ask("ZCARD wake"), "1");
    claimed_done(&claimed);
}

static void a_stale_entry_in_ready_is_skipped(void **state)
{
    const struct enqueue req = step_check("r1");

    (void)state;
    step_enqueue(&fixture, &req);
    ask("ZADD ready 0 nobody");
    assert_string_equal(step_claim(&fixture, "w", "n").run_id, "r1");
}

static void a_waiting_run_that_is_gone_does_not_block_its_target(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    step_enqueue(&fixture, &req);
    ask("DEL run:r1");
    assert_string_equal(step_claim(&fixture, "w", "n").run_id, "r2");
    assert_string_equal(ask("HGET waiting "), "0");
    assert_string_equal(ask("ZCARD ready"), "0");
}

/* ---- cancel ---- */
static void a_queued_run_that_is_cancelled_ends_at_once(void **state)
{
    const struct enqueue req = step_check("r1");

    (void)state;
    step_enqueue(&fixture, &req);
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_DONE);
    assert_status("r1", "cancelled");
    assert_string_equal(ask("ZCARD ready"), "0");
    assert_string_equal(ask("HGET waiting "), "0");
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_NONE);
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_ENDED);
    assert_int_equal(step_cancel(&fixture, "no", false), CANCEL_UNKNOWN);
}

static void a_delayed_run_that_is_cancelled_never_comes_back(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_DRIFT_CHECK);

    (void)state;
    step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE);
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_DONE);
    queue_fixture_advance(&fixture, 10 * QUEUE_RETRY_MS);
    assert_int_equal(step_promote(&fixture), 0);
    assert_status("r1", "cancelled");
}

static void a_running_run_is_asked_to_stop_once_a_level(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_APPLY);
    char version[64];

    (void)state;
    snprintf(version, sizeof version, "%s", ask("HGET run:r1 version"));
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_ASKED);
    assert_string_not_equal(ask("HGET run:r1 version"), version);
    assert_status("r1", "running");
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).cancel_level, 1);
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_ASKED);
    assert_string_equal(ask("LLEN ctl:w"), "1");
    assert_int_equal(step_cancel(&fixture, "r1", true), CANCEL_ASKED);
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).cancel_level, 2);
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_ASKED);
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).cancel_level, 2);
    assert_string_equal(ask("LPOP ctl:w"), "cancel r1 1");
    assert_string_equal(ask("LPOP ctl:w"), "cancel r1 2");
}

static void a_cancel_that_is_sent_again_is_answered_again(void **state)
{
    const struct enqueue req = step_check("r1");
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    (void)state;
    step_enqueue(&fixture, &req);
    queue_cancel(&cmd, FIXTURE_PREFIX, "r1", false, "token");
    for (int i = 0; i < 2; i++) {
        AUTO(redis_reply_free)
        struct redisReply *reply = queue_fixture_send(&fixture, &cmd);

        assert_string_equal(redis_reply_text(reply), "done");
    }
}

/* ---- reading ---- */
static void a_run_is_read_as_it_was_written(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct enqueue req = step_check("r1");
    struct run_record run;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    req.project_id = "p";
    req.workspace_id = "w";
    step_enqueue(&fixture, &req);
    queue_get_run(&cmd, FIXTURE_PREFIX, "r1");
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_get_run_reply(reply, "r1", &run, &err), 0);
    assert_string_equal(run.id, "r1");
    assert_int_equal(run.status, RUN_QUEUED);
    assert_int_equal(run.kind, RUN_DRIFT_CHECK);
    assert_string_equal(run.project_id, "p");
    assert_string_equal(run.workspace_id, "w");
    assert_string_equal(run.ref, "main");
    assert_string_equal(run.locked_by, "token");
    assert_string_equal(run.trigger, "api");
    assert_string_equal(run.summary, "");
    assert_int_equal(run.queued_at_ms, fixture.now_ms);
    assert_int_equal(run.ended_at_ms, 0);
    assert_int_equal(run.exit_code, -1);
    assert_string_equal(run.version, ask("HGET run:r1 version"));
}

static void a_run_that_is_not_there_reads_as_none(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct run_record run = {.id = "x"};
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    queue_get_run(&cmd, FIXTURE_PREFIX, "no");
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_get_run_reply(reply, "no", &run, &err), 0);
    assert_null(run.id);
}

static void a_result_is_read_in_the_parts_asked_for(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct queue_hold hold = step_running(&fixture, "r1", RUN_DRIFT_CHECK);
    const unsigned parts = RESULT_OUTPUT | RESULT_METADATA;
    struct finish result = {.status = RUN_CLEAN,
                            .output = "o\0o",
                            .output_len = 3,
                            .head = "h",
                            .head_len = 1};
    struct run_result got;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
    queue_get_result(&cmd, FIXTURE_PREFIX, "r1", parts);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_get_result_reply(reply, parts, &got, &err), 0);
    assert_int_equal(got.output_len, 3);
    assert_memory_equal(got.output, "o\0o", 3);
    assert_null(got.head);
    assert_null(got.metadata);
}

static void expect_page(int64_t before_ms, const char *before_id, const char *ids)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    char got[64] = "";
    struct redis_cmd cmd;

    queue_list_runs(&cmd, FIXTURE_PREFIX, "s", before_ms, before_id, 2);
    reply = queue_fixture_call(&fixture, &cmd);
    for (size_t i = 0; i < redis_reply_count(reply); i += 2)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s ",
                 redis_reply_text(redis_reply_at(reply, i)));
    assert_string_equal(got, ids);
}

static void lists_go_on_after_a_run_also_within_a_millisecond(void **state)
{
    const char *const ids[] = {"a", "b", "c", "d"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct enqueue req = step_check(ids[i]);

        queue_fixture_advance(&fixture, i == 3);
        step_enqueue(&fixture, &req);
    }
    expect_page(0, NULL, "d c ");
    expect_page(fixture.now_ms - 1, "c", "b a ");
    expect_page(fixture.now_ms - 1, "a", "");
    ask("ZREM runs:s d");
    expect_page(fixture.now_ms, "d", "c b ");
}

static void stats_count_what_is_there(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct queue_hold hold = step_running(&fixture, "r1", RUN_DRIFT_CHECK);
    struct enqueue req = step_check("r2");
    struct queue_stats stats;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    step_enqueue(&fixture, &req);
    req = step_check("r3");
    req.target = "other";
    step_enqueue(&fixture, &req);
    step_heartbeat(&fixture, "w", &hold);
    ask("HSET meta frozen 1");
    queue_fixture_advance(&fixture, 1234);
    queue_get_stats(&cmd, FIXTURE_PREFIX);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_get_stats_reply(reply, &stats, &err), 0);
    assert_int_equal(stats.waiting, 2);
    assert_int_equal(stats.ready, 1);
    assert_int_equal(stats.active, 1);
    assert_int_equal(stats.workers, 1);
    assert_int_equal(stats.oldest_waiting_ms, 1234);
    assert_true(stats.frozen);
    assert_false(stats.paused);
}

static void workers_are_listed_for_a_minute(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_DRIFT_CHECK);

    (void)state;
    step_heartbeat(&fixture, "w", &hold);
    for (int i = 0; i < 2; i++) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct redis_cmd cmd;

        queue_list_workers(&cmd, FIXTURE_PREFIX);
        reply = queue_fixture_call(&fixture, &cmd);
        assert_int_equal(redis_reply_count(reply), i == 0 ? 3 : 0);
        if (i == 0)
            assert_string_equal(redis_reply_text(redis_reply_at(reply, 2)), "{}");
        queue_fixture_advance(&fixture, QUEUE_ALIVE_MS + 1);
    }
}

static void events_are_read_in_order_and_the_first_is_known(void **state)
{
    AUTO(redis_reply_free) struct redisReply *none = NULL;
    AUTO(redis_reply_free) struct redisReply *first = NULL;
    AUTO(redis_reply_free) struct redisReply *events = NULL;
    const struct redisReply *list;
    struct redis_cmd cmd;

    (void)state;
    queue_first_event(&cmd, FIXTURE_PREFIX);
    none = queue_fixture_call(&fixture, &cmd);
    assert_string_equal(redis_reply_text(none), "");
    step_running(&fixture, "r1", RUN_PLAN);
    queue_first_event(&cmd, FIXTURE_PREFIX);
    first = queue_fixture_call(&fixture, &cmd);
    queue_read_events(&cmd, FIXTURE_PREFIX, "0", 10, 10);
    events = queue_fixture_call(&fixture, &cmd);
    list = redis_reply_at(redis_reply_at(events, 0), 1);
    assert_int_equal(redis_reply_count(list), 2);
    assert_string_equal(redis_reply_text(redis_reply_at(redis_reply_at(list, 0), 0)),
                        redis_reply_text(first));
    assert_string_equal(redis_reply_text(redis_reply_at(redis_reply_at(list, 1), 0)),
                        ask("HGET run:r1 fence"));
}

static void every_script_by_name_is_itself(void **state)
{
    (void)state;
    for (size_t i = 0; scripts_all[i] != NULL; i++) {
        assert_ptr_equal(script(scripts_all[i]->name), scripts_all[i]);
        assert_memory_equal(scripts_all[i]->text, "#!lua", 5);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_run_is_queued_and_its_target_ready),
        T(the_same_call_sent_again_finds_its_own_run),
        T(an_idempotency_key_gives_the_same_run_to_another_call),
        T(an_idempotency_key_with_another_body_is_a_mismatch),
        T(an_equal_check_joins_the_queued_one_and_remembers_it),
        T(a_check_that_joins_binds_its_idempotency_key),
        T(a_person_who_joins_raises_a_schedules_check),
        T(a_running_check_is_not_joined),
        T(a_cancelled_or_delayed_check_is_not_joined),
        T(plans_never_join),
        T(a_changed_project_is_told_before_anything_is_written),
        T(a_deleted_project_is_told_as_moved),
        T(more_than_the_limit_do_not_wait),
        T(a_project_has_a_limit_of_its_own),
        T(a_joining_check_is_let_in_at_the_limit),
        T(a_spec_above_64_kib_is_refused_whole),
        T(with_memory_full_enqueue_is_refused_and_finish_is_not),
        T(a_target_runs_one_run_at_a_time_in_the_order_they_came),
        T(people_come_before_webhooks_and_those_before_schedules),
        T(a_schedule_that_waited_long_enough_comes_first),
        T(a_replayed_claim_gets_the_same_run_while_it_is_held),
        T(a_replayed_claim_that_found_nothing_finds_nothing),
        T(nothing_is_claimed_while_paused),
        T(a_claim_tells_all_about_its_run),
        T(a_stale_entry_in_ready_is_skipped),
        T(a_waiting_run_that_is_gone_does_not_block_its_target),
        T(a_queued_run_that_is_cancelled_ends_at_once),
        T(a_delayed_run_that_is_cancelled_never_comes_back),
        T(a_running_run_is_asked_to_stop_once_a_level),
        T(a_cancel_that_is_sent_again_is_answered_again),
        T(a_run_is_read_as_it_was_written),
        T(a_run_that_is_not_there_reads_as_none),
        T(a_result_is_read_in_the_parts_asked_for),
        T(lists_go_on_after_a_run_also_within_a_millisecond),
        T(stats_count_what_is_there),
        T(workers_are_listed_for_a_minute),
        T(events_are_read_in_order_and_the_first_is_known),
        T(every_script_by_name_is_itself),
    };

    return cmocka_run_group_tests_name("queue", tests, group_setup, group_teardown);
}
