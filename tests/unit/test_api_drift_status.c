/* GET /api/drift/status, /api/drift/remediate and /api/locks: what they show of what is
 * stored, in the reference's shapes, and how they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/queue/target.h"
#include "tests/support/api_process.h"
#include "tests/support/fake_worker.h"

#define PREFIX   "{kedge}:"
#define DAY_MS   (INT64_C(24) * 60 * 60 * 1000)
#define DISABLED "drift detection is disabled: KEDGE_DRIFT_STORAGE is false"

struct stage {
    struct api_process api;
    struct fake_worker worker;
};

static void two_hosts(const struct api_process *api, struct conf *conf)
{
    static char gitlab[] = "https://gitlab.com", git[] = "https://git.example.com";

    (void)api;
    conf->gitlab_url = gitlab;
    conf->git_url = git;
}

static void without_storage(const struct api_process *api, struct conf *conf)
{
    (void)api;
    conf->drift_storage = false;
}

static int begin(void **state)
{
    struct stage *stage = mem_new(1, sizeof *stage);

    api_process_start_as(&stage->api, two_hosts);
    fake_worker_open(&stage->worker, &stage->api.redis);
    *state = stage;
    return 0;
}

static int end(void **state)
{
    struct stage *stage = *state;

    fake_worker_close(&stage->worker);
    api_process_stop(&stage->api);
    free(stage);
    return 0;
}

/* ---- asking ---- */
static cJSON *get(const struct api_process *api, const char *path, int status)
{
    AUTO(buf_done) struct buf text = {0};
    cJSON *doc;
    struct err err;

    assert_int_equal(api_call(api, "GET", path, NULL, NULL, &text), status);
    doc =
        json_parse(api_body(&text), strlen(api_body(&text)), JSON_DEPTH_MAX, false, &err);
    assert_non_null(doc);
    assert_int_equal(json_bool(doc, "success", status != 200), status == 200);
    assert_non_null(json_string(doc, "request_id"));
    assert_non_null(json_string(doc, "timestamp"));
    assert_true(cJSON_IsNull(json_get(doc, status == 200 ? "error" : "data")));
    return doc;
}

static void refused(const struct api_process *api, const char *path, int status,
                    const char *code, const char *message)
{
    AUTO(auto_json) cJSON *doc = get(api, path, status);
    const cJSON *error = json_get(doc, "error");

    assert_string_equal(json_string(error, "code"), code);
    assert_string_equal(json_string(error, "message"), message);
}

static char *printed(const cJSON *node)
{
    struct buf text = BUF_INIT(1 << 20);

    json_print(node, &text);
    return buf_take(&text);
}

static void assert_json(const cJSON *node, const char *wanted)
{
    AUTO(auto_free) char *text = printed(node);

    assert_string_equal(text, wanted);
}

static void assert_text(const cJSON *object, const char *key, const char *wanted)
{
    const char *text = json_string(object, key);

    assert_non_null(text);
    assert_string_equal(text, wanted);
}

/* ---- drift status ---- */
static void plain(struct stage *stage, struct redis_cmd *cmd)
{
    AUTO(redis_reply_free)
    struct redisReply *reply = fake_worker_call(&stage->worker, cmd);

    assert_non_null(reply);
}

static void put_record(struct stage *stage, const char *host, const char *repository,
                       const char *field, const char *record)
{
    char repo[SIGN_ID_BYTES];
    struct redis_cmd cmd;

    repository_id(host, repository, repo);
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "HSET");
    redis_cmd_fmt(&cmd, PREFIX "drift:%s", repo);
    redis_cmd_arg(&cmd, field);
    redis_cmd_arg(&cmd, record);
    plain(stage, &cmd);
}

static char *record(const char *status, const char *directory, const char *more,
                    int64_t checked_ms)
{
    return mem_fmt("{\"status\":\"%s\",\"directory\":\"%s\",\"workspace\":\"default\","
                   "\"ref\":\"main\",\"checkedAt\":%lld%s}",
                   status, directory, (long long)checked_ms, more);
}

