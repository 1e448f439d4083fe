/* TLS to Redis: both clients against a real server and against bad ones, and the
 * settings. Where it is not built, that it is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/redis/redis_link.h"
#include "common/redis/redis_tls.h"
#include "tests/support/environ.h"
#include "tests/support/redis_server.h"
#include "tests/support/redis_turn.h"
#include "tests/support/scratch.h"
#include "tests/support/tls_files.h"

#define PREFIX      "{test}:"
#define TIMEOUT_MS  5000
#define DEADLINE_MS 20000 /* no test may loop longer */
#define LARGE_BYTES ((size_t)8 << 20)
#define TEXT_MAX    (1 << 20)

#define NEEDS_TLS                                                                        \
    do {                                                                                 \
        if (!redis_tls_built()) {                                                        \
            print_message("TLS to Redis is not built: it needs hiredis 1.0 or later\n"); \
            skip();                                                                      \
        }                                                                                \
    } while (0)

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

/* A server that closes while we still write resets the connection: then its reason may be
 * lost. */
static void assert_said(const struct err *err, const char *problem)
{
    if (strstr(err->message, "reset") == NULL &&
        strstr(err->message, "Broken pipe") == NULL)
        assert_contains(err->message, problem);
}

/* ---- certificates ---- */

#define PASSWORD "not to be told"

static int make_files(void **state)
{
    static const struct tls_file files[] = {
        {.name = "ca"},
        {.name = "other-ca"},
        {.name = "local", .ca = "ca", .alt = "DNS:localhost,IP:127.0.0.1"},
        {.name = "named", .ca = "ca", .alt = "DNS:redis.example"},
        {.name = "localhost", .ca = "ca"}, /* as the subject only */
        {.name = "expired", .ca = "ca", .alt = "DNS:localhost", .expired = true},
        {.name = "strange", .ca = "other-ca", .alt = "DNS:localhost"},
        {.name = "client", .ca = "ca"},
        {.name = "locked", .ca = "ca", .password = PASSWORD},
    };

    if (scratch_make(state) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        tls_files_make(*state, &files[i]);
    return 0;
}

/* NULL stays NULL. */
static char *path_of(void **state, const char *file)
{
    return file != NULL ? scratch_path(state, file) : NULL;
}

/* ---- a server ---- */

/* Taken from the system and given back: whoever is unlucky sees the server not start. */
static int free_port(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    AUTO(auto_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&name, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    return ntohs(name.sin_port);
}

struct tls_server {
    struct redis_server redis;
    char *cert, *key, *ca; /* what it shows and whom it trusts */
    char port[8];
    const char *options[16];
};

static void start(void **state, struct tls_server *server, const char *certificate,
                  bool asks_clients)
{
    AUTO(auto_free) char *cert = mem_fmt("%s.pem", certificate);
    AUTO(auto_free) char *key = mem_fmt("%s.key", certificate);

    server->cert = scratch_path(state, cert);
    server->key = scratch_path(state, key);
    server->ca = scratch_path(state, "ca.pem");
    snprintf(server->port, sizeof server->port, "%d", free_port());
    memcpy(server->options,
           ((const char *[]){"--bind", "127.0.0.1", "--tls-port", server->port,
                             "--tls-cert-file", server->cert, "--tls-key-file",
                             server->key, "--tls-ca-cert-file", server->ca,
                             "--tls-auth-clients", asks_clients ? "yes" : "no", NULL}),
           13 * sizeof server->options[0]);
    redis_server_start(&server->redis, REDIS_SERVER_MEMORY, server->options);
}

static void stop(struct tls_server *server)
{
    redis_server_stop(&server->redis);
    free(server->cert);
    free(server->key);
    free(server->ca);
}

/* Files by their names in the scratch directory. */
struct trust {
    const char *host, *ca, *cert, *key, *name;
};

static struct redis_address address_of(void **state, const struct trust *trust,
                                       const char *port)
{
    AUTO(auto_free) char *url = mem_fmt("rediss://%s:%s", trust->host, port);
    AUTO(auto_free) char *ca = path_of(state, trust->ca);
    AUTO(auto_free) char *cert = path_of(state, trust->cert);
    AUTO(auto_free) char *key = path_of(state, trust->key);
    const struct redis_tls_files files = {
        .ca = ca, .cert = cert, .key = key, .name = trust->name};
    struct redis_address address;
    struct err err;

    if (redis_address_parse(url, &address, &err) < 0)
        fail_msg("%s", err.message);
    address.tls = redis_tls_new(&files, &err);
    if (address.tls == NULL)
        fail_msg("%s", err.message);
    return address;
}

static const struct trust local = {.host = "localhost", .ca = "ca.pem"};

/* ---- the two clients ---- */

static int call(struct redis *redis, const char *word, const char *arg,
                struct redisReply **reply, struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, word);
    if (arg != NULL)
        redis_cmd_arg(&cmd, arg);
    return redis_call(redis, &cmd, 0, reply, err);
}

/* What the blocking client says of a server; "" when it answers. */
static struct err ask(const struct redis_address *address, int64_t timeout_ms)
{
    struct redis *redis = redis_new(address, PREFIX, NULL, timeout_ms);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct err err = {0};

    if (call(redis, "PING", NULL, &reply, &err) == 0)
        assert_string_equal(redis_reply_text(reply), "PONG");
    redis_free(redis);
    return err;
}

struct outcome {
    int calls;
    size_t len;
    struct err err;
};

static void note(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct outcome *outcome = arg;

    outcome->calls++;
    outcome->len = redis_reply_len(reply);
    if (err != NULL)
        outcome->err = *err;
}

static void send_words(struct redis_link *link, const char *const *words, size_t count,
                       struct outcome *outcome)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    for (size_t i = 0; i < count; i++)
        redis_cmd_arg(&cmd, words[i]);
    redis_link_send(link, &cmd, DEADLINE_MS, note, outcome);
}
#define SEND(link, outcome, ...)                                                         \
    send_words(link, (const char *[]){__VA_ARGS__},                                      \
               ARRAY_LEN(((const char *[]){__VA_ARGS__})), outcome)

