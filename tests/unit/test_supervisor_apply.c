/* The supervisor: applies that have their mark, when something dies or forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/queue/queue_batch.h"
#include "tests/support/worker_fixture.h"

static void freeze_worker(void)
{
    assert_int_equal(kill(worker_fixture.pid, SIGSTOP), 0);
}

static void thaw_worker(void)
{
    assert_int_equal(kill(worker_fixture.pid, SIGCONT), 0);
}

/* ---- the worker dies ---- */
static void a_mark_whose_answer_nobody_heard_is_asked_for_again(void **state)
{
    (void)state;
    worker_start_until("gated", "started");
    worker_kill();
    worker_as_holder(queue_mark);
    worker_touch(RUN_1, "may-ask");
    worker_until_file(RUN_1, "ask", true);
    worker_start();
    worker_until_file(RUN_1, "applying", true);
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "applied");
    worker_assert(RUN_1, "attempts", "1");
}

static void a_marked_apply_that_never_began_ends_as_an_error(void **state)
{
    AUTO(auto_free) char *active = NULL;

    (void)state;
    worker_start_until("gated", "started");
    worker_kill();
    worker_as_holder(queue_mark);
    worker_touch(RUN_1, "may-ask");
    worker_until_file(RUN_1, "ask", true);
    worker_kill_runner();
    worker_start();
    worker_until(RUN_1, "status", "error");
    active = worker_ask("HGET active t1");
    assert_string_equal(active, "");
}

static void an_apply_outlives_its_worker(void **state)
{
    (void)state;
    worker_start_until("apply", "applying");
    worker_kill();
    worker_start();
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "applied");
    worker_assert(RUN_1, "attempts", "1");
}

static void an_apply_that_died_with_its_worker_is_an_orphan(void **state)
{
    (void)state;
    worker_start_until("apply", "applying");
    worker_kill();
    worker_kill_runner();
    worker_start();
    worker_until(RUN_1, "status", "orphaned");
    worker_assert(RUN_1, "attempts", "1");
}

static void a_drain_leaves_an_apply_to_the_next_worker(void **state)
{
    (void)state;
    worker_fixture.conf.stop_timeout_ms = 100;
    worker_fixture.conf.cancel_grace_ms = -4800; /* it leaves 500 ms after the signal */
    worker_start_until("apply", "applying");
    worker_stop();
    worker_assert(RUN_1, "status", "running");
    assert_false(worker_has(RUN_1, "interrupted"));
    worker_start();
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "applied");
    worker_assert(RUN_1, "attempts", "1");
}

/* ---- the runner dies ---- */
/* Whatever terraform has left behind. */
static void an_apply_whose_runner_died_is_an_orphan_when_terraform_has_ended(void **state)
{
    AUTO(auto_free) char *active = NULL;

    (void)state;
    worker_start_until("orphan", "applying");
    /* Long enough for a worker that would not wait. */
    for (int64_t until_ms = clock_mono_ms() + 500; clock_mono_ms() < until_ms;)
        worker_assert(RUN_1, "status", "running");
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "orphaned");
    assert_true(worker_has(RUN_1, "applied"));
    active = worker_ask("HGET active t1");
    assert_string_equal(active, RUN_1);
    worker_until_file(RUN_1, "orphaned", true);
}

static void an_orphan_is_not_adopted_again(void **state)
{
    (void)state;
    worker_start_until("orphan", "applying");
    worker_let_go_on(RUN_1);
    worker_until_file(RUN_1, "orphaned", true);
    worker_stop();
    worker_set("HDEL run:" RUN_1 " version"); /* any move would write it */
    worker_enqueue(RUN_2, "clean", "t2");
    worker_start();
    worker_until(RUN_2, "status", "clean");
    worker_assert(RUN_1, "version", "");
    assert_true(worker_has(RUN_1, "applying"));
}

/* ---- Redis forgets, or has moved on ---- */
static void an_apply_that_redis_forgot_is_asserted(void **state)
{
    AUTO(auto_free) char *nonce = NULL;

    (void)state;
    worker_start_until("apply", "applying");
    freeze_worker();
    nonce = worker_field(RUN_1, "nonce");
    worker_set("HDEL run:" RUN_1 " marked");
    worker_as_holder(queue_release); /* as it was before the claim */
    worker_set("HDEL run:" RUN_1 " fence nonce");
    redis_server_restart(&worker_fixture.server);
    thaw_worker();
    worker_until(RUN_1, "nonce", nonce);
    worker_assert(RUN_1, "marked", "1");
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "applied");
    assert_false(worker_has(RUN_1, "interrupted"));
}

static void an_apply_that_began_is_never_started_again(void **state)
{
    (void)state;
    worker_start_until("orphan", "applying");
    worker_let_go_on(RUN_1);
    worker_until_file(RUN_1, "orphaned", true);
    worker_set("HSET run:" RUN_1 " status running");
    worker_set("HDEL run:" RUN_1 " marked");
    worker_as_holder(queue_release); /* as it was before the claim */
    worker_until(RUN_1, "attempts", "2");
    worker_until(RUN_1, "status", "error");
    worker_assert_part(RUN_1, "error_message", "forgotten");
    assert_true(worker_has(RUN_1, "orphaned"));
}

static void an_orphan_whose_worker_comes_back_is_held_again(void **state)
{
    (void)state;
    worker_start_until("apply", "applying");
    freeze_worker();
    worker_as_holder(queue_orphan);
    redis_server_restart(&worker_fixture.server);
    thaw_worker();
    worker_until(RUN_1, "status", "running");
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "applied");
}

static void an_apply_that_a_person_resolved_is_stopped_and_noted(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    (void)state;
    worker_start_until("apply", "applying");
    freeze_worker();
    worker_as_holder(queue_orphan);
    queue_resolve(&cmd, WORKER_PREFIX, RUN_1, RUN_ERROR, "looked at", true);
    reply = worker_call(&cmd);
    redis_server_restart(&worker_fixture.server);
    thaw_worker();
    worker_until(RUN_1, "note", "applied  ");
    worker_assert(RUN_1, "status", "error");
    worker_until_file(RUN_1, "", false);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, worker_set_up, worker_tear_down)

static int tests(void)
{
    const struct CMUnitTest list[] = {
        TEST(a_mark_whose_answer_nobody_heard_is_asked_for_again),
        TEST(a_marked_apply_that_never_began_ends_as_an_error),
        TEST(an_apply_outlives_its_worker),
        TEST(an_apply_that_died_with_its_worker_is_an_orphan),
        TEST(a_drain_leaves_an_apply_to_the_next_worker),
        TEST(an_apply_whose_runner_died_is_an_orphan_when_terraform_has_ended),
        TEST(an_orphan_is_not_adopted_again),
        TEST(an_apply_that_redis_forgot_is_asserted),
        TEST(an_apply_that_began_is_never_started_again),
        TEST(an_orphan_whose_worker_comes_back_is_held_again),
        TEST(an_apply_that_a_person_resolved_is_stopped_and_noted),
    };

    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return worker_test_main(argc, argv, tests);
}
