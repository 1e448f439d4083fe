/* Both Redis clients, where sentinels say who the master is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_guard.h"
#include "common/redis/redis_link_internal.h"
#include "tests/support/redis_fake.h"
#include "tests/support/redis_server.h"

#define PREFIX      "{test}:"
#define TIMEOUT_MS  5000
#define DEADLINE_MS 15000 /* no test may loop longer */
#define SLACK_MS    1500  /* a machine may be slow */
#define HOSTS_MAX   6
#define RULES_MAX   4

#define ROLE_MASTER "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
#define ROLE_SLAVE  "*5\r\n$5\r\nslave\r\n$1\r\nx\r\n:1\r\n$4\r\nsync\r\n:0\r\n"

enum client { LINK, BLOCKING, CLIENTS };

/* ---- a master and its sentinels ---- */

struct group {
    struct redis_fake sentinels[HOSTS_MAX];
    size_t count;
    struct redis_fake_rule rules[HOSTS_MAX][RULES_MAX];
    char *replies[HOSTS_MAX][RULES_MAX]; /* owned */
    struct redis_host hosts[HOSTS_MAX];
    struct redis_address address;
};

static char *names(const char *host, const char *port)
{
    return mem_fmt("*2\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(host), host, strlen(port),
                   port);
}

static char *names_fake(const struct redis_fake *fake)
{
    char port[8];

    snprintf(port, sizeof port, "%d", fake->address.at.port);
    return names(fake->address.at.host, port);
}

/* A sentinel that gives each answer once and the last one for ever; NULL: none. */
static void add_sentinel(struct group *group, bool closes, char *first, char *second)
{
    static char master[] = "the-master";
    size_t at = group->count++;
    struct redis_fake_rule *rules = group->rules[at];
    struct redis_fake *fake = &group->sentinels[at];

    group->replies[at][0] = first;
    group->replies[at][1] = second;
    rules[0] = (struct redis_fake_rule){"SENTINEL", first, second != NULL, closes};
    rules[1] = (struct redis_fake_rule){"SENTINEL", second, 0, closes};
    rules[2] = (struct redis_fake_rule){"AUTH", "+OK\r\n", 0, false};
    redis_fake_start(fake, rules);
    group->hosts[at] = fake->address.at;
    group->address.master = master;
    group->address.sentinels = group->hosts;
    group->address.sentinel_count = group->count;
}

static int asked(const struct group *group, size_t at)
{
    return redis_fake_hits(&group->sentinels[at], 0) +
           redis_fake_hits(&group->sentinels[at], 1);
}

static void stop_group(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        redis_fake_stop(&group->sentinels[i]);
        for (size_t j = 0; j < RULES_MAX; j++)
            auto_free(&group->replies[i][j]);
    }
}

static const struct redis_fake_rule master_rules[] = {{"ROLE", ROLE_MASTER, 0, false},
                                                      {.command = NULL}};

/* ---- both clients ---- */

struct outcome {
    int calls;
    char text[64];
    struct err err;
};

static void note(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct outcome *outcome = arg;
    const char *text = redis_reply_text(reply);

    outcome->calls++;
    snprintf(outcome->text, sizeof outcome->text, "%s", text != NULL ? text : "");
    if (err != NULL)
        outcome->err = *err;
}

struct session {
    enum client client;
    struct redis *redis;
    struct redis_link *link;
    int peer_port; /* of the socket that the loop saw last; 0: none */
};

static void open_session(struct session *session, enum client client,
                         const struct redis_address *address)
{
    *session = (struct session){.client = client};
    if (client == LINK)
        session->link = redis_link_new(address, PREFIX, NULL);
    else
        session->redis = redis_new(address, PREFIX, NULL, TIMEOUT_MS);
}

static void close_session(struct session *session)
{
    redis_link_free(session->link);
    redis_free(session->redis);
}

static int port_of_peer(int fd)
{
    struct sockaddr_in6 name = {.sin6_family = AF_UNSPEC};
    socklen_t len = sizeof name;

    /* The port stands at the same place in both families. */
    return fd < 0 || getpeername(fd, (struct sockaddr *)&name, &len) < 0
               ? 0
               : ntohs(name.sin6_port);
}

/* One turn of a loop as a program would have it, with the rule of redis_link_fd. */
static void turn(struct session *session)
{
    struct redis_link *link = session->link;
    int64_t sleep_ms = redis_link_tick(link);
    struct pollfd wait = {.fd = redis_link_fd(link), .events = redis_link_events(link)};
    int port = port_of_peer(wait.fd);

    if (wait.fd < 0)
        session->peer_port = 0;
    else if (port != 0 && session->peer_port != 0 && port != session->peer_port)
        fail_msg("from one socket to the next without -1 in between");
    else if (port != 0)
        session->peer_port = port;
    poll(&wait, 1, sleep_ms < 0 || sleep_ms > 1000 ? 1000 : (int)sleep_ms);
    redis_link_io(link, wait.fd >= 0 ? wait.revents : 0);
}

