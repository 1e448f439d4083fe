/* A workspace in GET /api/v1/projects/{id}/drift. Pure but for the clock. */
#ifndef KEDGE_API_REGISTRY_PROJECT_ROW_H
#define KEDGE_API_REGISTRY_PROJECT_ROW_H

#include "api/run/standing.h"
#include "common/base/json.h"
#include "common/registry/ignore_rules.h"
#include "common/registry/order.h"

struct project_row {
    char *workspace_id, *json; /* owned */
    char scope[SIGN_ID_BYTES];
    /* Where its drift records are. ref is owned, NULL: it is not plain and has none. */
    char repo[SIGN_ID_BYTES], target[SIGN_ID_BYTES];
    char *ref;
    struct rules rules;
    struct standing standing;
    struct standing_settled settled;
    /* Of the run of each role that was read; owned. */
    char *summaries[STANDING_ROLES], *errors[STANDING_ROLES];
    int64_t counted; /* drifted resources that are not ignored; -1: as the summary says */
};
/* A workspace whose order cannot be made any more has its own runs still. */
void project_row_init(struct project_row *row, struct orders *orders,
                      const struct registry_pair *pair, const char *workspace_id);
void project_row_done(struct project_row *row);

/* May be called again for the same role. */
void project_row_take_run(struct project_row *row, enum standing_role role,
                          const struct run_record *run);
/* All runs are read. */
void project_row_settle(struct project_row *row);
/* Must the good run's metadata be read to know what is ignored? */
bool project_row_needs_metadata(const struct project_row *row);

struct project_totals {
    int64_t total, drifted, clean, errors, never_run, running;
};
/* Writes the row and counts it. */
void project_row_write(const struct project_row *row, struct json_writer *w,
                       struct project_totals *totals);

#endif
