/* News: what the end of a run tells, compared with what was told before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "scheduler/drift_set.h"
#include "scheduler/news.h"

#define RUN      "0190a1b2-0000-7000-8000-000000000001"
#define NOW_MS   INT64_C(1737455400123)
#define ENDED_MS INT64_C(1737455400000) /* 2025-01-21T10:30:00Z */
#define SINCE_MS INT64_C(1737000000000) /* 2025-01-16T04:00:00Z */
#define DRIFT_A                                                                          \
    "{\"address\":\"aws_instance.a\",\"type\":\"aws_instance\",\"action\":\"update\","   \
    "\"severity\":\"warning\",\"origin\":\"outside\",\"changes\":[{\"attribute\":"       \
    "\"tags\"}]}"
#define DRIFT_B                                                                          \
    "{\"address\":\"aws_iam_role.b\",\"type\":\"aws_iam_role\",\"action\":\"delete\","   \
    "\"severity\":\"critical\",\"origin\":\"code\",\"changes\":[]}"
#define DRIFTED(list)                                                                    \
    "{\"summary\":\"Plan: 1 to change.\",\"driftedCount\":0,\"driftedResources\":[" list \
    "]}"

/* No ignore rules. */
static const struct redisReply no_rules = {.type = REDIS_REPLY_ARRAY};

static struct outbox_entry entry_of(enum run_kind kind, enum run_status status,
                                    const char *metadata)
{
    return (struct outbox_entry){
        .entry = RUN " x",
        .now_ms = NOW_MS,
        .status = status,
        .run = {.id = RUN,
                .project_id = "prod",
                .workspace_id = "net",
                .kind = kind,
                .status = status,
                .batch = "",
                .trigger = "schedule",
                .schedule_id = "s1",
                .ref = "main",
                .commit = "0123456789abcdef0123456789abcdef01234567",
                .error_code = status == RUN_ERROR ? "TIMEOUT" : "",
                .error_message = status == RUN_ERROR ? "It took too long." : "",
                .summary = "{\"summary\":\"Plan: 1 to change.\"}",
                .ended_at_ms = ENDED_MS},
        .spec = "{\"repository\":\"acme/net\",\"directory\":\"eu\",\"workspace\":"
                "\"default\"}",
        .metadata = metadata,
        .metadata_len = metadata ? strlen(metadata) : 0,
        .ignores = &no_rules,
        .subject = "subject",
        .told = {.drift = "", .event = ""},
    };
}

static char *fingerprint(const char *metadata)
{
    struct outbox_entry entry = entry_of(RUN_DRIFT_CHECK, RUN_DRIFT_DETECTED, metadata);
    AUTO(drift_set_done) struct drift_set set = {0};

    drift_set_read(&entry, &set);
    return mem_dup(set.id);
}

/* ---- the table ---- */

enum memory { NOTHING, SAME, OTHER };