static void put(struct stage *stage, const char *repository, const char *field,
                char *owned)
{
    put_record(stage, "github.com", repository, field, owned);
    free(owned);
}

static void status_shows_every_record_with_its_drift(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_json) cJSON *doc = NULL;
    const cJSON *data, *projects;
    int64_t now_ms = clock_wall_ms();
    char checked[CLOCK_RFC3339_BYTES];
    AUTO(auto_free) char *wanted = NULL;

    put(stage, "acme/all", "t2|main", record("clean", "b", "", now_ms));
    put(stage, "acme/all", "t1|main",
        record("drift_detected", "a",
               ",\"projectName\":\"vpc\",\"summary\":\"Plan: 2 to add, 1 to change, 0 to "
               "destroy.\",\"toAdd\":2,\"toChange\":1,\"toDestroy\":0,\"toImport\":0,"
               "\"changesOutside\":true",
               now_ms));
    doc = get(&stage->api, "/api/drift/status?repository=Acme/All", 200);
    data = json_get(doc, "data");
    projects = json_get(data, "projects");
    clock_rfc3339(now_ms, checked);
    wanted = mem_fmt(
        "[{\"project_name\":\"vpc\",\"directory\":\"a\",\"workspace\":\"default\","
        "\"ref\":\"main\",\"has_drift\":true,\"drift\":{\"to_add\":2,\"to_change\":1,"
        "\"to_destroy\":0,\"to_import\":0,\"total_changes\":3,\"summary\":\"Plan: 2 to "
        "add, 1 to change, 0 to destroy.\",\"changes_outside\":true},"
        "\"last_checked\":\"%s\"},{\"project_name\":\"\",\"directory\":\"b\","
        "\"workspace\":\"default\",\"ref\":\"main\",\"has_drift\":false,"
        "\"last_checked\":\"%s\"}]",
        checked, checked);
    assert_json(projects, wanted);
    assert_text(data, "repository", "Acme/All");
    assert_non_null(json_string(data, "checked_at"));
    assert_json(json_get(data, "summary"),
                "{\"total_projects\":2,\"projects_with_drift\":1,"
                "\"projects_without_drift\":1,\"projects_with_errors\":0}");
}

static void status_of_a_repository_nobody_checked_is_empty(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_json)
    cJSON *doc = get(&stage->api, "/api/drift/status?repository=acme/none", 200);

    assert_json(json_get(json_get(doc, "data"), "projects"), "[]");
    assert_json(json_get(json_get(doc, "data"), "summary"),
                "{\"total_projects\":0,\"projects_with_drift\":0,"
                "\"projects_without_drift\":0,\"projects_with_errors\":0}");
}

/* It keeps the good record before it, and counts as an error only. */
static void status_adds_a_failed_check_to_the_record_before_it(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_json) cJSON *doc = NULL;
    int64_t now_ms = clock_wall_ms();
    const cJSON *both, *alone;

    put(stage, "acme/bad", "t1|main",
        record("drift_detected", "a", ",\"toAdd\":1", now_ms - 1000));
    put(stage, "acme/bad", "t1|main|error",
        record("error", "a", ",\"error\":\"no credentials\"", now_ms));
    put(stage, "acme/bad", "t2|main|error",
        record("error", "b", ",\"error\":\"no such ref\"", now_ms));
    doc = get(&stage->api, "/api/drift/status?repository=acme/bad", 200);
    both = cJSON_GetArrayItem(json_get(json_get(doc, "data"), "projects"), 0);
    alone = cJSON_GetArrayItem(json_get(json_get(doc, "data"), "projects"), 1);
    assert_int_equal(json_int(json_get(both, "drift"), "to_add", 0), 1);
    assert_text(both, "error", "no credentials");
    assert_false(json_bool(alone, "has_drift", true));
    assert_null(json_get(alone, "drift"));
    assert_text(alone, "error", "no such ref");
    assert_json(json_get(json_get(doc, "data"), "summary"),
                "{\"total_projects\":2,\"projects_with_drift\":0,"
                "\"projects_without_drift\":0,\"projects_with_errors\":2}");
}

