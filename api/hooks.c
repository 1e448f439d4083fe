/* /api/v1/hooks: the list, one, its end. */
#include "api/hooks.h"

#include "api/auth.h"
#include "api/handlers.h"
#include "api/hook_json.h"
#include "api/page.h"
#include "api/request.h"
#include "common/clock.h"
#include "common/mem.h"

void hooks_unknown(struct request *req)
{
    reply_error(req, REPLY_NOT_FOUND, "there is no hook %s", req->match.params[0]);
}

static void write_hook(const struct request *req, struct json_writer *w,
                       const struct hook *hook)
{
    hook_json(w, hook, auth_reads_only(req->token_name), clock_wall_ms());
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

static int write_chunk(const struct request *req, const struct redisReply *reply,
                       size_t count, struct err *err)
{
    struct listing *listing = req->state;

    for (size_t i = 0; i < count; i++) {
        struct hook hook;

        if (hook_list_at(reply, i, &hook, err) < 0)
            return -1;
        write_hook(req, &listing->w, &hook);
    }
    listing->next += (int64_t)count;
    listing->left -= (int64_t)count;
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
    struct err err;

    if (hook_get_reply(reply, req->match.params[0], &hook, &err) < 0)
        reply_failure(req, &err);
    else if (hook.id == NULL)
        hooks_unknown(req);
    else
        hooks_show(req, MHD_HTTP_OK, &hook);
}

void handle_hook_get(struct request *req)
{
    struct redis_cmd cmd;

    hook_get(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_one);
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

void handle_hook_delete(struct request *req)
{
    struct redis_cmd cmd;

    hook_delete(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, deleted);
}
