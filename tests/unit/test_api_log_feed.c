/* Watched runs: what a hub asks of Redis, and hands out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/log/log_hub.h"
#include "common/base/mem.h"
#include "common/base/zip.h"
#include "common/conf/conf.h"
#include "tests/support/queue_steps.h"

#define RUN       "0194890e-2f00-7000-8000-000000000001"
#define LOG_BYTES ((size_t)1 << 20)
#define TURNS_MAX 2000

static struct queue_fixture fixture;
static char prefix[] = FIXTURE_PREFIX;
static struct conf conf = {.redis_prefix = prefix};
static struct api api;

struct watcher {
    struct log_member member; /* first */
    int ends;
};
static struct watcher early, late;

static int start(void **state)
{
    (void)state;
    queue_fixture_start(&fixture);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    queue_fixture_stop(&fixture);
    return 0;
}

/* ---- an api that has no server ---- */
static void turn(void)
{
    log_feed_turn(api.log_feed);
    link_turn(&api.link);
    loop_turn(&api.loop, 20);
}

static int open_api(void **state)
{
    struct err err;

    (void)state;
    queue_fixture_reset(&fixture);
    api =
        (struct api){.conf = &conf, .loop.epoll_fd = -1, .redis = fixture.server.address};
    if (loop_open(&api.loop, &err) < 0)
        return -1;
    link_open(&api.link, &api.loop, &api.redis, FIXTURE_PREFIX);
    api.log_feed = log_feed_new(&api);
    for (int i = 0; i < TURNS_MAX && !redis_link_ready(api.link.redis); i++)
        turn();
    return redis_link_ready(api.link.redis) ? 0 : -1;
}

static int close_api(void **state)
{
    (void)state;
    link_close(&api.link);
    log_feed_leave(&early.member);
    log_feed_leave(&late.member);
    log_feed_free(api.log_feed);
    loop_done(&api.loop);
    return 0;
}

static void turn_until_answered(void)
{
    for (int i = 0; i < TURNS_MAX && redis_link_pending(api.link.redis) > 0; i++)
        turn();
    assert_int_equal(redis_link_pending(api.link.redis), 0);
}

/* ---- a run and who watches it ---- */
static void note_end(struct log_member *member)
{
    ((struct watcher *)(void *)member)->ends++;
}

static void join(struct watcher *watcher, enum run_status status)
{
    struct run_record run = {.id = RUN, .status = status, .attempts = 1};

    *watcher = (struct watcher){.member.ended = note_end};
    log_feed_join(api.log_feed, &watcher->member, &run);
}

static void finish_run(const char *text, size_t len)
{
    AUTO(buf_done) struct buf packed = BUF_INIT(LOG_BYTES);
    struct queue_hold hold = step_running(&fixture, RUN, RUN_DRIFT_CHECK);

    zip_deflate(text, len, &packed);
    assert_int_equal(step_finish_with(&fixture, &hold,
                                      &(struct finish){.status = RUN_CLEAN,
                                                       .exit_code = 0,
                                                       .error_code = "",
                                                       .error_message = "",
                                                       .commit = "",
                                                       .summary = "",
                                                       .log = packed.data,
                                                       .log_len = packed.len}),
                     HOLD_DONE);
}

/* ---- tests ---- */
/* One was there before the end, whose look at the run is on its way; another has come
 * after it, and asks for what is stored at once. */
static void a_stored_log_is_read_once_whoever_hears_of_the_end_first(void **state)
{
    AUTO(auto_free) char *text = mem_new(1, LOG_BYTES);
    const char *bytes;
    size_t len;

    (void)state;
    memset(text, 'x', LOG_BYTES);
    finish_run(text, LOG_BYTES);
    join(&early, RUN_RUNNING);
    join(&late, RUN_CLEAN);
    assert_int_equal(log_hub_stored(late.member.hub, &bytes, &len), LOG_STORED_ASKED);
    turn_until_answered();
    assert_int_equal(early.ends, 1);
    assert_int_equal(late.ends, 1);
    assert_int_equal(log_hub_stored(late.member.hub, &bytes, &len), LOG_STORED_THERE);
    assert_int_equal(len, LOG_BYTES);
    assert_true(memcmp(bytes, text, LOG_BYTES) == 0);
    assert_int_equal(api.log_feed->stored_bytes, LOG_BYTES);
    log_feed_leave(&early.member);
    log_feed_leave(&late.member);
    assert_int_equal(api.log_feed->stored_bytes, 0);
    assert_null(api.log_feed->stored);
    assert_int_equal(api.log_feed->hubs, 0);
}

/* It had no part in the reading. */
static void who_was_there_hears_of_an_end_that_another_has_read(void **state)
{
    const char *bytes;
    size_t len;

    (void)state;
    finish_run("all\n", 4);
    join(&early, RUN_RUNNING);
    join(&late, RUN_CLEAN);
    turn_until_answered();
    assert_int_equal(early.ends, 1);
    assert_int_equal(log_hub_stored(early.member.hub, &bytes, &len), LOG_STORED_THERE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_stored_log_is_read_once_whoever_hears_of_the_end_first, open_api,
            close_api),
        cmocka_unit_test_setup_teardown(
            who_was_there_hears_of_an_end_that_another_has_read, open_api, close_api),
    };

    return cmocka_run_group_tests_name("api_log_feed", tests, start, stop);
}
