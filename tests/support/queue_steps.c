/* The queue's commands as one call each, for tests. */
#include "tests/support/queue_steps.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"

#define LIMIT 1000000

static void must(int result, const struct err *err)
{
    if (result == 0)
        return;
    fprintf(stderr, "queue_steps: %s\n", err->message);
    abort();
}

struct enqueue step_check(const char *run_id)
{
    return (struct enqueue){.run_id = run_id,
                            .kind = RUN_DRIFT_CHECK,
                            .trigger = TRIGGER_API,
                            .target = "t",
                            .scope = "s",
                            .project_id = "",
                            .workspace_id = "",
                            .spec = "{}",
                            .ref = "main",
                            .fingerprint = "",
                            .registry_revision = -1,
                            .idem = "",
                            .idem_body = "",
                            .locked_by = "token",
                            .max_queued = LIMIT,
                            .max_queued_project = LIMIT};
}

struct enqueued step_enqueued(struct queue_fixture *fixture, const struct enqueue *req)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    struct enqueued out;
    struct err err;

    queue_enqueue(&cmd, FIXTURE_PREFIX, req);
    reply = queue_fixture_call(fixture, &cmd);
    must(queue_enqueue_reply(reply, &out, &err), &err);
    return out;
}

enum enqueue_outcome step_enqueue(struct queue_fixture *fixture,
                                  const struct enqueue *req)
{
    return step_enqueued(fixture, req).outcome;
}

static struct claimed claim(struct queue_fixture *fixture, const char *worker,
                            const char *nonce)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    struct claimed out;
    struct err err;

    queue_claim(&cmd, FIXTURE_PREFIX, worker, nonce);
    reply = queue_fixture_call(fixture, &cmd);
    must(queue_claim_reply(reply, nonce, &out, &err), &err);
    claimed_done(&out);
    return out;
}

struct queue_hold step_claim(struct queue_fixture *fixture, const char *worker,
                             const char *nonce)
{
    return claim(fixture, worker, nonce).hold;
}

enum claim_outcome step_claim_outcome(struct queue_fixture *fixture, const char *worker,
                                      const char *nonce)
{
    return claim(fixture, worker, nonce).outcome;
}

struct queue_hold step_running(struct queue_fixture *fixture, const char *run_id,
                               enum run_kind kind)
{
    struct enqueue req = step_check(run_id);
    char nonce[SIGN_ID_BYTES];

    req.kind = kind;
    step_enqueue(fixture, &req);
    sign_nonce(nonce);
    return step_claim(fixture, "w", nonce);
}

struct hold_news step_heartbeat(struct queue_fixture *fixture, const char *worker,
                                const struct queue_hold *hold)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct hold_news news;
    struct redis_cmd cmd;
    struct err err;

    queue_heartbeat(&cmd, FIXTURE_PREFIX, worker, "{}", hold, 1);
    reply = queue_fixture_call(fixture, &cmd);
    must(queue_heartbeat_reply(reply, &news, 1, &err), &err);
    return news;
}

static enum hold_outcome outcome(struct queue_fixture *fixture, struct redis_cmd *cmd)
{
    AUTO(redis_reply_free)
    struct redisReply *reply = queue_fixture_call(fixture, cmd);
    enum hold_outcome out;
    struct err err;

    must(queue_hold_reply(reply, &out, &err), &err);
    return out;
}

enum hold_outcome step_mark(struct queue_fixture *fixture, const struct queue_hold *hold)
{
    struct redis_cmd cmd;

    queue_mark(&cmd, FIXTURE_PREFIX, hold);
    return outcome(fixture, &cmd);
}

enum hold_outcome step_release(struct queue_fixture *fixture,
                               const struct queue_hold *hold)
{
    struct redis_cmd cmd;

    queue_release(&cmd, FIXTURE_PREFIX, hold);
    return outcome(fixture, &cmd);
}

enum hold_outcome step_retry(struct queue_fixture *fixture, const struct queue_hold *hold,
                             enum retry_reason reason)
{
    struct redis_cmd cmd;

