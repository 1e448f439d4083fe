/* The registry: its scripts against a real Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/queue/queue.h"
#include "common/redis/scripts.h"
#include "common/registry/registry.h"
#include "tests/support/redis_server.h"

#define PREFIX    "{test}:"
#define TARGET    "0123456789abcdef0123456789abcdef"
#define WORKER    "worker-1"
#define NONCE     "00000000000000000000000000000001"
#define BUDGET_MS 5000

static struct redis_server server;
static struct redis *redis;

/* ---- sending ---- */

/* Sends, and frees the command. The caller frees the reply. */
static struct redisReply *call(struct redis_cmd *cmd)
{
    struct redisReply *reply = NULL;
    struct err err = {0};

    if (redis_call(redis, cmd, BUDGET_MS, &reply, &err) < 0)
        fail_msg("%s", err.message);
    redis_cmd_done(cmd);
    return reply;
}

static enum registry_outcome outcome_of(struct redis_cmd *cmd)
{
    AUTO(redis_reply_free) struct redisReply *reply = call(cmd);
    enum registry_outcome outcome = REGISTRY_OUTCOMES;
    struct err err = {0};

    if (registry_reply(reply, &outcome, &err) < 0)
        fail_msg("%s", err.message);
    return outcome;
}

/* A plain command: its name, a key without the prefix, one more word; NULL: none. */
static struct redisReply *ask(const char *verb, const char *key, const char *arg)
{
    struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, verb);
    if (key != NULL)
        redis_cmd_fmt(&cmd, PREFIX "%s", key);
    if (arg != NULL)
        redis_cmd_arg(&cmd, arg);
    return call(&cmd);
}

static int64_t ask_int(const char *verb, const char *key, const char *arg)
{
    AUTO(redis_reply_free) struct redisReply *reply = ask(verb, key, arg);

    return redis_reply_int(reply, -1);
}

static enum registry_outcome put_project(const char *id, const char *json)
{
    struct redis_cmd cmd;

    registry_put_project(&cmd, PREFIX, id, json);
    return outcome_of(&cmd);
}

static enum registry_outcome put_workspace(const char *project, const char *id,
                                           const char *json)
{
    struct redis_cmd cmd;

    registry_put_workspace(&cmd, PREFIX, project, id, json);
    return outcome_of(&cmd);
}

static enum registry_outcome delete_workspace(const char *project, const char *id,
                                              bool force)
{
    struct redis_cmd cmd;

    registry_delete_workspace(&cmd, PREFIX, project, id, TARGET, force);
    return outcome_of(&cmd);
}

static enum registry_outcome delete_project(const char *id)
{
    struct redis_cmd cmd;

    registry_delete_project(&cmd, PREFIX, id);
    return outcome_of(&cmd);
}

/* The project's revision; 0 when there is no such project. */
static int64_t revision_of(const char *project_id)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct registry_project project;
    struct redis_cmd cmd;
    struct err err = {0};

    registry_get_project(&cmd, PREFIX, project_id);
    reply = call(&cmd);
    assert_int_equal(registry_get_project_reply(reply, &project, &err), 0);
    return project.id != NULL ? project.revision : 0;
}

/* ---- runs ---- */

static void enqueue_run(const char *run_id, const char *project, const char *workspace)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    char scope[SIGN_ID_BYTES];
    struct enqueue req = {
        .run_id = run_id,
        .kind = RUN_PLAN,
        .target = TARGET,
        .scope = scope,
        .project_id = project,
        .workspace_id = workspace,
        .spec = "{}",
        .registry_revision = revision_of(project),
        .max_queued = 1000,
        .max_queued_project = 1000,
    };
    struct enqueued enqueued;
    struct redis_cmd cmd;
    struct err err = {0};

    registry_scope(project, workspace, scope);
    queue_enqueue(&cmd, PREFIX, &req);
    reply = call(&cmd);
    assert_int_equal(queue_enqueue_reply(reply, &enqueued, &err), 0);
    assert_int_equal(enqueued.outcome, ENQUEUE_NEW);
}

static struct queue_hold claim_run(void)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(claimed_done) struct claimed claimed = {0};
    struct redis_cmd cmd;
    struct err err = {0};

    queue_claim(&cmd, PREFIX, WORKER, NONCE);
    reply = call(&cmd);
    assert_int_equal(queue_claim_reply(reply, NONCE, &claimed, &err), 0);
    assert_int_equal(claimed.outcome, CLAIM_RUN);
    return claimed.hold;
}

