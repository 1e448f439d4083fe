/* The outbox: what is sent when, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/outbox_steps.h"
#include "tests/support/queue_group.h"

#define GENERIC "g"
#define SLACK   "s"
#define HOUR_MS INT64_C(3600000)

static void pass_ms(int64_t ms)
{
    queue_fixture_advance(&fixture, ms);
}

static void tell(const char *hook, const char *name)
{
    step_tell(&fixture, name, hook, "");
}

static void tell_many(const char *hook, const char *name, int count)
{
    for (int i = 0; i < count; i++) {
        AUTO(auto_free) char *each = mem_fmt("%s%d", name, i);

        tell(hook, each);
    }
}

/* Parcels that a take gives out and keeps. */
static size_t take(const char *nonce)
{
    AUTO(taken_done) struct taken taken = step_take(&fixture, nonce);

    return taken.parcels.count;
}

static int64_t next_due(const char *nonce)
{
    AUTO(taken_done) struct taken taken = step_take(&fixture, nonce);

    return taken.parcels.next_due_ms;
}

static size_t take_all(const char *nonce)
{
    return step_take_all(&fixture, nonce, DELIVERY_SENT);
}

static char first_id[SIGN_UUID_BYTES];
static const char *const first[] = {first_id};

/* The one event that waits for the program is taken; its delivery is `first`. */
static void take_first(const char *nonce)
{
    AUTO(taken_done) struct taken taken = step_take(&fixture, nonce);
    struct parcel parcel;

    assert_int_equal(taken.parcels.count, 1);
    parcel = step_parcel(&taken, 0);
    assert_int_equal(parcel.count, 1);
    snprintf(first_id, sizeof first_id, "%s", step_delivery(&parcel, 0).id);
}

static int64_t done(const char *nonce, enum delivery_end end)
{
    struct delivered delivered = step_delivered(nonce, GENERIC, first, end);

    return step_done(&fixture, &delivered);
}

/* ---- programs ---- */
static void a_program_gets_each_event_in_a_request_of_its_own(void **state)
{
    AUTO(taken_done) struct taken taken = {0};

    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell_many(GENERIC, "r", 2);
    taken = step_take(&fixture, "n");
    assert_int_equal(taken.parcels.count, 2);
    assert_int_equal(taken.parcels.now_ms, fixture.now_ms);
    for (size_t i = 0; i < 2; i++) {
        struct parcel parcel = step_parcel(&taken, i);
        struct parcel_delivery delivery = step_delivery(&parcel, 0);

        assert_int_equal(parcel.count, 1);
        assert_int_equal(parcel.attempts, 0);
        assert_string_equal(parcel.hook.id, GENERIC);
        assert_int_equal(parcel.hook.kind, HOOK_GENERIC);
        assert_string_equal(parcel.hook.url, "https://example.com/hook");
        assert_string_equal(delivery.type, "drift.detected");
        assert_string_equal(delivery.event, "{\"n\":1}");
        assert_int_equal(delivery.attempts, 0);
        assert_int_equal(strlen(delivery.event_id), SIGN_UUID_BYTES - 1);
    }
}

static void a_program_has_so_many_requests_under_way(void **state)
{
    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell_many(GENERIC, "r", OUTBOX_FLYING_MAX + 3);
    assert_int_equal(take("a"), OUTBOX_FLYING_MAX);
    assert_int_equal(take("b"), 0);
    assert_int_equal(next_due("b"), fixture.now_ms + OUTBOX_LEASE_MS);
    /* Sent again it is the same eight, which now come to their end. */
    assert_int_equal(take_all("a"), OUTBOX_FLYING_MAX);
    assert_int_equal(take_all("c"), 3);
    assert_int_equal(next_due("d"), 0);
}

/* One of those that are under way comes back so. */
static void come_back(const struct taken *taken, size_t index, const char *nonce,
                      int64_t http_status)
{
    struct parcel parcel = step_parcel(taken, index);
    const char *id = step_delivery(&parcel, 0).id;
    struct delivered delivered = step_delivered(nonce, GENERIC, &id, DELIVERY_RETRY);

    delivered.http_status = http_status;
    assert_int_equal(step_done(&fixture, &delivered), 1);
}

