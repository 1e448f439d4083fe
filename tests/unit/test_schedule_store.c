/* Schedules in Redis: made, changed, read and taken away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/queue_group.h"
#include "tests/support/schedule_steps.h"

#define HOUR_MS    INT64_C(3600000)
#define SCHEDULED  "schedule:0194890e-2f00-7000-8000-000000000000"
#define COMPACT    1000 /* schedules whose memory is looked at */
#define BYTES_EACH 800

static struct redisReply *send(struct redis_cmd *cmd)
{
    return queue_fixture_call(&fixture, cmd);
}

static struct schedule created(int n)
{
    struct schedule schedule = step_schedule(&fixture, n);

    assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_CREATED);
    return step_get(&fixture, schedule.id);
}

/* ---- put ---- */
static void a_schedule_needs_its_workspace(void **state)
{
    struct schedule schedule = step_schedule(&fixture, 0);

    (void)state;
    assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_UNKNOWN);
    step_register(&fixture);
    schedule.workspace_id = "other";
    assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_UNKNOWN);
    assert_string_equal(ask("EXISTS " SCHEDULED), "0");
    assert_string_equal(ask("HGET meta schedule_spread"), "");
}

static void a_schedule_is_stored_as_it_was_put(void **state)
{
    struct schedule schedule = step_schedule(&fixture, 0), now;

    (void)state;
    step_register(&fixture);
    schedule.type = SCHEDULE_RECONCILE;
    schedule.missed = SCHEDULE_MISSED_ALL;
    schedule.cron = "*/5 1-3 * * mon";
    schedule.timezone = "Europe/Berlin";
    schedule.label = "night \xc3\xa4";
    schedule.jitter_s = 90;
    assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_CREATED);
    now = step_get(&fixture, schedule.id);
    assert_string_equal(now.id, schedule.id);
    assert_string_equal(now.project_id, STEP_PROJECT);
    assert_string_equal(now.workspace_id, STEP_WORKSPACE);
    assert_int_equal(now.type, SCHEDULE_RECONCILE);
    assert_int_equal(now.missed, SCHEDULE_MISSED_ALL);
    assert_string_equal(now.cron, "*/5 1-3 * * mon");
    assert_string_equal(now.timezone, "Europe/Berlin");
    assert_string_equal(now.label, "night \xc3\xa4");
    assert_int_equal(now.jitter_s, 90);
    assert_true(now.enabled);
    assert_int_equal(now.spread, 1);
    assert_int_equal(now.version, 1);
    assert_int_equal(now.tick_ms, schedule.tick_ms);
    assert_int_equal(now.due_ms, schedule.tick_ms + schedule_offset_ms(1, 90));
    assert_int_equal(now.last_ms, 0);
    assert_int_equal(now.created_ms, fixture.now_ms);
    assert_int_equal(now.updated_ms, fixture.now_ms);
}

static void what_put_answers_is_the_schedule_as_it_now_is(void **state)
{
    const struct schedule schedule = step_schedule(&fixture, 0);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum schedule_outcome outcome;
    struct redis_cmd cmd;
    struct schedule now;
    struct err err;

    (void)state;
    step_register(&fixture);
    schedule_put(&cmd, FIXTURE_PREFIX, &schedule, 0);
    reply = send(&cmd);
    assert_int_equal(schedule_put_reply(reply, &outcome, &now, &err), 0);
    assert_int_equal(outcome, SCHEDULE_CREATED);
    assert_string_equal(now.id, schedule.id);
    assert_int_equal(now.version, 1);
    assert_int_equal(now.due_ms, schedule.tick_ms);
}

static void a_creation_sent_again_changes_nothing(void **state)
{
    struct schedule schedule = step_schedule(&fixture, 0), now;

    (void)state;
    step_register(&fixture);
    created(0);
    queue_fixture_advance(&fixture, HOUR_MS);
    schedule.cron = "5 * * * *";
    assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_CREATED);
    now = step_get(&fixture, schedule.id);
    assert_string_equal(now.cron, "0 * * * *");
    assert_int_equal(now.version, 1);
    assert_int_equal(now.updated_ms, fixture.now_ms - HOUR_MS);
    assert_string_equal(ask("HGET meta schedule_spread"), "1");
    assert_string_equal(ask("ZCARD schedules:%s", step_scope()), "1");
}

