/* Ignore rules that people set, and their matches: the scripts against a real Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/registry/registry.h"
#include "tests/support/outbox_steps.h"
#include "tests/support/queue_group.h"

#define DAY_MS     INT64_C(86400000)
#define RULES_MAX  1000
#define RULE       "{\"address\":\"a\"}"
#define OTHER_RULE "{\"address\":\"b\"}"
#define OF_RUN     "{\"address\":\"a\",\"runId\":\"r1\",\"drift\":\"d\"}"
#define BY         "ann \"a\""

/* ---- sending ---- */

static enum registry_outcome outcome_of(struct redis_cmd *cmd)
{
    AUTO(redis_reply_free) struct redisReply *reply = queue_fixture_call(&fixture, cmd);
    enum registry_outcome outcome = REGISTRY_OUTCOMES;
    struct err err = {0};

    if (registry_reply(reply, &outcome, &err) < 0)
        fail_msg("%s", err.message);
    return outcome;
}

static enum registry_outcome put(const char *scope, const char *rule_id, const char *json,
                                 const char *run_id)
{
    struct redis_cmd cmd;

    registry_put_ignore(
        &cmd, FIXTURE_PREFIX,
        &(struct registry_ignore){
            .scope = scope, .id = rule_id, .json = json, .run_id = run_id, .by = BY});
    return outcome_of(&cmd);
}

/* A rule that ends so long after the fixture's time; before it, when negative. */
static enum registry_outcome put_ending(const char *scope, const char *rule_id,
                                        int64_t in_ms)
{
    AUTO(buf_done) struct buf json = BUF_INIT(200);
    struct json_writer w;

    json_open(&w, &json);
    json_object(&w);
    json_add_text(&w, "address", "a");
    json_add_time(&w, "expiresAt", fixture.now_ms + in_ms);
    json_object_end(&w);
    return put(scope, rule_id, buf_text(&json), "");
}

static enum registry_outcome drop(const char *scope, const char *rule_id)
{
    struct redis_cmd cmd;

    registry_delete_ignore(&cmd, FIXTURE_PREFIX, scope, rule_id);
    return outcome_of(&cmd);
}

static int64_t number(const char *text)
{
    return strtoll(text, NULL, 10);
}

static int64_t revision_of(const char *scope)
{
    return number(ask("HGET ignores:%s revision", scope));
}

static bool is_stored(const char *scope, const char *rule_id)
{
    return strcmp(ask("HEXISTS ignores:%s %s", scope, rule_id), "1") == 0;
}

/* ---- rules ---- */

static void a_rule_is_kept_and_moves_the_revision(void **state)
{
    int64_t first, second;

    (void)state;
    assert_int_equal(revision_of("s"), 0);
    assert_int_equal(put("s", "r", RULE, ""), REGISTRY_CREATED);
    first = revision_of("s");
    assert_true(first > 0);
    assert_int_equal(put("s", "r", OTHER_RULE, ""), REGISTRY_UPDATED);
    second = revision_of("s");
    assert_true(second > first);
    assert_int_equal(put("s", "r2", RULE, ""), REGISTRY_CREATED);
    assert_true(revision_of("s") > second);
}

static void the_same_rule_again_changes_nothing_not_even_who_set_it(void **state)
{
    AUTO(auto_free) char *before = NULL;
    AUTO(auto_free) char *wanted = NULL;
    int64_t revision;

    (void)state;
    put("s", "r", RULE, "");
    before = mem_dup(ask("HGET ignores:s r"));
    wanted = mem_fmt("{\"address\":\"a\",\"createdAtMs\":%lld,\"createdBy\":\"ann "
                     "\\\"a\\\"\"}",
                     (long long)fixture.now_ms);
    assert_string_equal(before, wanted);
    revision = revision_of("s");
    queue_fixture_advance(&fixture, 1000);
    assert_int_equal(put("s", "r", RULE, ""), REGISTRY_UPDATED);
    assert_int_equal(revision_of("s"), revision);
    assert_string_equal(ask("HGET ignores:s r"), before);
}

static void a_rule_needs_its_run_in_its_scope(void **state)
{
    struct enqueue check = step_check("r1");

    (void)state;
    assert_int_equal(put("s", "r", RULE, "r1"), REGISTRY_UNKNOWN);
    assert_int_equal(revision_of("s"), 0);
    step_enqueue(&fixture, &check);
    assert_int_equal(put("another", "r", RULE, "r1"), REGISTRY_UNKNOWN);
    assert_int_equal(put("s", "r", RULE, "r1"), REGISTRY_CREATED);
}

static void fill(const char *scope, int count)
{
    for (int i = 0; i < count; i++) {
        char rule_id[32];

        snprintf(rule_id, sizeof rule_id, "r%d", i);
        assert_int_equal(put(scope, rule_id, RULE, ""), REGISTRY_CREATED);
    }
}

