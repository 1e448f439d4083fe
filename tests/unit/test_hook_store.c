/* Hooks in Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/registry/registry.h"
#include "tests/support/outbox_steps.h"
#include "tests/support/queue_group.h"

#define ID       "00000000-0000-4000-8000-000000000001"
#define REVISION ask("HGET meta hooks_revision")

static struct redisReply *get(const char *id, struct hook *out)
{
    struct redisReply *reply;
    struct redis_cmd cmd;
    struct err err;

    hook_get(&cmd, FIXTURE_PREFIX, id);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(hook_get_reply(reply, id, out, &err), 0);
    return reply;
}

/* As read, to be put again. */
static struct hook full_hook(void)
{
    return (struct hook){.id = ID,
                         .kind = HOOK_TEAMS,
                         .url = "https://example.com/a?b=c",
                         .events = 1u << EVENT_DRIFT_DETECTED | 1u << EVENT_RUN_ORPHANED,
                         .project_id = "p",
                         .workspace_id = "w",
                         .secret = "first secret",
                         .enabled = true};
}

static void assert_full(const struct hook *hook)
{
    struct hook want = full_hook();

    assert_string_equal(hook->id, ID);
    assert_int_equal(hook->kind, want.kind);
    assert_string_equal(hook->url, want.url);
    assert_int_equal(hook->events, want.events);
    assert_string_equal(hook->project_id, "p");
    assert_string_equal(hook->workspace_id, "w");
    assert_string_equal(hook->secret, want.secret);
    assert_string_equal(hook->old_secret, "");
    assert_int_equal(hook->old_secret_until_ms, 0);
    assert_true(hook->enabled);
    assert_string_equal(hook->disabled_reason, "");
    assert_int_equal(hook->version, 1);
    assert_int_equal(hook->created_ms, fixture.now_ms);
    assert_int_equal(hook->updated_ms, fixture.now_ms);
}

/* ---- put ---- */
static void a_hook_is_read_as_it_was_put_by_whichever_way(void **state)
{
    AUTO(redis_reply_free)
    struct redisReply *put = NULL, *got = NULL, *listed = NULL;
    enum hook_outcome outcome = HOOK_OUTCOMES;
    struct hook hook = full_hook(), out;
    struct hook_page page;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    hook_put(&cmd, FIXTURE_PREFIX, &hook);
    put = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(hook_put_reply(put, &outcome, &out, &err), 0);
    assert_int_equal(outcome, HOOK_CREATED);
    assert_full(&out);
    got = get(ID, &out);
    assert_full(&out);
    hook_list(&cmd, FIXTURE_PREFIX, 0, 10);
    listed = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(hook_list_reply(listed, &page, &err), 0);
    assert_int_equal(page.revision, 1);
    assert_int_equal(page.total, 1);
    assert_int_equal(page.count, 1);
    assert_int_equal(hook_list_at(listed, 0, &out, &err), 0);
    assert_full(&out);
    assert_int_equal(hook_list_at(listed, 1, &out, &err), -1);
}

static void a_hook_that_is_not_there_has_no_id(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct hook out;

    (void)state;
    reply = get(ID, &out);
    assert_null(out.id);
}

static void a_creation_sent_again_changes_nothing(void **state)
{
    struct hook hook = full_hook();

    (void)state;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CREATED);
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CREATED);
    assert_string_equal(ask("HGET hook:" ID " version"), "1");
    assert_string_equal(REVISION, "1");
}

static void only_the_version_that_was_read_is_replaced(void **state)
{
    struct hook hook = full_hook();

    (void)state;
    hook.version = 1;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UNKNOWN);
    hook.version = 0;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CREATED);
    hook.version = 1;
    hook.url = "https://example.com/second";
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    /* The same put, sent again. */
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_string_equal(ask("HGET hook:" ID " version"), "2");
    assert_string_equal(REVISION, "2");
    hook.url = "https://example.com/third";
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CHANGED);
    assert_string_equal(ask("HGET hook:" ID " url"), "https://example.com/second");
    hook.version = 3;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CHANGED);
}