static void a_schedule_is_replaced_as_it_was_read(void **state)
{
    struct schedule schedule, now;
    int64_t made_ms = fixture.now_ms;

    (void)state;
    step_register(&fixture);
    schedule = created(0);
    queue_fixture_advance(&fixture, HOUR_MS);
    schedule.id = step_schedule_id(0);
    schedule.project_id = STEP_PROJECT;
    schedule.workspace_id = STEP_WORKSPACE;
    schedule.cron = "5 * * * *";
    schedule.timezone = "UTC";
    schedule.label = "five past";
    schedule.tick_ms += 2 * HOUR_MS;
    assert_int_equal(step_put(&fixture, &schedule, schedule.tick_ms), SCHEDULE_CHANGED);
    schedule.version = 2;
    assert_int_equal(step_put(&fixture, &schedule, schedule.tick_ms - 2 * HOUR_MS),
                     SCHEDULE_CHANGED);
    schedule.version = 1;
    assert_int_equal(step_put(&fixture, &schedule, schedule.tick_ms - 2 * HOUR_MS),
                     SCHEDULE_UPDATED);
    now = step_get(&fixture, step_schedule_id(0));
    assert_string_equal(now.cron, "5 * * * *");
    assert_string_equal(now.label, "five past");
    assert_int_equal(now.version, 2);
    assert_int_equal(now.spread, 1);
    assert_int_equal(now.tick_ms, schedule.tick_ms);
    assert_int_equal(now.created_ms, made_ms);
    assert_int_equal(now.updated_ms, fixture.now_ms);
    assert_int_equal(strtoll(ask("ZSCORE due %s", step_schedule_id(0)), NULL, 10),
                     schedule.tick_ms);
    schedule.id = step_schedule_id(7);
    assert_int_equal(step_put(&fixture, &schedule, 1), SCHEDULE_UNKNOWN);
}

static void a_disabled_schedule_is_never_due(void **state)
{
    struct schedule schedule = step_schedule(&fixture, 0);
    int64_t tick_ms = schedule.tick_ms;

    (void)state;
    step_register(&fixture);
    created(0);
    schedule.version = 1;
    schedule.enabled = false;
    assert_int_equal(step_put(&fixture, &schedule, tick_ms), SCHEDULE_UPDATED);
    assert_string_equal(ask("ZCARD due"), "0");
    assert_int_equal(step_get(&fixture, schedule.id).tick_ms, 0);
    assert_int_equal(step_get(&fixture, schedule.id).due_ms, 0);
    assert_false(step_get(&fixture, schedule.id).enabled);
    schedule.version = 2;
    schedule.enabled = true;
    assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_UPDATED);
    assert_string_equal(ask("ZCARD due"), "1");
}

static void a_schedule_that_never_comes_is_stored_and_not_due(void **state)
{
    struct schedule schedule = step_schedule(&fixture, 0);

    (void)state;
    step_register(&fixture);
    schedule.cron = "0 0 30 2 *";
    schedule.tick_ms = 0;
    schedule.jitter_s = 60;
    assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_CREATED);
    assert_string_equal(ask("ZCARD due"), "0");
    assert_true(step_get(&fixture, schedule.id).enabled);
}

/* The scripts count in doubles and so does schedule.c: to the millisecond. */
static void the_offset_is_what_schedule_offset_ms_says(void **state)
{
    static const int64_t numbers[] = {0,      1,       2,         6764,      98765,
                                      999999, 1000000, 123456789, 1LL << 32, 1LL << 40};

    (void)state;
    step_register(&fixture);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct schedule schedule = step_schedule(&fixture, (int)i), now;

        schedule.jitter_s = SCHEDULE_JITTER_MAX_S - 7 * (int64_t)i;
        ask("HSET meta schedule_spread %lld", (long long)numbers[i]);
        assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_CREATED);
        now = step_get(&fixture, schedule.id);
        assert_int_equal(now.spread, numbers[i] + 1);
        assert_int_equal(now.due_ms - now.tick_ms,
                         schedule_offset_ms(now.spread, now.jitter_s));
        assert_in_range(now.due_ms - now.tick_ms, 0, now.jitter_s * 1000 - 1);
    }
}

