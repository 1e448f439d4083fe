/* The queue, where runs come in: enqueue, and a person's cancel and resolve. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/queue/queue_internal.h"

static const char *const enqueue_words[ENQUEUE_OUTCOMES] = {
    [ENQUEUE_NEW] = "new",
    [ENQUEUE_COALESCED] = "coalesced",
    [ENQUEUE_REPLAYED] = "replayed",
    [ENQUEUE_IDEM_MISMATCH] = "mismatch",
    [ENQUEUE_MOVED] = "moved",
    [ENQUEUE_FULL] = "full",
    [ENQUEUE_FULL_PROJECT] = "full_project",
    [ENQUEUE_FROZEN] = "frozen",
};

void queue_enqueue(struct redis_cmd *cmd, const char *prefix, const struct enqueue *req)
{
    redis_cmd_script(cmd, script("enqueue"), prefix);
    redis_cmd_arg(cmd, req->run_id);
    redis_cmd_arg(cmd, run_kind_name(req->kind));
    redis_cmd_arg(cmd, run_trigger_name(req->trigger));
    redis_cmd_int(cmd, run_trigger_credit_ms(req->trigger));
    redis_cmd_arg(cmd, req->target);
    redis_cmd_arg(cmd, req->scope);
    redis_cmd_arg(cmd, req->project_id);
    redis_cmd_arg(cmd, req->workspace_id);
    queue_arg_project(cmd, req->project_id);
    redis_cmd_arg(cmd, req->spec);
    redis_cmd_arg(cmd, req->ref);
    redis_cmd_arg(cmd, req->fingerprint);
    redis_cmd_int(cmd, req->registry_revision < 0 ? -1 : req->registry_revision);
    redis_cmd_arg(cmd, req->idem);
    redis_cmd_arg(cmd, req->idem_body);
    redis_cmd_arg(cmd, req->locked_by);
    redis_cmd_int(cmd, req->max_queued);
    redis_cmd_int(cmd, req->max_queued_project);
}

int queue_enqueue_reply(const struct redisReply *reply, struct enqueued *out,
                        struct err *err)
{
    const char *run_id = redis_reply_text(redis_reply_at(reply, 1));
    const char *reason = redis_reply_text(redis_reply_at(reply, 3));
    size_t word;

    if (queue_word(redis_reply_at(reply, 0), enqueue_words, ARRAY_LEN(enqueue_words),
                   &word, err) < 0)
        return err_wrap(err, "enqueue");
    if (run_id == NULL || strlen(run_id) >= sizeof out->run_id)
        return err_set(err, ERR_PERM, "enqueue answered without a run's id");
    *out = (struct enqueued){.outcome = (enum enqueue_outcome)word,
                             .coalesced = redis_reply_int(redis_reply_at(reply, 2), 0),
                             .reason = reason != NULL ? reason : ""};
    snprintf(out->run_id, sizeof out->run_id, "%s", run_id);
    return 0;
}

void queue_get_idem(struct redis_cmd *cmd, const char *prefix, const char *idem)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "GET");
    queue_key(cmd, prefix, "idem:", idem);
}

/* "<run> <joined 0|1> <body fingerprint>" */
int queue_get_idem_reply(const struct redisReply *reply, const char *idem_body,
                         struct enqueued *out, struct err *err)
{
    const char *text = redis_reply_text(reply);
    size_t id_len = text != NULL ? strcspn(text, " ") : 0;

    *out = (struct enqueued){.outcome = ENQUEUE_NEW, .reason = ""};
    if (text == NULL)
        return 0;
    if (id_len >= sizeof out->run_id || strlen(text) < id_len + 3)
        return err_set(err, ERR_PERM, "an Idempotency-Key is stored with \"%s\"", text);
    memcpy(out->run_id, text, id_len);
    out->coalesced = text[id_len + 1] == '1';
    out->outcome = strcmp(text + id_len + 3, idem_body) == 0 ? ENQUEUE_REPLAYED
                                                             : ENQUEUE_IDEM_MISMATCH;
    return 0;
}

static const char *const cancel_words[] = {
    [CANCEL_DONE] = "done",
    [CANCEL_ASKED] = "asked",
    [CANCEL_ENDED] = "ended",
    [CANCEL_UNKNOWN] = "unknown",
};

void queue_cancel(struct redis_cmd *cmd, const char *prefix, const char *run_id,
                  bool force, const char *by)
{
    char nonce[SIGN_ID_BYTES];

    sign_nonce(nonce);
    redis_cmd_script(cmd, script("cancel"), prefix);
    redis_cmd_arg(cmd, run_id);
    redis_cmd_int(cmd, force ? 2 : 1);
    redis_cmd_arg(cmd, by);
    redis_cmd_arg(cmd, nonce);
}

int queue_cancel_reply(const struct redisReply *reply, enum cancel_outcome *out,
                       struct err *err)
{
    size_t word;

    if (queue_word(reply, cancel_words, ARRAY_LEN(cancel_words), &word, err) < 0)
        return err_wrap(err, "cancel");
    *out = (enum cancel_outcome)word;
    return 0;
}

static const char *const resolve_words[] = {
    [RESOLVE_DONE] = "done",
    [RESOLVE_NOT_ORPHAN] = "not_orphan",
    [RESOLVE_OWNER_ALIVE] = "owner_alive",
    [RESOLVE_UNKNOWN] = "unknown",
};

void queue_resolve(struct redis_cmd *cmd, const char *prefix, const char *run_id,
                   enum run_status status, const char *reason, bool force)
{
    char nonce[SIGN_ID_BYTES];

    assert(status == RUN_APPLIED || status == RUN_ERROR);
    sign_nonce(nonce);
    redis_cmd_script(cmd, script("resolve"), prefix);
    redis_cmd_arg(cmd, run_id);
    redis_cmd_arg(cmd, run_status_name(status));
    queue_arg_cut(cmd, reason, QUEUE_SUMMARY_BYTES);
    redis_cmd_int(cmd, force);
    redis_cmd_arg(cmd, nonce);
    redis_cmd_int(cmd, QUEUE_ALIVE_MS);
}

int queue_resolve_reply(const struct redisReply *reply, enum resolve_outcome *out,
                        struct err *err)
{
    size_t word;

    if (queue_word(reply, resolve_words, ARRAY_LEN(resolve_words), &word, err) < 0)
        return err_wrap(err, "resolve");
    *out = (enum resolve_outcome)word;
    return 0;
}
