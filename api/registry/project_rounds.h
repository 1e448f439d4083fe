/* The runs of a project's workspaces, asked chunk by chunk, each in at most four rounds:
 * which runs there are; these runs; what is needed to know what is ignored and whether an
 * older run goes on; the older runs.
 *
 * The handler's state begins with a struct project_rounds. */
#ifndef KEDGE_API_REGISTRY_PROJECT_ROUNDS_H
#define KEDGE_API_REGISTRY_PROJECT_ROUNDS_H

#include "api/registry/project_row.h"

struct request;

/* What a command of a round is about. */
struct topic {
    struct project_row *row;
    enum standing_role role;
    char id[SIGN_UUID_BYTES]; /* of an older run */
};

struct topics {
    struct topic *list; /* owned */
    size_t count, cap;
};

struct project_rounds {
    int64_t revision;         /* of the project */
    struct project_row *rows; /* owned */
    size_t count, begin, end; /* the chunk is [begin, end) */
    struct topics asked;      /* in this round */
    struct topics older;      /* the runs before newest ones that were cancelled */
    void (*then)(struct request *req); /* all rows are settled */
};
void project_rounds_done(struct project_rounds *rounds);
/* Forgets the rows. */
void project_rounds_clear(struct project_rounds *rounds);
/* revision, rows, count and then are set. */
void project_rounds_start(struct request *req);

#endif
