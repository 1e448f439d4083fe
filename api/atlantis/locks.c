/* GET /api/locks: which workspaces are held by a run. */
#include <string.h>

#include "api/handlers.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/queue/queue_batch.h"
#include "common/queue/target.h"

/* repo_locks of atlantis.yaml. */
static bool is_shown(const struct run_spec *spec, enum run_kind kind)
{
    if (spec->lock_mode == NULL)
        return true;
    return strcmp(spec->lock_mode, "on_apply") == 0 && run_kind_applies(kind);
}

/* Where people look at the pull request; "" where that is not known. The caller frees. */
static char *pull_request_url(const struct conf *conf, const struct run_spec *spec)
{
    static const char *const paths[VCS_TYPES] = {
        [VCS_GITHUB] = "pull",
        [VCS_GITLAB] = "-/merge_requests",
    };
    const char *base = vcs_base_url(conf, spec->type);

    if (spec->pull_request == 0 || base == NULL || paths[spec->type] == NULL)
        return mem_dup("");
    return mem_fmt("%s/%s/%s/%lld", base, spec->repository, paths[spec->type],
                   (long long)spec->pull_request);
}

static void write_lock(struct json_writer *w, const struct conf *conf,
                       const struct run_spec *spec, const struct held_lock *lock)
{
    AUTO(auto_free)
    char *id = mem_fmt("%s/%s/%s", spec->repository, spec->directory, spec->workspace);
    AUTO(auto_free) char *url = pull_request_url(conf, spec);
    const char *name = spec->project_name;

    json_object(w);
    json_add_text(w, "id", id);
    json_add_text(w, "project_name", name != NULL ? name : "");
    json_add_text(w, "repository", spec->repository);
    json_add_text(w, "path", spec->directory);
    json_add_text(w, "workspace", spec->workspace);
    json_add_number(w, "pull_request_id", spec->pull_request);
    json_add_text(w, "pull_request_url", url);
    json_add_text(w, "locked_by", lock->locked_by);
    json_add_time(w, "locked_at", lock->locked_at_ms);
    json_object_end(w);
}

/* Returns how many are shown, -1 when what is stored is broken. */
static int64_t write_locks(struct json_writer *w, const struct conf *conf,
                           const struct redisReply *reply, struct err *err)
{
    int64_t shown = 0;

    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        AUTO(run_spec_done) struct run_spec spec = {0};
        struct held_lock lock;

        if (queue_held_lock(redis_reply_at(reply, i), &lock, err) < 0 ||
            run_spec_parse(lock.spec, strlen(lock.spec), &spec, err) < 0)
            return -1;
        if (!is_shown(&spec, lock.kind))
            continue;
        write_lock(w, conf, &spec, &lock);
        shown++;
    }
    return shown;
}

static void got_locks(struct request *req, const struct redisReply *reply)
{
    struct buf data = REPLY_BODY_INIT;
    struct json_writer w;
    int64_t shown;
    struct err err;

    json_open(&w, &data);
    json_object(&w);
    json_key(&w, "locks");
    json_array(&w);
    shown = write_locks(&w, req->api->conf, reply, &err);
    if (shown < 0) {
        buf_done(&data);
        reply_failure(req, &err);
        return;
    }
    json_array_end(&w);
    json_add_number(&w, "total_count", shown);
    json_object_end(&w);
    reply_data(req, MHD_HTTP_OK, &data);
}

void handle_locks(struct request *req)
{
    struct redis_cmd cmd;

    queue_list_locks(&cmd, request_prefix(req));
    ask_one(req, &cmd, got_locks);
}
