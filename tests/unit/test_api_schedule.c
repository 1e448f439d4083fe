/* Schedules of the API: what their bodies may hold, what bodies make of a schedule, and
 * how one is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/schedule/schedule_fields.h"
#include "api/schedule/schedule_json.h"
#include "common/base/mem.h"
#include "common/schedule/humanize.h"

#define ID "0194890e-2f00-7000-8000-000000000001"

static cJSON *parse(const char *text)
{
    struct err err;
    cJSON *doc = json_parse(text, strlen(text), JSON_DEPTH_MAX, false, &err);

    if (doc == NULL)
        fail_msg("%s: %s", text, err.message);
    return doc;
}

/* ---- bodies ---- */
/* The fields with problems, each with a blank behind it. */
static char *bad_fields(const struct field *table, size_t count, const char *text)
{
    AUTO(problems_done) struct problems problems = {0};
    AUTO(auto_json) cJSON *body = parse(text);
    struct buf names = BUF_INIT(4096);

    body_check(body, table, count, "", &problems);
    for (size_t i = 0; i < problems.count; i++)
        buf_fmt(&names, "%s ", problems.list[i].field);
    return names.len > 0 ? buf_take(&names) : mem_dup("");
}

static void expect_bad(const struct field *table, size_t count, const char *text,
                       const char *wanted)
{
    AUTO(auto_free) char *found = bad_fields(table, count, text);

    if (strcmp(found, wanted) != 0)
        fail_msg("%s\n  found    %s\n  expected %s", text, found, wanted);
}

#define CREATE(members)                                                                  \
    "{\"projectId\":\"p\",\"workspaceId\":\"w\",\"scheduleType\":\"drift\"" members "}"

