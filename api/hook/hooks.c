/* /api/v1/hooks: the list, one, its end. */
#include "api/hook/hooks.h"

#include <string.h>

#include "api/handlers.h"
#include "api/hook/hook_json.h"
#include "api/server/page.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

void hooks_unknown(struct request *req)
{
    reply_error(req, REPLY_NOT_FOUND, "there is no hook %s", req->match.params[0]);
}

bool hooks_read(struct request *req, const struct redisReply *reply, struct hook *out)
{
    struct err err;

    if (hook_get_reply(reply, req->match.params[0], out, &err) < 0) {
        reply_failure(req, &err);
        return false;
    }
    if (out->id != NULL && request_may_see(req, out->project_id))
        return true;
    hooks_unknown(req);
    return false;
}

static void write_hook(const struct request *req, struct json_writer *w,
                       const struct hook *hook)
{
    hook_json(w, hook, !request_has_access(req, ACCESS_ADMIN), clock_wall_ms());
}

void hooks_show(struct request *req, unsigned status, const struct hook *hook)
{
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    write_hook(req, &w, hook);
    reply_json(req, status, &body);
}

/* ---- GET list ---- */
struct listing {
    struct page page;
    int64_t left, next; /* how many more are wanted; from where */
    struct buf body;
    struct json_writer w;
};

static void listing_done(void *state)
{
    buf_done(&((struct listing *)state)->body);
}

/* With ?projectId= those of that project. */
static bool is_listed(struct request *req, const struct hook *hook)
{
    const char *project_id = request_query(req, "projectId");

    return (project_id == NULL || strcmp(project_id, hook->project_id) == 0) &&
           request_may_see(req, hook->project_id);
}

static int write_chunk(struct request *req, const struct redisReply *reply, size_t count,
                       struct err *err)
{
    struct listing *listing = req->state;

    for (size_t i = 0; i < count; i++) {
        struct hook hook;

        if (hook_list_at(reply, i, &hook, err) < 0)
            return -1;
        if (!is_listed(req, &hook))
            continue;
        write_hook(req, &listing->w, &hook);
        listing->left--;
    }
    listing->next += (int64_t)count;
    return 0;
}

static void ask_chunk(struct request *req);

static void got_chunk(struct request *req, const struct redisReply *reply)
{
    struct listing *listing = req->state;
    struct hook_page found;
    struct err err;

    if (hook_list_reply(reply, &found, &err) < 0 ||
        write_chunk(req, reply, found.count, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (found.count > 0 && listing->left > 0 && listing->next < found.total) {
        ask_chunk(req);
        return;
    }
    json_array_end(&listing->w);
    if (found.count > 0 && listing->next < found.total)
        page_link(req, &(struct page_cursor){.at = listing->next});
    reply_json(req, MHD_HTTP_OK, &listing->body);
}

static void ask_chunk(struct request *req)
{
    const struct listing *listing = req->state;
    int64_t chunk =
        listing->left < HOOK_LIST_PAGE_MAX ? listing->left : HOOK_LIST_PAGE_MAX;
    struct redis_cmd cmd;

    hook_list(&cmd, request_prefix(req), listing->next, chunk);
    ask_one(req, &cmd, got_chunk);
}

void handle_hook_list(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct listing *listing = request_state(req, sizeof *listing, listing_done);

    request_filters(req);
    page_read(req, PAGE_LIMIT_MAX, &listing->page, &problems);
    if (problems.count > 0) {
        reply_problems(req, &problems);
        return;
    }
    listing->left = listing->page.limit;
    listing->next = listing->page.after.at;
    listing->body = REPLY_BODY_INIT;
    json_open(&listing->w, &listing->body);
    json_array(&listing->w);
    ask_chunk(req);
}

/* ---- GET ---- */
static void got_one(struct request *req, const struct redisReply *reply)
{
    struct hook hook;

    if (hooks_read(req, reply, &hook))
        hooks_show(req, MHD_HTTP_OK, &hook);
}

static void ask_hook(struct request *req, ask_then *then)
{
    struct redis_cmd cmd;

    hook_get(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, then);
}

void handle_hook_get(struct request *req)
{
    ask_hook(req, got_one);
}

/* ---- DELETE ---- */
static void deleted(struct request *req, const struct redisReply *reply)
{
    enum hook_outcome outcome;
    struct err err;

    if (hook_delete_reply(reply, &outcome, &err) < 0)
        reply_failure(req, &err);
    else if (outcome != HOOK_DELETED)
        hooks_unknown(req);
    else
        reply_done(req);
}

static void delete_hook(struct request *req)
{
    struct redis_cmd cmd;

    hook_delete(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, deleted);
}

static void got_doomed(struct request *req, const struct redisReply *reply)
{
    struct hook hook;

    if (hooks_read(req, reply, &hook))
        delete_hook(req);
}

void handle_hook_delete(struct request *req)
{
    if (request_is_limited(req))
        ask_hook(req, got_doomed);
    else
        delete_hook(req);
}
