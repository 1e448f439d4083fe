/* What is due, and how a tick becomes a run: once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/redis/scripts.h"
#include "tests/support/queue_group.h"
#include "tests/support/schedule_steps.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define RUN_ID    "0194890e-2f00-7000-8000-aaaaaaaaaaaa"
#define SCHEDULE  "0194890e-2f00-7000-8000-000000000000"
#define RACE      100 /* ticks that two schedulers fight for */

/* Schedule 0, due, and what it takes to fire it. */
struct shot {
    struct schedule schedule; /* texts are those of step_get */
    struct order order;
    struct fire fire;
};

static struct shot *shot_at(enum run_kind kind)
{
    static struct shot shot;
    int64_t revision = step_register(&fixture);

    shot = (struct shot){.schedule = step_due(&fixture),
                         .order = step_order(kind, revision)};
    shot.schedule.id = SCHEDULE;
    shot.fire = (struct fire){.schedule = &shot.schedule,
                              .next_tick_ms = shot.schedule.tick_ms + HOUR_MS,
                              .action = FIRE_RUN,
                              .run_id = RUN_ID,
                              .kind = kind,
                              .order = &shot.order};
    return &shot;
}

static struct shot *shot(void)
{
    return shot_at(RUN_DRIFT_CHECK);
}

static enum fire_outcome fire(const struct shot *s)
{
    return step_fire(&fixture, &s->fire);
}

/* The schedule waits for that tick, and for nothing else. */
static void assert_tick(int64_t tick_ms)
{
    const struct schedule now = step_get(&fixture, SCHEDULE);

    assert_int_equal(now.tick_ms, tick_ms);
    assert_int_equal(now.version, 1);
    if (tick_ms == 0)
        assert_string_equal(ask("ZSCORE due " SCHEDULE), "");
    else
        assert_int_equal(strtoll(ask("ZSCORE due " SCHEDULE), NULL, 10), now.due_ms);
}

/* ---- a run ---- */
static void a_tick_becomes_a_waiting_run(void **state)
{
    struct shot *s = shot();
    char credit[32];

    (void)state;
    s->schedule.id = SCHEDULE;
    snprintf(credit, sizeof credit, "%" PRId64,
             fixture.now_ms - run_trigger_credit_ms(TRIGGER_SCHEDULE));
    assert_int_equal(fire(s), FIRED);
    assert_tick(s->fire.next_tick_ms);
    assert_int_equal(step_get(&fixture, SCHEDULE).last_ms, fixture.now_ms);
    assert_status(RUN_ID, "queued");
    assert_string_equal(ask("HGET run:" RUN_ID " trigger"), "schedule");
    assert_string_equal(ask("HGET run:" RUN_ID " schedule"), SCHEDULE);
    assert_string_equal(ask("HGET run:" RUN_ID " locked_by"), "schedule");
    assert_string_equal(ask("HGET run:" RUN_ID " priority"), credit);
    assert_string_equal(ask("HGET run:" RUN_ID " workspace"), STEP_WORKSPACE);
    assert_string_equal(ask("GET spec:" RUN_ID), "{}");
    assert_string_equal(ask("HGET last:%s newest", step_scope()), RUN_ID);
    assert_string_equal(ask("HGET coalesce fingerprint"), RUN_ID);
    assert_string_equal(step_claim(&fixture, "w", "n1").run_id, RUN_ID);
}

static void a_run_shows_its_schedule(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct run_record run;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    assert_int_equal(fire(shot()), FIRED);
    queue_get_run(&cmd, FIXTURE_PREFIX, RUN_ID);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_get_run_reply(reply, RUN_ID, &run, &err), 0);
    assert_string_equal(run.schedule_id, SCHEDULE);
    assert_string_equal(run.trigger, "schedule");
}

static void a_request_joins_the_run_of_a_schedule(void **state)
{
    struct shot *s = shot();
    struct enqueue req = step_check("r2");
    struct enqueued joined;

    (void)state;
    assert_int_equal(fire(s), FIRED);
    req.fingerprint = "fingerprint";
    joined = step_enqueued(&fixture, &req);
    assert_int_equal(joined.outcome, ENQUEUE_COALESCED);
    assert_string_equal(joined.run_id, RUN_ID);
}

