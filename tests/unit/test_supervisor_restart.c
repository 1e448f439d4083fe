/* The supervisor: it stops, it dies, and Redis goes and comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tests/support/worker_fixture.h"
#include "worker/rundir/rundir.h"

/* ---- the worker stops, or dies ---- */
static void a_drain_lets_runs_come_to_their_end(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    kill(worker_fixture.pid, SIGTERM);
    worker_let_go_on(RUN_1);
    assert_int_equal(worker_wait(), 0);
    worker_assert(RUN_1, "status", "clean");
}

static void after_the_stop_time_runs_are_interrupted_and_given_back(void **state)
{
    (void)state;
    worker_fixture.conf.stop_timeout_ms = 100;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    worker_stop();
    worker_assert(RUN_1, "status", "queued");
    worker_assert(RUN_1, "crashes", "");
    worker_until_file(RUN_1, "", false);
}

static void a_second_signal_shortens_the_drain(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    kill(worker_fixture.pid, SIGTERM);
    kill(worker_fixture.pid, SIGINT);
    assert_int_equal(worker_wait(), 0);
    worker_assert(RUN_1, "status", "queued");
}

static void a_run_outlives_its_worker_and_is_adopted(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    worker_kill();
    worker_start();
    worker_until(RUN_1, "status", "running");
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "clean");
    worker_assert(RUN_1, "attempts", "1");
}

static void a_result_written_while_no_worker_lived_is_sent(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    worker_kill();
    worker_let_go_on(RUN_1);
    worker_until_file(RUN_1, "result.json", true);
    worker_start();
    worker_until(RUN_1, "status", "clean");
    worker_assert(RUN_1, "attempts", "1");
}

static void kill_runner(const char *dir)
{
    int64_t deadline_ms = clock_mono_ms() + 20000;

    while (rundir_alive(dir) && clock_mono_ms() < deadline_ms)
        rundir_kill_holders(dir);
    assert_false(rundir_alive(dir));
}

static void a_run_that_died_with_its_worker_is_given_back(void **state)
{
    AUTO(auto_free) char *dir = worker_run_path(RUN_1, "");
    AUTO(auto_free) char *first = worker_run_path(RUN_1, "first");

    (void)state;
    worker_enqueue(RUN_1, "deaf", "t1");
    worker_start();
    worker_until_started(RUN_1);
    assert_int_equal(mkdir(first, 0700), 0); /* marks the directory of attempt 1 */
    worker_kill();
    kill_runner(dir);
    worker_start();
    worker_until(RUN_1, "attempts", "2");
    worker_assert(RUN_1, "crashes", "");
    worker_until_file(RUN_1, "first", false);
    worker_until_started(RUN_1);
    rundir_kill_holders(dir);
    worker_until(RUN_1, "status", "error");
}

/* ---- Redis goes and comes back ---- */
static void a_result_waits_for_a_redis_that_is_away(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    redis_server_kill(&worker_fixture.server);
    worker_let_go_on(RUN_1);
    worker_until_file(RUN_1, "result.json", true);
    redis_server_restart(&worker_fixture.server);
    worker_until(RUN_1, "status", "clean");
}

static void a_redis_that_stands_still_loses_nothing(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    redis_server_freeze(&worker_fixture.server);
    worker_let_go_on(RUN_1);
    worker_until_file(RUN_1, "result.json", true);
    redis_server_thaw(&worker_fixture.server);
    worker_until(RUN_1, "status", "clean");
    worker_assert(RUN_1, "attempts", "1");
}

static void a_result_that_redis_forgot_is_sent_again(void **state)
{
    AUTO(auto_free) char *status = NULL, *leases = NULL, *active = NULL, *ended = NULL;

    (void)state;
    worker_enqueue(RUN_1, "clean", "t1");
    worker_start();
    worker_until(RUN_1, "status", "clean");
    worker_until_file(RUN_1, "done", true);
    status = worker_ask("HSET run:" RUN_1 " status running");
    leases = worker_ask("ZADD leases 9999999999999 " RUN_1);
    active = worker_ask("HSET active t1 " RUN_1);
    ended = worker_ask("ZREM ended " RUN_1);
    redis_server_restart(&worker_fixture.server);
    worker_until(RUN_1, "status", "clean");
}

