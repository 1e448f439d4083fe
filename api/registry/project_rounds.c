/* The runs of a project's workspaces, asked chunk by chunk. */
#include "api/registry/project_rounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/run/run_text.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/queue/queue_batch.h"

#define CHUNK     100 /* workspaces */
#define OLDER_MAX 10

void project_rounds_clear(struct project_rounds *rounds)
{
    for (size_t i = 0; i < rounds->count; i++)
        project_row_done(&rounds->rows[i]);
    free(rounds->rows);
    rounds->rows = NULL;
    rounds->count = 0;
}

void project_rounds_done(struct project_rounds *rounds)
{
    project_rounds_clear(rounds);
    free(rounds->asked.list);
    free(rounds->older.list);
}

/* ---- rounds ---- */
static struct topic *add_topic(struct topics *topics, struct project_row *row)
{
    if (topics->count == topics->cap) {
        topics->cap = topics->cap > 0 ? 2 * topics->cap : CHUNK;
        topics->list = mem_grow(topics->list, topics->cap, sizeof *topics->list);
    }
    topics->list[topics->count] = (struct topic){.row = row};
    return &topics->list[topics->count++];
}

static struct topic *ask_about(struct request *req, struct project_row *row,
                               struct redis_cmd *cmd, ask_then *then)
{
    struct project_rounds *rounds = req->state;

    ask(req, cmd, then);
    return add_topic(&rounds->asked, row);
}

static struct topic *topic(struct request *req)
{
    const struct project_rounds *rounds = req->state;

    return &rounds->asked.list[ask_index(req)];
}

/* Is this callback the round's last, and nothing answered yet? */
static bool is_over(const struct request *req)
{
    const struct project_rounds *rounds = req->state;

    return req->response == NULL && ask_index(req) + 1 == rounds->asked.count;
}

/* Sends the round, or goes on when there is nothing to ask. */
static void go(struct request *req, void (*next)(struct request *req))
{
    const struct project_rounds *rounds = req->state;

    if (rounds->asked.count > 0)
        ask_go(req);
    else
        next(req);
}

static void ask_chunk(struct request *req);

static void next_chunk(struct request *req)
{
    struct project_rounds *rounds = req->state;

    rounds->begin = rounds->end;
    if (rounds->begin < rounds->count)
        ask_chunk(req);
    else
        rounds->then(req);
}

/* ---- the last round: runs before newest ones that were cancelled ---- */
static void got_older(struct request *req, const struct redisReply *reply)
{
    const struct topic *about = topic(req);
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, about->id, &run, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (run.id != NULL && run.kind == RUN_DRIFT_CHECK && !run_status_ended(run.status))
        about->row->standing.older_goes_on = true;
    if (is_over(req))
        next_chunk(req);
}

static void ask_older(struct request *req)
{
    struct project_rounds *rounds = req->state;

    rounds->asked.count = 0;
    for (size_t i = 0; i < rounds->older.count; i++) {
        const struct topic *older = &rounds->older.list[i];
        struct redis_cmd cmd;

        queue_get_run(&cmd, request_prefix(req), older->id);
        memcpy(ask_about(req, older->row, &cmd, got_older)->id, older->id,
               sizeof older->id);
    }
    go(req, next_chunk);
}

/* ---- the third round: what is ignored, what came before ---- */
static void begin_third(struct request *req)
{
    struct project_rounds *rounds = req->state;

    if (ask_index(req) == 0)
        rounds->older.count = 0;
}

