/* A batch as the JSON that a waiting client gets as `data` (reference, every sample; for
 * kind check, which the reference does not know, the v1 family's names):
 *
 *     batch_json_open(&w, &record, &request, &err);
 *     … batch_json_project for each …
 *     batch_json_close(&w, &close, &tally);
 *
 * Pure. */
#ifndef KEDGE_API_ATLANTIS_BATCH_JSON_H
#define KEDGE_API_ATLANTIS_BATCH_JSON_H

#include "common/base/json.h"
#include "common/queue/queue_batch.h"

/* How a run of a batch came out. */
enum project_outcome {
    PROJECT_PENDING,
    PROJECT_RUNNING,
    PROJECT_SUCCESS,
    PROJECT_FAILED, /* something that was asked for forbids it */
    PROJECT_ERROR   /* all other bad ends, cancelled too */
};
struct batch_project {
    enum project_outcome outcome;
    bool drifted;
    char *name, *directory, *workspace; /* owned */
    char *message;                      /* why it failed; owned, NULL: it did not */
    cJSON *counts;                      /* its summary; owned, NULL: none */
    char run_id[SIGN_UUID_BYTES];
    char workspace_id[65]; /* v1; "" else */
    int64_t ended_at_ms;   /* 0: it has not */
};
/* ERR_PERM: what is stored is broken. A run that is not there (any more) is an error. */
int batch_project_read(const struct run_record *run, struct batch_project *out,
                       struct err *err);
/* One that never became a run. */
void batch_project_refuse(struct batch_project *out, const char *directory,
                          const char *workspace, const char *message, int64_t at_ms);
void batch_project_done(struct batch_project *project);

struct batch_tally {
    int64_t total, ok, failed, drifted;
};
/* What was printed; NULL: nothing. */
struct batch_texts {
    const char *plan, *apply;
};

/* Up to the opened list of projects. ERR_PERM. */
int batch_json_open(struct json_writer *w, const struct batch_record *batch,
                    const struct batch_request *request, struct err *err);
/* One project, counted in the tally. */
void batch_json_project(struct json_writer *w, const struct batch_request *request,
                        const struct batch_project *project,
                        const struct batch_texts *texts, struct batch_tally *tally);
/* `error`: why the whole came to nothing; NULL: it did not. at_ms: when it ended. */
void batch_json_close(struct json_writer *w, enum batch_kind kind, const char *error,
                      int64_t at_ms, const struct batch_tally *tally);

/* Cuts the text so that it takes at most `room` bytes as a JSON string, or about that: a
 * line of its own then says where the whole is. */
void batch_text_cut(struct buf *text, size_t room, const char *where);

#endif
