/* What a resolve run found: from expand.json to the runs of the expand command. */
#include "worker/rundir/result_expand.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/path.h"

#define EXPAND_MAX_BYTES ((size_t)BATCH_RUNS_MAX * (QUEUE_SPEC_BYTES + 4096))
#define EXPAND_DEPTH_MAX (JSON_DEPTH_MAX + 4)
#define EXPAND_FILE      "expand.json"

/* What is not there is "", which only the optional ones may be. */
static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = json_string(object, key);

    return text ? text : "";
}

static int read_run(const cJSON *object, struct expansion *out, struct err *err)
{
    AUTO(buf_done) struct buf spec = BUF_INIT(QUEUE_SPEC_BYTES);
    struct batch_run run = {
        .run_id = json_string(object, "id"),
        .target = json_string(object, "target"),
        .scope = json_string(object, "scope"),
        .project_id = text_of(object, "projectId"),
        .workspace_id = text_of(object, "workspaceId"),
        .ref = text_of(object, "ref"),
        .stage = json_int(object, "stage", -1),
        .deps = text_of(object, "deps"),
    };
    size_t index = out->batch.run_count;

    if (!run.run_id || !run.target || !run.scope || run.stage < 0 ||
        !cJSON_IsObject(json_get(object, "spec")) ||
        run_kind_parse(text_of(object, "kind"), &run.kind) < 0)
        return err_set(err, ERR_PERM, EXPAND_FILE ": run %zu is not whole", index);
    json_print(json_get(object, "spec"), &spec);
    if (spec.over)
        return err_set(err, ERR_PERM,
                       EXPAND_FILE ": the specification of run %zu is too "
                                   "large",
                       index);
    out->bytes += spec.len;
    out->specs[index] = mem_dup(buf_text(&spec));
    run.spec = out->specs[index];
    out->runs[index] = run;
    out->batch.run_count++;
    return 0;
}

static int read_runs(struct expansion *out, struct err *err)
{
    const cJSON *runs = json_get(out->doc, "runs");
    int count = cJSON_GetArraySize(runs);

    if (!cJSON_IsArray(runs) || count > BATCH_RUNS_MAX)
        return err_set(err, ERR_PERM, EXPAND_FILE ": no runs, or more than %d",
                       BATCH_RUNS_MAX);
    out->runs = mem_new((size_t)count + 1, sizeof *out->runs);
    out->specs = mem_new((size_t)count + 1, sizeof *out->specs);
    for (const cJSON *run = runs->child; run; run = run->next)
        if (read_run(run, out, err) < 0)
            return -1;
    return 0;
}

int expansion_read(const char *run_dir, struct expansion *out, struct err *err)
{
    AUTO(auto_free) char *path = path_join(run_dir, EXPAND_FILE);
    AUTO(buf_done) struct buf text = BUF_INIT(EXPAND_MAX_BYTES);
    AUTO(expansion_done) struct expansion read = {0};

    if (path_read(path, &text, err) < 0)
        return -1;
    read.doc = json_parse(buf_text(&text), text.len, EXPAND_DEPTH_MAX, false, err);
    if (!read.doc) {
        err->kind = ERR_PERM;
        return err_wrap(err, EXPAND_FILE);
    }
    read.batch.commit = text_of(read.doc, "commit");
    read.batch.abort_on_failure = json_bool(read.doc, "abort", false);
    if (read_runs(&read, err) < 0)
        return -1;
    read.batch.runs = read.runs;
    *out = read;
    read = (struct expansion){0};
    return 0;
}

void expansion_done(struct expansion *expansion)
{
    for (size_t i = 0; i < expansion->batch.run_count; i++)
        free(expansion->specs[i]);
    free(expansion->specs);
    free(expansion->runs);
    cJSON_Delete(expansion->doc);
    *expansion = (struct expansion){0};
}
