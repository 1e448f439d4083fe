/* The worker's side of the queue for tests of the api. */
#include "tests/support/fake_worker.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/zip.h"
#include "common/queue/target.h"
#include "common/redis/scripts.h"

#define PREFIX      "{kedge}:"
#define TIMEOUT_MS  10000
#define LOOK_MS     5
#define OUTPUT_MAX  ((size_t)8 << 20)
#define WORKER_ID   "fake-worker"
#define COMMIT      "0123456789abcdef0123456789abcdef01234567"
#define GITHUB_HOST "github.com"

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "fake_worker: %s: %s\n", what, err != NULL ? err->message : "");
    abort();
}

void fake_worker_open(struct fake_worker *worker, const struct redis_server *server)
{
    worker->redis = redis_new(&server->address, PREFIX, scripts_all, TIMEOUT_MS);
}

void fake_worker_close(struct fake_worker *worker)
{
    redis_free(worker->redis);
}

struct redisReply *fake_worker_call(struct fake_worker *worker, struct redis_cmd *cmd)
{
    struct redisReply *reply = NULL;
    struct err err;

    if (redis_call(worker->redis, cmd, TIMEOUT_MS, &reply, &err) < 0)
        die(cmd->script != NULL ? cmd->script->name : "a command", &err);
    redis_cmd_done(cmd);
    return reply;
}

void fake_worker_claim(struct fake_worker *worker, struct claimed *out)
{
    int64_t deadline_ms = clock_mono_ms() + TIMEOUT_MS;
    char nonce[SIGN_ID_BYTES];
    struct err err;

    for (;;) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct redis_cmd cmd;

        sign_nonce(nonce);
        queue_claim(&cmd, PREFIX, WORKER_ID, nonce);
        reply = fake_worker_call(worker, &cmd);
        if (queue_claim_reply(reply, nonce, out, &err) < 0)
            die("claim", &err);
        if (out->outcome == CLAIM_RUN)
            return;
        if (clock_mono_ms() > deadline_ms)
            die("there was nothing to claim", NULL);
        poll(NULL, 0, LOOK_MS);
    }
}

static void must_be_done(const struct redisReply *reply, const char *what)
{
    enum hold_outcome outcome = HOLD_GONE;
    struct err err;

    if (queue_hold_reply(reply, &outcome, &err) < 0)
        die(what, &err);
    if (outcome != HOLD_DONE)
        die(what, NULL);
}

void fake_worker_must(struct fake_worker *worker, struct redis_cmd *cmd)
{
    AUTO(redis_reply_free) struct redisReply *reply = fake_worker_call(worker, cmd);

    must_be_done(reply, "a command about a hold");
}

/* ---- expand ---- */
struct made_run {
    char run_id[SIGN_UUID_BYTES];
    char target[SIGN_ID_BYTES];
    char *spec;
};

static void make_run(const struct batch_request *request,
                     const struct fake_target *target, int64_t index,
                     struct made_run *out)
{
    AUTO(run_spec_done)
    struct run_spec spec = {
        .kind = batch_run_kind(request),
        .type = request->type,
        .repository = mem_dup(request->repository),
        .ref = mem_dup(request->ref),
        .commit = mem_dup(COMMIT),
        .directory = mem_dup(target->directory),
        .workspace = mem_dup(target->workspace),
        .project_name = mem_dup(target->name),
    };
    struct buf text = BUF_INIT(QUEUE_SPEC_BYTES);

    batch_run_id(request->id, index, out->run_id);
    target_id(GITHUB_HOST, &spec, out->target);
    run_spec_print(&spec, &text);
    out->spec = buf_take(&text);
}

static void read_request(const struct claimed *resolve, struct batch_request *out)
{
    AUTO(run_spec_done) struct run_spec spec = {.kind = RUN_PLAN};
    struct err err;

    if (run_spec_parse(resolve->spec, strlen(resolve->spec), &spec, &err) < 0 ||
        batch_request_parse(spec.batch, strlen(spec.batch), out, &err) < 0)
        die("the claimed run", &err);
}

void fake_worker_expand(struct fake_worker *worker, const struct claimed *resolve,
                        const struct fake_target *targets, size_t count)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(batch_request_done) struct batch_request request = {.kind = BATCH_PLAN};
    AUTO(auto_free) struct made_run *made = mem_new(count, sizeof *made);
    AUTO(auto_free) struct batch_run *runs = mem_new(count, sizeof *runs);
    struct batch_expand expand = {.commit = COMMIT, .runs = runs, .run_count = count};
    struct redis_cmd cmd;

    read_request(resolve, &request);
    for (size_t i = 0; i < count; i++) {
        make_run(&request, &targets[i], (int64_t)i, &made[i]);
        runs[i] = (struct batch_run){.run_id = made[i].run_id,
                                     .kind = batch_run_kind(&request),
                                     .target = made[i].target,
                                     .scope = made[i].target,
                                     .spec = made[i].spec,
                                     .ref = request.ref,
                                     .deps = ""};
    }
    queue_batch_expand(&cmd, PREFIX, &resolve->hold, &expand);
    reply = fake_worker_call(worker, &cmd);
    must_be_done(reply, "expand");
    for (size_t i = 0; i < count; i++)
        free(made[i].spec);
}

/* ---- end ---- */
static void deflate(const char *text, struct buf *out)
{
    if (text != NULL)
        zip_deflate(text, strlen(text), out);
}

void fake_worker_end(struct fake_worker *worker, const struct claimed *run,
                     const struct fake_end *end)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(buf_done) struct buf output = BUF_INIT(OUTPUT_MAX);
    AUTO(buf_done) struct buf applied = BUF_INIT(OUTPUT_MAX);
    struct finish finish = {.status = end->status,
                            .exit_code = -1,
                            .error_code = end->error_code,
                            .error_message = end->error_message,
                            .commit = COMMIT,
                            .summary = end->summary};
    struct redis_cmd cmd;

    deflate(end->output, &output);
    deflate(end->applied, &applied);
    finish.output = output.data;
    finish.output_len = output.len;
    finish.head = end->head;
    finish.head_len = end->head != NULL ? strlen(end->head) : 0;
    finish.applied = applied.data;
    finish.applied_len = applied.len;
    queue_finish(&cmd, PREFIX, &run->hold, &finish);
    reply = fake_worker_call(worker, &cmd);
    must_be_done(reply, "finish");
}