static void a_workspace_has_room_for_a_hundred(void **state)
{
    struct schedule schedule;

    (void)state;
    step_register(&fixture);
    for (int n = 0; n < SCHEDULES_MAX; n++)
        created(n);
    schedule = step_schedule(&fixture, SCHEDULES_MAX);
    assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_FULL);
    schedule = step_schedule(&fixture, 0);
    assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_CREATED); /* again */
    assert_int_equal(step_delete(&fixture, step_schedule_id(50)), SCHEDULE_DELETED);
    created(SCHEDULES_MAX);
}

static void arguments_that_cannot_be_are_refused(void **state)
{
    struct schedule schedule = step_schedule(&fixture, 0);
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    step_register(&fixture);
    schedule.jitter_s = -1;
    schedule_put(&cmd, FIXTURE_PREFIX, &schedule, 0);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "bad argument"));
    schedule.jitter_s = 0;
    schedule.tick_ms = -5;
    schedule_put(&cmd, FIXTURE_PREFIX, &schedule, 0);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "bad argument"));
    assert_string_equal(ask("EXISTS " SCHEDULED), "0");
}

/* ---- reading ---- */
static void a_schedule_that_is_not_there_has_no_id(void **state)
{
    (void)state;
    assert_null(step_get(&fixture, step_schedule_id(0)).id);
}

static void prepare_answers_the_time_and_the_pair(void **state)
{
    int64_t revision = step_register(&fixture), now_ms = 0;
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct registry_pair pair;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    schedule_prepare(&cmd, FIXTURE_PREFIX, STEP_PROJECT, STEP_WORKSPACE);
    reply = send(&cmd);
    assert_int_equal(schedule_prepare_reply(reply, &now_ms, &pair, &err), 0);
    assert_int_equal(now_ms, fixture.now_ms);
    assert_int_equal(pair.project.revision, revision);
    assert_string_equal(pair.workspace_json, "{\"directory\":\".\"}");
    redis_reply_free(&reply);
    schedule_prepare(&cmd, FIXTURE_PREFIX, "other", STEP_WORKSPACE);
    reply = send(&cmd);
    assert_int_equal(schedule_prepare_reply(reply, &now_ms, &pair, &err), 0);
    assert_null(pair.project.id);
    assert_null(pair.workspace_json);
}

static void a_workspaces_schedules_are_listed_oldest_first(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct schedule schedule;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    step_register(&fixture);
    for (int n = 5; n > 2; n--) {
        created(n);
        queue_fixture_advance(&fixture, 1);
    }
    schedule_list(&cmd, FIXTURE_PREFIX, step_scope());
    reply = send(&cmd);
    assert_int_equal(schedule_list_count(reply), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(schedule_list_reply(reply, (size_t)i, &schedule, &err), 0);
        assert_string_equal(schedule.id, step_schedule_id(5 - i));
    }
    assert_int_equal(schedule_list_reply(reply, 3, &schedule, &err), -1);
    redis_reply_free(&reply);
    schedule_list(&cmd, FIXTURE_PREFIX, "elsewhere");
    reply = send(&cmd);
    assert_int_equal(schedule_list_count(reply), 0);
}

