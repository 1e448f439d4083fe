/* Ignore rules: what they hide, and what they never hide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/ignore.h"
#include "common/mem.h"
#include "common/sign.h"

#define NOW_MS 1737455400000 /* 2025-01-21T10:30:00Z */
#define RUN    "0194890e-2f00-7000-8000-000000000001"
#define OTHER  "0194890e-2f00-7000-8000-000000000002"

static cJSON *json_of(const char *text)
{
    struct err err = {0};
    cJSON *doc = json_parse(text, strlen(text), JSON_DEPTH_MAX, false, &err);

    if (doc == NULL)
        fail_msg("%s: %s", text, err.message);
    return doc;
}

static void add_rule(struct ignore_rules *rules, const char *text)
{
    AUTO(auto_json) cJSON *rule = json_of(text);

    ignore_rules_add(rules, rule);
}

static cJSON *metadata_of(const char *resources)
{
    AUTO(auto_free)
    char *text = mem_fmt("{\"summary\":\"s\",\"driftedResources\":[%s]}", resources);

    return json_of(text);
}

/* The marks of the resources in order: 'i' ignored, 'c' counts, '-' no mark. */
static const char *marks(const cJSON *metadata, char text[16])
{
    const cJSON *item = json_get(metadata, "driftedResources")->child;
    size_t i = 0;

    for (; item != NULL && i < 15; item = item->next) {
        const cJSON *mark = json_get(item, "ignored");

        text[i++] = (char)(!cJSON_IsBool(mark) ? '-' : cJSON_IsTrue(mark) ? 'i' : 'c');
    }
    text[i] = '\0';
    return text;
}

#define CHANGE(attribute, after)                                                         \
    "{\"attribute\":\"" attribute "\",\"before\":1,\"after\":" after "}"
#define RESOURCE(address, action, changes)                                               \
    "{\"address\":\"" address "\",\"action\":\"" action "\",\"changes\":[" changes "]}"
#define TAGGED RESOURCE("aws_instance.web", "update", CHANGE("tags.Name", "2"))
#define TWO_CHANGES                                                                      \
    RESOURCE("aws_instance.web", "update",                                               \
             CHANGE("tags.Name", "2") "," CHANGE("size", "3"))
#define BARE(action) RESOURCE("aws_instance.web", action, "")