/* A thousand at midnight must not shut people out. */
static void runs_of_schedules_take_nobodys_room(void **state)
{
    struct shot *s = shot();
    struct enqueue req = step_check("r2");

    (void)state;
    req.project_id = STEP_PROJECT;
    req.max_queued = req.max_queued_project = 1;
    assert_int_equal(fire(s), FIRED);
    assert_int_equal(step_enqueued(&fixture, &req).outcome, ENQUEUE_NEW);
    assert_string_equal(ask("HGET waiting "), "2");
    req.run_id = "r3";
    assert_int_equal(step_enqueued(&fixture, &req).outcome, ENQUEUE_FULL);
    req.max_queued = 2;
    assert_int_equal(step_enqueued(&fixture, &req).outcome, ENQUEUE_FULL_PROJECT);
    assert_string_equal(step_claim(&fixture, "w", "n1").run_id, RUN_ID);
    assert_int_equal(step_enqueued(&fixture, &req).outcome, ENQUEUE_FULL_PROJECT);
    assert_string_equal(ask("HLEN waiting"), "2"); /* in all, and of that project */
}

static void a_reconcile_is_joined_by_nothing(void **state)
{
    (void)state;
    assert_int_equal(fire(shot_at(RUN_RECONCILE)), FIRED);
    assert_string_equal(ask("HGET run:" RUN_ID " kind"), "reconcile");
    assert_string_equal(ask("HLEN coalesce"), "0");
}

static void the_last_tick_leaves_nothing_due(void **state)
{
    struct shot *s = shot();

    (void)state;
    s->fire.next_tick_ms = 0;
    assert_int_equal(fire(s), FIRED);
    assert_tick(0);
    s->schedule.tick_ms = 0;
    assert_int_equal(fire(s), FIRED_MOVED);
}

/* ---- once ---- */
static void a_tick_is_fired_once(void **state)
{
    struct shot *s = shot();

    (void)state;
    assert_int_equal(fire(s), FIRED);
    assert_int_equal(fire(s), FIRED_MOVED);
    assert_string_equal(ask("ZCARD runs"), "1");
    assert_tick(s->fire.next_tick_ms);
}

/* A tick that is set again, as after a clock that went back. */
static void a_run_that_is_there_is_not_made_again(void **state)
{
    struct shot *s = shot();
    char version[32];

    (void)state;
    assert_int_equal(fire(s), FIRED);
    snprintf(version, sizeof version, "%s", ask("HGET run:" RUN_ID " version"));
    ask("HSET schedule:" SCHEDULE " tick %" PRId64 " due %" PRId64, s->schedule.tick_ms,
        s->schedule.tick_ms);
    assert_int_equal(fire(s), FIRED);
    assert_string_equal(ask("ZCARD runs"), "1");
    assert_string_equal(ask("HGET run:" RUN_ID " version"), version);
    assert_string_equal(ask("HGET waiting "), "1");
    assert_tick(s->fire.next_tick_ms);
}

/* Fires all of them, and returns how often it was the one who did. */
static int fire_all(struct redis *redis, const struct order *order, int64_t tick_ms,
                    bool backwards)
{
    int count = 0;

    for (int i = 0; i < RACE; i++) {
        int n = backwards ? RACE - 1 - i : i;
        struct schedule schedule = {
            .id = step_schedule_id(n), .version = 1, .tick_ms = tick_ms};
        const struct fire fire = {.schedule = &schedule,
                                  .next_tick_ms = tick_ms + HOUR_MS,
                                  .action = FIRE_JOIN_QUEUE,
                                  .run_id = schedule.id,
                                  .kind = RUN_DRIFT_CHECK,
                                  .order = order};
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        AUTO(redis_cmd_done) struct redis_cmd cmd;
        enum fire_outcome outcome;
        struct err err;

        schedule_fire(&cmd, FIXTURE_PREFIX, &fire);
        if (redis_call(redis, &cmd, 5000, &reply, &err) < 0 ||
            schedule_fire_reply(reply, &outcome, &err) < 0)
            _exit(255);
        count += outcome == FIRED;
    }
    return count;
}

static pid_t start_scheduler(const struct order *order, int64_t tick_ms, bool backwards)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct redis *own =
            redis_new(&fixture.server.address, FIXTURE_PREFIX, scripts_all, 5000);

        _exit(fire_all(own, order, tick_ms, backwards));
    }
    assert_true(pid > 0);
    return pid;
}

