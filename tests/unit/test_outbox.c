/* The outbox: what the end of a run puts into it, its head, and how that is spread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/outbox_steps.h"
#include "tests/support/queue_group.h"

#define LOSS_MS (QUEUE_LEASE_MS + QUEUE_GRACE_MS + 3000)

static void assert_outbox(const char *entry)
{
    assert_string_equal(ask("LLEN outbox"), entry[0] != '\0' ? "1" : "0");
    assert_string_equal(ask("LINDEX outbox 0"), entry);
}

/* ---- what the end of a run puts into it ---- */
static void the_end_of_a_run_is_an_entry_only_where_people_may_be_told(void **state)
{
    static const struct {
        enum run_kind kind;
        enum run_status status;
        const char *entry;
    } rows[] = {
        {RUN_DRIFT_CHECK, RUN_CLEAN, "r1 clean"},
        {RUN_DRIFT_CHECK, RUN_DRIFT_DETECTED, "r1 drift_detected"},
        {RUN_DRIFT_CHECK, RUN_ERROR, "r1 error"},
        {RUN_RECONCILE, RUN_APPLIED, "r1 applied"},
        {RUN_RECONCILE, RUN_CLEAN, "r1 clean"},
        {RUN_RECONCILE, RUN_ERROR, "r1 error"},
        {RUN_PLAN, RUN_CLEAN, ""},
        {RUN_PLAN, RUN_DRIFT_DETECTED, ""},
        {RUN_PLAN, RUN_ERROR, ""},
        {RUN_APPLY, RUN_APPLIED, ""},
        {RUN_APPLY, RUN_ERROR, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct queue_hold hold;

        queue_fixture_reset(&fixture);
        hold = step_running(&fixture, "r1", rows[i].kind);
        assert_outbox("");
        assert_int_equal(step_finish(&fixture, &hold, rows[i].status), HOLD_DONE);
        assert_outbox(rows[i].entry);
        /* Sent again, it is done already. */
        assert_int_equal(step_finish(&fixture, &hold, rows[i].status), HOLD_DONE);
        assert_outbox(rows[i].entry);
    }
}

static void a_cancelled_run_is_no_entry(void **state)
{
    struct enqueue check = step_check("r1");
    struct queue_hold hold;

    (void)state;
    step_enqueue(&fixture, &check);
    step_cancel(&fixture, "r1", false);
    hold = step_running(&fixture, "r2", RUN_DRIFT_CHECK);
    step_cancel(&fixture, "r2", false);
    assert_int_equal(step_finish(&fixture, &hold, RUN_DRIFT_DETECTED), HOLD_DONE);
    assert_status("r2", "cancelled");
    assert_outbox("");
}

static void what_happens_between_start_and_end_is_no_entry(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_DRIFT_CHECK);

    (void)state;
    assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_DONE);
    hold = step_running(&fixture, "r2", RUN_DRIFT_CHECK);
    assert_int_equal(step_release(&fixture, &hold), HOLD_DONE);
    assert_outbox("");
}

static void a_check_whose_worker_is_lost_too_often_is_an_entry(void **state)
{
    (void)state;
    step_running(&fixture, "r1", RUN_DRIFT_CHECK);
    for (int i = 1; i < QUEUE_CRASHES_MAX; i++) {
        char nonce[2] = {(char)('a' + i), '\0'};

        step_reap_for(&fixture, LOSS_MS);
        assert_outbox("");
        assert_string_equal(step_claim(&fixture, "w", nonce).run_id, "r1");
    }
    assert_int_equal(step_reap_for(&fixture, LOSS_MS).lost, 1);
    assert_outbox("r1 error");
}

static struct queue_hold orphan(enum run_kind kind)
{
    struct queue_hold hold = step_running(&fixture, "r1", kind);

    assert_int_equal(step_mark(&fixture, &hold), HOLD_DONE);
    assert_int_equal(step_reap_for(&fixture, LOSS_MS).orphaned, 1);
    assert_outbox("r1 orphaned");
    return hold;
}