#define UNTIL(session, condition)                                                        \
    do {                                                                                 \
        int64_t give_up_ms = clock_mono_ms() + DEADLINE_MS;                              \
                                                                                         \
        while (!(condition)) {                                                           \
            if (clock_mono_ms() > give_up_ms)                                            \
                fail_msg("waited in vain for " #condition);                              \
            turn(session);                                                               \
        }                                                                                \
    } while (0)

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

/* One attempt to connect. */
static int attempt(struct session *session, struct err *err)
{
    struct redis_link *link = session->link;
    int64_t before_ms;

    if (session->client == BLOCKING) {
        session->redis->backoff.until_mono_ms = 0;
        return redis_connect(session->redis, err);
    }
    link->pause.until_mono_ms = 0;
    before_ms = link->pause.until_mono_ms;
    UNTIL(session, redis_link_ready(link) || link->pause.until_mono_ms != before_ms);
    if (redis_link_ready(link))
        return 0;
    *err = link->why;
    return -1;
}

static void must_connect(struct session *session, const char *name)
{
    struct err err;

    if (attempt(session, &err) < 0)
        fail_msg("%s, client %d: %s", name, session->client, err.message);
}

/* A plain command; its reply's text, or "" and an error. */
static struct outcome say(struct session *session, const char *word)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct outcome outcome = {0};

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, word);
    if (session->client == LINK) {
        redis_link_send(session->link, &cmd, TIMEOUT_MS, note, &outcome);
        UNTIL(session, outcome.calls > 0);
    } else if (redis_call(session->redis, &cmd, 0, &reply, &outcome.err) == 0) {
        note(&outcome, reply, NULL);
    }
    return outcome;
}

static uint64_t generation(const struct session *session)
{
    return session->client == LINK ? redis_link_generation(session->link)
                                   : redis_generation(session->redis);
}

static int connected_port(const struct session *session)
{
    return port_of_peer(session->client == LINK ? redis_link_fd(session->link)
                                                : session->redis->context->fd);
}

/* ---- sentinels that misbehave ---- */

static const struct misdeed {
    const char *name, *reply;
    bool closes, hangs;
    const char *message;
} misdeeds[] = {
    {"nil", "*-1\r\n", false, false, "knows no such master"},
    {"another nil", "$-1\r\n", false, false, "knows no such master"},
    {"an error", "-ERR unknown command 'SENTINEL'\r\n", false, false, "unknown command"},
    {"IDONTKNOW", "-IDONTKNOW later\r\n", false, false, "IDONTKNOW"},
    {"a wrong password", "-NOAUTH Authentication required.\r\n", false, false, "NOAUTH"},
    {"silence", NULL, false, true, "no answer"},
    {"half an answer", "*2\r\n$9\r\n127.0", false, true, "no answer"},
    {"half an answer, hung up", "*2\r\n$9\r\n127.0", true, false, "closed"},
    {"hung up", "", true, false, "closed"},
    {"garbage", "HTTP/1.1 400 Bad Request\r\n", false, false, "Protocol error"},
    {"a word", "+OK\r\n", false, false, "no address"},
    {"one element", "*1\r\n$1\r\nx\r\n", false, false, "no address"},
    {"three elements", "*3\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\n1\r\n", false, false,
     "no address"},
    {"numbers", "*2\r\n:1\r\n:1\r\n", false, false, "no address"},
    {"no host", "*2\r\n$0\r\n\r\n$4\r\n6379\r\n", false, false, "no address"},
    {"a blank", "*2\r\n$3\r\na b\r\n$4\r\n6379\r\n", false, false, "no address"},
    {"an option", "*2\r\n$2\r\n-x\r\n$4\r\n6379\r\n", false, false, "no address"},
    {"port 0", "*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n", false, false, "no address"},
    {"port 65536", "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n65536\r\n", false, false,
     "no address"},
    {"port x", "*2\r\n$9\r\n127.0.0.1\r\n$1\r\nx\r\n", false, false, "no address"},
};