static void a_program_that_does_not_answer_gets_one_request_at_a_time(void **state)
{
    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell_many(GENERIC, "r", 20);
    AUTO(taken_done) struct taken all = step_take(&fixture, "a");
    assert_int_equal(all.parcels.count, OUTBOX_FLYING_MAX);
    come_back(&all, 0, "a", 0);
    assert_int_equal(take("b"), 0);
    for (size_t i = 1; i < OUTBOX_FLYING_MAX; i++)
        come_back(&all, i, "a", 0);
    AUTO(taken_done) struct taken one = step_take(&fixture, "c");
    assert_int_equal(one.parcels.count, 1);
    come_back(&one, 0, "c", 500);
    assert_int_equal(take("d"), OUTBOX_FLYING_MAX);
}

static void requests_under_way_leave_room_for_fewer(void **state)
{
    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell_many(GENERIC, "a", 3);
    assert_int_equal(take("a"), 3);
    tell_many(GENERIC, "b", OUTBOX_FLYING_MAX);
    assert_int_equal(take("b"), OUTBOX_FLYING_MAX - 3);
}

static size_t take_at_most(const char *nonce, int64_t limit)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct parcels parcels;
    struct redis_cmd cmd;
    struct err err;

    outbox_take(&cmd, FIXTURE_PREFIX, nonce, limit, true);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(outbox_take_reply(reply, &parcels, &err), 0);
    return parcels.count;
}

static void no_more_parcels_are_given_out_than_asked_for(void **state)
{
    static const char *const people[] = {"p", "q", "r"};

    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell_many(GENERIC, "x", 5);
    assert_int_equal(take_at_most("a", 2), 2);
    assert_int_equal(take_at_most("b", 10), 3);
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        step_hook_made(&fixture, people[i], HOOK_SLACK);
        tell(people[i], people[i]);
    }
    pass_ms(OUTBOX_QUIET_MS);
    assert_int_equal(take_at_most("c", 2), 2);
    assert_int_equal(take_at_most("d", 2), 1);
}

static void one_hook_that_is_busy_does_not_delay_another(void **state)
{
    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    step_hook_made(&fixture, "h", HOOK_GENERIC);
    tell_many(GENERIC, "r", 3 * OUTBOX_FLYING_MAX);
    assert_int_equal(take("a"), OUTBOX_FLYING_MAX);
    tell("h", "x");
    assert_int_equal(take("b"), 1);
}

static void hooks_that_are_due_take_turns(void **state)
{
    AUTO(taken_done) struct taken taken = {0};
    bool third_is_there = false;

    (void)state;
    step_hook_made(&fixture, "g1", HOOK_GENERIC);
    step_hook_made(&fixture, "g2", HOOK_GENERIC);
    step_hook_made(&fixture, "g3", HOOK_GENERIC);
    tell_many("g1", "a", 20);
    tell_many("g2", "b", 20);
    pass_ms(1);
    tell("g3", "c");
    pass_ms(1);
    assert_int_equal(take_all("a"), OUTBOX_PARCELS_MAX);
    /* Nor does it lose its place to what is older, for one more. */
    pass_ms(1);
    tell("g3", "d");
    taken = step_take(&fixture, "b");
    assert_int_equal(taken.parcels.count, OUTBOX_PARCELS_MAX);
    for (size_t i = 0; i < taken.parcels.count; i++)
        third_is_there |= strcmp(step_parcel(&taken, i).hook.id, "g3") == 0;
    assert_true(third_is_there);
}

static void what_is_sent_is_not_sent_again(void **state)
{
    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r");
    take_first("n");
    pass_ms(100);
    assert_int_equal(done("n", DELIVERY_SENT), 1);
    assert_int_equal(done("n", DELIVERY_SENT), 0);
    assert_int_equal(take("n"), 0);
    assert_int_equal(take("m"), 0);
    assert_string_equal(ask("HGET delivery:%s state", first_id), "sent");
    assert_string_equal(ask("HGET delivery:%s attempts", first_id), "1");
    assert_int_equal(strtoll(ask("HGET delivery:%s ended", first_id), NULL, 10),
                     fixture.now_ms);
    assert_string_equal(ask("ZCARD hooks_due"), "0");
    assert_string_equal(ask("ZCARD waiting:" GENERIC), "0");
}

