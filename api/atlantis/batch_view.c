/* Reading a batch and what became of its runs. */
#include "api/atlantis/batch_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/base/zip.h"

/* Of one round: nobody else is served while its replies are read. */
#define ROUND_RUNS 20
#define ROUND_TEXT ((size_t)2 << 20)
#define TEXT_MAX   ((size_t)4 << 20)
#define TEXT_PARTS (RESULT_OUTPUT | RESULT_APPLIED | RESULT_HEAD)

static void ask_round(struct request *req);

static void forget(struct batch_view *view)
{
    batch_request_done(&view->request);
    free(view->error_code);
    free(view->error);
    buf_done(&view->data);
    free(view->runs);
    batch_project_done(&view->project);
}

void batch_view_done(struct batch_view *view)
{
    forget(view);
    *view = (struct batch_view){.then = view->then};
}

int batch_view_record(struct request *req, const struct redisReply *reply,
                      const char *noun, const char *id, struct batch_record *out)
{
    struct err err;

    if (queue_get_batch_reply(reply, id, out, &err) < 0) {
        reply_failure(req, &err);
        return -1;
    }
    if (out->id != NULL)
        return 0;
    reply_error(req, REPLY_NOT_FOUND, "there is no %s %s", noun, id);
    return -1;
}

/* ---- the end ---- */
static void close_view(struct request *req)
{
    struct batch_view *view = req->state;

    batch_json_close(&view->w, view->request.kind, view->error, view->ended_at_ms,
                     &view->tally);
    view->then(req);
}

/* A batch without runs because it could not be resolved: what it named of itself is all
 * there is to show. */
static void show_refused(struct batch_view *view)
{
    static const struct batch_texts nothing = {0};
    const struct batch_paths *paths = &view->request.paths;

    for (size_t i = 0; i < paths->count; i++) {
        AUTO(batch_project_done)
        struct batch_project project = {.outcome = PROJECT_ERROR};

        batch_project_refuse(&project, paths->list[i].directory, paths->list[i].workspace,
                             view->error, view->ended_at_ms);
        batch_json_project(&view->w, &view->request, &project, &nothing, &view->tally);
    }
}

bool batch_view_is_refused(const struct batch_view *view)
{
    return view->error != NULL &&
           (view->request.names.count > 0 || view->request.paths.count == 0);
}

void batch_view_refuse(struct request *req)
{
    static const struct {
        enum run_error code;
        enum reply_error answer;
    } answers[] = {
        {RUN_ERR_REQUEST_INVALID, REPLY_BAD_REQUEST},
        {RUN_ERR_CONFIG_INVALID, REPLY_BAD_REQUEST},
        {RUN_ERR_REPOSITORY_NOT_FOUND, REPLY_NOT_FOUND},
        {RUN_ERR_REF_NOT_FOUND, REPLY_NOT_FOUND},
        {RUN_ERR_REPOSITORY_NOT_ALLOWED, REPLY_FORBIDDEN},
    };
    const struct batch_view *view = req->state;
    enum reply_error answer =
        view->status == BATCH_CANCELLED ? REPLY_CONFLICT : REPLY_UPSTREAM;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        if (strcmp(view->error_code, run_error_name(answers[i].code)) == 0)
            answer = answers[i].answer;
    reply_error(req, answer, "%s", view->error);
}

/* ---- texts ---- */
/* The stored text, cut to its share; an empty buf when there is none. */
static int read_text(struct request *req, const char *stored, size_t len, struct buf *out,
                     struct err *err)
{
    const struct batch_view *view = req->state;
    const char *base = req->api->conf->public_url;
    AUTO(auto_free) char *where = NULL;

    if (stored == NULL)
        return 0;
    if (zip_inflate(stored, len, out, err) < 0)
        return err_wrap(err, "output of run %s", view->project.run_id);
    where = mem_fmt("%s/api/v1/runs/%s", base != NULL ? base : "", view->project.run_id);
    batch_text_cut(out, view->room, where);
    return 0;
}

/* What is left of an output that was dropped for age. */
static void use_head(const struct run_result *result, struct buf *plan)
{
    if (result->output != NULL || result->head == NULL)
        return;
    buf_append(plan, result->head, result->head_len);
    if (result->head_len >= QUEUE_HEAD_BYTES)
        buf_str(plan, "\n[cut: the rest is no longer kept]\n");
}

static int add_project(struct request *req, const struct run_result *result,
                       struct err *err)
{
    struct batch_view *view = req->state;
    AUTO(buf_done) struct buf plan = BUF_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf apply = BUF_INIT(TEXT_MAX);
    struct batch_texts texts = {0};

    if (read_text(req, result->output, result->output_len, &plan, err) < 0 ||
        read_text(req, result->applied, result->applied_len, &apply, err) < 0)
        return -1;
    use_head(result, &plan);
    texts.plan = plan.len > 0 ? buf_text(&plan) : NULL;
    texts.apply = apply.len > 0 ? buf_text(&apply) : NULL;
    batch_json_project(&view->w, &view->request, &view->project, &texts, &view->tally);
    batch_project_done(&view->project);
    return 0;
}

