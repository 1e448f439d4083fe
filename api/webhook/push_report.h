/* What a push came to, as it is answered: the checks that were queued, and the workspaces
 * of that ref that were left alone. */
#ifndef KEDGE_API_WEBHOOK_PUSH_REPORT_H
#define KEDGE_API_WEBHOOK_PUSH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/json.h"
#include "common/base/sign.h"

/* Of each list; more are counted and not named. */
#define PUSH_REPORT_MAX 500

struct push_entry {
    char *project_id, *workspace_id; /* owned */
    char run_id[SIGN_UUID_BYTES];
    bool joined; /* the run was there already */
    const char *reason;
};
struct push_entries {
    struct push_entry *list; /* owned: the first PUSH_REPORT_MAX */
    size_t count;
};
struct push_report {
    struct push_entries queued, skipped;
};
/* How far a report has come. */
struct push_mark {
    size_t queued, skipped;
};

void push_report_done(struct push_report *report);
void push_report_queued(struct push_report *report, const char *project_id,
                        const char *workspace_id, const char *run_id, bool joined);
/* `reason` is borrowed for good. */
void push_report_skipped(struct push_report *report, const char *project_id,
                         const char *workspace_id, const char *reason);
struct push_mark push_report_mark(const struct push_report *report);
/* Forgets what came after the mark. */
void push_report_back(struct push_report *report, struct push_mark mark);
/* Members of the object that is open. */
void push_report_print(const struct push_report *report, struct json_writer *w);

#endif
