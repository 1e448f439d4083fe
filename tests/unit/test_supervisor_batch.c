/* The supervisor: what a resolve run found becomes the runs of its batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/queue/queue_batch.h"
#include "tests/support/fake_runner.h"
#include "tests/support/scratch.h"
#include "tests/support/worker_fixture.h"
#include "worker/rundir/result_expand.h"

#define BATCH "00000000-0000-7000-8000-0000000000bb"

static void open_batch(void)
{
    const struct batch_open request = {
        .batch_id = BATCH,
        .kind = BATCH_PLAN,
        .request = "{}",
        .repo = "repo",
        .registry_revision = -1,
        .max_queued = 100,
        .max_queued_project = 100,
        .resolve_id = RUN_1,
        .resolve_spec = "{\"kind\":\"resolve\",\"type\":\"Git\",\"repository\":\"a/b\","
                        "\"ref\":\"expand\",\"directory\":\".\",\"workspace\":"
                        "\"default\",\"batch\":{}}",
    };
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    struct enqueued out;
    struct err err;

    queue_batch_open(&cmd, WORKER_PREFIX, &request);
    reply = worker_call(&cmd);
    assert_int_equal(queue_enqueue_reply(reply, &out, &err), 0);
    assert_int_equal(out.outcome, ENQUEUE_NEW);
}

static void start_resolve(void)
{
    open_batch();
    worker_start();
    worker_until_started(RUN_1);
}

static void set(const char *words)
{
    free(worker_ask(words));
}

static void assert_batch(const char *name, const char *wanted)
{
    AUTO(auto_free) char *words = mem_fmt("HGET batch:" BATCH " %s", name);
    AUTO(auto_free) char *is = worker_ask(words);

    assert_string_equal(is, wanted);
}

static void what_was_found_is_run(void **state)
{
    (void)state;
    start_resolve();
    worker_let_go_on(RUN_1);
    worker_until(FAKE_EXPAND_RUN, "status", "clean");
    worker_assert(RUN_1, "status", "clean");
    assert_batch("commit", "0123");
    assert_batch("abort", "1");
    assert_batch("status", "success");
    worker_until_file(RUN_1, "done", true);
}

static void a_batch_that_somebody_cancels_gets_no_runs(void **state)
{
    int64_t before_ms;

    (void)state;
    start_resolve();
    before_ms = clock_mono_ms();
    set("HSET run:" RUN_1 " cancel 1"); /* before the worker hears of it */
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "cancelled");
    /* The heartbeat alone would need up to 4 s. */
    assert_true(clock_mono_ms() - before_ms < 2000);
    worker_assert(FAKE_EXPAND_RUN, "status", "");
    assert_batch("status", "cancelled");
}

static void what_redis_forgot_of_a_batch_is_sent_again(void **state)
{
    (void)state;
    worker_fixture.conf.worker_slots = 1;
    start_resolve();
    worker_let_go_on(RUN_1);
    worker_until(FAKE_EXPAND_RUN, "status", "clean");
    worker_until_file(RUN_1, "done", true);
    /* As it was while the resolve run was running. */
    set("HSET run:" RUN_1 " status running");
    set("ZADD leases 9999999999999 " RUN_1);
    set("ZREM ended " RUN_1);
    set("DEL run:" FAKE_EXPAND_RUN);
    set("DEL batch_runs:" BATCH);
    set("HSET batch:" BATCH " status running");
    redis_server_restart(&worker_fixture.server);
    worker_until(RUN_1, "status", "clean");
    worker_assert(FAKE_EXPAND_RUN, "status", "queued");
}

/* ---- expand.json ---- */
#define RUN_TEXT(member, value)                                                          \
    "{\"id\":\"1\",\"kind\":\"plan\",\"target\":\"t\",\"scope\":\"s\",\"spec\":{},"      \
    "\"stage\":1,\"deps\":\"0\",\"" member "\":" value "}"

static int expand_of(void **state, const char *text, struct expansion *out,
                     struct err *err)
{
    free(scratch_file(state, "expand.json", text));
    return expansion_read(*state, out, err);
}

static void each_run_of_an_expansion_is_read(void **state)
{
    AUTO(expansion_done) struct expansion read = {0};
    struct err err;

    assert_int_equal(
        expand_of(state,
                  "{\"commit\":\"c\",\"abort\":true,\"runs\":["
                  "{\"id\":\"0\",\"kind\":\"apply\",\"target\":\"t0\","
                  "\"scope\":\"s0\",\"spec\":{\"a\":[1]},\"ref\":\"main\","
                  "\"stage\":0,\"deps\":\"\"}," RUN_TEXT("ref", "\"r\"") "]}",
                  &read, &err),
        0);
    assert_string_equal(read.batch.commit, "c");
    assert_true(read.batch.abort_on_failure);
    assert_int_equal(read.batch.run_count, 2);
    assert_int_equal(read.batch.runs[0].kind, RUN_APPLY);
    assert_string_equal(read.batch.runs[0].spec, "{\"a\":[1]}");
    assert_string_equal(read.batch.runs[0].deps, "");
    assert_string_equal(read.batch.runs[1].run_id, "1");
    assert_string_equal(read.batch.runs[1].target, "t");
    assert_string_equal(read.batch.runs[1].scope, "s");
    assert_string_equal(read.batch.runs[1].ref, "r");
    assert_string_equal(read.batch.runs[1].deps, "0");
    assert_int_equal(read.batch.runs[1].stage, 1);
    assert_int_equal(read.bytes, strlen("{\"a\":[1]}{}"));
}

static void no_runs_are_a_whole_expansion(void **state)
{
    AUTO(expansion_done) struct expansion read = {0};
    struct err err;

    assert_int_equal(expand_of(state, "{\"runs\":[]}", &read, &err), 0);
    assert_int_equal(read.batch.run_count, 0);
    assert_false(read.batch.abort_on_failure);
}

static void a_broken_expansion_is_an_error(void **state)
{
    static const char *const broken[] = {
        "",
        "{",
        "{}",
        "{\"runs\":{}}",
        "{\"runs\":[1]}",
        "{\"runs\":[{}]}",
        "{\"runs\":[{\"id\":\"1\",\"kind\":\"leap\",\"target\":\"t\",\"scope\":\"s\","
        "\"spec\":{},\"stage\":0}]}",
        "{\"runs\":[{\"id\":\"1\",\"kind\":\"plan\",\"target\":\"t\",\"scope\":\"s\","
        "\"spec\":\"{}\",\"stage\":0}]}",
        "{\"runs\":[{\"id\":\"1\",\"kind\":\"plan\",\"target\":\"t\",\"scope\":\"s\","
        "\"spec\":{}}]}",
    };
    struct expansion read;
    struct err err;

    assert_int_equal(expansion_read(*state, &read, &err), -1);
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        if (expand_of(state, broken[i], &read, &err) == 0)
            fail_msg("%s was read", broken[i]);
        assert_int_equal(err.kind, ERR_PERM);
    }
}

#define TEST(f)   cmocka_unit_test_setup_teardown(f, worker_set_up, worker_tear_down)
#define PARSER(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

static int tests(void)
{
    const struct CMUnitTest list[] = {
        TEST(what_was_found_is_run),
        TEST(a_batch_that_somebody_cancels_gets_no_runs),
        TEST(what_redis_forgot_of_a_batch_is_sent_again),
        PARSER(each_run_of_an_expansion_is_read),
        PARSER(no_runs_are_a_whole_expansion),
        PARSER(a_broken_expansion_is_an_error),
    };

    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return worker_test_main(argc, argv, tests);
}
