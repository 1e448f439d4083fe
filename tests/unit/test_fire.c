/* Firing: ticks become runs once, in their time, whatever happens on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/fire_fixture.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* Only the tests of the review have one at the start. */
#define NO_REVIEW_MS (1000 * DAY_MS)

static struct fire_fixture fixture;
static struct firing firing;

static int start(void **state)
{
    (void)state;
    fire_fixture_start(&fixture);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fire_fixture_stop(&fixture);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    fire_fixture_reset(&fixture);
    fire_fixture_init(&fixture, &firing);
    firing.review.due_mono_ms = NO_REVIEW_MS;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fire_done(&firing);
    return 0;
}

#define ask(...) queue_fixture_ask(&fixture.queue, __VA_ARGS__)

/* ---- steps ---- */
/* Number n of "prod": a drift check each minute, unless it is changed. */
static struct schedule minutely(int n)
{
    struct schedule schedule = step_schedule(&fixture.queue, n);

    schedule.cron = "* * * * *";
    return schedule;
}

static const char *put(struct schedule schedule)
{
    struct zone *zone = NULL;
    struct cron cron;
    struct err err;

    assert_int_equal(cron_parse(schedule.cron, &cron, &err), 0);
    if (zone_load(schedule.timezone, &zone, &err) == 0)
        schedule.tick_ms = schedule_first(&cron, zone, fixture.queue.now_ms);
    zone_free(zone);
    assert_int_equal(step_put(&fixture.queue, &schedule, 0), SCHEDULE_CREATED);
    return schedule.id;
}

/* A turn of that scheduler; returns for how long (ms) it would sleep. */
static int64_t turn_of(struct firing *one)
{
    int64_t next_mono_ms = 0;
    struct err err;

    if (fire_tick(one, fixture.boot_ms, &next_mono_ms, &err) < 0)
        fail_msg("%s", err.message);
    return next_mono_ms - fixture.boot_ms;
}

/* At that time, whenever it wanted to be called. */
static int64_t turn_at_once(struct firing *one)
{
    one->due_mono_ms = 0;
    return turn_of(one);
}

static void advance(int64_t ms)
{
    fire_fixture_advance(&fixture, ms);
}

static int64_t number(const char *words)
{
    AUTO(redis_reply_free)
    struct redisReply *reply = queue_fixture_plain(&fixture.queue, words);

    return redis_reply_int(reply, 0);
}

static int64_t runs(void)
{
    return number("ZCARD runs");
}

static const char *tick_run(const char *schedule_id, int64_t tick_ms)
{
    static char run_id[SIGN_UUID_BYTES];

    schedule_run_id(schedule_id, tick_ms, run_id);
    return run_id;
}

/* Takes all runs out of Redis, so that they are in nobody's way. */
static void forget_runs(void)
{
    AUTO(redis_reply_free)
    struct redisReply *reply = queue_fixture_plain(&fixture.queue, "ZRANGE runs 0 -1");

    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        const char *id = redis_reply_text(redis_reply_at(reply, i));
        char target[SIGN_ID_BYTES];

        snprintf(target, sizeof target, "%s", ask("HGET run:%s target", id));
        ask("DEL run:%s", id);
        ask("DEL q:%s", target);
    }
    ask("DEL runs");
    ask("DEL coalesce");
}

/* ---- in time ---- */
static void a_tick_becomes_a_run(void **state)
{
    const char *id = put(minutely(0));
    const int64_t tick_ms = fixture.queue.now_ms + MINUTE_MS;
    const char *run;

    (void)state;
    advance(MINUTE_MS + 7);
    turn_of(&firing);
    assert_int_equal(runs(), 1);
    run = tick_run(id, tick_ms);
    assert_string_equal(ask("HGET run:%s status", run), "queued");
    assert_string_equal(ask("HGET run:%s trigger", run), "schedule");
    assert_string_equal(ask("HGET run:%s kind", run), "drift_check");
    assert_string_equal(ask("HGET run:%s schedule", run), id);
    assert_int_equal(step_get(&fixture.queue, id).tick_ms, tick_ms + MINUTE_MS);
    assert_int_equal(step_get(&fixture.queue, id).last_ms, tick_ms + 7);
    assert_int_equal(firing.counts.fired, 1);
    assert_int_equal(firing.lateness.count, 1);
    assert_true(firing.lateness.sum_s > 0.0069 && firing.lateness.sum_s < 0.0071);
}