static void retry_run(const struct queue_hold *hold)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum hold_outcome outcome;
    struct redis_cmd cmd;
    struct err err = {0};

    queue_retry(&cmd, PREFIX, hold, RETRY_INFRASTRUCTURE, "clone failed");
    reply = call(&cmd);
    assert_int_equal(queue_hold_reply(reply, &outcome, &err), 0);
    assert_int_equal(outcome, HOLD_DONE);
}

static void assert_run(const char *run_id, enum run_status status, int64_t cancel_level)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct run_record record;
    struct redis_cmd cmd;
    struct err err = {0};

    queue_get_run(&cmd, PREFIX, run_id);
    reply = call(&cmd);
    assert_int_equal(queue_get_run_reply(reply, run_id, &record, &err), 0);
    assert_non_null(record.id);
    assert_int_equal(record.status, status);
    assert_int_equal(record.cancel_level, cancel_level);
}

/* ---- projects and workspaces ---- */

static void a_project_is_created_then_updated(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct registry_project project;
    struct redis_cmd cmd;
    struct err err = {0};

    (void)state;
    assert_int_equal(revision_of("p"), 0);
    assert_int_equal(put_project("p", "{\"a\":1}"), REGISTRY_CREATED);
    assert_int_equal(put_project("p", "{\"a\":2}"), REGISTRY_UPDATED);
    registry_get_project(&cmd, PREFIX, "p");
    reply = call(&cmd);
    assert_int_equal(registry_get_project_reply(reply, &project, &err), 0);
    assert_string_equal(project.id, "p");
    assert_string_equal(project.json, "{\"a\":2}");
    assert_true(project.created_ms > 1600000000000);
    assert_true(project.updated_ms >= project.created_ms);
}

static void only_a_change_moves_the_revision(void **state)
{
    int64_t before, after;

    (void)state;
    put_project("p", "{}");
    put_workspace("p", "w", "{}");
    before = revision_of("p");
    assert_int_equal(put_project("p", "{}"), REGISTRY_UPDATED);
    assert_int_equal(put_workspace("p", "w", "{}"), REGISTRY_UPDATED);
    assert_int_equal(revision_of("p"), before);
    assert_int_equal(put_workspace("p", "w", "{\"a\":1}"), REGISTRY_UPDATED);
    after = revision_of("p");
    assert_true(after > before);
    assert_int_equal(delete_workspace("p", "w", false), REGISTRY_DONE);
    assert_true(revision_of("p") > after);
}

static void a_project_made_again_never_has_an_old_revision(void **state)
{
    int64_t before;

    (void)state;
    put_project("p", "{\"ref\":\"main\"}");
    before = revision_of("p");
    assert_int_equal(delete_project("p"), REGISTRY_DONE);
    assert_int_equal(put_project("p", "{\"ref\":\"other\"}"), REGISTRY_CREATED);
    assert_true(revision_of("p") > before);
}

static void a_workspace_needs_its_project(void **state)
{
    char key[SIGN_ID_BYTES];
    AUTO(auto_free) char *workspaces = NULL;

    (void)state;
    assert_int_equal(put_workspace("p", "w", "{}"), REGISTRY_UNKNOWN);
    registry_project_key("p", key);
    workspaces = mem_fmt("workspaces:%s", key);
    assert_int_equal(ask_int("EXISTS", workspaces, NULL), 0);
}

static void a_pair_is_read_in_one_call(void **state)
{
    static const struct {
        const char *project, *workspace, *json;
    } rows[] = {{"p", "w", "{\"w\":1}"}, {"p", "x", NULL}, {"q", "w", NULL}};

    (void)state;
    put_project("p", "{\"p\":1}");
    put_workspace("p", "w", "{\"w\":1}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct registry_pair pair;
        struct redis_cmd cmd;
        struct err err = {0};

        registry_get_pair(&cmd, PREFIX, rows[i].project, rows[i].workspace);
        reply = call(&cmd);
        assert_int_equal(registry_get_pair_reply(reply, &pair, &err), 0);
        assert_int_equal(pair.project.id != NULL, rows[i].project[0] == 'p');
        if (rows[i].json != NULL)
            assert_string_equal(pair.workspace_json, rows[i].json);
        else
            assert_null(pair.workspace_json);
    }
}