static void got_metadata(struct request *req, const struct redisReply *reply)
{
    struct project_row *row = topic(req)->row;
    AUTO(run_text_done) struct run_text text = {0};
    struct err err;

    begin_third(req);
    if (run_text_read(&text, reply, RESULT_METADATA, &row->standing.notes[STANDING_GOOD],
                      &row->rules, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (text.shown.metadata != NULL)
        row->counted = text.counted;
    if (is_over(req))
        ask_older(req);
}

static void got_older_ids(struct request *req, const struct redisReply *reply)
{
    struct project_rounds *rounds = req->state;

    begin_third(req);
    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        const char *id = redis_reply_text(redis_reply_at(reply, i));

        if (id != NULL)
            snprintf(add_topic(&rounds->older, topic(req)->row)->id, SIGN_UUID_BYTES,
                     "%s", id);
    }
    if (is_over(req))
        ask_older(req);
}

static void ask_third(struct request *req)
{
    struct project_rounds *rounds = req->state;

    rounds->asked.count = rounds->older.count = 0;
    for (size_t i = rounds->begin; i < rounds->end; i++) {
        struct project_row *row = &rounds->rows[i];
        const struct run_note *newest = &row->standing.notes[STANDING_NEWEST];
        struct redis_cmd cmd;

        if (project_row_needs_metadata(row)) {
            queue_get_result(&cmd, request_prefix(req),
                             row->standing.notes[STANDING_GOOD].id, RESULT_METADATA);
            ask_about(req, row, &cmd, got_metadata);
        }
        if (newest->id[0] != '\0' && newest->status == RUN_CANCELLED) {
            queue_list_runs(&cmd, request_prefix(req), row->scope, 0, NULL, OLDER_MAX);
            ask_about(req, row, &cmd, got_older_ids);
        }
    }
    go(req, ask_older);
}

/* ---- the second round: the runs ---- */
static void settle(struct request *req)
{
    struct project_rounds *rounds = req->state;

    for (size_t i = rounds->begin; i < rounds->end; i++)
        project_row_settle(&rounds->rows[i]);
    ask_third(req);
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    const struct topic *about = topic(req);
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, about->row->standing.ids[about->role], &run, &err) <
        0) {
        reply_failure(req, &err);
        return;
    }
    project_row_take_run(about->row, about->role, &run);
    if (is_over(req))
        settle(req);
}

static void ask_runs_of(struct request *req, struct project_row *row)
{
    for (enum standing_role role = STANDING_NEWEST; role < STANDING_ROLES; role++) {
        const char *id = row->standing.ids[role];
        struct redis_cmd cmd;

        if (id[0] == '\0' || standing_first(&row->standing, role) != role)
            continue;
        queue_get_run(&cmd, request_prefix(req), id);
        ask_about(req, row, &cmd, got_run)->role = role;
    }
}

static void ask_runs(struct request *req)
{
    struct project_rounds *rounds = req->state;

    rounds->asked.count = 0;
    for (size_t i = rounds->begin; i < rounds->end; i++)
        ask_runs_of(req, &rounds->rows[i]);
    go(req, settle);
}

/* ---- the first round: rules, and which runs there are ---- */
static void got_last(struct request *req, const struct redisReply *reply)
{
    standing_take_last(&topic(req)->row->standing, reply);
}

static void got_records(struct request *req, const struct redisReply *reply)
{
    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        const struct redisReply *record = redis_reply_at(reply, i);

        standing_take_record(&topic(req)->row->standing, redis_reply_text(record),
                             redis_reply_len(record));
    }
}

static void got_ignores(struct request *req, const struct redisReply *reply)
{
    const struct project_rounds *rounds = req->state;
    struct project_row *row = topic(req)->row;
    const struct registry_pair pair = {
        .project = {.id = req->match.params[0], .revision = rounds->revision},
        .workspace_json = row->json};

    rules_done(&row->rules);
    rules_add_ignores(&row->rules, reply);
    rules_add_workspace(&row->rules, &pair);
    if (is_over(req))
        ask_runs(req);
}

static void ask_chunk(struct request *req)
{
    struct project_rounds *rounds = req->state;
    const char *prefix = request_prefix(req);

    rounds->asked.count = 0;
    rounds->end =
        rounds->begin + CHUNK < rounds->count ? rounds->begin + CHUNK : rounds->count;
    for (size_t i = rounds->begin; i < rounds->end; i++) {
        struct project_row *row = &rounds->rows[i];
        struct redis_cmd cmd;

        queue_get_last(&cmd, prefix, row->scope);
        ask_about(req, row, &cmd, got_last);
        if (row->ref != NULL) {
            queue_get_drift_of(&cmd, prefix, row->repo, row->target, row->ref);
            ask_about(req, row, &cmd, got_records);
        }
        registry_get_ignores(&cmd, prefix, row->scope);
        ask_about(req, row, &cmd, got_ignores);
    }
    ask_go(req);
}

void project_rounds_start(struct request *req)
{
    struct project_rounds *rounds = req->state;

    rounds->end = 0;
    next_chunk(req);
}
