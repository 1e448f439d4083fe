/* The supervisor: runs on their straight way, runs that end badly, and wishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/queue/target.h"
#include "tests/support/fake_runner.h"
#include "tests/support/worker_fixture.h"
#include "worker/rundir/rundir.h"

/* ---- the straight way ---- */
static void a_queued_run_is_done_and_its_result_stored(void **state)
{
    AUTO(auto_free) char *metadata = NULL;
    AUTO(auto_free) char *log = NULL;

    (void)state;
    worker_enqueue(RUN_1, "clean", "t1");
    worker_start();
    worker_until(RUN_1, "status", "clean");
    worker_assert(RUN_1, "summary", "{\"toAdd\":1}");
    metadata = worker_ask("HGET result:" RUN_1 " metadata");
    assert_string_equal(metadata, "{}");
    log = worker_ask("XLEN log:" RUN_1);
    assert_string_equal(log, "1");
    worker_until_file(RUN_1, "done", true);
    worker_stop();
}

static void the_drift_record_is_stored_under_its_target_and_ref(void **state)
{
    char repo[SIGN_ID_BYTES];
    AUTO(auto_free) char *words = NULL;
    AUTO(auto_free) char *record = NULL;

    (void)state;
    worker_enqueue(RUN_1, "drift", "t1");
    worker_start();
    worker_until(RUN_1, "status", "drift_detected");
    repository_id("git.example", "a/b", repo);
    words = mem_fmt("HGET drift:%s t1|drift", repo);
    record = worker_ask(words);
    assert_string_equal(record, "{\"toAdd\":1}");
}

static void a_log_larger_than_a_chunk_is_shipped_whole_before_the_end(void **state)
{
    AUTO(redis_reply_free) struct redisReply *entries = NULL;
    size_t bytes = 0;
    struct redis_cmd cmd;

    (void)state;
    worker_enqueue(RUN_1, "flood", "t1");
    worker_start();
    worker_until(RUN_1, "status", "clean");
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "XRANGE");
    redis_cmd_arg(&cmd, WORKER_PREFIX "log:" RUN_1);
    redis_cmd_arg(&cmd, "-");
    redis_cmd_arg(&cmd, "+");
    entries = worker_call(&cmd);
    for (size_t i = 0; i < redis_reply_count(entries); i++) {
        const struct redisReply *fields = redis_reply_at(redis_reply_at(entries, i), 1);

        assert_int_equal(redis_reply_int(redis_reply_at(fields, 3), -1), bytes);
        bytes += redis_reply_len(redis_reply_at(fields, 5));
    }
    assert_int_equal(bytes, 65536 + strlen(FAKE_RUNNER_LINE));
}

static void slots_limit_how_many_run_at_a_time(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_enqueue(RUN_2, "wait", "t2");
    worker_enqueue(RUN_3, "wait", "t3");
    worker_start();
    worker_until_started(RUN_1);
    worker_until_started(RUN_2);
    worker_assert(RUN_3, "status", "queued");
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "clean");
    worker_until_started(RUN_3);
    worker_let_go_on(RUN_2);
    worker_let_go_on(RUN_3);
    worker_until(RUN_3, "status", "clean");
}

static void an_idle_worker_is_woken_by_a_new_run(void **state)
{
    int64_t before_ms;

    (void)state;
    worker_enqueue(RUN_1, "clean", "t1");
    worker_start();
    worker_until(RUN_1, "status", "clean");
    before_ms = clock_mono_ms();
    for (int i = 0; i < 5; i++) {
        AUTO(auto_free) char *run = mem_fmt("00000000-0000-7000-8000-00000000001%d", i);

        worker_enqueue(run, "clean", "t1");
        worker_until(run, "status", "clean");
    }
    /* Asking every two seconds alone would take four times as long. */
    assert_true(clock_mono_ms() - before_ms < 2500);
}

static void nothing_is_claimed_without_the_memory_for_it(void **state)
{
    AUTO(auto_free) char *seen = NULL;

    (void)state;
    worker_fixture.conf.run_memory_bytes = INT64_MAX / 4;
    worker_enqueue(RUN_1, "clean", "t1");
    worker_start();
    do {
        free(seen);
        seen = worker_ask("ZCARD workers");
    } while (strcmp(seen, "1") != 0);
    worker_stop();
    worker_assert(RUN_1, "status", "queued");
}

