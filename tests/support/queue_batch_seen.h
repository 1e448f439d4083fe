/* What a test has seen of batches, and what must hold of one whatever was done to it: it
 * is what its runs make of it. */
#ifndef KEDGE_TESTS_SUPPORT_QUEUE_BATCH_SEEN_H
#define KEDGE_TESTS_SUPPORT_QUEUE_BATCH_SEEN_H

#include "tests/support/queue_fixture.h"

#define SEEN_RUNS 6

struct seen_run {
    char id[40], deps[16];
    int64_t stage;
    char status[20];
    bool waits; /* in `delayed` for its stage */
    bool over;  /* has ended, or was an orphan: counted */
    bool good;  /* when it was counted */
    bool begun; /* was queued once */
};
struct seen_batch {
    char id[16], resolve[16];
    size_t count; /* of runs; 0 until expand */
    bool expanded, abort, stopped;
    char end[48]; /* status and version, once it has ended */
    struct seen_run runs[SEEN_RUNS];
};

/* Looks at it again; fails the test when it cannot be so. Call it after every command. */
void seen_check(struct queue_fixture *fixture, struct seen_batch *batch);

#endif
