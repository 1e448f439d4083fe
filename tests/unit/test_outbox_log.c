/* The outbox, as people see it: test events, replays, the log of deliveries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "tests/support/outbox_steps.h"
#include "tests/support/queue_group.h"

#define HOOK "h"

/* The newest delivery of the hook; `out` lives as long as the reply. */
static struct redisReply *newest(struct delivery *out)
{
    struct redisReply *reply = step_deliveries(&fixture, HOOK, 0, NULL, 1);
    struct err err;

    assert_int_equal(outbox_deliveries_count(reply), 1);
    assert_int_equal(outbox_deliveries_at(reply, 0, out, &err), 0);
    return reply;
}

/* ---- test events ---- */
static void a_test_event_is_sent_at_once_and_alone(void **state)
{
    AUTO(taken_done) struct taken taken = {0};
    struct parcel parcel;

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_SLACK);
    step_tell(&fixture, "r1", HOOK, "");
    assert_int_equal(step_send(&fixture, HOOK, "t"), OUTBOX_DONE);
    assert_int_equal(step_send(&fixture, HOOK, "t"), OUTBOX_DONE);
    step_trim(&fixture, 100, 30, 0);
    taken = step_take(&fixture, "a");
    assert_int_equal(taken.parcels.count, 1);
    parcel = step_parcel(&taken, 0);
    assert_int_equal(parcel.count, 1);
    assert_string_equal(step_delivery(&parcel, 0).id, "delivery-t");
    assert_string_equal(step_delivery(&parcel, 0).event_id, "event-t");
    assert_string_equal(step_delivery(&parcel, 0).type, "test");
    assert_string_equal(step_delivery(&parcel, 0).event, "{\"test\":true}");
    assert_int_equal(step_parcel_done(&fixture, "a", &parcel, DELIVERY_SENT), 1);
    /* What waited for its digest goes on waiting. */
    queue_fixture_advance(&fixture, OUTBOX_QUIET_MS - 1);
    assert_int_equal(step_take_all(&fixture, "b", DELIVERY_SENT), 0);
    queue_fixture_advance(&fixture, 1);
    assert_int_equal(step_take_all(&fixture, "c", DELIVERY_SENT), 1);
}

static void a_test_event_that_is_tried_again_is_still_alone(void **state)
{
    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_SLACK);
    assert_int_equal(step_send(&fixture, HOOK, "t"), OUTBOX_DONE);
    assert_int_equal(step_take_all(&fixture, "a", DELIVERY_RETRY), 1);
    step_tell(&fixture, "r1", HOOK, "");
    queue_fixture_advance(&fixture, OUTBOX_QUIET_MS);
    assert_int_equal(step_take_all(&fixture, "b", DELIVERY_SENT), 1);
    queue_fixture_advance(&fixture, OUTBOX_GAP_MS);
    assert_int_equal(step_take_all(&fixture, "c", DELIVERY_SENT), 1);
}

static void nothing_is_sent_to_a_hook_that_is_not_there_or_disabled(void **state)
{
    struct hook hook = step_hook(HOOK, HOOK_SLACK);

    (void)state;
    assert_int_equal(step_send(&fixture, HOOK, "t"), OUTBOX_UNKNOWN);
    hook.enabled = false;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CREATED);
    assert_int_equal(step_send(&fixture, HOOK, "t"), OUTBOX_BUSY);
    assert_string_equal(ask("EXISTS event:event-t"), "0");
}

