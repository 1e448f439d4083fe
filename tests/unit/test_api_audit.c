/* The audit on its way to a real Redis: batches, lost replies, a Redis that is away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/server/audit.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/redis/scripts.h"
#include "tests/support/redis_proxy.h"
#include "tests/support/redis_server.h"

#define PREFIX      "{test}:"
#define PATIENCE_MS 20000

static struct redis_server server;
static struct redis_proxy proxy;
static struct redis_address through; /* the proxy */
static struct redis *redis;          /* beside it */
static struct conf conf;
static struct api api;
static char prefix[] = PREFIX, proxy_path[128];

/* ---- what drives it ---- */
static int group_setup(void **state)
{
    (void)state;
    redis_server_start(&server, REDIS_SERVER_APPEND_ONLY, NULL);
    redis_proxy_open(&proxy);
    snprintf(proxy_path, sizeof proxy_path, "%s/proxy.sock", server.dir);
    redis_proxy_start(&proxy, proxy_path, server.socket_path);
    through = server.address;
    through.socket_path = proxy_path;
    redis = redis_new(&server.address, PREFIX, NULL, PATIENCE_MS);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    redis_free(redis);
    redis_server_stop(&server);
    redis_proxy_close(&proxy);
    return 0;
}

static void turn(void)
{
    int64_t sleep_ms;

    audit_turn(api.audit);
    sleep_ms = link_turn(&api.link);
    loop_turn(&api.loop, sleep_ms < 0 || sleep_ms > 20 ? 20 : sleep_ms);
}

static struct redisReply *command(const char *name, const char *key)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    struct redisReply *reply = NULL;
    struct err err;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, name);
    if (key != NULL)
        redis_cmd_fmt(&cmd, PREFIX "%s", key);
    if (strcmp(name, "SCRIPT") == 0)
        redis_cmd_arg(&cmd, "FLUSH");
    cmd.repeatable = true;
    assert_int_equal(redis_call(redis, &cmd, PATIENCE_MS, &reply, &err), 0);
    return reply;
}

static void forget(struct redisReply *reply)
{
    redis_reply_free(&reply);
}

static void until_ready(void)
{
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;

    while (!redis_link_ready(api.link.redis) && clock_mono_ms() < deadline_ms)
        turn();
    assert_true(redis_link_ready(api.link.redis));
}

static void until_stored(void)
{
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;

    while (!audit_is_empty(api.audit) && clock_mono_ms() < deadline_ms)
        turn();
    assert_true(audit_is_empty(api.audit));
}

static int setup(void **state)
{
    struct err err;

    (void)state;
    forget(command("FLUSHALL", NULL));
    conf = (struct conf){.redis_prefix = prefix, .audit_days = 90};
    api = (struct api){.conf = &conf, .loop.epoll_fd = -1};
    api.audit = audit_new(&api);
    assert_int_equal(loop_open(&api.loop, &err), 0);
    link_open(&api.link, &api.loop, &through, prefix);
    until_ready();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    link_close(&api.link);
    audit_free(api.audit);
    loop_done(&api.loop);
    return 0;
}

/* ---- records ---- */
static int64_t add(int number)
{
    AUTO(auto_free) char *id = mem_fmt("r%d", number);

    return audit_add(api.audit,
                     &(struct audit_record){
                         .token = "ci", .action = "a", .request_id = id, .path = "/"});
}

/* The numbers of the records in Redis, in their order; returns how many entries. */
static size_t stored(int *numbers, int max, int *count)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct audit_range range = {.before_ms = INT64_MAX, .before_seq = 0, .entries = 5000};
    struct err err;

    *count = 0;
    audit_list(&cmd, PREFIX, &range);
    assert_int_equal(redis_call(redis, &cmd, PATIENCE_MS, &reply, &err), 0);
    for (size_t i = redis_reply_count(reply); i-- > 0;) {
        struct audit_entry entry;

        assert_int_equal(audit_entry_at(reply, i, &entry), 0);
        for (const char *at = entry.lines; *at != '\0'; at = strchr(at, '\n') + 1) {
            const char *id = strstr(at, "\"requestId\":\"r");

            assert_non_null(id);
            assert_true(*count < max);
            numbers[(*count)++] = (int)strtol(id + strlen("\"requestId\":\"r"), NULL, 10);
        }
    }
    return redis_reply_count(reply);
}