    queue_retry(&cmd, FIXTURE_PREFIX, hold, reason, "cannot clone");
    return outcome(fixture, &cmd);
}

enum hold_outcome step_reassert(struct queue_fixture *fixture, const char *worker,
                                const struct queue_hold *hold)
{
    struct redis_cmd cmd;

    queue_reassert(&cmd, FIXTURE_PREFIX, worker, hold);
    return outcome(fixture, &cmd);
}

enum hold_outcome step_finish_with(struct queue_fixture *fixture,
                                   const struct queue_hold *hold,
                                   const struct finish *result)
{
    struct redis_cmd cmd;

    queue_finish(&cmd, FIXTURE_PREFIX, hold, result);
    return outcome(fixture, &cmd);
}

enum hold_outcome step_finish(struct queue_fixture *fixture,
                              const struct queue_hold *hold, enum run_status status)
{
    const struct finish result = {.status = status, .exit_code = 0, .commit = "abc"};

    return step_finish_with(fixture, hold, &result);
}

enum cancel_outcome step_cancel(struct queue_fixture *fixture, const char *run_id,
                                bool force)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum cancel_outcome out;
    struct redis_cmd cmd;
    struct err err;

    queue_cancel(&cmd, FIXTURE_PREFIX, run_id, force, "token");
    reply = queue_fixture_call(fixture, &cmd);
    must(queue_cancel_reply(reply, &out, &err), &err);
    return out;
}

enum resolve_outcome step_resolve(struct queue_fixture *fixture, const char *run_id,
                                  enum run_status status, bool force)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum resolve_outcome out;
    struct redis_cmd cmd;
    struct err err;

    queue_resolve(&cmd, FIXTURE_PREFIX, run_id, status, "looked at it", force);
    reply = queue_fixture_call(fixture, &cmd);
    must(queue_resolve_reply(reply, &out, &err), &err);
    return out;
}

struct queue_reaped step_reap(struct queue_fixture *fixture)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct queue_reaped out;
    struct redis_cmd cmd;
    struct err err;

    queue_reap(&cmd, FIXTURE_PREFIX);
    reply = queue_fixture_call(fixture, &cmd);
    must(queue_reap_reply(reply, &out, &err), &err);
    return out;
}

struct queue_reaped step_reap_for(struct queue_fixture *fixture, int64_t ms)
{
    struct queue_reaped sum = {0};

    for (; ms > 0; ms -= 1000) {
        struct queue_reaped now;

        queue_fixture_advance(fixture, ms < 1000 ? ms : 1000);
        now = step_reap(fixture);
        sum.moved += now.moved;
        sum.suspected += now.suspected;
        sum.requeued += now.requeued;
        sum.lost += now.lost;
        sum.orphaned += now.orphaned;
        sum.cancelled += now.cancelled;
    }
    return sum;
}

static int64_t count(struct queue_fixture *fixture, struct redis_cmd *cmd)
{
    AUTO(redis_reply_free)
    struct redisReply *reply = queue_fixture_call(fixture, cmd);
    int64_t out;
    struct err err;

    must(queue_count_reply(reply, &out, &err), &err);
    return out;
}

int64_t step_promote(struct queue_fixture *fixture)
{
    struct redis_cmd cmd;

    queue_promote(&cmd, FIXTURE_PREFIX);
    return count(fixture, &cmd);
}

int64_t step_fsck(struct queue_fixture *fixture)
{
    struct redis_cmd cmd;

    queue_fsck(&cmd, FIXTURE_PREFIX);
    return count(fixture, &cmd);
}

int64_t step_trim(struct queue_fixture *fixture, int64_t keep_runs, int64_t keep_days,
                  int64_t store_max_bytes)
{
    struct redis_cmd cmd;

    queue_trim(&cmd, FIXTURE_PREFIX, keep_runs, keep_days, store_max_bytes);
    return count(fixture, &cmd);
}

const char *step_status(struct queue_fixture *fixture, const char *run_id)
{
    const char *status = queue_fixture_ask(fixture, "HGET run:%s status", run_id);

    return status[0] != '\0' ? status : "none";
}
