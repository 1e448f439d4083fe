/* The ignore rules of a workspace: from where they come, their ids, how they are shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/drift/ignore_json.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

#define NOW_MS INT64_C(1737455400000) /* 2025-01-21T10:30:00Z */
#define DAY_MS INT64_C(86400000)
#define RUN    "0194890e-2f00-7000-8000-000000000001"

static void add_document(struct rules *rules, const char *ignore)
{
    AUTO(auto_free) char *json = mem_fmt("{\"ignore\":[%s]}", ignore);
    const struct registry_pair pair = {.project.id = "p", .workspace_json = json};

    rules_add_workspace(rules, &pair);
}

/* A reply of texts, as HGETALL gives it; the elements are static. */
static void reply_of(struct redisReply *reply, struct redisReply **elements,
                     struct redisReply *texts, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        texts[i] = (struct redisReply){.type = REDIS_REPLY_STRING,
                                       .str = mem_dup(words[i]),
                                       .len = strlen(words[i])};
        elements[i] = &texts[i];
    }
    *reply = (struct redisReply){
        .type = REDIS_REPLY_ARRAY, .elements = count, .element = elements};
}

#define REPLY_MAX 8
struct hash {
    struct redisReply reply, *elements[REPLY_MAX], texts[REPLY_MAX];
};

static void hash_init(struct hash *hash, const char *const *words, size_t count)
{
    reply_of(&hash->reply, hash->elements, hash->texts, words, count);
}

static void hash_done(struct hash *hash)
{
    for (size_t i = 0; i < hash->reply.elements; i++)
        free(hash->texts[i].str);
}

static void a_rule_of_the_document_keeps_its_id_when_others_come_and_go(void **state)
{
    AUTO(rules_done) struct rules few = {0};
    AUTO(rules_done) struct rules many = {0};
    char before[SIGN_ID_BYTES], after[SIGN_ID_BYTES];

    (void)state;
    add_document(&few, "{\"address\":\"a\",\"attribute\":\"t\"}");
    add_document(&many, "{\"address\":\"b\"},{\"address\":\"a\"},"
                        "{\"address\":\"a\",\"attribute\":\"t\",\"reason\":\"new\"}");
    rules_id(&few, 0, before);
    rules_id(&many, 2, after);
    assert_string_equal(before, after);
}

static void no_two_rules_of_a_document_have_one_id(void **state)
{
    AUTO(rules_done) struct rules rules = {0};
    char ids[8][SIGN_ID_BYTES];

    (void)state;
    add_document(&rules, "{\"address\":\"a\"},{\"address\":\"a\"},"
                         "{\"address\":\"a\",\"expiresAt\":\"2025-01-01T00:00:00Z\"},"
                         "{\"address\":\"a\",\"attribute\":\"t\"},"
                         "{\"address\":\"a\",\"attribute\":\"t\"},"
                         "{\"address\":\"at\"},{\"address\":\"b\"},{\"address\":\"a*\"}");
    assert_int_equal(rules.list.count, ARRAY_LEN(ids));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        rules_id(&rules, i, ids[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(ids[i], ids[k]);
    }
}

/* Else the matches of one would be counted for the other. */
static void a_rule_of_a_request_has_an_id_no_document_has(void **state)
{
    AUTO(rules_done) struct rules rules = {0};
    const char *const parts[] = {"a", ""};
    const char *const run[] = {"a", RUN};
    char id[SIGN_ID_BYTES], request[SIGN_ID_BYTES], of_run[SIGN_ID_BYTES];

    (void)state;
    sign_id(parts, ARRAY_LEN(parts), request);
    sign_id(run, ARRAY_LEN(run), of_run);
    add_document(&rules,
                 "{\"address\":\"a\"},{\"address\":\"a\",\"attribute\":\"" RUN "\"}");
    rules_id(&rules, 0, id);
    assert_string_not_equal(id, request);
    rules_id(&rules, 1, id);
    assert_string_not_equal(id, of_run);
}

static void assert_shown(const struct rules *rules, const struct redisReply *ignored,
                         const char *wanted)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 16);
    struct json_writer w;

    json_open(&w, &text);
    ignore_json_write(&w, rules, ignored, NOW_MS);
    assert_string_equal(buf_text(&text), wanted);
}

