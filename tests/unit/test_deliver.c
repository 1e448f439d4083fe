/* From the end of a run to the requests that hooks get: a real Redis, a real receiver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/hook/webhook.h"
#include "common/redis/scripts.h"
#include "scheduler/notify.h"
#include "tests/support/hook_server.h"
#include "tests/support/redis_server.h"

#define PREFIX     "{test}:"
#define TIMEOUT_MS 10000
#define SECRET     "a secret of the receiver"
#define DRIFT(name)                                                                      \
    "{\"driftedCount\":1,\"driftedResources\":[{\"address\":\"" name                     \
    "\",\"action\":\"update\",\"severity\":\"warning\",\"changes\":[]}]}"

static struct redis_server server;
static struct hook_server receiver;
static struct redis *redis;
static struct conf conf;
static struct notify notify;
static int runs, hooks;

static int set_up(void **state)
{
    (void)state;
    redis_server_start(&server, REDIS_SERVER_APPEND_ONLY, NULL);
    redis = redis_new(&server.address, PREFIX, scripts_all, TIMEOUT_MS);
    hook_server_start(&receiver);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hook_server_stop(&receiver);
    redis_free(redis);
    redis_server_stop(&server);
    return 0;
}

static struct redisReply *call(struct redis_cmd *cmd)
{
    struct redisReply *reply = NULL;
    struct err err;

    if (redis_call(redis, cmd, TIMEOUT_MS, &reply, &err) < 0)
        fail_msg("%s", err.message);
    redis_cmd_done(cmd);
    return reply;
}

/* A plain command of words parted by blanks; the key, the second, without prefix. */
static struct redisReply *plain_args(const char *format, va_list args)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1024);
    struct redis_cmd cmd;
    char **words;
    size_t count;

    buf_vfmt(&text, format, args);
    words = parse_list(buf_text(&text), ' ', &count);
    redis_cmd_init(&cmd);
    for (size_t i = 0; i < count; i++)
        redis_cmd_fmt(&cmd, "%s%s", i == 1 ? PREFIX : "", words[i]);
    parse_list_free(words, count);
    return call(&cmd);
}

static int64_t plain(const char *format, ...)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    va_list args;

    va_start(args, format);
    reply = plain_args(format, args);
    va_end(args);
    return redis_reply_int(reply, -1);
}

/* A text, or the first of a list; the caller frees. */
static char *ask(const char *format, ...)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    va_list args;

    va_start(args, format);
    reply = plain_args(format, args);
    va_end(args);
    return mem_dup(redis_reply_text(
        redis_reply_count(reply) > 0 ? redis_reply_at(reply, 0) : reply));
}

static int fresh(void **state)
{
    struct redis_cmd cmd;

    (void)state;
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "FLUSHALL");
    redis_cmd_arg(&cmd, "SYNC");
    {
        AUTO(redis_reply_free) struct redisReply *reply = call(&cmd);
    }
    conf = (struct conf){
        .hook_allow_private = true, .hook_timeout_ms = 2000, .hook_retry_ms = 20};
    notify_init(&notify, &conf, redis);
    return 0;
}

static int stale(void **state)
{
    (void)state;
    notify_done(&notify);
    return 0;
}

/* ---- hooks ---- */

struct own_hook {
    char id[SIGN_UUID_BYTES];
    char path[96]; /* at the receiver, of no other hook */
};

static struct own_hook put_hook(enum hook_kind kind, const char *path, const char *secret)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(auto_free) char *url = NULL;
    struct own_hook own;
    struct hook hook = {.id = own.id,
                        .kind = kind,
                        .project_id = "",
                        .workspace_id = "",
                        .secret = secret,
                        .enabled = true};
    enum hook_outcome outcome;
    struct redis_cmd cmd;
    struct hook made;
    struct err err;

    sign_uuid4(own.id);
    snprintf(own.path, sizeof(own.path), "%s%chook=%d", path,
             strchr(path, '?') ? '&' : '?', ++hooks);
    hook.url = url = hook_server_url(&receiver, own.path);
    hook_put(&cmd, PREFIX, &hook);
    reply = call(&cmd);
    assert_int_equal(hook_put_reply(reply, &outcome, &made, &err), 0);
    assert_int_equal(outcome, HOOK_CREATED);
    return own;
}

