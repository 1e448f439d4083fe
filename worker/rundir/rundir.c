/* The run directory: its files, as JSON, and the line to the runner. */
#include "worker/rundir/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/path.h"

#define SPEC_MAX_BYTES    ((size_t)4 * 1024 * 1024)
#define OUTCOME_MAX_BYTES ((size_t)1024 * 1024)
#define SPEC_DEPTH_MAX    (JSON_DEPTH_MAX + 2)

static const char *const retry_names[] = {
    [RETRY_INFRASTRUCTURE] = "infrastructure",
    [RETRY_STATE_LOCKED] = "state_locked",
};

void run_outcome_done(struct run_outcome *outcome)
{
    free(outcome->error_message);
    free(outcome->commit);
    free(outcome->summary);
    free(outcome->drift_record);
    free(outcome->reads);
    *outcome = (struct run_outcome){.exit_code = -1, .resources = -1};
}

void run_order_done(struct run_order *order)
{
    run_spec_done(&order->spec);
}

/* The file `name` as JSON, which the caller frees. */
static cJSON *read_json(const char *dir, const char *name, size_t max, struct err *err)
{
    AUTO(auto_free) char *path = path_join(dir, name);
    AUTO(buf_done) struct buf text = BUF_INIT(max);
    cJSON *doc;

    if (path_read(path, &text, err) < 0)
        return NULL;
    doc = json_parse(buf_text(&text), text.len, SPEC_DEPTH_MAX, false, err);
    if (doc == NULL) {
        err->kind = ERR_PERM;
        err_wrap(err, "%s", path);
    }
    return doc;
}

static int write_json(const char *dir, const char *name, const struct buf *text,
                      struct err *err)
{
    AUTO(auto_free) char *path = path_join(dir, name);

    return path_write_atomic(path, buf_text(text), text->len, 0600, err);
}

/* ---- spec.json ---- */

static void print_order(const struct run_order *order, struct buf *out)
{
    AUTO(buf_done) struct buf spec = BUF_INIT(SPEC_MAX_BYTES);
    struct json_writer w;

    run_spec_print(&order->spec, &spec);
    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "runId", order->hold.run_id);
    json_add_text(&w, "fence", order->hold.fence);
    json_add_text(&w, "nonce", order->hold.nonce);
    json_add_text(&w, "target", order->target);
    json_add_number(&w, "attempt", order->attempt);
    json_add_number(&w, "queuedAt", order->queued_at_ms);
    json_add_number(&w, "startedAt", order->started_at_ms);
    json_add_number(&w, "lockRetrySince", order->lock_retry_since_ms);
    json_add_number(&w, "resources", order->resources);
    json_add_raw(&w, "spec", buf_text(&spec), spec.len);
    json_object_end(&w);
}

/* Copies a text that must be there and fit. */
static int copy_text(const cJSON *doc, const char *key, char *out, size_t out_bytes,
                     struct err *err)
{
    const char *text = json_string(doc, key);

    if (text == NULL || strlen(text) >= out_bytes)
        return err_set(err, ERR_PERM, "spec.json: %s is missing or too long", key);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int read_spec(const cJSON *doc, struct run_spec *out, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SPEC_MAX_BYTES);

    json_print(json_get(doc, "spec"), &text);
    return run_spec_parse(buf_text(&text), text.len, out, err);
}

int rundir_read_order(const char *dir, struct run_order *out, struct err *err)
{
    AUTO(auto_json) cJSON *doc = read_json(dir, "spec.json", SPEC_MAX_BYTES, err);
    struct run_order order = {0};

    if (doc == NULL)
        return -1;
    order.attempt = json_int(doc, "attempt", 1);
    order.queued_at_ms = json_int(doc, "queuedAt", 0);
    order.started_at_ms = json_int(doc, "startedAt", 0);
    order.lock_retry_since_ms = json_int(doc, "lockRetrySince", 0);
    order.resources = json_int(doc, "resources", 0);
    if (copy_text(doc, "runId", order.hold.run_id, sizeof order.hold.run_id, err) < 0 ||
        copy_text(doc, "fence", order.hold.fence, sizeof order.hold.fence, err) < 0 ||
        copy_text(doc, "nonce", order.hold.nonce, sizeof order.hold.nonce, err) < 0 ||
        copy_text(doc, "target", order.target, sizeof order.target, err) < 0 ||
        read_spec(doc, &order.spec, err) < 0)
        return -1;
    *out = order;
    return 0;
}