static void a_take_sent_again_gives_the_same_parcels_while_they_are_leased(void **state)
{
    AUTO(taken_done) struct taken once = {0}, again = {0};
    struct parcel a, b;

    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r1");
    once = step_take(&fixture, "n");
    tell(GENERIC, "r2");
    again = step_take(&fixture, "n");
    assert_int_equal(again.parcels.count, 1);
    a = step_parcel(&once, 0);
    b = step_parcel(&again, 0);
    assert_string_equal(step_delivery(&a, 0).id, step_delivery(&b, 0).id);
    assert_int_equal(step_parcel_done(&fixture, "n", &b, DELIVERY_SENT), 1);
    assert_int_equal(take("n"), 0);
    assert_int_equal(take("m"), 1);
}

static void what_a_lost_sender_had_is_sent_by_another_with_the_same_ids(void **state)
{
    AUTO(taken_done) struct taken taken = {0};
    struct parcel parcel;

    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r");
    take_first("a");
    pass_ms(OUTBOX_LEASE_MS - 1);
    assert_int_equal(take("b"), 0);
    pass_ms(1);
    taken = step_take(&fixture, "b");
    assert_int_equal(taken.parcels.count, 1);
    parcel = step_parcel(&taken, 0);
    assert_string_equal(step_delivery(&parcel, 0).id, first_id);
    assert_int_equal(parcel.attempts, 1);
    assert_int_equal(take("a"), 0);
    assert_int_equal(done("a", DELIVERY_SENT), 0);
    assert_int_equal(done("b", DELIVERY_SENT), 1);
}

static void a_lost_sender_is_seen_though_other_deliveries_wait_longer(void **state)
{
    struct delivered later = step_delivered("a", GENERIC, first, DELIVERY_RETRY);

    (void)state;
    later.retry_in_ms = HOUR_MS;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r1");
    take_first("a");
    assert_int_equal(step_done(&fixture, &later), 1);
    tell(GENERIC, "r2");
    take_first("b");
    pass_ms(OUTBOX_LEASE_MS);
    assert_int_equal(take("c"), 1);
}

static void a_delivery_that_is_forgotten_is_not_brought_back(void **state)
{
    struct hook hook = step_hook(GENERIC, HOOK_GENERIC);

    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r1");
    take_first("a");
    ask("DEL delivery:%s", first_id);
    pass_ms(OUTBOX_LEASE_MS);
    assert_int_equal(take("b"), 0);
    assert_string_equal(ask("EXISTS delivery:%s", first_id), "0");
    hook.version = 1;
    hook.enabled = false;
    step_tell(&fixture, "r3", GENERIC, "");
    snprintf(first_id, sizeof first_id, "%s", step_tell(&fixture, "r4", GENERIC, ""));
    ask("DEL delivery:%s", first_id);
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_int_equal(take("c"), 0);
    assert_string_equal(ask("EXISTS delivery:%s", first_id), "0");
    assert_string_equal(ask("ZCARD waiting:" GENERIC), "0");
}

static void a_late_answer_counts_while_nobody_else_has_it(void **state)
{
    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r");
    take_first("a");
    pass_ms(2 * OUTBOX_LEASE_MS);
    assert_int_equal(done("a", DELIVERY_SENT), 1);
    assert_int_equal(take("b"), 0);
}

static void a_retry_comes_when_it_is_due(void **state)
{
    AUTO(taken_done) struct taken taken = {0};

    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r");
    take_first("a");
    assert_int_equal(done("a", DELIVERY_RETRY), 1);
    assert_int_equal(next_due("b"), fixture.now_ms + 5000);
    pass_ms(4999);
    assert_int_equal(take("c"), 0);
    pass_ms(1);
    taken = step_take(&fixture, "d");
    assert_int_equal(taken.parcels.count, 1);
    assert_int_equal(step_parcel(&taken, 0).attempts, 1);
}