/* What the one that never blocks says of a server that refuses or is refused. */
static struct err try_link(const struct redis_address *address, size_t *turns)
{
    struct redis_link *link = redis_link_new(address, PREFIX, NULL);
    struct outcome outcome = {0};

    *turns = 0;
    while (redis_link_news(link) == NULL && !redis_link_ready(link)) {
        (*turns)++;
        redis_turn(link);
    }
    SEND(link, &outcome, "PING");
    REDIS_UNTIL(link, outcome.calls > 0);
    redis_link_free(link);
    return outcome.err;
}

/* ---- with a real server ---- */

static void a_server_is_trusted_for_its_ca_and_its_name(void **state)
{
    NEEDS_TLS;
    static const struct {
        const char *certificate;
        bool asks_clients;
        struct trust trust;
        const char *problem; /* NULL: none */
    } rows[] = {
        {"local", false, {.host = "localhost", .ca = "ca.pem"}, NULL},
        {"local", false, {.host = "127.0.0.1", .ca = "ca.pem"}, NULL},
        {"local",
         true,
         {.host = "localhost", .ca = "ca.pem", .cert = "client.pem", .key = "client.key"},
         NULL},
        {"named",
         false,
         {.host = "localhost", .ca = "ca.pem", .name = "redis.example"},
         NULL},
        {"named",
         false,
         {.host = "localhost", .ca = "ca.pem"},
         "verify failed: hostname mismatch"},
        {"named",
         false,
         {.host = "127.0.0.1", .ca = "ca.pem"},
         "verify failed: IP address mismatch"},
        {"localhost",
         false,
         {.host = "localhost", .ca = "ca.pem"},
         "verify failed: hostname mismatch"},
        {"local",
         false,
         {.host = "localhost", .ca = "ca.pem", .name = "redis.example"},
         "verify failed: hostname mismatch"},
        {"expired",
         false,
         {.host = "localhost", .ca = "ca.pem"},
         "verify failed: certificate has expired"},
        {"strange",
         false,
         {.host = "localhost", .ca = "ca.pem"},
         "verify failed: unable to get local issuer certificate"},
        {"local",
         false,
         {.host = "localhost", .ca = "other-ca.pem"},
         "verify failed: self-signed certificate in certificate chain"},
        {"local", true, {.host = "localhost", .ca = "ca.pem"}, "certificate required"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(redis_address_done) struct redis_address address = {0};
        struct tls_server server;
        struct err said, link_said;
        size_t turns;

        start(state, &server, rows[i].certificate, rows[i].asks_clients);
        address = address_of(state, &rows[i].trust, server.port);
        said = ask(&address, TIMEOUT_MS);
        link_said = try_link(&address, &turns);
        stop(&server);
        if ((rows[i].problem != NULL) != (said.kind != ERR_NONE) ||
            said.kind != link_said.kind)
            fail_msg("row %zu: \"%s\", \"%s\"", i, said.message, link_said.message);
        if (rows[i].problem != NULL) {
            assert_int_equal(said.kind, ERR_TEMP);
            assert_said(&said, rows[i].problem);
            assert_said(&link_said, rows[i].problem);
        }
    }
}

static char *large_text(void)
{
    char *text = mem_new(LARGE_BYTES + 1, 1);

    for (size_t i = 0; i < LARGE_BYTES; i++)
        text[i] = (char)('a' + i % 23);
    return text;
}

static void the_blocking_client_carries_large_values(void **state)
{
    NEEDS_TLS;
    AUTO(redis_address_done) struct redis_address address = {0};
    AUTO(redis_reply_free) struct redisReply *set = NULL, *got = NULL;
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    AUTO(auto_free) char *text = large_text();
    struct tls_server server;
    struct redis *redis;
    struct err err;

    start(state, &server, "local", false);
    address = address_of(state, &local, server.port);
    redis = redis_new(&address, PREFIX, NULL, TIMEOUT_MS);
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "SET");
    redis_cmd_arg(&cmd, "large");
    redis_cmd_arg(&cmd, text);
    assert_int_equal(redis_call(redis, &cmd, 0, &set, &err), 0);
    assert_int_equal(call(redis, "GET", "large", &got, &err), 0);
    assert_int_equal(redis_reply_len(got), LARGE_BYTES);
    assert_memory_equal(redis_reply_text(got), text, LARGE_BYTES);
    redis_free(redis);
    stop(&server);
}