static const struct row {
    enum run_kind kind;
    enum run_status status;
    const char *metadata;
    enum memory before; /* the drift that was told */
    bool failing;
    const char *events; /* names, parted by blanks */
    enum memory after;
    bool fails;
} rows[] = {
#define CHECK RUN_DRIFT_CHECK
#define A     DRIFTED(DRIFT_A)
#define NONE  DRIFTED("")
    {CHECK, RUN_CLEAN, NONE, NOTHING, false, "", NOTHING, false},
    {CHECK, RUN_DRIFT_DETECTED, A, NOTHING, false, "drift.detected", SAME, false},
    {CHECK, RUN_DRIFT_DETECTED, A, SAME, false, "", SAME, false},
    {CHECK, RUN_DRIFT_DETECTED, A, OTHER, false, "drift.changed", SAME, false},
    {CHECK, RUN_CLEAN, NONE, SAME, false, "drift.resolved", NOTHING, false},
    {CHECK, RUN_DRIFT_DETECTED, NONE, NOTHING, false, "", NOTHING, false},
    {CHECK, RUN_DRIFT_DETECTED, NONE, SAME, false, "drift.resolved", NOTHING, false},
    {CHECK, RUN_ERROR, NULL, NOTHING, false, "check.failed", NOTHING, true},
    {CHECK, RUN_ERROR, NULL, SAME, false, "check.failed", SAME, true},
    {CHECK, RUN_ERROR, NULL, SAME, true, "", SAME, true},
    {CHECK, RUN_CLEAN, NONE, NOTHING, true, "check.recovered", NOTHING, false},
    {CHECK, RUN_DRIFT_DETECTED, A, SAME, true, "check.recovered", SAME, false},
    {CHECK, RUN_DRIFT_DETECTED, A, NOTHING, true, "check.recovered drift.detected", SAME,
     false},
    {CHECK, RUN_CLEAN, NONE, SAME, true, "check.recovered drift.resolved", NOTHING,
     false},
    {CHECK, RUN_CANCELLED, A, SAME, true, "", SAME, true},
    {CHECK, RUN_SKIPPED, NULL, SAME, false, "", SAME, false},
    {RUN_PLAN, RUN_DRIFT_DETECTED, A, NOTHING, false, "drift.detected", SAME, false},
    {RUN_PLAN, RUN_ERROR, NULL, SAME, false, "", SAME, false},
    {RUN_PLAN, RUN_CLEAN, NONE, NOTHING, true, "", NOTHING, true},
#define SETTLED                                                                          \
    "{\"driftedCount\":1,\"driftedResources\":[" DRIFT_A                                 \
    "],\"driftAfter\":{\"driftedCount\":0}}"
#define UNSETTLED                                                                        \
    "{\"driftedCount\":1,\"driftedResources\":[" DRIFT_A                                 \
    "],\"driftAfter\":{\"driftedCount\":1}}"
#define UNKNOWN                                                                          \
    "{\"driftedCount\":1,\"driftedResources\":[" DRIFT_A "],\"driftAfter\":null}"
    {RUN_RECONCILE, RUN_APPLIED, SETTLED, SAME, false,
     "reconcile.succeeded drift.resolved", NOTHING, false},
    {RUN_RECONCILE, RUN_APPLIED, SETTLED, NOTHING, false, "reconcile.succeeded", NOTHING,
     false},
    {RUN_RECONCILE, RUN_APPLIED, UNSETTLED, SAME, false, "reconcile.succeeded", SAME,
     false},
    {RUN_RECONCILE, RUN_APPLIED, UNKNOWN, SAME, false, "reconcile.succeeded", SAME,
     false},
    {RUN_RECONCILE, RUN_CLEAN, NONE, SAME, false, "drift.resolved", NOTHING, false},
    {RUN_RECONCILE, RUN_CLEAN, NONE, NOTHING, false, "", NOTHING, false},
    {RUN_RECONCILE, RUN_ERROR, NULL, SAME, false, "reconcile.failed", SAME, false},
    {RUN_RECONCILE, RUN_CANCELLED, NULL, SAME, false, "", SAME, false},
    {RUN_RECONCILE, RUN_ORPHANED, NULL, SAME, false, "run.orphaned", SAME, false},
    {RUN_APPLY, RUN_ORPHANED, NULL, NOTHING, false, "run.orphaned", NOTHING, false},
    {RUN_APPLY, RUN_APPLIED, SETTLED, SAME, false, "", SAME, false},
    {RUN_APPLY, RUN_ERROR, NULL, SAME, false, "", SAME, false},
};

static void fail_row(size_t i, const char *what, const char *got)
{
    fail_msg("row %zu (%s, %s): %s %s", i, run_kind_name(rows[i].kind),
             run_status_name(rows[i].status), what, got);
}