static void a_scope_has_at_most_a_thousand_rules(void **state)
{
    int64_t revision;

    (void)state;
    fill("s", RULES_MAX);
    revision = revision_of("s");
    assert_int_equal(put("s", "one-more", RULE, ""), REGISTRY_REFUSED);
    assert_int_equal(revision_of("s"), revision);
    assert_int_equal(put("s", "r7", OTHER_RULE, ""), REGISTRY_UPDATED);
    assert_int_equal(put("other", "r", RULE, ""), REGISTRY_CREATED);
    assert_int_equal(drop("s", "r8"), REGISTRY_DONE);
    assert_int_equal(put("s", "one-more", RULE, ""), REGISTRY_CREATED);
}

static void a_rule_that_ended_takes_no_place(void **state)
{
    (void)state;
    put_ending("s", "old", 1000);
    fill("s", RULES_MAX - 1);
    assert_int_equal(put("s", "full", RULE, ""), REGISTRY_REFUSED);
    queue_fixture_advance(&fixture, 999);
    assert_int_equal(put("s", "full", RULE, ""), REGISTRY_REFUSED);
    queue_fixture_advance(&fixture, 1);
    assert_int_equal(put("s", "fits", RULE, ""), REGISTRY_CREATED);
    assert_true(is_stored("s", "old"));
    /* It would take one again. */
    assert_int_equal(put("s", "old", RULE, ""), REGISTRY_REFUSED);
}

static void a_rule_that_ended_is_seen_for_thirty_days(void **state)
{
    (void)state;
    put_ending("s", "old", 0);
    queue_fixture_advance(&fixture, 30 * DAY_MS - 1);
    put("s", "r", RULE, "");
    assert_true(is_stored("s", "old"));
    queue_fixture_advance(&fixture, 1);
    put("s", "r", OTHER_RULE, "");
    assert_false(is_stored("s", "old"));
    assert_true(is_stored("s", "r"));
    assert_string_equal(ask("EXISTS ignores_due:s"), "0");
}

static void of_many_rules_that_ended_the_oldest_go(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        char rule_id[32];

        snprintf(rule_id, sizeof rule_id, "r%d", i);
        put_ending("s", rule_id, i - 1000);
    }
    put("s", "r", RULE, "");
    assert_string_equal(ask("ZCARD ignores_due:s"), "200");
    assert_false(is_stored("s", "r99"));
    assert_true(is_stored("s", "r100"));
}

static void a_rule_that_lost_its_end_stays(void **state)
{
    (void)state;
    put_ending("s", "r", -1000);
    assert_int_equal(put_ending("s", "r", 1000), REGISTRY_CREATED);
    assert_int_equal(put("s", "r", RULE, ""), REGISTRY_UPDATED);
    assert_string_equal(ask("EXISTS ignores_due:s"), "0");
    queue_fixture_advance(&fixture, 60 * DAY_MS);
    put("s", "other", RULE, "");
    assert_true(is_stored("s", "r"));
}

static void an_end_before_all_times_is_an_end(void **state)
{
    (void)state;
    put("s", "r", "{\"address\":\"a\",\"expiresAt\":\"1970-01-01T00:00:00Z\"}", "");
    put("s", "s", "{\"address\":\"a\",\"expiresAt\":\"1900-01-01T00:00:00Z\"}", "");
    put("s", "other", RULE, "");
    assert_false(is_stored("s", "r"));
    assert_false(is_stored("s", "s"));
}

static void a_rule_is_dropped_once(void **state)
{
    int64_t revision;

    (void)state;
    put_ending("s", "r", 1000);
    revision = revision_of("s");
    assert_int_equal(drop("s", "r"), REGISTRY_DONE);
    assert_true(revision_of("s") > revision);
    revision = revision_of("s");
    assert_int_equal(drop("s", "r"), REGISTRY_UNKNOWN);
    assert_int_equal(drop("s", "never"), REGISTRY_UNKNOWN);
    /* Not a rule, though it stands among them. */
    assert_int_equal(drop("s", "revision"), REGISTRY_UNKNOWN);
    assert_int_equal(revision_of("s"), revision);
    assert_string_equal(ask("EXISTS ignores_due:s"), "0");
}

/* ---- matches ---- */

static enum spread_outcome spread(const char *entry, const struct rule_match *matches,
                                  size_t count)
{
    return step_spread(&fixture, &(struct spread){.entry = entry,
                                                  .subject = "",
                                                  .told = {.drift = "", .event = ""},
                                                  .scope = "s",
                                                  .matches = matches,
                                                  .match_count = count});
}

