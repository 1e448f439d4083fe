/* A server that speaks just enough of Redis's protocol to be nasty: it answers by rules.
 *
 *     static const struct redis_fake_rule rules[] = {
 *         {.command = "GET", .reply = "-LOADING wait\r\n", .times = 2},
 *         {.command = "GET", .reply = "+fine\r\n"},
 *         {.command = NULL}};
 *
 * The first rule of a command that is not used up answers. Without a rule INFO tells a
 * run id and everything else is answered +OK. It serves one connection at a time, on a
 * TCP port of 127.0.0.1, and dies with the process that started it. */
#ifndef KEDGE_TESTS_SUPPORT_REDIS_FAKE_H
#define KEDGE_TESTS_SUPPORT_REDIS_FAKE_H

#include <sys/types.h>

#include "common/redis/redis.h"

struct redis_fake_rule {
    const char *command; /* first word of the request; NULL ends the list */
    const char *reply;   /* the bytes as they are; NULL: no answer */
    int times;           /* how often it may be used; 0: always */
    bool closes;         /* hangs up after the reply */
};

struct redis_fake {
    struct redis_address address; /* for redis_new; do not call redis_address_done */
    const struct redis_fake_rule *rules;
    int listener;
    pid_t pid;
    int *hits; /* shared with the server: uses of each rule */
};

void redis_fake_start(struct redis_fake *fake, const struct redis_fake_rule *rules);
int redis_fake_hits(const struct redis_fake *fake, size_t rule);
void redis_fake_stop(struct redis_fake *fake);

#endif