static void what_is_stored_wrongly_is_an_error(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct schedule schedule;
    struct redis_cmd cmd;
    int64_t now_ms;
    struct err err;

    (void)state;
    step_register(&fixture);
    created(0);
    ask("HSET " SCHEDULED " type sometimes");
    schedule_get(&cmd, FIXTURE_PREFIX, step_schedule_id(0));
    reply = send(&cmd);
    assert_int_equal(
        schedule_get_reply(reply, step_schedule_id(0), &now_ms, &schedule, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_non_null(strstr(err.message, "sometimes"));
}

/* ---- going ---- */
static void a_deleted_schedule_leaves_no_trace(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum schedule_outcome outcome;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    step_register(&fixture);
    created(0);
    schedule_delete(&cmd, FIXTURE_PREFIX, step_schedule_id(0), "elsewhere");
    reply = send(&cmd);
    assert_int_equal(schedule_delete_reply(reply, &outcome, &err), 0);
    assert_int_equal(outcome, SCHEDULE_UNKNOWN);
    assert_string_equal(ask("EXISTS " SCHEDULED), "1");
    assert_int_equal(step_delete(&fixture, step_schedule_id(0)), SCHEDULE_DELETED);
    assert_string_equal(ask("EXISTS " SCHEDULED), "0");
    assert_string_equal(ask("ZCARD due"), "0");
    assert_string_equal(ask("EXISTS schedules:%s", step_scope()), "0");
    assert_int_equal(step_delete(&fixture, step_schedule_id(0)), SCHEDULE_UNKNOWN);
}

static enum registry_outcome delete_workspace(bool force)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum registry_outcome outcome;
    struct redis_cmd cmd;
    struct err err;

    registry_delete_workspace(&cmd, FIXTURE_PREFIX, STEP_PROJECT, STEP_WORKSPACE, "t",
                              force);
    reply = send(&cmd);
    assert_int_equal(registry_reply(reply, &outcome, &err), 0);
    return outcome;
}

static void a_workspace_takes_its_schedules_with_it(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    step_register(&fixture);
    for (int n = 0; n < 5; n++)
        created(n);
    req.scope = step_scope();
    step_enqueue(&fixture, &req);
    assert_int_equal(delete_workspace(false), REGISTRY_BUSY);
    assert_string_equal(ask("ZCARD due"), "5");
    assert_int_equal(delete_workspace(true), REGISTRY_DONE);
    assert_string_equal(ask("ZCARD due"), "0");
    assert_string_equal(ask("EXISTS schedules:%s", step_scope()), "0");
    for (int n = 0; n < 5; n++)
        assert_null(step_get(&fixture, step_schedule_id(n)).id);
}

/* ---- memory ---- */
static void limit_memory(const char *bytes)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "CONFIG");
    redis_cmd_arg(&cmd, "SET");
    redis_cmd_arg(&cmd, "maxmemory");
    redis_cmd_arg(&cmd, bytes);
    reply = send(&cmd);
}

static void a_full_memory_refuses_a_put_but_no_delete(void **state)
{
    struct schedule schedule = step_schedule(&fixture, 1);
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    step_register(&fixture);
    created(0);
    limit_memory("1mb");
    schedule_put(&cmd, FIXTURE_PREFIX, &schedule, 0);
    assert_string_not_equal(queue_fixture_refusal(&fixture, &cmd, &err), "");
    assert_int_equal(err.kind, ERR_TEMP);
    assert_string_equal(step_get(&fixture, step_schedule_id(0)).id, step_schedule_id(0));
    assert_int_equal(step_delete(&fixture, step_schedule_id(0)), SCHEDULE_DELETED);
    limit_memory("0");
}

static int64_t memory_of(const char *key)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "MEMORY");
    redis_cmd_arg(&cmd, "USAGE");
    redis_cmd_fmt(&cmd, "%s%s", FIXTURE_PREFIX, key);
    redis_cmd_arg(&cmd, "SAMPLES");
    redis_cmd_arg(&cmd, "0"); /* all */
    reply = send(&cmd);
    return redis_reply_int(reply, 0);
}

/* Each in a workspace of its own. */
static int64_t create_apart(int n)
{
    struct schedule schedule = step_schedule(&fixture, n);
    char id[32], scope[SIGN_ID_BYTES], key[96];
    struct redis_cmd cmd;
    int64_t bytes;

    snprintf(id, sizeof id, "production-%04d", n);
    registry_put_workspace(&cmd, FIXTURE_PREFIX, STEP_PROJECT, id, "{}");
    redis_reply_free(&(struct redisReply *){send(&cmd)});
    schedule.workspace_id = id;
    schedule.cron = "*/15 6-20 * * mon-fri";
    schedule.timezone = "America/Los_Angeles";
    schedule.label = "office hours";
    schedule.jitter_s = 600;
    assert_int_equal(step_put(&fixture, &schedule, 0), SCHEDULE_CREATED);
    snprintf(key, sizeof key, "schedule:%s", schedule.id);
    assert_string_equal(ask("HGET %s workspace", key), id);
    bytes = memory_of(key);
    registry_scope(STEP_PROJECT, id, scope);
    snprintf(key, sizeof key, "schedules:%s", scope);
    return bytes + memory_of(key);
}