/* ---- runs that end badly ---- */
static void a_killed_runner_is_an_error_that_names_the_signal(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "die", "t1");
    worker_start();
    worker_until(RUN_1, "status", "error");
    worker_assert(RUN_1, "error_code", "TERRAFORM_KILLED");
    worker_assert_part(RUN_1, "error_message", "signal 9");
}

static void a_runner_without_a_result_is_an_error_with_its_status(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "quit", "t1");
    worker_start();
    worker_until(RUN_1, "status", "error");
    worker_assert_part(RUN_1, "error_message", "status 3");
}

static void what_a_killed_runner_left_is_killed_before_the_run_ends(void **state)
{
    AUTO(auto_free) char *dir = worker_run_path(RUN_1, "");

    (void)state;
    worker_enqueue(RUN_1, "leave", "t1");
    worker_start();
    worker_until(RUN_1, "status", "error");
    assert_false(rundir_alive(dir));
}

static void a_result_that_cannot_be_stored_ends_as_an_error(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "huge", "t1");
    worker_start();
    worker_until(RUN_1, "status", "error");
    worker_assert_part(RUN_1, "error_message", "summary");
}

static void a_specification_that_cannot_be_read_ends_as_an_error(void **state)
{
    AUTO(auto_free) char *set = NULL;

    (void)state;
    worker_enqueue(RUN_1, "clean", "t1");
    set = worker_ask("SET spec:" RUN_1 " {}");
    worker_start();
    worker_until(RUN_1, "status", "error");
    worker_assert_part(RUN_1, "error_message", "specification");
}

static void a_run_that_asks_for_it_is_retried(void **state)
{
    (void)state;
    worker_enqueue(RUN_1, "retry", "t1");
    worker_start();
    worker_until(RUN_1, "status", "delayed");
    worker_assert(RUN_1, "retry_message", "the registry is away");
    worker_until_file(RUN_1, "", false);
}

static void a_retry_without_attempts_left_ends_with_the_error(void **state)
{
    AUTO(auto_free) char *set = NULL;

    (void)state;
    worker_enqueue(RUN_1, "retry", "t1");
    set = worker_ask("HSET run:" RUN_1 " retries 3");
    worker_start();
    worker_until(RUN_1, "status", "error");
    worker_assert(RUN_1, "error_message", "the registry is away");
}

static void a_runner_that_does_not_stop_in_its_time_is_killed(void **state)
{
    (void)state;
    /* The slack of a minute is over 200 ms after the start. */
    worker_fixture.conf.run_timeout_ms =
        -60000 - 2 * worker_fixture.conf.cancel_grace_ms + 200;
    worker_enqueue(RUN_1, "deaf", "t1");
    worker_start();
    worker_until(RUN_1, "status", "error");
    worker_assert(RUN_1, "error_code", "TIMEOUT");
}

/* ---- wishes ---- */
static void a_cancel_reaches_the_runner_at_once(void **state)
{
    int64_t before_ms;

    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    before_ms = clock_mono_ms();
    worker_cancel(RUN_1);
    worker_until(RUN_1, "status", "cancelled");
    /* The heartbeat alone would need up to 4 s. */
    assert_true(clock_mono_ms() - before_ms < 2000);
}

static void a_lost_run_is_interrupted_and_nothing_of_it_written(void **state)
{
    AUTO(auto_free) char *set = NULL;

    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    set = worker_ask("HSET run:" RUN_1 " fence 1-1");
    worker_until_file(RUN_1, "", false);
    worker_assert(RUN_1, "status", "running");
    worker_assert(RUN_1, "exit", "");
}

/* It was given to somebody else and came back before its first attempt here was over. */
static void a_run_that_comes_back_waits_for_its_own_last_attempt(void **state)
{
    AUTO(auto_free) char *fence = NULL, *nonce = NULL, *old = NULL;
    struct queue_hold hold = {.run_id = RUN_1};
    struct redis_cmd cmd;

    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    old = worker_run_path(RUN_1, "old");
    assert_int_equal(mkdir(old, 0700), 0);
    fence = worker_field(RUN_1, "fence");
    nonce = worker_field(RUN_1, "nonce");
    memcpy(hold.fence, fence, strlen(fence) + 1);
    memcpy(hold.nonce, nonce, strlen(nonce) + 1);
    queue_release(&cmd, WORKER_PREFIX, &hold);
    freeReplyObject(worker_call(&cmd));
    worker_until(RUN_1, "attempts", "2");
    worker_until_file(RUN_1, "old", false);
    worker_until_started(RUN_1);
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "clean");
}

