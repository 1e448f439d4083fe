/* Ignore rules: what they hide, and what they never hide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/sign.h"
#include "common/registry/ignore.h"

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

    ignore_rules_add(rules, NULL, rule);
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
        /* an action that nobody has heard of may be anything */
        {"{\"address\":\"*\"}", BARE("delete_then_create"), false},
        {"{\"address\":\"*\"}", BARE("Update"), false},
        {"{\"address\":\"*\"}", BARE(""), false},
        /* nested paths */
        {"{\"address\":\"*\",\"attribute\":\"a.b[0].c\"}",
         RESOURCE("r", "update", CHANGE("a.b[0].c", "2")), true},
        {"{\"address\":\"*\",\"attribute\":\"a.b[*].c\"}",
         RESOURCE("r", "update", CHANGE("a.b[0].c", "2") "," CHANGE("a.b[17].c", "2")),
         true},
        {"{\"address\":\"*\",\"attribute\":\"a.b[*].c\"}",
         RESOURCE("r", "update", CHANGE("a.b[0].c", "2") "," CHANGE("a.b[0].d", "2")),
         false},
        {"{\"address\":\"*\",\"attribute\":\"a.b\"}",
         RESOURCE("r", "update", CHANGE("a.b[0].c", "2")), false},
        {"{\"address\":\"*\",\"attribute\":\"tags[\\\"a.b\\\"]\"}",
         RESOURCE("r", "update", CHANGE("tags[\\\"a.b\\\"]", "2")), true},
        {"{\"address\":\"*\",\"attribute\":\"Tags\"}",
         RESOURCE("r", "update", CHANGE("tags", "2")), false},
        /* a time before all times is over, not never */
        {"{\"address\":\"*\",\"expiresAt\":\"1970-01-01T00:00:00Z\"}", TAGGED, false},
        {"{\"address\":\"*\",\"expiresAt\":\"1900-01-01T00:00:00Z\"}", TAGGED, false},
        /* what is only said of a rule */
        {"{\"address\":\"*\",\"reason\":\"\",\"createdBy\":\"\",\"createdAtMs\":1}",
         TAGGED, true},
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
    /* of a run that failed: it has no counts, and gets none */
    assert_int_equal(ignore_apply(&none, RUN, NOW_MS, empty), 0);
    assert_null(json_get(empty, "driftedCount"));
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