/* With the clock of Redis itself: the tick is long over. */
static void of_two_schedulers_one_fires_each_tick(void **state)
{
    struct order order = step_order(RUN_DRIFT_CHECK, step_register(&fixture));
    int64_t tick_ms = 1000;
    pid_t pids[2];
    int fired = 0;

    (void)state;
    for (int n = 0; n < RACE; n++) {
        struct schedule schedule = step_schedule(&fixture, n);

        schedule.tick_ms = tick_ms;
        assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_CREATED);
    }
    for (int i = 0; i < 2; i++)
        pids[i] = start_scheduler(&order, tick_ms, i > 0);
    for (int i = 0; i < 2; i++) {
        int status = 0;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= RACE);
        fired += WEXITSTATUS(status);
    }
    assert_int_equal(fired, RACE);
    assert_string_equal(ask("ZCARD runs"), "100");
    assert_string_equal(ask("HGET waiting "), "100");
}

/* ---- not now ---- */
static void nothing_is_fired_before_its_time(void **state)
{
    struct shot *s = shot();

    (void)state;
    queue_fixture_advance(&fixture, -1);
    assert_int_equal(fire(s), FIRED_MOVED);
    s->fire.action = FIRE_PASS;
    assert_int_equal(fire(s), FIRED_MOVED);
    assert_tick(s->schedule.tick_ms);
    assert_string_equal(ask("ZCARD runs"), "0");
}

static void a_review_moves_a_tick_that_is_not_due(void **state)
{
    struct shot *s = shot();

    (void)state;
    queue_fixture_advance(&fixture, -30000);
    s->fire.action = FIRE_PASS;
    s->fire.review = true;
    s->fire.next_tick_ms = fixture.now_ms + 1000; /* earlier than the stored one */
    assert_int_equal(fire(s), FIRED_PASSED);
    assert_tick(fixture.now_ms + 1000);
    s->fire.action = FIRE_RUN;
    s->schedule.tick_ms = s->fire.next_tick_ms;
    s->fire.next_tick_ms += HOUR_MS;
    assert_int_equal(fire(s), FIRED_MOVED);
}

static void a_schedule_that_was_put_or_deleted_meanwhile_has_moved(void **state)
{
    struct shot *s = shot();
    struct schedule schedule = step_schedule(&fixture, 0);

    (void)state;
    schedule.version = 1;
    schedule.tick_ms = s->schedule.tick_ms;
    assert_int_equal(step_put(&fixture, &schedule, s->schedule.tick_ms),
                     SCHEDULE_UPDATED);
    assert_int_equal(fire(s), FIRED_MOVED);
    s->schedule.version = 2;
    s->schedule.tick_ms += 1;
    assert_int_equal(fire(s), FIRED_MOVED);
    s->schedule.tick_ms -= 1;
    assert_int_equal(step_delete(&fixture, SCHEDULE), SCHEDULE_DELETED);
    assert_int_equal(fire(s), FIRED_MOVED);
    assert_string_equal(ask("ZCARD runs"), "0");
}

static void a_registry_that_has_moved_fires_nothing(void **state)
{
    static const enum fire_action actions[] = {FIRE_RUN, FIRE_JOIN_QUEUE, FIRE_SKIP};
    struct shot *s = shot();

    (void)state;
    s->order.revision++;
    s->fire.note = "{}";
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        s->fire.action = actions[i];
        assert_int_equal(fire(s), FIRED_STALE);
    }
    assert_tick(s->schedule.tick_ms);
    assert_string_equal(ask("ZCARD runs"), "0");
    s->order.revision--;
    assert_int_equal(fire(s), FIRED_SKIPPED);
}

static void nothing_is_fired_while_paused(void **state)
{
    struct shot *s = shot();

    (void)state;
    ask("HSET meta paused 1");
    assert_int_equal(fire(s), FIRED_PAUSED);
    assert_tick(s->schedule.tick_ms);
    ask("HSET meta paused 0");
    assert_int_equal(fire(s), FIRED);
}

static void a_pass_moves_on_and_makes_no_run(void **state)
{
    struct shot *s = shot();

    (void)state;
    s->fire.action = FIRE_PASS;
    assert_int_equal(fire(s), FIRED_PASSED);
    assert_tick(s->fire.next_tick_ms);
    assert_int_equal(step_get(&fixture, SCHEDULE).last_ms, 0);
    assert_string_equal(ask("ZCARD runs"), "0");
    assert_int_equal(fire(s), FIRED_MOVED);
}