static void check_row(size_t i, const char *same)
{
    const struct row *row = &rows[i];
    const char *const memory[] = {[NOTHING] = "", [SAME] = same, [OTHER] = "other"};
    struct outbox_entry entry = entry_of(row->kind, row->status, row->metadata);
    AUTO(buf_done) struct buf names = BUF_INIT(256);
    struct news news;
    bool moved;

    entry.told = (struct told){.version = 3,
                               .drift = memory[row->before],
                               .since_ms = row->before == NOTHING ? 0 : SINCE_MS,
                               .failing = row->failing,
                               .event = ""};
    news_read(&entry, NULL, &news);
    for (size_t n = 0; n < news.count; n++)
        buf_fmt(&names, "%s%s", n > 0 ? " " : "", hook_event_name(news.events[n].type));
    if (strcmp(buf_text(&names), row->events) != 0)
        fail_row(i, "tells", buf_text(&names));
    if (strcmp(news.told.drift, memory[row->after]) != 0)
        fail_row(i, "remembers the drift", news.told.drift);
    if (news.told.failing != row->fails)
        fail_row(i, "remembers failing", news.told.failing ? "yes" : "no");
    /* Drift that is still the same is written again, so that it is not forgotten. */
    moved = strcmp(news.told.drift, entry.told.drift) != 0 ||
            news.told.failing != entry.told.failing ||
            (row->status == RUN_DRIFT_DETECTED && row->after == SAME);
    if (news.remembers != moved)
        fail_row(i, "writes", news.remembers ? "what did not move" : "nothing");
    news_done(&news);
}

static void every_end_tells_what_changed_and_no_more(void **state)
{
    AUTO(auto_free) char *same = fingerprint(A);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(i, same);
}

static void since_is_the_end_of_the_run_that_found_it(void **state)
{
    struct outbox_entry entry = entry_of(CHECK, RUN_DRIFT_DETECTED, A);
    struct news news;

    (void)state;
    news_read(&entry, NULL, &news);
    assert_int_equal(news.told.since_ms, ENDED_MS);
    assert_int_equal(news.told.at_ms, NOW_MS);
    assert_string_equal(news.told.event, buf_text(&news.events[0].json));
    news_done(&news);
    entry.told = (struct told){.drift = "other", .since_ms = SINCE_MS, .event = "{}"};
    news_read(&entry, NULL, &news);
    assert_int_equal(news.told.since_ms, SINCE_MS);
    news_done(&news);
}

static void what_has_no_subject_or_is_gone_tells_nothing(void **state)
{
    struct outbox_entry entry = entry_of(CHECK, RUN_DRIFT_DETECTED, A);
    struct news news;

    (void)state;
    entry.subject = "";
    news_read(&entry, NULL, &news);
    assert_int_equal(news.count, 0);
    news_done(&news);
    entry.subject = "subject";
    entry.run.id = NULL;
    news_read(&entry, NULL, &news);
    assert_int_equal(news.count, 0);
    assert_false(news.remembers);
    news_done(&news);
}

/* ---- the set ---- */

static void the_fingerprint_is_of_addresses_and_actions(void **state)
{
    AUTO(auto_free) char *a_b = fingerprint(DRIFTED(DRIFT_A "," DRIFT_B));
    AUTO(auto_free) char *b_a = fingerprint(DRIFTED(DRIFT_B "," DRIFT_A));
    AUTO(auto_free) char *a = fingerprint(A);
    AUTO(auto_free)
    char *other_value = fingerprint(
        DRIFTED("{\"address\":\"aws_instance.a\",\"action\":\"update\",\"severity\":"
                "\"info\",\"changes\":[{\"attribute\":\"x\"}]}"));
    AUTO(auto_free)
    char *other_action =
        fingerprint(DRIFTED("{\"address\":\"aws_instance.a\",\"action\":\"delete\"}"));
    AUTO(auto_free)
    char *cut = fingerprint("{\"driftedCount\":9,\"driftedResources\":[" DRIFT_A "]}");
    AUTO(auto_free)
    char *cut_more =
        fingerprint("{\"driftedCount\":10,\"driftedResources\":[" DRIFT_A "]}");

    (void)state;
    assert_string_equal(a_b, b_a);
    assert_string_not_equal(a, a_b);
    assert_string_equal(a, other_value);
    assert_string_not_equal(a, other_action);
    assert_string_not_equal(a, cut);
    assert_string_not_equal(cut, cut_more);
    assert_int_equal(strlen(a), SIGN_ID_BYTES - 1);
}

