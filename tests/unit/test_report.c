/* The report: what of a plan is listed and counted, and what happens to too much of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/report/report.h"

#define PLANS "tests/support/plans/"

static const struct report_facts facts = {.total_resources = 9,
                                          .timing_plan_ms = 1200,
                                          .terraform_version = "1.11.4",
                                          .peak_rss_bytes = 4096,
                                          .sandbox = "landlock"};

static void auto_report(struct report **report)
{
    report_free(*report);
}

static struct report *report_of(const char *plan)
{
    AUTO(auto_json) cJSON *doc = cJSON_Parse(plan);
    struct err err = {0};
    struct report *report = report_from_plan(doc, &err);

    if (!report)
        fail_msg("%s", err.message);
    return report;
}

/* A plan of these resource_changes, and of this resource_drift. */
static struct report *report_with(const char *changes, const char *drift)
{
    AUTO(auto_free)
    char *plan = mem_fmt("{\"format_version\":\"1.2\",\"resource_changes\":[%s],"
                         "\"resource_drift\":[%s]}",
                         changes, drift);

    return report_of(plan);
}

static cJSON *metadata_of(const struct report *report)
{
    AUTO(buf_done) struct buf out = BUF_INIT(2 * REPORT_METADATA_BYTES);
    struct err err = {0};
    cJSON *metadata;

    report_print(report, &facts, &out);
    assert_false(out.over);
    assert_true(out.len <= REPORT_METADATA_BYTES);
    metadata = json_parse(out.data, out.len, JSON_DEPTH_MAX, false, &err);
    if (!metadata)
        fail_msg("%s: %.200s", err.message, buf_text(&out));
    return metadata;
}

static char *file_text(const char *path)
{
    struct buf text = BUF_INIT(1024 * 1024);
    struct err err = {0};

    if (path_read(path, &text, &err) < 0)
        fail_msg("%s", err.message);
    return buf_take(&text);
}

static const cJSON *resource_at(const cJSON *metadata, const char *address)
{
    const cJSON *list = json_get(metadata, "driftedResources");

    for (const cJSON *one = list->child; one; one = one->next)
        if (strcmp(json_string(one, "address"), address) == 0)
            return one;
    return NULL;
}

static const cJSON *change_at(const cJSON *resource, const char *attribute)
{
    const cJSON *list = json_get(resource, "changes");

    for (const cJSON *one = list ? list->child : NULL; one; one = one->next)
        if (strcmp(json_string(one, "attribute"), attribute) == 0)
            return one;
    return NULL;
}

static char *compact(const cJSON *node)
{
    struct buf out = BUF_INIT(1024 * 1024);

    json_print(node, &out);
    return buf_take(&out);
}

static void assert_json(const cJSON *node, const char *expected)
{
    AUTO(auto_free) char *found = compact(node);

    assert_string_equal(found, expected);
}

static char *summary_of(const struct report *report)
{
    struct buf line = BUF_INIT(256);

    report_summary_line(report, &line);
    return buf_take(&line);
}

/* ---- a plan of terraform 1.11 with one of each ---- */

static void counts_of_a_real_plan_are_terraforms(void **unused)
{
    AUTO(auto_free) char *plan = file_text(PLANS "mixed.json");
    AUTO(auto_report) struct report *report = report_of(plan);
    AUTO(auto_free) char *summary = summary_of(report);
    const struct report_counts *counts = report_counts(report);

    (void)unused;
    assert_string_equal(summary,
                        "Plan: 1 to import, 2 to add, 2 to change, 2 to destroy. "
                        "Changes to Outputs.");
    assert_int_equal(counts->drifted, 7);
    assert_true(counts->output_changes);
    assert_false(counts->changes_outside);
    assert_int_equal(counts->check_failures, 1);
}