static void run_misdeed(const struct misdeed *misdeed, enum client client)
{
    struct group group = {.count = 0};
    struct redis_fake master;
    struct session session;
    int64_t start_ms;

    redis_fake_start(&master, master_rules);
    add_sentinel(&group, misdeed->closes,
                 misdeed->reply != NULL ? mem_dup(misdeed->reply) : NULL, NULL);
    add_sentinel(&group, false, names_fake(&master), NULL);
    open_session(&session, client, &group.address);
    start_ms = clock_mono_ms();
    must_connect(&session, misdeed->name); /* in one attempt */
    if (misdeed->hangs)
        assert_true(clock_mono_ms() - start_ms >= REDIS_SENTINEL_MS);
    assert_in_range(clock_mono_ms() - start_ms, 0, REDIS_SENTINEL_MS + SLACK_MS);
    assert_int_equal(connected_port(&session), master.address.at.port);
    assert_int_equal(asked(&group, 0), 1);
    assert_int_equal(asked(&group, 1), 1);
    close_session(&session);
    stop_group(&group);
    redis_fake_stop(&master);
}

static void each_misdeed_of_a_sentinel_costs_its_time_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(misdeeds); i++) {
        for (enum client client = LINK; client < CLIENTS; client++)
            run_misdeed(&misdeeds[i], client);
    }
}

static void run_alone(const struct misdeed *misdeed, enum client client)
{
    struct group group = {.count = 0};
    struct session session;
    struct err err;
    char who[64];

    add_sentinel(&group, misdeed->closes,
                 misdeed->reply != NULL ? mem_dup(misdeed->reply) : NULL, NULL);
    open_session(&session, client, &group.address);
    assert_int_equal(attempt(&session, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    snprintf(who, sizeof who, "Redis at sentinel master 'the-master': sentinel %s:%d: ",
             group.hosts[0].host, group.hosts[0].port);
    assert_contains(err.message, who);
    assert_contains(err.message, misdeed->message);
    close_session(&session);
    stop_group(&group);
}

static void with_no_other_sentinel_the_error_says_whom_it_asked_and_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(misdeeds); i++) {
        for (enum client client = LINK; client < CLIENTS; client++)
            run_alone(&misdeeds[i], client);
    }
}

static void a_sentinel_that_is_gone_is_passed_over(void **state)
{
    (void)state;
    for (enum client client = LINK; client < CLIENTS; client++) {
        struct group group = {.count = 0};
        struct redis_fake master;
        struct session session;

        redis_fake_start(&master, master_rules);
        add_sentinel(&group, false, names_fake(&master), NULL);
        add_sentinel(&group, false, NULL, NULL);
        redis_fake_stop(&group.sentinels[1]); /* no other process has its socket */
        group.count = 1;
        group.hosts[0] = group.hosts[1];
        group.hosts[1] = group.sentinels[0].address.at;
        open_session(&session, client, &group.address);
        must_connect(&session, "one is gone");
        assert_int_equal(asked(&group, 0), 1);
        close_session(&session);
        stop_group(&group);
        redis_fake_stop(&master);
    }
}

/* ---- sentinels that lie ---- */