/* ---- rounds ---- */
static void begin_round_again(struct batch_view *view)
{
    batch_project_done(&view->project);
    view->data.len = view->at_round.body_bytes;
    view->w.comma = view->at_round.comma;
    view->tally = view->at_round.tally;
    view->next = view->at_round.next;
}

static int end_project(struct request *req, const struct run_result *result,
                       struct err *err)
{
    struct batch_view *view = req->state;

    if (add_project(req, result, err) < 0)
        return -1;
    if (++view->next == view->round_end)
        ask_round(req);
    return 0;
}

static void got_result(struct request *req, const struct redisReply *reply)
{
    struct run_result result;
    struct err err;

    if (queue_get_result_reply(reply, TEXT_PARTS, &result, &err) < 0 ||
        end_project(req, &result, &err) < 0)
        reply_failure(req, &err);
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    static const struct run_result nothing = {0};
    struct batch_view *view = req->state;
    struct run_record run;
    struct err err;

    if (ask_index(req) == 0)
        begin_round_again(view);
    batch_project_done(&view->project);
    if (queue_get_run_reply(reply, view->runs[view->next], &run, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    /* Counted as an orphan, and its worker came back to it since. */
    if (batch_status_ended(view->status) && run.id != NULL &&
        !run_status_ended(run.status))
        run.status = RUN_ORPHANED;
    if (batch_project_read(&run, &view->project, &err) < 0 ||
        (view->room == 0 && end_project(req, &nothing, &err) < 0))
        reply_failure(req, &err);
}

static void ask_round(struct request *req)
{
    struct batch_view *view = req->state;
    size_t from = view->next;
    struct redis_cmd cmd;

    if (from == view->run_count) {
        close_view(req);
        return;
    }
    view->round_end = from + view->round_runs;
    if (view->round_end > view->run_count)
        view->round_end = view->run_count;
    view->at_round.next = from;
    view->at_round.body_bytes = view->data.len;
    view->at_round.comma = view->w.comma;
    view->at_round.tally = view->tally;
    for (size_t i = from; i < view->round_end; i++) {
        queue_get_run(&cmd, request_prefix(req), view->runs[i]);
        ask(req, &cmd, got_run);
        if (view->room == 0)
            continue;
        queue_get_result(&cmd, request_prefix(req), view->runs[i], TEXT_PARTS);
        ask(req, &cmd, got_result);
    }
    ask_go(req);
}

/* ---- the beginning ---- */
/* Why there are no runs; NULL: there may well be. */
static char *refusal(const struct batch_record *batch)
{
    enum run_error error = RUN_ERR_NONE;

    if (batch->status == BATCH_CANCELLED && batch_run_count(batch) == 0)
        return mem_dup("the request was cancelled");
    if (batch->status != BATCH_ERROR)
        return NULL;
    if (batch->error_message[0] != '\0')
        return mem_dup(batch->error_message);
    run_error_parse(batch->error_code, &error);
    return mem_dup(error != RUN_ERR_NONE ? run_error_hint(error)
                                         : "the request could not be resolved");
}

/* How many a run's part of the answer has. */
static size_t texts_of(const struct batch_request *request)
{
    switch (request->kind) {
    case BATCH_PLAN:
    case BATCH_APPLY:
        return 1;
    case BATCH_REMEDIATE:
        return request->apply ? 2 : 1;
    case BATCH_DETECT:
    case BATCH_CHECK:
    case BATCH_KINDS:
        break;
    }
    return 0;
}

static size_t round_runs(const struct batch_view *view, size_t texts)
{
    size_t text = view->room * texts; /* of one run; 0: none is shown */
    size_t runs = text > 0 ? ROUND_TEXT / text : ROUND_RUNS;

    if (runs > ROUND_RUNS)
        return ROUND_RUNS;
    return runs > 0 ? runs : 1;
}

static void take_runs(struct batch_view *view, const struct batch_record *batch)
{
    size_t texts = texts_of(&view->request);

    view->run_count = batch_run_count(batch);
    view->runs = mem_new(view->run_count, sizeof *view->runs);
    for (size_t i = 0; i < view->run_count; i++)
        snprintf(view->runs[i], sizeof *view->runs, "%s", batch_run_at(batch, i));
    if (view->run_count > 0 && texts > 0)
        view->room = BATCH_VIEW_TEXT_MAX / (view->run_count * texts);
    view->round_runs = round_runs(view, texts);
}

static int take_batch(struct batch_view *view, const struct batch_record *batch,
                      struct err *err)
{
    batch_view_done(view);
    if (batch_request_parse(batch->request, strlen(batch->request), &view->request, err) <
        0)
        return err_wrap(err, "batch %s", batch->id);
    view->status = batch->status;
    view->ended_at_ms = batch->ended_at_ms;
    view->error = refusal(batch);
    view->error_code = mem_dup(batch->error_code);
    view->data = REPLY_BODY_INIT;
    json_open(&view->w, &view->data);
    take_runs(view, batch);
    return batch_json_open(&view->w, batch, &view->request, err);
}

void batch_view_start(struct request *req, const struct batch_record *batch)
{
    struct batch_view *view = req->state;
    struct err err;

    if (take_batch(view, batch, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (view->error != NULL)
        show_refused(view);
    ask_round(req);
}
