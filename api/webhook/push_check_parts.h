/* Parts of push_check.c: a push that is being worked through, and the files that do. */
#ifndef KEDGE_API_WEBHOOK_PUSH_CHECK_PARTS_H
#define KEDGE_API_WEBHOOK_PUSH_CHECK_PARTS_H

#include <stdbool.h>

#include "api/webhook/push.h"
#include "api/webhook/push_report.h"
#include "api/webhook/push_scope.h"
#include "common/queue/queue.h"
#include "common/registry/order.h"

struct request;

#define PUSH_ROUND_MAX 50 /* workspaces that are asked about in one write */
#define PUSH_ID_BYTES  65

/* A workspace that tracks the ref. */
struct push_candidate {
    struct order order; /* at the pushed commit */
    char *directory;    /* owned */
    char run_id[SIGN_UUID_BYTES];
    bool touched;
    struct enqueued enqueued;
};

struct push_workspace {
    char *id, *json; /* owned */
};

struct push_check {
    struct push push;
    char delivery[SIGN_ID_BYTES];
    struct push_report report;
    /* A page of projects. */
    char projects[REGISTRY_TRACKED][PUSH_ID_BYTES];
    size_t project_count, project_next;
    char after[SIGN_ID_BYTES]; /* "": it was the last */
    bool tracked;              /* by any project */
    /* The project that is being looked at. */
    const char *project_id;
    char *project_json; /* owned; NULL: it has gone */
    int64_t revision;
    bool tracks;                       /* its ref is the pushed one */
    struct push_workspace *workspaces; /* owned */
    size_t workspace_count, workspace_next;
    struct push_mark before; /* it */
    int reads;
    bool moved;
    /* The workspaces that are being looked at, and those of them that are asked about. */
    struct push_candidate candidates[PUSH_ROUND_MAX];
    size_t candidate_count;
    size_t asked[PUSH_ROUND_MAX], asked_count;
};

/* ---- push_check.c: project by project ---- */
/* The next project, or the answer. */
void push_check_next(struct request *req);
/* The same project once more: it has changed meanwhile. */
void push_check_again(struct request *req);

/* ---- push_round.c: the workspaces of one project ---- */
/* The next PUSH_ROUND_MAX of them, or the next project. */
void push_round_next(struct request *req);
void push_round_clear(struct push_check *check);

#endif