/* Redis gives the fields of a hash in any order: among so many pairs both occur. */
static void status_joins_them_whichever_comes_first(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_json) cJSON *doc = NULL;
    int64_t now_ms = clock_wall_ms();
    const cJSON *entry;

    for (int i = 0; i < 24; i++) {
        const char directory[2] = {(char)('a' + i), '\0'};
        AUTO(auto_free) char *good = mem_fmt("t%d|main", i);
        AUTO(auto_free) char *failed = mem_fmt("%s|error", good);

        put(stage, "acme/pairs", good,
            record("drift_detected", directory, ",\"toAdd\":1", now_ms));
        put(stage, "acme/pairs", failed,
            record("error", directory, ",\"error\":\"no\"", now_ms));
    }
    doc = get(&stage->api, "/api/drift/status?repository=acme/pairs", 200);
    assert_json(json_get(json_get(doc, "data"), "summary"),
                "{\"total_projects\":24,\"projects_with_drift\":0,"
                "\"projects_without_drift\":0,\"projects_with_errors\":24}");
    entry = json_get(json_get(doc, "data"), "projects")->child;
    for (char directory = 'a'; entry != NULL; entry = entry->next, directory++) {
        assert_int_equal(json_string(entry, "directory")[0], directory);
        assert_true(json_bool(entry, "has_drift", false));
        assert_text(entry, "error", "no");
    }
}

static int64_t shown(const struct stage *stage, const char *query)
{
    AUTO(auto_free) char *path = mem_fmt("/api/drift/status?%s", query);
    AUTO(auto_json) cJSON *doc = get(&stage->api, path, 200);
    const cJSON *data = json_get(doc, "data");

    assert_int_equal(json_int(json_get(data, "summary"), "total_projects", -1),
                     cJSON_GetArraySize(json_get(data, "projects")));
    return cJSON_GetArraySize(json_get(data, "projects"));
}

static void status_is_filtered_by_project_and_workspace(void **state)
{
    struct stage *stage = *state;
    int64_t now_ms = clock_wall_ms();

    put(stage, "acme/some", "t1|main",
        record("clean", "a", ",\"projectName\":\"vpc\"", now_ms));
    put(stage, "acme/some", "t2|main", record("clean", "b", "", now_ms));
    assert_int_equal(shown(stage, "repository=acme/some"), 2);
    assert_int_equal(shown(stage, "repository=acme/some&project=vpc"), 1);
    assert_int_equal(shown(stage, "repository=acme/some&project=ec2"), 0);
    assert_int_equal(shown(stage, "repository=acme/some&workspace=default"), 2);
    assert_int_equal(shown(stage, "repository=acme/some&workspace=prod"), 0);
    assert_int_equal(shown(stage, "repository=acme/some&project=&workspace="), 2);
}

static void status_merges_the_hosts_and_forgets_after_90_days(void **state)
{
    struct stage *stage = *state;
    int64_t now_ms = clock_wall_ms();
    AUTO(auto_free) char *elsewhere = record("clean", "b", "", now_ms);

    put(stage, "acme/two", "t1|main", record("clean", "a", "", now_ms - 89 * DAY_MS));
    put(stage, "acme/two", "t2|main", record("clean", "old", "", now_ms - 91 * DAY_MS));
    put_record(stage, "gitlab.com", "acme/two", "t3|main", elsewhere);
    assert_int_equal(shown(stage, "repository=acme/two"), 2);
}

static void status_refuses_as_its_table_says(void **state)
{
    struct stage *stage = *state;

    refused(&stage->api, "/api/drift/status", 400, "VALIDATION_ERROR",
            "missing required parameter: repository");
    refused(&stage->api, "/api/drift/status?repository=", 400, "VALIDATION_ERROR",
            "missing required parameter: repository");
    {
        AUTO(auto_json)
        cJSON *doc = get(&stage->api, "/api/drift/status?repository=repo-name", 400);

        assert_text(json_get(doc, "error"), "code", "VALIDATION_ERROR");
    }
}

