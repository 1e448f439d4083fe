/* Batches of the queue, for tests. */
#include "tests/support/queue_batch_steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

#define LIMIT     1000000
#define HOLDS_MAX 2048

static struct {
    struct queue_hold holds[HOLDS_MAX];
    size_t count;
} worker;

static void must(int result, const struct err *err)
{
    if (result == 0)
        return;
    fprintf(stderr, "queue_batch_steps: %s\n", err->message);
    abort();
}

struct batch_open step_batch(void)
{
    return (struct batch_open){.batch_id = "b",
                               .kind = BATCH_PLAN,
                               .trigger = TRIGGER_API,
                               .request = "{\"id\":\"b\"}",
                               .repo = "repo",
                               .project_id = "",
                               .registry_revision = -1,
                               .idem = "",
                               .idem_body = "",
                               .locked_by = "token",
                               .max_queued = LIMIT,
                               .max_queued_project = LIMIT,
                               .resolve_id = "r",
                               .resolve_spec = "{\"kind\":\"resolve\"}"};
}

struct batch_run step_run(const char *run_id, int64_t stage, const char *deps)
{
    return (struct batch_run){.run_id = run_id,
                              .kind = RUN_PLAN,
                              .target = run_id,
                              .scope = run_id,
                              .project_id = "",
                              .workspace_id = "",
                              .spec = "{}",
                              .ref = "main",
                              .stage = stage,
                              .deps = deps};
}

struct enqueued step_batch_open(struct queue_fixture *fixture,
                                const struct batch_open *open)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    struct enqueued out;
    struct err err;

    queue_batch_open(&cmd, FIXTURE_PREFIX, open);
    reply = queue_fixture_call(fixture, &cmd);
    must(queue_enqueue_reply(reply, &out, &err), &err);
    return out;
}

struct queue_hold step_resolving(struct queue_fixture *fixture)
{
    const struct batch_open open = step_batch();
    char nonce[SIGN_ID_BYTES];

    step_batch_open(fixture, &open);
    sign_nonce(nonce);
    return step_claim(fixture, "w", nonce);
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

enum hold_outcome step_expand(struct queue_fixture *fixture,
                              const struct queue_hold *hold, const struct batch_run *runs,
                              size_t count, bool abort)
{
    const struct batch_expand expand = {
        .commit = "abc", .abort_on_failure = abort, .runs = runs, .run_count = count};
    struct redis_cmd cmd;

    queue_batch_expand(&cmd, FIXTURE_PREFIX, hold, &expand);
    return outcome(fixture, &cmd);
}

enum hold_outcome step_orphan(struct queue_fixture *fixture,
                              const struct queue_hold *hold)
{
    struct redis_cmd cmd;

    queue_orphan(&cmd, FIXTURE_PREFIX, hold);
    return outcome(fixture, &cmd);
}

const char *step_batch_state(struct queue_fixture *fixture, const char *batch_id)
{
    static char state[128];
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct batch_record batch;
    struct redis_cmd cmd;
    struct err err;

    queue_get_batch(&cmd, FIXTURE_PREFIX, batch_id);
    reply = queue_fixture_call(fixture, &cmd);
    must(queue_get_batch_reply(reply, batch_id, &batch, &err), &err);
    if (batch.id == NULL)
        return "none";
    snprintf(state, sizeof state, "%s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
             batch_status_name(batch.status), batch.total, batch.outstanding, batch.ok,
             batch.failed);
    return state;
}

const char *step_told(struct queue_fixture *fixture, const char *id)
{
    static char words[512];
    AUTO(redis_reply_free)
    struct redisReply *reply = queue_fixture_plain(fixture, "XRANGE events - +");

    words[0] = '\0';
    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        const struct redisReply *fields = redis_reply_at(redis_reply_at(reply, i), 1);
        size_t used = strlen(words);

        if (strcmp(redis_reply_text(redis_reply_at(fields, 1)), id) == 0)
            snprintf(words + used, sizeof words - used, "%s ",
                     redis_reply_text(redis_reply_at(fields, 3)));
    }
    return words;
}

/* ---- a worker that holds what it can get ---- */
void step_worker_new(void)
{
    worker.count = 0;
}

int step_claim_all(struct queue_fixture *fixture)
{
    int claimed = 0;

    for (; worker.count < HOLDS_MAX; claimed++) {
        char nonce[SIGN_ID_BYTES];
        struct queue_hold hold;

        sign_nonce(nonce);
        hold = step_claim(fixture, "w", nonce);
        if (hold.run_id[0] == '\0')
            break;
        worker.holds[worker.count++] = hold;
    }
    return claimed;
}

struct queue_hold step_hold_of(const char *run_id)
{
    for (size_t i = worker.count; i > 0; i--)
        if (strcmp(worker.holds[i - 1].run_id, run_id) == 0)
            return worker.holds[i - 1];
    return (struct queue_hold){.run_id = ""};
}

enum hold_outcome step_end(struct queue_fixture *fixture, const char *run_id,
                           enum run_status status)
{
    struct queue_hold hold;

    step_claim_all(fixture);
    hold = step_hold_of(run_id);
    if (hold.run_id[0] == '\0') {
        fprintf(stderr, "queue_batch_steps: nobody could claim run %s\n", run_id);
        abort();
    }
    return step_finish(fixture, &hold, status);
}