static void a_real_plan_lists_each_action_and_leaves_moves_out(void **unused)
{
    static const struct {
        const char *address, *action, *severity;
    } rows[] = {
        {"terraform_data.forgotten", "forget", "warning"},
        {"terraform_data.fresh", "create", "warning"},
        {"terraform_data.gone", "delete", "critical"},
        {"terraform_data.imported", "import", "warning"},
        {"terraform_data.replace", "replace", "critical"},
        {"terraform_data.secret", "update", "critical"},
        {"terraform_data.update", "update", "warning"},
    };
    AUTO(auto_free) char *plan = file_text(PLANS "mixed.json");
    AUTO(auto_report) struct report *report = report_of(plan);
    AUTO(auto_json) cJSON *metadata = metadata_of(report);

    (void)unused;
    assert_int_equal(cJSON_GetArraySize(json_get(metadata, "driftedResources")),
                     ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const cJSON *resource = resource_at(metadata, rows[i].address);
        assert_non_null(resource);
        assert_string_equal(json_string(resource, "action"), rows[i].action);
        assert_string_equal(json_string(resource, "severity"), rows[i].severity);
        assert_string_equal(json_string(resource, "origin"), "code");
    }
}

static void a_real_plan_gives_attributes(void **unused)
{
    AUTO(auto_free) char *plan = file_text(PLANS "mixed.json");
    AUTO(auto_report) struct report *report = report_of(plan);
    AUTO(auto_json) cJSON *metadata = metadata_of(report);
    const cJSON *update = resource_at(metadata, "terraform_data.update");
    const cJSON *fresh = resource_at(metadata, "terraform_data.fresh");

    (void)unused;
    assert_json(change_at(update, "input[\"dotted.key\"]"),
                "{\"attribute\":\"input[\\\"dotted.key\\\"]\",\"before\":\"a\",\"after\":"
                "\"b\",\"action\":\"update\",\"origin\":\"code\",\"sensitive\":false}");
    assert_json(json_get(change_at(update, "input.nested[0].name"), "after"), "\"y\"");
    assert_json(json_get(change_at(update, "input.list[1]"), "before"), "\"b\"");
    assert_json(json_get(change_at(update, "output.port"), "after"),
                "\"(known after apply)\"");
    assert_null(change_at(update, "id"));
    assert_json(json_get(change_at(fresh, "id"), "before"), "null");
    assert_json(json_get(change_at(fresh, "input.s"), "after"), "\"(sensitive)\"");
    assert_json(json_get(resource_at(metadata, "terraform_data.forgotten"), "changes"),
                "[]");
}

static void a_real_plan_keeps_its_secrets(void **unused)
{
    AUTO(auto_free) char *plan = file_text(PLANS "mixed.json");
    AUTO(auto_report) struct report *report = report_of(plan);
    AUTO(auto_json) cJSON *metadata = metadata_of(report);
    AUTO(auto_free) char *text = compact(metadata);
    const cJSON *secret = resource_at(metadata, "terraform_data.secret");

    (void)unused;
    assert_json(change_at(secret, "input.password"),
                "{\"attribute\":\"input.password\",\"before\":\"(sensitive)\",\"after\":"
                "\"(sensitive)\",\"action\":\"update\",\"origin\":\"code\",\"sensitive\":"
                "true}");
    assert_non_null(change_at(secret, "input.inner"));
    assert_null(strstr(text, "s3cret-two"));
}

/* ---- what is listed ---- */

#define RESOURCE(address, actions, rest)                                                 \
    "{\"address\":\"" address "\",\"mode\":\"managed\",\"type\":\"t\",\"name\":\"n\","   \
    "\"provider_name\":\"p\",\"change\":{\"actions\":[" actions "]" rest "}}"

static void reads_noops_and_moves_are_not_drift(void **unused)
{
    AUTO(auto_report)
    struct report *report = report_with(
        "{\"address\":\"data.t.n\",\"mode\":\"data\",\"change\":{\"actions\":[\"read\"]}}"
        ","
        "{\"address\":\"data.t.m\",\"mode\":\"data\",\"change\":{\"actions\":[\"delete\"]"
        "}},"
        "{\"address\":\"t.b\",\"previous_address\":\"t.a\",\"mode\":\"managed\","
        "\"change\":{\"actions\":[\"no-op\"]}}," RESOURCE("t.c", "\"no-op\"", ""),
        "");
    AUTO(auto_free) char *summary = summary_of(report);

    (void)unused;
    assert_int_equal(report_counts(report)->drifted, 0);
    assert_int_equal(report_counts(report)->to_destroy, 0);
    assert_string_equal(summary,
                        "No changes. Your infrastructure matches the configuration.");
}