static void without_storage_both_answer_503(void **state)
{
    struct api_process api;

    (void)state;
    api_process_start_as(&api, without_storage);
    refused(&api, "/api/drift/status?repository=a/b", 503, "SERVICE_UNAVAILABLE",
            DISABLED);
    refused(&api, "/api/drift/remediate?repository=a/b", 503, "SERVICE_UNAVAILABLE",
            DISABLED);
    refused(&api, "/api/drift/status", 400, "VALIDATION_ERROR",
            "missing required parameter: repository");
    api_process_stop(&api);
}

/* ---- remediations ---- */
/* One of a repository, begun by a client that does not wait. */
static void remediate(struct stage *stage, const char *repository, const char *action)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free)
    char *body = mem_fmt("{\"repository\":\"%s\",\"ref\":\"main\",\"type\":\"Github\","
                         "\"action\":\"%s\",\"projects\":[\"x\"]}",
                         repository, action);

    assert_int_equal(api_call(&stage->api, "POST", "/api/drift/remediate",
                              "Prefer: respond-async\r\n", body, &text),
                     202);
}

static void finish_next(struct stage *stage, enum run_status status)
{
    struct claimed run;

    fake_worker_claim(&stage->worker, &run);
    fake_worker_end(&stage->worker, &run,
                    &(struct fake_end){
                        .status = status,
                        .error_code = status == RUN_ERROR ? "TERRAFORM_FAILED" : NULL,
                        .summary = "{}",
                    });
    claimed_done(&run);
}

static void expand_next(struct stage *stage)
{
    static const struct fake_target targets[] = {{NULL, "a", "default"},
                                                 {NULL, "b", "default"}};
    struct claimed resolve;

    fake_worker_claim(&stage->worker, &resolve);
    fake_worker_expand(&stage->worker, &resolve, targets, ARRAY_LEN(targets));
    claimed_done(&resolve);
}

/* The newest one's place in the list. */
static cJSON *newest(struct stage *stage, const char *path, int64_t count, cJSON **doc)
{
    const cJSON *data;

    *doc = get(&stage->api, path, 200);
    data = json_get(*doc, "data");
    assert_int_equal(json_int(data, "count", -1), count);
    assert_int_equal(cJSON_GetArraySize(json_get(data, "results")), count);
    return cJSON_GetArrayItem(json_get(data, "results"), 0);
}

static void assert_remediation(struct stage *stage, const char *status,
                               const char *summary)
{
    AUTO(auto_json) cJSON *doc = NULL;
    const cJSON *entry =
        newest(stage, "/api/drift/remediate?repository=acme/fix", 1, &doc);
    bool over = strcmp(status, "pending") != 0 && strcmp(status, "running") != 0;

    assert_text(entry, "status", status);
    assert_json(json_get(entry, "summary"), summary);
    assert_int_equal(cJSON_IsString(json_get(entry, "completed_at")), over);
    assert_int_equal(cJSON_IsNull(json_get(entry, "completed_at")), !over);
}

static void remediations_are_shown_while_they_go_on_and_after(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_json) cJSON *doc = NULL;
    const cJSON *entry;

    remediate(stage, "acme/fix", "plan");
    assert_remediation(stage, "pending",
                       "{\"total_projects\":0,\"success_count\":0,\"failure_count\":0}");
    expand_next(stage);
    assert_remediation(stage, "running",
                       "{\"total_projects\":2,\"success_count\":0,\"failure_count\":0}");
    finish_next(stage, RUN_CLEAN);
    finish_next(stage, RUN_ERROR);
    assert_remediation(stage, "partial",
                       "{\"total_projects\":2,\"success_count\":1,\"failure_count\":1}");
    entry = newest(stage, "/api/drift/remediate?repository=acme/fix", 1, &doc);
    assert_text(entry, "repository", "acme/fix");
    assert_text(entry, "ref", "main");
    assert_text(entry, "action", "plan");
    assert_json(json_get(entry, "projects"), "[]");
    assert_non_null(json_string(entry, "id"));
    assert_non_null(json_string(entry, "started_at"));
}

