/* Firing for a test: a queue fixture, any number of schedulers on it, and clocks that the
 * test moves. All of them share the fixture's connection; one fixture at a time. */
#ifndef KEDGE_TESTS_SUPPORT_FIRE_FIXTURE_H
#define KEDGE_TESTS_SUPPORT_FIRE_FIXTURE_H

#include "scheduler/fire.h"
#include "tests/support/schedule_steps.h"

struct fire_fixture {
    struct queue_fixture queue;
    struct conf conf;
    int64_t boot_ms;  /* our steady clock */
    int64_t ahead_ms; /* the server's clock is so far ahead of ours */
    /* Between a scheduler and Redis; NULL: nothing is. */
    int (*between)(const struct redis_cmd *cmds, size_t count,
                   struct redisReply **replies, struct err *err);
};

void fire_fixture_start(struct fire_fixture *fixture);
void fire_fixture_stop(struct fire_fixture *fixture);
/* Empties Redis, but for workspace "prod" of project "net" and the host of Github. */
void fire_fixture_reset(struct fire_fixture *fixture);
/* A scheduler in the fixture's world; fire_done. */
void fire_fixture_init(struct fire_fixture *fixture, struct firing *firing);
/* All clocks. */
void fire_fixture_advance(struct fire_fixture *fixture, int64_t ms);
/* Only the server's. */
void fire_fixture_step(struct fire_fixture *fixture, int64_t ms);
void fire_fixture_project(struct fire_fixture *fixture, const char *id, const char *json);
void fire_fixture_workspace(struct fire_fixture *fixture, const char *project,
                            const char *id, const char *json);
void fire_fixture_hosts(struct fire_fixture *fixture, const char *github);
/* What `between` calls to pass it on. */
int fire_fixture_pass_on(const struct redis_cmd *cmds, size_t count,
                         struct redisReply **replies, struct err *err);

#endif