static void a_secret_that_was_replaced_still_signs_for_a_day(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL, *again = NULL;
    struct hook hook = full_hook(), out;
    int64_t until_ms;

    (void)state;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CREATED);
    queue_fixture_advance(&fixture, 1000);
    until_ms = fixture.now_ms + HOOK_ROTATION_MS;
    hook.version = 1;
    hook.secret = "second secret";
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    /* A change of something else leaves them. */
    queue_fixture_advance(&fixture, 1000);
    hook.version = 2;
    hook.url = "https://example.com/other";
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    reply = get(ID, &out);
    assert_string_equal(out.secret, "second secret");
    assert_string_equal(out.old_secret, "first secret");
    assert_int_equal(out.old_secret_until_ms, until_ms);
    hook.version = 3;
    hook.secret = "";
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    again = get(ID, &out);
    assert_string_equal(out.secret, "");
    assert_string_equal(out.old_secret, "second secret");
}

static void a_hook_without_a_secret_has_no_old_one_when_it_gets_one(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct hook hook = full_hook(), out;

    (void)state;
    hook.secret = "";
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CREATED);
    hook.version = 1;
    hook.secret = "first secret";
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    reply = get(ID, &out);
    assert_string_equal(out.old_secret, "");
    assert_int_equal(out.old_secret_until_ms, 0);
}

static void a_reason_goes_when_the_hook_is_enabled(void **state)
{
    struct hook hook = full_hook();

    (void)state;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CREATED);
    ask("HSET hook:" ID " enabled 0 reason gone");
    hook.enabled = false;
    hook.version = 1;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_string_equal(ask("HGET hook:" ID " reason"), "gone");
    hook.enabled = true;
    hook.version = 2;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_UPDATED);
    assert_string_equal(ask("HGET hook:" ID " reason"), "");
}

static void there_are_no_more_hooks_than_may_be(void **state)
{
    struct hook hook = step_hook("one-more", HOOK_SLACK);

    (void)state;
    for (int i = 0; i < HOOKS_MAX; i++) {
        AUTO(auto_free) char *id = mem_fmt("h%d", i);

        step_hook_made(&fixture, id, HOOK_SLACK);
    }
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_FULL);
    assert_int_equal(step_hook_delete(&fixture, "h7"), HOOK_DELETED);
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CREATED);
}

/* ---- delete, list ---- */
static void a_hook_is_deleted_once(void **state)
{
    struct hook hook = full_hook();
    char scope[SIGN_ID_BYTES];

    (void)state;
    registry_scope("p", "w", scope);
    assert_int_equal(step_hook_delete(&fixture, ID), HOOK_UNKNOWN);
    assert_string_equal(REVISION, "");
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CREATED);
    assert_int_equal(step_hook_delete(&fixture, ID), HOOK_DELETED);
    assert_int_equal(step_hook_delete(&fixture, ID), HOOK_UNKNOWN);
    assert_string_equal(REVISION, "2");
    assert_string_equal(ask("ZCARD hooks"), "0");
    assert_string_equal(ask("EXISTS hooks:%s", scope), "0");
}

static void hooks_are_listed_newest_first_and_by_the_page(void **state)
{
    static const char *const ids[] = {"a", "b", "c"};
    static const char *const page[] = {"b", "a"};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct hook_page head;
    struct redis_cmd cmd;
    struct hook hook;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        step_hook_made(&fixture, ids[i], HOOK_GENERIC);
        queue_fixture_advance(&fixture, 1);
    }
    hook_list(&cmd, FIXTURE_PREFIX, 1, 5);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(hook_list_reply(reply, &head, &err), 0);
    assert_int_equal(head.revision, 3);
    assert_int_equal(head.total, 3);
    assert_int_equal(head.count, 2);
    for (size_t i = 0; i < ARRAY_LEN(page); i++) {
        assert_int_equal(hook_list_at(reply, i, &hook, &err), 0);
        assert_string_equal(hook.id, page[i]);
    }
}

