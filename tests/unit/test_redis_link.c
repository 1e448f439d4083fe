/* The Redis client that never blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_link_internal.h"
#include "tests/support/redis_fake.h"
#include "tests/support/redis_server.h"
#include "tests/support/redis_turn.h"

#define PREFIX      "{test}:"
#define TIMEOUT_MS  5000
#define DEADLINE_MS 15000 /* no test may loop longer */
#define PIPELINE    500

#define ECHO_TEXT "#!lua\nreturn ARGV[1]"
#define ECHO_SHA1 "3a8485c1393a4c5f62edc979750b8f5dde1d2de7"
static const struct redis_script echo_script = {.name = "echo",
                                                .text = (const unsigned char *)ECHO_TEXT,
                                                .len = sizeof ECHO_TEXT - 1,
                                                .sha1 = ECHO_SHA1};
static const struct redis_script *const scripts[] = {&echo_script, NULL};

/* What one callback was told. */
struct outcome {
    int calls;
    int64_t number;     /* of the reply; -1 for another type */
    char text[64];      /* of the reply */
    enum err_kind kind; /* ERR_NONE: there was a reply */
    char message[ERR_MESSAGE_BYTES];
};

static void note(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct outcome *outcome = arg;
    const char *text = redis_reply_text(reply);

    assert_true((reply == NULL) != (err == NULL));
    outcome->calls++;
    outcome->number = redis_reply_int(reply, -1);
    snprintf(outcome->text, sizeof outcome->text, "%s", text != NULL ? text : "");
    outcome->kind = err != NULL ? err->kind : ERR_NONE;
    snprintf(outcome->message, sizeof outcome->message, "%s",
             err != NULL ? err->message : "");
}

/* A plain command of up to two words. */
static void send_words(struct redis_link *link, const char *word, const char *arg,
                       int64_t timeout_ms, struct outcome *outcome)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, word);
    if (arg != NULL)
        redis_cmd_arg(&cmd, arg);
    redis_link_send(link, &cmd, timeout_ms, note, outcome);
}

static void send_echo(struct redis_link *link, const char *text, struct outcome *outcome)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;

    redis_cmd_script(&cmd, &echo_script, PREFIX);
    redis_cmd_arg(&cmd, text);
    redis_link_send(link, &cmd, TIMEOUT_MS, note, outcome);
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

static struct redis_link *ready_link(const struct redis_address *address)
{
    struct redis_link *link = redis_link_new(address, PREFIX, scripts);

    REDIS_UNTIL(link, redis_link_ready(link));
    return link;
}

static void before_it_is_connected_a_command_fails_in_the_next_tick(void **state)
{
    struct redis_server server;
    struct redis_link *link;
    struct outcome outcome = {0};

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = redis_link_new(&server.address, PREFIX, scripts);
    assert_int_equal(redis_link_fd(link), -1);
    assert_string_equal(redis_link_prefix(link), PREFIX);
    send_words(link, "PING", NULL, TIMEOUT_MS, &outcome);
    assert_int_equal(outcome.calls, 0);
    assert_int_equal(redis_link_pending(link), 1);
    redis_link_tick(link);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.kind, ERR_TEMP);
    assert_int_equal(redis_link_pending(link), 0);
    REDIS_UNTIL(link, redis_link_ready(link));
    assert_int_equal(redis_link_generation(link), 1);
    assert_int_equal(fcntl(redis_link_fd(link), F_GETFD), FD_CLOEXEC);
    assert_int_equal(outcome.calls, 1);
    redis_link_free(link);
    redis_server_stop(&server);
}

static void replies_come_in_order_and_scripts_are_loaded(void **state)
{
    static struct outcome outcomes[PIPELINE];
    struct outcome echo = {0};
    struct redis_server server;
    struct redis_link *link;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = ready_link(&server.address);
    memset(outcomes, 0, sizeof outcomes);
    for (size_t i = 0; i < PIPELINE; i++)
        send_words(link, "INCR", "counter", TIMEOUT_MS, &outcomes[i]);
    send_echo(link, "hello", &echo);
    assert_int_equal(redis_link_pending(link), PIPELINE + 1);
    REDIS_UNTIL(link, echo.calls > 0);
    for (size_t i = 0; i < PIPELINE; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].number, i + 1);
    }
    assert_string_equal(echo.text, "hello");
    assert_int_equal(redis_link_pending(link), 0);
    redis_link_free(link);
    redis_server_stop(&server);
}

