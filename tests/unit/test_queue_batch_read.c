/* Batches in the queue, read: one, those of a repository, locks, drift records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/queue_batch_steps.h"
#include "tests/support/queue_group.h"

static int setup(void **state)
{
    step_worker_new();
    return queue_test_setup(state);
}

#define READ_TEST(name) cmocka_unit_test_setup_teardown(name, setup, queue_test_teardown)

static struct redisReply *get_batch(const char *id, struct batch_record *out)
{
    struct redisReply *reply;
    struct redis_cmd cmd;
    struct err err;

    queue_get_batch(&cmd, FIXTURE_PREFIX, id);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_get_batch_reply(reply, id, out, &err), 0);
    return reply;
}

static void a_batch_is_read_as_it_was_written(void **state)
{
    const struct batch_run runs[] = {step_run("0", 0, ""), step_run("1", 0, "")};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct batch_open open = step_batch();
    struct batch_record batch;
    struct queue_hold hold;

    (void)state;
    open.project_id = "p";
    open.kind = BATCH_REMEDIATE;
    step_batch_open(&fixture, &open);
    queue_fixture_advance(&fixture, 5);
    hold = step_claim(&fixture, "w", "n");
    step_expand(&fixture, &hold, runs, 2, false);
    queue_fixture_advance(&fixture, 5);
    step_end(&fixture, "0", RUN_ERROR);
    reply = get_batch("b", &batch);
    assert_string_equal(batch.id, "b");
    assert_int_equal(batch.kind, BATCH_REMEDIATE);
    assert_int_equal(batch.status, BATCH_RUNNING);
    assert_string_equal(batch.request, open.request);
    assert_string_equal(batch.project_id, "p");
    assert_string_equal(batch.trigger, "api");
    assert_string_equal(batch.locked_by, "token");
    assert_string_equal(batch.commit, "abc");
    assert_string_equal(batch.resolve, "r");
    assert_string_equal(batch.error_code, "");
    assert_string_equal(batch.version, ask("HGET batch:b version"));
    assert_int_equal(batch.total, 2);
    assert_int_equal(batch.outstanding, 1);
    assert_int_equal(batch.ok, 0);
    assert_int_equal(batch.failed, 1);
    assert_int_equal(batch.cancel_level, 0);
    assert_int_equal(batch.queued_at_ms, fixture.now_ms - 10);
    assert_int_equal(batch.started_at_ms, fixture.now_ms - 5);
    assert_int_equal(batch.ended_at_ms, 0);
    assert_int_equal(batch_run_count(&batch), 2);
    assert_string_equal(batch_run_at(&batch, 1), "1");
    assert_null(batch_run_at(&batch, 2));
}

static void those_who_wait_read_the_status_alone(void **state)
{
    static const char *const ids[] = {"b", "no"};
    static const char *const statuses[] = {"running", NULL};

    (void)state;
    step_resolving(&fixture);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct redis_cmd cmd;

        queue_get_batch_status(&cmd, FIXTURE_PREFIX, ids[i]);
        reply = queue_fixture_call(&fixture, &cmd);
        if (statuses[i] == NULL)
            assert_null(redis_reply_text(reply));
        else
            assert_string_equal(redis_reply_text(reply), statuses[i]);
    }
}

static void a_batch_that_is_not_there_reads_as_none(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct batch_record batch = {.id = "x"};

    (void)state;
    reply = get_batch("no", &batch);
    assert_null(batch.id);
    assert_int_equal(batch_run_count(&batch), 0);
}

static void a_run_names_its_batch_and_its_place(void **state)
{
    static const struct {
        const char *id, *batch;
        int64_t index;
    } rows[] = {{"r", "b", -1}, {"0", "b", 0}, {"1", "b", 1}, {"alone", "", -1}};
    const struct batch_run runs[] = {step_run("0", 0, ""), step_run("1", 0, "")};
    const struct queue_hold hold = step_resolving(&fixture);
    const struct enqueue alone = step_check("alone");

    (void)state;
    step_expand(&fixture, &hold, runs, 2, false);
    step_enqueue(&fixture, &alone);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct run_record run;
        struct redis_cmd cmd;
        struct err err;

        queue_get_run(&cmd, FIXTURE_PREFIX, rows[i].id);
        reply = queue_fixture_call(&fixture, &cmd);
        assert_int_equal(queue_get_run_reply(reply, rows[i].id, &run, &err), 0);
        assert_string_equal(run.batch, rows[i].batch);
        assert_int_equal(run.batch_index, rows[i].index);
    }
}

/* The listed ids, joined. */
static const char *listed(const char *repo, enum batch_kind kind, int64_t limit)
{
    static char text[128];
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    queue_list_batches(&cmd, FIXTURE_PREFIX, repo, kind, limit);
    reply = queue_fixture_call(&fixture, &cmd);
    text[0] = '\0';
    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        struct batch_record batch;
        size_t used = strlen(text);
        struct err err;

        assert_int_equal(queue_listed_batch(redis_reply_at(reply, i), &batch, &err), 0);
        assert_int_equal(batch.status, BATCH_QUEUED);
        assert_int_equal(batch_run_count(&batch), 0);
        snprintf(text + used, sizeof text - used, "%s:%s ", batch.id,
                 batch_kind_name(batch.kind));
    }
    return text;
}

