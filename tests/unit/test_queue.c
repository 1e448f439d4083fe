/* The queue, read: runs, results, lists, events, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/redis/scripts.h"
#include "tests/support/queue_group.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_run_is_read_as_it_was_written),
        QUEUE_TEST(a_run_that_is_not_there_reads_as_none),
        QUEUE_TEST(a_result_is_read_in_the_parts_asked_for),
        QUEUE_TEST(lists_go_on_after_a_run_also_within_a_millisecond),
        QUEUE_TEST(stats_count_what_is_there),
        QUEUE_TEST(workers_are_listed_for_a_minute),
        QUEUE_TEST(events_are_read_in_order_and_the_first_is_known),
        QUEUE_TEST(every_script_by_name_is_itself),
    };

    return cmocka_run_group_tests_name("queue", tests, queue_group_setup,
                                       queue_group_teardown);
}