static void an_answer_that_cannot_be_is_an_error(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = ask("PING", NULL, NULL);
    enum registry_outcome outcome = REGISTRY_OUTCOMES;
    struct registry_project project;
    struct registry_pair pair;
    struct err err;

    (void)state;
    assert_int_equal(registry_reply(reply, &outcome, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_int_equal(registry_get_project_reply(reply, &project, &err), -1);
    assert_int_equal(registry_get_pair_reply(reply, &pair, &err), -1);
    assert_int_equal(outcome, REGISTRY_OUTCOMES);
    assert_int_equal(registry_busy_count(reply), 0);
}

/* Creation times are set by hand: the scripts would give equal ones within a millisecond.
 */
static void set_created(const char *project_id, const char *ms)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    char key[SIGN_ID_BYTES];

    registry_project_key(project_id, key);
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "ZADD");
    redis_cmd_arg(&cmd, PREFIX "projects");
    redis_cmd_arg(&cmd, ms);
    redis_cmd_arg(&cmd, key);
    reply = call(&cmd);
    assert_int_equal(redis_reply_int(reply, -1), 0);
}

/* The first letters of the ids of a page. */
static void assert_page(int64_t offset, int64_t limit, const char *letters)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct registry_project project;
    struct redis_cmd cmd;
    struct err err = {0};

    registry_list_projects(&cmd, PREFIX, offset, limit);
    reply = call(&cmd);
    assert_int_equal(redis_reply_count(reply), strlen(letters));
    for (size_t i = 0; letters[i] != '\0'; i++) {
        assert_int_equal(
            registry_get_project_reply(redis_reply_at(reply, i), &project, &err), 0);
        assert_int_equal(project.id[0], letters[i]);
        assert_string_equal(project.json, "{}");
    }
}

static void projects_are_listed_newest_first_by_page(void **state)
{
    (void)state;
    assert_page(0, 50, "");
    put_project("c", "{}");
    put_project("a", "{}");
    put_project("b", "{}");
    set_created("c", "1000");
    set_created("a", "2000");
    set_created("b", "3000");
    assert_page(0, 50, "bac");
    assert_page(0, 2, "ba");
    assert_page(2, 2, "c");
    assert_page(3, 2, "");
    delete_project("a");
    assert_page(0, 500, "bc");
}

static void workspaces_are_listed_with_their_documents(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    (void)state;
    put_project("p", "{}");
    put_workspace("p", "w", "{\"w\":1}");
    registry_list_workspaces(&cmd, PREFIX, "p");
    reply = call(&cmd);
    assert_int_equal(redis_reply_count(reply), 2);
    assert_string_equal(redis_reply_text(redis_reply_at(reply, 0)), "w");
    assert_string_equal(redis_reply_text(redis_reply_at(reply, 1)), "{\"w\":1}");
}