static void match(const char *rule_id, int64_t count)
{
    struct rule_match matches[1] = {{.count = count}};

    snprintf(matches[0].id, sizeof matches[0].id, "%s", rule_id);
    step_entry(&fixture, "r1 drift_detected");
    assert_int_equal(spread("r1 drift_detected", matches, 1), SPREAD_DONE);
}

static struct registry_matches matches_of(const char *rule_id)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct registry_matches matches;
    struct redis_cmd cmd;

    registry_get_ignored(&cmd, FIXTURE_PREFIX, "s");
    reply = queue_fixture_call(&fixture, &cmd);
    registry_matches_of(reply, rule_id, fixture.now_ms, &matches);
    return matches;
}

static void matches_are_counted_once_whoever_spreads(void **state)
{
    static const struct rule_match both[] = {{"x", 2}, {"y", 1}};

    (void)state;
    assert_int_equal(matches_of("x").count, 0);
    assert_int_equal(matches_of("x").last_ms, 0);
    step_entry(&fixture, "r1 drift_detected");
    step_entry(&fixture, "r2 drift_detected");
    assert_int_equal(spread("r1 drift_detected", both, 2), SPREAD_DONE);
    /* One that died before it saw the answer, and another one that read the same head. */
    assert_int_equal(spread("r1 drift_detected", both, 2), SPREAD_MOVED);
    assert_int_equal(spread("r1 drift_detected", both, 2), SPREAD_MOVED);
    assert_int_equal(matches_of("x").count, 2);
    assert_int_equal(spread("r2 drift_detected", both, 2), SPREAD_DONE);
    assert_int_equal(spread("r2 drift_detected", both, 2), SPREAD_MOVED);
    assert_int_equal(matches_of("x").count, 4);
    assert_int_equal(matches_of("y").count, 2);
    assert_int_equal(matches_of("z").count, 0);
    assert_int_equal(matches_of("x").last_ms, fixture.now_ms);
}

static void nothing_is_counted_when_the_hooks_have_changed(void **state)
{
    static const struct rule_match one[] = {{"x", 1}};

    (void)state;
    ask("HSET meta hooks_revision 4");
    step_entry(&fixture, "r1 drift_detected");
    assert_int_equal(spread("r1 drift_detected", one, 1), SPREAD_HOOKS_MOVED);
    assert_int_equal(matches_of("x").count, 0);
}

static void matches_count_for_thirty_days(void **state)
{
    (void)state;
    match("x", 5);
    queue_fixture_advance(&fixture, DAY_MS);
    match("x", 7);
    assert_int_equal(matches_of("x").count, 12);
    queue_fixture_advance(&fixture, 28 * DAY_MS);
    assert_int_equal(matches_of("x").count, 12);
    queue_fixture_advance(&fixture, DAY_MS);
    assert_int_equal(matches_of("x").count, 7);
    match("x", 1);
    assert_int_equal(matches_of("x").count, 8);
    assert_int_equal(matches_of("x").last_ms, fixture.now_ms);
    queue_fixture_advance(&fixture, 30 * DAY_MS);
    assert_int_equal(matches_of("x").count, 0);
    assert_int_equal(matches_of("x").last_ms, 0);
    /* Forgotten when the next one is counted. */
    match("y", 1);
    assert_string_equal(ask("HKEYS ignored:s"), "");
    assert_string_equal(ask("HLEN ignored:s"), "1");
    assert_string_equal(ask("ZCARD ignored_at:s"), "1");
}

static void each_day_of_a_month_has_its_place(void **state)
{
    (void)state;
    for (int day = 0; day < 90; day++) {
        match("x", 1);
        queue_fixture_advance(&fixture, DAY_MS / 2);
        match("x", 1);
        queue_fixture_advance(&fixture, DAY_MS / 2);
    }
    queue_fixture_advance(&fixture, -DAY_MS / 2);
    assert_int_equal(matches_of("x").count, 60);
    assert_true(number(ask("HSTRLEN ignored:s x")) < 400);
}

static void all_rules_of_a_scope_may_match_at_once(void **state)
{
    static struct rule_match matches[REGISTRY_MATCHED_MAX];

    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        for (size_t i = 0; i < REGISTRY_MATCHED_MAX; i++) {
            snprintf(matches[i].id, sizeof matches[i].id, "%d-%zu", turn, i);
            matches[i].count = 1 + (int64_t)i;
        }
        step_entry(&fixture, "r1 drift_detected");
        assert_int_equal(spread("r1 drift_detected", matches, REGISTRY_MATCHED_MAX),
                         SPREAD_DONE);
        queue_fixture_advance(&fixture, 1000);
    }
    assert_int_equal(matches_of("2-1199").count, 1200);
    /* Of rules that come and go, the longest without a match are forgotten. */
    assert_string_equal(ask("HLEN ignored:s"), "2000");
    assert_string_equal(ask("ZCARD ignored_at:s"), "2000");
    assert_int_equal(matches_of("0-0").count, 0);
}

