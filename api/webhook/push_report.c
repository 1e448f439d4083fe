/* What a push came to, as it is answered. */
#include "api/webhook/push_report.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

static size_t stored(size_t count)
{
    return count < PUSH_REPORT_MAX ? count : PUSH_REPORT_MAX;
}

static void cut(struct push_entries *entries, size_t count)
{
    for (size_t i = stored(count); i < stored(entries->count); i++) {
        free(entries->list[i].project_id);
        free(entries->list[i].workspace_id);
    }
    entries->count = count;
}

void push_report_done(struct push_report *report)
{
    push_report_back(report, (struct push_mark){0});
    free(report->queued.list);
    free(report->skipped.list);
    *report = (struct push_report){0};
}

/* NULL: there is no room, it is only counted. */
static struct push_entry *add(struct push_entries *entries, const char *project_id,
                              const char *workspace_id)
{
    struct push_entry *entry;

    if (entries->list == NULL)
        entries->list = mem_new(PUSH_REPORT_MAX, sizeof *entries->list);
    if (entries->count++ >= PUSH_REPORT_MAX)
        return NULL;
    entry = &entries->list[entries->count - 1];
    *entry = (struct push_entry){.project_id = mem_dup(project_id),
                                 .workspace_id = mem_dup(workspace_id)};
    return entry;
}

void push_report_queued(struct push_report *report, const char *project_id,
                        const char *workspace_id, const char *run_id, bool joined)
{
    struct push_entry *entry = add(&report->queued, project_id, workspace_id);

    if (entry == NULL)
        return;
    memcpy(entry->run_id, run_id, sizeof entry->run_id);
    entry->joined = joined;
}

void push_report_skipped(struct push_report *report, const char *project_id,
                         const char *workspace_id, const char *reason)
{
    struct push_entry *entry = add(&report->skipped, project_id, workspace_id);

    if (entry != NULL)
        entry->reason = reason;
}

struct push_mark push_report_mark(const struct push_report *report)
{
    return (struct push_mark){report->queued.count, report->skipped.count};
}

void push_report_back(struct push_report *report, struct push_mark mark)
{
    cut(&report->queued, mark.queued);
    cut(&report->skipped, mark.skipped);
}

static void print_list(struct json_writer *w, const char *name,
                       const struct push_entries *entries)
{
    json_key(w, name);
    json_array(w);
    for (size_t i = 0; i < stored(entries->count); i++) {
        const struct push_entry *entry = &entries->list[i];

        json_object(w);
        json_add_text(w, "projectId", entry->project_id);
        json_add_text(w, "workspaceId", entry->workspace_id);
        if (entry->reason != NULL)
            json_add_text(w, "reason", entry->reason);
        else
            json_add_text(w, "runId", entry->run_id);
        if (entry->joined)
            json_add_boolean(w, "coalesced", true);
        json_object_end(w);
    }
    json_array_end(w);
}

void push_report_print(const struct push_report *report, struct json_writer *w)
{
    print_list(w, "queued", &report->queued);
    print_list(w, "skipped", &report->skipped);
    json_add_number(w, "queuedCount", (int64_t)report->queued.count);
    json_add_number(w, "skippedCount", (int64_t)report->skipped.count);
}