/* ---- what goes with a workspace and a project ---- */
static enum registry_outcome registry(struct redis_cmd *cmd)
{
    AUTO(redis_reply_free)
    struct redisReply *reply = queue_fixture_call(&fixture, cmd);
    enum registry_outcome outcome = REGISTRY_OUTCOMES;
    struct err err;

    assert_int_equal(registry_reply(reply, &outcome, &err), 0);
    return outcome;
}

static void put_hook_of(const char *id, const char *project, const char *workspace)
{
    struct hook hook = step_hook(id, HOOK_GENERIC);

    hook.project_id = project;
    hook.workspace_id = workspace;
    assert_int_equal(step_hook_put(&fixture, &hook), HOOK_CREATED);
}

static void assert_there(const char *id, bool there)
{
    assert_string_equal(ask("EXISTS hook:%s", id), there ? "1" : "0");
    assert_int_equal(ask("ZSCORE hooks %s", id)[0] != '\0', there);
}

static void the_hooks_of_a_workspace_and_of_a_project_go_with_them(void **state)
{
    char scope[SIGN_ID_BYTES];
    struct redis_cmd cmd;
    struct hook moved = step_hook("moved", HOOK_GENERIC);

    (void)state;
    registry_scope("p", "w", scope);
    registry_put_project(&cmd, FIXTURE_PREFIX, "p", "{}");
    assert_int_equal(registry(&cmd), REGISTRY_CREATED);
    registry_put_workspace(&cmd, FIXTURE_PREFIX, "p", "w", "{}");
    assert_int_equal(registry(&cmd), REGISTRY_CREATED);
    put_hook_of("all", "", "");
    put_hook_of("of-project", "p", "");
    put_hook_of("of-workspace", "p", "w");
    put_hook_of("of-another", "p", "v");
    put_hook_of("moved", "p", "w");
    moved.version = 1;
    assert_int_equal(step_hook_put(&fixture, &moved), HOOK_UPDATED);
    ask("HSET told:%s version 1", scope);
    ask("ZADD reminders 1 %s 1 other", scope);

    registry_delete_workspace(&cmd, FIXTURE_PREFIX, "p", "w", "t", false);
    assert_int_equal(registry(&cmd), REGISTRY_DONE);
    assert_there("of-workspace", false);
    assert_there("of-another", true);
    assert_there("of-project", true);
    assert_there("all", true);
    assert_there("moved", true);
    assert_string_equal(ask("EXISTS told:%s", scope), "0");
    assert_string_equal(ask("ZCARD reminders"), "1");

    registry_delete_project(&cmd, FIXTURE_PREFIX, "p");
    assert_int_equal(registry(&cmd), REGISTRY_DONE);
    assert_there("of-project", false);
    assert_there("all", true);
    assert_there("moved", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_hook_is_read_as_it_was_put_by_whichever_way),
        QUEUE_TEST(a_hook_that_is_not_there_has_no_id),
        QUEUE_TEST(a_creation_sent_again_changes_nothing),
        QUEUE_TEST(only_the_version_that_was_read_is_replaced),
        QUEUE_TEST(a_secret_that_was_replaced_still_signs_for_a_day),
        QUEUE_TEST(a_hook_without_a_secret_has_no_old_one_when_it_gets_one),
        QUEUE_TEST(a_reason_goes_when_the_hook_is_enabled),
        QUEUE_TEST(there_are_no_more_hooks_than_may_be),
        QUEUE_TEST(a_hook_is_deleted_once),
        QUEUE_TEST(hooks_are_listed_newest_first_and_by_the_page),
        QUEUE_TEST(the_hooks_of_a_workspace_and_of_a_project_go_with_them),
    };

    return cmocka_run_group_tests_name("hook_store", tests, queue_group_setup,
                                       queue_group_teardown);
}
