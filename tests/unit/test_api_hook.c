/* Bodies of hooks, what they make of a hook, and how hooks and deliveries are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/handlers.h"
#include "api/hook/hook_fields.h"
#include "api/hook/hook_json.h"
#include "common/base/mem.h"

#define ID     "0194890e-2f00-7000-8000-000000000001"
#define URL    "https://hooks.example.com/services/T0/B0/token"
#define NOW_MS INT64_C(1737455400123)
#define NOW    "2025-01-21T10:30:00.123Z"
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwOQyO3m7k"

static cJSON *parse(const char *text)
{
    struct err err;
    cJSON *doc = json_parse(text, strlen(text), JSON_DEPTH_MAX, false, &err);

    if (doc == NULL)
        fail_msg("%s: %s", text, err.message);
    return doc;
}

/* ---- bodies ---- */
struct body_case {
    const char *body;
    const char *fields; /* in trouble, with blanks between */
    const char *says;   /* somewhere in the messages; NULL: whatever */
};

static void expect_problems(const struct body_case *c, const struct problems *problems)
{
    AUTO(buf_done) struct buf fields = BUF_INIT(4096), messages = BUF_INIT(16384);

    for (size_t i = 0; i < problems->count; i++) {
        buf_fmt(&fields, "%s%s", i > 0 ? " " : "", problems->list[i].field);
        buf_fmt(&messages, "%s\n", problems->list[i].message);
    }
    if (strcmp(buf_text(&fields), c->fields) != 0)
        fail_msg("%s: \"%s\", not \"%s\": %s", c->body, buf_text(&fields), c->fields,
                 buf_text(&messages));
    if (c->says != NULL && strstr(buf_text(&messages), c->says) == NULL)
        fail_msg("%s: %s", c->body, buf_text(&messages));
}

