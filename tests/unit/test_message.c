/* Messages: exact forms, Slack's and Teams' limits, and text that wants to be more than
 * text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "scheduler/message.h"

#define SLACK_BLOCKS       50
#define SLACK_TEXT_CHARS   3000
#define SLACK_FIELD_CHARS  2000
#define SLACK_HEADER_CHARS 150
#define SLACK_FIELDS       10
#define TEAMS_BYTES        (28 * 1024)
#define MESSAGE_BYTES      ((size_t)1 << 20)
#define DRIFTED                                                                          \
    "{\"type\":\"drift.detected\",\"timestamp\":\"2025-01-21T10:30:00.000Z\",\"data\":{" \
    "\"projectId\":\"prod\",\"workspaceId\":\"net\",\"repository\":\"acme/net\","        \
    "\"ref\":\"main\",\"directory\":\"eu\",\"workspace\":\"default\",\"runId\":\"r1\","  \
    "\"commit\":\"0123456789abcdef0123456789abcdef01234567\",\"summary\":\"Plan: 1 to "  \
    "change.\",\"driftedCount\":2,\"severity\":\"critical\",\"resources\":[{"            \
    "\"address\":\"aws_iam_role.b\",\"type\":\"aws_iam_role\",\"action\":\"delete\","    \
    "\"severity\":\"critical\",\"origin\":\"code\"},{\"address\":\"aws_instance.a\","    \
    "\"type\":\"aws_instance\",\"action\":\"update\",\"severity\":\"warning\","          \
    "\"origin\":\"outside\"}],\"more\":0,\"since\":\"2025-01-21T10:30:00.000Z\","        \
    "\"error\":null,\"url\":\"https://kedge.example/api/v1/runs/r1\"}}"
#define FAILED                                                                           \
    "{\"type\":\"check.failed\",\"data\":{\"repository\":\"acme/net\",\"directory\":"    \
    "\".\",\"workspace\":\"default\",\"driftedCount\":null,\"error\":{\"code\":"         \
    "\"TIMEOUT\",\"message\":\"It took too long.\"},\"url\":null}}"

static char *print(enum hook_kind kind, const char *const *events, size_t count)
{
    struct buf out = BUF_INIT(MESSAGE_BYTES);

    message_print(kind, events, count, &out);
    assert_false(out.over);
    return buf_take(&out);
}

static char *print_one(enum hook_kind kind, const char *event)
{
    return print(kind, &event, 1);
}

/* In what is expected ' stands for ". */
static void assert_is(const char *text, const char *expected)
{
    AUTO(auto_free) char *quoted = mem_dup(expected);

    for (char *at = quoted; (at = strchr(at, '\'')) != NULL;)
        *at = '"';
    assert_string_equal(text, quoted);
}

/* ---- Slack's rules ---- */

static size_t chars(const char *text)
{
    size_t count = 0;

    for (size_t left = strlen(text); left > 0;) {
        size_t len = parse_utf8_char(text, left);

        assert_true(len > 0);
        text += len;
        left -= len;
        count++;
    }
    return count;
}

/* No mention, no channel, and no link but those that we make. */
static void check_markup(const char *text)
{
    for (const char *at = text; (at = strchr(at, '<')) != NULL; at++)
        if (strncmp(at, "<https://kedge.example/", strlen("<https://kedge.example/")) !=
                0 &&
            strncmp(at, "<!date^", strlen("<!date^")) != 0)
            fail_msg("markup: %.40s", at);
}

static void check_text(const cJSON *object, size_t max)
{
    const char *text = json_string(object, "text");

    assert_non_null(text);
    assert_in_range(chars(text), 1, max);
    if (strcmp(json_string(object, "type"), "mrkdwn") != 0)
        return;
    assert_true(json_bool(object, "verbatim", false));
    check_markup(text);
}

static void check_block(const cJSON *block)
{
    const cJSON *fields = json_get(block, "fields"),
                *elements = json_get(block, "elements");

    if (strcmp(json_string(block, "type"), "header") == 0)
        check_text(json_get(block, "text"), SLACK_HEADER_CHARS);
    else if (json_get(block, "text"))
        check_text(json_get(block, "text"), SLACK_TEXT_CHARS);
    assert_true(cJSON_GetArraySize(fields) <= SLACK_FIELDS);
    for (const cJSON *one = fields ? fields->child : NULL; one; one = one->next)
        check_text(one, SLACK_FIELD_CHARS);
    for (const cJSON *one = elements ? elements->child : NULL; one; one = one->next)
        check_text(one, SLACK_TEXT_CHARS);
}