/* 0 … count - 1, each once and in order. */
static size_t assert_stored(int count)
{
    static int numbers[100000];
    int found;
    size_t entries = stored(numbers, (int)ARRAY_LEN(numbers), &found);

    assert_int_equal(found, count);
    for (int i = 0; i < count; i++)
        assert_int_equal(numbers[i], i);
    return entries;
}

static void records_of_a_turn_are_one_entry(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(add(i), 1);
    assert_true(audit_is_on_its_way(api.audit, 1));
    until_stored();
    assert_false(audit_is_on_its_way(api.audit, 1));
    assert_int_equal(assert_stored(10), 1);
}

static void many_leave_before_the_turn_is_over(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        add(i);
    until_stored();
    assert_int_equal(assert_stored(1000), 16);
}

static void a_turn_without_records_sends_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        turn();
    assert_int_equal(redis_link_pending(api.link.redis), 0);
    assert_int_equal(assert_stored(0), 0);
}

static void where_it_is_off_nothing_is_taken(void **state)
{
    (void)state;
    conf.audit_days = 0;
    assert_int_equal(add(0), 0);
    assert_true(audit_is_empty(api.audit));
}

/* ---- what goes wrong ---- */
/* The first batch has run, and nobody knows; those behind it may have or not. */
static void what_lost_its_reply_is_sent_again_and_stored_once(void **state)
{
    int lost = redis_proxy_lost(&proxy), number = 0;

    (void)state;
    redis_proxy_lose(&proxy, "requestId", 20);
    while (redis_proxy_lost(&proxy) < lost + 20) {
        for (int i = 0; i < 100; i++)
            add(number++);
        for (int i = 0; i < 200 && !audit_is_empty(api.audit); i++)
            turn();
    }
    until_stored();
    assert_stored(number);
    assert_int_equal(audit_counters(api.audit).dropped, 0);
}

static void scripts_that_redis_forgot_are_told_again(void **state)
{
    (void)state;
    forget(command("SCRIPT", NULL));
    for (int i = 0; i < 1000; i++)
        add(i);
    until_stored();
    assert_stored(1000);
}

static void what_waits_for_redis_is_stored_when_it_is_back(void **state)
{
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;

    (void)state;
    add(0);
    until_stored();
    redis_server_kill(&server);
    while (redis_link_ready(api.link.redis) && clock_mono_ms() < deadline_ms)
        turn();
    for (int i = 1; i < 2000; i++)
        assert_false(audit_is_on_its_way(api.audit, add(i)));
    redis_server_restart(&server);
    until_stored();
    assert_stored(2000);
}

static void beyond_what_may_wait_the_newest_are_dropped_and_counted(void **state)
{
    struct audit_counters counters;
    AUTO(auto_free) char *path = mem_new(1, AUDIT_TEXT_MAX + 1);
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
    int taken = 0, added;

    (void)state;
    memset(path, 'x', AUDIT_TEXT_MAX);
    redis_server_kill(&server);
    while (redis_link_ready(api.link.redis) && clock_mono_ms() < deadline_ms)
        turn();
    for (added = 0; added < 40000; added++) {
        AUTO(auto_free) char *id = mem_fmt("r%d", added);

        if (audit_add(api.audit, &(struct audit_record){.request_id = id, .path = path}) >
            0)
            taken++;
        else
            break;
    }
    assert_true(taken > 10000);
    add(added);
    counters = audit_counters(api.audit);
    assert_int_equal(counters.records, taken);
    assert_int_equal(counters.dropped, 2);
    assert_int_equal(counters.waiting, AUDIT_BATCHES);
    redis_server_restart(&server);
    until_stored();
    assert_stored(taken);
    assert_int_equal(add(taken), AUDIT_BATCHES + 1);
    until_stored();
    assert_stored(taken + 1);
}

static void a_batch_that_redis_cannot_take_does_not_stop_the_rest(void **state)
{
    (void)state;
    forget(command("INCR", "audit"));
    add(0);
    until_stored();
    assert_int_equal(audit_counters(api.audit).dropped, 1);
    forget(command("DEL", "audit"));
    add(0);
    until_stored();
    assert_stored(1);
}