/* More than the socket takes at once in both directions, so that it reads while a write
 * waits. */
static void the_other_client_carries_large_values_both_ways_at_once(void **state)
{
    NEEDS_TLS;
    enum { ROUNDS = 6 };
    AUTO(redis_address_done) struct redis_address address = {0};
    AUTO(auto_free) char *text = large_text();
    struct outcome set[ROUNDS] = {{0}}, got[ROUNDS] = {{0}};
    struct tls_server server;
    struct redis_link *link;

    start(state, &server, "local", false);
    address = address_of(state, &local, server.port);
    link = redis_link_new(&address, PREFIX, NULL);
    REDIS_UNTIL(link, redis_link_ready(link));
    for (int i = 0; i < ROUNDS; i++) {
        SEND(link, &set[i], "SET", "large", text);
        SEND(link, &got[i], "GET", "large");
    }
    REDIS_UNTIL(link, got[ROUNDS - 1].calls > 0);
    for (int i = 0; i < ROUNDS; i++) {
        assert_string_equal(set[i].err.message, "");
        assert_string_equal(got[i].err.message, "");
        assert_int_equal(got[i].len, LARGE_BYTES);
    }
    assert_int_equal(redis_link_generation(link), 1);
    redis_link_free(link);
    stop(&server);
}