static void check_slack(const char *text)
{
    AUTO(auto_json) cJSON *doc = cJSON_Parse(text);
    const cJSON *blocks = json_get(doc, "blocks");

    assert_non_null(doc);
    assert_in_range(cJSON_GetArraySize(blocks), 1, SLACK_BLOCKS);
    assert_true(strlen(json_string(doc, "text")) > 0);
    check_markup(json_string(doc, "text"));
    for (const cJSON *block = blocks->child; block; block = block->next)
        check_block(block);
}

/* ---- one event ---- */

static void generic_is_the_event_as_it_is(void **state)
{
    AUTO(auto_free) char *text = print_one(HOOK_GENERIC, DRIFTED);

    (void)state;
    assert_string_equal(text, DRIFTED);
}

static void slack_says_what_where_since_when_and_links(void **state)
{
    AUTO(auto_free) char *text = print_one(HOOK_SLACK, DRIFTED);

    (void)state;
    check_slack(text);
    assert_is(
        text,
        "{'text':'🔴 Drift detected: "
        "prod/net','unfurl_links':false,'unfurl_media':false,'blocks':["
        "{'type':'header','text':{'type':'plain_text','text':'🔴 Drift detected: "
        "prod/net'}},"
        "{'type':'section','text':{'type':'mrkdwn','text':'2 resources, critical. Plan: "
        "1 to change.\\n"
        "🔴 `aws_iam_role.b` delete, critical\\n"
        "🟠 `aws_instance.a` update, warning\\n','verbatim':true}},"
        "{'type':'section','fields':["
        "{'type':'mrkdwn','text':'*Project*\\n`prod`','verbatim':true},"
        "{'type':'mrkdwn','text':'*Workspace*\\n`net`','verbatim':true},"
        "{'type':'mrkdwn','text':'*Repository*\\n`acme/net`','verbatim':true},"
        "{'type':'mrkdwn','text':'*Directory*\\n`eu`','verbatim':true},"
        "{'type':'mrkdwn','text':'*Terraform workspace*\\n`default`','verbatim':true},"
        "{'type':'mrkdwn','text':'*Ref*\\n`main @ 0123456789ab`','verbatim':true}]},"
        "{'type':'context','elements':[{'type':'mrkdwn','text':"
        "'Since <!date^1737455400^{date_short_pretty} {time}|2025-01-21T10:30:00.000Z>"
        " <https://kedge.example/api/v1/runs/r1|Open the run>','verbatim':true}]}]}");
}

static void slack_says_why_a_check_failed(void **state)
{
    AUTO(auto_free) char *text = print_one(HOOK_SLACK, FAILED);

    (void)state;
    check_slack(text);
    assert_is(text,
              "{'text':'🔴 Check failed: acme/net . default','unfurl_links':false,"
              "'unfurl_media':false,'blocks':["
              "{'type':'header','text':{'type':'plain_text','text':'🔴 Check failed: "
              "acme/net . default'}},"
              "{'type':'section','text':{'type':'mrkdwn','text':'TIMEOUT: It took too "
              "long.\\n','verbatim':true}},"
              "{'type':'section','fields':["
              "{'type':'mrkdwn','text':'*Repository*\\n`acme/net`','verbatim':true},"
              "{'type':'mrkdwn','text':'*Directory*\\n`.`','verbatim':true},"
              "{'type':'mrkdwn','text':'*Terraform "
              "workspace*\\n`default`','verbatim':true}]}]}");
}

static void teams_gets_a_card(void **state)
{
    AUTO(auto_free) char *text = print_one(HOOK_TEAMS, FAILED);

    (void)state;
    assert_is(text, "{'type':'message','attachments':["
                    "{'contentType':'application/"
                    "vnd.microsoft.card.adaptive','contentUrl':null,'content':{"
                    "'$schema':'http://adaptivecards.io/schemas/"
                    "adaptive-card.json','type':'AdaptiveCard',"
                    "'version':'1.4','body':["
                    "{'type':'RichTextBlock','inlines':[{'type':'TextRun',"
                    "'text':'🔴 Check failed: acme/net . default','weight':'Bolder'}]},"
                    "{'type':'RichTextBlock','inlines':[{'type':'TextRun','text':'"
                    "TIMEOUT: It took too long.'}]},"
                    "{'type':'RichTextBlock','inlines':[{'type':'TextRun','text':'"
                    "Repository: ','weight':'Bolder'},"
                    "{'type':'TextRun','text':'acme/net','fontType':'Monospace'}]},"
                    "{'type':'RichTextBlock','inlines':[{'type':'TextRun','text':'"
                    "Directory: ','weight':'Bolder'},"
                    "{'type':'TextRun','text':'.','fontType':'Monospace'}]},"
                    "{'type':'RichTextBlock','inlines':["
                    "{'type':'TextRun','text':'Terraform workspace: ','weight':'Bolder'},"
                    "{'type':'TextRun','text':'default','fontType':'Monospace'}]}]}}]}");
}