/* ---- replay ---- */
static void a_delivery_that_has_ended_is_sent_again_as_if_new(void **state)
{
    AUTO(taken_done) struct taken taken = {0};
    struct parcel parcel;
    char id[SIGN_UUID_BYTES];

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_SLACK);
    snprintf(id, sizeof id, "%s", step_tell(&fixture, "r1", HOOK, ""));
    assert_int_equal(step_replay(&fixture, HOOK, id), OUTBOX_BUSY);
    queue_fixture_advance(&fixture, OUTBOX_QUIET_MS);
    assert_int_equal(step_take_all(&fixture, "a", DELIVERY_DEAD), 1);
    queue_fixture_advance(&fixture, OUTBOX_GAP_MS);
    step_tell(&fixture, "r2", HOOK, "");
    ask("PEXPIRE delivery:%s 60000", id);
    assert_int_equal(step_replay(&fixture, HOOK, id), OUTBOX_DONE);
    assert_true(strtoll(ask("PTTL delivery:%s", id), NULL, 10) > OUTBOX_KEEP_MS - 60000);
    assert_int_equal(step_replay(&fixture, HOOK, id), OUTBOX_BUSY);
    taken = step_take(&fixture, "b");
    assert_int_equal(taken.parcels.count, 1);
    parcel = step_parcel(&taken, 0);
    assert_int_equal(parcel.count, 1);
    assert_string_equal(step_delivery(&parcel, 0).id, id);
    assert_int_equal(parcel.attempts, 0);
    assert_int_equal(step_parcel_done(&fixture, "b", &parcel, DELIVERY_SENT), 1);
    assert_string_equal(ask("HGET delivery:%s state", id), "sent");
    assert_string_equal(ask("HGET delivery:%s attempts", id), "1");
}

static void a_replay_sent_again_is_the_same_replay(void **state)
{
    AUTO(redis_reply_free) struct redisReply *once = NULL, *again = NULL;
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    const char *id;

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_GENERIC);
    id = step_tell(&fixture, "r1", HOOK, "");
    assert_int_equal(step_take_all(&fixture, "a", DELIVERY_SENT), 1);
    outbox_replay(&cmd, FIXTURE_PREFIX, HOOK, id);
    once = queue_fixture_send(&fixture, &cmd);
    again = queue_fixture_send(&fixture, &cmd);
    assert_string_equal(redis_reply_text(once), "done");
    assert_string_equal(redis_reply_text(again), "done");
    assert_int_equal(step_take_all(&fixture, "b", DELIVERY_SENT), 1);
}

static void what_is_not_there_is_not_replayed(void **state)
{
    struct hook hook = step_hook(HOOK, HOOK_GENERIC);
    AUTO(auto_free) char *event = NULL;
    const char *id;

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_GENERIC);
    step_hook_made(&fixture, "other", HOOK_GENERIC);
    id = step_tell(&fixture, "r1", HOOK, "");
    assert_int_equal(step_take_all(&fixture, "a", DELIVERY_DEAD), 1);
    assert_int_equal(step_replay(&fixture, HOOK, "no-such"), OUTBOX_UNKNOWN);
    assert_int_equal(step_replay(&fixture, "other", id), OUTBOX_UNKNOWN);
    hook.version = 1;
    hook.enabled = false;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_int_equal(step_replay(&fixture, HOOK, id), OUTBOX_BUSY);
    event = mem_dup(ask("HGET delivery:%s event", id));
    ask("DEL event:%s", event);
    assert_int_equal(step_replay(&fixture, HOOK, id), OUTBOX_UNKNOWN);
}

/* ---- the log ---- */
static void a_delivery_shows_its_last_attempts(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(auto_json) cJSON *log = NULL;
    struct delivery delivery;
    const cJSON *line;
    struct err err;
    int64_t created_ms = fixture.now_ms;

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_GENERIC);
    step_tell(&fixture, "r1", HOOK, "");
    for (int i = 0; i < OUTBOX_LOG_MAX + 2; i++) {
        char nonce[2] = {(char)('a' + i), '\0'};

        assert_int_equal(step_take_all(&fixture, nonce, DELIVERY_RETRY), 1);
        queue_fixture_advance(&fixture, 5000);
    }
    reply = newest(&delivery);
    assert_string_equal(delivery.type, "drift.detected");
    assert_string_equal(delivery.state, "waiting");
    assert_string_equal(delivery.event, "{\"n\":1}");
    assert_int_equal(delivery.attempts, OUTBOX_LOG_MAX + 2);
    assert_int_equal(delivery.created_ms, created_ms);
    assert_int_equal(delivery.due_ms, fixture.now_ms);
    assert_int_equal(delivery.ended_ms, 0);
    log = json_parse(delivery.log, strlen(delivery.log), JSON_DEPTH_MAX, false, &err);
    assert_non_null(log);
    assert_int_equal(cJSON_GetArraySize(log), OUTBOX_LOG_MAX);
    line = cJSON_GetArrayItem(log, OUTBOX_LOG_MAX - 1);
    assert_int_equal(json_int(line, "at", 0), fixture.now_ms - 5000);
    assert_int_equal(json_int(line, "status", 0), 500);
    assert_int_equal(json_int(line, "tookMs", 0), 12);
    assert_string_equal(json_string(line, "note"), "it said \"no\"\n");
}