static void every_field_of_a_rule_is_shown(void **state)
{
    static const char *const ignores[] = {
        "revision", "7", "r1",
        "{\"address\":\"a.b[\\\"*\\\"]\",\"exact\":true,\"runId\":\"" RUN
        "\",\"drift\":\"d\",\"reason\":\"known\",\"expiresAt\":\"2025-01-21T11:30:01+01:"
        "00\",\"createdAtMs\":1737455399000,\"createdBy\":\"ann\"}"};
    char line[64];
    const char *const matches[] = {"r1", line, "zz", "1 1:1"};
    AUTO(rules_done) struct rules rules = {0};
    AUTO(hash_done) struct hash stored = {0};
    AUTO(hash_done) struct hash ignored = {0};

    (void)state;
    snprintf(line, sizeof line, "1737455398000 %lld:4 %lld:5 %lld:6",
             (long long)(NOW_MS / DAY_MS - 30), (long long)(NOW_MS / DAY_MS - 29),
             (long long)(NOW_MS / DAY_MS));
    hash_init(&stored, ignores, ARRAY_LEN(ignores));
    hash_init(&ignored, matches, ARRAY_LEN(matches));
    rules_add_ignores(&rules, &stored.reply);
    assert_shown(&rules, &ignored.reply,
                 "[{\"id\":\"r1\",\"source\":\"request\",\"scope\":\"run\",\"address\":"
                 "\"a.b[\\\"*\\\"]\",\"attribute\":null,\"reason\":\"known\",\"runId\":"
                 "\"" RUN "\",\"createdAt\":\"2025-01-21T10:29:59.000Z\",\"createdBy\":"
                 "\"ann\",\"expiresAt\":\"2025-01-21T10:30:01.000Z\",\"expired\":false,"
                 "\"matches\":11,\"lastMatchedAt\":\"2025-01-21T10:29:58.000Z\"}]");
}

static void a_rule_of_the_document_has_nobody_who_set_it(void **state)
{
    AUTO(rules_done) struct rules rules = {0};
    AUTO(hash_done) struct hash ignored = {0};
    AUTO(auto_free) char *wanted = NULL;
    char id[SIGN_ID_BYTES];

    (void)state;
    ignored.reply = (struct redisReply){.type = REDIS_REPLY_ARRAY};
    add_document(&rules, "{\"address\":\"a.*\",\"attribute\":\"tags*\",\"reason\":\"\"}");
    rules_id(&rules, 0, id);
    wanted = mem_fmt(
        "[{\"id\":\"%s\",\"source\":\"workspace\",\"scope\":\"workspace\",\"address\":"
        "\"a.*\",\"attribute\":\"tags*\",\"reason\":\"\",\"runId\":null,\"createdAt\":"
        "null,\"createdBy\":null,\"expiresAt\":null,\"expired\":false,\"matches\":0,"
        "\"lastMatchedAt\":null}]",
        id);
    assert_shown(&rules, &ignored.reply, wanted);
}

static void a_rule_is_shown_as_ended_for_thirty_days(void **state)
{
    static const struct {
        const char *at;
        const char *wanted; /* of its `expired`; NULL: it is not shown */
    } rows[] = {
        {"2025-01-21T10:30:00.001Z", "\"expired\":false"},
        {"2025-01-21T10:30:00Z", "\"expired\":true"},
        {"2024-12-22T10:30:00.001Z", "\"expired\":true"},
        {"2024-12-22T10:30:00Z", NULL},
    };
    struct redisReply none = {.type = REDIS_REPLY_ARRAY};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(rules_done) struct rules rules = {0};
        AUTO(buf_done) struct buf text = BUF_INIT(4096);
        AUTO(auto_free)
        char *rule = mem_fmt("{\"address\":\"a\",\"expiresAt\":\"%s\"}", rows[i].at);
        struct json_writer w;

        add_document(&rules, rule);
        json_open(&w, &text);
        ignore_json_write(&w, &rules, &none, NOW_MS);
        if (rows[i].wanted == NULL)
            assert_string_equal(buf_text(&text), "[]");
        else
            assert_non_null(strstr(buf_text(&text), rows[i].wanted));
    }
}