static void one_rule_hides_what_its_row_says(void **state)
{
    static const struct {
        const char *rule, *resource;
        bool ignored;
    } rows[] = {
        {"{\"address\":\"aws_instance.web\"}", TAGGED, true},
        {"{\"address\":\"aws_instance.*\"}", TAGGED, true},
        {"{\"address\":\"*\"}", TAGGED, true},
        {"{\"address\":\"aws_instance.we?\"}", TAGGED, true},
        {"{\"address\":\"aws_instance.db\"}", TAGGED, false},
        {"{\"address\":\"aws_instance\"}", TAGGED, false},
        {"{\"address\":\"AWS_INSTANCE.WEB\"}", TAGGED, false},
        /* the brackets of an address are no pattern */
        {"{\"address\":\"a.b[0]\"}", RESOURCE("a.b[0]", "update", ""), true},
        {"{\"address\":\"a.b[01]\"}", RESOURCE("a.b0", "update", ""), false},
        {"{\"address\":\"a.b[*]\"}", RESOURCE("a.b[7]", "update", ""), true},
        {"{\"address\":\"a.b[\\\"k\\\"]\"}", RESOURCE("a.b[\\\"k\\\"]", "update", ""),
         true},
        {"{\"address\":\"a.b[\"}", RESOURCE("a.b", "update", ""), false},
        /* exact: a star of the address itself stands for nothing else */
        {"{\"address\":\"r[\\\"*.x\\\"]\",\"exact\":true}",
         RESOURCE("r[\\\"*.x\\\"]", "update", ""), true},
        {"{\"address\":\"r[\\\"*.x\\\"]\",\"exact\":true}",
         RESOURCE("r[\\\"a.x\\\"]", "update", ""), false},
        /* attributes: all changes must be covered */
        {"{\"address\":\"*\",\"attribute\":\"tags.*\"}", TAGGED, true},
        {"{\"address\":\"*\",\"attribute\":\"tags\"}", TAGGED, false},
        {"{\"address\":\"*\",\"attribute\":\"tags.*\"}", TWO_CHANGES, false},
        {"{\"address\":\"*\",\"attribute\":\"*\"}", TWO_CHANGES, true},
        {"{\"address\":\"*\",\"attribute\":\"*\"}", BARE("update"), false},
        {"{\"address\":\"*\",\"attribute\":null}", BARE("update"), true},
        {"{\"address\":\"x\",\"attribute\":\"*\"}", TAGGED, false},
        {"{\"address\":\"*\",\"attribute\":\"*\"}",
         RESOURCE("aws_instance.web", "update", "{\"before\":1}"), false},
        /* what is done */
        {"{\"address\":\"*\"}", BARE("create"), true},
        {"{\"address\":\"*\"}", BARE("forget"), true},
        {"{\"address\":\"*\"}", BARE("import"), true},
        {"{\"address\":\"*\"}", BARE("delete"), false},
        {"{\"address\":\"*\"}", BARE("replace"), false},
        {"{\"address\":\"*\",\"runId\":\"" RUN "\"}", BARE("delete"), false},
        {"{\"address\":\"*\",\"attribute\":\"*\"}",
         RESOURCE("aws_instance.web", "replace", CHANGE("a", "2")), false},
        {"{\"address\":\"*\"}", "{\"address\":\"aws_instance.web\"}", false},
        {"{\"address\":\"*\"}", "{\"action\":\"update\"}", false},
        /* expiry */
        {"{\"address\":\"*\",\"expiresAt\":\"2025-01-21T10:30:00.001Z\"}", TAGGED, true},
        {"{\"address\":\"*\",\"expiresAt\":\"2025-01-21T10:30:00Z\"}", TAGGED, false},
        {"{\"address\":\"*\",\"expiresAt\":\"2025-01-21T11:30:00+02:00\"}", TAGGED,
         false},
        {"{\"address\":\"*\",\"expiresAt\":null}", TAGGED, true},
        /* of one run */
        {"{\"address\":\"aws_instance.web\",\"runId\":\"" RUN "\"}", TAGGED, true},
        {"{\"address\":\"aws_instance.web\",\"runId\":\"" OTHER "\"}", TAGGED, false},
        {"{\"address\":\"aws_instance.*\",\"runId\":\"" RUN "\"}", TAGGED, false},
        {"{\"address\":\"aws_instance.web\",\"runId\":\"" OTHER "\",\"drift\":\"00\"}",
         TAGGED, false},
        /* broken */
        {"{}", TAGGED, false},
        {"\"*\"", TAGGED, false},
        {"{\"address\":\"\"}", TAGGED, false},
        {"{\"address\":7}", TAGGED, false},
        {"{\"address\":null}", TAGGED, false},
        {"{\"address\":\"*\",\"attribute\":\"\"}", TAGGED, false},
        {"{\"address\":\"*\",\"attribute\":[\"a\"]}", TAGGED, false},
        {"{\"address\":\"*\",\"expiresAt\":\"tomorrow\"}", TAGGED, false},
        {"{\"address\":\"*\",\"expiresAt\":1}", TAGGED, false},
        {"{\"address\":\"*\",\"runId\":true}", TAGGED, false},
    };
    char text[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(ignore_rules_done) struct ignore_rules rules = {0};
        AUTO(auto_json) cJSON *metadata = metadata_of(rows[i].resource);
        int64_t left;

        add_rule(&rules, rows[i].rule);
        left = ignore_apply(&rules, RUN, NOW_MS, metadata);
        if (strcmp(marks(metadata, text), rows[i].ignored ? "i" : "c") != 0 ||
            left != !rows[i].ignored || json_int(metadata, "driftedCount", -1) != left)
            fail_msg("row %zu: %s", i, rows[i].rule);
    }
}

