/* The walk of report_changes.c, as its parts see it: where it stands on each side. */
#ifndef KEDGE_WORKER_REPORT_REPORT_WALK_H
#define KEDGE_WORKER_REPORT_REPORT_WALK_H

#include "common/base/buf.h"
#include "worker/report/report_changes.h"

enum side {
    SIDE_BEFORE,
    SIDE_AFTER,
    SIDE_UNKNOWN,
    SIDE_STATE,
    SIDE_BEFORE_MASK,
    SIDE_AFTER_MASK,
    SIDES
};

struct walk {
    const struct change_sides *sides;
    size_t value_max;
    struct buf path; /* of the place */
    struct changes *out;
};

/* One path on every side. What is above decides part of it. */
struct place {
    const cJSON *side[SIDES]; /* NULL: not there */
    bool sensitive;
    bool unknown; /* known after apply, itself or what it is part of */
    bool lone;    /* what it is part of is on one side only: null and empty values are
                     not worth a word */
};

/* Visits what is at the path; `at` is the caller's copy, its flags are those above. */
void walk_visit(struct walk *walk, struct place at);
/* Visits element `index` of the list that the path names. */
void walk_element(struct walk *walk, size_t index, struct place at);

#endif