static void ignored_resources_do_not_count(void **state)
{
    struct outbox_entry entry =
        entry_of(CHECK, RUN_DRIFT_DETECTED, DRIFTED(DRIFT_A "," DRIFT_B));
    AUTO(drift_set_done) struct drift_set set = {0};
    AUTO(auto_free) char *b = fingerprint(DRIFTED(DRIFT_B));

    (void)state;
    entry.pair.project.id = "prod";
    entry.pair.workspace_json = "{\"ignore\":[{\"address\":\"aws_instance.*\"}]}";
    drift_set_read(&entry, &set);
    assert_int_equal(set.counted, 1);
    assert_string_equal(set.id, b);
    assert_string_equal(drift_set_severity(&set), "critical");
}

static struct outbox_entry ignoring_entry(enum run_kind kind, enum run_status status)
{
    struct outbox_entry entry = entry_of(kind, status, DRIFTED(DRIFT_A "," DRIFT_B));

    entry.pair.project.id = "prod";
    entry.pair.workspace_json =
        "{\"ignore\":[{\"address\":\"x.*\"},{\"address\":\"aws_*\",\"attribute\":\"t*\"},"
        "{\"address\":\"aws_*\"}]}";
    return entry;
}

static void a_check_says_which_rules_matched_once_each(void **state)
{
    struct outbox_entry entry = ignoring_entry(CHECK, RUN_DRIFT_DETECTED);
    AUTO(rules_done) struct rules rules = {0};
    AUTO(news_done) struct news news = {0};
    char id[SIGN_ID_BYTES];

    (void)state;
    rules_add_workspace(&rules, &entry.pair);
    rules_id(&rules, 1, id);
    news_read(&entry, NULL, &news);
    assert_int_equal(news.match_count, 1); /* the delete is nobody's */
    assert_string_equal(news.matches[0].id, id);
    assert_int_equal(news.matches[0].count, 1);
}

static void drift_that_is_ignored_altogether_is_no_news_but_a_match(void **state)
{
    struct outbox_entry entry = ignoring_entry(CHECK, RUN_DRIFT_DETECTED);
    AUTO(news_done) struct news news = {0};

    (void)state;
    entry.metadata = DRIFTED(DRIFT_A);
    entry.metadata_len = strlen(entry.metadata);
    news_read(&entry, NULL, &news);
    assert_int_equal(news.count, 0);
    assert_int_equal(news.match_count, 1);
}

static void a_reconcile_counts_no_matches(void **state)
{
    struct outbox_entry entry = ignoring_entry(RUN_RECONCILE, RUN_APPLIED);
    AUTO(news_done) struct news news = {0};

    (void)state;
    news_read(&entry, NULL, &news);
    assert_int_equal(news.match_count, 0);
}

static void drift_without_metadata_is_believed(void **state)
{
    struct outbox_entry entry = entry_of(CHECK, RUN_DRIFT_DETECTED, NULL);
    AUTO(drift_set_done) struct drift_set set = {0};

    (void)state;
    entry.run.summary = "{\"driftedCount\":4}";
    drift_set_read(&entry, &set);
    assert_int_equal(set.counted, 4);
    assert_int_equal(strlen(set.id), SIGN_ID_BYTES - 1);
    assert_null(drift_set_severity(&set));
}

/* ---- the JSON ---- */