static void actions_in_any_order_are_counted_as_terraform_does(void **unused)
{
    AUTO(auto_report)
    struct report *report = report_with(
        RESOURCE("t.a", "\"create\",\"delete\"", "") "," RESOURCE(
            "t.b", "\"create\",\"forget\"", "") "," RESOURCE("t.c", "\"update\"",
                                                             ",\"importing\":"
                                                             "{\"id\":\"i\"}"),
        "");
    AUTO(auto_json) cJSON *metadata = metadata_of(report);
    const struct report_counts *counts = report_counts(report);

    (void)unused;
    assert_string_equal(json_string(resource_at(metadata, "t.a"), "action"), "replace");
    assert_string_equal(json_string(resource_at(metadata, "t.b"), "action"), "replace");
    assert_string_equal(json_string(resource_at(metadata, "t.c"), "action"), "update");
    assert_int_equal(counts->to_add, 2);
    assert_int_equal(counts->to_destroy, 1);
    assert_int_equal(counts->to_change, 1);
    assert_int_equal(counts->to_import, 1);
}

static void a_deposed_object_is_listed_beside_the_current_one(void **unused)
{
    AUTO(auto_report)
    struct report *report = report_with(
        RESOURCE("t.a", "\"update\"",
                 ",\"before\":{\"x\":1},\"after\":{\"x\":2}") ",{\"address\":\"t.a\","
                                                              "\"deposed\":\"00ff\","
                                                              "\"mode\":\"managed\","
                                                              "\"change\":{\"actions\":["
                                                              "\"delete\"]}}",
        RESOURCE("t.a", "\"update\"", ",\"before\":{\"x\":2},\"after\":{\"x\":1}"));
    AUTO(auto_json) cJSON *metadata = metadata_of(report);
    const cJSON *list = json_get(metadata, "driftedResources");

    (void)unused;
    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_null(json_string(list->child, "deposed"));
    assert_string_equal(json_string(list->child, "origin"), "outside");
    assert_string_equal(json_string(list->child->next, "deposed"), "00ff");
    assert_string_equal(json_string(list->child->next, "origin"), "code");
}

/* ---- origin ---- */

static const char *origin_with(const char *change, const char *drift, char origin[16])
{
    AUTO(auto_report) struct report *report = report_with(change, drift);
    AUTO(auto_json) cJSON *metadata = metadata_of(report);
    const cJSON *resource = resource_at(metadata, "t.a");

    snprintf(origin, 16, "%s", json_string(resource, "origin"));
    assert_int_equal(report_counts(report)->changes_outside, strcmp(origin, "code") != 0);
    return origin;
}

static void origin_of_a_resource_is_that_of_its_changes(void **unused)
{
    static const char drift[] = RESOURCE(
        "t.a", "\"update\"", ",\"before\":{\"x\":1,\"y\":1},\"after\":{\"x\":2,\"y\":1}");
    static const char other[] =
        RESOURCE("t.ab", "\"update\"", ",\"before\":{\"x\":1},\"after\":{\"x\":2}");
    static const struct {
        const char *change, *drift, *origin;
    } rows[] = {
        {RESOURCE("t.a", "\"update\"",
                  ",\"before\":{\"x\":2,\"y\":1},\"after\":{\"x\":1,\"y\":1}"),
         drift, "outside"},
        {RESOURCE("t.a", "\"update\"",
                  ",\"before\":{\"x\":2,\"y\":1},\"after\":{\"x\":2,\"y\":5}"),
         drift, "code"},
        {RESOURCE("t.a", "\"update\"",
                  ",\"before\":{\"x\":2,\"y\":1},\"after\":{\"x\":1,\"y\":5}"),
         drift, "both"},
        {RESOURCE("t.a", "\"update\"", ",\"before\":{\"x\":2},\"after\":{\"x\":1}"),
         other, "code"},
        {RESOURCE("t.a", "\"update\"",
                  ",\"before\":{\"x\":2,\"id\":\"i\"},\"after\":{\"x\":1},"
                  "\"after_unknown\":{\"id\":true}"),
         RESOURCE("t.a", "\"update\"",
                  ",\"before\":{\"x\":1,\"id\":\"i\"},\"after\":{\"x\":2,\"id\":\"i\"}"),
         "outside"},
        {RESOURCE("t.a", "\"create\"",
                  ",\"before\":null,\"after\":{\"x\":1,\"z\":3},"
                  "\"after_unknown\":{\"id\":true}"),
         RESOURCE("t.a", "\"delete\"", ",\"before\":{\"x\":1},\"after\":null"),
         "outside"},
    };
    char origin[16];

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(origin_with(rows[i].change, rows[i].drift, origin),
                            rows[i].origin);
}

