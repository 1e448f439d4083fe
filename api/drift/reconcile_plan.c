/* The run whose plan a person has looked at: is what it found there to be reconciled
 * still?
 *
 * What is known already is looked at here, so that nothing is started in vain; the run
 * looks at the ref's tip and at the drift itself before it applies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/drift/reconcile_parts.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/registry/ignore_rules.h"

void seen_plan_done(struct seen_plan *seen)
{
    free(TAKE(seen->ref));
    free(TAKE(seen->commit));
}

/* ---- what a run found ---- */
/* The fingerprint of the drift that a run found; false: it says none. */
static bool read_drift(const struct redisReply *reply, char drift[SIGN_ID_BYTES])
{
    AUTO(auto_json) cJSON *metadata = NULL;
    struct run_result result;
    const char *text;
    struct err err;

    if (queue_get_result_reply(reply, RESULT_METADATA, &result, &err) < 0 ||
        result.metadata == NULL)
        return false;
    metadata = json_parse(result.metadata, result.metadata_len, RULES_METADATA_DEPTH_MAX,
                          false, &err);
    text = json_string(metadata, "driftFingerprint");
    if (text == NULL || strlen(text) != SIGN_ID_BYTES - 1)
        return false;
    memcpy(drift, text, SIGN_ID_BYTES);
    return true;
}

/* ---- the run that is named ---- */
/* A reconcile that stopped before it applied has shown what it would have done. */
static bool has_stopped_short(const struct run_record *run)
{
    static const enum run_error errors[] = {
        RUN_ERR_DESTROY_REFUSED, RUN_ERR_PROTECTED, RUN_ERR_EMPTY_STATE,
        RUN_ERR_DRIFT_MOVED,     RUN_ERR_FROZEN,    RUN_ERR_REQUIREMENT_UNMET};

    if (run->kind != RUN_RECONCILE || run->status != RUN_ERROR)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++)
        if (strcmp(run->error_code, run_error_name(errors[i])) == 0)
            return true;
    return false;
}

/* Of a run that may be gone. */
static bool is_of_workspace(const struct reconcile *rec, const struct run_record *run)
{
    return run->id != NULL && strcmp(run->project_id, rec->project_id) == 0 &&
           strcmp(run->workspace_id, rec->workspace_id) == 0;
}

static void refuse(struct request *req, const struct run_record *run)
{
    if (!run_status_ended(run->status))
        reply_error(req, REPLY_CONFLICT, "run %s has not ended", run->id);
    else if (run->status == RUN_CLEAN)
        reply_error(req, REPLY_CONFLICT, "run %s found nothing to reconcile", run->id);
    else
        reply_error(req, REPLY_CONFLICT,
                    "run %s has no plan to go by: it is a %s that ended %s; check again",
                    run->id, run_kind_name(run->kind), run_status_shown(run->status));
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    struct reconcile *rec = req->state;
    struct seen_plan *seen = &rec->seen;
    struct run_record run;
    struct err err;

    seen_plan_done(seen);
    if (queue_get_run_reply(reply, seen->run_id, &run, &err) < 0) {
        reply_failure(req, &err);
    } else if (!is_of_workspace(rec, &run)) {
        reply_error(req, REPLY_NOT_FOUND, "workspace %s/%s has no run %s",
                    rec->project_id, rec->workspace_id, seen->run_id);
    } else if (run.status != RUN_DRIFT_DETECTED && !has_stopped_short(&run)) {
        refuse(req, &run);
    } else {
        seen->ref = mem_dup(run.ref);
        seen->commit = mem_dup(run.commit);
        snprintf(seen->version, sizeof seen->version, "%s", run.version);
    }
}

static void got_metadata(struct request *req, const struct redisReply *reply)
{
    struct seen_plan *seen = &((struct reconcile *)req->state)->seen;

    if (!read_drift(reply, seen->drift) || seen->commit[0] == '\0')
        reply_error(req, REPLY_CONFLICT,
                    "run %s does not tell its drift from another: check again",
                    seen->run_id);
}

/* ---- which runs came after it ---- */
static void keep_other(const struct seen_plan *seen, const struct redisReply *field,
                       char out[SIGN_UUID_BYTES])
{
    const char *id = redis_reply_text(field);

    out[0] = '\0';
    if (id != NULL && strlen(id) < SIGN_UUID_BYTES && strcmp(id, seen->run_id) != 0)
        memcpy(out, id, strlen(id) + 1);
}

static void got_last(struct request *req, const struct redisReply *reply)
{
    struct seen_plan *seen = &((struct reconcile *)req->state)->seen;

    keep_other(seen, redis_reply_at(reply, QUEUE_LAST_GOOD), seen->checked);
    keep_other(seen, redis_reply_at(reply, QUEUE_LAST_RECONCILED), seen->reconciled);
}