static void nothing_fires_before_its_due_time(void **state)
{
    struct schedule schedule = minutely(0);
    int64_t due_ms;

    (void)state;
    schedule.jitter_s = 60;
    due_ms = step_get(&fixture.queue, put(schedule)).due_ms;
    advance(due_ms - fixture.queue.now_ms - 300);
    assert_int_equal(turn_at_once(&firing), 300);
    assert_int_equal(runs(), 0);
    advance(299);
    assert_int_equal(turn_at_once(&firing), 1);
    assert_int_equal(runs(), 0);
    advance(1);
    turn_at_once(&firing);
    assert_int_equal(runs(), 1);
}

static void it_wakes_when_the_next_one_is_due_or_after_a_second(void **state)
{
    (void)state;
    assert_int_equal(turn_of(&firing), 1000);
    put(minutely(0));
    advance(MINUTE_MS - 700);
    assert_int_equal(turn_of(&firing), 700);
}

static void more_than_a_batch_is_fired_in_one_turn(void **state)
{
    (void)state;
    for (int i = 0; i < 250; i++) {
        AUTO(auto_free) char *name = mem_fmt("w%d", i);
        AUTO(auto_free) char *json = mem_fmt("{\"directory\":\"d%d\"}", i);
        struct schedule schedule = minutely(i);

        fire_fixture_workspace(&fixture, STEP_PROJECT, name, json);
        schedule.workspace_id = name;
        put(schedule);
    }
    advance(MINUTE_MS);
    turn_of(&firing);
    assert_int_equal(firing.counts.fired, 250);
    assert_int_equal(runs(), 250);
    assert_int_equal(number("ZCARD ready"), 250);
}

/* ---- what a run is made of ---- */
static void a_check_that_is_still_under_way_makes_the_tick_a_skipped_one(void **state)
{
    const char *id = put(minutely(0));
    const int64_t second_ms = fixture.queue.now_ms + 2 * MINUTE_MS;

    (void)state;
    advance(MINUTE_MS);
    turn_of(&firing);
    advance(MINUTE_MS);
    turn_of(&firing);
    assert_string_equal(ask("HGET run:%s status", tick_run(id, second_ms)), "skipped");
    assert_int_equal(firing.counts.fired, 1);
    assert_int_equal(firing.counts.skipped, 1);
    assert_int_equal(number("ZCARD ready"), 1);
}

static void a_reconcile_wants_the_workspaces_leave(void **state)
{
    struct schedule schedule = minutely(0);
    const int64_t tick_ms = fixture.queue.now_ms + MINUTE_MS;
    const char *id;

    (void)state;
    schedule.type = SCHEDULE_RECONCILE;
    id = put(schedule);
    advance(MINUTE_MS);
    turn_of(&firing);
    assert_string_equal(ask("HGET run:%s status", tick_run(id, tick_ms)), "skipped");
    assert_non_null(strstr(ask("HGET run:%s summary", tick_run(id, tick_ms)),
                           "does not have autoReconcile"));
    fire_fixture_workspace(&fixture, STEP_PROJECT, STEP_WORKSPACE,
                           "{\"autoReconcile\":true}");
    advance(MINUTE_MS);
    turn_of(&firing);
    assert_string_equal(ask("HGET run:%s status", tick_run(id, tick_ms + MINUTE_MS)),
                        "queued");
    assert_string_equal(ask("HGET run:%s kind", tick_run(id, tick_ms + MINUTE_MS)),
                        "reconcile");
}

static void a_workspace_that_has_changed_is_read_again(void **state)
{
    const char *id = put(minutely(0));
    const int64_t tick_ms = fixture.queue.now_ms + MINUTE_MS;
    const char *run;

    (void)state;
    advance(MINUTE_MS);
    turn_of(&firing);
    forget_runs();
    fire_fixture_workspace(&fixture, STEP_PROJECT, STEP_WORKSPACE,
                           "{\"ref\":\"release\"}");
    advance(MINUTE_MS);
    turn_of(&firing);
    run = tick_run(id, tick_ms + MINUTE_MS);
    assert_string_equal(ask("HGET run:%s ref", run), "release");
}