static void scripts_that_redis_lost_are_loaded_again(void **state)
{
    struct outcome flushed = {0}, lost[3] = {{0}}, found = {0};
    struct redis_server server;
    struct redis_link *link;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = ready_link(&server.address);
    send_words(link, "SCRIPT", "FLUSH", TIMEOUT_MS, &flushed);
    for (size_t i = 0; i < ARRAY_LEN(lost); i++)
        send_echo(link, "lost", &lost[i]);
    REDIS_UNTIL(link, lost[2].calls > 0);
    for (size_t i = 0; i < ARRAY_LEN(lost); i++)
        assert_int_equal(lost[i].kind, ERR_TEMP);
    assert_int_equal(redis_link_pending(link), 0);
    send_echo(link, "found", &found);
    REDIS_UNTIL(link, found.calls > 0);
    assert_string_equal(found.text, "found");
    assert_int_equal(redis_link_generation(link), 1);
    redis_link_free(link);
    redis_server_stop(&server);
}

static void a_kill_in_mid_pipeline_tells_every_caller_once(void **state)
{
    static struct outcome outcomes[PIPELINE];
    struct outcome after = {0};
    struct redis_server server;
    struct redis_link *link;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = ready_link(&server.address);
    memset(outcomes, 0, sizeof outcomes);
    for (size_t i = 0; i < PIPELINE; i++)
        send_words(link, "INCR", "counter", TIMEOUT_MS, &outcomes[i]);
    REDIS_UNTIL(link, outcomes[0].calls > 0);
    redis_server_freeze(&server);
    for (size_t i = 0; i < PIPELINE; i++)
        send_words(link, "INCR", "counter", TIMEOUT_MS, &outcomes[i]);
    redis_link_flush(link);
    redis_server_kill(&server);
    REDIS_UNTIL(link, redis_link_pending(link) == 0);
    for (size_t i = 0; i < PIPELINE; i++) {
        assert_int_equal(outcomes[i].calls, 2);
        assert_int_equal(outcomes[i].kind, ERR_TEMP);
    }
    assert_false(redis_link_ready(link));
    redis_server_restart(&server);
    REDIS_UNTIL(link, redis_link_ready(link));
    assert_int_equal(redis_link_generation(link), 2);
    send_echo(link, "after", &after);
    REDIS_UNTIL(link, after.calls > 0);
    assert_string_equal(after.text, "after");
    assert_int_equal(link->pause.pause_ms, 0);
    redis_link_free(link);
    redis_server_stop(&server);
}

static void a_frozen_server_times_out_whatever_stands_first(void **state)
{
    struct outcome patient = {0}, hasty = {0}, after = {0};
    struct redis_server server;
    struct redis_link *link;
    int64_t start_ms;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = ready_link(&server.address);
    redis_server_freeze(&server);
    start_ms = clock_mono_ms();
    send_words(link, "PING", NULL, 60000, &patient);
    send_words(link, "PING", NULL, 200, &hasty);
    REDIS_UNTIL(link, hasty.calls > 0);
    assert_in_range(clock_mono_ms() - start_ms, 200, 2200);
    assert_int_equal(hasty.kind, ERR_TEMP);
    assert_contains(hasty.message, "no answer in time");
    assert_contains(hasty.message, server.socket_path);
    assert_int_equal(patient.calls, 1);
    assert_int_equal(patient.kind, ERR_TEMP);
    redis_server_thaw(&server);
    REDIS_UNTIL(link, redis_link_ready(link));
    send_echo(link, "after", &after);
    REDIS_UNTIL(link, after.calls > 0);
    assert_int_equal(hasty.calls, 1);
    redis_link_free(link);
    redis_server_stop(&server);
}

static void an_answered_command_leaves_no_deadline_behind(void **state)
{
    struct outcome quick = {0}, slow = {0};
    struct redis_server server;
    struct redis_link *link;
    int64_t until_ms;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = ready_link(&server.address);
    send_words(link, "PING", NULL, 100, &quick);
    REDIS_UNTIL(link, quick.calls > 0);
    redis_server_freeze(&server);
    send_words(link, "PING", NULL, DEADLINE_MS, &slow);
    until_ms = clock_mono_ms() + 300;
    while (clock_mono_ms() < until_ms)
        redis_turn(link);
    assert_int_equal(slow.calls, 0);
    redis_server_thaw(&server);
    REDIS_UNTIL(link, slow.calls > 0);
    assert_string_equal(slow.text, "PONG");
    assert_int_equal(redis_link_generation(link), 1);
    redis_link_free(link);
    redis_server_stop(&server);
}

