/* Lists of runs: chunk after chunk, until the page is full. */
#include "api/run/run_list.h"

#include <stdlib.h>
#include <string.h>

#include "api/run/run_text.h"
#include "api/server/request.h"
#include "common/base/mem.h"

#define CHUNK_FILTERED 200 /* runs read at once to find some */
#define CHUNK_RESULTS  10  /* with their results: some may be large */

void run_list_done(void *state)
{
    struct run_list *list = state;

    free(list->ids);
    scoped_done(&list->scoped);
    buf_done(&list->body);
}

/* One more than the page holds tells whether there is another page. */
static int64_t chunk_size(const struct run_list *list)
{
    const struct run_filter *filter = &list->filter;

    if (list->detail != DETAIL_COUNTS)
        return CHUNK_RESULTS;
    if (filter->status != NULL || filter->by_kind ||
        (filter->project_id != NULL && filter->scope == NULL))
        return CHUNK_FILTERED;
    return list->page.limit + 1;
}

static void finish(struct request *req, bool more)
{
    struct run_list *list = req->state;

    json_array_end(&list->w);
    if (more)
        page_link(req, &list->now.last);
    reply_json(req, MHD_HTTP_OK, &list->body);
}

/* ---- one run ---- */
static bool fits(const struct run_filter *filter, const struct run_record *run)
{
    return (filter->status == NULL ||
            strcmp(run_status_shown(run->status), filter->status) == 0) &&
           (!filter->by_kind || run->kind == filter->kind) &&
           (filter->project_id == NULL ||
            strcmp(run->project_id, filter->project_id) == 0) &&
           (filter->workspace_id == NULL ||
            strcmp(run->workspace_id, filter->workspace_id) == 0);
}

static void begin_chunk_again(struct run_list *list)
{
    list->now = list->at_chunk;
    list->body.len = list->at_chunk.body_bytes;
    list->w.comma = list->at_chunk.comma;
    list->next = 0;
}

static void ask_ids(struct request *req);

static void next_run(struct request *req)
{
    struct run_list *list = req->state;
    bool was_last_chunk, cut_short;

    if (++list->next < list->id_count)
        return;
    was_last_chunk = (int64_t)list->id_count < chunk_size(list);
    cut_short = strcmp(list->now.last.id, list->ids[list->id_count - 1].id) != 0;
    list->scanned += (int64_t)list->id_count;
    if (list->now.shown >= list->page.limit)
        finish(req, cut_short || !was_last_chunk);
    else if (was_last_chunk || list->scanned >= RUN_LIST_SCANNED_MAX)
        finish(req, !was_last_chunk);
    else
        ask_ids(req);
}

/* Its counts, without a look at its result. */
static void close_brief(struct run_list *list, const struct run_record *run)
{
    struct run_shown shown = {.metadata = run->summary,
                              .metadata_len = strlen(run->summary)};

    run_json_close(&list->w, &list->note, &shown);
}

/* Runs beyond the end of the page were read for nothing; the next page has them. */
static void show_run(struct run_list *list, const struct run_record *run)
{
    list->showing = false;
    if (list->now.shown >= list->page.limit)
        return;
    list->now.last = list->ids[list->next];
    if (run->id == NULL || !fits(&list->filter, run))
        return;
    list->showing = true;
    list->now.shown++;
    run_json_open(&list->w, run);
    run_note(&list->note, run);
    if (list->detail == DETAIL_COUNTS)
        close_brief(list, run);
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    struct run_list *list = req->state;
    struct run_record run;
    struct err err;

    if (ask_index(req) == 0)
        begin_chunk_again(list);
    if (queue_get_run_reply(reply, list->ids[list->next].id, &run, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    show_run(list, &run);
    if (list->detail == DETAIL_COUNTS)
        next_run(req);
}

static unsigned parts(const struct run_list *list)
{
    return RESULT_METADATA | (list->detail == DETAIL_HEAD ? RESULT_HEAD : RESULT_OUTPUT);
}

static void got_result(struct request *req, const struct redisReply *reply)
{
    struct run_list *list = req->state;
    AUTO(run_text_done) struct run_text text = {0};
    struct err err;

    if (list->showing && run_text_read(&text, reply, parts(list), &list->note,
                                       &list->scoped.rules, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (list->showing)
        run_json_close(&list->w, &list->note, &text.shown);
    next_run(req);
}

/* ---- a chunk ---- */
static void ask_runs(struct request *req)
{
    const struct run_list *list = req->state;

    for (size_t i = 0; i < list->id_count; i++) {
        struct redis_cmd cmd;

        queue_get_run(&cmd, request_prefix(req), list->ids[i].id);
        ask(req, &cmd, got_run);
        if (list->detail == DETAIL_COUNTS)
            continue;
        queue_get_result(&cmd, request_prefix(req), list->ids[i].id, parts(list));
        ask(req, &cmd, got_result);
    }
    ask_go(req);
}

/* [id, score, id, score, …] */
static void keep_ids(struct run_list *list, const struct redisReply *reply)
{
    size_t count = redis_reply_count(reply) / 2;

    list->ids = mem_grow(list->ids, count, sizeof *list->ids);
    list->id_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *id = redis_reply_text(redis_reply_at(reply, 2 * i));
        struct page_cursor *at = &list->ids[list->id_count];

        if (id == NULL || strlen(id) >= sizeof at->id)
            continue;
        memcpy(at->id, id, strlen(id) + 1);
        at->at = redis_reply_int(redis_reply_at(reply, 2 * i + 1), 0);
        list->id_count++;
    }
}

static void got_ids(struct request *req, const struct redisReply *reply)
{
    struct run_list *list = req->state;

    keep_ids(list, reply);
    if (list->id_count == 0) {
        finish(req, false);
        return;
    }
    list->at_chunk = list->now;
    list->at_chunk.body_bytes = list->body.len;
    list->at_chunk.comma = list->w.comma;
    ask_runs(req);
}

static void ask_ids(struct request *req)
{
    const struct run_list *list = req->state;
    struct redis_cmd cmd;

    if (list->filter.special != NULL)
        queue_list_special(&cmd, request_prefix(req), list->filter.special,
                           list->now.last.at, list->now.last.id, chunk_size(list));
    else
        queue_list_runs(&cmd, request_prefix(req), list->filter.scope, list->now.last.at,
                        list->now.last.id, chunk_size(list));
    ask_one(req, &cmd, got_ids);
}

void run_list_start(struct request *req)
{
    struct run_list *list = req->state;

    list->now.last = list->page.after;
    buf_init(&list->body, REPLY_BODY_MAX);
    json_open(&list->w, &list->body);
    json_array(&list->w);
    ask_ids(req);
}