static void documents_have_a_largest_size(void **state)
{
    AUTO(auto_free) char *json = mem_new(REGISTRY_JSON_BYTES_MAX + 2, 1);
    struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    struct err err = {0};

    (void)state;
    memset(json, 'x', REGISTRY_JSON_BYTES_MAX);
    assert_int_equal(put_project("p", json), REGISTRY_CREATED);
    assert_int_equal(put_workspace("p", "w", json), REGISTRY_CREATED);
    json[REGISTRY_JSON_BYTES_MAX] = 'x';
    registry_put_workspace(&cmd, PREFIX, "p", "v", json);
    assert_int_equal(redis_call(redis, &cmd, BUDGET_MS, &reply, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    redis_cmd_done(&cmd);
}

/* ---- deleting ---- */

static void a_project_with_workspaces_is_busy(void **state)
{
    (void)state;
    assert_int_equal(delete_project("p"), REGISTRY_UNKNOWN);
    put_project("p", "{}");
    put_workspace("p", "w", "{}");
    assert_int_equal(delete_project("p"), REGISTRY_BUSY);
    assert_int_equal(delete_workspace("p", "w", false), REGISTRY_DONE);
    assert_int_equal(delete_workspace("p", "w", false), REGISTRY_UNKNOWN);
    assert_int_equal(delete_project("p"), REGISTRY_DONE);
    assert_int_equal(delete_project("p"), REGISTRY_UNKNOWN);
    assert_int_equal(revision_of("p"), 0);
    assert_int_equal(ask_int("ZCARD", "projects", NULL), 0);
}

/* Not forced: who is in the way, and nothing is changed. */
static void assert_busy(const char *const *ids, size_t count)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum registry_outcome outcome;
    struct redis_cmd cmd;
    struct err err = {0};

    registry_delete_workspace(&cmd, PREFIX, "p", "w", TARGET, false);
    reply = call(&cmd);
    assert_int_equal(registry_reply(reply, &outcome, &err), 0);
    assert_int_equal(outcome, REGISTRY_BUSY);
    assert_int_equal(registry_busy_count(reply), count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(registry_busy_run(reply, i), ids[i]);
    assert_null(registry_busy_run(reply, count));
}

static void a_workspace_with_runs_is_busy_and_names_them(void **state)
{
    static const char *const both[] = {"run-2", "run-1"};
    struct queue_hold hold;

    (void)state;
    put_project("p", "{}");
    put_workspace("p", "w", "{}");
    enqueue_run("run-1", "p", "w");
    assert_busy((const char *[]){"run-1"}, 1);
    hold = claim_run();
    assert_string_equal(hold.run_id, "run-1");
    assert_busy((const char *[]){"run-1"}, 1);
    enqueue_run("run-2", "p", "w");
    assert_busy(both, ARRAY_LEN(both));
    assert_run("run-1", RUN_RUNNING, 0);
    assert_run("run-2", RUN_QUEUED, 0);
}

static void a_delayed_run_keeps_its_workspace_busy(void **state)
{
    struct queue_hold hold;

    (void)state;
    put_project("p", "{}");
    put_workspace("p", "w", "{}");
    enqueue_run("run-1", "p", "w");
    hold = claim_run();
    retry_run(&hold);
    assert_run("run-1", RUN_DELAYED, 0);
    assert_busy((const char *[]){"run-1"}, 1);
    assert_int_equal(delete_workspace("p", "w", true), REGISTRY_DONE);
    assert_run("run-1", RUN_CANCELLED, 1);
}

static void runs_of_another_workspace_on_the_target_do_not_matter(void **state)
{
    (void)state;
    put_project("p", "{}");
    put_workspace("p", "w", "{}");
    put_workspace("p", "twin", "{}");
    enqueue_run("run-1", "p", "twin");
    claim_run();
    enqueue_run("run-2", "p", "twin");
    assert_int_equal(delete_workspace("p", "w", true), REGISTRY_DONE);
    assert_run("run-1", RUN_RUNNING, 0);
    assert_run("run-2", RUN_QUEUED, 0);
}

static void force_cancels_what_waits_and_asks_what_runs(void **state)
{
    (void)state;
    put_project("p", "{}");
    put_workspace("p", "w", "{}");
    enqueue_run("run-1", "p", "w");
    claim_run();
    enqueue_run("run-2", "p", "w");
    assert_int_equal(delete_workspace("p", "w", true), REGISTRY_DONE);
    assert_run("run-1", RUN_RUNNING, 1);
    assert_run("run-2", RUN_CANCELLED, 1);
    assert_int_equal(ask_int("LLEN", "ctl:" WORKER, NULL), 1);
    assert_int_equal(ask_int("ZCARD", "q:" TARGET, NULL), 0);
    assert_int_equal(delete_project("p"), REGISTRY_DONE);
}

static void more_than_a_hundred_waiting_runs_take_another_call(void **state)
{
    char run_id[32];

    (void)state;
    put_project("p", "{}");
    put_workspace("p", "w", "{}");
    for (int i = 0; i < 250; i++) {
        snprintf(run_id, sizeof run_id, "run-%03d", i);
        enqueue_run(run_id, "p", "w");
        if (i == 0)
            claim_run(); /* too old for the scope's newest, found as the active one */
    }
    assert_int_equal(delete_workspace("p", "w", true), REGISTRY_BUSY);
    assert_run("run-000", RUN_RUNNING, 1);
    assert_int_equal(delete_workspace("p", "w", true), REGISTRY_DONE);
    assert_int_equal(ask_int("ZCARD", "q:" TARGET, NULL), 0);
    assert_int_equal(ask_int("HGET", "waiting", ""), 0);
}

/* ---- */

static int start(void **state)
{
    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, scripts_all, BUDGET_MS);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_free(redis);
    redis_server_stop(&server);
    return 0;
}

static int empty(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = ask("FLUSHALL", NULL, NULL);

    (void)state;
    return reply != NULL ? 0 : -1;
}

#define WITH_REDIS(test) cmocka_unit_test_setup(test, empty)

/* ---- who tracks a repository ---- */
#define OF(repository, type)                                                             \
    "{\"repository\":\"" repository "\",\"type\":\"" type "\",\"ref\":\"main\"}"

/* The ids of all pages, a blank behind each; *pages counts them. */
static void tracked(enum vcs_type type, const char *repository, struct buf *ids,
                    size_t *pages)
{
    char after[SIGN_ID_BYTES] = "";

    *pages = 0;
    do {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct registry_tracked page;
        struct redis_cmd cmd;
        struct err err;

        registry_list_tracked(&cmd, PREFIX, type, repository, after);
        reply = call(&cmd);
        assert_int_equal(registry_tracked_reply(reply, &page, &err), 0);
        assert_true(page.count <= REGISTRY_TRACKED);
        for (size_t i = 0; i < page.count; i++)
            buf_fmt(ids, "%s ", registry_tracked_id(reply, i));
        snprintf(after, sizeof after, "%s", page.after);
        ++*pages;
    } while (after[0] != '\0');
}

static void assert_tracked(enum vcs_type type, const char *repository, const char *wanted)
{
    AUTO(buf_done) struct buf ids = BUF_INIT(1 << 16);
    size_t pages;

    tracked(type, repository, &ids, &pages);
    assert_string_equal(buf_text(&ids), wanted);
}

static void a_repository_knows_its_projects(void **state)
{
    (void)state;
    put_project("p", OF("acme/net", "Github"));
    put_project("lab", OF("acme/net", "Gitlab"));
    assert_tracked(VCS_GITHUB, "ACME/Net", "p ");
    assert_tracked(VCS_GITLAB, "acme/net", "lab ");
    assert_tracked(VCS_GIT, "acme/net", "");
    put_project("p", OF("acme/other", "Github"));
    assert_tracked(VCS_GITHUB, "acme/net", "");
    assert_tracked(VCS_GITHUB, "acme/other", "p ");
    assert_int_equal(delete_project("p"), REGISTRY_DONE);
    assert_tracked(VCS_GITHUB, "acme/other", "");
    put_project("lab", "{}");
    assert_tracked(VCS_GITLAB, "acme/net", "");
}

static void a_project_from_before_the_index_enters_it_when_it_is_put_again(void **state)
{
    char key[SIGN_ID_BYTES], name[64];
    int64_t revision;

    (void)state;
    put_project("p", OF("acme/net", "Github"));
    revision = revision_of("p");
    registry_project_key("p", key);
    snprintf(name, sizeof name, "project:%s", key);
    ask_int("HDEL", name, "tracked");
    assert_int_equal(put_project("p", OF("acme/net", "Github")), REGISTRY_UPDATED);
    assert_tracked(VCS_GITHUB, "acme/net", "p ");
    assert_int_equal(revision_of("p"), revision);
}

static void the_projects_of_a_repository_come_in_pages(void **state)
{
    AUTO(buf_done) struct buf ids = BUF_INIT(1 << 16);
    size_t pages, count = 0;

    (void)state;
    for (int i = 0; i < 2 * REGISTRY_TRACKED + 1; i++) {
        char id[16];

        snprintf(id, sizeof id, "p%d", i);
        put_project(id, OF("acme/mono", "Github"));
    }
    tracked(VCS_GITHUB, "acme/mono", &ids, &pages);
    assert_int_equal(pages, 3);
    for (const char *at = buf_text(&ids); *at != '\0'; at++)
        count += *at == ' ';
    assert_int_equal(count, 2 * REGISTRY_TRACKED + 1);
    assert_non_null(strstr(buf_text(&ids), "p200 "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_REDIS(a_project_is_created_then_updated),
        WITH_REDIS(only_a_change_moves_the_revision),
        WITH_REDIS(a_project_made_again_never_has_an_old_revision),
        WITH_REDIS(a_workspace_needs_its_project),
        WITH_REDIS(a_pair_is_read_in_one_call),
        WITH_REDIS(an_answer_that_cannot_be_is_an_error),
        WITH_REDIS(projects_are_listed_newest_first_by_page),
        WITH_REDIS(workspaces_are_listed_with_their_documents),
        WITH_REDIS(documents_have_a_largest_size),
        WITH_REDIS(a_project_with_workspaces_is_busy),
        WITH_REDIS(a_workspace_with_runs_is_busy_and_names_them),
        WITH_REDIS(a_delayed_run_keeps_its_workspace_busy),
        WITH_REDIS(runs_of_another_workspace_on_the_target_do_not_matter),
        WITH_REDIS(force_cancels_what_waits_and_asks_what_runs),
        WITH_REDIS(more_than_a_hundred_waiting_runs_take_another_call),
        WITH_REDIS(a_repository_knows_its_projects),
        WITH_REDIS(a_project_from_before_the_index_enters_it_when_it_is_put_again),
        WITH_REDIS(the_projects_of_a_repository_come_in_pages),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