/* ---- metadata ---- */

static void metadata_has_the_fields_of_the_contract(void **unused)
{
    AUTO(auto_report) struct report *report = report_empty();
    AUTO(auto_json) cJSON *metadata = metadata_of(report);

    (void)unused;
    assert_json(
        metadata,
        "{\"summary\":\"No changes. Your infrastructure matches the "
        "configuration.\",\"toAdd\":0,\"toChange\":0,\"toDestroy\":0,\"toImport\":"
        "0,\"totalResources\":9,\"driftedCount\":0,\"changesOutside\":false,"
        "\"outputChanges\":false,\"checkFailures\":0,\"driftedResources\":[],"
        "\"timings\":{\"queued\":0,\"checkout\":0,\"init\":0,\"plan\":1200,"
        "\"show\":0},\"terraformVersion\":\"1.11.4\",\"peakRssBytes\":4096,"
        "\"sandbox\":\"landlock\"}");
}

static void a_resource_has_the_fields_of_the_contract(void **unused)
{
    AUTO(auto_report)
    struct report *report = report_with(
        RESOURCE("t.a", "\"update\"",
                 ",\"before\":{\"tags\":{}},\"after\":{\"tags\":{\"a\":\"b\"}}"),
        "");
    AUTO(auto_json) cJSON *metadata = metadata_of(report);

    (void)unused;
    assert_json(
        resource_at(metadata, "t.a"),
        "{\"address\":\"t.a\",\"type\":\"t\",\"name\":\"n\",\"provider\":\"p\","
        "\"action\":\"update\",\"severity\":\"info\",\"origin\":\"code\","
        "\"ignored\":false,\"changes\":[{\"attribute\":\"tags.a\",\"before\":null,"
        "\"after\":\"b\",\"action\":\"create\",\"origin\":\"code\",\"sensitive\":"
        "false}]}");
}

/* ---- too much ---- */

/* A plan of `resources` updates, each of one value of `bytes` bytes. */
static char *big_plan(size_t resources, size_t bytes)
{
    AUTO(auto_free) char *value = mem_new(bytes + 1, 1);
    struct buf plan = BUF_INIT(SIZE_MAX);

    memset(value, 'v', bytes);
    buf_str(&plan, "{\"format_version\":\"1.2\",\"resource_changes\":[");
    for (size_t i = 0; i < resources; i++)
        buf_fmt(
            &plan,
            "%s{\"address\":\"t.n[%zu]\",\"mode\":\"managed\",\"type\":\"t\",\"name\":"
            "\"n\",\"change\":{\"actions\":[\"update\"],\"before\":{\"a\":\"%s\"},"
            "\"after\":{\"a\":\"%s2\"}}}",
            i ? "," : "", i, value, value);
    buf_str(&plan, "],\"resource_drift\":[");
    for (size_t i = 0; i < resources; i++)
        buf_fmt(
            &plan,
            "%s{\"address\":\"t.n[%zu]\",\"mode\":\"managed\",\"change\":{\"actions\":"
            "[\"update\"],\"before\":{\"a\":\"%s2\"},\"after\":{\"a\":\"%s\"}}}",
            i ? "," : "", i, value, value);
    buf_str(&plan, "]}");
    return buf_take(&plan);
}