/* Names what is there but no master, or what is not there. */
static void run_liar(enum client client, const struct redis_fake_rule *liars_rules,
                     const char *message)
{
    struct group group = {.count = 0};
    struct redis_fake master, liar;
    struct session session;
    struct err err;
    char who[64];

    redis_fake_start(&master, master_rules);
    redis_fake_start(&liar, liars_rules != NULL ? liars_rules : master_rules);
    if (liars_rules == NULL)
        redis_fake_stop(&liar); /* before another process has its socket */
    add_sentinel(&group, false, names_fake(&liar), NULL);
    add_sentinel(&group, false, names_fake(&master), NULL);
    snprintf(who, sizeof who, "Redis at 127.0.0.1:%d: ", liar.address.at.port);
    open_session(&session, client, &group.address);
    assert_int_equal(attempt(&session, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_contains(err.message, who);
    assert_contains(err.message, message);
    must_connect(&session, "the other one is asked");
    assert_int_equal(connected_port(&session), master.address.at.port);
    assert_int_equal(asked(&group, 0), 1);
    close_session(&session);
    stop_group(&group);
    redis_fake_stop(&master);
    if (liars_rules != NULL)
        redis_fake_stop(&liar);
}

static void who_names_no_master_is_not_asked_first_again(void **state)
{
    static const struct redis_fake_rule replica[] = {{"ROLE", ROLE_SLAVE, 0, false},
                                                     {.command = NULL}};
    static const struct redis_fake_rule no_redis[] = {
        {"INFO", "+hi\r\n", 0, false}, {"ROLE", "+hi\r\n", 0, false}, {.command = NULL}};

    (void)state;
    for (enum client client = LINK; client < CLIENTS; client++) {
        run_liar(client, NULL, "Connection refused");
        run_liar(client, replica, "its role is slave");
        run_liar(client, no_redis, "its role is unknown");
    }
}

static void a_replica_that_becomes_the_master_is_connected_to_later(void **state)
{
    static const struct redis_fake_rule rules[] = {{"ROLE", ROLE_SLAVE, 2, false},
                                                   {"ROLE", ROLE_MASTER, 0, false},
                                                   {.command = NULL}};

    (void)state;
    for (enum client client = LINK; client < CLIENTS; client++) {
        struct group group = {.count = 0};
        struct redis_fake server;
        struct session session;
        struct err err;

        redis_fake_start(&server, rules);
        add_sentinel(&group, false, names_fake(&server), NULL);
        open_session(&session, client, &group.address);
        assert_int_equal(attempt(&session, &err), -1);
        assert_int_equal(attempt(&session, &err), -1);
        must_connect(&session, "it is the master now");
        assert_int_equal(asked(&group, 0), 3);
        close_session(&session);
        stop_group(&group);
        redis_fake_stop(&server);
    }
}

static void attempts_in_vain_are_paced_by_the_growing_pause(void **state)
{
    static const struct redis_fake_rule rules[] = {{"ROLE", ROLE_SLAVE, 0, false},
                                                   {.command = NULL}};
    struct group group = {.count = 0};
    struct redis_fake server;
    struct session session;
    int64_t start_ms = clock_mono_ms();

    (void)state;
    redis_fake_start(&server, rules);
    add_sentinel(&group, false, names_fake(&server), NULL);
    add_sentinel(&group, false, mem_dup("*-1\r\n"), NULL);
    open_session(&session, LINK, &group.address);
    UNTIL(&session, session.link->pause.pause_ms == 8 * REDIS_PAUSE_MIN_MS);
    assert_true(clock_mono_ms() - start_ms >= 7 * REDIS_PAUSE_MIN_MS);
    assert_in_range(asked(&group, 0), 3, 4); /* four attempts */
    close_session(&session);
    stop_group(&group);
    redis_fake_stop(&server);
}

/* ---- each connection is looked up anew ---- */

static const struct redis_fake_rule demoted_rules[] = {
    {"ROLE", ROLE_MASTER, 0, false},
    {"GET", "-READONLY no\r\n", 0, false},
    {.command = NULL}};
static const struct redis_fake_rule promoted_rules[] = {
    {"ROLE", ROLE_MASTER, 0, false}, {"GET", "+new\r\n", 0, false}, {.command = NULL}};

static void the_next_connection_goes_where_the_sentinels_say_then(void **state)
{
    (void)state;
    for (enum client client = LINK; client < CLIENTS; client++) {
        struct group group = {.count = 0};
        struct redis_fake old, new;
        struct session session;
        struct outcome outcome;

        redis_fake_start(&old, demoted_rules);
        redis_fake_start(&new, promoted_rules);
        add_sentinel(&group, false, NULL, NULL); /* one that is never asked again */
        add_sentinel(&group, false, names_fake(&old), names_fake(&new));
        open_session(&session, client, &group.address);
        must_connect(&session, "to the old one");
        assert_int_equal(connected_port(&session), old.address.at.port);
        outcome = say(&session, "GET");
        assert_int_equal(outcome.err.kind, ERR_TEMP);
        assert_contains(outcome.err.message, "READONLY");
        must_connect(&session, "to the new one");
        assert_int_equal(connected_port(&session), new.address.at.port);
        assert_string_equal(say(&session, "GET").text, "new");
        assert_int_equal(generation(&session), 2);
        assert_int_equal(asked(&group, 0), 1);
        assert_int_equal(asked(&group, 1), 2);
        close_session(&session);
        stop_group(&group);
        redis_fake_stop(&old);
        redis_fake_stop(&new);
    }
}

/* As long ago as it takes for NOREPLICAS to raise a doubt. */
static void let_it_grow_old(struct session *session)
{
    struct redis_lookup *lookup =
        session->client == LINK ? &session->link->lookup : &session->redis->lookup;

    lookup->settled_mono_ms -= REDIS_DOUBT_MS;
}

static void a_master_without_replicas_is_doubted_but_not_at_once_again(void **state)
{
    static const struct redis_fake_rule rules[] = {
        {"ROLE", ROLE_MASTER, 0, false},
        {"GET", "-NOREPLICAS Not enough good replicas to write.\r\n", 0, false},
        {"PUT", "-LOADING\r\n", 0, false},
        {.command = NULL}};

    (void)state;
    for (enum client client = LINK; client < CLIENTS; client++) {
        struct group group = {.count = 0};
        struct redis_fake master;
        struct session session;

        redis_fake_start(&master, rules);
        add_sentinel(&group, false, names_fake(&master), NULL);
        open_session(&session, client, &group.address);
        must_connect(&session, "first");
        assert_contains(say(&session, "GET").err.message, "NOREPLICAS");
        let_it_grow_old(&session);
        assert_contains(say(&session, "PUT").err.message, "LOADING");
        assert_int_equal(generation(&session), 1);
        assert_contains(say(&session, "GET").err.message, "NOREPLICAS");
        must_connect(&session, "looked up again");
        assert_int_equal(generation(&session), 2);
        assert_int_equal(asked(&group, 0), 2);
        close_session(&session);
        stop_group(&group);
        redis_fake_stop(&master);
    }
}

/* ---- deadlines ---- */

static void an_attempt_has_one_deadline_whatever_it_asks(void **state)
{
    static const struct redis_fake_rule silent[] = {{"ROLE", NULL, 0, false},
                                                    {.command = NULL}};
    struct group group = {.count = 0};
    struct redis_fake master;
    struct session session;
    struct err err;
    int64_t start_ms;

    (void)state;
    redis_fake_start(&master, silent);
    add_sentinel(&group, false, NULL, NULL);
    add_sentinel(&group, false, names_fake(&master), NULL);
    open_session(&session, LINK, &group.address);
    start_ms = clock_mono_ms();
    assert_int_equal(attempt(&session, &err), -1);
    assert_in_range(clock_mono_ms() - start_ms, REDIS_CONNECT_MS - 50,
                    REDIS_CONNECT_MS + SLACK_MS);
    assert_contains(err.message, "no answer in time");
    close_session(&session);
    stop_group(&group);
    redis_fake_stop(&master);
}

static void many_silent_sentinels_take_more_than_one_attempt_but_no_more(void **state)
{
    struct group group = {.count = 0};
    struct redis_fake master;
    struct session session;
    struct err err;
    int64_t start_ms;

    (void)state;
    redis_fake_start(&master, master_rules);
    for (size_t i = 0; i + 1 < HOSTS_MAX; i++)
        add_sentinel(&group, false, NULL, NULL);
    add_sentinel(&group, false, names_fake(&master), NULL);
    for (enum client client = LINK; client < CLIENTS; client++) {
        open_session(&session, client, &group.address);
        start_ms = clock_mono_ms();
        assert_int_equal(attempt(&session, &err), -1);
        assert_in_range(clock_mono_ms() - start_ms, REDIS_LOOKUP_MS - 50,
                        REDIS_LOOKUP_MS + SLACK_MS);
        must_connect(&session, "it goes on with those that were not asked");
        close_session(&session);
    }
    assert_int_equal(asked(&group, 0), CLIENTS);
    assert_int_equal(asked(&group, HOSTS_MAX - 1), CLIENTS);
    stop_group(&group);
    redis_fake_stop(&master);
}

/* ---- who asks ---- */

static void sentinels_have_a_password_of_their_own(void **state)
{
    static char user[] = "looker", secret[] = "sentinels-secret",
                other[] = "redis-secret";
    const struct redis_fake_rule rules[] = {{"ROLE", ROLE_MASTER, 0, false},
                                            {"AUTH", "+OK\r\n", 0, false},
                                            {.command = NULL}};

    (void)state;
    for (enum client client = LINK; client < CLIENTS; client++) {
        struct group group = {.count = 0};
        struct redis_fake master;
        struct session session;

        redis_fake_start(&master, rules);
        add_sentinel(&group, false, names_fake(&master), NULL);
        group.address.password = other;
        open_session(&session, client, &group.address);
        must_connect(&session, "no password for sentinels");
        close_session(&session);
        assert_int_equal(redis_fake_hits(&group.sentinels[0], 2), 0);
        assert_int_equal(redis_fake_hits(&master, 1), 1);
        group.address.sentinel_user = user;
        group.address.sentinel_password = secret;
        open_session(&session, client, &group.address);
        must_connect(&session, "with one");
        close_session(&session);
        assert_int_equal(redis_fake_hits(&group.sentinels[0], 2), 1);
        stop_group(&group);
        redis_fake_stop(&master);
    }
}

static void a_sentinels_password_that_is_wrong_is_told_but_not_what_it_is(void **state)
{
    static char secret[] = "sentinels-secret";
    static const struct redis_fake_rule rules[] = {
        {"AUTH", "-WRONGPASS invalid\r\n", 0, false},
        {"SENTINEL", "-NOAUTH Authentication required.\r\n", 0, false},
        {.command = NULL}};

    (void)state;
    for (enum client client = LINK; client < CLIENTS; client++) {
        struct group group = {.count = 0};
        struct session session;
        struct redis_fake fake;
        struct err err;

        redis_fake_start(&fake, rules);
        add_sentinel(&group, false, mem_dup("*-1\r\n"), NULL);
        group.hosts[0] = fake.address.at;
        group.address.sentinel_password = secret;
        open_session(&session, client, &group.address);
        assert_int_equal(attempt(&session, &err), -1);
        assert_int_equal(err.kind, ERR_TEMP); /* a person may set it right */
        assert_contains(err.message, "WRONGPASS");
        assert_null(strstr(err.message, secret));
        close_session(&session);
        redis_fake_stop(&fake);
        stop_group(&group);
    }
}

static void without_sentinels_nobody_asks_for_the_role(void **state)
{
    (void)state;
    for (enum client client = LINK; client < CLIENTS; client++) {
        struct redis_fake master;
        struct session session;

        redis_fake_start(&master, master_rules);
        open_session(&session, client, &master.address);
        must_connect(&session, "plain");
        assert_int_equal(redis_fake_hits(&master, 0), 0);
        close_session(&session);
        redis_fake_stop(&master);
    }
}

/* ---- hosts ---- */

static void a_master_may_be_a_name(void **state)
{
    char port[8];

    (void)state;
    for (enum client client = LINK; client < CLIENTS; client++) {
        struct group group = {.count = 0};
        struct redis_fake master;
        struct session session;

        redis_fake_start(&master, master_rules);
        snprintf(port, sizeof port, "%d", master.address.at.port);
        add_sentinel(&group, false, names("localhost", port), NULL);
        open_session(&session, client, &group.address);
        must_connect(&session, "localhost");
        close_session(&session);
        stop_group(&group);
        redis_fake_stop(&master);
    }
}

/* A port of ::1 that was free a moment ago; 0: this machine has no IPv6. */
static int free_port6(void)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6,
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t len = sizeof name;
    AUTO(auto_close) int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0 ||
        getsockname(fd, (struct sockaddr *)&name, &len) < 0)
        return 0;
    return ntohs(name.sin6_port);
}

