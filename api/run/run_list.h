/* Lists of runs, newest first, by page (GET /api/v1/runs and …/drift/history).
 *
 * Ids come from an index, a chunk at a time; a chunk's runs are read in one write, and
 * those that fit the filter are shown until the page is full. A filter that fits little
 * does not make one request read everything: after RUN_LIST_SCANNED_MAX runs the page
 * ends short, with a cursor to go on from. */
#ifndef KEDGE_API_RUN_RUN_LIST_H
#define KEDGE_API_RUN_RUN_LIST_H

#include "api/registry/scoped.h"
#include "api/run/run_json.h"
#include "api/server/page.h"

#define RUN_LIST_SCANNED_MAX 2000

/* What is shown of each run besides its record. */
enum run_detail {
    DETAIL_COUNTS, /* its counts as metadata */
    DETAIL_HEAD,   /* the head of its output; metadata without the resources */
    DETAIL_FULL,   /* all */
};

/* Text is borrowed from the request; NULL: any. */
struct run_filter {
    const char *special; /* "orphans", "dead": that index instead of the scope's */
    const char *scope;   /* NULL: all runs */
    const char *status;  /* as shown */
    const char *project_id, *workspace_id;
    bool by_kind;
    enum run_kind kind;
};

/* How far a list has got: what a chunk begins with, should it have to begin again. */
struct run_progress {
    size_t body_bytes;
    bool comma;
    int64_t shown;
    struct page_cursor last; /* the last run looked at */
};

struct run_list {
    struct scoped scoped; /* first; its rules are not for DETAIL_COUNTS */
    enum run_detail detail;
    struct page page;
    struct run_filter filter;
    struct buf body;
    struct json_writer w;
    struct run_progress now, at_chunk;
    int64_t scanned;
    struct page_cursor *ids; /* the chunk; owned */
    size_t id_count;
    size_t next;          /* in the chunk: whose reply comes next */
    bool showing;         /* that run fits */
    struct run_note note; /* of that run */
};

void run_list_done(void *state);
/* Begins with the first chunk. req->state is a run_list with scoped, detail, page and
 * filter set as far as they are meant; the rest is zero. */
void run_list_start(struct request *req);

#endif
