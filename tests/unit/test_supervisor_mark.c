/* The supervisor: applies that ask whether they may begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tests/support/worker_fixture.h"
#include "worker/rundir/rundir.h"

#define LONG_MS 20000

/* ---- before the mark ---- */
static void an_apply_begins_once_it_is_marked(void **state)
{
    (void)state;
    worker_start_until("apply", "applying");
    worker_assert(RUN_1, "marked", "1");
    assert_true(worker_has(RUN_1, "marked"));
    worker_assert(RUN_1, "status", "running");
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "applied");
    worker_until_file(RUN_1, "done", true);
}

/* Without the poke it would be seen a second after the look at its start. */
static void a_poke_is_answered_at_once(void **state)
{
    int64_t before_ms;

    (void)state;
    worker_start_until("gated", "started");
    before_ms = clock_mono_ms();
    worker_touch(RUN_1, "may-ask");
    worker_until_file(RUN_1, "applying", true);
    assert_true(clock_mono_ms() - before_ms < 600);
}

static void nothing_is_applied_while_it_is_frozen(void **state)
{
    (void)state;
    worker_start_until("gated", "started");
    worker_set("HSET meta frozen 1");
    worker_touch(RUN_1, "may-ask");
    worker_until(RUN_1, "error_code", "FROZEN");
    assert_true(worker_has(RUN_1, "said-frozen"));
    worker_assert(RUN_1, "marked", "");
    assert_false(worker_has(RUN_1, "marked"));
}

static void an_apply_that_somebody_cancels_first_does_not_begin(void **state)
{
    (void)state;
    worker_start_until("gated", "started");
    worker_set("HSET run:" RUN_1 " cancel 1");
    worker_touch(RUN_1, "may-ask");
    worker_until(RUN_1, "status", "cancelled");
    assert_true(worker_has(RUN_1, "said-cancelled"));
    assert_false(worker_has(RUN_1, "applying"));
}

static void an_apply_that_is_lost_first_does_not_begin(void **state)
{
    (void)state;
    worker_start_until("gated", "started");
    worker_set("HSET run:" RUN_1 " fence 1-1");
    worker_touch(RUN_1, "may-ask");
    worker_until_file(RUN_1, "", false);
    worker_assert(RUN_1, "marked", "");
    worker_assert(RUN_1, "exit", "");
}

static void an_apply_whose_lease_is_over_is_given_back(void **state)
{
    (void)state;
    worker_start_until("gated", "started");
    worker_set("ZADD leases 1 " RUN_1); /* until the next heartbeat, seconds from now */
    worker_touch(RUN_1, "may-ask");
    worker_until(RUN_1, "attempts", "2");
    worker_assert(RUN_1, "crashes", "");
}

static void before_the_mark_a_drain_interrupts_an_apply(void **state)
{
    (void)state;
    worker_fixture.conf.stop_timeout_ms = 100;
    worker_start_until("gated", "started");
    worker_stop();
    worker_assert(RUN_1, "status", "queued");
    worker_until_file(RUN_1, "", false);
}

/* ---- Redis is silent ---- */
static int64_t serial_asked(void)
{
    AUTO(auto_free) char *dir = worker_run_path(RUN_1, "");
    struct rundir_ask ask = {0};

    return rundir_read_ask(dir, &ask) ? ask.serial : 0;
}

static void until_asked_again(int64_t after)
{
    int64_t deadline_ms = clock_mono_ms() + LONG_MS;

    while (serial_asked() <= after && clock_mono_ms() < deadline_ms)
        poll(NULL, 0, 10);
    assert_true(serial_asked() > after);
}

static void without_an_answer_from_redis_it_asks_again(void **state)
{
    (void)state;
    worker_start_until("gated", "started");
    redis_server_freeze(&worker_fixture.server);
    worker_touch(RUN_1, "may-ask");
    until_asked_again(2);
    assert_false(worker_has(RUN_1, "applying"));
    assert_false(worker_has(RUN_1, "marked"));
    redis_server_thaw(&worker_fixture.server);
    worker_until_file(RUN_1, "applying", true);
    worker_let_go_on(RUN_1);
    worker_until(RUN_1, "status", "applied");
    worker_assert(RUN_1, "attempts", "1");
}

/* ---- replicas ---- */
static void free_port(char port[8])
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    AUTO(auto_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&name, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    snprintf(port, 8, "%d", ntohs(name.sin_port));
}

static void until_replicated(void)
{
    struct redis_fitness fitness = {0};
    int64_t deadline_ms = clock_mono_ms() + LONG_MS;
    struct err err;

    while (fitness.replicas != 1 && clock_mono_ms() < deadline_ms)
        if (redis_check(worker_fixture.redis, &fitness, &err) < 0)
            poll(NULL, 0, 10);
    assert_int_equal(fitness.replicas, 1);
}

static void an_apply_waits_until_a_replica_has_its_mark(void **state)
{
    char port[8];
    const char *const master[] = {
        "--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0", NULL};
    const char *const follower[] = {"--replicaof", "127.0.0.1", port, NULL};
    struct redis_server replica;

    (void)state;
    free_port(port);
    worker_fixture.server.options = master;
    redis_server_restart(&worker_fixture.server);
    redis_server_start(&replica, REDIS_SERVER_MEMORY, follower);
    until_replicated();
    worker_start_until("gated", "started");
    redis_server_freeze(&replica);
    worker_touch(RUN_1, "may-ask");
    until_asked_again(5); /* longer than the wait for the replica */
    worker_assert(RUN_1, "marked", "1");
    assert_false(worker_has(RUN_1, "marked") || worker_has(RUN_1, "applying"));
    redis_server_thaw(&replica);
    worker_until_file(RUN_1, "applying", true);
    worker_kill();
    worker_kill_runner();
    redis_server_stop(&replica);
    redis_server_kill(&worker_fixture.server);
    worker_fixture.server.options = NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, worker_set_up, worker_tear_down)

static int tests(void)
{
    const struct CMUnitTest list[] = {
        TEST(an_apply_begins_once_it_is_marked),
        TEST(a_poke_is_answered_at_once),
        TEST(nothing_is_applied_while_it_is_frozen),
        TEST(an_apply_that_somebody_cancels_first_does_not_begin),
        TEST(an_apply_that_is_lost_first_does_not_begin),
        TEST(an_apply_whose_lease_is_over_is_given_back),
        TEST(before_the_mark_a_drain_interrupts_an_apply),
        TEST(without_an_answer_from_redis_it_asks_again),
        TEST(an_apply_waits_until_a_replica_has_its_mark),
    };

    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return worker_test_main(argc, argv, tests);
}