static void an_event_says_what_where_and_since_when(void **state)
{
    struct outbox_entry entry =
        entry_of(CHECK, RUN_DRIFT_DETECTED, DRIFTED(DRIFT_A "," DRIFT_B));
    struct news news;

    (void)state;
    news_read(&entry, "https://kedge.example", &news);
    assert_string_equal(
        buf_text(&news.events[0].json),
        "{\"type\":\"drift.detected\",\"timestamp\":\"2025-01-21T10:30:00.000Z\","
        "\"data\":{\"projectId\":\"prod\",\"workspaceId\":\"net\",\"repository\":\"acme/"
        "net\",\"ref\":\"main\",\"directory\":\"eu\",\"workspace\":\"default\","
        "\"runId\":\"" RUN "\",\"kind\":\"drift_check\",\"trigger\":\"schedule\","
        "\"scheduleId\":\"s1\",\"commit\":\"0123456789abcdef0123456789abcdef01234567\","
        "\"summary\":\"Plan: 1 to change.\",\"driftedCount\":2,\"severity\":\"critical\","
        "\"resources\":[{\"address\":\"aws_iam_role.b\",\"type\":\"aws_iam_role\","
        "\"action\":\"delete\",\"severity\":\"critical\",\"origin\":\"code\"},"
        "{\"address\":\"aws_instance.a\",\"type\":\"aws_instance\",\"action\":\"update\","
        "\"severity\":\"warning\",\"origin\":\"outside\"}],\"more\":0,"
        "\"since\":\"2025-01-21T10:30:00.000Z\",\"error\":null,"
        "\"url\":\"https://kedge.example/api/v1/runs/" RUN "\"}}");
    news_done(&news);
}

static void a_failed_check_names_its_error_and_no_drift(void **state)
{
    struct outbox_entry entry = entry_of(CHECK, RUN_ERROR, NULL);
    AUTO(auto_json) cJSON *doc = NULL;
    const cJSON *data;
    struct news news;

    (void)state;
    entry.run.workspace_id = entry.run.project_id = entry.run.schedule_id = "";
    news_read(&entry, NULL, &news);
    doc = cJSON_Parse(buf_text(&news.events[0].json));
    data = json_get(doc, "data");
    assert_string_equal(json_string(json_get(data, "error"), "code"), "TIMEOUT");
    assert_string_equal(json_string(json_get(data, "error"), "message"),
                        "It took too long.");
    assert_true(cJSON_IsNull(json_get(data, "driftedCount")));
    assert_true(cJSON_IsNull(json_get(data, "workspaceId")));
    assert_true(cJSON_IsNull(json_get(data, "projectId")));
    assert_true(cJSON_IsNull(json_get(data, "url")));
    assert_true(cJSON_IsNull(json_get(data, "since")));
    news_done(&news);
}

static void resolved_drift_counts_nothing_and_what_it_was(void **state)
{
    struct outbox_entry entry = entry_of(CHECK, RUN_CLEAN, NULL);
    AUTO(auto_json) cJSON *doc = NULL;
    const cJSON *data;
    struct news news;

    (void)state;
    entry.told = (struct told){
        .drift = "d", .since_ms = SINCE_MS, .event = "{\"data\":{\"driftedCount\":7}}"};
    news_read(&entry, NULL, &news);
    doc = cJSON_Parse(buf_text(&news.events[0].json));
    data = json_get(doc, "data");
    assert_int_equal(json_int(data, "driftedCount", -1), 0);
    assert_int_equal(json_int(json_get(data, "previous"), "driftedCount", -1), 7);
    news_done(&news);
}

static void an_orphan_is_told_as_interrupted(void **state)
{
    struct outbox_entry entry = entry_of(RUN_APPLY, RUN_ORPHANED, NULL);
    AUTO(auto_json) cJSON *doc = NULL;
    struct news news;

    (void)state;
    news_read(&entry, NULL, &news);
    doc = cJSON_Parse(buf_text(&news.events[0].json));
    assert_string_equal(json_string(json_get(json_get(doc, "data"), "error"), "code"),
                        "INTERRUPTED");
    news_done(&news);
}