static void arguments_that_cannot_be_are_refused(void **state)
{
    struct shot *s = shot();
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    s->fire.next_tick_ms = s->schedule.tick_ms;
    schedule_fire(&cmd, FIXTURE_PREFIX, &s->fire);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "bad argument"));
    s->fire.next_tick_ms = 0;
    s->fire.kind = s->order.kind = RUN_APPLY;
    schedule_fire(&cmd, FIXTURE_PREFIX, &s->fire);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "bad argument"));
    assert_tick(s->schedule.tick_ms);
}

/* ---- no two checks of one target ---- */
static void assert_skipped(const char *summary)
{
    assert_status(RUN_ID, "skipped");
    assert_string_equal(ask("HGET run:" RUN_ID " summary"), summary);
}

static void a_tick_beside_a_waiting_check_is_skipped(void **state)
{
    struct shot *s = shot();
    const struct enqueue req = step_check("r1");

    (void)state;
    step_enqueue(&fixture, &req);
    assert_int_equal(fire(s), FIRED_SKIPPED);
    assert_tick(s->fire.next_tick_ms);
    assert_skipped("{\"summary\":\"A check of this workspace was still waiting or "
                   "running\"}");
    assert_int_equal(step_get(&fixture, SCHEDULE).last_ms, 0);
    assert_string_equal(ask("HGET waiting "), "1");
}

static void a_tick_beside_a_running_reconcile_is_skipped(void **state)
{
    struct shot *s = shot_at(RUN_RECONCILE);

    (void)state;
    step_running(&fixture, "r1", RUN_RECONCILE);
    assert_int_equal(fire(s), FIRED_SKIPPED);
    assert_skipped("{\"summary\":\"A reconcile of this workspace was still waiting or "
                   "running\"}");
}

static void a_run_of_another_kind_is_no_reason_to_skip(void **state)
{
    struct shot *s = shot();
    struct enqueue req = step_check("r2");

    (void)state;
    step_running(&fixture, "r1", RUN_RECONCILE);
    req.kind = RUN_PLAN;
    step_enqueue(&fixture, &req);
    assert_int_equal(fire(s), FIRED);
}

static void a_delayed_check_is_no_reason_to_skip(void **state)
{
    struct shot *s = shot();
    struct queue_hold hold = step_running(&fixture, "r1", RUN_DRIFT_CHECK);

    (void)state;
    assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_DONE);
    assert_status("r1", "delayed");
    assert_int_equal(fire(s), FIRED);
}

static void catching_up_waits_in_line(void **state)
{
    struct shot *s = shot();

    (void)state;
    step_running(&fixture, "r1", RUN_DRIFT_CHECK);
    s->fire.action = FIRE_JOIN_QUEUE;
    assert_int_equal(fire(s), FIRED);
    assert_status(RUN_ID, "queued");
}

/* ---- a skipped run ---- */
static void a_skipped_tick_is_history_and_nothing_else(void **state)
{
    struct shot *s = shot();
    char event[64];

    (void)state;
    s->fire.action = FIRE_SKIP;
    s->fire.note = "{\"summary\":\"because\"}";
    assert_int_equal(fire(s), FIRED_SKIPPED);
    assert_skipped("{\"summary\":\"because\"}");
    assert_string_equal(ask("HGET result:" RUN_ID " metadata"),
                        "{\"summary\":\"because\"}");
    assert_tick(s->fire.next_tick_ms);
    assert_string_equal(ask("HGET run:" RUN_ID " schedule"), SCHEDULE);
    assert_int_equal(strtoll(ask("HGET run:" RUN_ID " ended"), NULL, 10), fixture.now_ms);
    assert_string_not_equal(ask("ZSCORE runs " RUN_ID), "");
    assert_string_not_equal(ask("ZSCORE runs:%s " RUN_ID, step_scope()), "");
    assert_string_not_equal(ask("ZSCORE ended " RUN_ID), "");
    assert_string_not_equal(ask("ZSCORE scopes %s", step_scope()), "");
    assert_string_equal(ask("XLEN events"), "1");
    snprintf(event, sizeof event, "%s", ask("HGET run:" RUN_ID " version"));
    assert_string_not_equal(event, "");
    assert_string_equal(ask("EXISTS last:%s", step_scope()), "0");
    assert_string_equal(ask("HGET waiting "), "");
    assert_string_equal(ask("HLEN coalesce"), "0");
    assert_string_equal(ask("EXISTS q:t"), "0");
    assert_string_equal(ask("EXISTS ready"), "0");
    assert_string_equal(step_claim(&fixture, "w", "n1").run_id, "");
    assert_int_equal(step_cancel(&fixture, RUN_ID, true), CANCEL_ENDED);
}