static bool is_enabled(const struct own_hook *own)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    struct hook hook;
    struct err err;

    hook_get(&cmd, PREFIX, own->id);
    reply = call(&cmd);
    assert_int_equal(hook_get_reply(reply, own->id, &hook, &err), 0);
    return hook.enabled;
}

/* ---- runs ---- */

static struct queue_hold claim_run(void)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(claimed_done) struct claimed claimed = {0};
    char nonce[SIGN_ID_BYTES];
    struct redis_cmd cmd;
    struct err err;

    sign_nonce(nonce);
    queue_claim(&cmd, PREFIX, "w", nonce);
    reply = call(&cmd);
    assert_int_equal(queue_claim_reply(reply, nonce, &claimed, &err), 0);
    assert_int_equal(claimed.outcome, CLAIM_RUN);
    return claimed.hold;
}

/* A check of that target runs and ends; metadata NULL: it failed. */
static void end_check_of(const char *target, const char *project_id,
                         enum run_status status, const char *metadata)
{
    AUTO(auto_free) char *id = mem_fmt("run%d", ++runs);
    const struct enqueue request = {
        .run_id = id,
        .kind = RUN_DRIFT_CHECK,
        .trigger = TRIGGER_API,
        .target = target,
        .scope = target,
        .project_id = project_id,
        .workspace_id = project_id,
        .spec = "{\"repository\":\"acme/net\"}",
        .ref = "main",
        .registry_revision = -1,
        .max_queued = 10000,
        .max_queued_project = 1000,
    };
    const struct finish finish = {
        .status = status,
        .exit_code = -1,
        .error_code = status == RUN_ERROR ? "TIMEOUT" : "",
        .metadata = metadata,
        .metadata_len = metadata ? strlen(metadata) : 0,
    };
    enum hold_outcome outcome;
    struct queue_hold hold;
    struct redis_cmd cmd;
    struct err err;

    queue_enqueue(&cmd, PREFIX, &request);
    {
        AUTO(redis_reply_free) struct redisReply *reply = call(&cmd);
    }
    hold = claim_run();
    queue_finish(&cmd, PREFIX, &hold, &finish);
    AUTO(redis_reply_free) struct redisReply *reply = call(&cmd);
    assert_int_equal(queue_hold_reply(reply, &outcome, &err), 0);
    assert_int_equal(outcome, HOLD_DONE);
}

static void end_check(const char *target, enum run_status status, const char *metadata)
{
    end_check_of(target, "", status, metadata);
}

/* ---- the loop ---- */

static void turn(void)
{
    int64_t next_mono_ms, sleep_ms;
    struct err err;

    if (notify_tick(&notify, clock_mono_ms(), &next_mono_ms, &err) < 0)
        assert_int_equal(err.kind, ERR_TEMP);
    sleep_ms = next_mono_ms - clock_mono_ms();
    notify_wait(&notify, NULL, 0, sleep_ms < 0 ? 0 : sleep_ms > 20 ? 20 : sleep_ms);
}

typedef bool condition(const void *arg);

static void turn_until(condition *is_so, const void *arg, const char *what)
{
    int64_t deadline_ms = clock_mono_ms() + TIMEOUT_MS;

    while (!is_so(arg)) {
        if (clock_mono_ms() > deadline_ms)
            fail_msg("not in time: %s", what);
        turn();
    }
}

/* Everything was told and sent, or waits for another day. */
static bool is_idle(const void *arg)
{
    (void)arg;
    return plain("LLEN outbox") == 0 && plain("ZCARD hooks_due") == 0 &&
           http_out_running(notify.deliver.out) == 0 && !notify.deliver.landed;
}

static void settle(void)
{
    notify.spreader.due_mono_ms = 0;
    turn_until(is_idle, NULL, "everything is sent");
}