static void matches_go_with_their_rule(void **state)
{
    (void)state;
    put("s", "x", RULE, "");
    match("x", 1);
    match("y", 1);
    assert_int_equal(drop("s", "x"), REGISTRY_DONE);
    assert_int_equal(matches_of("x").count, 0);
    assert_int_equal(matches_of("y").count, 1);
    assert_string_equal(ask("ZCARD ignored_at:s"), "1");
}

/* ---- rules of runs that are gone ---- */

static void a_rule_of_a_run_that_is_gone_holds_while_it_matches(void **state)
{
    struct enqueue check = step_check("r1");
    int64_t revision;

    (void)state;
    step_enqueue(&fixture, &check);
    assert_int_equal(put("s", "x", OF_RUN, "r1"), REGISTRY_CREATED);
    ask("DEL run:r1");
    queue_fixture_advance(&fixture, 29 * DAY_MS);
    match("x", 1);
    queue_fixture_advance(&fixture, 29 * DAY_MS);
    put("s", "r", RULE, "");
    assert_true(is_stored("s", "x"));
    revision = revision_of("s");
    queue_fixture_advance(&fixture, DAY_MS);
    match("r", 1);
    assert_false(is_stored("s", "x"));
    assert_true(revision_of("s") > revision);
    assert_true(is_stored("s", "r"));
    assert_string_equal(ask("EXISTS ignores_run:s"), "0");
}

static void a_rule_of_a_run_that_is_there_stays(void **state)
{
    (void)state;
    ask("HSET run:r1 scope s");
    put("s", "x", OF_RUN, "r1");
    queue_fixture_advance(&fixture, 31 * DAY_MS);
    put("s", "r", RULE, "");
    assert_true(is_stored("s", "x"));
    ask("DEL run:r1");
    queue_fixture_advance(&fixture, 31 * DAY_MS);
    put("s", "r", OTHER_RULE, "");
    assert_false(is_stored("s", "x"));
}

static void a_deleted_workspace_leaves_nothing_behind(void **state)
{
    static const char *const keys[] = {"ignores", "ignores_due", "ignores_run", "ignored",
                                       "ignored_at"};
    char scope[SIGN_ID_BYTES];
    struct redis_cmd cmd;

    (void)state;
    registry_scope("p", "w", scope);
    registry_put_project(&cmd, FIXTURE_PREFIX, "p", "{}");
    assert_int_equal(outcome_of(&cmd), REGISTRY_CREATED);
    registry_put_workspace(&cmd, FIXTURE_PREFIX, "p", "w", "{}");
    assert_int_equal(outcome_of(&cmd), REGISTRY_CREATED);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        ask(strcmp(keys[i], "ignores") == 0 || strcmp(keys[i], "ignored") == 0
                ? "HSET %s:%s f {}"
                : "ZADD %s:%s 1 f",
            keys[i], scope);
    registry_delete_workspace(&cmd, FIXTURE_PREFIX, "p", "w", "t", false);
    assert_int_equal(outcome_of(&cmd), REGISTRY_DONE);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_string_equal(ask("EXISTS %s:%s", keys[i], scope), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_rule_is_kept_and_moves_the_revision),
        QUEUE_TEST(the_same_rule_again_changes_nothing_not_even_who_set_it),
        QUEUE_TEST(a_rule_needs_its_run_in_its_scope),
        QUEUE_TEST(a_scope_has_at_most_a_thousand_rules),
        QUEUE_TEST(a_rule_that_ended_takes_no_place),
        QUEUE_TEST(a_rule_that_ended_is_seen_for_thirty_days),
        QUEUE_TEST(of_many_rules_that_ended_the_oldest_go),
        QUEUE_TEST(a_rule_that_lost_its_end_stays),
        QUEUE_TEST(an_end_before_all_times_is_an_end),
        QUEUE_TEST(a_rule_is_dropped_once),
        QUEUE_TEST(matches_are_counted_once_whoever_spreads),
        QUEUE_TEST(nothing_is_counted_when_the_hooks_have_changed),
        QUEUE_TEST(matches_count_for_thirty_days),
        QUEUE_TEST(each_day_of_a_month_has_its_place),
        QUEUE_TEST(all_rules_of_a_scope_may_match_at_once),
        QUEUE_TEST(matches_go_with_their_rule),
        QUEUE_TEST(a_rule_of_a_run_that_is_gone_holds_while_it_matches),
        QUEUE_TEST(a_rule_of_a_run_that_is_there_stays),
        QUEUE_TEST(a_deleted_workspace_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, queue_group_setup, queue_group_teardown);
}