static int make_ctl(const char *dir, struct err *err)
{
    AUTO(auto_free) char *path = path_join(dir, "ctl");

    if (mkfifo(path, 0600) < 0 && errno != EEXIST)
        return err_sys(err, errno == ENOSPC ? ERR_TEMP : ERR_PERM, errno, "make %s",
                       path);
    return 0;
}

int rundir_create(const char *dir, const struct run_order *order, struct err *err)
{
    AUTO(auto_free) char *in = path_join(dir, "in");
    AUTO(auto_free) char *out = path_join(dir, "out");
    AUTO(buf_done) struct buf text = BUF_INIT(SPEC_MAX_BYTES);

    print_order(order, &text);
    if (text.over)
        return err_set(err, ERR_PERM, "the specification of the run is too large");
    if (path_mkdirs(in, 0700, err) < 0 || path_mkdirs(out, 0700, err) < 0 ||
        make_ctl(dir, err) < 0)
        return -1;
    return write_json(dir, "spec.json", &text, err);
}

/* ---- result.json ---- */

static void print_outcome(const struct run_outcome *outcome, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "status", run_status_name(outcome->status));
    json_add_text(&w, "retry",
                  outcome->retry ? retry_names[outcome->retry_reason] : NULL);
    json_add_number(&w, "exitCode", outcome->exit_code);
    json_add_text(&w, "error",
                  outcome->error == RUN_ERR_NONE ? NULL : run_error_name(outcome->error));
    json_add_text(&w, "errorMessage", outcome->error_message);
    json_add_text(&w, "commit", outcome->commit);
    json_add_text(&w, "summary", outcome->summary);
    json_add_text(&w, "driftRecord", outcome->drift_record);
    json_add_text(&w, "reads", outcome->reads);
    json_add_number(&w, "resources", outcome->resources);
    json_add_boolean(&w, "found", outcome->found);
    json_add_boolean(&w, "outputTruncated", outcome->output_truncated);
    if (outcome->expand)
        json_add_boolean(&w, "expand", true);
    json_object_end(&w);
}

int rundir_write_outcome(const char *dir, const struct run_outcome *outcome,
                         struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(OUTCOME_MAX_BYTES);

    print_outcome(outcome, &text);
    return write_json(dir, "result.json", &text, err);
}

static int read_retry(const cJSON *doc, struct run_outcome *out)
{
    const char *name = json_string(doc, "retry");

    for (size_t i = 0; name != NULL && i < ARRAY_LEN(retry_names); i++) {
        if (strcmp(name, retry_names[i]) == 0) {
            out->retry = true;
            out->retry_reason = (enum retry_reason)i;
        }
    }
    return name == NULL || out->retry ? 0 : -1;
}

/* Names that an older or newer program does not know are errors. */
static int read_names(const cJSON *doc, struct run_outcome *out)
{
    const char *status = json_string(doc, "status");
    const char *error = json_string(doc, "error");

    if (status == NULL || run_status_parse(status, &out->status) < 0)
        return -1;
    if (error != NULL && run_error_parse(error, &out->error) < 0)
        return -1;
    return read_retry(doc, out);
}

bool rundir_has_outcome(const char *dir)
{
    AUTO(auto_free) char *path = path_join(dir, "result.json");

    return path_exists(path);
}

int rundir_read_outcome(const char *dir, struct run_outcome *out, struct err *err)
{
    AUTO(auto_json) cJSON *doc = NULL;
    struct run_outcome outcome = {0};

    if (!rundir_has_outcome(dir))
        return 0;
    doc = read_json(dir, "result.json", OUTCOME_MAX_BYTES, err);
    if (doc == NULL)
        return -1;
    if (read_names(doc, &outcome) < 0)
        return err_set(err, ERR_PERM, "result.json: unknown status, error or retry");
    outcome.exit_code = (int)json_int(doc, "exitCode", -1);
    outcome.error_message = mem_dup(json_string(doc, "errorMessage"));
    outcome.commit = mem_dup(json_string(doc, "commit"));
    outcome.summary = mem_dup(json_string(doc, "summary"));
    outcome.drift_record = mem_dup(json_string(doc, "driftRecord"));
    outcome.reads = mem_dup(json_string(doc, "reads"));
    outcome.resources = json_int(doc, "resources", -1);
    outcome.found = json_bool(doc, "found", false);
    outcome.output_truncated = json_bool(doc, "outputTruncated", false);
    outcome.expand = json_bool(doc, "expand", false);
    *out = outcome;
    return 1;
}

/* ---- ctl ---- */

bool rundir_tell(const char *dir, const char *line)
{
    AUTO(auto_free) char *path = path_join(dir, "ctl");
    AUTO(auto_free) char *text = mem_fmt("%s\n", line);
    AUTO(auto_close)
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}