static void a_value_of_more_than_64_kib_is_marked(void **unused)
{
    AUTO(auto_free) char *plan = big_plan(1, REPORT_VALUE_BYTES);
    AUTO(auto_report) struct report *report = report_of(plan);
    AUTO(auto_json) cJSON *metadata = metadata_of(report);
    const cJSON *resource = resource_at(metadata, "t.n[0]");
    const cJSON *change = change_at(resource, "a");

    (void)unused;
    assert_true(json_bool(metadata, "truncated", false));
    assert_true(json_bool(resource, "truncated", false));
    assert_memory_equal(json_string(change, "before"), "(left out: 65538 bytes", 22);
    assert_string_not_equal(json_string(change, "before"), json_string(change, "after"));
}

static void values_go_before_resources(void **unused)
{
    AUTO(auto_free) char *plan = big_plan(1500, 2000);
    AUTO(auto_report) struct report *report = report_of(plan);
    AUTO(auto_json) cJSON *metadata = metadata_of(report);
    const cJSON *list = json_get(metadata, "driftedResources");

    (void)unused;
    assert_int_equal(cJSON_GetArraySize(list), 1500);
    assert_true(json_bool(metadata, "truncated", false));
    assert_true(json_bool(resource_at(metadata, "t.n[1499]"), "truncated", false));
}

static void more_than_2000_resources_are_counted_and_not_listed(void **unused)
{
    AUTO(auto_free) char *plan = big_plan(REPORT_RESOURCES_MAX + 1, 1);
    AUTO(auto_report) struct report *report = report_of(plan);
    AUTO(auto_json) cJSON *metadata = metadata_of(report);

    (void)unused;
    assert_int_equal(json_int(metadata, "driftedCount", 0), REPORT_RESOURCES_MAX + 1);
    assert_int_equal(cJSON_GetArraySize(json_get(metadata, "driftedResources")),
                     REPORT_RESOURCES_MAX);
    assert_true(json_bool(metadata, "truncated", false));
}

static void a_full_list_that_fits_is_not_marked(void **unused)
{
    AUTO(auto_free) char *plan = big_plan(REPORT_RESOURCES_MAX, 1);
    AUTO(auto_report) struct report *report = report_of(plan);
    AUTO(auto_json) cJSON *metadata = metadata_of(report);

    (void)unused;
    assert_null(json_get(metadata, "truncated"));
}

static void addresses_too_long_to_fit_cut_the_list(void **unused)
{
    AUTO(buf_done) struct buf plan = BUF_INIT(SIZE_MAX);
    AUTO(auto_free) char *name = mem_new(3001, 1);

    (void)unused;
    memset(name, 'n', 3000);
    buf_str(&plan, "{\"format_version\":\"1.0\",\"resource_changes\":[");
    for (int i = 0; i < 1000; i++)
        buf_fmt(&plan, "%s{\"address\":\"t.%s%d\",\"change\":{\"actions\":[\"delete\"]}}",
                i ? "," : "", name, i);
    buf_str(&plan, "]}");
    AUTO(auto_report) struct report *report = report_of(buf_text(&plan));
    AUTO(auto_json) cJSON *metadata = metadata_of(report);
    int listed = cJSON_GetArraySize(json_get(metadata, "driftedResources"));
    assert_in_range(listed, 250, 999);
    assert_int_equal(json_int(metadata, "driftedCount", 0), 1000);
    assert_true(json_bool(metadata, "truncated", false));
}

/* A set of 60 000 elements of which the first was removed, so that all others moved, in a
 * plan of 5 000 resources: with anything quadratic this takes minutes. */