static void between_two_sockets_the_loop_sees_none(void **state)
{
    struct redis_server server;
    struct redis_link *link;
    int64_t give_up_ms = clock_mono_ms() + DEADLINE_MS;
    bool seen_none = false;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = ready_link(&server.address);
    redis_server_restart(&server);
    assert_true(redis_link_fd(link) >= 0);
    redis_link_io(link, POLLIN);
    /* However late the loop is. */
    while (clock_mono_ms() < link->pause.until_mono_ms)
        poll(NULL, 0, 5);
    while (redis_link_generation(link) < 2) {
        assert_true(clock_mono_ms() < give_up_ms);
        redis_link_tick(link);
        if (redis_link_fd(link) < 0)
            seen_none = true;
        else
            assert_true(seen_none);
        redis_link_io(link, redis_link_events(link));
    }
    redis_link_free(link);
    redis_server_stop(&server);
}

static void a_wrong_password_never_gets_ready_and_says_why(void **state)
{
    static const char *const options[] = {"--requirepass", "right", NULL};
    static char wrong[] = "wr0ng-secret", right[] = "right";
    struct outcome outcome = {0};
    struct redis_address address;
    struct redis_server server;
    struct redis_link *link;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, options);
    address = server.address;
    address.password = wrong;
    link = redis_link_new(&address, PREFIX, scripts);
    REDIS_UNTIL(link, link->pause.pause_ms > REDIS_PAUSE_MIN_MS);
    send_words(link, "PING", NULL, TIMEOUT_MS, &outcome);
    REDIS_UNTIL(link, outcome.calls > 0);
    assert_int_equal(redis_link_generation(link), 0);
    assert_contains(outcome.message, "WRONGPASS");
    assert_null(strstr(outcome.message, wrong));
    redis_link_free(link);
    address.password = right;
    address.db = 5;
    link = ready_link(&address);
    redis_link_free(link);
    redis_server_stop(&server);
}

/* ---- callbacks that do something ---- */

struct chain {
    struct redis_link *link;
    int left, replies, failures;
    enum err_kind last;
};

static void go_on(void *arg, const struct redisReply *reply, const struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;
    struct chain *chain = arg;

    chain->replies += reply != NULL;
    chain->failures += err != NULL;
    chain->last = err != NULL ? err->kind : ERR_NONE;
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "PING");
    for (int i = 0; i < 2 && chain->left > 0; i++, chain->left--) {
        redis_link_send(chain->link, &cmd, TIMEOUT_MS, go_on, chain);
        redis_link_flush(chain->link);
    }
}

static void a_callback_may_send_more(void **state)
{
    struct redis_server server;
    struct chain chain = {.left = 3000};

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    chain.link = ready_link(&server.address);
    go_on(&chain, NULL, NULL);
    REDIS_UNTIL(chain.link, redis_link_pending(chain.link) == 0);
    assert_int_equal(chain.replies, 3000);
    redis_link_free(chain.link);
    redis_server_stop(&server);
}

static void a_callback_may_send_while_the_connection_is_dropped(void **state)
{
    struct redis_server server;
    struct chain chain = {.left = 100};

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    chain.link = ready_link(&server.address);
    redis_server_freeze(&server);
    go_on(&chain, NULL, NULL);
    redis_server_kill(&server);
    REDIS_UNTIL(chain.link, redis_link_pending(chain.link) == 0);
    assert_int_equal(chain.failures, 100);
    assert_int_equal(chain.last, ERR_TEMP);
    redis_link_free(chain.link);
    redis_server_stop(&server);
}

static void free_tells_whoever_waits_and_refuses_what_they_send(void **state)
{
    struct redis_server server;
    struct chain chain = {.left = 0};
    struct outcome waits = {0};

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    chain.link = ready_link(&server.address);
    redis_server_freeze(&server);
    send_words(chain.link, "PING", NULL, TIMEOUT_MS, &waits);
    chain.left = 3;
    go_on(&chain, NULL, NULL);
    redis_link_free(chain.link);
    assert_int_equal(waits.calls, 1);
    assert_int_equal(waits.kind, ERR_TEMP);
    assert_int_equal(chain.failures, 3);
    assert_int_equal(chain.last, ERR_PERM);
    redis_server_stop(&server);
}