static void a_delivery_that_was_never_tried_has_an_empty_log(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct delivery delivery;

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_GENERIC);
    step_tell(&fixture, "r1", HOOK, "");
    reply = newest(&delivery);
    assert_string_equal(delivery.log, "[]");
}

static void deliveries_are_paged_newest_first(void **state)
{
    AUTO(redis_reply_free) struct redisReply *page = NULL, *rest = NULL;
    struct delivery delivery;
    char ids[3][SIGN_UUID_BYTES];
    struct err err;

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_GENERIC);
    for (int i = 0; i < 3; i++) {
        char name[2] = {(char)('a' + i), '\0'};

        snprintf(ids[i], sizeof ids[i], "%s", step_tell(&fixture, name, HOOK, ""));
        queue_fixture_advance(&fixture, 10);
    }
    page = step_deliveries(&fixture, HOOK, 0, NULL, 2);
    assert_int_equal(outbox_deliveries_count(page), 2);
    assert_int_equal(outbox_deliveries_at(page, 0, &delivery, &err), 0);
    assert_string_equal(delivery.id, ids[2]);
    assert_int_equal(outbox_deliveries_at(page, 1, &delivery, &err), 0);
    assert_string_equal(delivery.id, ids[1]);
    rest = step_deliveries(&fixture, HOOK, delivery.created_ms, delivery.id, 2);
    assert_int_equal(outbox_deliveries_count(rest), 1);
    assert_int_equal(outbox_deliveries_at(rest, 0, &delivery, &err), 0);
    assert_string_equal(delivery.id, ids[0]);
    assert_int_equal(outbox_deliveries_at(rest, 1, &delivery, &err), -1);
}

static void deliveries_of_one_moment_are_all_listed(void **state)
{
    char before[SIGN_UUID_BYTES] = "";
    size_t seen = 0;

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_GENERIC);
    step_tell(&fixture, "a", HOOK, "");
    step_tell(&fixture, "b", HOOK, "");
    step_tell(&fixture, "c", HOOK, "");
    for (;;) {
        AUTO(redis_reply_free) struct redisReply *page = NULL;
        struct delivery delivery;
        struct err err;

        page = step_deliveries(&fixture, HOOK, seen > 0 ? fixture.now_ms : 0, before, 1);
        if (outbox_deliveries_count(page) == 0)
            break;
        assert_int_equal(outbox_deliveries_at(page, 0, &delivery, &err), 0);
        assert_string_not_equal(delivery.id, before);
        snprintf(before, sizeof before, "%s", delivery.id);
        seen++;
    }
    assert_int_equal(seen, 3);
}