static void a_creation_names_every_bad_field_at_once(void **state)
{
    static const struct {
        const char *body, *bad;
    } cases[] = {
        {CREATE(",\"cron\":\"0 3 * * *\""), ""},
        {CREATE(",\"cron\":\"@daily\",\"label\":\"nightly\",\"enabled\":true,"
                "\"timezone\":\"UTC\",\"jitterSeconds\":86400,\"missedPolicy\":\"all\""),
         ""},
        {CREATE(",\"cron\":\"0 0 30 2 *\",\"label\":\"\",\"timezone\":\"Europe/Berlin\","
                "\"jitterSeconds\":0,\"missedPolicy\":\"skip\""),
         ""},
        {"{}", "workspaceId projectId scheduleType cron "},
        {"{\"projectId\":\"\",\"workspaceId\":1,\"scheduleType\":\"hourly\",\"cron\":\"61"
         " * * * *\",\"label\":2,\"enabled\":\"yes\",\"timezone\":\"Mars/Olympus\","
         "\"jitterSeconds\":86401,\"missedPolicy\":\"some\",\"color\":1}",
         "workspaceId projectId scheduleType cron label enabled timezone jitterSeconds "
         "missedPolicy color "},
        {CREATE(",\"cron\":\"\""), "cron "},
        {CREATE(",\"cron\":\"*/0 * * * *\""), "cron "},
        {CREATE(",\"cron\":\"* * * *\""), "cron "},
        {CREATE(",\"cron\":null"), "cron "},
        {CREATE(",\"cron\":\"* * * * *\",\"jitterSeconds\":-1"), "jitterSeconds "},
        {CREATE(",\"cron\":\"* * * * *\",\"jitterSeconds\":1.5"), "jitterSeconds "},
        {CREATE(",\"cron\":\"* * * * *\",\"timezone\":\"\""), "timezone "},
        {CREATE(",\"cron\":\"* * * * *\",\"timezone\":\"../../etc/passwd\""),
         "timezone "},
        {CREATE(",\"cron\":\"* * * * *\",\"timezone\":\"europe/berlin\""), "timezone "},
        {CREATE(",\"cron\":\"* * * * *\",\"nextRunAt\":null"), "nextRunAt "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_bad(schedule_create_fields, SCHEDULE_CREATE_FIELDS, cases[i].body,
                   cases[i].bad);
}

static void an_update_needs_nothing_and_moves_nothing(void **state)
{
    static const struct {
        const char *body, *bad;
    } cases[] = {
        {"{}", ""},
        {"{\"cron\":null,\"label\":null,\"enabled\":null,\"timezone\":null,"
         "\"jitterSeconds\":null,\"missedPolicy\":null}",
         ""},
        {"{\"cron\":\"61 * * * *\",\"enabled\":1}", "cron enabled "},
        {"{\"scheduleType\":\"drift\",\"projectId\":\"p\",\"workspaceId\":\"w\"}",
         "scheduleType projectId workspaceId "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_bad(schedule_update_fields, SCHEDULE_UPDATE_FIELDS, cases[i].body,
                   cases[i].bad);
}

static void each_type_and_policy_has_its_name(void **state)
{
    static const char *const types[] = {"drift", "drift_check", "drift_detection",
                                        "reconcile"};
    static const char *const policies[] = {"one", "skip", "all"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        AUTO(auto_free)
        char *body = mem_fmt("{\"projectId\":\"p\",\"workspaceId\":\"w\",\"cron\":"
                             "\"@hourly\",\"scheduleType\":\"%s\"}",
                             types[i]);

        expect_bad(schedule_create_fields, SCHEDULE_CREATE_FIELDS, body, "");
    }
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        AUTO(auto_free) char *body = mem_fmt("{\"missedPolicy\":\"%s\"}", policies[i]);

        expect_bad(schedule_update_fields, SCHEDULE_UPDATE_FIELDS, body, "");
    }
}

/* An expression of `len` bytes: stars and blanks. */
static char *body_with_cron(size_t len)
{
    AUTO(auto_free) char *cron = mem_new(len + 1, 1);

    memset(cron, ' ', len);
    for (size_t i = 0; i < 5; i++)
        cron[2 * i] = '*';
    return mem_fmt("{\"cron\":\"%s\"}", cron);
}

static void a_long_expression_is_told_how_long_it_may_be(void **state)
{
    static const size_t too_long[] = {CRON_TEXT_MAX + 1, 10000};
    AUTO(auto_free) char *longest = body_with_cron(CRON_TEXT_MAX);

    (void)state;
    expect_bad(schedule_update_fields, SCHEDULE_UPDATE_FIELDS, longest, "");
    for (size_t i = 0; i < ARRAY_LEN(too_long); i++) {
        AUTO(problems_done) struct problems problems = {0};
        AUTO(auto_free) char *text = body_with_cron(too_long[i]);
        AUTO(auto_json) cJSON *body = parse(text);

        body_check(body, schedule_update_fields, SCHEDULE_UPDATE_FIELDS, "", &problems);
        assert_int_equal(problems.count, 1);
        assert_string_equal(problems.list[0].message, "cron must have 1 to 256 bytes");
    }
}

static void a_bad_expression_is_told_its_field_and_column(void **state)
{
    static const struct {
        const char *cron, *names[2];
    } cases[] = {
        {"61 * * * *", {"minute", "column 1"}},
        {"0 0 * 13 *", {"month", "column 7"}},
        {"0 0 * * mo", {"day of week", "column 9"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(problems_done) struct problems problems = {0};
        AUTO(auto_free) char *text = mem_fmt("{\"cron\":\"%s\"}", cases[i].cron);
        AUTO(auto_json) cJSON *body = parse(text);

        body_check(body, schedule_update_fields, SCHEDULE_UPDATE_FIELDS, "", &problems);
        assert_int_equal(problems.count, 1);
        assert_string_equal(problems.list[0].field, "cron");
        for (size_t j = 0; j < ARRAY_LEN(cases[i].names); j++)
            if (strstr(problems.list[0].message, cases[i].names[j]) == NULL)
                fail_msg("%s: %s", problems.list[0].message, cases[i].names[j]);
    }
}

/* ---- a body into a schedule ---- */
static struct schedule stored(void)
{
    return (struct schedule){
        .id = ID,
        .project_id = "net",
        .workspace_id = "prod",
        .type = SCHEDULE_DRIFT_CHECK,
        .missed = SCHEDULE_MISSED_SKIP,
        .cron = "0 3 * * *",
        .timezone = "Europe/Berlin",
        .label = "nightly",
        .jitter_s = 60,
        .enabled = true,
        .spread = 7,
        .version = 4,
        .tick_ms = INT64_C(1737424800000),
        .due_ms = INT64_C(1737424812345),
        .last_ms = INT64_C(1737338412345),
    };
}

static void an_edit_takes_what_is_named_and_tells_what_it_means(void **state)
{
    static const struct {
        const char *body;
        enum schedule_edit result;
        struct schedule wanted; /* 0, NULL: as it was */
    } cases[] = {
        {"{}", SCHEDULE_SAME, {0}},
        {"{\"cron\":\"0 3 * * *\",\"label\":\"nightly\",\"enabled\":true,"
         "\"timezone\":\"Europe/Berlin\",\"jitterSeconds\":60,\"missedPolicy\":\"skip\"}",
         SCHEDULE_SAME,
         {0}},
        {"{\"cron\":null,\"enabled\":null,\"timezone\":null,\"jitterSeconds\":null,"
         "\"missedPolicy\":null}",
         SCHEDULE_SAME,
         {0}},
        {"{\"label\":\"x\"}", SCHEDULE_EDITED, {.label = "x"}},
        {"{\"label\":\"\"}", SCHEDULE_EDITED, {.label = ""}},
        {"{\"label\":null}", SCHEDULE_EDITED, {.label = ""}},
        {"{\"jitterSeconds\":5}", SCHEDULE_EDITED, {.jitter_s = 5}},
        {"{\"missedPolicy\":\"all\"}", SCHEDULE_EDITED, {.missed = SCHEDULE_MISSED_ALL}},
        {"{\"cron\":\"@daily\"}", SCHEDULE_RETIMED, {.cron = "@daily"}},
        {"{\"timezone\":\"UTC\"}", SCHEDULE_RETIMED, {.timezone = "UTC"}},
        {"{\"timezone\":\"UTC\",\"label\":\"y\",\"jitterSeconds\":9}",
         SCHEDULE_RETIMED,
         {.timezone = "UTC", .label = "y", .jitter_s = 9}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(auto_json) cJSON *body = parse(cases[i].body);
        const struct schedule *wanted = &cases[i].wanted;
        struct schedule was = stored(), is = stored();

        assert_int_equal(schedule_edit(body, &is), cases[i].result);
        assert_string_equal(is.cron, wanted->cron != NULL ? wanted->cron : was.cron);
        assert_string_equal(is.timezone,
                            wanted->timezone != NULL ? wanted->timezone : was.timezone);
        assert_string_equal(is.label, wanted->label != NULL ? wanted->label : was.label);
        assert_int_equal(is.jitter_s, wanted->jitter_s > 0 ? wanted->jitter_s : 60);
        assert_int_equal(is.missed, wanted->missed != 0 ? wanted->missed : was.missed);
        assert_true(is.enabled);
        assert_int_equal(is.version, was.version);
        assert_int_equal(is.tick_ms, was.tick_ms);
    }
}

static void switching_on_or_off_is_another_rhythm(void **state)
{
    AUTO(auto_json) cJSON *off = parse("{\"enabled\":false}");
    AUTO(auto_json) cJSON *on = parse("{\"enabled\":true}");
    struct schedule schedule = stored();

    (void)state;
    assert_int_equal(schedule_edit(off, &schedule), SCHEDULE_RETIMED);
    assert_false(schedule.enabled);
    assert_int_equal(schedule_edit(off, &schedule), SCHEDULE_SAME);
    assert_int_equal(schedule_edit(on, &schedule), SCHEDULE_RETIMED);
    assert_true(schedule.enabled);
}

static void a_label_that_is_not_there_cannot_go(void **state)
{
    AUTO(auto_json) cJSON *body = parse("{\"label\":null}");
    struct schedule schedule = schedule_defaults;

    (void)state;
    assert_int_equal(schedule_edit(body, &schedule), SCHEDULE_SAME);
    assert_string_equal(schedule.label, "");
}

static void what_a_creation_leaves_out_has_its_default(void **state)
{
    AUTO(auto_json) cJSON *body = parse(CREATE(",\"cron\":\"@hourly\""));
    struct schedule schedule = schedule_defaults;

    (void)state;
    schedule_edit(body, &schedule);
    assert_string_equal(schedule.cron, "@hourly");
    assert_string_equal(schedule.timezone, "UTC");
    assert_string_equal(schedule.label, "");
    assert_false(schedule.enabled);
    assert_int_equal(schedule.jitter_s, 0);
    assert_int_equal(schedule.missed, SCHEDULE_MISSED_ONE);
}

/* ---- as it is shown ---- */
static cJSON *show(const struct schedule *schedule)
{
    AUTO(buf_done) struct buf body = BUF_INIT(65536);
    struct json_writer w;

    json_open(&w, &body);
    schedule_json(&w, schedule);
    return parse(buf_text(&body));
}

static void expect_shown(const cJSON *doc, const char *wanted)
{
    AUTO(auto_free) char *found = cJSON_PrintUnformatted(doc);

    assert_string_equal(found, wanted);
}

static void a_schedule_is_shown_with_all_its_fields(void **state)
{
    struct schedule schedule = stored();
    AUTO(auto_json) cJSON *doc = show(&schedule);
    AUTO(buf_done) struct buf sentence = BUF_INIT(4096);
    AUTO(auto_free) char *wanted = NULL;
    struct cron cron;
    struct err err;

    (void)state;
    assert_int_equal(cron_parse(schedule.cron, &cron, &err), 0);
    humanize_cron(&cron, "Europe/Berlin", &sentence);
    assert_non_null(strstr(buf_text(&sentence), "Europe/Berlin"));
    wanted = mem_fmt("{\"id\":\"" ID "\",\"scheduleType\":\"drift_check\","
                     "\"cron\":\"0 3 * * *\",\"label\":\"nightly\",\"enabled\":true,"
                     "\"timezone\":\"Europe/Berlin\",\"jitterSeconds\":60,"
                     "\"missedPolicy\":\"skip\","
                     "\"lastRunAt\":\"2025-01-20T02:00:12.345Z\","
                     "\"nextRunAt\":\"2025-01-21T02:00:12.345Z\","
                     "\"humanReadable\":\"%s\"}",
                     buf_text(&sentence));
    expect_shown(doc, wanted);
}

static void what_is_not_there_is_null(void **state)
{
    struct schedule schedule = stored();
    AUTO(auto_json) cJSON *doc = NULL;

    (void)state;
    schedule.label = "";
    schedule.last_ms = schedule.tick_ms = schedule.due_ms = 0;
    schedule.enabled = false;
    doc = show(&schedule);
    assert_true(cJSON_IsNull(json_get(doc, "label")));
    assert_true(cJSON_IsNull(json_get(doc, "lastRunAt")));
    assert_true(cJSON_IsNull(json_get(doc, "nextRunAt")));
    assert_true(cJSON_IsFalse(json_get(doc, "enabled")));
}

static void an_expression_that_is_read_no_more_speaks_for_itself(void **state)
{
    struct schedule schedule = stored();
    AUTO(auto_json) cJSON *doc = NULL;

    (void)state;
    schedule.cron = "now and then";
    doc = show(&schedule);
    assert_string_equal(json_string(doc, "humanReadable"), "now and then");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_creation_names_every_bad_field_at_once),
        cmocka_unit_test(an_update_needs_nothing_and_moves_nothing),
        cmocka_unit_test(each_type_and_policy_has_its_name),
        cmocka_unit_test(a_long_expression_is_told_how_long_it_may_be),
        cmocka_unit_test(a_bad_expression_is_told_its_field_and_column),
        cmocka_unit_test(an_edit_takes_what_is_named_and_tells_what_it_means),
        cmocka_unit_test(switching_on_or_off_is_another_rhythm),
        cmocka_unit_test(a_label_that_is_not_there_cannot_go),
        cmocka_unit_test(what_a_creation_leaves_out_has_its_default),
        cmocka_unit_test(a_schedule_is_shown_with_all_its_fields),
        cmocka_unit_test(what_is_not_there_is_null),
        cmocka_unit_test(an_expression_that_is_read_no_more_speaks_for_itself),
    };

    return cmocka_run_group_tests_name("api_schedule", tests, NULL, NULL);
}