static void a_body_that_creates_is_checked(void **state)
{
    static const char all_events[] =
        "events[0] must be one of drift.detected, drift.changed, drift.resolved, "
        "drift.reminder, check.failed, check.recovered, reconcile.succeeded, "
        "reconcile.failed, run.orphaned\n";
    const struct body_case cases[] = {
        {"{'kind':'slack','url':'https://a.example/x'}", "", NULL},
        {"{'kind':'teams','url':'http://a.example','events':[],'enabled':false}", "",
         NULL},
        {"{'kind':'generic','url':'https://a.example','events':null,'projectId':null,"
         "'workspaceId':null,'secret':null,'enabled':null}",
         "", NULL},
        {"{'kind':'generic','url':'https://a.example','events':['drift.detected',"
         "'run.orphaned','drift.detected'],'projectId':'p','workspaceId':'w',"
         "'secret':'" SECRET "'}",
         "", NULL},
        {"{'kind':'slack','url':'https://a.example','secret':'','workspaceId':''}", "",
         NULL},
        {"{}", "kind url", "missing required parameter: kind"},
        {"{'kind':'Slack','url':'https://a.example'}", "kind",
         "kind must be slack, teams or generic"},
        {"{'kind':1,'url':2,'events':3,'projectId':4,'workspaceId':5,'secret':6,"
         "'enabled':7}",
         "kind url events projectId workspaceId secret enabled", NULL},
        {"{'kind':'slack','url':'https://a.example','name':'x'}", "name",
         "unknown parameter: name"},
        {"{'kind':'slack','url':'https://a.example','events':['drift']}", "events",
         all_events},
        {"{'kind':'slack','url':'https://a.example','events':['test']}", "events",
         all_events},
        {"{'kind':'slack','url':'https://a.example','events':['drift.changed','x','y']}",
         "events events", "events[2] must be"},
        {"{'kind':'slack','url':'https://a.example','workspaceId':'w'}", "workspaceId",
         "workspaceId needs projectId"},
        {"{'kind':'slack','url':'https://a.example','secret':'" SECRET "'}", "secret",
         "secret is for hooks of kind generic only"},
        {"{'kind':'generic','url':'https://a.example','secret':'short'}", "secret", NULL},
        {"{'kind':'generic','url':'file:///etc/passwd'}", "url", NULL},
        {"{'kind':'generic','url':''}", "url", "url must not be empty"},
        {"{'kind':'generic','url':'https://u:p@a.example'}", "url", NULL},
        {"{'kind':'generic','url':'ftp://a.example','events':['x'],'workspaceId':'w',"
         "'secret':'short'}",
         "url events secret workspaceId", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(problems_done) struct problems problems = {0};
        AUTO(auto_free) char *text = mem_dup(cases[i].body);
        AUTO(auto_json) cJSON *body = NULL;

        for (char *at = text; (at = strchr(at, '\'')) != NULL;)
            *at = '"';
        body = parse(text);
        body_check(body, hook_create_fields, HOOK_FIELDS, "", &problems);
        hook_check_create(body, &problems);
        expect_problems(&cases[i], &problems);
    }
}

static void a_body_that_changes_need_name_nothing(void **state)
{
    AUTO(problems_done) struct problems problems = {0};
    AUTO(auto_json) cJSON *nothing = parse("{}"), *wrong = parse("{\"url\": \"x\"}");

    (void)state;
    body_check(nothing, hook_update_fields, HOOK_FIELDS, "", &problems);
    assert_int_equal(problems.count, 0);
    body_check(wrong, hook_update_fields, HOOK_FIELDS, "", &problems);
    assert_int_equal(problems.count, 1);
}

/* ---- changes ---- */
static struct hook standing(void)
{
    return (struct hook){
        .id = ID,
        .kind = HOOK_GENERIC,
        .url = URL,
        .events = 1U << EVENT_DRIFT_DETECTED | 1U << EVENT_RUN_ORPHANED,
        .project_id = "net",
        .workspace_id = "prod",
        .secret = SECRET,
        .old_secret = "",
        .enabled = true,
        .disabled_reason = "",
        .version = 7,
        .created_ms = NOW_MS,
        .updated_ms = NOW_MS + 1000,
    };
}

static void what_a_body_says_already_is_no_change(void **state)
{
    static const char *const cases[] = {
        "{}",
        "{\"kind\": \"slack\"}",
        "{\"url\": \"" URL "\", \"secret\": \"" SECRET "\", \"enabled\": true}",
        "{\"projectId\": \"net\", \"workspaceId\": \"prod\"}",
        "{\"events\": [\"run.orphaned\", \"drift.detected\", \"run.orphaned\"]}",
        "{\"url\": null, \"secret\": null, \"enabled\": null}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(auto_json) cJSON *body = parse(cases[i]);
        struct hook hook = standing();

        if (hook_edit(body, &hook))
            fail_msg("%s", cases[i]);
        assert_string_equal(hook.url, URL);
        assert_string_equal(hook.secret, SECRET);
        assert_int_equal(hook.kind, HOOK_GENERIC);
    }
}

static void what_a_body_names_changes_and_nothing_else(void **state)
{
    AUTO(auto_json)
    cJSON *body = parse("{\"url\": \"https://b.example\", \"secret\": \"\", "
                        "\"workspaceId\": null, \"events\": [\"drift.changed\"]}");
    struct hook hook = standing();

    (void)state;
    assert_true(hook_edit(body, &hook));
    assert_string_equal(hook.url, "https://b.example");
    assert_string_equal(hook.secret, "");
    assert_string_equal(hook.project_id, "net");
    assert_string_equal(hook.workspace_id, "");
    assert_int_equal(hook.events, 1U << EVENT_DRIFT_CHANGED);
    assert_true(hook.enabled);
    assert_int_equal(hook.version, 7);
}

static void each_field_alone_is_a_change(void **state)
{
    static const char *const cases[] = {
        "{\"url\": \"https://b.example\"}",
        "{\"secret\": \"\"}",
        "{\"projectId\": null}",
        "{\"projectId\": \"\"}",
        "{\"workspaceId\": \"dev\"}",
        "{\"events\": []}",
        "{\"events\": null}",
        "{\"enabled\": false}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(auto_json) cJSON *body = parse(cases[i]);
        struct hook hook = standing();

        if (!hook_edit(body, &hook))
            fail_msg("%s", cases[i]);
    }
}

static void a_hook_as_a_whole_is_checked(void **state)
{
    AUTO(problems_done) struct problems fine = {0}, wrong = {0};
    struct hook hook = standing();

    (void)state;
    hook_check_whole(&hook, &fine);
    assert_int_equal(fine.count, 0);
    hook.project_id = "";
    hook.kind = HOOK_TEAMS;
    hook_check_whole(&hook, &wrong);
    assert_int_equal(wrong.count, 2);
    assert_string_equal(wrong.list[0].field, "workspaceId");
    assert_string_equal(wrong.list[1].field, "secret");
}

/* ---- as shown ---- */
static void expect_hook(const struct hook *hook, bool mask_url, const char *json)
{
    AUTO(buf_done) struct buf body = BUF_INIT(65536);
    struct json_writer w;

    json_open(&w, &body);
    hook_json(&w, hook, mask_url, NOW_MS);
    assert_string_equal(buf_text(&body), json);
}

static void a_hook_is_shown_without_its_secrets(void **state)
{
    struct hook hook = standing();

    (void)state;
    hook.old_secret = "the secret before";
    hook.old_secret_until_ms = NOW_MS + 1;
    expect_hook(&hook, false,
                "{\"id\":\"" ID "\",\"kind\":\"generic\",\"url\":\"" URL "\","
                "\"events\":[\"drift.detected\",\"run.orphaned\"],"
                "\"projectId\":\"net\",\"workspaceId\":\"prod\",\"secretSet\":true,"
                "\"oldSecretUntil\":\"2025-01-21T10:30:00.124Z\",\"enabled\":true,"
                "\"disabledReason\":null,\"createdAt\":\"" NOW "\","
                "\"updatedAt\":\"2025-01-21T10:30:01.123Z\"}");
}

static void an_old_secret_is_told_of_while_it_signs(void **state)
{
    static const struct {
        const char *secret, *old_secret;
        int64_t until_ms;
        bool told;
    } cases[] = {
        {SECRET, "the secret before", NOW_MS + 1, true},
        {SECRET, "the secret before", NOW_MS, false},
        {SECRET, "", NOW_MS + 1, false},
        {"", "the secret before", NOW_MS + 1, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf_done) struct buf body = BUF_INIT(65536);
        struct hook hook = standing();
        struct json_writer w;

        hook.secret = cases[i].secret;
        hook.old_secret = cases[i].old_secret;
        hook.old_secret_until_ms = cases[i].until_ms;
        json_open(&w, &body);
        hook_json(&w, &hook, false, NOW_MS);
        assert_int_equal(strstr(buf_text(&body), "\"oldSecretUntil\":null") == NULL,
                         cases[i].told);
    }
}

static void what_a_hook_has_not_is_null(void **state)
{
    struct hook hook = {
        .id = ID,
        .kind = HOOK_SLACK,
        .url = URL,
        .project_id = "",
        .workspace_id = "",
        .secret = "",
        .old_secret = "",
        .disabled_reason = "410",
        .created_ms = NOW_MS,
        .updated_ms = NOW_MS,
    };

    (void)state;
    expect_hook(&hook, true,
                "{\"id\":\"" ID "\",\"kind\":\"slack\","
                "\"url\":\"https://hooks.example.com/…\",\"events\":[],"
                "\"projectId\":null,\"workspaceId\":null,\"secretSet\":false,"
                "\"oldSecretUntil\":null,\"enabled\":false,\"disabledReason\":\"410\","
                "\"createdAt\":\"" NOW "\",\"updatedAt\":\"" NOW "\"}");
}

static void a_delivery_is_shown_with_its_attempts(void **state)
{
    static const struct delivery delivery = {
        .id = ID,
        .event_id = ID,
        .type = "drift.detected",
        .state = "waiting",
        .attempts = 2,
        .created_ms = NOW_MS,
        .due_ms = NOW_MS + 1,
        .log = "[{\"at\":1737455400123,\"status\":0,\"tookMs\":5,\"note\":\"refused\"},"
               "{\"at\":1737455400123,\"status\":503,\"tookMs\":6,\"note\":\"\"}]",
        .event = "{\"type\":\"drift.detected\"}",
    };
    static const char shown[] =
        "{\"id\":\"" ID "\",\"eventId\":\"" ID "\",\"type\":\"drift.detected\","
        "\"state\":\"waiting\",\"attempts\":2,\"createdAt\":\"" NOW "\","
        "\"nextAttemptAt\":\"2025-01-21T10:30:00.124Z\",\"endedAt\":null,\"log\":["
        "{\"at\":\"" NOW "\",\"status\":null,\"tookMs\":5,\"note\":\"refused\"},"
        "{\"at\":\"" NOW "\",\"status\":503,\"tookMs\":6,\"note\":null}]";
    struct delivery forgotten = delivery;
    AUTO(buf_done) struct buf body = BUF_INIT(65536);
    AUTO(auto_free) char *expected = NULL;
    struct json_writer w;

    (void)state;
    forgotten.event = "";
    json_open(&w, &body);
    delivery_json(&w, &delivery, false);
    delivery_json(&w, &delivery, true);
    delivery_json(&w, &forgotten, true);
    expected =
        mem_fmt("%s},%s,\"event\":{\"type\":\"drift.detected\"}},%s,\"event\":null}",
                shown, shown, shown);
    assert_string_equal(buf_text(&body), expected);
}

static void a_log_that_is_none_is_shown_as_empty(void **state)
{
    static const char *const cases[] = {"", "[]", "{}", "nonsense"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct delivery delivery = {.id = ID,
                                    .event_id = ID,
                                    .type = "test",
                                    .state = "sent",
                                    .log = cases[i],
                                    .event = ""};
        AUTO(buf_done) struct buf body = BUF_INIT(65536);
        struct json_writer w;

        json_open(&w, &body);
        delivery_json(&w, &delivery, false);
        assert_non_null(strstr(buf_text(&body), "\"log\":[]}"));
    }
}

static void a_test_says_what_it_is(void **state)
{
    AUTO(buf_done) struct buf with = BUF_INIT(4096), without = BUF_INIT(4096);
    struct json_writer w;

    (void)state;
    json_open(&w, &with);
    hook_test_json(&w, ID, "https://kedge.example", NOW_MS);
    assert_string_equal(buf_text(&with),
                        "{\"type\":\"test\",\"timestamp\":\"" NOW
                        "\",\"data\":{\"hookId\":\"" ID "\","
                        "\"message\":\"This is a test: the hook works.\","
                        "\"url\":\"https://kedge.example\"}}");
    json_open(&w, &without);
    hook_test_json(&w, ID, NULL, NOW_MS);
    assert_null(strstr(buf_text(&without), "url"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_that_creates_is_checked),
        cmocka_unit_test(a_body_that_changes_need_name_nothing),
        cmocka_unit_test(what_a_body_says_already_is_no_change),
        cmocka_unit_test(what_a_body_names_changes_and_nothing_else),
        cmocka_unit_test(each_field_alone_is_a_change),
        cmocka_unit_test(a_hook_as_a_whole_is_checked),
        cmocka_unit_test(a_hook_is_shown_without_its_secrets),
        cmocka_unit_test(an_old_secret_is_told_of_while_it_signs),
        cmocka_unit_test(what_a_hook_has_not_is_null),
        cmocka_unit_test(a_delivery_is_shown_with_its_attempts),
        cmocka_unit_test(a_log_that_is_none_is_shown_as_empty),
        cmocka_unit_test(a_test_says_what_it_is),
    };

    return cmocka_run_group_tests_name("api_hook", tests, NULL, NULL);
}