static void the_batches_of_a_repository_are_listed_newest_first(void **state)
{
    static const struct {
        const char *id, *resolve, *repo;
        enum batch_kind kind;
    } rows[] = {{"b1", "r1", "repo", BATCH_PLAN},
                {"b2", "r2", "other", BATCH_PLAN},
                {"b3", "r3", "repo", BATCH_APPLY},
                {"b4", "r4", "repo", BATCH_PLAN}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct batch_open open = step_batch();

        open.batch_id = rows[i].id;
        open.resolve_id = rows[i].resolve;
        open.repo = rows[i].repo;
        open.kind = rows[i].kind;
        step_batch_open(&fixture, &open);
        queue_fixture_advance(&fixture, 1);
    }
    assert_string_equal(listed("repo", BATCH_KINDS, 500), "b4:plan b3:apply b1:plan ");
    assert_string_equal(listed("repo", BATCH_KINDS, 2), "b4:plan b3:apply ");
    assert_string_equal(listed("repo", BATCH_PLAN, 500), "b4:plan b1:plan ");
    assert_string_equal(listed("repo", BATCH_PLAN, 1), "b4:plan ");
    assert_string_equal(listed("none", BATCH_KINDS, 500), "");
}

static void what_runs_is_listed_as_held_oldest_first(void **state)
{
    struct batch_run runs[] = {step_run("0", 0, ""), step_run("1", 0, "")};
    const struct queue_hold hold = step_resolving(&fixture);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct held_lock lock;
    struct queue_hold apply;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    runs[0].kind = RUN_APPLY;
    runs[0].spec = "{\"x\":1}";
    runs[0].target = "z"; /* claimed first, though its target comes last */
    queue_fixture_advance(&fixture, 5);
    step_expand(&fixture, &hold, runs, 1, false);
    apply = step_claim(&fixture, "w", "n");
    step_mark(&fixture, &apply);
    step_orphan(&fixture, &apply);
    queue_fixture_advance(&fixture, 5);
    step_running(&fixture, "c", RUN_PLAN);
    {
        struct batch_open open = step_batch();

        open.batch_id = "b2";
        open.resolve_id = "r2";
        step_batch_open(&fixture, &open);
        assert_string_equal(step_claim(&fixture, "v", "m").run_id, "r2");
    }
    queue_list_locks(&cmd, FIXTURE_PREFIX);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(redis_reply_count(reply), 2);
    assert_int_equal(queue_held_lock(redis_reply_at(reply, 0), &lock, &err), 0);
    assert_string_equal(lock.run_id, "0");
    assert_string_equal(lock.spec, "{\"x\":1}");
    assert_string_equal(lock.locked_by, "token");
    assert_int_equal(lock.kind, RUN_APPLY);
    assert_int_equal(lock.locked_at_ms, fixture.now_ms - 5);
    assert_int_equal(queue_held_lock(redis_reply_at(reply, 1), &lock, &err), 0);
    assert_string_equal(lock.run_id, "c");
}