static void a_master_may_be_an_ipv6_address(void **state)
{
    AUTO(auto_free) char *port = mem_fmt("%d", free_port6());
    const char *const options[] = {"--port", port, "--bind", "::1", NULL};
    struct redis_server server;
    char who[32];

    (void)state;
    if (strcmp(port, "0") == 0)
        skip();
    redis_server_start(&server, REDIS_SERVER_MEMORY, options);
    for (enum client client = LINK; client < CLIENTS; client++) {
        struct group group = {.count = 0};
        struct session session;
        struct err err = {.message = ""};

        add_sentinel(&group, false, names("::1", port), NULL);
        open_session(&session, client, &group.address);
        must_connect(&session, "IPv6");
        assert_int_equal(connected_port(&session), atol(port));
        snprintf(who, sizeof who, "Redis at [::1]:%s", port);
        err_set(&err, ERR_TEMP, "x");
        redis_lookup_blame(
            client == LINK ? &session.link->lookup : &session.redis->lookup, &err);
        assert_contains(err.message, who);
        close_session(&session);
        stop_group(&group);
    }
    redis_server_stop(&server);
}

/* ---- is it fit? ---- */

static void refused_with(const struct redis_address *address, const char *message)
{
    struct redis *redis = redis_new(address, PREFIX, NULL, TIMEOUT_MS);
    struct redis_guard guard;
    struct redis_fitness fitness;
    struct err err = {.message = ""};

    redis_guard_init(&guard, redis, true);
    assert_int_equal(redis_guard_look(&guard, &err), REDIS_GUARD_UNFIT);
    assert_contains(err.message, message);
    assert_int_equal(redis_check(redis, &fitness, &err), 0);
    assert_true(fitness.fatal);
    assert_contains(fitness.reason, message);
    redis_free(redis);
}