static void changed_drift_says_what_it_was_before(void **state)
{
    struct outbox_entry entry = entry_of(CHECK, RUN_DRIFT_DETECTED, A);
    AUTO(auto_json) cJSON *doc = NULL;
    const cJSON *previous;
    struct news news;

    (void)state;
    entry.told = (struct told){
        .drift = "other",
        .since_ms = SINCE_MS,
        .event =
            "{\"data\":{\"driftedCount\":7,\"severity\":\"info\",\"runId\":\"r0\"}}"};
    news_read(&entry, NULL, &news);
    doc = cJSON_Parse(buf_text(&news.events[0].json));
    previous = json_get(json_get(doc, "data"), "previous");
    assert_int_equal(json_int(previous, "driftedCount", -1), 7);
    assert_string_equal(json_string(previous, "severity"), "info");
    assert_string_equal(json_string(previous, "runId"), "r0");
    assert_string_equal(json_string(json_get(doc, "data"), "since"),
                        "2025-01-16T04:00:00.000Z");
    news_done(&news);
}

/* ---- limits ---- */

/* Metadata of `count` resources with addresses of that length; the caller frees. */
static char *many(size_t count, int address_bytes)
{
    struct buf text = BUF_INIT((size_t)8 << 20);

    buf_fmt(&text, "{\"driftedCount\":%zu,\"driftedResources\":[", count);
    for (size_t i = 0; i < count; i++)
        buf_fmt(&text,
                "%s{\"address\":\"a%0*zu\",\"action\":\"update\",\"severity\":\"%s\"}",
                i > 0 ? "," : "", address_bytes, i, i + 1 == count ? "critical" : "info");
    buf_str(&text, "]}");
    return buf_take(&text);
}

static void check_limits(size_t count, int address_bytes, int listed)
{
    AUTO(auto_free) char *metadata = many(count, address_bytes);
    struct outbox_entry entry = entry_of(CHECK, RUN_DRIFT_DETECTED, metadata);
    AUTO(auto_json) cJSON *doc = NULL;
    const cJSON *data, *list;
    struct news news;

    news_read(&entry, "https://kedge.example", &news);
    assert_true(news.events[0].json.len <= OUTBOX_EVENT_BYTES);
    assert_false(news.events[0].json.over);
    doc = cJSON_Parse(buf_text(&news.events[0].json));
    data = json_get(doc, "data");
    list = json_get(data, "resources");
    if (listed >= 0)
        assert_int_equal(cJSON_GetArraySize(list), listed);
    assert_int_equal(cJSON_GetArraySize(list) + json_int(data, "more", -1), count);
    if (cJSON_GetArraySize(list) > 0)
        assert_string_equal(json_string(list->child, "severity"), "critical");
    news_done(&news);
}

static void an_event_is_never_too_long(void **state)
{
    (void)state;
    check_limits(1, 10, 1);
    check_limits(100, 10, 100);
    check_limits(101, 10, 100);
    check_limits(2000, 60, 100);
    check_limits(2000, 1000, -1);
    check_limits(50, 31000, 1);
    check_limits(2, 40000, 0);
}

static void texts_that_are_too_long_are_cut_at_a_character(void **state)
{
    struct outbox_entry entry = entry_of(CHECK, RUN_ERROR, NULL);
    struct buf message = BUF_INIT(8000);
    AUTO(auto_json) cJSON *doc = NULL;
    AUTO(auto_free) char *text = NULL;
    const char *cut;
    struct news news;

    (void)state;
    buf_char(&message, 'x');
    for (int i = 0; i < 1000; i++)
        buf_str(&message, "\xE2\x82\xAC\x01");
    entry.run.error_message = text = buf_take(&message);
    news_read(&entry, NULL, &news);
    assert_false(news.events[0].json.over);
    doc = cJSON_Parse(buf_text(&news.events[0].json));
    cut = json_string(json_get(json_get(doc, "data"), "error"), "message");
    assert_in_range(strlen(cut), 990, 1000);
    assert_null(strstr(cut, "\xEF\xBF\xBD"));
    news_done(&news);
}