static void a_run_waits_for_a_lost_one_in_its_work_directory(void **state)
{
    AUTO(auto_free) char *ended = NULL, *leases = NULL, *active = NULL;
    AUTO(auto_free) char *dir = worker_run_path(RUN_1, "");
    int64_t until_ms;

    (void)state;
    worker_enqueue(RUN_1, "deaf", "t1");
    worker_start();
    worker_until_started(RUN_1);
    ended = worker_ask("HSET run:" RUN_1 " status error fence 1-1");
    leases = worker_ask("ZREM leases " RUN_1);
    active = worker_ask("HDEL active t1");
    worker_enqueue(RUN_2, "clean", "t1");
    worker_until(RUN_2, "status", "running");
    /* Ten times as long as it would take. */
    for (until_ms = clock_mono_ms() + 300; clock_mono_ms() < until_ms;)
        worker_assert(RUN_2, "status", "running");
    rundir_kill_holders(dir);
    worker_until(RUN_2, "status", "clean");
}

static void a_run_that_waits_is_given_back_when_the_worker_drains(void **state)
{
    AUTO(auto_free) char *ended = NULL, *leases = NULL, *active = NULL;

    (void)state;
    worker_fixture.conf.stop_timeout_ms = 3600 * 1000;
    worker_enqueue(RUN_1, "deaf", "t1");
    worker_start();
    worker_until_started(RUN_1);
    ended = worker_ask("HSET run:" RUN_1 " status error fence 1-1");
    leases = worker_ask("ZREM leases " RUN_1);
    active = worker_ask("HDEL active t1");
    worker_enqueue(RUN_2, "clean", "t1");
    worker_until(RUN_2, "status", "running");
    kill(worker_fixture.pid, SIGTERM);
    worker_until(RUN_2, "status", "queued");
    worker_assert(RUN_2, "crashes", "");
}

static void what_a_worker_does_is_shown(void **state)
{
    AUTO(auto_free) char *path = path_join(worker_fixture.data_dir, "w0/id");
    AUTO(buf_done) struct buf id = BUF_INIT(64);
    AUTO(auto_free) char *words = NULL;
    AUTO(auto_free) char *info = NULL;
    int64_t deadline_ms = clock_mono_ms() + 20000;
    struct err err;

    (void)state;
    worker_enqueue(RUN_1, "wait", "t1");
    worker_start();
    worker_until_started(RUN_1);
    assert_int_equal(path_read(path, &id, &err), 0);
    words = mem_fmt("HGET worker:%.36s info", buf_text(&id));
    do {
        free(info);
        info = worker_ask(words);
    } while (!strstr(info, "\"step\":\"plan\"") && clock_mono_ms() < deadline_ms);
    assert_non_null(strstr(info, "\"runs\":[{\"runId\":\"" RUN_1 "\""));
    assert_non_null(strstr(info, "\"step\":\"plan\""));
    assert_non_null(strstr(info, "\"slots\":2"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, worker_set_up, worker_tear_down)

static int tests(void)
{
    const struct CMUnitTest list[] = {
        TEST(a_queued_run_is_done_and_its_result_stored),
        TEST(the_drift_record_is_stored_under_its_target_and_ref),
        TEST(a_log_larger_than_a_chunk_is_shipped_whole_before_the_end),
        TEST(slots_limit_how_many_run_at_a_time),
        TEST(an_idle_worker_is_woken_by_a_new_run),
        TEST(nothing_is_claimed_without_the_memory_for_it),
        TEST(a_killed_runner_is_an_error_that_names_the_signal),
        TEST(a_runner_without_a_result_is_an_error_with_its_status),
        TEST(what_a_killed_runner_left_is_killed_before_the_run_ends),
        TEST(a_result_that_cannot_be_stored_ends_as_an_error),
        TEST(a_specification_that_cannot_be_read_ends_as_an_error),
        TEST(a_run_that_asks_for_it_is_retried),
        TEST(a_retry_without_attempts_left_ends_with_the_error),
        TEST(a_runner_that_does_not_stop_in_its_time_is_killed),
        TEST(a_cancel_reaches_the_runner_at_once),
        TEST(a_lost_run_is_interrupted_and_nothing_of_it_written),
        TEST(a_run_that_comes_back_waits_for_its_own_last_attempt),
        TEST(a_run_waits_for_a_lost_one_in_its_work_directory),
        TEST(a_run_that_waits_is_given_back_when_the_worker_drains),
        TEST(what_a_worker_does_is_shown),
    };

    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return worker_test_main(argc, argv, tests);
}
