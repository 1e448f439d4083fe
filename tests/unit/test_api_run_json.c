/* A run as it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/run/run_json.h"
#include "common/base/mem.h"

#define ID "0194890e-2f00-7000-8000-000000000001"

static struct run_record queued(void)
{
    return (struct run_record){
        .id = ID,
        .project_id = "net",
        .workspace_id = "prod",
        .target = "t",
        .scope = "s",
        .kind = RUN_DRIFT_CHECK,
        .status = RUN_QUEUED,
        .batch = "",
        .trigger = "api",
        .schedule_id = "",
        .spec = "",
        .ref = "main",
        .commit = "",
        .locked_by = "api",
        .worker = "",
        .error_code = "",
        .error_message = "",
        .retry_message = "",
        .summary = "",
        .version = "1-0",
        .queued_at_ms = INT64_C(1737455400123),
    };
}

static cJSON *show(const struct run_record *run, const struct run_shown *shown)
{
    AUTO(buf_done) struct buf body = BUF_INIT(65536);
    struct run_note note;
    struct json_writer w;
    struct err err;
    cJSON *doc;

    json_open(&w, &body);
    run_json_open(&w, run);
    run_note(&note, run);
    run_json_close(&w, &note, shown);
    doc = json_parse(body.data, body.len, JSON_DEPTH_MAX, false, &err);
    if (doc == NULL)
        fail_msg("%s: %s", buf_text(&body), err.message);
    return doc;
}

static void expect_text(const cJSON *doc, const char *key, const char *text)
{
    const char *found = json_string(doc, key);

    if (found == NULL || strcmp(found, text) != 0)
        fail_msg("%s is %s, not %s", key, found != NULL ? found : "no text", text);
}

static void expect_null(const cJSON *doc, const char *key)
{
    if (!cJSON_IsNull(json_get(doc, key)))
        fail_msg("%s is not null", key);
}

static void a_run_of_a_batch_names_it(void **state)
{
    static const struct run_shown nothing = {0};
    struct run_record alone = queued(), part = alone;
    AUTO(auto_json) cJSON *without = show(&alone, &nothing);
    AUTO(auto_json) cJSON *with = NULL;

    (void)state;
    part.batch = "0198c0de-0000-7000-8000-000000000000";
    with = show(&part, &nothing);
    assert_null(json_get(without, "batchId"));
    expect_text(with, "batchId", part.batch);
}

static void a_queued_run_has_nulls_for_what_is_not_yet(void **state)
{
    static const char *const nulls[] = {"scheduleId", "commit",  "error",   "output",
                                        "startedAt",  "endedAt", "metadata"};
    struct run_record run = queued();
    AUTO(auto_json) cJSON *doc = show(&run, &(struct run_shown){0});

    (void)state;
    expect_text(doc, "id", ID);
    expect_text(doc, "projectId", "net");
    expect_text(doc, "workspaceId", "prod");
    expect_text(doc, "kind", "drift_check");
    expect_text(doc, "status", "queued");
    expect_text(doc, "trigger", "api");
    expect_text(doc, "ref", "main");
    expect_text(doc, "queuedAt", "2025-01-21T10:30:00.123Z");
    for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
        expect_null(doc, nulls[i]);
    assert_int_equal(json_int(doc, "attempts", -1), 0);
    assert_true(cJSON_IsFalse(json_get(doc, "outputTruncated")));
}

static void a_delayed_run_is_shown_as_queued(void **state)
{
    struct run_record run = queued();
    AUTO(auto_json) cJSON *doc = NULL;

    (void)state;
    run.status = RUN_DELAYED;
    doc = show(&run, &(struct run_shown){0});
    expect_text(doc, "status", "queued");
}

static void an_orphan_is_shown_as_interrupted_and_says_what_to_do(void **state)
{
    struct run_record run = queued();
    AUTO(auto_json) cJSON *doc = NULL;

    (void)state;
    run.kind = RUN_APPLY;
    run.status = RUN_ORPHANED;
    doc = show(&run, &(struct run_shown){0});
    expect_text(doc, "status", "error");
    expect_text(json_get(doc, "error"), "code", "INTERRUPTED");
    expect_text(json_get(doc, "error"), "message", run_error_hint(RUN_ERR_INTERRUPTED));
}

static void an_error_has_its_own_message(void **state)
{
    struct run_record run = queued();
    AUTO(auto_json) cJSON *doc = NULL;

    (void)state;
    run.status = RUN_ERROR;
    run.error_code = "TIMEOUT";
    run.error_message = "it took too long";
    doc = show(&run, &(struct run_shown){0});
    expect_text(json_get(doc, "error"), "code", "TIMEOUT");
    expect_text(json_get(doc, "error"), "message", "it took too long");
}

static void output_and_metadata_are_shown(void **state)
{
    struct run_record run = queued();
    struct run_shown shown = {.output = "a\"\n\xff",
                              .output_len = 4,
                              .output_cut = true,
                              .metadata = "{\"toAdd\":1}",
                              .metadata_len = 11};
    AUTO(auto_json) cJSON *doc = NULL;

    (void)state;
    run.status = RUN_CLEAN;
    doc = show(&run, &shown);
    expect_text(doc, "output", "a\"\n\xef\xbf\xbd");
    assert_true(cJSON_IsTrue(json_get(doc, "outputTruncated")));
    assert_int_equal(json_int(json_get(doc, "metadata"), "toAdd", -1), 1);
    assert_null(json_get(json_get(doc, "metadata"), "cancelRequested"));
}

static void a_wish_to_cancel_is_in_the_metadata(void **state)
{
    static const struct {
        const char *stored;
        int members;
    } cases[] = {{NULL, 1}, {"{}", 1}, {"{ }", 1}, {"{\"toAdd\":1}", 2}};
    struct run_record run = queued();

    (void)state;
    run.status = RUN_RUNNING;
    run.cancel_level = 1;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct run_shown shown = {
            .metadata = cases[i].stored,
            .metadata_len = cases[i].stored != NULL ? strlen(cases[i].stored) : 0};
        AUTO(auto_json) cJSON *doc = show(&run, &shown);
        const cJSON *metadata = json_get(doc, "metadata");

        assert_true(cJSON_IsTrue(json_get(metadata, "cancelRequested")));
        assert_int_equal(cJSON_GetArraySize(metadata), cases[i].members);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_of_a_batch_names_it),
        cmocka_unit_test(a_queued_run_has_nulls_for_what_is_not_yet),
        cmocka_unit_test(a_delayed_run_is_shown_as_queued),
        cmocka_unit_test(an_orphan_is_shown_as_interrupted_and_says_what_to_do),
        cmocka_unit_test(an_error_has_its_own_message),
        cmocka_unit_test(output_and_metadata_are_shown),
        cmocka_unit_test(a_wish_to_cancel_is_in_the_metadata),
    };

    return cmocka_run_group_tests_name("api_run_json", tests, NULL, NULL);
}