/* ---- how long it is kept ---- */
/* Redis trims by nodes of its stream, so that some of the oldest stay for a while. */
static void what_is_older_than_it_is_kept_goes(void **state)
{
    AUTO(redis_reply_free) struct redisReply *left = NULL;

    (void)state;
    for (int i = 1; i <= 1000; i++) {
        AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct err err;

        redis_cmd_init(&cmd);
        redis_cmd_arg(&cmd, "XADD");
        redis_cmd_arg(&cmd, PREFIX "audit");
        redis_cmd_fmt(&cmd, "%d-1", i);
        redis_cmd_arg(&cmd, "records");
        redis_cmd_arg(&cmd, "{}\n");
        assert_int_equal(redis_call(redis, &cmd, PATIENCE_MS, &reply, &err), 0);
    }
    add(0);
    until_stored();
    left = command("XLEN", "audit");
    assert_true(left->integer >= 1 && left->integer < 200);
}

/* ---- a record ---- */
static void a_record_has_what_there_is(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(4096);
    const struct audit_record record = {.token = "ci",
                                        .address = "::1",
                                        .forwarded_for = "a\"\n\x01\xff",
                                        .action = "apply",
                                        .project_id = "",
                                        .pull_request = 7,
                                        .request_id = "r",
                                        .status = 409};

    (void)state;
    audit_write(&record, &out);
    assert_string_equal(
        buf_text(&out),
        "{\"token\":\"ci\",\"address\":\"::1\",\"forwardedFor\":\"a\\\"\\n\\u0001\xef\xbf"
        "\xbd\",\"action\":\"apply\",\"pullRequest\":7,\"requestId\":\"r\",\"outcome\":"
        "\"refused\",\"status\":409}\n");
}

static void the_largest_record_has_room(void **state)
{
    AUTO(auto_free) char *text = mem_new(1, 2 * AUDIT_TEXT_MAX);
    AUTO(buf_done) struct buf out = BUF_INIT(AUDIT_BATCH_MAX / 2);

    (void)state;
    memset(text, 1, 2 * AUDIT_TEXT_MAX - 1);
    audit_write(&(struct audit_record){text, text, text, text, text, text, text, text,
                                       text, text, text, INT64_MAX, text, 599},
                &out);
    assert_false(out.over);
    assert_true(out.len > 6 * AUDIT_TEXT_MAX * 11);
}

static void a_member_is_found_only_where_it_is_one(void **state)
{
    static const char line[] =
        "{\"token\":\"ci\",\"path\":\"\\\"token\\\":\\\"root\\\"\"}";
    static const struct {
        const char *value;
        bool has;
    } table[] = {{"ci", true}, {"c", false}, {"i", false}, {"root", false}, {"", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        AUTO(buf_done) struct buf member = BUF_INIT(256);
        struct json_writer w;

        json_open(&w, &member);
        json_add_text(&w, "token", table[i].value);
        assert_int_equal(audit_line_has(line, strlen(line), &member), table[i].has);
    }
}

#define AUDIT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUDIT_TEST(records_of_a_turn_are_one_entry),
        AUDIT_TEST(many_leave_before_the_turn_is_over),
        AUDIT_TEST(a_turn_without_records_sends_nothing),
        AUDIT_TEST(where_it_is_off_nothing_is_taken),
        AUDIT_TEST(what_lost_its_reply_is_sent_again_and_stored_once),
        AUDIT_TEST(scripts_that_redis_forgot_are_told_again),
        AUDIT_TEST(what_waits_for_redis_is_stored_when_it_is_back),
        AUDIT_TEST(beyond_what_may_wait_the_newest_are_dropped_and_counted),
        AUDIT_TEST(a_batch_that_redis_cannot_take_does_not_stop_the_rest),
        AUDIT_TEST(what_is_older_than_it_is_kept_goes),
        cmocka_unit_test(a_record_has_what_there_is),
        cmocka_unit_test(the_largest_record_has_room),
        cmocka_unit_test(a_member_is_found_only_where_it_is_one),
    };

    return cmocka_run_group_tests_name("api_audit", tests, group_setup, group_teardown);
}