static void refuse_writes(void)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "CONFIG");
    redis_cmd_arg(&cmd, "SET");
    redis_cmd_arg(&cmd, "min-replicas-to-write");
    redis_cmd_arg(&cmd, "1");
    reply = worker_call(&cmd);
}

/* How often Redis has refused that command. */
static int64_t refusals_of(const char *name)
{
    AUTO(auto_free) char *line = mem_fmt("cmdstat_%s:", name);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    const char *at;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "INFO");
    redis_cmd_arg(&cmd, "commandstats");
    reply = worker_call(&cmd);
    at = strstr(redis_reply_text(reply), line);
    at = at ? strstr(at, "rejected_calls=") : NULL;
    return at ? strtoll(at + strlen("rejected_calls="), NULL, 10) : 0;
}

static void until_refused(const char *name, int64_t times)
{
    int64_t deadline_ms = clock_mono_ms() + 20000;

    while (refusals_of(name) < times)
        assert_true(clock_mono_ms() < deadline_ms);
}

static void what_redis_refuses_is_asked_again_after_a_pause(void **state)
{
    static const char *const names[] = {"blpop", "bzpopmin"};

    (void)state;
    worker_enqueue(RUN_1, "clean", "t1");
    worker_start();
    worker_until(RUN_1, "status", "clean");
    refuse_writes();
    for (size_t i = 0; i < 2; i++) {
        int64_t seen, since_ms;

        until_refused(names[i], 1);
        seen = refusals_of(names[i]);
        since_ms = clock_mono_ms();
        until_refused(names[i], seen + 2);
        assert_true(clock_mono_ms() - since_ms >= 400);
    }
}

static void a_worker_waits_for_a_redis_that_is_not_there_yet(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "clean", "t1");
    redis_server_kill(&worker_fixture.server);
    worker_start();
    redis_server_restart(&worker_fixture.server);
    worker_until(RUN_1, "status", "clean");
}

static void a_redis_that_could_forget_runs_is_refused(void **state)
{
    (void)state;
    redis_server_stop(&worker_fixture.server);
    redis_server_start(&worker_fixture.server, REDIS_SERVER_MEMORY, NULL);
    free(worker_fixture.conf.redis_url);
    worker_fixture.conf.redis_url =
        mem_fmt("unix://%s", worker_fixture.server.socket_path);
    worker_start();
    assert_int_equal(worker_wait(), 78);
}

static void one_that_could_forget_runs_is_used_when_that_is_allowed(void **state)
{
    (void)state;
    redis_server_stop(&worker_fixture.server);
    redis_server_start(&worker_fixture.server, REDIS_SERVER_MEMORY, NULL);
    free(worker_fixture.conf.redis_url);
    worker_fixture.conf.redis_url =
        mem_fmt("unix://%s", worker_fixture.server.socket_path);
    worker_fixture.conf.unsafe_redis = true;
    worker_enqueue(RUN_1, "clean", "t1");
    worker_start();
    worker_until(RUN_1, "status", "clean");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, worker_set_up, worker_tear_down)

static int tests(void)
{
    const struct CMUnitTest list[] = {
        TEST(a_drain_lets_runs_come_to_their_end),
        TEST(after_the_stop_time_runs_are_interrupted_and_given_back),
        TEST(a_second_signal_shortens_the_drain),
        TEST(a_run_outlives_its_worker_and_is_adopted),
        TEST(a_result_written_while_no_worker_lived_is_sent),
        TEST(a_run_that_died_with_its_worker_is_given_back),
        TEST(a_result_waits_for_a_redis_that_is_away),
        TEST(a_redis_that_stands_still_loses_nothing),
        TEST(a_result_that_redis_forgot_is_sent_again),
        TEST(what_redis_refuses_is_asked_again_after_a_pause),
        TEST(a_worker_waits_for_a_redis_that_is_not_there_yet),
        TEST(a_redis_that_could_forget_runs_is_refused),
        TEST(one_that_could_forget_runs_is_used_when_that_is_allowed),
    };

    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return worker_test_main(argc, argv, tests);
}