/* Requests to that path so far; the caller frees with cJSON_Delete. */
static cJSON *requests(const char *path)
{
    AUTO(auto_json) cJSON *log = hook_server_log(&receiver);
    cJSON *found = cJSON_CreateArray();

    while (log->child) {
        cJSON *one = cJSON_DetachItemViaPointer(log, log->child);

        if (strcmp(json_string(one, "path"), path) == 0)
            cJSON_AddItemToArray(found, one);
        else
            cJSON_Delete(one);
    }
    return found;
}

static int request_count(const struct own_hook *own)
{
    AUTO(auto_json) cJSON *found = requests(own->path);

    return cJSON_GetArraySize(found);
}

static bool has_request(const void *arg)
{
    return request_count(arg) > 0;
}

/* The types of the events that a generic hook got, parted by blanks; the caller frees. */
static char *types(const struct own_hook *own)
{
    AUTO(auto_json) cJSON *found = requests(own->path);
    struct buf text = BUF_INIT(1024);

    for (const cJSON *one = found->child; one; one = one->next) {
        AUTO(auto_json) cJSON *event = cJSON_Parse(json_string(one, "body"));

        buf_fmt(&text, "%s%s", text.len > 0 ? " " : "", json_string(event, "type"));
    }
    return buf_take(&text);
}

static void assert_types(const struct own_hook *own, const char *expected)
{
    AUTO(auto_free) char *got = types(own);

    assert_string_equal(got, expected);
}

/* The note of the newest attempt of the hook's newest delivery, as "state note". */
static char *last_note(const struct own_hook *own)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(auto_json) cJSON *log = NULL;
    struct delivery delivery;
    struct redis_cmd cmd;
    struct err err;

    outbox_deliveries(&cmd, PREFIX, own->id, 0, NULL, 1);
    reply = call(&cmd);
    assert_int_equal(outbox_deliveries_count(reply), 1);
    assert_int_equal(outbox_deliveries_at(reply, 0, &delivery, &err), 0);
    log = cJSON_Parse(delivery.log);
    return mem_fmt(
        "%s %lld %s", delivery.state, (long long)delivery.attempts,
        json_string(cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1), "note"));
}

static void assert_note(const struct own_hook *own, const char *expected)
{
    AUTO(auto_free) char *got = last_note(own);

    assert_string_equal(got, expected);
}

/* What people are told waits some seconds for more: not in a test. */
static void hurry(const char *hook_id)
{
    plain("HSET gather:%s first 1 last 1", hook_id);
    plain("ZADD hooks_due 1 %s", hook_id);
    deliver_wake(&notify.deliver);
}

static bool is_spread(const void *arg)
{
    (void)arg;
    return plain("LLEN outbox") == 0;
}

/* ---- what is told ---- */

static void drift_is_told_once_until_it_changes_or_goes(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/ok", "");

    (void)state;
    end_check("t1", RUN_CLEAN, NULL);
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle(); /* what is under way together comes in any order */
    end_check("t1", RUN_ERROR, NULL);
    settle();
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    assert_types(&hook, "drift.detected check.failed check.recovered");
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("b"));
    settle();
    end_check("t1", RUN_CLEAN, NULL);
    settle();
    assert_types(&hook, "drift.detected check.failed check.recovered drift.changed "
                        "drift.resolved");
    assert_int_equal(notify.spreader.told[EVENT_DRIFT_DETECTED], 1);
    assert_int_equal(notify.deliver.ends[DELIVERY_SENT], 5);
}

static void a_hook_gets_what_it_wants(void **state)
{
    struct own_hook all = put_hook(HOOK_GENERIC, "/ok", "");
    struct own_hook failures = put_hook(HOOK_GENERIC, "/ok", "");

    (void)state;
    plain("HSET hook:%s events %d", failures.id, 1 << EVENT_CHECK_FAILED);
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle(); /* what is under way together comes in any order */
    end_check("t2", RUN_ERROR, NULL);
    settle();
    assert_types(&all, "drift.detected check.failed");
    assert_types(&failures, "check.failed");
}