static void a_test_says_its_message(void **state)
{
    AUTO(auto_free)
    char *text = print_one(HOOK_SLACK, "{\"type\":\"test\",\"data\":{\"hookId\":\"h\","
                                       "\"message\":\"It works.\",\"url\":null}}");

    (void)state;
    check_slack(text);
    assert_non_null(strstr(text, "Test message"));
    assert_non_null(strstr(text, "It works."));
}

static char *drifted_many(size_t count, const char *address)
{
    struct buf text = BUF_INIT(MESSAGE_BYTES);

    buf_str(&text, "{\"type\":\"drift.detected\",\"data\":{\"projectId\":\"p\","
                   "\"workspaceId\":\"w\",\"driftedCount\":2000,\"resources\":[");
    for (size_t i = 0; i < count; i++)
        buf_fmt(&text,
                "%s{\"address\":\"%s%zu\",\"action\":\"update\",\"severity\":\"info\"}",
                i > 0 ? "," : "", address, i);
    buf_fmt(&text, "],\"more\":%zu}}", 2000 - count);
    return buf_take(&text);
}

static void at_most_ten_resources_are_named(void **state)
{
    AUTO(auto_free) char *event = drifted_many(100, "aws_instance.a");

    (void)state;
    for (int kind = HOOK_SLACK; kind <= HOOK_TEAMS; kind++) {
        AUTO(auto_free) char *text = print_one((enum hook_kind)kind, event);

        assert_non_null(strstr(text, "aws_instance.a9"));
        assert_null(strstr(text, "aws_instance.a10"));
        assert_non_null(strstr(text, "and 1990 more"));
    }
}

static void the_longest_texts_stay_within_the_limits(void **state)
{
    AUTO(auto_free) char *long_name = mem_new(3001, 1);
    AUTO(auto_free) char *event = NULL;
    AUTO(auto_free) char *slack = NULL;
    AUTO(auto_free) char *teams = NULL;

    (void)state;
    memset(long_name, '&', 3000);
    event = drifted_many(100, long_name);
    slack = print_one(HOOK_SLACK, event);
    teams = print_one(HOOK_TEAMS, event);
    check_slack(slack);
    assert_true(strlen(teams) < TEAMS_BYTES);
    assert_non_null(strstr(slack, "and 1990 more"));
}

/* ---- texts of others ---- */

#define HOSTILE                                                                          \
    "{\"type\":\"drift.detected\",\"data\":{\"projectId\":\"<!channel>\","               \
    "\"workspaceId\":\"<@U1>\",\"repository\":\"a/b`c\",\"ref\":\"<http://evil|ok>\","   \
    "\"directory\":\"a\\nb\\u202ec\",\"driftedCount\":1,\"resources\":[{\"address\":"    \
    "\"x[\\\"`<!here>` *b* https://evil.example\\\"]\",\"action\":\"<!everyone>\"}],"    \
    "\"more\":0,\"error\":{\"code\":\"<#C1>\",\"message\":\"[x](http://evil) & <a>\"}}}"

static void no_text_becomes_a_mention_or_a_link(void **state)
{
    AUTO(auto_free) char *text = print_one(HOOK_SLACK, HOSTILE);
    AUTO(auto_json) cJSON *doc = cJSON_Parse(text);
    const cJSON *lines = cJSON_GetArrayItem(json_get(doc, "blocks"), 1);
    const char *said = json_string(json_get(lines, "text"), "text");

    (void)state;
    check_slack(text);
    assert_non_null(strstr(said, "`x[\"'&lt;!here&gt;' *b* https://evil.example\"]`"));
    assert_non_null(strstr(text, "a b c"));
    assert_null(strstr(text, "\xE2\x80\xAE"));
    assert_null(strchr(json_string(doc, "text"), '<'));
}

static void check_inlines(const cJSON *block)
{
    assert_string_equal(json_string(block, "type"), "RichTextBlock");
    for (const cJSON *run = json_get(block, "inlines")->child; run; run = run->next)
        assert_string_equal(json_string(run, "type"), "TextRun");
}

/* Text runs are the one element that Teams shows as it is. */
static void teams_gets_all_text_as_runs(void **state)
{
    AUTO(auto_free) char *text = print_one(HOOK_TEAMS, HOSTILE);
    AUTO(auto_json) cJSON *doc = cJSON_Parse(text);
    const cJSON *card =
        json_get(cJSON_GetArrayItem(json_get(doc, "attachments"), 0), "content");

    (void)state;
    assert_string_equal(json_string(card, "version"), "1.4");
    assert_true(cJSON_GetArraySize(json_get(card, "body")) > 3);
    for (const cJSON *one = json_get(card, "body")->child; one; one = one->next)
        check_inlines(one);
}