static void two_rules_may_cover_the_changes_together(void **state)
{
    AUTO(ignore_rules_done) struct ignore_rules rules = {0};
    AUTO(auto_json) cJSON *metadata = metadata_of(TWO_CHANGES);

    (void)state;
    add_rule(&rules, "{\"address\":\"*.web\",\"attribute\":\"tags.*\"}");
    assert_int_equal(ignore_apply(&rules, RUN, NOW_MS, metadata), 1);
    add_rule(&rules, "{\"address\":\"*.db\",\"attribute\":\"size\"}");
    assert_int_equal(ignore_apply(&rules, RUN, NOW_MS, metadata), 1);
    add_rule(&rules, "{\"address\":\"aws_*\",\"attribute\":\"size\"}");
    assert_int_equal(ignore_apply(&rules, RUN, NOW_MS, metadata), 0);
}

static void each_resource_is_judged_for_itself(void **state)
{
    AUTO(ignore_rules_done) struct ignore_rules rules = {0};
    AUTO(auto_json)
    cJSON *metadata = metadata_of(
        RESOURCE("a.x", "update", "") "," RESOURCE("a.y", "delete", "") "," RESOURCE(
            "b.x", "create", "") "," RESOURCE("a.z", "update", ""));
    char text[16];

    (void)state;
    add_rule(&rules, "{\"address\":\"a.*\"}");
    assert_int_equal(ignore_apply(&rules, RUN, NOW_MS, metadata), 2);
    assert_string_equal(marks(metadata, text), "icci");
    assert_int_equal(json_int(metadata, "driftedCount", -1), 2);
    assert_string_equal(json_string(metadata, "summary"), "s");
}

static void without_rules_everything_counts_and_is_marked(void **state)
{
    struct ignore_rules none = {0};
    AUTO(auto_json) cJSON *metadata = metadata_of(TAGGED "," BARE("delete"));
    AUTO(auto_json) cJSON *empty = json_of("{}");
    char text[16];

    (void)state;
    assert_int_equal(ignore_apply(&none, RUN, NOW_MS, metadata), 2);
    assert_string_equal(marks(metadata, text), "cc");
    assert_int_equal(ignore_apply(&none, RUN, NOW_MS, empty), 0);
    assert_int_equal(json_int(empty, "driftedCount", -1), 0);
}

static void an_old_mark_is_judged_anew(void **state)
{
    AUTO(ignore_rules_done) struct ignore_rules rules = {0};
    struct ignore_rules none = {0};
    AUTO(auto_json) cJSON *metadata = metadata_of(TAGGED);
    char text[16];

    (void)state;
    add_rule(&rules, "{\"address\":\"*\"}");
    assert_int_equal(ignore_apply(&rules, RUN, NOW_MS, metadata), 0);
    assert_int_equal(ignore_apply(&none, RUN, NOW_MS, metadata), 1);
    assert_string_equal(marks(metadata, text), "c");
}

static void resources_that_were_cut_from_the_list_still_count(void **state)
{
    AUTO(ignore_rules_done) struct ignore_rules rules = {0};
    AUTO(auto_json)
    cJSON *metadata = json_of("{\"driftedCount\":3000,\"driftedResources\":[" TAGGED
                              "," RESOURCE("b.x", "update", "") "]}");

    (void)state;
    add_rule(&rules, "{\"address\":\"aws_*\"}");
    assert_int_equal(ignore_apply(&rules, RUN, NOW_MS, metadata), 2999);
    assert_int_equal(ignore_apply(&rules, RUN, NOW_MS, metadata), 2999);
    assert_int_equal(json_int(metadata, "driftedCount", -1), 2999);
}