static void an_orphan_is_told_of_and_a_settled_reconcile_again(void **state)
{
    struct queue_hold hold = orphan(RUN_RECONCILE);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct outbox_entry head;

    (void)state;
    reply = step_head(&fixture, &head);
    assert_int_equal(head.status, RUN_ORPHANED);
    assert_int_equal(step_finish(&fixture, &hold, RUN_APPLIED), HOLD_DONE);
    assert_string_equal(ask("LLEN outbox"), "2");
    assert_string_equal(ask("LINDEX outbox 1"), "r1 applied");
}

static void an_orphaned_reconcile_that_a_person_resolves_is_told_of(void **state)
{
    (void)state;
    orphan(RUN_RECONCILE);
    assert_int_equal(step_resolve(&fixture, "r1", RUN_ERROR, true), RESOLVE_DONE);
    assert_string_equal(ask("LINDEX outbox 1"), "r1 error");
}

static void an_orphaned_apply_that_is_settled_is_not_told_of_again(void **state)
{
    (void)state;
    orphan(RUN_APPLY);
    assert_int_equal(step_resolve(&fixture, "r1", RUN_APPLIED, true), RESOLVE_DONE);
    assert_outbox("r1 orphaned");
}

/* ---- head ---- */
static void an_empty_outbox_has_no_head(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct outbox_entry head;

    (void)state;
    reply = step_head(&fixture, &head);
    assert_null(head.entry);
    assert_null(head.run.id);
    assert_int_equal(head.now_ms, fixture.now_ms);
}

static void send(struct redis_cmd *cmd)
{
    AUTO(redis_reply_free)
    struct redisReply *reply = queue_fixture_call(&fixture, cmd);
}

static void put_registry(void)
{
    struct redis_cmd cmd;

    registry_put_project(&cmd, FIXTURE_PREFIX, "p", "{\"repository\":\"o/r\"}");
    send(&cmd);
    registry_put_workspace(&cmd, FIXTURE_PREFIX, "p", "w", "{\"directory\":\".\"}");
    send(&cmd);
}

static void finish_with_metadata(const char *run_id, enum run_kind kind,
                                 enum run_status status, const char *scope,
                                 const char *project)
{
    struct enqueue req = step_check(run_id);
    struct finish result = {.status = status,
                            .error_code = "",
                            .error_message = "",
                            .commit = "c0ffee",
                            .summary = "{\"toAdd\":1}",
                            .metadata = "{\"driftedResources\":[]}",
                            .metadata_len = strlen("{\"driftedResources\":[]}")};
    struct queue_hold hold;

    req.kind = kind;
    req.scope = scope;
    req.spec = "{\"ref\":\"main\"}";
    req.project_id = project;
    req.workspace_id = project[0] != '\0' ? "w" : "";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
    hold = step_claim(&fixture, "w", run_id);
    assert_string_equal(hold.run_id, run_id);
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
}

static void the_head_has_all_that_a_decision_takes(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    char scope[SIGN_ID_BYTES];
    struct outbox_entry head;

    (void)state;
    registry_scope("p", "w", scope);
    put_registry();
    ask("HSET ignores:%s i1 {}", scope);
    ask("HSET told:%s version 4 drift abc since 11 at 12 failing 1 event {}", scope);
    ask("HSET meta hooks_revision 9");
    finish_with_metadata("r1", RUN_DRIFT_CHECK, RUN_DRIFT_DETECTED, scope, "p");
    reply = step_head(&fixture, &head);
    assert_string_equal(head.entry, "r1 drift_detected");
    assert_int_equal(head.status, RUN_DRIFT_DETECTED);
    assert_int_equal(head.hooks_revision, 9);
    assert_string_equal(head.run.id, "r1");
    assert_int_equal(head.run.kind, RUN_DRIFT_CHECK);
    assert_string_equal(head.run.commit, "c0ffee");
    assert_string_equal(head.run.summary, "{\"toAdd\":1}");
    assert_string_equal(head.spec, "{\"ref\":\"main\"}");
    assert_string_equal(head.metadata, "{\"driftedResources\":[]}");
    assert_int_equal(head.metadata_len, strlen(head.metadata));
    assert_int_equal(redis_reply_count(head.ignores), 2);
    assert_string_equal(head.pair.project.id, "p");
    assert_string_equal(head.pair.workspace_json, "{\"directory\":\".\"}");
    assert_string_equal(head.subject, scope);
    assert_int_equal(head.told.version, 4);
    assert_string_equal(head.told.drift, "abc");
    assert_int_equal(head.told.since_ms, 11);
    assert_int_equal(head.told.at_ms, 12);
    assert_true(head.told.failing);
    assert_string_equal(head.told.event, "{}");
}