/* ---- what is not as it should be ---- */
static void broken_documents_pass_the_tick(void **state)
{
    struct schedule broken = minutely(0), well = minutely(1);

    (void)state;
    fire_fixture_workspace(&fixture, STEP_PROJECT, "bad", "{\"directory\":7}");
    broken.workspace_id = "bad";
    put(broken);
    put(well);
    advance(MINUTE_MS);
    turn_of(&firing);
    assert_int_equal(runs(), 1);
    assert_int_equal(firing.counts.passed, 1);
    assert_int_equal(step_get(&fixture.queue, step_schedule_id(0)).tick_ms,
                     fixture.queue.now_ms + MINUTE_MS);
}

static void a_type_of_repository_that_is_not_set_up_passes_the_tick(void **state)
{
    struct schedule schedule = minutely(0);

    (void)state;
    fire_fixture_project(
        &fixture, "lab",
        "{\"type\":\"Gitlab\",\"repository\":\"acme/net\",\"ref\":\"main\"}");
    fire_fixture_workspace(&fixture, "lab", STEP_WORKSPACE, "{}");
    schedule.project_id = "lab";
    put(schedule);
    advance(MINUTE_MS);
    turn_of(&firing);
    assert_int_equal(runs(), 0);
    assert_int_equal(firing.counts.passed, 1);
}

static void until_an_api_has_named_its_hosts_ticks_wait(void **state)
{
    (void)state;
    fire_fixture_hosts(&fixture, NULL);
    put(minutely(0));
    advance(MINUTE_MS);
    assert_true(turn_of(&firing) > 0);
    assert_int_equal(runs(), 0);
    assert_int_equal(firing.counts.passed, 0);
    fire_fixture_hosts(&fixture, "github.com");
    advance(1000);
    turn_of(&firing);
    assert_int_equal(runs(), 1);
}

static void a_zone_that_is_not_there_passes_the_tick(void **state)
{
    struct schedule lost = minutely(0);
    int64_t next_ms;

    (void)state;
    lost.timezone = "Europe/Atlantis";
    lost.jitter_s = 1;
    put(lost);
    put(minutely(1));
    advance(MINUTE_MS + 1000);
    assert_true(turn_of(&firing) > 0);
    assert_int_equal(runs(), 1);
    assert_int_equal(firing.counts.passed, 1);
    next_ms = step_get(&fixture.queue, step_schedule_id(0)).due_ms;
    assert_int_equal(next_ms, fixture.queue.now_ms + HOUR_MS);
}

/* ---- pause, and ticks that were missed ---- */
static const struct missed_case {
    enum schedule_missed missed;
    int64_t away_ms;
    int64_t runs;
} missed_cases[] = {
    {SCHEDULE_MISSED_ONE, 5 * HOUR_MS + 10 * MINUTE_MS, 1},
    {SCHEDULE_MISSED_SKIP, 5 * HOUR_MS + 10 * MINUTE_MS, 0},
    {SCHEDULE_MISSED_ALL, 5 * HOUR_MS + 10 * MINUTE_MS, 5},
    {SCHEDULE_MISSED_ALL, 3 * DAY_MS + 10 * MINUTE_MS, SCHEDULE_ALL_MAX},
    {SCHEDULE_MISSED_SKIP, HOUR_MS + 1000, 1}, /* on time */
};

static void nothing_fires_while_paused_and_then_the_policy_decides(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(missed_cases); i++) {
        const struct missed_case *c = &missed_cases[i];
        struct schedule schedule;

        tear_down(state);
        set_up(state);
        schedule = minutely(0);
        schedule.cron = "0 * * * *";
        schedule.missed = c->missed;
        put(schedule);
        ask("HSET meta paused 1");
        advance(c->away_ms);
        assert_true(turn_of(&firing) > 0);
        assert_int_equal(runs(), 0);
        ask("HDEL meta paused");
        advance(1000);
        for (int turn = 0; turn < 5; turn++)
            turn_at_once(&firing);
        if (runs() != c->runs || number("ZCARD ready") != (c->runs > 0))
            fail_msg("case %zu: %d runs", i, (int)runs());
    }
}