static void what_a_reconcile_has_resolved_is_shown_as_it_is_now(void **state)
{
    struct outbox_entry entry = entry_of(RUN_RECONCILE, RUN_APPLIED, SETTLED);
    AUTO(auto_json) cJSON *done = NULL;
    AUTO(auto_json) cJSON *resolved = NULL;
    const cJSON *data;
    struct news news;

    (void)state;
    entry.run.summary = "{\"summary\":\"Plan: 1 to change\",\"driftAfter\":{\"summary\":"
                        "\"No changes\"}}";
    entry.told.drift = "drift";
    news_read(&entry, NULL, &news);
    assert_int_equal(news.count, 2);
    done = cJSON_Parse(buf_text(&news.events[0].json));
    resolved = cJSON_Parse(buf_text(&news.events[1].json));
    data = json_get(done, "data");
    assert_string_equal(json_string(data, "summary"), "Plan: 1 to change");
    assert_int_equal(json_int(data, "driftedCount", -1), 1);
    data = json_get(resolved, "data");
    assert_string_equal(json_string(resolved, "type"), "drift.resolved");
    assert_string_equal(json_string(data, "summary"), "No changes");
    assert_int_equal(json_int(data, "driftedCount", -1), 0);
    assert_int_equal(cJSON_GetArraySize(json_get(data, "resources")), 0);
    assert_true(cJSON_IsNull(json_get(data, "severity")));
    news_done(&news);
}

/* ---- reminders ---- */

static void a_reminder_is_the_last_drift_event_at_another_time(void **state)
{
    const struct outbox_reminder reminder = {
        .subject = "subject",
        .told = {.version = 5,
                 .drift = "d",
                 .since_ms = SINCE_MS,
                 .at_ms = SINCE_MS,
                 .event = "{\"type\":\"drift.changed\",\"timestamp\":\"x\",\"data\":{"
                          "\"more\":3}}"}};
    struct news news;

    (void)state;
    news_remind(&reminder, NOW_MS, &news);
    assert_int_equal(news.count, 1);
    assert_int_equal(news.events[0].type, EVENT_DRIFT_REMINDER);
    assert_string_equal(buf_text(&news.events[0].json),
                        "{\"type\":\"drift.reminder\",\"timestamp\":"
                        "\"2025-01-21T10:30:00.123Z\",\"data\":{\"more\":3}}");
    assert_true(news.remembers);
    assert_int_equal(news.told.at_ms, NOW_MS);
    assert_int_equal(news.told.since_ms, SINCE_MS);
    assert_string_equal(news.told.drift, "d");
    news_done(&news);
}

static void a_reminder_of_what_cannot_be_read_is_put_off(void **state)
{
    const struct outbox_reminder reminder = {.subject = "subject",
                                             .told = {.drift = "d", .event = "{"}};
    struct news news;

    (void)state;
    news_remind(&reminder, NOW_MS, &news);
    assert_int_equal(news.count, 0);
    assert_int_equal(news.told.at_ms, NOW_MS);
    news_done(&news);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_tells_what_changed_and_no_more),
        cmocka_unit_test(since_is_the_end_of_the_run_that_found_it),
        cmocka_unit_test(what_has_no_subject_or_is_gone_tells_nothing),
        cmocka_unit_test(the_fingerprint_is_of_addresses_and_actions),
        cmocka_unit_test(ignored_resources_do_not_count),
        cmocka_unit_test(a_check_says_which_rules_matched_once_each),
        cmocka_unit_test(drift_that_is_ignored_altogether_is_no_news_but_a_match),
        cmocka_unit_test(a_reconcile_counts_no_matches),
        cmocka_unit_test(what_a_reconcile_has_resolved_is_shown_as_it_is_now),
        cmocka_unit_test(drift_without_metadata_is_believed),
        cmocka_unit_test(an_event_says_what_where_and_since_when),
        cmocka_unit_test(a_failed_check_names_its_error_and_no_drift),
        cmocka_unit_test(resolved_drift_counts_nothing_and_what_it_was),
        cmocka_unit_test(an_orphan_is_told_as_interrupted),
        cmocka_unit_test(changed_drift_says_what_it_was_before),
        cmocka_unit_test(an_event_is_never_too_long),
        cmocka_unit_test(texts_that_are_too_long_are_cut_at_a_character),
        cmocka_unit_test(a_reminder_is_the_last_drift_event_at_another_time),
        cmocka_unit_test(a_reminder_of_what_cannot_be_read_is_put_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