static void large_plans_take_linear_time(void **unused)
{
    AUTO(buf_done) struct buf set = BUF_INIT(SIZE_MAX);
    AUTO(auto_free) char *many = big_plan(5000, 4000);
    int64_t start_ms;

    (void)unused;
    for (int i = 0; i < 60000; i++)
        buf_fmt(&set, ",{\"k%d\":\"%d\"}", i, i);
    AUTO(auto_free)
    char *change = mem_fmt(
        RESOURCE("t.a", "\"update\"", ",\"before\":{\"s\":[0%s]},\"after\":{\"s\":[%s]}"),
        set.data, set.data + 1);
    AUTO(auto_free)
    char *drift = mem_fmt(
        RESOURCE("t.a", "\"update\"", ",\"before\":{\"s\":[%s]},\"after\":{\"s\":[0%s]}"),
        set.data + 1, set.data);
    start_ms = clock_mono_ms();
    AUTO(auto_report) struct report *first = report_of(many);
    AUTO(auto_report) struct report *second = report_with(change, drift);
    AUTO(auto_json) cJSON *metadata = metadata_of(second);
    assert_int_equal(report_counts(first)->drifted, 5000);
    assert_json(json_get(resource_at(metadata, "t.a"), "changes"),
                "[{\"attribute\":\"s[0]\",\"before\":0,\"after\":null,\"action\":"
                "\"delete\",\"origin\":\"outside\",\"sensitive\":false}]");
    assert_in_range(clock_mono_ms() - start_ms, 0, 20000);
}

/* ---- which drift it is ---- */

#define UPDATE_A(value)                                                                  \
    RESOURCE("t.a", "\"update\"", ",\"before\":{\"v\":1},\"after\":{\"v\":" value "}")
#define DELETE(address)                                                                  \
    RESOURCE(address, "\"delete\"", ",\"before\":{\"v\":1},\"after\":null")

static void the_same_drift_has_one_fingerprint_and_another_has_not(void **unused)
{
    static const struct {
        const char *changes;
        bool same;
    } rows[] = {
        {UPDATE_A("2") "," DELETE("t.b"), true},
        {DELETE("t.b") "," UPDATE_A("2"), true},
        {DELETE("t.b") "," UPDATE_A("2.0"), true},
        {UPDATE_A("3") "," DELETE("t.b"), false},
        {UPDATE_A("\"2\"") "," DELETE("t.b"), false},
        {UPDATE_A("2") "," DELETE("t.c"), false},
        {UPDATE_A("2"), false},
        {DELETE("t.b"), false},
    };
    AUTO(auto_report) struct report *first = report_with(rows[0].changes, "");

    (void)unused;
    assert_int_equal(strlen(report_fingerprint(first)), 32);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_report) struct report *report = report_with(rows[i].changes, "");
        AUTO(auto_json) cJSON *metadata = metadata_of(report);

        assert_int_equal(strcmp(report_fingerprint(first), report_fingerprint(report)) ==
                             0,
                         rows[i].same);
        assert_string_equal(json_string(metadata, "driftFingerprint"),
                            report_fingerprint(report));
    }
}

static void what_did_not_drift_has_none(void **unused)
{
    AUTO(auto_report)
    struct report *report = report_with(RESOURCE("t.a", "\"no-op\"", ""), "");
    AUTO(auto_json) cJSON *metadata = metadata_of(report);

    (void)unused;
    assert_string_equal(report_fingerprint(report), "");
    assert_null(json_get(metadata, "driftFingerprint"));
}

/* The last of more resources than are listed. */
static void what_the_list_leaves_out_counts_too(void **unused)
{
    AUTO(auto_free) char *some = big_plan(REPORT_RESOURCES_MAX + 1, 10);
    AUTO(auto_free) char *more = big_plan(REPORT_RESOURCES_MAX + 2, 10);
    AUTO(auto_report) struct report *first = report_of(some);
    AUTO(auto_report) struct report *second = report_of(more);

    (void)unused;
    assert_string_not_equal(report_fingerprint(first), report_fingerprint(second));
}

/* ---- without the JSON ---- */

