/* Schedules in a queue for a test. */
#include "tests/support/schedule_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

#define MINUTE_MS INT64_C(60000)

static void must(int result, const struct err *err)
{
    if (result == 0)
        return;
    fprintf(stderr, "schedule_steps: %s\n", err->message);
    abort();
}

const char *step_schedule_id(int n)
{
    static char id[SIGN_UUID_BYTES];

    snprintf(id, sizeof id, "0194890e-2f00-7000-8000-%012x", (unsigned)n);
    return id;
}

const char *step_scope(void)
{
    static char scope[SIGN_ID_BYTES];

    registry_scope(STEP_PROJECT, STEP_WORKSPACE, scope);
    return scope;
}

static void call(struct queue_fixture *fixture, struct redis_cmd *cmd)
{
    struct redisReply *reply = queue_fixture_call(fixture, cmd);

    redis_reply_free(&reply);
}

int64_t step_register(struct queue_fixture *fixture)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct registry_project project;
    struct redis_cmd cmd;
    struct err err;

    registry_put_project(&cmd, FIXTURE_PREFIX, STEP_PROJECT, "{\"type\":\"Github\"}");
    call(fixture, &cmd);
    registry_put_workspace(&cmd, FIXTURE_PREFIX, STEP_PROJECT, STEP_WORKSPACE,
                           "{\"directory\":\".\"}");
    call(fixture, &cmd);
    registry_get_project(&cmd, FIXTURE_PREFIX, STEP_PROJECT);
    reply = queue_fixture_call(fixture, &cmd);
    must(registry_get_project_reply(reply, &project, &err), &err);
    return project.revision;
}

struct schedule step_schedule(const struct queue_fixture *fixture, int n)
{
    static char ids[2][SIGN_UUID_BYTES];
    char *id = ids[n % 2];

    snprintf(id, SIGN_UUID_BYTES, "%s", step_schedule_id(n));
    return (struct schedule){.id = id,
                             .project_id = STEP_PROJECT,
                             .workspace_id = STEP_WORKSPACE,
                             .type = SCHEDULE_DRIFT,
                             .missed = SCHEDULE_MISSED_ONE,
                             .cron = "0 * * * *",
                             .timezone = "UTC",
                             .label = "",
                             .enabled = true,
                             .tick_ms = fixture->now_ms + MINUTE_MS};
}

enum schedule_outcome step_put(struct queue_fixture *fixture,
                               const struct schedule *schedule, int64_t old_tick_ms)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum schedule_outcome outcome;
    struct schedule now;
    struct redis_cmd cmd;
    struct err err;

    schedule_put(&cmd, FIXTURE_PREFIX, schedule, old_tick_ms);
    reply = queue_fixture_call(fixture, &cmd);
    must(schedule_put_reply(reply, &outcome, &now, &err), &err);
    return outcome;
}

struct schedule step_get(struct queue_fixture *fixture, const char *id)
{
    static struct redisReply *reply;
    struct schedule schedule;
    struct redis_cmd cmd;
    int64_t now_ms;
    struct err err;

    redis_reply_free(&reply);
    schedule_get(&cmd, FIXTURE_PREFIX, id);
    reply = queue_fixture_call(fixture, &cmd);
    must(schedule_get_reply(reply, id, &now_ms, &schedule, &err), &err);
    if (now_ms != fixture->now_ms)
        must(err_set(&err, ERR_PERM, "schedule_get tells another time"), &err);
    return schedule;
}

struct schedule step_due(struct queue_fixture *fixture)
{
    struct schedule schedule = step_schedule(fixture, 0);
    struct err err;

    if (step_put(fixture, &schedule, 0) != SCHEDULE_CREATED)
        must(err_set(&err, ERR_PERM, "schedule 0 was not created"), &err);
    queue_fixture_advance(fixture, MINUTE_MS);
    return step_get(fixture, schedule.id);
}

enum schedule_outcome step_delete(struct queue_fixture *fixture, const char *id)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum schedule_outcome outcome;
    struct redis_cmd cmd;
    struct err err;

    schedule_delete(&cmd, FIXTURE_PREFIX, id, step_scope());
    reply = queue_fixture_call(fixture, &cmd);
    must(schedule_delete_reply(reply, &outcome, &err), &err);
    return outcome;
}

struct order step_order(enum run_kind kind, int64_t revision)
{
    static char project[] = STEP_PROJECT, workspace[] = STEP_WORKSPACE;
    static char spec[] = "{}", ref[] = "main";
    struct order order = {.project_id = project,
                          .workspace_id = workspace,
                          .kind = kind,
                          .spec = spec,
                          .ref = ref,
                          .fingerprint = "fingerprint",
                          .target = "t",
                          .revision = revision};

    memcpy(order.scope, step_scope(), sizeof order.scope);
    return order;
}

enum fire_outcome step_fire(struct queue_fixture *fixture, const struct fire *fire)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum fire_outcome outcome;
    struct redis_cmd cmd;
    struct err err;

    schedule_fire(&cmd, FIXTURE_PREFIX, fire);
    reply = queue_fixture_call(fixture, &cmd);
    must(schedule_fire_reply(reply, &outcome, &err), &err);
    return outcome;
}
