/* Host names of Redis, in a loop that must not wait for a resolver. Its getaddrinfo is
 * ours: it knows whoever is asked for, when we let it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_link.h"
#include "common/redis/redis_resolve.h"
#include "tests/support/redis_fake.h"
#include "tests/support/redis_turn.h"

#define PREFIX      "{test}:"
#define DEADLINE_MS 15000
#define HELD_MS     5000 /* at most: a loop that waits for it must fail, not hang */
#define AT_ONCE_MS  2000

static char slow[] = "slow.test", unknown[] = "unknown.test", here[] = "127.0.0.1";
static char master[] = "the-master";

static atomic_bool held;
static atomic_int asking;

static struct addrinfo *loopback(const char *service)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in to;
    } *found = mem_new(1, sizeof *found);
    int port = service != NULL ? (int)strtol(service, NULL, 10) : 0;

    found->to = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    found->info = (struct addrinfo){.ai_family = AF_INET,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_protocol = IPPROTO_TCP,
                                    .ai_addrlen = sizeof found->to,
                                    .ai_addr = (struct sockaddr *)&found->to};
    return &found->info;
}

/* In front of libc's, for the whole program. */
int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    int64_t until_ms = clock_mono_ms() + HELD_MS;

    (void)hints;
    if (strcmp(name, unknown) == 0)
        return EAI_NONAME;
    atomic_fetch_add(&asking, 1);
    while (strcmp(name, slow) == 0 && atomic_load(&held) && clock_mono_ms() < until_ms)
        poll(NULL, 0, 5);
    atomic_fetch_sub(&asking, 1);
    *found = loopback(service);
    return 0;
}

static void until_all_threads_have_ended(void)
{
    int64_t give_up_ms = clock_mono_ms() + DEADLINE_MS;

    atomic_store(&held, false);
    while (atomic_load(&asking) > 0 && clock_mono_ms() < give_up_ms)
        poll(NULL, 0, 5);
    assert_int_equal(atomic_load(&asking), 0);
}

static const struct redis_fake_rule no_rules[] = {{.command = NULL}};

static void while_a_name_is_asked_for_the_loop_goes_on(void **state)
{
    struct redis_fake fake;
    struct redis_link *link;
    struct redis_address address;
    int64_t began_ms;

    (void)state;
    redis_fake_start(&fake, no_rules);
    address = fake.address;
    address.at.host = slow;
    link = redis_link_new(&address, PREFIX, NULL);
    atomic_store(&held, true);
    began_ms = clock_mono_ms();
    for (int i = 0; i < 3; i++)
        redis_turn(link);
    assert_true(clock_mono_ms() - began_ms < AT_ONCE_MS);
    assert_false(redis_link_ready(link));
    assert_true(redis_link_fd(link) >= 0);
    atomic_store(&held, false);
    REDIS_UNTIL(link, redis_link_ready(link));
    redis_link_free(link);
    redis_fake_stop(&fake);
}

static void a_name_that_nobody_knows_is_told(void **state)
{
    struct redis_address address = {.at = {.host = unknown, .port = 6379}};
    struct redis_link *link = redis_link_new(&address, PREFIX, NULL);
    const char *news = NULL;

    (void)state;
    REDIS_UNTIL(link, (news = redis_link_news(link)) != NULL);
    assert_non_null(strstr(news, "Redis at unknown.test:6379: cannot resolve its name"));
    redis_link_free(link);
}

static void a_link_may_go_while_its_name_is_asked_for(void **state)
{
    struct redis_address address = {.at = {.host = slow, .port = 6379}};
    struct redis_link *link = redis_link_new(&address, PREFIX, NULL);

    (void)state;
    atomic_store(&held, true);
    REDIS_UNTIL(link, atomic_load(&asking) == 1);
    redis_link_free(link);
    until_all_threads_have_ended();
}

static const struct redis_fake_rule ignorant[] = {
    {.command = "SENTINEL", .reply = "*-1\r\n"}, {.command = NULL}};

static void a_sentinel_whose_name_is_not_resolved_is_passed_over(void **state)
{
    struct redis_fake fake;
    struct redis_host sentinels[] = {{slow, 1}, {here, 0}};
    struct redis_address address = {
        .master = master, .sentinels = sentinels, .sentinel_count = 2};
    struct redis_link *link = redis_link_new(&address, PREFIX, NULL);

    (void)state;
    redis_fake_start(&fake, ignorant);
    sentinels[1].port = fake.address.at.port;
    atomic_store(&held, true);
    REDIS_UNTIL(link, redis_fake_hits(&fake, 0) == 1);
    assert_int_equal(atomic_load(&asking), 1);
    redis_link_free(link);
    until_all_threads_have_ended();
    redis_fake_stop(&fake);
}

/* A thread of the test before may not be quite gone. */
static int begin_in_time(const char *host)
{
    int64_t give_up_ms = clock_mono_ms() + DEADLINE_MS;
    struct err err;
    int fd;

    while ((fd = redis_resolve_begin(host, &err)) < 0)
        assert_true(clock_mono_ms() < give_up_ms);
    return fd;
}

static void a_resolver_that_never_answers_has_so_many_threads_and_no_more(void **state)
{
    int fds[REDIS_RESOLVING_MAX];
    struct err err;

    (void)state;
    atomic_store(&held, true);
    for (size_t i = 0; i < REDIS_RESOLVING_MAX; i++)
        fds[i] = begin_in_time(slow);
    assert_int_equal(redis_resolve_begin(slow, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    for (size_t i = 0; i < REDIS_RESOLVING_MAX; i++)
        close(fds[i]);
    until_all_threads_have_ended();
}

static void an_address_is_no_name(void **state)
{
    (void)state;
    assert_false(redis_resolve_needed("127.0.0.1"));
    assert_false(redis_resolve_needed("::1"));
    assert_false(redis_resolve_needed("fe80::1%eth0"));
    assert_true(redis_resolve_needed("localhost"));
    assert_true(redis_resolve_needed("10.redis"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_a_name_is_asked_for_the_loop_goes_on),
        cmocka_unit_test(a_name_that_nobody_knows_is_told),
        cmocka_unit_test(a_link_may_go_while_its_name_is_asked_for),
        cmocka_unit_test(a_sentinel_whose_name_is_not_resolved_is_passed_over),
        cmocka_unit_test(a_resolver_that_never_answers_has_so_many_threads_and_no_more),
        cmocka_unit_test(an_address_is_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