/* A resolve run that fails ends its batch. */
static void the_newest_remediations_come_first_as_many_as_asked_for(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_json) cJSON *all = NULL;
    AUTO(auto_json) cJSON *one = NULL;

    remediate(stage, "acme/list", "plan");
    finish_next(stage, RUN_ERROR);
    remediate(stage, "acme/list", "apply");
    finish_next(stage, RUN_ERROR);
    assert_text(newest(stage, "/api/drift/remediate?repository=acme/list", 2, &all),
                "action", "apply");
    assert_text(
        newest(stage, "/api/drift/remediate?repository=acme/list&limit=1", 1, &one),
        "status", "failed");
}

static void remediations_refuse_as_their_table_says(void **state)
{
    static const char *const bad[] = {"0", "501", "-1", "x", ""};
    struct stage *stage = *state;
    AUTO(auto_json) cJSON *none = NULL;

    refused(&stage->api, "/api/drift/remediate", 400, "VALIDATION_ERROR",
            "missing required parameter: repository");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(auto_free)
        char *path = mem_fmt("/api/drift/remediate?repository=a/b&limit=%s", bad[i]);

        refused(&stage->api, path, 400, "VALIDATION_ERROR",
                "limit must be a whole number from 1 to 500");
    }
    assert_null(
        newest(stage, "/api/drift/remediate?repository=a/none&limit=500", 0, &none));
}

/* ---- locks ---- */
/* A run as a pull request makes it, enqueued straight into the queue and claimed. */
static void hold(struct stage *stage, struct run_spec *spec, struct claimed *out)
{
    AUTO(buf_done) struct buf text = BUF_INIT(QUEUE_SPEC_BYTES);
    char run_id[SIGN_UUID_BYTES], target[SIGN_ID_BYTES];
    struct redis_cmd cmd;

    sign_uuid7(clock_wall_ms(), run_id);
    target_id("github.com", spec, target);
    run_spec_print(spec, &text);
    queue_enqueue(&cmd, PREFIX,
                  &(struct enqueue){.run_id = run_id,
                                    .kind = spec->kind,
                                    .target = target,
                                    .scope = target,
                                    .spec = buf_text(&text),
                                    .ref = spec->ref,
                                    .registry_revision = -1,
                                    .locked_by = "jdoe",
                                    .max_queued = 100});
    plain(stage, &cmd);
    fake_worker_claim(&stage->worker, out);
    run_spec_done(spec);
}

static void let_go(struct stage *stage, struct claimed *run)
{
    fake_worker_end(&stage->worker, run,
                    &(struct fake_end){.status = RUN_CLEAN, .summary = "{}"});
    claimed_done(run);
}

static struct run_spec spec_of(enum run_kind kind, enum vcs_type type, const char *dir)
{
    return (struct run_spec){.kind = kind,
                             .type = type,
                             .repository = mem_dup("acme/locks"),
                             .ref = mem_dup("main"),
                             .directory = mem_dup(dir),
                             .workspace = mem_dup("default")};
}

static cJSON *locks(const struct stage *stage, const cJSON **list)
{
    cJSON *doc = get(&stage->api, "/api/locks", 200);
    const cJSON *data = json_get(doc, "data");

    *list = json_get(data, "locks");
    assert_int_equal(json_int(data, "total_count", -1), cJSON_GetArraySize(*list));
    return doc;
}

static void locks_are_shown_oldest_first_in_the_references_shape(void **state)
{
    struct stage *stage = *state;
    struct run_spec request = spec_of(RUN_PLAN, VCS_GITHUB, "modules/vpc");
    struct run_spec merge = spec_of(RUN_APPLY, VCS_GITLAB, ".");
    struct claimed first, second;
    AUTO(auto_json) cJSON *doc = NULL;
    AUTO(auto_json) cJSON *entry = NULL;
    const cJSON *list;

    request.pull_request = 123;
    request.project_name = mem_dup("terraform");
    merge.pull_request = 7;
    hold(stage, &request, &first);
    hold(stage, &merge, &second);
    doc = locks(stage, &list);
    assert_int_equal(cJSON_GetArraySize(list), 2);
    entry = cJSON_Duplicate(cJSON_GetArrayItem(list, 0), true);
    assert_non_null(json_string(entry, "locked_at"));
    cJSON_DeleteItemFromObjectCaseSensitive(entry, "locked_at");
    assert_json(entry, "{\"id\":\"acme/locks/modules/vpc/default\","
                       "\"project_name\":\"terraform\",\"repository\":\"acme/locks\","
                       "\"path\":\"modules/vpc\",\"workspace\":\"default\","
                       "\"pull_request_id\":123,\"pull_request_url\":"
                       "\"https://github.com/acme/locks/pull/123\","
                       "\"locked_by\":\"jdoe\"}");
    assert_text(cJSON_GetArrayItem(list, 1), "id", "acme/locks/./default");
    assert_text(cJSON_GetArrayItem(list, 1), "project_name", "");
    assert_text(cJSON_GetArrayItem(list, 1), "pull_request_url",
                "https://gitlab.com/acme/locks/-/merge_requests/7");
    let_go(stage, &first);
    let_go(stage, &second);
}