static void a_sentinel_given_as_redis_is_refused_with_a_sentence(void **state)
{
    static const struct redis_fake_rule rules[] = {
        {"INFO", "$21\r\nredis_mode:sentinel\r\n\r\n", 0, false},
        {"SELECT", "-ERR unknown command 'SELECT'\r\n", 0, false},
        {.command = NULL}};
    struct redis_address address;
    struct redis_fake fake;

    (void)state;
    redis_fake_start(&fake, rules);
    address = fake.address;
    refused_with(&address, "this is a Sentinel; it is given as redis+sentinel://");
    address.db = 3;
    refused_with(&address, "this is a Sentinel; it is given as redis+sentinel://");
    redis_fake_stop(&fake);
}

static void a_redis_cluster_is_refused_with_a_sentence(void **state)
{
    AUTO(auto_free) char *port = NULL;
    const char *options[] = {"--cluster-enabled", "yes", "--port", NULL, NULL};
    struct redis_address address;
    struct redis_server server;
    struct redis_fake fake;

    (void)state;
    redis_fake_start(&fake, master_rules); /* its port is free a moment later */
    port = mem_fmt("%d", 10000 + fake.address.at.port % 20000);
    redis_fake_stop(&fake);
    options[3] = port;
    redis_server_start(&server, REDIS_SERVER_APPEND_ONLY, options);
    address = server.address;
    refused_with(&address, "it runs in cluster mode, and Redis Cluster is not supported");
    address.db = 3;
    refused_with(&address, "it runs in cluster mode, and Redis Cluster is not supported");
    redis_server_stop(&server);
}