static void a_hook_that_wants_nothing_for_a_while_gets_nothing(void **state)
{
    struct delivered held = step_delivered("a", GENERIC, first, DELIVERY_RETRY);

    (void)state;
    held.hold_ms = HOUR_MS;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r1");
    take_first("a");
    assert_int_equal(step_done(&fixture, &held), 1);
    tell(GENERIC, "r2");
    pass_ms(HOUR_MS - 1);
    assert_int_equal(take("b"), 0);
    pass_ms(1);
    assert_int_equal(take("c"), 2);
}

/* The wish was that of whoever is there no more. */
static void a_hook_that_goes_elsewhere_is_not_held(void **state)
{
    struct delivered held = step_delivered("a", GENERIC, first, DELIVERY_SENT);
    struct hook hook = step_hook(GENERIC, HOOK_GENERIC);

    (void)state;
    held.hold_ms = HOUR_MS;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r1");
    take_first("a");
    assert_int_equal(step_done(&fixture, &held), 1);
    tell(GENERIC, "r2");
    hook.version = 1;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_int_equal(take("b"), 0);
    hook.version = 2;
    hook.url = "https://example.net/other";
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_int_equal(take("c"), 1);
}

static void a_shorter_wish_does_not_end_a_longer_one(void **state)
{
    struct delivered held = step_delivered("a", GENERIC, first, DELIVERY_SENT);

    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r1");
    take_first("a");
    held.hold_ms = HOUR_MS;
    assert_int_equal(step_done(&fixture, &held), 1);
    ask("HSET gather:" GENERIC " next 0");
    tell(GENERIC, "r2");
    take_first("b");
    ask("HSET gather:" GENERIC " next %" PRId64, fixture.now_ms + HOUR_MS);
    held.nonce = "b";
    held.hold_ms = 1000;
    assert_int_equal(step_done(&fixture, &held), 1);
    tell(GENERIC, "r3");
    pass_ms(HOUR_MS - 1);
    assert_int_equal(take("c"), 0);
    pass_ms(1);
    assert_int_equal(take("d"), 1);
}

static void who_has_nothing_any_more_says_nothing_about_the_hook(void **state)
{
    struct delivered stale = step_delivered("a", GENERIC, first, DELIVERY_GONE);

    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r1");
    take_first("a");
    assert_int_equal(done("a", DELIVERY_SENT), 1);
    stale.hold_ms = HOUR_MS;
    assert_int_equal(step_done(&fixture, &stale), 0);
    assert_string_equal(ask("HGET hook:" GENERIC " enabled"), "1");
    tell(GENERIC, "r2");
    assert_int_equal(take("b"), 1);
}

static void what_is_given_up_is_dead_and_says_why(void **state)
{
    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r");
    take_first("a");
    assert_int_equal(done("a", DELIVERY_DEAD), 1);
    assert_string_equal(ask("HGET delivery:%s state", first_id), "dead");
    assert_int_equal(take("b"), 0);
    pass_ms(HOUR_MS);
    assert_int_equal(take("c"), 0);
}

static void
a_receiver_that_is_gone_disables_its_hook_and_what_waits_is_given_up(void **state)
{
    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r");
    take_first("a");
    tell_many(GENERIC, "x", 3);
    assert_int_equal(done("a", DELIVERY_GONE), 1);
    assert_string_equal(ask("HGET hook:" GENERIC " enabled"), "0");
    assert_string_equal(ask("HGET hook:" GENERIC " reason"),
                        "The receiver answered 410 Gone");
    assert_string_equal(ask("HGET hook:" GENERIC " version"), "2");
    assert_string_equal(ask("HGET meta hooks_revision"), "2");
    assert_int_equal(take("b"), 0);
    assert_string_equal(ask("ZCARD waiting:" GENERIC), "0");
    assert_string_equal(ask("ZCARD hooks_due"), "0");
    assert_string_equal(ask("ZCARD deliveries:" GENERIC), "4");
}