/* Others in the thread use OpenSSL too, and do not clean up after themselves. */
static void errors_that_others_left_in_openssl_do_not_count(void **state)
{
    NEEDS_TLS;
    AUTO(redis_address_done) struct redis_address address = {0};
    struct outcome outcome = {0};
    struct tls_server server;
    struct redis_link *link;

    start(state, &server, "local", false);
    address = address_of(state, &local, server.port);
    link = redis_link_new(&address, PREFIX, NULL);
    REDIS_UNTIL(link, redis_link_ready(link));
    SEND(link, &outcome, "BLPOP", "nothing", "0.3");
    while (outcome.calls == 0) {
        ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
        redis_link_io(link, POLLIN); /* nothing is there: it has to ask OpenSSL why */
        redis_turn(link);
    }
    assert_string_equal(outcome.err.message, "");
    redis_link_free(link);
    stop(&server);
}

static void a_server_that_is_frozen_and_one_that_is_killed_are_told_apart(void **state)
{
    NEEDS_TLS;
    AUTO(redis_address_done) struct redis_address address = {0};
    AUTO(redis_reply_free) struct redisReply *one = NULL, *two = NULL, *none = NULL;
    struct tls_server server;
    struct redis *redis, *patient;
    struct err err;

    start(state, &server, "local", false);
    address = address_of(state, &local, server.port);
    redis = redis_new(&address, PREFIX, NULL, 300);
    patient = redis_new(&address, PREFIX, NULL, TIMEOUT_MS);
    assert_int_equal(call(redis, "PING", NULL, &one, &err), 0);
    assert_int_equal(call(patient, "PING", NULL, &two, &err), 0);
    redis_server_freeze(&server.redis);
    assert_int_equal(call(redis, "PING", NULL, &none, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_contains(err.message, "no answer within 300 ms");
    err = ask(&address, 300);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_contains(err.message, "no TLS handshake within 300 ms");
    redis_server_kill(&server.redis);
    assert_int_equal(call(patient, "PING", NULL, &none, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    if (strstr(err.message, "Broken pipe") == NULL &&
        strstr(err.message, "reset") == NULL)
        assert_contains(err.message, "the server closed the connection");
    redis_free(redis);
    redis_free(patient);
    stop(&server);
}

static void a_certificate_that_was_refused_may_be_replaced(void **state)
{
    NEEDS_TLS;
    AUTO(redis_address_done) struct redis_address address = {0};
    struct outcome refused = {0}, outcome = {0};
    struct tls_server server;
    struct redis_link *link;

    start(state, &server, "expired", false);
    address = address_of(state, &local, server.port);
    link = redis_link_new(&address, PREFIX, NULL);
    REDIS_UNTIL(link, redis_link_news(link) != NULL);
    SEND(link, &refused, "PING");
    REDIS_UNTIL(link, refused.calls > 0);
    assert_contains(refused.err.message, "certificate has expired");
    memcpy(strstr(server.cert, "expired.pem"), "local.pem", sizeof "local.pem");
    memcpy(strstr(server.key, "expired.key"), "local.key", sizeof "local.key");
    redis_server_restart(&server.redis);
    REDIS_UNTIL(link, redis_link_ready(link));
    SEND(link, &outcome, "PING");
    REDIS_UNTIL(link, outcome.calls > 0);
    assert_string_equal(outcome.err.message, "");
    redis_link_free(link);
    stop(&server);
}

/* ---- with bad servers ---- */

enum badness { BAD_PLAIN, BAD_CLOSES, BAD_STALLS, BAD_TRICKLES };

/* The beginning of a handshake record of 16 KiB, and then a byte now and then. */
static void trickle(int fd)
{
    static const unsigned char head[] = {22, 3, 3, 64, 0};

    for (size_t i = 0; i < 16384; i++) {
        if (send(fd, i < sizeof head ? &head[i] : &head[4], 1, MSG_NOSIGNAL) < 0)
            return;
        poll(NULL, 0, 20);
    }
}

static void misbehave(enum badness badness, int listener, pid_t parent)
{
    static const char plain[] = "-ERR this is no TLS\r\n";

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (badness == BAD_PLAIN && send(fd, plain, sizeof plain - 1, MSG_NOSIGNAL) < 0)
            _exit(1);
        if (badness == BAD_TRICKLES)
            trickle(fd);
        if (badness == BAD_CLOSES) {
            shutdown(fd, SHUT_WR);
            close(fd);
        } /* else it stays open */
    }
}

static pid_t start_bad(enum badness badness, char port[8])
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    AUTO(auto_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t parent = getpid(), pid;

    assert_int_equal(bind(fd, (const struct sockaddr *)&name, len), 0);
    assert_int_equal(listen(fd, SOMAXCONN), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    snprintf(port, 8, "%d", ntohs(name.sin_port));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        misbehave(badness, fd, parent);
    return pid;
}

static void what_is_no_tls_server_ends_in_time_and_costs_no_loop(void **state)
{
    NEEDS_TLS;
    static const struct {
        enum badness badness;
        const char *problem, *link_problem; /* NULL: it takes seconds, not asked */
    } rows[] = {
        {BAD_PLAIN, "TLS: ", "TLS: "},
        {BAD_CLOSES, "clos", "clos"},
        {BAD_STALLS, "no TLS handshake within 300 ms", NULL},
        {BAD_TRICKLES, "no TLS handshake within 300 ms", "no answer in time"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(redis_address_done) struct redis_address address = {0};
        int64_t began_ms = clock_mono_ms();
        char port[8];
        pid_t pid = start_bad(rows[i].badness, port);
        struct err err;
        size_t turns;

        address = address_of(state, &local, port);
        err = ask(&address, 300);
        assert_int_equal(err.kind, ERR_TEMP);
        assert_said(&err, rows[i].problem);
        if (rows[i].link_problem != NULL) {
            err = try_link(&address, &turns);
            assert_int_equal(err.kind, ERR_TEMP);
            assert_said(&err, rows[i].link_problem);
            /* A byte each 20 ms wakes it; a socket that could be written must not. */
            assert_true(turns < 400);
        }
        assert_true(clock_mono_ms() - began_ms < DEADLINE_MS);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
}

/* ---- the files and the settings ---- */

static void a_file_that_is_wrong_is_named_with_the_reason(void **state)
{
    NEEDS_TLS;
    static const struct {
        const char *ca, *cert, *key;
        const char *file, *problem;
    } rows[] = {
        {"none.pem", NULL, NULL, "none.pem", "No such file"},
        {"text", NULL, NULL, "text", "no certificate"},
        {"ca.pem", "none.pem", "client.key", "none.pem", "No such file"},
        {"ca.pem", "client.pem", "none.key", "none.key", "No such file"},
        {"ca.pem", "text", "client.key", "text", "no certificate"},
        {"ca.pem", "client.pem", "text", "text", "no private key"},
        {"ca.pem", "client.pem", "locked.key", "locked.key", "without a password"},
        {"ca.pem", "client.pem", "local.key", "local.key", "is not that of"},
        {"ca.pem", "client.pem", NULL, "", "go together"},
    };
    AUTO(auto_free) char *text = scratch_file(state, "text", "no PEM\n");

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free) char *ca = path_of(state, rows[i].ca);
        AUTO(auto_free) char *cert = path_of(state, rows[i].cert);
        AUTO(auto_free) char *key = path_of(state, rows[i].key);
        struct err err = {0};

        assert_null(redis_tls_new(
            &(struct redis_tls_files){.ca = ca, .cert = cert, .key = key}, &err));
        assert_int_equal(err.kind, ERR_INPUT);
        assert_contains(err.message, rows[i].file);
        assert_contains(err.message, rows[i].problem);
    }
}

/* The problems of these settings, one a line. */
static void load(const char *const *list, struct buf *problems)
{
    AUTO(buf_done) struct buf warnings = BUF_INIT(TEXT_MAX);
    char **environ_list = environ_copy(list);
    struct conf conf;

    conf_load(&conf, PROGRAM_WORKER, environ_list, problems, &warnings);
    conf_done(&conf);
    environ_free(environ_list);
}

static void settings_of_tls_without_tls_are_a_problem(void **state)
{
    static const char *const lists[][3] = {
        {"KEDGE_REDIS_CA=/x", NULL},
        {"KEDGE_REDIS_CERT=/x", NULL},
        {"KEDGE_REDIS_KEY=/x", NULL},
        {"KEDGE_REDIS_TLS_NAME=x", NULL},
        {"KEDGE_REDIS_CA=/x", "KEDGE_REDIS_URL=unix:///x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        AUTO(buf_done) struct buf problems = BUF_INIT(TEXT_MAX);

        load(lists[i], &problems);
        assert_contains(buf_text(&problems), "KEDGE_REDIS_URL is not rediss://\n");
        assert_memory_equal(buf_text(&problems), lists[i][0], strcspn(lists[i][0], "="));
    }
}

static void settings_of_tls_are_checked_with_their_files(void **state)
{
    NEEDS_TLS;
    static const char url[] = "KEDGE_REDIS_URL=rediss://:" PASSWORD "@localhost";
    AUTO(auto_free) char *ca = mem_fmt("KEDGE_REDIS_CA=%s/ca.pem", (char *)*state);
    AUTO(auto_free) char *no_ca = mem_fmt("KEDGE_REDIS_CA=%s/none", (char *)*state);
    AUTO(auto_free)
    char *cert = mem_fmt("KEDGE_REDIS_CERT=%s/client.pem", (char *)*state);
    AUTO(auto_free) char *key = mem_fmt("KEDGE_REDIS_KEY=%s/client.key", (char *)*state);
    const struct {
        const char *list[5];
        const char *problem; /* NULL: none */
    } rows[] = {
        {{url, ca, cert, key, NULL}, NULL},
        {{url, ca, NULL}, NULL},
        {{url, NULL}, NULL},
        {{url, no_ca, NULL}, "/none: No such file"},
        {{url, cert, NULL}, "KEDGE_REDIS_KEY: is needed with KEDGE_REDIS_CERT\n"},
        {{url, key, NULL}, "KEDGE_REDIS_CERT: is needed with KEDGE_REDIS_KEY\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_done) struct buf problems = BUF_INIT(TEXT_MAX);

        load(rows[i].list, &problems);
        if (rows[i].problem == NULL)
            assert_string_equal(buf_text(&problems), "");
        else
            assert_contains(buf_text(&problems), rows[i].problem);
        assert_null(strstr(buf_text(&problems), PASSWORD));
    }
}

static void where_it_is_not_built_the_url_is_refused(void **state)
{
    static const char *const urls[] = {"rediss://localhost",
                                       "rediss+sentinel://localhost/master"};
    struct redis_address address;
    struct err err;

    (void)state;
    if (redis_tls_built()) {
        print_message("TLS to Redis is built: nothing is refused\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        AUTO(auto_free) char *url = mem_fmt("KEDGE_REDIS_URL=%s", urls[i]);
        AUTO(buf_done) struct buf problems = BUF_INIT(TEXT_MAX);

        assert_int_equal(redis_address_parse(urls[i], &address, &err), -1);
        assert_int_equal(err.kind, ERR_INPUT);
        assert_contains(err.message, "needs a Redis client library with TLS");
        load((const char *[]){url, "KEDGE_REDIS_CA=/x", NULL}, &problems);
        assert_contains(buf_text(&problems), "KEDGE_REDIS_URL: rediss");
        assert_null(strstr(buf_text(&problems), "KEDGE_REDIS_CA"));
    }
    assert_null(redis_tls_new(&(struct redis_tls_files){0}, &err));
    assert_int_equal(err.kind, ERR_INPUT);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, make_files, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILES(a_server_is_trusted_for_its_ca_and_its_name),
        WITH_FILES(the_blocking_client_carries_large_values),
        WITH_FILES(the_other_client_carries_large_values_both_ways_at_once),
        WITH_FILES(errors_that_others_left_in_openssl_do_not_count),
        WITH_FILES(a_server_that_is_frozen_and_one_that_is_killed_are_told_apart),
        WITH_FILES(a_certificate_that_was_refused_may_be_replaced),
        WITH_FILES(what_is_no_tls_server_ends_in_time_and_costs_no_loop),
        WITH_FILES(a_file_that_is_wrong_is_named_with_the_reason),
        WITH_FILES(settings_of_tls_without_tls_are_a_problem),
        WITH_FILES(settings_of_tls_are_checked_with_their_files),
        cmocka_unit_test(where_it_is_not_built_the_url_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