#define INFO_START                                                                       \
    "redis_version:7.0.15\r\nredis_mode:standalone\r\nrole:master\r\n"                   \
    "maxmemory_policy:noeviction\r\naof_enabled:1\r\n"

/* How often the guard warns in two looks. */
static int warnings(struct redis *redis)
{
    AUTO(auto_close) int log = memfd_create("log", MFD_CLOEXEC);
    AUTO(auto_close) int saved = dup(STDERR_FILENO);
    struct redis_guard guard;
    char text[4096] = "";
    struct err err;
    int count = 0;

    redis_guard_init(&guard, redis, false);
    dup2(log, STDERR_FILENO);
    for (int look = 0; look < 2; look++)
        redis_guard_look(&guard, &err);
    dup2(saved, STDERR_FILENO);
    assert_true(pread(log, text, sizeof text - 1, 0) >= 0);
    for (const char *at = text; (at = strstr(at, "redis_may_lose")) != NULL; at++)
        count++;
    return count;
}

/* The mark of an apply is lost with a master that had no replica when somebody looked. */
static void the_guard_looks_soon_where_there_is_no_replica_yet(void **state)
{
    struct redis_address address = {.sentinel_count = 0};
    struct redis *redis = redis_new(&address, PREFIX, NULL, TIMEOUT_MS);
    struct redis_guard guard;

    (void)state;
    redis_guard_init(&guard, redis, false);
    assert_int_equal(redis_guard_pause_ms(&guard), REDIS_GUARD_EVERY_MS);
    address.sentinel_count = 1;
    assert_int_equal(redis_guard_pause_ms(&guard), REDIS_GUARD_SOON_MS);
    guard.replicas = 1;
    assert_int_equal(redis_guard_pause_ms(&guard), REDIS_GUARD_EVERY_MS);
    redis_free(redis);
}

/* A fit master with so many replicas. */
struct fit_master {
    char info[256], reply[320], now[64];
    struct redis_fake_rule rules[RULES_MAX + 4];
    struct redis_fake fake;
};

static void start_fit(struct fit_master *master, const char *run_id, int replicas)
{
    int len =
        snprintf(master->info, sizeof master->info,
                 INFO_START "run_id:%s\r\nconnected_slaves:%d\r\n", run_id, replicas);

    snprintf(master->reply, sizeof master->reply, "$%d\r\n%s\r\n", len, master->info);
    snprintf(master->now, sizeof master->now, "*2\r\n$10\r\n%010lld\r\n$1\r\n0\r\n",
             (long long)(clock_wall_ms() / 1000));
    master->rules[0] = (struct redis_fake_rule){"INFO", master->reply, 0, false};
    master->rules[1] = (struct redis_fake_rule){"ROLE", ROLE_MASTER, 0, false};
    master->rules[2] = (struct redis_fake_rule){"CONFIG", "-NOPERM no\r\n", 0, false};
    master->rules[3] = (struct redis_fake_rule){"TIME", master->now, 0, false};
    master->rules[4] = (struct redis_fake_rule){"HGET", "$1\r\n1\r\n", 0, false};
    master->rules[5] = (struct redis_fake_rule){.command = NULL};
    redis_fake_start(&master->fake, master->rules);
}

/* Its replicas may have left it for the new one. */
static void a_master_without_replicas_is_not_believed_before_the_sentinels(void **state)
{
    struct fit_master old, new;
    struct group group = {.count = 0};
    struct redis_guard guard;
    struct redis *redis;
    struct err err;

    (void)state;
    start_fit(&old, "old", 0);
    start_fit(&new, "new", 1);
    add_sentinel(&group, false, names_fake(&old.fake), names_fake(&new.fake));
    redis = redis_new(&group.address, PREFIX, NULL, TIMEOUT_MS);
    redis_guard_init(&guard, redis, false);
    assert_int_equal(redis_guard_look(&guard, &err), REDIS_GUARD_FIT);
    assert_int_equal(guard.replicas, 0);
    assert_int_equal(redis_guard_look(&guard, &err), REDIS_GUARD_CHANGED);
    assert_int_equal(guard.replicas, 1);
    assert_int_equal(redis_guard_look(&guard, &err), REDIS_GUARD_FIT);
    assert_int_equal(asked(&group, 0), 2); /* one with replicas is believed */
    redis_free(redis);
    stop_group(&group);
    redis_fake_stop(&old.fake);
    redis_fake_stop(&new.fake);
}

