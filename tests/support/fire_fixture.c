/* Firing for a test. */
#include "tests/support/fire_fixture.h"

#include <stddef.h>

static struct fire_fixture *current;

int fire_fixture_pass_on(const struct redis_cmd *cmds, size_t count,
                         struct redisReply **replies, struct err *err)
{
    return queue_fixture_call_all(&current->queue, cmds, count, replies, err);
}

static int call_all(struct redis *redis, const struct redis_cmd *cmds, size_t count,
                    struct redisReply **replies, struct err *err)
{
    (void)redis;
    return current->between != NULL ? current->between(cmds, count, replies, err)
                                    : fire_fixture_pass_on(cmds, count, replies, err);
}

static int64_t wall_ms(void)
{
    return current->queue.now_ms - current->ahead_ms;
}

static int64_t boot_ms(void)
{
    return current->boot_ms;
}

static const struct fire_world world = {call_all, wall_ms, boot_ms};

void fire_fixture_start(struct fire_fixture *fixture)
{
    static char prefix[] = FIXTURE_PREFIX;

    *fixture = (struct fire_fixture){.conf = {.redis_prefix = prefix}};
    current = fixture;
    queue_fixture_start(&fixture->queue);
    fire_fixture_reset(fixture);
}

void fire_fixture_stop(struct fire_fixture *fixture)
{
    queue_fixture_stop(&fixture->queue);
    current = NULL;
}

static void change(struct fire_fixture *fixture, struct redis_cmd *cmd)
{
    struct redisReply *reply = queue_fixture_call(&fixture->queue, cmd);

    redis_reply_free(&reply);
}

void fire_fixture_project(struct fire_fixture *fixture, const char *id, const char *json)
{
    struct redis_cmd cmd;

    registry_put_project(&cmd, FIXTURE_PREFIX, id, json);
    change(fixture, &cmd);
}

void fire_fixture_workspace(struct fire_fixture *fixture, const char *project,
                            const char *id, const char *json)
{
    struct redis_cmd cmd;

    registry_put_workspace(&cmd, FIXTURE_PREFIX, project, id, json);
    change(fixture, &cmd);
}

void fire_fixture_hosts(struct fire_fixture *fixture, const char *github)
{
    const struct order_hosts hosts = {.of = {[VCS_GITHUB] = github}};
    struct redis_cmd cmd;

    schedule_put_hosts(&cmd, FIXTURE_PREFIX, &hosts);
    change(fixture, &cmd);
}

void fire_fixture_reset(struct fire_fixture *fixture)
{
    queue_fixture_reset(&fixture->queue);
    fixture->boot_ms = 1000000;
    fixture->ahead_ms = 0;
    fixture->between = NULL;
    fire_fixture_project(
        fixture, STEP_PROJECT,
        "{\"type\":\"Github\",\"repository\":\"acme/net\",\"ref\":\"main\"}");
    fire_fixture_workspace(fixture, STEP_PROJECT, STEP_WORKSPACE, "{}");
    fire_fixture_hosts(fixture, "github.com");
}

void fire_fixture_init(struct fire_fixture *fixture, struct firing *firing)
{
    fire_init(firing, &fixture->conf, fixture->queue.redis);
    firing->world = &world;
}

void fire_fixture_advance(struct fire_fixture *fixture, int64_t ms)
{
    fixture->queue.now_ms += ms;
    fixture->boot_ms += ms;
}

void fire_fixture_step(struct fire_fixture *fixture, int64_t ms)
{
    fixture->queue.now_ms += ms;
    fixture->ahead_ms += ms;
}