/* A report that is too long leaves values out: what differed looks alike then. */
static void drift_whose_values_were_left_out_is_not_known_again(void **state)
{
#define CUT(changes)                                                                     \
    "{\"address\":\"a\",\"action\":\"update\",\"truncated\":true,\"changes\":[" changes  \
    "]}"
    static const struct {
        const char *resource;
        bool known;
    } rows[] = {
        {CUT(""), false},
        {CUT("{\"attribute\":\"x\",\"before\":\"(left out)\",\"after\":1}"), false},
        {CUT("{\"attribute\":\"x\",\"before\":1,\"after\":\"(left out)\"}"), false},
        {CUT(CHANGE("y", "1") ",{\"attribute\":\"x\",\"after\":\"(left out)\"}"), false},
        /* its digest stands in for it */
        {CUT("{\"attribute\":\"x\",\"before\":1,\"after\":\"(left out: 70000 bytes, "
             "sha256 0123456789abcdef)\"}"),
         true},
        /* a value that says so by itself */
        {RESOURCE("a", "update", CHANGE("x", "\"(left out)\"")), true},
        {RESOURCE("a", "update", ""), true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(ignore_rules_done) struct ignore_rules rules = {0};
        AUTO(auto_json) cJSON *metadata = metadata_of(rows[i].resource);
        AUTO(auto_free) char *rule = NULL;
        char drift[SIGN_ID_BYTES];

        drift_id_of(rows[i].resource, drift);
        rule =
            mem_fmt("{\"address\":\"a\",\"runId\":\"" RUN "\",\"drift\":\"%s\"}", drift);
        add_rule(&rules, rule);
        assert_int_equal(ignore_apply(&rules, RUN, NOW_MS, metadata), 0);
        if (ignore_apply(&rules, OTHER, NOW_MS, metadata) != !rows[i].known)
            fail_msg("row %zu", i);
    }
}

/* ---- who gets the match ---- */

#define RULES_MAX 4

static void a_match_goes_to_the_first_rule_that_covers_all(void **state)
{
#define ON(attribute)  "{\"address\":\"aws_*\",\"attribute\":\"" attribute "\"}"
#define WHOLE(address) "{\"address\":\"" address "\"}"
    static const struct {
        const char *rules[RULES_MAX], *resources;
        int64_t matches[RULES_MAX];
    } rows[] = {
        {{WHOLE("aws_*")}, TAGGED, {1}},
        {{WHOLE("aws_*")}, TAGGED "," TAGGED, {2}},
        {{WHOLE("x"), WHOLE("*"), WHOLE("aws_*")}, TAGGED, {0, 1, 0}},
        {{ON("tags.*"), WHOLE("*")}, TAGGED, {1, 0}},
        {{ON("tags.*"), WHOLE("*")}, TWO_CHANGES, {0, 1}},
        {{ON("tags.*"), ON("*")}, TWO_CHANGES, {0, 1}},
        /* where it takes several, each of them; not one that was not needed */
        {{ON("tags.*"), ON("tags.Name"), ON("size")}, TWO_CHANGES, {1, 0, 1}},
        /* nothing is ignored: nothing matches */
        {{ON("tags.*")}, TWO_CHANGES, {0}},
        {{WHOLE("*")}, BARE("delete"), {0}},
        {{WHOLE("*")}, BARE("replace") "," TAGGED, {1}},
        {{"{\"address\":\"*\",\"expiresAt\":\"2025-01-21T10:30:00Z\"}", WHOLE("*")},
         TAGGED,
         {0, 1}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(ignore_rules_done) struct ignore_rules rules = {0};
        AUTO(auto_json) cJSON *metadata = metadata_of(rows[i].resources);
        int64_t matches[RULES_MAX] = {0};

        for (size_t k = 0; k < RULES_MAX && rows[i].rules[k] != NULL; k++)
            add_rule(&rules, rows[i].rules[k]);
        ignore_apply_counting(&rules, RUN, NOW_MS, metadata, matches);
        for (size_t k = 0; k < RULES_MAX; k++)
            if (matches[k] != rows[i].matches[k])
                fail_msg("row %zu: rule %zu matched %lld times", i, k,
                         (long long)matches[k]);
    }
}

/* ---- any rules over any drift ---- */

static const char *any_of(const char *const *list, size_t count)
{
    return list[(size_t)random() % count];
}

static void add_any_rule(struct ignore_rules *rules)
{
    static const char *const addresses[] = {"*",   "a.*",        "a.b",
                                            "?.?", "a.b[\"x\"]", "c.*"};
    static const char *const attributes[] = {"*", "tags*", "x[0].y", "?"};
    static const char *const times[] = {"2025-01-21T10:30:00Z", "2999-01-01T00:00:00Z"};
    static const char *const runs[] = {RUN, OTHER};
    AUTO(auto_json) cJSON *rule = cJSON_CreateObject();

    cJSON_AddStringToObject(rule, "address", any_of(addresses, ARRAY_LEN(addresses)));
    if (random() % 2 == 0)
        cJSON_AddStringToObject(rule, "attribute",
                                any_of(attributes, ARRAY_LEN(attributes)));
    if (random() % 3 == 0)
        cJSON_AddStringToObject(rule, "expiresAt", any_of(times, ARRAY_LEN(times)));
    if (random() % 3 == 0)
        cJSON_AddStringToObject(rule, "runId", any_of(runs, ARRAY_LEN(runs)));
    cJSON_AddBoolToObject(rule, "exact", random() % 3 == 0);
    ignore_rules_add(rules, NULL, rule);
}

static cJSON *any_resource(void)
{
    static const char *const addresses[] = {"a.b", "a.b[\"x\"]", "c.d", "a.*"};
    static const char *const actions[] = {"create", "update",  "import", "forget",
                                          "delete", "replace", "",       "read"};
    static const char *const attributes[] = {"tags", "tags.Name", "x[0].y", "z"};
    cJSON *resource = cJSON_CreateObject();
    cJSON *changes = cJSON_AddArrayToObject(resource, "changes");

    cJSON_AddStringToObject(resource, "address", any_of(addresses, ARRAY_LEN(addresses)));
    cJSON_AddStringToObject(resource, "action", any_of(actions, ARRAY_LEN(actions)));
    cJSON_AddBoolToObject(resource, "ignored", random() % 2 == 0);
    for (int64_t left = random() % 4; left > 0; left--) {
        cJSON *change = cJSON_CreateObject();

        cJSON_AddStringToObject(change, "attribute",
                                any_of(attributes, ARRAY_LEN(attributes)));
        cJSON_AddItemToArray(changes, change);
    }
    return resource;
}

/* Each that is marked is harmless, and the counts are those of the marks. */
static void check_judged(const cJSON *metadata, int64_t left, const int64_t *matches,
                         size_t rules)
{
    int64_t ignored = 0, counted = 0, matched = 0;

    for (const cJSON *item = json_get(metadata, "driftedResources")->child; item != NULL;
         item = item->next) {
        const char *action = json_string(item, "action");

        counted += !json_bool(item, "ignored", true);
        if (!json_bool(item, "ignored", false))
            continue;
        ignored++;
        if (strcmp(action, "delete") == 0 || strcmp(action, "replace") == 0 ||
            strcmp(action, "read") == 0 || action[0] == '\0')
            fail_msg("%s is ignored", action);
    }
    for (size_t i = 0; i < rules; i++)
        matched += matches[i];
    assert_int_equal(left, counted);
    assert_int_equal(json_int(metadata, "driftedCount", -1), counted);
    assert_true(matched >= ignored);
    assert_int_equal(matched > 0, ignored > 0);
}

static void whatever_the_rules_a_delete_or_replace_is_seen(void **state)
{
    (void)state;
    srandom(20250121);
    for (int turn = 0; turn < 5000; turn++) {
        AUTO(ignore_rules_done) struct ignore_rules rules = {0};
        AUTO(auto_json) cJSON *metadata = cJSON_CreateObject();
        cJSON *list = cJSON_AddArrayToObject(metadata, "driftedResources");
        int64_t matches[8] = {0}, left;

        for (int64_t i = random() % 8; i > 0; i--)
            add_any_rule(&rules);
        for (int64_t i = random() % 8; i > 0; i--)
            cJSON_AddItemToArray(list, any_resource());
        left = ignore_apply_counting(&rules, RUN, NOW_MS, metadata, matches);
        check_judged(metadata, left, matches, rules.count);
        assert_int_equal(ignore_apply(&rules, RUN, NOW_MS, metadata), left);
    }
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
        cmocka_unit_test(drift_whose_values_were_left_out_is_not_known_again),
        cmocka_unit_test(a_match_goes_to_the_first_rule_that_covers_all),
        cmocka_unit_test(whatever_the_rules_a_delete_or_replace_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