static void a_broken_entry_holds_nothing_up(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/ok", "");

    (void)state;
    plain("RPUSH outbox gone");
    end_check("t1", RUN_DRIFT_DETECTED, "{\"driftedResources\":7}");
    end_check("t2", RUN_DRIFT_DETECTED, "not JSON");
    end_check("t3", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    assert_types(&hook, "drift.detected drift.detected");
}

static bool was_reminded(const void *arg)
{
    (void)arg;
    return notify.spreader.told[EVENT_DRIFT_REMINDER] > 0;
}

/* More hooks than one page of them. */
static void every_hook_of_many_is_told(void **state)
{
    struct own_hook many[HOOK_LIST_PAGE_MAX + 20];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = put_hook(HOOK_GENERIC, "/ok", "");
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    assert_int_equal(notify.deliver.ends[DELIVERY_SENT], ARRAY_LEN(many));
    assert_int_equal(request_count(&many[0]), 1);
    assert_int_equal(request_count(&many[ARRAY_LEN(many) - 1]), 1);
}

static void a_new_hook_is_known_to_who_has_a_copy(void **state)
{
    struct own_hook first = put_hook(HOOK_GENERIC, "/ok", ""), second;

    (void)state;
    end_check("t1", RUN_ERROR, NULL);
    settle();
    second = put_hook(HOOK_GENERIC, "/ok", "");
    end_check("t2", RUN_ERROR, NULL);
    settle();
    assert_types(&first, "check.failed check.failed");
    assert_types(&second, "check.failed");
}

static void a_reminder_comes_when_it_is_due(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/ok", "");
    AUTO(auto_free) char *subject = NULL;

    (void)state;
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    notify.spreader.remind_due_mono_ms = 0;
    turn();
    settle();
    assert_types(&hook, "drift.detected");
    subject = ask("ZRANGE reminders 0 0");
    plain("ZADD reminders 1 %s", subject);
    notify.spreader.remind_due_mono_ms = 0;
    turn_until(was_reminded, NULL, "a reminder");
    settle();
    assert_types(&hook, "drift.detected drift.reminder");
    end_check("t1", RUN_CLEAN, NULL);
    settle();
    assert_int_equal(plain("ZCARD reminders"), 0);
}

/* It was deleted while its event waited. */
static void a_workspace_that_is_gone_is_not_remembered(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/ok", "");

    (void)state;
    end_check_of("t1", "gone", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    assert_types(&hook, "drift.detected");
    assert_int_equal(plain("EXISTS told:t1"), 0);
    assert_int_equal(plain("ZCARD reminders"), 0);
}

static void a_turn_of_spreading_leaves_time_for_the_rest(void **state)
{
    int64_t next_mono_ms;
    struct err err;

    (void)state;
    for (int i = 0; i < 3; i++)
        end_check("t1", RUN_ERROR, NULL);
    /* A turn that began long ago. */
    assert_true(spreader_tick(&notify.spreader, clock_mono_ms() - TIMEOUT_MS,
                              &next_mono_ms, &err) >= 0);
    assert_int_equal(plain("LLEN outbox"), 2);
    assert_true(next_mono_ms <= clock_mono_ms());
    settle();
}

/* ---- requests ---- */

static void a_program_gets_a_signed_event(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/ok", SECRET);
    AUTO(auto_json) cJSON *found = NULL;
    const cJSON *request, *headers;
    const char *body;

    (void)state;
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    found = requests(hook.path);
    assert_int_equal(cJSON_GetArraySize(found), 1);
    request = found->child;
    headers = json_get(request, "headers");
    body = json_string(request, "body");
    assert_true(webhook_verify(SECRET, json_string(headers, "webhook-id"),
                               json_string(headers, "webhook-timestamp"),
                               json_string(headers, "webhook-signature"),
                               clock_wall_ms() / 1000, body, strlen(body)));
    assert_true(parse_is_uuid(json_string(headers, "webhook-id")));
    assert_string_equal(json_string(headers, "content-type"), "application/json");
    assert_int_equal(strncmp(json_string(headers, "user-agent"), "kedge/", 6), 0);
}

static void while_a_secret_is_replaced_both_sign(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/ok", SECRET);
    AUTO(auto_json) cJSON *found = NULL;
    const char *signatures;

    (void)state;
    plain("HSET hook:%s old_secret older-secret old_until %lld", hook.id,
          (long long)clock_wall_ms() + 60000);
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    found = requests(hook.path);
    signatures = json_string(json_get(found->child, "headers"), "webhook-signature");
    assert_int_equal(strlen(signatures), 2 * (WEBHOOK_SIGNATURE_BYTES - 1) + 1);
    assert_int_equal(strncmp(strchr(signatures, ' ') + 1, "v1,", 3), 0);
}

static void what_fails_comes_again_with_the_same_id(void **state)
{
    static const char *const paths[] = {"/once/500", "/once/404", "/once/429?after=0",
                                        "/once/503?after=0"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct own_hook hook = put_hook(HOOK_GENERIC, paths[i], "");
        AUTO(auto_free) char *target = mem_fmt("t%zu", i);
        AUTO(auto_json) cJSON *found = NULL;

        end_check(target, RUN_DRIFT_DETECTED, DRIFT("a"));
        settle();
        found = requests(hook.path);
        assert_int_equal(cJSON_GetArraySize(found), 2);
        assert_string_equal(
            json_string(json_get(found->child, "headers"), "webhook-id"),
            json_string(json_get(found->child->next, "headers"), "webhook-id"));
        assert_note(&hook, "sent 2 ");
    }
}

static void who_is_gone_is_disabled(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/status/410?body=bye", "");

    (void)state;
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    assert_false(is_enabled(&hook));
    assert_note(&hook, "dead 1 status 410: bye");
    end_check("t2", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    assert_int_equal(request_count(&hook), 1);
}

static void a_redirect_ends_it_at_once(void **state)
{
    struct own_hook target = put_hook(HOOK_GENERIC, "/ok", "");
    struct own_hook hook =
        put_hook(HOOK_GENERIC, "/redirect?to=http://169.254.169.254/latest", "");

    (void)state;
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    assert_note(&hook, "dead 1 redirects are not followed (to 169.254.169.254)");
    assert_int_equal(request_count(&hook), 1);
    assert_int_equal(request_count(&target), 1);
}

static void a_private_address_is_refused_at_once(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/ok", "");

    (void)state;
    notify_done(&notify);
    conf.hook_allow_private = false;
    notify_init(&notify, &conf, redis);
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    assert_note(&hook, "dead 1 127.0.0.1: its address is not public (loopback)");
    assert_int_equal(request_count(&hook), 0);
}

static bool only_hangs(const void *arg)
{
    (void)arg;
    return http_out_running(notify.deliver.out) == OUTBOX_FLYING_MAX;
}

static void who_hangs_delays_nobody_else(void **state)
{
    struct own_hook hangs = put_hook(HOOK_GENERIC, "/hang", "");
    struct own_hook well = put_hook(HOOK_GENERIC, "/ok", "");
    int64_t start_ms = clock_mono_ms();

    (void)state;
    for (int i = 0; i < 40; i++) {
        AUTO(auto_free) char *target = mem_fmt("t%d", i);

        end_check(target, RUN_ERROR, NULL);
    }
    while (request_count(&well) < 40) {
        assert_true(clock_mono_ms() - start_ms < conf.hook_timeout_ms);
        turn();
    }
    assert_int_equal(request_count(&hangs), OUTBOX_FLYING_MAX);
    turn_until(only_hangs, NULL, "the others are done");
    assert_int_equal(notify.deliver.ends[DELIVERY_SENT], 40);
}

static bool all_have_failed(const void *arg)
{
    const size_t *count = arg;

    return notify.deliver.ends[DELIVERY_RETRY] >= (int64_t)*count;
}

/* More of them than would fill all places that there are. */
static void many_who_hang_delay_nobody_else(void **state)
{
    struct own_hook hangs[2 * DELIVER_FLYING_MAX / OUTBOX_FLYING_MAX], well;
    const size_t count = ARRAY_LEN(hangs);
    int64_t start_ms;

    (void)state;
    notify_done(&notify);
    conf.hook_timeout_ms = 200;
    notify_init(&notify, &conf, redis);
    for (size_t i = 0; i < count; i++)
        hangs[i] = put_hook(HOOK_GENERIC, "/hang", "");
    end_check("t0", RUN_ERROR, NULL);
    turn_until(all_have_failed, &count, "they are known not to answer");
    well = put_hook(HOOK_GENERIC, "/ok", "");
    conf.hook_timeout_ms = TIMEOUT_MS;
    start_ms = clock_mono_ms();
    for (int i = 1; i <= 20; i++) {
        AUTO(auto_free) char *target = mem_fmt("t%d", i);

        end_check(target, RUN_ERROR, NULL);
    }
    while (request_count(&well) < 20) {
        assert_true(clock_mono_ms() - start_ms < conf.hook_timeout_ms);
        turn();
    }
    assert_true(http_out_running(notify.deliver.out) <= count + OUTBOX_FLYING_MAX);
    assert_true(request_count(&hangs[0]) > 0);
}

static void the_event_may_be_forgotten(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/once/500", "");
    AUTO(auto_free) char *delivery = NULL;
    AUTO(auto_free) char *event = NULL;

    (void)state;
    conf.hook_retry_ms = 300;
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    turn_until(has_request, &hook, "the first attempt");
    delivery = ask("ZRANGE deliveries:%s 0 0", hook.id);
    event = ask("HGET delivery:%s event", delivery);
    assert_int_equal(plain("DEL event:%s", event), 1);
    settle();
    assert_note(&hook, "dead 2 the event is forgotten");
    assert_int_equal(request_count(&hook), 1);
}

/* ---- people ---- */

static void many_ends_make_one_message(void **state)
{
    struct own_hook slack = put_hook(HOOK_SLACK, "/slack", "");
    struct own_hook teams = put_hook(HOOK_TEAMS, "/teams", "");
    AUTO(auto_json) cJSON *found = NULL;

    (void)state;
    for (int i = 0; i < 30; i++) {
        AUTO(auto_free) char *target = mem_fmt("t%d", i);

        end_check(target, i % 3 ? RUN_DRIFT_DETECTED : RUN_ERROR,
                  i % 3 ? DRIFT("a") : NULL);
    }
    turn_until(is_spread, NULL, "it is spread");
    turn();
    assert_int_equal(request_count(&slack), 0);
    hurry(slack.id);
    hurry(teams.id);
    settle();
    assert_int_equal(request_count(&slack), 1);
    assert_int_equal(request_count(&teams), 1);
    assert_note(&slack, "sent 1 ");
    assert_note(&teams, "sent 1 ");
    found = requests(slack.path);
    assert_non_null(strstr(json_string(found->child, "body"), "20 drifted, 10 failed"));
}

static void the_default_hook_is_told_too(void **state)
{
    AUTO(auto_free) char *url = hook_server_url(&receiver, "/slack/default");
    AUTO(auto_json) cJSON *found = NULL;

    (void)state;
    notify_done(&notify);
    conf.slack_webhook_url = url;
    notify_init(&notify, &conf, redis);
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    turn_until(is_spread, NULL, "it is spread");
    hurry(HOOK_DEFAULT_ID);
    settle();
    found = requests("/slack/default");
    assert_int_equal(cJSON_GetArraySize(found), 1);
    assert_int_equal(cJSON_GetArraySize(json_get(found->child, "wrong")), 0);
}

/* ---- trouble of our own ---- */

static bool has_landed(const void *arg)
{
    (void)arg;
    return notify.deliver.landed != NULL;
}

static void what_was_sent_is_not_forgotten_while_redis_is_away(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/slow", "");

    (void)state;
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    turn_until(has_request, &hook, "the request is there");
    redis_server_kill(&server);
    turn_until(has_landed, NULL, "the answer is there");
    for (int i = 0; i < 5; i++)
        turn();
    assert_non_null(notify.deliver.landed);
    redis_server_restart(&server);
    settle();
    assert_int_equal(request_count(&hook), 1);
    assert_note(&hook, "sent 1 ");
}

static void who_stops_gives_back_what_is_under_way(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/slow", "");

    (void)state;
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    turn_until(has_request, &hook, "the request is there");
    notify_done(&notify);
    assert_note(&hook, "waiting 1 127.0.0.1: we stopped");
    notify_init(&notify, &conf, redis);
    settle();
    assert_note(&hook, "sent 2 ");
}

/* As after kill -9: nobody says what became of the request. */
static void die(void)
{
    notify.deliver.redis = NULL;
    notify_done(&notify);
}

static void what_a_killed_sender_had_comes_again_with_the_same_id(void **state)
{
    struct own_hook hook = put_hook(HOOK_GENERIC, "/slow", "");
    AUTO(auto_free) char *delivery = NULL;
    AUTO(auto_json) cJSON *found = NULL;

    (void)state;
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    turn_until(has_request, &hook, "the request is there");
    die();
    notify_init(&notify, &conf, redis);
    for (int i = 0; i < 5; i++)
        turn();
    assert_int_equal(request_count(&hook), 1);
    /* The lease is over. */
    delivery = ask("ZRANGE flying:%s 0 0", hook.id);
    plain("ZADD flying:%s 1 %s", hook.id, delivery);
    plain("ZADD hooks_due 1 %s", hook.id);
    deliver_wake(&notify.deliver);
    settle();
    found = requests(hook.path);
    assert_int_equal(cJSON_GetArraySize(found), 2);
    assert_string_equal(
        json_string(json_get(found->child, "headers"), "webhook-id"),
        json_string(json_get(found->child->next, "headers"), "webhook-id"));
    assert_note(&hook, "sent 2 ");
}

static void numbers_are_printed(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(65536);
    struct own_hook hook = put_hook(HOOK_GENERIC, "/ok", "");

    (void)state;
    end_check("t1", RUN_DRIFT_DETECTED, DRIFT("a"));
    settle();
    assert_int_equal(request_count(&hook), 1);
    notify_print_metrics(&notify, &out);
    assert_non_null(
        strstr(buf_text(&out), "kedge_events_total{type=\"drift.detected\"} 1\n"));
    assert_non_null(
        strstr(buf_text(&out), "kedge_hook_deliveries_total{outcome=\"sent\"} 1\n"));
    assert_non_null(strstr(buf_text(&out), "kedge_outbox_entries 0\n"));
    assert_non_null(strstr(buf_text(&out), "kedge_hook_request_seconds_count 1\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, stale)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(drift_is_told_once_until_it_changes_or_goes),
        TEST(a_hook_gets_what_it_wants),
        TEST(a_broken_entry_holds_nothing_up),
        TEST(every_hook_of_many_is_told),
        TEST(a_new_hook_is_known_to_who_has_a_copy),
        TEST(a_reminder_comes_when_it_is_due),
        TEST(a_workspace_that_is_gone_is_not_remembered),
        TEST(a_turn_of_spreading_leaves_time_for_the_rest),
        TEST(a_program_gets_a_signed_event),
        TEST(while_a_secret_is_replaced_both_sign),
        TEST(what_fails_comes_again_with_the_same_id),
        TEST(who_is_gone_is_disabled),
        TEST(a_redirect_ends_it_at_once),
        TEST(a_private_address_is_refused_at_once),
        TEST(who_hangs_delays_nobody_else),
        TEST(many_who_hang_delay_nobody_else),
        TEST(the_event_may_be_forgotten),
        TEST(many_ends_make_one_message),
        TEST(the_default_hook_is_told_too),
        TEST(what_was_sent_is_not_forgotten_while_redis_is_away),
        TEST(who_stops_gives_back_what_is_under_way),
        TEST(what_a_killed_sender_had_comes_again_with_the_same_id),
        TEST(numbers_are_printed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