static void drift_id_of(const char *resource, char id[SIGN_ID_BYTES])
{
    AUTO(auto_json) cJSON *node = json_of(resource);

    ignore_drift_id(node, id);
}

static void equal_drift_has_one_fingerprint(void **state)
{
    char id[SIGN_ID_BYTES], same[SIGN_ID_BYTES];

    (void)state;
    drift_id_of(
        "{\"address\":\"a\",\"action\":\"update\",\"severity\":\"info\",\"changes\":"
        "[{\"attribute\":\"x\",\"before\":{\"p\":1,\"q\":2},\"after\":null},"
        "{\"attribute\":\"y\",\"before\":1,\"after\":2}]}",
        id);
    drift_id_of(
        "{\"changes\":[{\"after\":2,\"before\":1,\"attribute\":\"y\",\"origin\":1},"
        "{\"attribute\":\"x\",\"before\":{\"q\":2,\"p\":1}}],"
        "\"action\":\"update\",\"ignored\":true,\"address\":\"b\"}",
        same);
    assert_string_equal(id, same);
    assert_int_equal(strlen(id), SIGN_ID_BYTES - 1);
}

static void different_drift_has_another_fingerprint(void **state)
{
    static const char *const resources[] = {
        "{}",
        RESOURCE("a", "update", ""),
        RESOURCE("a", "create", ""),
        RESOURCE("a", "update", CHANGE("x", "2")),
        RESOURCE("a", "update", CHANGE("x", "3")),
        RESOURCE("a", "update", CHANGE("x", "\"2\"")),
        RESOURCE("a", "update", CHANGE("x", "[2]")),
        RESOURCE("a", "update", CHANGE("y", "2")),
        RESOURCE("a", "update", CHANGE("x", "2") "," CHANGE("x", "2")),
        RESOURCE("a", "update", "{\"attribute\":\"x\",\"before\":2,\"after\":1}"),
    };
    char ids[ARRAY_LEN(resources)][SIGN_ID_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        drift_id_of(resources[i], ids[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

static void one_ignored_in_a_run_stays_so_while_its_drift_is_unchanged(void **state)
{
    AUTO(ignore_rules_done) struct ignore_rules rules = {0};
    AUTO(auto_json) cJSON *unchanged = metadata_of(TAGGED);
    AUTO(auto_json)
    cJSON *moved =
        metadata_of(RESOURCE("aws_instance.web", "update", CHANGE("tags.Name", "9")));
    AUTO(auto_json)
    cJSON *elsewhere =
        metadata_of(RESOURCE("aws_instance.db", "update", CHANGE("tags.Name", "2")));
    char drift[SIGN_ID_BYTES];
    AUTO(auto_free) char *rule = NULL;

    (void)state;
    drift_id_of(TAGGED, drift);
    rule = mem_fmt("{\"address\":\"aws_instance.web\",\"runId\":\"" RUN
                   "\",\"drift\":\"%s\"}",
                   drift);
    add_rule(&rules, rule);
    assert_int_equal(ignore_apply(&rules, OTHER, NOW_MS, unchanged), 0);
    assert_int_equal(ignore_apply(&rules, OTHER, NOW_MS, moved), 1);
    assert_int_equal(ignore_apply(&rules, OTHER, NOW_MS, elsewhere), 1);
    assert_int_equal(ignore_apply(&rules, RUN, NOW_MS, moved), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_rule_hides_what_its_row_says),
        cmocka_unit_test(two_rules_may_cover_the_changes_together),
        cmocka_unit_test(each_resource_is_judged_for_itself),
        cmocka_unit_test(without_rules_everything_counts_and_is_marked),
        cmocka_unit_test(an_old_mark_is_judged_anew),
        cmocka_unit_test(resources_that_were_cut_from_the_list_still_count),
        cmocka_unit_test(equal_drift_has_one_fingerprint),
        cmocka_unit_test(different_drift_has_another_fingerprint),
        cmocka_unit_test(one_ignored_in_a_run_stays_so_while_its_drift_is_unchanged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
