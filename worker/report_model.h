/* A report in memory, as its parts see it: report.c fills it from a plan, report_text.c
 * from a text, report_print.c writes it. */
#ifndef KEDGE_WORKER_REPORT_MODEL_H
#define KEDGE_WORKER_REPORT_MODEL_H

#include "worker/report.h"
#include "worker/report_changes.h"
#include "worker/severity.h"

/* Values and paths kept in memory; more than this never fits the metadata. */
#define REPORT_KEPT_BYTES (8 * REPORT_METADATA_BYTES)

struct drifted {
    char *address, *type, *name, *provider; /* owned */
    char *deposed;                          /* NULL: the current object */
    const char *action;                     /* a constant */
    enum severity severity;
    enum origin origin;
    struct changes changes;
    bool cut; /* changes were left out or cut */
};
struct report {
    struct report_counts counts;
    struct drifted *list; /* at most REPORT_RESOURCES_MAX */
    size_t count;
    size_t kept_bytes;
};

#endif