static void nothing_is_left_of_a_hook_that_is_deleted_while_it_is_sent_to(void **state)
{
    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r1");
    take_first("a");
    tell(GENERIC, "r2");
    assert_int_equal(step_hook_delete(&fixture, GENERIC), HOOK_DELETED);
    assert_string_equal(ask("ZCARD hooks_due"), "0");
    assert_int_equal(done("a", DELIVERY_GONE), 0);
    assert_int_equal(take("b"), 0);
    for (size_t i = 0; i < 6; i++) {
        static const char *const keys[] = {
            "hook:", "waiting:", "pending:", "flying:", "gather:", "deliveries:"};

        assert_string_equal(ask("EXISTS %s" GENERIC, keys[i]), "0");
    }
    assert_string_equal(ask("ZCARD hooks_due"), "0");
}

static void the_oldest_is_given_up_when_too_many_wait(void **state)
{
    AUTO(auto_free) char *oldest = NULL;

    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    oldest = mem_dup(step_tell(&fixture, "first", GENERIC, ""));
    pass_ms(1);
    tell_many(GENERIC, "r", OUTBOX_WAITING_MAX - 1);
    assert_string_equal(ask("HGET delivery:%s state", oldest), "waiting");
    tell(GENERIC, "last");
    assert_string_equal(ask("HGET delivery:%s state", oldest), "dead");
    assert_int_equal(strtoll(ask("ZCARD waiting:" GENERIC), NULL, 10),
                     OUTBOX_WAITING_MAX);
    assert_int_equal(strtoll(ask("ZCARD pending:" GENERIC), NULL, 10),
                     OUTBOX_WAITING_MAX);
    assert_int_equal(step_send(&fixture, GENERIC, "t"), OUTBOX_BUSY);
    assert_int_equal(step_replay(&fixture, GENERIC, oldest), OUTBOX_BUSY);
}

static void of_those_that_have_ended_the_oldest_are_forgotten(void **state)
{
    struct delivered later = step_delivered("a", GENERIC, first, DELIVERY_RETRY);
    AUTO(auto_free) char *ended = NULL;

    (void)state;
    later.retry_in_ms = HOUR_MS;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "first");
    take_first("a");
    assert_int_equal(step_done(&fixture, &later), 1);
    pass_ms(1);
    ended = mem_dup(step_tell(&fixture, "second", GENERIC, ""));
    pass_ms(1);
    for (int i = 0; i < OUTBOX_DELIVERIES_MAX; i++) {
        AUTO(auto_free) char *name = mem_fmt("r%d", i);

        tell(GENERIC, name);
        if (i % OUTBOX_FLYING_MAX == 0)
            take_all(name);
    }
    assert_int_equal(strtoll(ask("ZCARD deliveries:" GENERIC), NULL, 10),
                     OUTBOX_DELIVERIES_MAX);
    assert_string_equal(ask("EXISTS delivery:%s", ended), "0");
    assert_string_equal(ask("HGET delivery:%s state", first_id), "waiting");
}

/* ---- people ---- */
static void what_comes_close_together_is_one_message(void **state)
{
    AUTO(taken_done) struct taken taken = {0};
    struct parcel parcel;

    (void)state;
    step_hook_made(&fixture, SLACK, HOOK_SLACK);
    tell(SLACK, "r1");
    pass_ms(OUTBOX_QUIET_MS - 1);
    assert_int_equal(take("a"), 0);
    tell(SLACK, "r2");
    pass_ms(OUTBOX_QUIET_MS - 1);
    assert_int_equal(next_due("b"), fixture.now_ms + 1);
    pass_ms(1);
    taken = step_take(&fixture, "c");
    assert_int_equal(taken.parcels.count, 1);
    parcel = step_parcel(&taken, 0);
    assert_int_equal(parcel.count, 2);
    assert_int_equal(parcel.hook.kind, HOOK_SLACK);
    assert_int_equal(step_parcel_done(&fixture, "c", &parcel, DELIVERY_SENT), 2);
}

static void a_message_waits_no_longer_than_a_minute_for_quiet(void **state)
{
    int64_t begin;
    size_t events = 0;

    (void)state;
    step_hook_made(&fixture, SLACK, HOOK_SLACK);
    begin = fixture.now_ms;
    for (int i = 0; events == 0; i++) {
        AUTO(auto_free) char *name = mem_fmt("r%d", i);

        tell(SLACK, name);
        pass_ms(OUTBOX_QUIET_MS / 2);
        events = take_all(name);
        assert_true(fixture.now_ms - begin <= OUTBOX_GATHER_MAX_MS);
    }
    assert_int_equal(fixture.now_ms - begin, OUTBOX_GATHER_MAX_MS);
    assert_int_equal(events, OUTBOX_GATHER_MAX_MS / (OUTBOX_QUIET_MS / 2));
}

