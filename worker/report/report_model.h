/* A report in memory, as its parts see it: report.c fills it from a plan, report_text.c
 * from a text, report_print.c writes it. */
#ifndef KEDGE_WORKER_REPORT_REPORT_MODEL_H
#define KEDGE_WORKER_REPORT_REPORT_MODEL_H

#include "common/base/sign.h"
#include "worker/report/report.h"
#include "worker/report/report_changes.h"
#include "worker/report/severity.h"

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
/* Of one resource each, while a report is made. */
struct report_print_one {
    char id[SIGN_ID_BYTES];
};
struct report_prints {
    struct report_print_one *list; /* owned */
    size_t count, cap;
};
struct report {
    struct report_counts counts;
    struct report_prints prints;
    char fingerprint[SIGN_ID_BYTES]; /* of all that drifted; "": nothing, or not known */
    struct drifted *list;            /* at most REPORT_RESOURCES_MAX */
    size_t count;
    size_t kept_bytes;
};

/* ---- report_fingerprint.c ---- */
void report_fingerprint_add(struct report_prints *prints, const struct drifted *resource);
/* Of what was added, in whatever order, which is freed; "" of nothing. */
void report_fingerprint_end(struct report_prints *prints, char id[SIGN_ID_BYTES]);

#endif