/* ---- what it costs ---- */

static int64_t judge(const struct rules *rules, const struct buf *metadata)
{
    AUTO(buf_done) struct buf shown = BUF_INIT(16 << 20);

    return rules_apply(rules, RUN, metadata->data, metadata->len, true, &shown);
}

/* All of them nearly fit, and none does. */
static void ten_thousand_resources_meet_a_hundred_rules(void **state)
{
    AUTO(rules_done) struct rules rules = {0};
    AUTO(buf_done) struct buf metadata = BUF_INIT(8 << 20);
    int64_t began_ms;

    (void)state;
    for (int i = 0; i < 100; i++) {
        AUTO(auto_free)
        char *rule =
            mem_fmt("{\"address\":\"*module.a*.aws_*[*%d*]*x\",\"attribute\":\"t*\"}", i);

        add_document(&rules, rule);
    }
    add_document(&rules, "{\"address\":\"*-9999*\"}");
    buf_fmt(&metadata, "{\"driftedResources\":[");
    for (int i = 0; i < 10000; i++)
        buf_fmt(&metadata,
                "%s{\"address\":\"module.a.module.b.aws_instance.web[\\\"n-%d\\\"]\","
                "\"action\":\"update\",\"changes\":[{\"attribute\":\"tags.Name\"}]}",
                i > 0 ? "," : "", i);
    buf_fmt(&metadata, "]}");
    began_ms = clock_mono_ms();
    assert_int_equal(judge(&rules, &metadata), 9999);
    assert_true(clock_mono_ms() - began_ms < 20000);
}

/* Patterns and addresses made for each other to take minutes: it comes to an end, with
 * everything in sight, but for what a rule names without a pattern. */
static void patterns_that_mean_ill_come_to_an_end(void **state)
{
    static const char *const exact[] = {"r1", "{\"address\":\"x\",\"exact\":true}"};
    AUTO(hash_done) struct hash stored = {0};
    AUTO(rules_done) struct rules rules = {0};
    AUTO(buf_done) struct buf metadata = BUF_INIT(8 << 20);
    char pattern[1001], address[2001];
    AUTO(auto_free) char *rule = NULL;
    int64_t began_ms;

    (void)state;
    memset(pattern, 'a', sizeof pattern - 1);
    memset(address, 'a', sizeof address - 1);
    pattern[sizeof pattern - 1] = address[sizeof address - 1] = '\0';
    rule = mem_fmt("{\"address\":\"*%sb\"}", pattern);
    for (int i = 0; i < 31; i++)
        add_document(&rules, rule);
    add_document(&rules, "{\"address\":\"x*\"}");
    hash_init(&stored, exact, ARRAY_LEN(exact));
    rules_add_ignores(&rules, &stored.reply);
    buf_fmt(&metadata, "{\"driftedResources\":[");
    for (int i = 0; i < 500; i++)
        buf_fmt(&metadata, "{\"address\":\"%s\",\"action\":\"update\"},", address);
    buf_fmt(&metadata, "{\"address\":\"xy\",\"action\":\"update\"},"
                       "{\"address\":\"x\",\"action\":\"update\"}]}");
    began_ms = clock_mono_ms();
    assert_int_equal(judge(&rules, &metadata), 501);
    assert_true(clock_mono_ms() - began_ms < 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_of_the_document_keeps_its_id_when_others_come_and_go),
        cmocka_unit_test(no_two_rules_of_a_document_have_one_id),
        cmocka_unit_test(a_rule_of_a_request_has_an_id_no_document_has),
        cmocka_unit_test(every_field_of_a_rule_is_shown),
        cmocka_unit_test(a_rule_of_the_document_has_nobody_who_set_it),
        cmocka_unit_test(a_rule_is_shown_as_ended_for_thirty_days),
        cmocka_unit_test(ten_thousand_resources_meet_a_hundred_rules),
        cmocka_unit_test(patterns_that_mean_ill_come_to_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