static void metadata_is_read_where_something_changed(void **state)
{
    static const struct {
        enum run_kind kind;
        enum run_status status;
        bool read;
    } rows[] = {
        {RUN_DRIFT_CHECK, RUN_CLEAN, false}, {RUN_DRIFT_CHECK, RUN_DRIFT_DETECTED, true},
        {RUN_DRIFT_CHECK, RUN_ERROR, false}, {RUN_RECONCILE, RUN_CLEAN, true},
        {RUN_RECONCILE, RUN_APPLIED, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct outbox_entry head;

        queue_fixture_reset(&fixture);
        finish_with_metadata("r1", rows[i].kind, rows[i].status, "s", "");
        reply = step_head(&fixture, &head);
        assert_int_equal(head.metadata != NULL, rows[i].read);
    }
}

static void without_a_project_the_subject_is_the_target_and_the_ref(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct outbox_entry head;

    (void)state;
    finish_with_metadata("r1", RUN_DRIFT_CHECK, RUN_CLEAN, "t", "");
    reply = step_head(&fixture, &head);
    /* SHA-1 of "t main": stored, so it never changes. */
    assert_string_equal(head.subject, "161d8be61070e6795051809c04eed96860f3df01");
    assert_null(head.pair.project.id);
    assert_null(head.pair.workspace_json);
    assert_int_equal(head.told.version, 0);
    assert_string_equal(head.told.drift, "");
}

static void an_entry_whose_run_is_gone_or_broken_can_still_be_dropped(void **state)
{
    static const char *const entries[] = {"r1 clean", "r2 clean", "nonsense",
                                          "r3 no_such_status"};

    (void)state;
    finish_with_metadata("r2", RUN_PLAN, RUN_CLEAN, "s", "");
    ask("DEL spec:r2");
    finish_with_metadata("r3", RUN_PLAN, RUN_CLEAN, "s", "");
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        step_entry(&fixture, entries[i]);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct outbox_entry head;

        reply = step_head(&fixture, &head);
        assert_string_equal(head.entry, entries[i]);
        assert_null(head.run.id);
        assert_string_equal(head.subject, "");
        assert_string_equal(head.spec, "");
        assert_int_equal(
            step_spread(&fixture, &(struct spread){.entry = entries[i], .subject = ""}),
            SPREAD_DONE);
    }
    assert_outbox("");
}

/* ---- spread ---- */
static struct spread drift_spread(const char *entry, int64_t told_version)
{
    return (struct spread){.entry = entry,
                           .subject = "sub",
                           .told_version = told_version,
                           .told = {.drift = "d",
                                    .since_ms = fixture.now_ms,
                                    .at_ms = fixture.now_ms,
                                    .event = "{}"},
                           .remind = true};
}

static void only_the_head_is_spread_and_only_once(void **state)
{
    struct spread first = drift_spread("r1 clean", 0), second = first;

    (void)state;
    second.entry = "r2 clean";
    step_entry(&fixture, "r1 clean");
    step_entry(&fixture, "r2 clean");
    assert_int_equal(step_spread(&fixture, &second), SPREAD_MOVED);
    assert_int_equal(step_spread(&fixture, &first), SPREAD_DONE);
    assert_int_equal(step_spread(&fixture, &first), SPREAD_MOVED);
    /* What was told has moved on meanwhile: decide anew. */
    assert_int_equal(step_spread(&fixture, &second), SPREAD_MOVED);
    second.told_version = 1;
    assert_int_equal(step_spread(&fixture, &second), SPREAD_DONE);
    assert_string_equal(ask("HGET told:sub version"), "2");
    assert_outbox("");
}