static void a_lock_mode_hides_what_it_says(void **state)
{
    static const struct {
        const char *mode;
        enum run_kind kind;
        int shown;
    } table[] = {
        {NULL, RUN_PLAN, 1},
        {"on_apply", RUN_PLAN, 0},
        {"on_apply", RUN_APPLY, 1},
        {"disabled", RUN_APPLY, 0},
    };
    struct stage *stage = *state;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct run_spec spec = spec_of(table[i].kind, VCS_GIT, ".");
        AUTO(auto_json) cJSON *doc = NULL;
        const cJSON *list;
        struct claimed run;

        spec.lock_mode = mem_dup(table[i].mode);
        spec.pull_request = 4;
        hold(stage, &spec, &run);
        doc = locks(stage, &list);
        assert_int_equal(cJSON_GetArraySize(list), table[i].shown);
        if (table[i].shown > 0)
            assert_text(cJSON_GetArrayItem(list, 0), "pull_request_url", "");
        let_go(stage, &run);
    }
}

/* A request whose projects are still being looked for holds no workspace, and is no
 * operation that runs. */
static void what_only_looks_for_projects_is_no_lock_and_no_operation(void **state)
{
    struct stage *stage = *state;
    struct run_spec spec = spec_of(RUN_PLAN, VCS_GITHUB, "x");
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_json) cJSON *doc = NULL;
    struct claimed resolve, plan;
    const cJSON *list;

    remediate(stage, "acme/resolve", "plan");
    fake_worker_claim(&stage->worker, &resolve);
    doc = locks(stage, &list);
    assert_int_equal(cJSON_GetArraySize(list), 0);
    hold(stage, &spec, &plan);
    assert_int_equal(api_call(&stage->api, "GET", "/status", NULL, NULL, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"in_progress_operations\":1,"));
    fake_worker_end(&stage->worker, &resolve,
                    &(struct fake_end){.status = RUN_ERROR,
                                       .error_code = "REF_NOT_FOUND",
                                       .summary = "{}"});
    claimed_done(&resolve);
    let_go(stage, &plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_shows_every_record_with_its_drift),
        cmocka_unit_test(status_of_a_repository_nobody_checked_is_empty),
        cmocka_unit_test(status_adds_a_failed_check_to_the_record_before_it),
        cmocka_unit_test(status_joins_them_whichever_comes_first),
        cmocka_unit_test(status_is_filtered_by_project_and_workspace),
        cmocka_unit_test(status_merges_the_hosts_and_forgets_after_90_days),
        cmocka_unit_test(status_refuses_as_its_table_says),
        cmocka_unit_test(without_storage_both_answer_503),
        cmocka_unit_test(remediations_are_shown_while_they_go_on_and_after),
        cmocka_unit_test(the_newest_remediations_come_first_as_many_as_asked_for),
        cmocka_unit_test(remediations_refuse_as_their_table_says),
        cmocka_unit_test(locks_are_shown_oldest_first_in_the_references_shape),
        cmocka_unit_test(a_lock_mode_hides_what_it_says),
        cmocka_unit_test(what_only_looks_for_projects_is_no_lock_and_no_operation),
    };

    return cmocka_run_group_tests_name("api_drift_status", tests, begin, end);
}
