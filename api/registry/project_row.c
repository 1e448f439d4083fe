/* A workspace in GET /api/v1/projects/{id}/drift. */
#include "api/registry/project_row.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

#define ERROR_BYTES ((size_t)16 << 10)

void project_row_init(struct project_row *row, struct orders *orders,
                      const struct registry_pair *pair, const char *workspace_id)
{
    const struct order *order;
    struct err err;

    *row = (struct project_row){.workspace_id = mem_dup(workspace_id),
                                .json = mem_dup(pair->workspace_json)};
    registry_scope(pair->project.id, workspace_id, row->scope);
    order = orders_of(orders, pair, workspace_id, RUN_DRIFT_CHECK, &err);
    if (order == NULL || !order->plain)
        return;
    memcpy(row->repo, order->repo, sizeof row->repo);
    memcpy(row->target, order->target, sizeof row->target);
    row->ref = mem_dup(order->ref);
}

void project_row_done(struct project_row *row)
{
    free(row->workspace_id);
    free(row->json);
    free(row->ref);
    rules_done(&row->rules);
    for (size_t i = 0; i < STANDING_ROLES; i++) {
        free(row->summaries[i]);
        free(row->errors[i]);
    }
}

/* ---- its runs ---- */
static char *error_of(const struct run_record *run)
{
    struct buf text = BUF_INIT(ERROR_BYTES);
    struct json_writer w;

    json_open(&w, &text);
    run_json_error(&w, run);
    return buf_take(&text);
}

void project_row_take_run(struct project_row *row, enum standing_role role,
                          const struct run_record *run)
{
    free(row->summaries[role]);
    free(row->errors[role]);
    row->summaries[role] = run->id != NULL ? mem_dup(run->summary) : NULL;
    row->errors[role] = run->id != NULL ? error_of(run) : NULL;
    standing_take_run(&row->standing, role, run);
}

void project_row_settle(struct project_row *row)
{
    row->settled = standing_settle(&row->standing);
    row->counted = -1;
}

bool project_row_needs_metadata(const struct project_row *row)
{
    const struct run_note *good = &row->standing.notes[STANDING_GOOD];

    return row->rules.active > 0 && good->id[0] != '\0' &&
           good->status == RUN_DRIFT_DETECTED;
}

/* ---- as it is shown ---- */
static void add_counts(const struct project_row *row, struct json_writer *w,
                       const cJSON *summary)
{
    static const char *const keys[] = {"toAdd", "toChange", "toDestroy", "toImport"};
    int64_t drifted =
        row->counted >= 0 ? row->counted : json_int(summary, "driftedCount", 0);

    json_add_number(w, "driftedCount", drifted);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        json_add_number(w, keys[i], json_int(summary, keys[i], 0));
    json_add_text(w, "summary", json_string(summary, "summary"));
}

/* Of a reconcile, what it has left. */
static const cJSON *now_of(const struct project_row *row, const cJSON *summary)
{
    const cJSON *after = json_get(summary, "driftAfter");

    return standing_is_mended(&row->standing) && after != NULL ? after : summary;
}

static void count(struct project_totals *totals, const char *status)
{
    const struct {
        const char *status;
        int64_t *number;
    } numbers[] = {
        {"drift_detected", &totals->drifted}, {"clean", &totals->clean},
        {"error", &totals->errors},           {"never_run", &totals->never_run},
        {"running", &totals->running},
    };

    totals->total++;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (strcmp(numbers[i].status, status) == 0)
            (*numbers[i].number)++;
}

/* The workspace's own newest check, else the run that stands for one. */
static const char *last_run_id(const struct standing *standing)
{
    const char *newest = standing->notes[STANDING_NEWEST].id;
    const char *ended = standing->notes[STANDING_ENDED].id;

    if (newest[0] != '\0')
        return newest;
    return ended[0] != '\0' ? ended : NULL;
}

void project_row_write(const struct project_row *row, struct json_writer *w,
                       struct project_totals *totals)
{
    const struct standing *standing = &row->standing;
    enum standing_role good = standing_first(standing, row->settled.good);
    const char *error = row->errors[standing_first(standing, row->settled.ended)];
    const char *status = standing_status(standing, row->counted);
    AUTO(auto_json) cJSON *summary = NULL;
    struct err err;

    if (row->summaries[good] != NULL)
        summary = json_parse(row->summaries[good], strlen(row->summaries[good]),
                             JSON_DEPTH_MAX, false, &err);
    json_object(w);
    json_add_text(w, "workspaceId", row->workspace_id);
    json_add_text(w, "status", status);
    add_counts(row, w, now_of(row, summary));
    json_add_time(w, "lastCheckedAt", standing->notes[STANDING_ENDED].ended_at_ms);
    json_add_text(w, "lastRunId", last_run_id(standing));
    json_key(w, "error");
    if (error != NULL)
        json_raw(w, error, strlen(error));
    else
        json_null(w);
    json_object_end(w);
    count(totals, status);
}
