/* GET /api/drift/remediate: the remediations of a repository, newest first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/atlantis/remediate_json.h"
#include "api/atlantis/repository.h"
#include "api/handlers.h"
#include "api/server/page.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/queue/queue_batch.h"

/* One of several hosts' lists until they are merged. */
struct listed {
    int64_t queued_at_ms;
    char id[SIGN_UUID_BYTES];
    struct buf json;
};

struct remediate_list {
    struct repository repository;
    int64_t limit;
    struct listed *list; /* owned */
    size_t count, cap;
};

static void clear(struct remediate_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        buf_done(&list->list[i].json);
    list->count = 0;
}

static void list_done(void *state)
{
    struct remediate_list *list = state;

    clear(list);
    free(list->list);
}

static int newest_first(const void *a_listed, const void *b_listed)
{
    const struct listed *a = a_listed, *b = b_listed;

    if (a->queued_at_ms != b->queued_at_ms)
        return a->queued_at_ms < b->queued_at_ms ? 1 : -1;
    return strcmp(b->id, a->id);
}

/* ---- the answer ---- */
static void answer(struct request *req)
{
    struct remediate_list *list = req->state;
    struct buf data = REPLY_BODY_INIT;
    size_t count = list->count;
    struct json_writer w;

    if (count > 0)
        qsort(list->list, count, sizeof *list->list, newest_first);
    if (count > (size_t)list->limit)
        count = (size_t)list->limit;
    json_open(&w, &data);
    json_object(&w);
    json_add_text(&w, "repository", list->repository.name);
    json_add_number(&w, "count", (int64_t)count);
    json_key(&w, "results");
    json_array(&w);
    for (size_t i = 0; i < count; i++)
        json_raw(&w, buf_text(&list->list[i].json), list->list[i].json.len);
    json_array_end(&w);
    json_object_end(&w);
    reply_data(req, MHD_HTTP_OK, &data);
}

/* ---- batches ---- */
static int add_batch(struct remediate_list *list, const struct redisReply *element,
                     struct err *err)
{
    AUTO(buf_done) struct buf json = BUF_INIT(REPLY_BODY_MAX);
    struct batch_record batch;
    struct json_writer w;

    if (queue_listed_batch(element, &batch, err) < 0)
        return -1;
    json_open(&w, &json);
    if (remediate_json_open(&w, &batch, err) < 0)
        return -1;
    json_add_raw(&w, "projects", "[]", 2);
    remediate_json_close(&w, &batch);
    if (list->count == list->cap) {
        list->cap = list->cap > 0 ? 2 * list->cap : 16;
        list->list = mem_grow(list->list, list->cap, sizeof *list->list);
    }
    list->list[list->count] =
        (struct listed){.queued_at_ms = batch.queued_at_ms, .json = json};
    snprintf(list->list[list->count++].id, SIGN_UUID_BYTES, "%s", batch.id);
    json = (struct buf){0};
    return 0;
}

static void got_batches(struct request *req, const struct redisReply *reply)
{
    struct remediate_list *list = req->state;

    if (ask_index(req) == 0)
        clear(list);
    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        struct err err;

        if (add_batch(list, redis_reply_at(reply, i), &err) < 0) {
            reply_failure(req, &err);
            return;
        }
    }
    if (ask_index(req) + 1 == list->repository.count)
        answer(req);
}

/* ---- the request ---- */
static void read_limit(const struct request *req, int64_t *limit,
                       struct problems *problems)
{
    const char *text = request_query(req, "limit");

    *limit = PAGE_LIMIT_DEFAULT;
    if (text != NULL && parse_int64(text, 1, PAGE_LIMIT_MAX, limit) < 0)
        problems_add(problems, "limit", "limit must be a whole number from 1 to %d",
                     PAGE_LIMIT_MAX);
}

void handle_remediate_list(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct remediate_list *list = request_state(req, sizeof *list, list_done);

    repository_read(req, &list->repository, &problems);
    read_limit(req, &list->limit, &problems);
    if (problems.count > 0) {
        reply_problems(req, &problems);
        return;
    }
    if (!repository_has_drift(req))
        return;
    for (size_t i = 0; i < list->repository.count; i++) {
        struct redis_cmd cmd;

        queue_list_batches(&cmd, request_prefix(req), list->repository.ids[i],
                           BATCH_REMEDIATE, list->limit);
        ask(req, &cmd, got_batches);
    }
    ask_go(req);
}