static void skipped_runs_are_trimmed_like_others(void **state)
{
    struct shot *s = shot();

    (void)state;
    s->fire.action = FIRE_SKIP;
    s->fire.note = "{}";
    assert_int_equal(fire(s), FIRED_SKIPPED);
    queue_fixture_advance(&fixture, HOUR_MS);
    s->schedule.tick_ms += HOUR_MS;
    s->fire.next_tick_ms += HOUR_MS;
    s->fire.run_id = "0194890e-2f00-7000-8000-bbbbbbbbbbbb";
    assert_int_equal(fire(s), FIRED_SKIPPED);
    queue_fixture_advance(&fixture, 26 * HOUR_MS);
    step_trim(&fixture, 1, 30, 0);
    assert_status(RUN_ID, "none");
    assert_string_equal(ask("ZCARD runs"), "1");
}

/* A check of the scope "s" that has come to its end, a minute ago. */
static void ended_check(const char *run_id)
{
    struct queue_hold hold = step_running(&fixture, run_id, RUN_DRIFT_CHECK);

    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_DONE);
    queue_fixture_advance(&fixture, MINUTE_MS);
}

/* The next `count` ticks of the schedule, an hour each, in the scope "s". */
static void skip_ticks(struct shot *s, char first, int count)
{
    static char run_id[] = RUN_ID;

    snprintf(s->order.scope, sizeof s->order.scope, "s");
    s->fire.action = FIRE_SKIP;
    s->fire.note = "{}";
    s->fire.run_id = run_id;
    for (int i = 0; i < count; i++) {
        run_id[sizeof run_id - 2] = (char)(first + i);
        assert_int_equal(fire(s), FIRED_SKIPPED);
        queue_fixture_advance(&fixture, HOUR_MS);
        s->schedule.tick_ms += HOUR_MS;
        s->fire.next_tick_ms += HOUR_MS;
    }
}

static void skipped_runs_push_no_others_out_of_the_history(void **state)
{
    struct shot *s = shot();

    (void)state;
    for (int i = 0; i < 3; i++)
        ended_check((const char *[]){"r0", "r1", "r2"}[i]);
    skip_ticks(s, '0', 4);
    queue_fixture_advance(&fixture, 26 * HOUR_MS);
    step_trim(&fixture, 2, 30, 0);
    assert_status("r0", "none");
    assert_status("r1", "clean");
    assert_status("r2", "clean");
    assert_string_equal(ask("ZCARD runs:s"), "4");
    assert_string_equal(ask("ZCARD skips:s"), "2");
    assert_string_equal(ask("EXISTS result:0194890e-2f00-7000-8000-aaaaaaaaaaa1"), "0");
    assert_status("0194890e-2f00-7000-8000-aaaaaaaaaaa2", "skipped");
}

static void a_schedule_without_its_numbers_makes_no_run(void **state)
{
    static const char *const fields[] = {"due", "spread", "jitter"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct shot *s = shot();
        struct redis_cmd cmd;
        struct err err;

        ask("HDEL schedule:" SCHEDULE " %s", fields[i]);
        schedule_fire(&cmd, FIXTURE_PREFIX, &s->fire);
        assert_non_null(
            strstr(queue_fixture_refusal(&fixture, &cmd, &err), "without its numbers"));
        assert_string_equal(ask("EXISTS run:" RUN_ID), "0");
        queue_fixture_reset(&fixture);
    }
}

static void a_full_memory_refuses_to_fire(void **state)
{
    struct shot *s = shot();
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    step_get(&fixture, SCHEDULE); /* the clock is told */
    s->schedule.id = SCHEDULE;
    for (int full = 1; full >= 0; full--) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;

        redis_cmd_init(&cmd);
        redis_cmd_arg(&cmd, "CONFIG");
        redis_cmd_arg(&cmd, "SET");
        redis_cmd_arg(&cmd, "maxmemory");
        redis_cmd_arg(&cmd, full ? "1" : "0");
        reply = queue_fixture_call(&fixture, &cmd);
        if (!full)
            break;
        schedule_fire(&cmd, FIXTURE_PREFIX, &s->fire);
        assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "memory"));
        assert_int_equal(err.kind, ERR_TEMP);
    }
    assert_status(RUN_ID, "none");
    assert_tick(s->schedule.tick_ms);
    assert_int_equal(fire(s), FIRED);
}