static void check_advice(bool sentinels, const char *more, const char *advice)
{
    AUTO(auto_free) char *info = mem_fmt("%s%s", INFO_START, more);
    AUTO(auto_free) char *reply = mem_fmt("$%zu\r\n%s\r\n", strlen(info), info);
    AUTO(auto_free)
    char *now = mem_fmt("*2\r\n$10\r\n%010lld\r\n$1\r\n0\r\n",
                        (long long)(clock_wall_ms() / 1000));
    const struct redis_fake_rule rules[] = {{"INFO", reply, 0, false},
                                            {"ROLE", ROLE_MASTER, 0, false},
                                            {"CONFIG", "-NOPERM no\r\n", 0, false},
                                            {"TIME", now, 0, false},
                                            {"HGET", "$1\r\n1\r\n", 0, false},
                                            {.command = NULL}};
    struct group group = {.count = 0};
    struct redis_fitness fitness;
    struct redis_fake master;
    struct redis *redis;
    struct err err;

    redis_fake_start(&master, rules);
    add_sentinel(&group, false, names_fake(&master), NULL);
    redis =
        redis_new(sentinels ? &group.address : &master.address, PREFIX, NULL, TIMEOUT_MS);
    if (redis_check(redis, &fitness, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(fitness.reason, "");
    if (*advice != '\0')
        assert_contains(fitness.advice, advice);
    else
        assert_string_equal(fitness.advice, "");
    assert_int_equal(warnings(redis), *advice != '\0');
    redis_free(redis);
    stop_group(&group);
    redis_fake_stop(&master);
}

static void a_master_that_heeds_no_replicas_is_fit_but_warned_of(void **state)
{
    (void)state;
    check_advice(true, "", "min-replicas-to-write");
    check_advice(true, "min_slaves_good_slaves:0\r\n", "");
    check_advice(false, "", "");
}

static void what_the_advice_goes_by_is_what_redis_says(void **state)
{
    static const char *const options[] = {"--min-replicas-to-write", "1", NULL};
    struct redis_server server;
    struct session session;
    AUTO(redis_cmd_done) struct redis_cmd info;
    char field[16];

    (void)state;
    redis_cmd_init(&info);
    redis_cmd_arg(&info, "INFO");
    for (int with = 0; with < 2; with++) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct err err;

        redis_server_start(&server, REDIS_SERVER_MEMORY, with ? options : NULL);
        open_session(&session, BLOCKING, &server.address);
        assert_int_equal(redis_call(session.redis, &info, 0, &reply, &err), 0);
        redis_info_field(redis_reply_text(reply), "min_slaves_good_slaves", field,
                         sizeof field);
        assert_string_equal(field, with ? "0" : "");
        close_session(&session);
        redis_server_stop(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_misdeed_of_a_sentinel_costs_its_time_and_no_more),
        cmocka_unit_test(with_no_other_sentinel_the_error_says_whom_it_asked_and_why),
        cmocka_unit_test(a_sentinel_that_is_gone_is_passed_over),
        cmocka_unit_test(who_names_no_master_is_not_asked_first_again),
        cmocka_unit_test(a_replica_that_becomes_the_master_is_connected_to_later),
        cmocka_unit_test(attempts_in_vain_are_paced_by_the_growing_pause),
        cmocka_unit_test(the_next_connection_goes_where_the_sentinels_say_then),
        cmocka_unit_test(a_master_without_replicas_is_doubted_but_not_at_once_again),
        cmocka_unit_test(an_attempt_has_one_deadline_whatever_it_asks),
        cmocka_unit_test(many_silent_sentinels_take_more_than_one_attempt_but_no_more),
        cmocka_unit_test(sentinels_have_a_password_of_their_own),
        cmocka_unit_test(a_sentinels_password_that_is_wrong_is_told_but_not_what_it_is),
        cmocka_unit_test(without_sentinels_nobody_asks_for_the_role),
        cmocka_unit_test(a_master_may_be_a_name),
        cmocka_unit_test(a_master_may_be_an_ipv6_address),
        cmocka_unit_test(a_sentinel_given_as_redis_is_refused_with_a_sentence),
        cmocka_unit_test(a_redis_cluster_is_refused_with_a_sentence),
        cmocka_unit_test(a_master_that_heeds_no_replicas_is_fit_but_warned_of),
        cmocka_unit_test(the_guard_looks_soon_where_there_is_no_replica_yet),
        cmocka_unit_test(a_master_without_replicas_is_not_believed_before_the_sentinels),
        cmocka_unit_test(what_the_advice_goes_by_is_what_redis_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