static void drift_records_are_read_by_repository_and_by_target(void **state)
{
    struct finish result = {.status = RUN_CLEAN,
                            .drift_repo = "repo",
                            .drift_field = "t|main",
                            .drift_record = "good"};
    struct queue_hold hold = step_running(&fixture, "a", RUN_DRIFT_CHECK);
    struct redis_cmd cmd;

    (void)state;
    step_finish_with(&fixture, &hold, &result);
    result.status = RUN_ERROR;
    result.drift_record = "bad";
    hold = step_running(&fixture, "c", RUN_DRIFT_CHECK);
    step_finish_with(&fixture, &hold, &result);
    {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;

        queue_get_drift_of(&cmd, FIXTURE_PREFIX, "repo", "t", "main");
        reply = queue_fixture_call(&fixture, &cmd);
        assert_string_equal(redis_reply_text(redis_reply_at(reply, 0)), "good");
        assert_string_equal(redis_reply_text(redis_reply_at(reply, 1)), "bad");
    }
    {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;

        queue_get_drift(&cmd, FIXTURE_PREFIX, "repo");
        reply = queue_fixture_call(&fixture, &cmd);
        assert_int_equal(redis_reply_count(reply), 4);
        assert_string_equal(redis_reply_text(redis_reply_at(reply, 0)), "t|main");
    }
}

static void what_apply_printed_is_a_part_of_the_result(void **state)
{
    const struct finish result = {.status = RUN_APPLIED,
                                  .output = "plan",
                                  .output_len = 4,
                                  .applied = "ap\0ply",
                                  .applied_len = 6,
                                  .head = "h",
                                  .head_len = 1};
    const unsigned parts = RESULT_OUTPUT | RESULT_APPLIED | RESULT_HEAD;
    struct queue_hold hold = step_running(&fixture, "a", RUN_APPLY);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct run_result got;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    step_finish_with(&fixture, &hold, &result);
    queue_get_result(&cmd, FIXTURE_PREFIX, "a", parts);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_get_result_reply(reply, parts, &got, &err), 0);
    assert_int_equal(got.applied_len, 6);
    assert_memory_equal(got.applied, "ap\0ply", 6);
    assert_string_equal(got.output, "plan");
    assert_string_equal(got.head, "h");
    assert_string_equal(ask("HGET meta result_bytes"), "10");
    step_trim(&fixture, 1000, 1000, 9);
    assert_string_equal(ask("HGET meta result_bytes"), "0");
    assert_string_equal(ask("HGET result:a applied"), "");
    assert_string_equal(ask("HGET result:a head"), "h");
}

static void an_answer_that_cannot_be_is_an_error(void **state)
{
    AUTO(redis_reply_free)
    struct redisReply *reply = queue_fixture_plain(&fixture, "HMGET meta a b");
    struct batch_record batch;
    struct held_lock lock;
    struct err err;

    (void)state;
    assert_int_equal(queue_get_batch_reply(reply, "b", &batch, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_int_equal(queue_listed_batch(reply, &batch, &err), -1);
    assert_int_equal(queue_held_lock(reply, &lock, &err), -1);
    ask("HSET batch:b status queued kind nothing");
    {
        AUTO(redis_reply_free) struct redisReply *stored = NULL;
        struct redis_cmd cmd;

        queue_get_batch(&cmd, FIXTURE_PREFIX, "b");
        stored = queue_fixture_call(&fixture, &cmd);
        assert_int_equal(queue_get_batch_reply(stored, "b", &batch, &err), -1);
        assert_non_null(strstr(err.message, "nothing"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        READ_TEST(a_batch_is_read_as_it_was_written),
        READ_TEST(those_who_wait_read_the_status_alone),
        READ_TEST(a_batch_that_is_not_there_reads_as_none),
        READ_TEST(a_run_names_its_batch_and_its_place),
        READ_TEST(the_batches_of_a_repository_are_listed_newest_first),
        READ_TEST(what_runs_is_listed_as_held_oldest_first),
        READ_TEST(drift_records_are_read_by_repository_and_by_target),
        READ_TEST(what_apply_printed_is_a_part_of_the_result),
        READ_TEST(an_answer_that_cannot_be_is_an_error),
    };

    return cmocka_run_group_tests_name("queue_batch_read", tests, queue_group_setup,
                                       queue_group_teardown);
}