/* ---- what is due ---- */
static struct redisReply *read_due(int64_t limit, struct schedules_due *due)
{
    struct redis_cmd cmd;
    struct redisReply *reply;
    struct err err;

    schedule_due(&cmd, FIXTURE_PREFIX, 0, limit);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(schedule_due_reply(reply, due, &err), 0);
    return reply;
}

/* Numbers 0 to count - 1, so far apart, the last of them first. */
static void put_many(int count, int64_t apart_ms)
{
    int64_t now_ms = fixture.now_ms;

    step_register(&fixture);
    for (int n = 0; n < count; n++) {
        struct schedule schedule = step_schedule(&fixture, n);

        schedule.tick_ms = now_ms + (count - n) * apart_ms;
        assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_CREATED);
    }
}

static const char *id_at(const struct redisReply *reply, size_t index)
{
    struct schedule schedule;
    struct err err;

    assert_int_equal(schedule_due_at(reply, index, &schedule, &err), 0);
    return schedule.id;
}

static void what_is_due_comes_longest_due_first(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct schedules_due due;

    (void)state;
    put_many(5, MINUTE_MS);
    reply = read_due(10, &due);
    assert_int_equal(due.count, 0);
    assert_int_equal(due.now_ms, fixture.now_ms);
    assert_int_equal(due.next_due_ms, fixture.now_ms + MINUTE_MS);
    assert_false(due.paused);
    queue_fixture_advance(&fixture, 3 * MINUTE_MS);
    redis_reply_free(&reply);
    reply = read_due(10, &due);
    assert_int_equal(due.count, 3);
    assert_int_equal(due.next_due_ms, fixture.now_ms + MINUTE_MS);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(id_at(reply, i), step_schedule_id(4 - (int)i));
    redis_reply_free(&reply);
    reply = read_due(2, &due);
    assert_int_equal(due.count, 2);
    assert_int_equal(due.next_due_ms, fixture.now_ms);
    queue_fixture_advance(&fixture, HOUR_MS);
    redis_reply_free(&reply);
    reply = read_due(5, &due);
    assert_int_equal(due.count, 5);
    assert_int_equal(due.next_due_ms, 0);
}

static void nothing_is_due_while_paused(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct schedules_due due;

    (void)state;
    put_many(2, -MINUTE_MS);
    ask("HSET meta paused 1");
    reply = read_due(10, &due);
    assert_true(due.paused);
    assert_int_equal(due.count, 0);
    assert_int_equal(due.next_due_ms, 0);
}

static void a_due_entry_without_its_schedule_is_passed_over(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct schedules_due due;

    (void)state;
    put_many(2, -MINUTE_MS);
    ask("ZADD due 5 %s", step_schedule_id(7));
    reply = read_due(10, &due);
    assert_int_equal(due.count, 2);
    assert_string_equal(id_at(reply, 0), step_schedule_id(0));
    assert_int_equal(step_fsck(&fixture), 1);
}

static void the_hosts_come_with_what_is_due(void **state)
{
    struct order_hosts hosts = {
        .of = {[VCS_GITHUB] = "github.com", [VCS_GIT] = "git.test:8443"}};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct schedules_due due;

    (void)state;
    for (int round = 0; round < 2; round++) {
        struct redis_cmd cmd;

        schedule_put_hosts(&cmd, FIXTURE_PREFIX, &hosts);
        redis_reply_free(&reply);
        reply = queue_fixture_call(&fixture, &cmd);
        redis_reply_free(&reply);
        reply = read_due(1, &due);
        assert_string_equal(due.hosts.of[VCS_GIT], "git.test:8443");
        if (round == 0) {
            assert_string_equal(due.hosts.of[VCS_GITHUB], "github.com");
            assert_null(due.hosts.of[VCS_GITLAB]);
        } else {
            assert_null(due.hosts.of[VCS_GITHUB]);
            assert_string_equal(due.hosts.of[VCS_GITLAB], "gitlab.com");
        }
        hosts.of[VCS_GITHUB] = NULL;
        hosts.of[VCS_GITLAB] = "gitlab.com";
    }
}

/* ---- the walk ---- */
/* One piece; moves the last of it away when told. Returns how many, and where it ended.
 */