static void of_two_schedulers_one_makes_the_deliveries(void **state)
{
    struct hook hook = step_hook("g", HOOK_GENERIC);
    const struct hook *to[] = {&hook};
    struct spread spread = drift_spread("r1 drift_detected", 0);

    (void)state;
    step_hook_made(&fixture, "g", HOOK_GENERIC);
    spread.hooks_revision = 1;
    spread.event_count = 1;
    spread.events[0] = (struct outbox_event){
        .type = EVENT_DRIFT_DETECTED, .json = "{}", .batch = "", .to = to, .to_count = 1};
    outbox_event_id(spread.entry, "sub", 0, EVENT_DRIFT_DETECTED, 0, spread.events[0].id);
    step_entry(&fixture, spread.entry);
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_MOVED);
    assert_string_equal(ask("ZCARD deliveries:g"), "1");
    assert_string_equal(ask("GET event:%s", spread.events[0].id), "{}");
    assert_int_equal(step_take_all(&fixture, "n", DELIVERY_SENT), 1);
    /* The run becomes an orphan a second time, say: the same event has its delivery. */
    step_entry(&fixture, spread.entry);
    spread.told_version = 1;
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    assert_string_equal(ask("ZCARD deliveries:g"), "1");
    assert_int_equal(step_take_all(&fixture, "m", DELIVERY_SENT), 0);
}

static void hooks_that_have_changed_are_read_again(void **state)
{
    struct spread spread = drift_spread("r1 clean", 0);

    (void)state;
    step_hook_made(&fixture, "g", HOOK_GENERIC);
    step_entry(&fixture, "r1 clean");
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_HOOKS_MOVED);
    assert_outbox("r1 clean");
    assert_string_equal(ask("EXISTS told:sub"), "0");
    spread.hooks_revision = 1;
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
}

static void what_was_told_is_forgotten_after_a_while(void **state)
{
    struct spread spread = drift_spread("r1 clean", 0);

    (void)state;
    step_entry(&fixture, "r1 clean");
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    assert_true(strtoll(ask("PTTL told:sub"), NULL, 10) > OUTBOX_TOLD_MS - 60000);
}

/* ---- reminders ---- */
static size_t reminders(struct outbox_reminder *out)
{
    static struct redisReply *reply; /* what `out` points into */
    int64_t now_ms, revision;
    struct redis_cmd cmd;
    struct err err;
    size_t count = 0;

    redis_reply_free(&reply);
    outbox_due_reminders(&cmd, FIXTURE_PREFIX, OUTBOX_REMINDERS_MAX);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(outbox_reminders_reply(reply, &now_ms, &revision, &count, &err), 0);
    assert_int_equal(now_ms, fixture.now_ms);
    assert_int_equal(revision, 0);
    if (count > 0)
        assert_int_equal(outbox_reminder_at(reply, 0, out, &err), 0);
    return count;
}

static void people_are_reminded_of_drift_until_it_goes_away(void **state)
{
    struct spread spread = drift_spread("r1 drift_detected", 0);
    struct outbox_reminder due;

    (void)state;
    step_entry(&fixture, spread.entry);
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    /* The same drift, seen again, puts no reminder off. */
    queue_fixture_advance(&fixture, OUTBOX_REMIND_MS - 1);
    step_entry(&fixture, "r2 drift_detected");
    spread.entry = "r2 drift_detected";
    spread.told_version = 1;
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    assert_int_equal(reminders(&due), 0);
    queue_fixture_advance(&fixture, 1);
    assert_int_equal(reminders(&due), 1);
    assert_string_equal(due.subject, "sub");
    assert_int_equal(due.told.version, 2);
    assert_string_equal(due.told.drift, "d");

    spread = drift_spread(NULL, 2);
    spread.told.at_ms -= OUTBOX_REMIND_MS;
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    assert_int_equal(reminders(&due), 0);
    spread.told_version = 3;
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_MOVED);
    queue_fixture_advance(&fixture, OUTBOX_REMIND_MS);
    assert_int_equal(reminders(&due), 1);

    spread.remind = false;
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    assert_string_equal(ask("ZCARD reminders"), "0");
}

/* Nobody may check any more: then the reminders have an end. */
static void a_reminder_does_not_keep_what_was_told(void **state)
{
    struct spread spread = drift_spread("r1 drift_detected", 0);

    (void)state;
    step_entry(&fixture, spread.entry);
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    ask("PEXPIRE told:sub 60000");
    queue_fixture_advance(&fixture, OUTBOX_REMIND_MS);
    spread = drift_spread(NULL, 1);
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    assert_true(strtoll(ask("PTTL told:sub"), NULL, 10) <= 60000);
    /* What is there no more is not written for ever, either. */
    ask("DEL told:sub");
    queue_fixture_advance(&fixture, OUTBOX_REMIND_MS);
    spread = drift_spread(NULL, 0);
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    assert_true(strtoll(ask("PTTL told:sub"), NULL, 10) > 60000);
}