/* ---- several schedulers, and what may happen to one ---- */
static struct firing other;
static bool nested;

static bool is_script(const struct redis_cmd *cmd, const char *name)
{
    return cmd->script != NULL && strcmp(cmd->script->name, name) == 0;
}

/* Another scheduler is faster. */
static int other_first(const struct redis_cmd *cmds, size_t count,
                       struct redisReply **replies, struct err *err)
{
    if (is_script(&cmds[0], "fire") && !nested) {
        nested = true;
        turn_of(&other);
    }
    return fire_fixture_pass_on(cmds, count, replies, err);
}

static void of_two_schedulers_one_gets_through(void **state)
{
    (void)state;
    nested = false;
    fire_fixture_init(&fixture, &other);
    put(minutely(0));
    advance(MINUTE_MS);
    fixture.between = other_first;
    turn_of(&firing);
    assert_true(nested);
    assert_int_equal(runs(), 1);
    assert_int_equal(other.counts.fired, 1);
    assert_int_equal(firing.counts.fired, 0);
    assert_int_equal(firing.counts.moved, 1);
    fire_done(&other);
}

/* The answer does not come. */
static int lose_answers(const struct redis_cmd *cmds, size_t count,
                        struct redisReply **replies, struct err *err)
{
    if (fire_fixture_pass_on(cmds, count, replies, err) < 0)
        return -1;
    if (!is_script(&cmds[0], "fire"))
        return 0;
    for (size_t i = 0; i < count; i++)
        redis_reply_free(&replies[i]);
    return err_set(err, ERR_TEMP, "no answer");
}

static void an_answer_that_got_lost_doubles_nothing(void **state)
{
    int64_t next_mono_ms;
    struct err err;

    (void)state;
    put(minutely(0));
    advance(MINUTE_MS);
    fixture.between = lose_answers;
    fire_tick(&firing, fixture.boot_ms, &next_mono_ms, &err);
    fixture.between = NULL;
    turn_at_once(&firing);
    assert_int_equal(runs(), 1);
    assert_int_equal(firing.counts.fired + firing.counts.skipped, 0);
}

/* Redis refuses whatever has the first schedule in it. */
static int refuse_first(const struct redis_cmd *cmds, size_t count,
                        struct redisReply **replies, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (is_script(&cmds[i], "fire") &&
            memmem(cmds[i].body.data, cmds[i].body.len, step_schedule_id(0),
                   SIGN_UUID_BYTES - 1) != NULL)
            return err_set(err, ERR_PERM, "refused");
    return fire_fixture_pass_on(cmds, count, replies, err);
}

static void one_that_redis_refuses_holds_up_no_other(void **state)
{
    (void)state;
    fire_fixture_workspace(&fixture, STEP_PROJECT, "w1", "{\"directory\":\"d1\"}");
    for (int i = 0; i < 2; i++) {
        struct schedule schedule = minutely(i);

        schedule.workspace_id = i == 0 ? STEP_WORKSPACE : "w1";
        put(schedule);
    }
    advance(MINUTE_MS);
    fixture.between = refuse_first;
    assert_true(turn_of(&firing) > 0);
    assert_int_equal(firing.counts.fired, 1);
    assert_int_equal(step_get(&fixture.queue, step_schedule_id(0)).due_ms,
                     fixture.queue.now_ms);
}

/* Such as those of a type that only a later version knows. */
static void many_that_cannot_be_read_hold_up_no_other(void **state)
{
    struct schedule last = minutely(FIRE_BATCH);

    (void)state;
    for (int i = 0; i < FIRE_BATCH; i++)
        ask("HSET schedule:%s type later", put(minutely(i)));
    fire_fixture_workspace(&fixture, STEP_PROJECT, "w1", "{\"directory\":\"d1\"}");
    last.id = step_schedule_id(FIRE_BATCH);
    last.workspace_id = "w1";
    put(last);
    advance(MINUTE_MS);
    turn_of(&firing);
    assert_int_equal(firing.counts.fired, 1);
    assert_int_equal(runs(), 1);
}