static void a_long_digest_is_several_messages_a_second_apart(void **state)
{
    (void)state;
    step_hook_made(&fixture, SLACK, HOOK_SLACK);
    tell_many(SLACK, "r", OUTBOX_DIGEST_MAX + 7);
    pass_ms(OUTBOX_QUIET_MS);
    assert_int_equal(take_all("a"), OUTBOX_DIGEST_MAX);
    assert_int_equal(take_all("b"), 0);
    assert_int_equal(next_due("c"), fixture.now_ms + OUTBOX_GAP_MS);
    pass_ms(OUTBOX_GAP_MS);
    assert_int_equal(take_all("d"), 7);
}

static void people_get_one_message_at_a_time(void **state)
{
    (void)state;
    step_hook_made(&fixture, SLACK, HOOK_SLACK);
    tell(SLACK, "r1");
    pass_ms(OUTBOX_QUIET_MS);
    assert_int_equal(take("a"), 1);
    tell(SLACK, "r2");
    pass_ms(OUTBOX_QUIET_MS + OUTBOX_GAP_MS);
    assert_int_equal(take("b"), 0);
    assert_int_equal(take_all("a"), 1);
    assert_int_equal(take("c"), 1);
}

static void a_change_of_the_hook_does_not_make_its_message_earlier(void **state)
{
    struct hook hook = step_hook(SLACK, HOOK_SLACK);

    (void)state;
    step_hook_made(&fixture, SLACK, HOOK_SLACK);
    tell(SLACK, "r1");
    hook.version = 1;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_int_equal(take("a"), 0);
    pass_ms(OUTBOX_QUIET_MS);
    assert_int_equal(take("b"), 1);
    tell(SLACK, "r2");
    pass_ms(OUTBOX_QUIET_MS);
    hook.version = 2;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_int_equal(take("c"), 0);
}

static void a_digest_that_failed_is_tried_again_as_one(void **state)
{
    (void)state;
    step_hook_made(&fixture, SLACK, HOOK_SLACK);
    tell_many(SLACK, "r", 3);
    pass_ms(OUTBOX_QUIET_MS);
    assert_int_equal(step_take_all(&fixture, "a", DELIVERY_RETRY), 3);
    assert_int_equal(take("b"), 0);
    pass_ms(5000);
    assert_int_equal(take_all("c"), 3);
}

static void what_is_new_is_not_given_up_with_what_is_old(void **state)
{
    (void)state;
    step_hook_made(&fixture, SLACK, HOOK_SLACK);
    tell(SLACK, "old");
    pass_ms(OUTBOX_QUIET_MS);
    for (int i = 0; i < 7; i++) {
        AUTO(auto_free) char *nonce = mem_fmt("%d", i);

        assert_int_equal(step_take_all(&fixture, nonce, DELIVERY_RETRY), 1);
        pass_ms(5000);
    }
    tell(SLACK, "new");
    pass_ms(OUTBOX_QUIET_MS);
    AUTO(taken_done) struct taken taken = step_take(&fixture, "both");
    struct parcel parcel = step_parcel(&taken, 0);

    assert_int_equal(parcel.count, 2);
    assert_int_equal(parcel.attempts, 0);
}

static void what_a_batch_tells_waits_for_its_end(void **state)
{
    (void)state;
    step_hook_made(&fixture, SLACK, HOOK_SLACK);
    ask("HSET batch:b status queued");
    step_tell(&fixture, "r1", SLACK, "b");
    tell(SLACK, "other");
    pass_ms(OUTBOX_QUIET_MS);
    assert_int_equal(take_all("a"), 1); /* the other one */
    ask("HSET batch:b status running");
    for (int i = 0; i < 10; i++) {
        AUTO(auto_free) char *nonce = mem_fmt("b%d", i);

        pass_ms(OUTBOX_QUIET_MS);
        assert_int_equal(take_all(nonce), 0);
    }
    ask("HSET batch:b status partial");
    step_tell(&fixture, "r2", SLACK, "b");
    pass_ms(OUTBOX_QUIET_MS);
    assert_int_equal(take_all("c"), 2);
}