static size_t walk_piece(int64_t *after_ms, char after_id[SIGN_UUID_BYTES], int *seen,
                         bool move_last)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct schedules_due piece;
    struct schedule schedule;
    struct redis_cmd cmd;
    struct err err;

    schedule_walk(&cmd, FIXTURE_PREFIX, *after_ms, after_id, 4);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(schedule_due_reply(reply, &piece, &err), 0);
    for (size_t i = 0; i < piece.count; i++) {
        assert_int_equal(schedule_due_at(reply, i, &schedule, &err), 0);
        seen[strtol(schedule.id + 24, NULL, 16)]++;
        *after_ms = schedule.due_ms;
        snprintf(after_id, SIGN_UUID_BYTES, "%s", schedule.id);
    }
    assert_true(piece.next_due_ms != 0 || piece.count <= 4);
    if (piece.count > 0 && move_last) {
        struct fire fire = {.schedule = &schedule,
                            .action = FIRE_PASS,
                            .review = true,
                            .next_tick_ms = 1000};

        assert_int_equal(step_fire(&fixture, &fire), FIRED_PASSED);
    }
    return piece.count;
}

/* Of equal due times as well, and whether or not the last one seen is still there. */
static void a_walk_sees_each_schedule_once(void **state)
{
    enum { MANY = 30 };

    (void)state;
    for (int moving = 0; moving < 2; moving++) {
        int64_t after_ms = 0;
        char after_id[SIGN_UUID_BYTES] = "";
        int seen[MANY] = {0}, pieces = 0;

        queue_fixture_reset(&fixture);
        put_many(MANY / 2, 0);
        put_many(MANY, MINUTE_MS); /* those that are there stay as they are */
        while (walk_piece(&after_ms, after_id, seen, moving != 0) > 0)
            assert_true(++pieces <= MANY);
        for (int n = 0; n < MANY; n++)
            assert_int_equal(seen[n], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_tick_becomes_a_waiting_run),
        QUEUE_TEST(a_run_shows_its_schedule),
        QUEUE_TEST(a_request_joins_the_run_of_a_schedule),
        QUEUE_TEST(runs_of_schedules_take_nobodys_room),
        QUEUE_TEST(a_reconcile_is_joined_by_nothing),
        QUEUE_TEST(the_last_tick_leaves_nothing_due),
        QUEUE_TEST(a_tick_is_fired_once),
        QUEUE_TEST(a_run_that_is_there_is_not_made_again),
        QUEUE_TEST(of_two_schedulers_one_fires_each_tick),
        QUEUE_TEST(nothing_is_fired_before_its_time),
        QUEUE_TEST(a_review_moves_a_tick_that_is_not_due),
        QUEUE_TEST(a_schedule_that_was_put_or_deleted_meanwhile_has_moved),
        QUEUE_TEST(a_registry_that_has_moved_fires_nothing),
        QUEUE_TEST(nothing_is_fired_while_paused),
        QUEUE_TEST(a_pass_moves_on_and_makes_no_run),
        QUEUE_TEST(arguments_that_cannot_be_are_refused),
        QUEUE_TEST(a_tick_beside_a_waiting_check_is_skipped),
        QUEUE_TEST(a_tick_beside_a_running_reconcile_is_skipped),
        QUEUE_TEST(a_run_of_another_kind_is_no_reason_to_skip),
        QUEUE_TEST(a_delayed_check_is_no_reason_to_skip),
        QUEUE_TEST(catching_up_waits_in_line),
        QUEUE_TEST(a_skipped_tick_is_history_and_nothing_else),
        QUEUE_TEST(skipped_runs_are_trimmed_like_others),
        QUEUE_TEST(skipped_runs_push_no_others_out_of_the_history),
        QUEUE_TEST(a_schedule_without_its_numbers_makes_no_run),
        QUEUE_TEST(a_full_memory_refuses_to_fire),
        QUEUE_TEST(what_is_due_comes_longest_due_first),
        QUEUE_TEST(nothing_is_due_while_paused),
        QUEUE_TEST(a_due_entry_without_its_schedule_is_passed_over),
        QUEUE_TEST(the_hosts_come_with_what_is_due),
        QUEUE_TEST(a_walk_sees_each_schedule_once),
    };

    return cmocka_run_group_tests_name("schedule_fire", tests, queue_group_setup,
                                       queue_group_teardown);
}