/* It can never be fired, and is looked at now and then until fsck takes it back. */
static void one_that_has_lost_its_tick_keeps_nobody_busy(void **state)
{
    const char *id = put(minutely(0));

    (void)state;
    advance(MINUTE_MS);
    ask("HDEL schedule:%s tick", id);
    assert_int_equal(turn_of(&firing), 1000);
    assert_in_range(firing.counts.moved, 1, 100);
    assert_int_equal(runs(), 0);
}

static void without_redis_it_is_tried_again_in_a_moment(void **state)
{
    int64_t next_mono_ms = 0;
    struct err err;

    (void)state;
    turn_of(&firing);
    redis_server_kill(&fixture.queue.server);
    advance(1000);
    assert_int_equal(fire_tick(&firing, fixture.boot_ms, &next_mono_ms, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_in_range(next_mono_ms - fixture.boot_ms, 1, 1000);
    redis_server_restart(&fixture.queue.server);
}

static int no_memory(const struct redis_cmd *cmds, size_t count,
                     struct redisReply **replies, struct err *err)
{
    if (is_script(&cmds[0], "fire"))
        return err_set(err, ERR_TEMP, "Redis is out of memory");
    return fire_fixture_pass_on(cmds, count, replies, err);
}

/* Redis is there: that is no news for who asks whether it is away. */
static void what_does_not_fit_into_memory_stays_due(void **state)
{
    (void)state;
    put(minutely(0));
    advance(MINUTE_MS);
    fixture.between = no_memory;
    assert_true(turn_of(&firing) > 0);
    assert_int_equal(runs(), 0);
    fixture.between = NULL;
    turn_at_once(&firing);
    assert_int_equal(runs(), 1);
}

/* ---- the server's clock ---- */
static void a_step_of_the_clock_holds_fire(void **state)
{
    (void)state;
    put(minutely(0));
    turn_of(&firing);
    fire_fixture_step(&fixture, HOUR_MS);
    for (int second = 0; second < 10; second++) {
        turn_at_once(&firing);
        assert_int_equal(runs(), 0);
        advance(1000);
    }
    turn_at_once(&firing); /* it goes steadily since */
    assert_int_equal(runs(), 1);
}

static void a_clock_that_agrees_with_ours_is_believed(void **state)
{
    (void)state;
    put(minutely(0));
    turn_of(&firing);
    fixture.ahead_ms = -HOUR_MS;
    fire_fixture_step(&fixture, HOUR_MS);
    turn_at_once(&firing);
    assert_int_equal(runs(), 0);
    advance(1000);
    turn_at_once(&firing);
    assert_int_equal(runs(), 1);
}

static void after_a_clock_that_was_ahead_ticks_are_put_right(void **state)
{
    const char *id;
    int64_t tick_ms;

    (void)state;
    turn_of(&firing);
    fire_fixture_step(&fixture, 3 * DAY_MS);
    turn_at_once(&firing);
    id = put(minutely(0));
    fire_fixture_step(&fixture, -3 * DAY_MS);
    tick_ms = fixture.queue.now_ms + MINUTE_MS;
    turn_at_once(&firing);
    assert_true(step_get(&fixture.queue, id).tick_ms > tick_ms + DAY_MS);
    for (int second = 0; second < 15; second++) {
        advance(1000);
        turn_at_once(&firing);
    }
    assert_int_equal(step_get(&fixture.queue, id).tick_ms, tick_ms);
    assert_int_equal(firing.counts.put_right, 1);
}

/* ---- the review ---- */
static void a_review_walks_over_all_and_changes_what_is_wrong(void **state)
{
    const int64_t good_ms = fixture.queue.now_ms + HOUR_MS;

    (void)state;
    firing.review.due_mono_ms = 0;
    for (int i = 0; i < 250; i++) {
        struct schedule schedule = minutely(i);
        AUTO(auto_free) char *workspace = mem_fmt("w%d", i);

        fire_fixture_workspace(&fixture, STEP_PROJECT, workspace, "{}");
        schedule.workspace_id = workspace;
        schedule.cron = "0 * * * *";
        schedule.tick_ms = good_ms + (i % 50 == 49 ? MINUTE_MS : 0);
        assert_int_equal(step_put(&fixture.queue, &schedule, 0), SCHEDULE_CREATED);
    }
    for (int piece = 0; piece < 5; piece++) {
        turn_of(&firing);
        advance(200);
    }
    assert_int_equal(firing.counts.put_right, 5);
    assert_int_equal(firing.counts.passed, 0);
    for (int i = 0; i < 250; i++)
        assert_int_equal(step_get(&fixture.queue, step_schedule_id(i)).tick_ms, good_ms);
    assert_int_equal(runs(), 0);
}

static void a_review_comes_again_each_hour(void **state)
{
    struct schedule schedule = minutely(0);

    (void)state;
    firing.review.due_mono_ms = 0; /* and it finds nothing */
    turn_of(&firing);
    schedule.cron = "0 0 * * *";
    schedule.tick_ms = fixture.queue.now_ms + 2 * DAY_MS; /* one day too late */
    assert_int_equal(step_put(&fixture.queue, &schedule, 0), SCHEDULE_CREATED);
    advance(HOUR_MS - 1000);
    turn_of(&firing);
    assert_int_equal(firing.counts.put_right, 0);
    advance(1000);
    turn_of(&firing);
    assert_int_equal(firing.counts.put_right, 1);
}

/* ---- the rest ---- */
static void the_numbers_are_in_the_metrics(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(65536);

    (void)state;
    put(minutely(0));
    advance(MINUTE_MS);
    turn_of(&firing);
    fire_print_metrics(&firing, &out);
    assert_non_null(
        strstr(buf_text(&out), "\nkedge_schedule_ticks_total{outcome=\"fired\"} 1\n"));
    assert_non_null(
        strstr(buf_text(&out), "\nkedge_schedule_ticks_total{outcome=\"moved\"} 0\n"));
    assert_non_null(
        strstr(buf_text(&out), "\nkedge_schedule_lateness_seconds_count 1\n"));
    assert_non_null(strstr(buf_text(&out), "\nkedge_schedules_due 1\n"));
}

static void what_is_wrong_for_long_is_said_once_an_hour(void **state)
{
    static struct quiet quiet;

    (void)state;
    assert_true(quiet_allows(&quiet, "a", 5));
    assert_false(quiet_allows(&quiet, "a", 6));
    assert_true(quiet_allows(&quiet, "b", 6));
    assert_false(quiet_allows(&quiet, "a", 5 + QUIET_MS - 1));
    assert_true(quiet_allows(&quiet, "a", 5 + QUIET_MS));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tick_becomes_a_run),
        TEST(nothing_fires_before_its_due_time),
        TEST(it_wakes_when_the_next_one_is_due_or_after_a_second),
        TEST(more_than_a_batch_is_fired_in_one_turn),
        TEST(a_check_that_is_still_under_way_makes_the_tick_a_skipped_one),
        TEST(a_reconcile_wants_the_workspaces_leave),
        TEST(a_workspace_that_has_changed_is_read_again),
        TEST(broken_documents_pass_the_tick),
        TEST(a_type_of_repository_that_is_not_set_up_passes_the_tick),
        TEST(until_an_api_has_named_its_hosts_ticks_wait),
        TEST(a_zone_that_is_not_there_passes_the_tick),
        TEST(nothing_fires_while_paused_and_then_the_policy_decides),
        TEST(of_two_schedulers_one_gets_through),
        TEST(an_answer_that_got_lost_doubles_nothing),
        TEST(one_that_redis_refuses_holds_up_no_other),
        TEST(many_that_cannot_be_read_hold_up_no_other),
        TEST(one_that_has_lost_its_tick_keeps_nobody_busy),
        TEST(without_redis_it_is_tried_again_in_a_moment),
        TEST(what_does_not_fit_into_memory_stays_due),
        TEST(a_step_of_the_clock_holds_fire),
        TEST(a_clock_that_agrees_with_ours_is_believed),
        TEST(after_a_clock_that_was_ahead_ticks_are_put_right),
        TEST(a_review_walks_over_all_and_changes_what_is_wrong),
        TEST(a_review_comes_again_each_hour),
        TEST(the_numbers_are_in_the_metrics),
        TEST(what_is_wrong_for_long_is_said_once_an_hour),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