static const char *encoding_of(const char *key)
{
    static char answer[32];
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "OBJECT");
    redis_cmd_arg(&cmd, "ENCODING");
    redis_cmd_fmt(&cmd, "%s%s", FIXTURE_PREFIX, key);
    reply = send(&cmd);
    snprintf(answer, sizeof answer, "%s", redis_reply_text(reply));
    return answer;
}

static void many_schedules_stay_small(void **state)
{
    int64_t bytes = 0;
    char key[64];

    (void)state;
    step_register(&fixture);
    for (int n = 0; n < COMPACT; n++) {
        bytes += create_apart(n);
        snprintf(key, sizeof key, "schedule:%s", step_schedule_id(n));
        assert_string_equal(encoding_of(key), "listpack");
    }
    bytes += memory_of("due");
    print_message("%lld bytes for each schedule\n", (long long)(bytes / COMPACT));
    assert_in_range(bytes, COMPACT, COMPACT * BYTES_EACH);
}

/* ---- fsck ---- */
static void fsck_finds_what_was_due_without_its_schedule(void **state)
{
    (void)state;
    step_register(&fixture);
    created(0);
    ask("ZADD due 5 %s", step_schedule_id(3));
    assert_int_equal(step_fsck(&fixture), 1);
    assert_string_equal(ask("ZCARD due"), "1");
    ask("HSET " SCHEDULED " enabled 0");
    assert_int_equal(step_fsck(&fixture), 1);
    assert_string_equal(ask("ZCARD due"), "0");
}

/* It would be due for ever and never fire. */
static void fsck_takes_back_what_cannot_fire(void **state)
{
    static const char *const fields[] = {"version", "tick", "due", "spread", "jitter"};

    (void)state;
    step_register(&fixture);
    for (int n = 0; n < (int)ARRAY_LEN(fields); n++) {
        created(n);
        ask("HDEL schedule:%s %s", step_schedule_id(n), fields[n]);
        assert_int_equal(step_fsck(&fixture), 1);
        assert_string_equal(ask("ZCARD due"), "0");
    }
}

static void fsck_goes_by_what_a_schedule_shows(void **state)
{
    struct schedule schedule;

    (void)state;
    step_register(&fixture);
    schedule = created(0);
    ask("ZADD due 5 %s", step_schedule_id(0));
    assert_int_equal(step_fsck(&fixture), 1);
    assert_int_equal(strtoll(ask("ZSCORE due %s", step_schedule_id(0)), NULL, 10),
                     schedule.due_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_schedule_needs_its_workspace),
        QUEUE_TEST(a_schedule_is_stored_as_it_was_put),
        QUEUE_TEST(what_put_answers_is_the_schedule_as_it_now_is),
        QUEUE_TEST(a_creation_sent_again_changes_nothing),
        QUEUE_TEST(a_schedule_is_replaced_as_it_was_read),
        QUEUE_TEST(a_disabled_schedule_is_never_due),
        QUEUE_TEST(a_schedule_that_never_comes_is_stored_and_not_due),
        QUEUE_TEST(the_offset_is_what_schedule_offset_ms_says),
        QUEUE_TEST(a_workspace_has_room_for_a_hundred),
        QUEUE_TEST(arguments_that_cannot_be_are_refused),
        QUEUE_TEST(a_schedule_that_is_not_there_has_no_id),
        QUEUE_TEST(prepare_answers_the_time_and_the_pair),
        QUEUE_TEST(a_workspaces_schedules_are_listed_oldest_first),
        QUEUE_TEST(what_is_stored_wrongly_is_an_error),
        QUEUE_TEST(a_deleted_schedule_leaves_no_trace),
        QUEUE_TEST(a_workspace_takes_its_schedules_with_it),
        QUEUE_TEST(a_full_memory_refuses_a_put_but_no_delete),
        QUEUE_TEST(many_schedules_stay_small),
        QUEUE_TEST(fsck_finds_what_was_due_without_its_schedule),
        QUEUE_TEST(fsck_takes_back_what_cannot_fire),
        QUEUE_TEST(fsck_goes_by_what_a_schedule_shows),
    };

    return cmocka_run_group_tests_name("schedule_store", tests, queue_group_setup,
                                       queue_group_teardown);
}