static void counts_come_from_the_text_where_the_json_is_too_large(void **unused)
{
    AUTO(auto_free) char *text = file_text(PLANS "mixed.txt");
    AUTO(auto_report) struct report *report = report_from_text(text);
    const struct report_counts *counts = report_counts(report);

    (void)unused;
    assert_int_equal(counts->to_import, 1);
    assert_int_equal(counts->to_add, 2);
    assert_int_equal(counts->to_change, 2);
    assert_int_equal(counts->to_destroy, 2);
    assert_int_equal(counts->drifted, 7);
    assert_int_equal(counts->check_failures, 1);
    assert_true(counts->output_changes);
}

static void text_without_a_plan_gives_nothing(void **unused)
{
    static const char *const texts[] = {"",
                                        "Plan: ",
                                        "Plan: x to add",
                                        "  Plan: 3 to add, 1 to change, 0 to destroy.\n",
                                        "Plan: 99999999999999999999 sheep.",
                                        "        # x will be created"};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(auto_report) struct report *report = report_from_text(texts[i]);
        assert_int_equal(report_counts(report)->to_add, 0);
        assert_int_equal(report_counts(report)->drifted, 0);
    }
}

static void foreign_json_is_refused(void **unused)
{
    static const char *const plans[] = {
        "{}",
        "[]",
        "null",
        "{\"format_version\":\"2.0\"}",
        "{\"format_version\":\"1.2\",\"resource_changes\":{}}",
        "{\"format_version\":\"1.2\",\"resource_drift\":1}"};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
        AUTO(auto_json) cJSON *doc = cJSON_Parse(plans[i]);
        struct err err = {0};
        assert_null(report_from_plan(doc, &err));
        assert_int_equal(err.kind, ERR_PERM);
    }
}

static void total_resources_are_managed_current_instances(void **unused)
{
    static const struct {
        const char *state;
        int64_t total;
    } rows[] = {
        {"{\"version\":4,\"resources\":[]}", 0},
        {"{\"version\":4,\"resources\":[{\"mode\":\"managed\",\"instances\":[{},{}]},"
         "{\"mode\":\"data\",\"instances\":[{}]},"
         "{\"mode\":\"managed\",\"instances\":[{\"deposed\":\"0a\"},{}]}]}",
         3},
        {"{\"version\":3,\"resources\":[]}", -1},
        {"{\"version\":4}", -1},
        {"{\"version\":4,\"resources\":[", -1},
        {"", -1},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(report_state_resources(rows[i].state, strlen(rows[i].state)),
                         rows[i].total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_a_real_plan_are_terraforms),
        cmocka_unit_test(a_real_plan_lists_each_action_and_leaves_moves_out),
        cmocka_unit_test(a_real_plan_gives_attributes),
        cmocka_unit_test(a_real_plan_keeps_its_secrets),
        cmocka_unit_test(reads_noops_and_moves_are_not_drift),
        cmocka_unit_test(actions_in_any_order_are_counted_as_terraform_does),
        cmocka_unit_test(a_deposed_object_is_listed_beside_the_current_one),
        cmocka_unit_test(origin_of_a_resource_is_that_of_its_changes),
        cmocka_unit_test(metadata_has_the_fields_of_the_contract),
        cmocka_unit_test(a_resource_has_the_fields_of_the_contract),
        cmocka_unit_test(a_value_of_more_than_64_kib_is_marked),
        cmocka_unit_test(values_go_before_resources),
        cmocka_unit_test(more_than_2000_resources_are_counted_and_not_listed),
        cmocka_unit_test(a_full_list_that_fits_is_not_marked),
        cmocka_unit_test(addresses_too_long_to_fit_cut_the_list),
        cmocka_unit_test(large_plans_take_linear_time),
        cmocka_unit_test(the_same_drift_has_one_fingerprint_and_another_has_not),
        cmocka_unit_test(what_did_not_drift_has_none),
        cmocka_unit_test(what_the_list_leaves_out_counts_too),
        cmocka_unit_test(counts_come_from_the_text_where_the_json_is_too_large),
        cmocka_unit_test(text_without_a_plan_gives_nothing),
        cmocka_unit_test(foreign_json_is_refused),
        cmocka_unit_test(total_resources_are_managed_current_instances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
