/* Reading a batch and what became of its runs, for the answer about it.
 *
 * The handler's state begins with a struct batch_view whose `then` is set:
 *
 *     queue_get_batch(&cmd, request_prefix(req), id);
 *     ask_one(req, &cmd, got_batch);
 *     … got_batch: batch_view_record(req, reply, "run", id, &batch), then, while the
 * reply is there, batch_view_start(req, &batch) … … then(req): view->data is the JSON …
 *
 * Runs are read some at a time, so that a batch of hundreds is neither one command nor
 * one reply. All their texts together fill at most BATCH_VIEW_TEXT_MAX: each is cut to
 * its share, with a line that says where the whole of it is. */
#ifndef KEDGE_API_ATLANTIS_BATCH_VIEW_H
#define KEDGE_API_ATLANTIS_BATCH_VIEW_H

#include "api/atlantis/batch_json.h"

#define BATCH_VIEW_TEXT_MAX ((size_t)16 << 20)

struct request;

struct batch_view {
    void (*then)(struct request *req);
    struct batch_request request;
    enum batch_status status;
    char *error_code, *error; /* owned; NULL: it was resolved */
    int64_t ended_at_ms;
    struct buf data;
    /* ---- how far it has got ---- */
    struct json_writer w;
    struct batch_tally tally;
    struct {
        size_t next, body_bytes;
        bool comma;
        struct batch_tally tally;
    } at_round;                    /* should the round have to begin again */
    char (*runs)[SIGN_UUID_BYTES]; /* owned */
    size_t run_count, next;        /* whose reply comes next */
    size_t round_runs, round_end;  /* runs of a round; where the one that is asked ends */
    size_t room;                   /* for one text; 0: none is shown */
    struct batch_project project;  /* the one whose texts come next */
};
void batch_view_done(struct batch_view *view);

/* The batch in that reply; -1 when there is none ("there is no <noun> <id>") or it cannot
 * be read: that has been answered. */
int batch_view_record(struct request *req, const struct redisReply *reply,
                      const char *noun, const char *id, struct batch_record *out);
/* Reads the runs and calls `then`; a failure has been answered. */
void batch_view_start(struct request *req, const struct batch_record *batch);
/* Did it come to nothing, so that a client which waits gets an error instead of data? A
 * request that named nothing but paths has an answer for each of them. In `then`. */
bool batch_view_is_refused(const struct batch_view *view);
/* That error as the answer. */
void batch_view_refuse(struct request *req);

#endif