/* ---- numbers, repair ---- */
static void deliveries_and_events_are_forgotten_after_a_week(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(auto_free) char *event = NULL;
    struct delivery delivery;
    const char *id;

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_GENERIC);
    id = step_tell(&fixture, "r1", HOOK, "");
    event = mem_dup(ask("HGET delivery:%s event", id));
    assert_true(strtoll(ask("PTTL event:%s", event), NULL, 10) > OUTBOX_KEEP_MS - 60000);
    assert_true(strtoll(ask("PTTL delivery:%s", id), NULL, 10) > OUTBOX_KEEP_MS - 60000);
    assert_true(strtoll(ask("PTTL deliveries:" HOOK), NULL, 10) > OUTBOX_KEEP_MS - 60000);
    /* What Redis has forgotten neither shows nor is sent. */
    ask("DEL delivery:%s", id);
    reply = step_deliveries(&fixture, HOOK, 0, NULL, 5);
    assert_int_equal(outbox_deliveries_count(reply), 0);
    assert_int_equal(step_take_all(&fixture, "a", DELIVERY_SENT), 0);
    assert_string_equal(ask("ZCARD waiting:" HOOK), "0");
    queue_fixture_advance(&fixture, OUTBOX_KEEP_MS);
    step_tell(&fixture, "r2", HOOK, "");
    assert_string_equal(ask("ZCARD deliveries:" HOOK), "1");
    redis_reply_free(&reply);
    reply = newest(&delivery);
    assert_string_equal(delivery.state, "waiting");
}

static void numbers_say_what_waits(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct outbox_stats stats;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_GENERIC);
    step_tell(&fixture, "r1", HOOK, "");
    step_entry(&fixture, "r2 clean");
    step_entry(&fixture, "r3 clean");
    ask("ZADD reminders 1 a 2 b 3 c");
    outbox_get_stats(&cmd, FIXTURE_PREFIX);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(outbox_get_stats_reply(reply, &stats, &err), 0);
    assert_int_equal(stats.entries, 2);
    assert_int_equal(stats.hooks_waiting, 1);
    assert_int_equal(stats.reminders, 3);
}

static void fsck_finds_hooks_that_are_due_for_nothing_or_not_at_all(void **state)
{
    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_GENERIC);
    step_tell(&fixture, "r1", HOOK, "");
    ask("ZREM hooks_due " HOOK);
    ask("ZADD hooks_due 5 nobody");
    ask("ZADD hooks 5 gone");
    assert_int_equal(step_fsck(&fixture), 3);
    assert_int_equal(step_take_all(&fixture, "a", DELIVERY_SENT), 1);
}

static void fsck_ends_leases_that_are_too_long(void **state)
{
    AUTO(taken_done) struct taken taken = {0};

    (void)state;
    step_hook_made(&fixture, HOOK, HOOK_GENERIC);
    step_tell(&fixture, "r1", HOOK, "");
    taken = step_take(&fixture, "a");
    queue_fixture_advance(&fixture, -INT64_C(3600000));
    assert_int_equal(step_fsck(&fixture), 0);
    queue_fixture_advance(&fixture, OUTBOX_LEASE_MS + 1);
    assert_int_equal(step_take_all(&fixture, "b", DELIVERY_SENT), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_test_event_is_sent_at_once_and_alone),
        QUEUE_TEST(a_test_event_that_is_tried_again_is_still_alone),
        QUEUE_TEST(nothing_is_sent_to_a_hook_that_is_not_there_or_disabled),
        QUEUE_TEST(a_delivery_that_has_ended_is_sent_again_as_if_new),
        QUEUE_TEST(a_replay_sent_again_is_the_same_replay),
        QUEUE_TEST(what_is_not_there_is_not_replayed),
        QUEUE_TEST(a_delivery_shows_its_last_attempts),
        QUEUE_TEST(a_delivery_that_was_never_tried_has_an_empty_log),
        QUEUE_TEST(deliveries_are_paged_newest_first),
        QUEUE_TEST(deliveries_of_one_moment_are_all_listed),
        QUEUE_TEST(deliveries_and_events_are_forgotten_after_a_week),
        QUEUE_TEST(numbers_say_what_waits),
        QUEUE_TEST(fsck_finds_hooks_that_are_due_for_nothing_or_not_at_all),
        QUEUE_TEST(fsck_ends_leases_that_are_too_long),
    };

    return cmocka_run_group_tests_name("outbox_log", tests, queue_group_setup,
                                       queue_group_teardown);
}