static void a_batch_that_does_not_end_is_not_waited_for_longer(void **state)
{
    int64_t begin;
    size_t events = 0;

    (void)state;
    step_hook_made(&fixture, SLACK, HOOK_SLACK);
    ask("HSET batch:b status running");
    begin = fixture.now_ms;
    step_tell(&fixture, "r", SLACK, "b");
    pass_ms(OUTBOX_QUIET_MS + 500);
    for (int i = 0; events == 0 && i < 1000; i++) {
        AUTO(auto_free) char *nonce = mem_fmt("%d", i);

        pass_ms(1000);
        events = take_all(nonce);
    }
    assert_int_equal(events, 1);
    assert_true(fixture.now_ms - begin >= OUTBOX_BATCH_MAX_MS);
    assert_true(fixture.now_ms - begin < OUTBOX_BATCH_MAX_MS + 1000);
}

static void a_program_hears_of_a_batch_at_once(void **state)
{
    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    ask("HSET batch:b status running");
    step_tell(&fixture, "r", GENERIC, "b");
    assert_int_equal(take("a"), 1);
}

static void the_default_hook_is_for_those_who_know_its_url(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(taken_done) struct taken taken = {0};
    struct parcels parcels;
    struct parcel parcel;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    tell(HOOK_DEFAULT_ID, "r");
    pass_ms(OUTBOX_QUIET_MS);
    outbox_take(&cmd, FIXTURE_PREFIX, "a", 1, false);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(outbox_take_reply(reply, &parcels, &err), 0);
    assert_int_equal(parcels.count, 0);
    assert_int_equal(parcels.next_due_ms, 0);
    taken = step_take(&fixture, "b");
    assert_int_equal(taken.parcels.count, 1);
    parcel = step_parcel(&taken, 0);
    assert_string_equal(parcel.hook.id, HOOK_DEFAULT_ID);
    assert_int_equal(parcel.hook.kind, HOOK_SLACK);
    assert_int_equal(step_parcel_done(&fixture, "b", &parcel, DELIVERY_GONE), 1);
    assert_string_equal(ask("EXISTS hook:" HOOK_DEFAULT_ID), "0");
}

static void what_waits_for_a_default_hook_that_nobody_has_is_trimmed(void **state)
{
    (void)state;
    tell(HOOK_DEFAULT_ID, "r");
    pass_ms(OUTBOX_KEEP_MS);
    step_trim(&fixture, 100, 30, 0);
    assert_string_equal(ask("ZCARD hooks_due"), "1");
    pass_ms(HOUR_MS);
    step_trim(&fixture, 100, 30, 0);
    assert_string_equal(ask("ZCARD hooks_due"), "0");
    assert_string_equal(ask("EXISTS pending:" HOOK_DEFAULT_ID), "0");
}

static void a_hook_that_is_disabled_gets_nothing_more(void **state)
{
    struct hook hook = step_hook(GENERIC, HOOK_GENERIC);

    (void)state;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell_many(GENERIC, "r", 150);
    hook.enabled = false;
    hook.version = 1;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_int_equal(take("a"), 0);
    assert_string_equal(ask("ZCARD waiting:" GENERIC), "50");
    assert_int_equal(take("b"), 0);
    assert_string_equal(ask("ZCARD waiting:" GENERIC), "0");
    assert_string_equal(ask("ZCARD hooks_due"), "0");
}

static void a_hook_that_is_enabled_again_gathers_anew(void **state)
{
    struct hook hook = step_hook(SLACK, HOOK_SLACK);

    (void)state;
    step_hook_made(&fixture, SLACK, HOOK_SLACK);
    tell(SLACK, "r1");
    hook.version = 1;
    hook.enabled = false;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_int_equal(take("a"), 0);
    pass_ms(HOUR_MS);
    hook.version = 2;
    hook.enabled = true;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    tell(SLACK, "r2");
    assert_int_equal(take("b"), 0);
    pass_ms(OUTBOX_QUIET_MS);
    assert_int_equal(take("c"), 1);
}