static void nobody_need_wait_for_a_reply(void **state)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;
    struct redis_server server;
    struct redis_link *link;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = redis_link_new(&server.address, PREFIX, NULL);
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "PING");
    redis_link_send(link, &cmd, TIMEOUT_MS, NULL, NULL);
    REDIS_UNTIL(link, redis_link_ready(link));
    redis_link_send(link, &cmd, TIMEOUT_MS, NULL, NULL);
    REDIS_UNTIL(link, redis_link_pending(link) == 0);
    redis_link_free(link);
    redis_server_stop(&server);
}

/* ---- sizes ---- */

static void what_is_too_much_is_refused(void **state)
{
    enum { BIG = 8 << 20, COUNT = 16 };
    AUTO(auto_free) char *big = mem_new(BIG, 1);
    struct redis_cmd cmd;
    struct outcome outcomes[COUNT] = {{0}}, huge = {0};
    struct redis_server server;
    struct redis_link *link;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = ready_link(&server.address);
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "DEL");
    redis_cmd_bytes(&cmd, big, BIG);
    for (size_t i = 0; i < COUNT; i++)
        redis_link_send(link, &cmd, TIMEOUT_MS, note, &outcomes[i]);
    for (size_t i = 0; i < COUNT; i++)
        redis_cmd_bytes(&cmd, big, BIG);
    redis_link_send(link, &cmd, TIMEOUT_MS, note, &huge);
    redis_cmd_done(&cmd);
    REDIS_UNTIL(link, redis_link_pending(link) == 0);
    assert_int_equal(outcomes[0].kind, ERR_NONE);
    assert_int_equal(outcomes[6].number, 0);
    assert_int_equal(outcomes[COUNT - 1].kind, ERR_TEMP);
    assert_contains(outcomes[COUNT - 1].message, "too much");
    assert_int_equal(huge.kind, ERR_PERM);
    assert_int_equal(redis_link_generation(link), 1);
    redis_link_free(link);
    redis_server_stop(&server);
}

static void an_idle_link_keeps_little_memory(void **state)
{
    static struct outcome outcome;
    char text[200];
    struct redis_server server;
    struct redis_link *link;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = ready_link(&server.address);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    outcome = (struct outcome){0};
    for (int i = 0; i < 5000; i++)
        send_words(link, "ECHO", text, TIMEOUT_MS, &outcome);
    assert_true(link->sent.cap >= 5000);
    REDIS_UNTIL(link, outcome.calls == 5000);
    assert_int_equal(link->sent.cap, 0);
    assert_int_equal(link->out.cap, 0);
    redis_link_free(link);
    redis_server_stop(&server);
}

static void the_ring_keeps_order_while_it_wraps_and_grows(void **state)
{
    struct redis_pending_ring ring = {0};
    int64_t next_in = 0, next_out = 0;

    (void)state;
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < round % 23; i++)
            redis_pending_push(&ring,
                               &(struct redis_pending){.deadline_mono_ms = next_in++});
        if (ring.count > 0)
            assert_int_equal(redis_pending_earliest(&ring), next_out);
        for (int i = 0; i < round % 19 && ring.count > 0; i++)
            assert_int_equal(redis_pending_pop(&ring).deadline_mono_ms, next_out++);
    }
    assert_int_equal(ring.count, next_in - next_out);
    assert_true(ring.count > 0);
    redis_pending_done(&ring);
    assert_int_equal(redis_pending_earliest(&ring), INT64_MAX);
}

/* ---- nasty answers ---- */

#define LOADS_ECHO                                                                       \
    {                                                                                    \
        .command = "SCRIPT", .reply = "$40\r\n" ECHO_SHA1 "\r\n"                         \
    }

