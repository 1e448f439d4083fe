/* Two lists compared: which elements are the same, added, removed or changed. The rule
 * stands in report_changes.h. */
#ifndef KEDGE_WORKER_REPORT_REPORT_LISTS_H
#define KEDGE_WORKER_REPORT_REPORT_LISTS_H

#include "worker/report/report_walk.h"

/* Visits the elements that differ. `at` holds lists (or nothing) on every side. */
void lists_visit(struct walk *walk, const struct place *at);

#endif