static void only_one_scheduler_reminds(void **state)
{
    struct spread spread = drift_spread("r1 drift_detected", 0);

    (void)state;
    step_entry(&fixture, spread.entry);
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    queue_fixture_advance(&fixture, OUTBOX_REMIND_MS);
    spread = drift_spread(NULL, 1);
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_DONE);
    assert_int_equal(step_spread(&fixture, &spread), SPREAD_MOVED);
    assert_string_equal(ask("HGET told:sub version"), "2");
}

/* ---- ids ---- */
static void an_event_id_is_the_same_for_everybody_and_for_nothing_else(void **state)
{
    static const struct {
        const char *entry, *subject;
        int64_t version;
        enum hook_event type;
        int64_t at_ms;
    } rows[] = {
        {"r1 clean", "s", 0, EVENT_DRIFT_RESOLVED, 0},
        {"r1 clean", "s", 0, EVENT_CHECK_RECOVERED, 0},
        {"r2 clean", "s", 0, EVENT_DRIFT_RESOLVED, 0},
        {NULL, "s", 1, EVENT_DRIFT_REMINDER, 5},
        {NULL, "s", 2, EVENT_DRIFT_REMINDER, 5},
        {NULL, "s", 1, EVENT_DRIFT_REMINDER, 6},
        {NULL, "t", 1, EVENT_DRIFT_REMINDER, 5},
    };
    char ids[ARRAY_LEN(rows)][SIGN_UUID_BYTES], again[SIGN_UUID_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        outbox_event_id(rows[i].entry, rows[i].subject, rows[i].version, rows[i].type,
                        rows[i].at_ms, ids[i]);
        assert_int_equal(strlen(ids[i]), SIGN_UUID_BYTES - 1);
        assert_int_equal(ids[i][14], '8');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
    /* Of an entry only itself and the type count. */
    outbox_event_id("r1 clean", "s", 7, EVENT_DRIFT_RESOLVED, 8, again);
    assert_string_equal(again, ids[0]);
    /* Receivers know them: the same in every release. */
    assert_string_equal(again, "3995c8a9-34a5-8816-894d-c2b5f0f799f6");
    outbox_delivery_id(again, "h", again);
    assert_string_equal(again, "dc30353f-9420-8b5e-a4c0-fc819c32fce7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(the_end_of_a_run_is_an_entry_only_where_people_may_be_told),
        QUEUE_TEST(a_cancelled_run_is_no_entry),
        QUEUE_TEST(what_happens_between_start_and_end_is_no_entry),
        QUEUE_TEST(a_check_whose_worker_is_lost_too_often_is_an_entry),
        QUEUE_TEST(an_orphan_is_told_of_and_a_settled_reconcile_again),
        QUEUE_TEST(an_orphaned_reconcile_that_a_person_resolves_is_told_of),
        QUEUE_TEST(an_orphaned_apply_that_is_settled_is_not_told_of_again),
        QUEUE_TEST(an_empty_outbox_has_no_head),
        QUEUE_TEST(the_head_has_all_that_a_decision_takes),
        QUEUE_TEST(metadata_is_read_where_something_changed),
        QUEUE_TEST(without_a_project_the_subject_is_the_target_and_the_ref),
        QUEUE_TEST(an_entry_whose_run_is_gone_or_broken_can_still_be_dropped),
        QUEUE_TEST(only_the_head_is_spread_and_only_once),
        QUEUE_TEST(of_two_schedulers_one_makes_the_deliveries),
        QUEUE_TEST(hooks_that_have_changed_are_read_again),
        QUEUE_TEST(what_was_told_is_forgotten_after_a_while),
        QUEUE_TEST(people_are_reminded_of_drift_until_it_goes_away),
        QUEUE_TEST(a_reminder_does_not_keep_what_was_told),
        QUEUE_TEST(only_one_scheduler_reminds),
        QUEUE_TEST(an_event_id_is_the_same_for_everybody_and_for_nothing_else),
    };

    return cmocka_run_group_tests_name("outbox", tests, queue_group_setup,
                                       queue_group_teardown);
}