static void each_nasty_answer_has_its_end(void **state)
{
    static const struct {
        const char *reply;
        bool closes;
        enum err_kind kind;
        const char *message;
        uint64_t generation; /* after the next good reply */
    } cases[] = {
        {"-LOADING wait\r\n", false, ERR_TEMP, "LOADING", 1},
        {"-OOM no\r\n", false, ERR_TEMP, "out of memory", 1},
        {"-ERR bug\r\n", false, ERR_PERM, "bug", 1},
        {"-MOVED 1 a:1\r\n", false, ERR_PERM, "Cluster", 1},
        {"-READONLY no\r\n", false, ERR_TEMP, "READONLY", 2},
        {"-UNBLOCKED no\r\n", false, ERR_TEMP, "UNBLOCKED", 2},
        {"", true, ERR_TEMP, "Server closed the connection", 2},
        {"$5\r\nhal", true, ERR_TEMP, "Server closed the connection", 2},
        {"HTTP/1.1 400 Bad Request\r\n", false, ERR_TEMP, "cannot understand it", 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct redis_fake_rule rules[] = {
            {"GET", cases[i].reply, 1, cases[i].closes},
            {"GET", "+fine\r\n", 0, false},
            LOADS_ECHO,
            {.command = NULL}};
        struct outcome nasty = {0}, fine = {0};
        struct redis_fake fake;
        struct redis_link *link;

        redis_fake_start(&fake, rules);
        link = ready_link(&fake.address);
        send_words(link, "GET", NULL, TIMEOUT_MS, &nasty);
        REDIS_UNTIL(link, nasty.calls > 0);
        if (nasty.kind != cases[i].kind)
            fail_msg("%s: %s", cases[i].reply, nasty.message);
        assert_contains(nasty.message, cases[i].message);
        REDIS_UNTIL(link, redis_link_ready(link));
        send_words(link, "GET", NULL, TIMEOUT_MS, &fine);
        REDIS_UNTIL(link, fine.calls > 0);
        assert_string_equal(fine.text, "fine");
        assert_int_equal(redis_link_generation(link), cases[i].generation);
        assert_int_equal(nasty.calls, 1);
        redis_link_free(link);
        redis_fake_stop(&fake);
    }
}

static void noscript_twice_ends_twice_and_loads_once_each(void **state)
{
    static const struct redis_fake_rule rules[] = {
        {"EVALSHA", "-NOSCRIPT no\r\n", 0, false}, LOADS_ECHO, {.command = NULL}};
    struct outcome first = {0}, second = {0};
    struct redis_fake fake;
    struct redis_link *link;

    (void)state;
    redis_fake_start(&fake, rules);
    link = ready_link(&fake.address);
    send_echo(link, "x", &first);
    REDIS_UNTIL(link, first.calls > 0 && link->reloads_left == 0);
    send_echo(link, "x", &second);
    REDIS_UNTIL(link, second.calls > 0 && link->reloads_left == 0);
    assert_int_equal(first.kind, ERR_TEMP);
    assert_int_equal(second.kind, ERR_TEMP);
    assert_int_equal(redis_fake_hits(&fake, 0), 2);
    assert_int_equal(redis_fake_hits(&fake, 1), 3); /* one of them while greeting */
    redis_link_free(link);
    redis_fake_stop(&fake);
}

static void a_reply_that_nobody_asked_for_ends_the_connection(void **state)
{
    static const struct redis_fake_rule rules[] = {
        {"GET", "+one\r\n+two\r\n", 1, false}, LOADS_ECHO, {.command = NULL}};
    struct outcome outcome = {0};
    struct redis_fake fake;
    struct redis_link *link;

    (void)state;
    redis_fake_start(&fake, rules);
    link = ready_link(&fake.address);
    send_words(link, "GET", NULL, TIMEOUT_MS, &outcome);
    REDIS_UNTIL(link, redis_link_generation(link) == 2);
    assert_string_equal(outcome.text, "one");
    assert_int_equal(outcome.calls, 1);
    redis_link_free(link);
    redis_fake_stop(&fake);
}

static void a_script_with_another_digest_than_the_build_says_is_refused(void **state)
{
    static const struct redis_fake_rule rules[] = {
        {"SCRIPT", "$40\r\n0123456789012345678901234567890123456789\r\n", 0, false},
        {.command = NULL}};
    struct outcome outcome = {0};
    struct redis_fake fake;
    struct redis_link *link;

    (void)state;
    redis_fake_start(&fake, rules);
    link = redis_link_new(&fake.address, PREFIX, scripts);
    REDIS_UNTIL(link, link->pause.pause_ms > 0);
    send_words(link, "GET", NULL, TIMEOUT_MS, &outcome);
    REDIS_UNTIL(link, outcome.calls > 0);
    assert_contains(outcome.message, "script echo");
    assert_int_equal(redis_link_generation(link), 0);
    redis_link_free(link);
    redis_fake_stop(&fake);
}

static void a_greeting_without_an_answer_times_out(void **state)
{
    static const struct redis_fake_rule rules[] = {
        {"INFO", NULL, 1, false}, LOADS_ECHO, {.command = NULL}};
    int64_t start_ms = clock_mono_ms();
    struct redis_fake fake;
    struct redis_link *link;

    (void)state;
    redis_fake_start(&fake, rules);
    link = redis_link_new(&fake.address, PREFIX, NULL);
    REDIS_UNTIL(link, link->state == LINK_GREETING);
    REDIS_UNTIL(link, redis_link_ready(link));
    assert_true(clock_mono_ms() - start_ms >= REDIS_CONNECT_MS);
    assert_int_equal(redis_fake_hits(&fake, 0), 1);
    redis_link_free(link);
    redis_fake_stop(&fake);
}

static void a_port_where_nobody_listens_is_tried_with_growing_pauses(void **state)
{
    static const struct redis_fake_rule rules[] = {{.command = NULL}};
    struct outcome outcome = {0};
    struct redis_address address;
    struct redis_fake fake;
    struct redis_link *link;

    (void)state;
    redis_fake_start(&fake, rules);
    address = fake.address;
    redis_fake_stop(&fake);
    link = redis_link_new(&address, PREFIX, NULL);
    REDIS_UNTIL(link, link->pause.pause_ms == 4 * REDIS_PAUSE_MIN_MS);
    send_words(link, "PING", NULL, TIMEOUT_MS, &outcome);
    REDIS_UNTIL(link, outcome.calls > 0);
    assert_int_equal(outcome.kind, ERR_TEMP);
    assert_contains(outcome.message, "cannot connect");
    assert_contains(outcome.message, "Connection refused");
    redis_link_free(link);
}

static void why_it_is_away_is_told_at_once_and_not_again(void **state)
{
    struct redis_server server;
    struct redis_link *link;
    const char *why = NULL;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    link = redis_link_new(&server.address, PREFIX, scripts);
    assert_null(redis_link_news(link));
    REDIS_UNTIL(link, redis_link_ready(link));
    assert_null(redis_link_news(link));
    redis_server_kill(&server);
    REDIS_UNTIL(link, (why = redis_link_news(link)) != NULL);
    assert_contains(why, server.socket_path);
    for (int i = 0; i < 3; i++) { /* the reason is another one by now */
        redis_turn(link);
        assert_null(redis_link_news(link));
    }
    redis_server_restart(&server);
    REDIS_UNTIL(link, redis_link_ready(link));
    assert_null(redis_link_news(link));
    redis_server_kill(&server);
    REDIS_UNTIL(link, redis_link_news(link) != NULL);
    redis_link_free(link);
    redis_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(why_it_is_away_is_told_at_once_and_not_again),
        cmocka_unit_test(before_it_is_connected_a_command_fails_in_the_next_tick),
        cmocka_unit_test(replies_come_in_order_and_scripts_are_loaded),
        cmocka_unit_test(scripts_that_redis_lost_are_loaded_again),
        cmocka_unit_test(a_kill_in_mid_pipeline_tells_every_caller_once),
        cmocka_unit_test(a_frozen_server_times_out_whatever_stands_first),
        cmocka_unit_test(an_answered_command_leaves_no_deadline_behind),
        cmocka_unit_test(between_two_sockets_the_loop_sees_none),
        cmocka_unit_test(a_wrong_password_never_gets_ready_and_says_why),
        cmocka_unit_test(a_callback_may_send_more),
        cmocka_unit_test(a_callback_may_send_while_the_connection_is_dropped),
        cmocka_unit_test(free_tells_whoever_waits_and_refuses_what_they_send),
        cmocka_unit_test(nobody_need_wait_for_a_reply),
        cmocka_unit_test(what_is_too_much_is_refused),
        cmocka_unit_test(an_idle_link_keeps_little_memory),
        cmocka_unit_test(the_ring_keeps_order_while_it_wraps_and_grows),
        cmocka_unit_test(each_nasty_answer_has_its_end),
        cmocka_unit_test(noscript_twice_ends_twice_and_loads_once_each),
        cmocka_unit_test(a_reply_that_nobody_asked_for_ends_the_connection),
        cmocka_unit_test(a_script_with_another_digest_than_the_build_says_is_refused),
        cmocka_unit_test(a_greeting_without_an_answer_times_out),
        cmocka_unit_test(a_port_where_nobody_listens_is_tried_with_growing_pauses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