void seen_plan_ask(struct request *req)
{
    const struct reconcile *rec = req->state;
    const char *prefix = request_prefix(req);
    char scope[SIGN_ID_BYTES];
    struct redis_cmd cmd;

    registry_scope(rec->project_id, rec->workspace_id, scope);
    queue_get_run(&cmd, prefix, rec->seen.run_id);
    ask(req, &cmd, got_run);
    queue_get_result(&cmd, prefix, rec->seen.run_id, RESULT_METADATA);
    ask(req, &cmd, got_metadata);
    queue_get_last(&cmd, prefix, scope);
    ask(req, &cmd, got_last);
}

/* ---- does it hold still? ---- */
static void has_moved(struct request *req, const char *other_id, const char *what)
{
    const struct reconcile *rec = req->state;

    reply_error(req, REPLY_DRIFT_MOVED,
                "run %s %s since run %s: look at what is there now; nothing was started",
                other_id, what, rec->seen.run_id);
}

static void go_on(struct request *req)
{
    const struct seen_plan *seen = &((struct reconcile *)req->state)->seen;

    if (req->response == NULL && ask_index(req) + 1 == seen->asked)
        seen->then(req);
}

/* Ids of events, "<ms>-<number>", grow whatever the clock does. */
static bool is_after(const char *version, const char *other)
{
    char *rest = NULL, *other_rest = NULL;
    unsigned long long ms = strtoull(version, &rest, 10);
    unsigned long long other_ms = strtoull(other, &other_rest, 10);

    if (ms != other_ms || *rest != '-' || *other_rest != '-')
        return ms > other_ms;
    return strtoull(rest + 1, NULL, 10) > strtoull(other_rest + 1, NULL, 10);
}

static bool is_newer(const struct seen_plan *seen, const struct run_record *run)
{
    return run->id != NULL && is_after(run->version, seen->version);
}

static void got_checked(struct request *req, const struct redisReply *reply)
{
    struct seen_plan *seen = &((struct reconcile *)req->state)->seen;
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, seen->checked, &run, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    seen->is_older = is_newer(seen, &run);
    if (seen->is_older && run.status == RUN_CLEAN)
        has_moved(req, seen->checked, "has found no drift");
    else if (seen->is_older && strcmp(run.commit, seen->commit) != 0)
        has_moved(req, seen->checked, "has looked at another commit");
}

/* One that does not tell its drift from another says nothing against it. */
static void got_checked_metadata(struct request *req, const struct redisReply *reply)
{
    const struct seen_plan *seen = &((struct reconcile *)req->state)->seen;
    char drift[SIGN_ID_BYTES];

    if (seen->is_older && read_drift(reply, drift) && strcmp(drift, seen->drift) != 0)
        has_moved(req, seen->checked, "has found other drift");
    go_on(req);
}

static void got_reconciled(struct request *req, const struct redisReply *reply)
{
    const struct seen_plan *seen = &((struct reconcile *)req->state)->seen;
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, seen->reconciled, &run, &err) < 0)
        reply_failure(req, &err);
    else if (is_newer(seen, &run))
        has_moved(req, seen->reconciled, "has reconciled the workspace");
    go_on(req);
}

static void ask_others(struct request *req)
{
    struct seen_plan *seen = &((struct reconcile *)req->state)->seen;
    const char *prefix = request_prefix(req);
    struct redis_cmd cmd;

    seen->asked = 0;
    if (seen->checked[0] != '\0') {
        queue_get_run(&cmd, prefix, seen->checked);
        ask(req, &cmd, got_checked);
        queue_get_result(&cmd, prefix, seen->checked, RESULT_METADATA);
        ask(req, &cmd, got_checked_metadata);
        seen->asked += 2;
    }
    if (seen->reconciled[0] != '\0') {
        queue_get_run(&cmd, prefix, seen->reconciled);
        ask(req, &cmd, got_reconciled);
        seen->asked++;
    }
    if (seen->asked > 0)
        ask_go(req);
    else
        seen->then(req);
}

void seen_plan_compare(struct request *req, void (*then)(struct request *req))
{
    struct reconcile *rec = req->state;

    rec->seen.then = then;
    if (strcmp(rec->seen.ref, rec->order.ref) == 0)
        ask_others(req);
    else
        reply_error(req, REPLY_DRIFT_MOVED,
                    "run %s looked at ref %s, and the workspace follows %s now: check "
                    "again; nothing was started",
                    rec->seen.run_id, rec->seen.ref, rec->order.ref);
}