static void what_waits_for_a_retry_is_given_up_with_its_hook(void **state)
{
    struct delivered later = step_delivered("a", GENERIC, first, DELIVERY_RETRY);
    struct hook hook = step_hook(GENERIC, HOOK_GENERIC);

    (void)state;
    later.retry_in_ms = HOUR_MS;
    step_hook_made(&fixture, GENERIC, HOOK_GENERIC);
    tell(GENERIC, "r");
    take_first("a");
    assert_int_equal(step_done(&fixture, &later), 1);
    hook.version = 1;
    hook.enabled = false;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_int_equal(take("b"), 0);
    assert_string_equal(ask("HGET delivery:%s state", first_id), "dead");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_program_gets_each_event_in_a_request_of_its_own),
        QUEUE_TEST(a_program_has_so_many_requests_under_way),
        QUEUE_TEST(one_hook_that_is_busy_does_not_delay_another),
        QUEUE_TEST(hooks_that_are_due_take_turns),
        QUEUE_TEST(what_is_sent_is_not_sent_again),
        QUEUE_TEST(a_take_sent_again_gives_the_same_parcels_while_they_are_leased),
        QUEUE_TEST(what_a_lost_sender_had_is_sent_by_another_with_the_same_ids),
        QUEUE_TEST(a_late_answer_counts_while_nobody_else_has_it),
        QUEUE_TEST(a_retry_comes_when_it_is_due),
        QUEUE_TEST(a_hook_that_wants_nothing_for_a_while_gets_nothing),
        QUEUE_TEST(what_is_given_up_is_dead_and_says_why),
        QUEUE_TEST(a_receiver_that_is_gone_disables_its_hook_and_what_waits_is_given_up),
        QUEUE_TEST(nothing_is_left_of_a_hook_that_is_deleted_while_it_is_sent_to),
        QUEUE_TEST(the_oldest_is_given_up_when_too_many_wait),
        QUEUE_TEST(of_those_that_have_ended_the_oldest_are_forgotten),
        QUEUE_TEST(what_comes_close_together_is_one_message),
        QUEUE_TEST(a_message_waits_no_longer_than_a_minute_for_quiet),
        QUEUE_TEST(a_long_digest_is_several_messages_a_second_apart),
        QUEUE_TEST(people_get_one_message_at_a_time),
        QUEUE_TEST(a_digest_that_failed_is_tried_again_as_one),
        QUEUE_TEST(what_is_new_is_not_given_up_with_what_is_old),
        QUEUE_TEST(what_a_batch_tells_waits_for_its_end),
        QUEUE_TEST(a_batch_that_does_not_end_is_not_waited_for_longer),
        QUEUE_TEST(a_program_hears_of_a_batch_at_once),
        QUEUE_TEST(the_default_hook_is_for_those_who_know_its_url),
        QUEUE_TEST(what_waits_for_a_default_hook_that_nobody_has_is_trimmed),
        QUEUE_TEST(a_hook_that_is_disabled_gets_nothing_more),
        QUEUE_TEST(a_program_that_does_not_answer_gets_one_request_at_a_time),
        QUEUE_TEST(requests_under_way_leave_room_for_fewer),
        QUEUE_TEST(no_more_parcels_are_given_out_than_asked_for),
        QUEUE_TEST(a_lost_sender_is_seen_though_other_deliveries_wait_longer),
        QUEUE_TEST(a_delivery_that_is_forgotten_is_not_brought_back),
        QUEUE_TEST(a_hook_that_goes_elsewhere_is_not_held),
        QUEUE_TEST(a_shorter_wish_does_not_end_a_longer_one),
        QUEUE_TEST(who_has_nothing_any_more_says_nothing_about_the_hook),
        QUEUE_TEST(a_change_of_the_hook_does_not_make_its_message_earlier),
        QUEUE_TEST(a_hook_that_is_enabled_again_gathers_anew),
        QUEUE_TEST(what_waits_for_a_retry_is_given_up_with_its_hook),
    };

    return cmocka_run_group_tests_name("outbox_take", tests, queue_group_setup,
                                       queue_group_teardown);
}