static void what_is_no_event_makes_a_message_all_the_same(void **state)
{
    static const char *const odd[] = {
        "{}",
        "{\"type\":7,\"data\":[]}",
        "{\"type\":\"drift.detected\",\"data\":{\"resources\":[1,{}],\"error\":{}}}",
        "not JSON",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        AUTO(auto_free) char *slack = print_one(HOOK_SLACK, odd[i]);
        AUTO(auto_free) char *teams = print_one(HOOK_TEAMS, odd[i]);

        check_slack(slack);
        assert_true(strlen(teams) > 0);
    }
}

/* ---- digests ---- */

#define EVENT(type, workspace, more)                                                     \
    "{\"type\":\"" type "\",\"data\":{\"projectId\":\"p\",\"workspaceId\":\"" workspace  \
    "\"" more "}}"

static void a_digest_has_a_line_each_worst_first(void **state)
{
    static const char *const events[] = {
        EVENT("drift.resolved", "w1", ""),
        EVENT("drift.detected", "w2", ",\"driftedCount\":1,\"severity\":\"info\""),
        EVENT("check.failed", "w3", ",\"error\":{\"code\":\"TIMEOUT\"}"),
        EVENT("drift.detected", "w4", ",\"driftedCount\":3,\"severity\":\"critical\""),
        EVENT("run.orphaned", "w5", ""),
        EVENT("drift.detected", "w0",
              ",\"driftedCount\":2,\"severity\":\"info\","
              "\"url\":\"https://kedge.example/r\""),
    };
    AUTO(auto_free) char *text = print(HOOK_SLACK, events, ARRAY_LEN(events));

    (void)state;
    check_slack(text);
    assert_is(
        text,
        "{'text':'🔴 3 drifted, 1 resolved, 1 failed, 1 interrupted','unfurl_links':false,"
        "'unfurl_media':false,'blocks':["
        "{'type':'header','text':{'type':'plain_text',"
        "'text':'🔴 3 drifted, 1 resolved, 1 failed, 1 interrupted'}},"
        "{'type':'section','text':{'type':'mrkdwn','text':'"
        "🔴 `p/w5` Apply interrupted\\n"
        "🔴 `p/w4` Drift detected: 3 resources, critical\\n"
        "🔴 `p/w3` Check failed: TIMEOUT\\n"
        "🔵 `p/w0` Drift detected: 2 resources, info <https://kedge.example/r|run>\\n"
        "🔵 `p/w2` Drift detected: 1 resource, info\\n"
        "🟢 `p/w1` Drift resolved\\n','verbatim':true}}]}");
}

static void a_digest_names_forty_and_counts_the_rest(void **state)
{
    char *events[OUTBOX_DIGEST_MAX];
    AUTO(auto_free) char *name = mem_new(1001, 1);
    int last = 0;

    (void)state;
    memset(name, '<', 1000);
    for (int i = 0; i < OUTBOX_DIGEST_MAX; i++)
        events[i] = mem_fmt("{\"type\":\"drift.detected\",\"data\":{\"projectId\":"
                            "\"n%02d\",\"workspaceId\":\"%s\",\"driftedCount\":1,\"url\":"
                            "\"https://kedge.example/%d\"}}",
                            i, name, i);
    for (int kind = HOOK_SLACK; kind <= HOOK_TEAMS; kind++) {
        AUTO(auto_free)
        char *text =
            print((enum hook_kind)kind, (const char *const *)events, OUTBOX_DIGEST_MAX);

        if (kind == HOOK_SLACK)
            check_slack(text);
        assert_true(strlen(text) < TEAMS_BYTES || kind == HOOK_SLACK);
        for (last = 0; last < MESSAGE_DIGEST_LINES; last++) {
            AUTO(auto_free) char *mark = mem_fmt("n%02d/", last);

            assert_non_null(strstr(text, mark));
        }
        assert_null(strstr(text, "n40/"));
        assert_non_null(strstr(text, "and 10 more"));
        assert_non_null(strstr(text, "50 drifted"));
    }
    for (int i = 0; i < OUTBOX_DIGEST_MAX; i++)
        free(events[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generic_is_the_event_as_it_is),
        cmocka_unit_test(slack_says_what_where_since_when_and_links),
        cmocka_unit_test(slack_says_why_a_check_failed),
        cmocka_unit_test(teams_gets_a_card),
        cmocka_unit_test(a_test_says_its_message),
        cmocka_unit_test(at_most_ten_resources_are_named),
        cmocka_unit_test(the_longest_texts_stay_within_the_limits),
        cmocka_unit_test(no_text_becomes_a_mention_or_a_link),
        cmocka_unit_test(teams_gets_all_text_as_runs),
        cmocka_unit_test(what_is_no_event_makes_a_message_all_the_same),
        cmocka_unit_test(a_digest_has_a_line_each_worst_first),
        cmocka_unit_test(a_digest_names_forty_and_counts_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
