/* The audit: records, how they are stored and read. */
#include "common/audit/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/queue/queue_internal.h"

/* ---- a record ---- */
/* A character is not cut in two: what the writer cannot read it replaces. */
static void add_text(struct json_writer *w, const char *key, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;

    if (len == 0)
        return;
    json_key(w, key);
    json_text_n(w, text, len < AUDIT_TEXT_MAX ? len : AUDIT_TEXT_MAX);
}

void audit_write(const struct audit_record *record, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    add_text(&w, "token", record->token);
    add_text(&w, "address", record->address);
    add_text(&w, "forwardedFor", record->forwarded_for);
    add_text(&w, "action", record->action);
    add_text(&w, "method", record->method);
    add_text(&w, "path", record->path);
    add_text(&w, "projectId", record->project_id);
    add_text(&w, "workspaceId", record->workspace_id);
    add_text(&w, "objectId", record->object_id);
    add_text(&w, "repository", record->repository);
    add_text(&w, "ref", record->ref);
    if (record->pull_request > 0)
        json_add_number(&w, "pullRequest", record->pull_request);
    add_text(&w, "requestId", record->request_id);
    add_text(&w, "outcome", record->status == 0 ? "accepted" : "refused");
    if (record->status != 0)
        json_add_number(&w, "status", record->status);
    json_object_end(&w);
    buf_char(out, '\n');
}

/* ---- storing ---- */
void audit_append(struct redis_cmd *cmd, const char *prefix,
                  const struct audit_batch *batch)
{
    redis_cmd_script(cmd, script("audit_append"), prefix);
    redis_cmd_arg(cmd, batch->nonce);
    redis_cmd_int(cmd, batch->number);
    redis_cmd_int(cmd, batch->oldest);
    redis_cmd_int(cmd, batch->days);
    redis_cmd_int(cmd, batch->count);
    redis_cmd_bytes(cmd, buf_text(batch->lines), batch->lines->len);
}

int audit_append_reply(const struct redisReply *reply, enum audit_outcome *out,
                       struct err *err)
{
    static const char *const words[] = {
        [AUDIT_DONE] = "done", [AUDIT_HAD] = "had", [AUDIT_GAP] = "gap"};
    size_t index;

    if (queue_word(reply, words, ARRAY_LEN(words), &index, err) < 0)
        return -1;
    *out = (enum audit_outcome)index;
    return 0;
}

/* ---- reading ---- */
void audit_list(struct redis_cmd *cmd, const char *prefix,
                const struct audit_range *range)
{
    redis_cmd_init(cmd);
    redis_cmd_arg(cmd, "XREVRANGE");
    queue_key(cmd, prefix, "audit", "");
    redis_cmd_fmt(cmd, "%" PRId64 "-%" PRId64, range->before_ms, range->before_seq);
    redis_cmd_int(cmd, range->since_ms);
    redis_cmd_arg(cmd, "COUNT");
    redis_cmd_int(cmd, range->entries);
    cmd->repeatable = true;
}

/* "1700000000000-3" */
static int read_id(const char *id, struct audit_entry *out)
{
    char ms[24];
    size_t len;

    if (id == NULL)
        return -1;
    len = strcspn(id, "-");
    if (len >= sizeof ms || id[len] != '-')
        return -1;
    memcpy(ms, id, len);
    ms[len] = '\0';
    return parse_int64(ms, 0, INT64_MAX, &out->at_ms) < 0 ||
                   parse_int64(id + len + 1, 0, INT64_MAX, &out->seq) < 0
               ? -1
               : 0;
}

int audit_entry_at(const struct redisReply *reply, size_t index, struct audit_entry *out)
{
    const struct redisReply *entry = redis_reply_at(reply, index);
    const struct redisReply *fields = redis_reply_at(entry, 1);

    *out = (struct audit_entry){0};
    if (read_id(redis_reply_text(redis_reply_at(entry, 0)), out) < 0)
        return -1;
    for (size_t i = 0; i + 1 < redis_reply_count(fields); i += 2) {
        const char *name = redis_reply_text(redis_reply_at(fields, i));

        if (name == NULL || strcmp(name, "records") != 0)
            continue;
        out->lines = redis_reply_text(redis_reply_at(fields, i + 1));
        out->len = redis_reply_len(redis_reply_at(fields, i + 1));
    }
    if (out->lines == NULL)
        out->lines = "";
    return 0;
}

/* A quote inside of a text has a backslash before it, so that no text can look like a
 * member. */
bool audit_line_has(const char *line, size_t len, const struct buf *member)
{
    return memmem(line, len, buf_text(member), member->len) != NULL;
}
