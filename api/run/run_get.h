/* A run as GET answers it, for whoever ends with that answer. The handler's state begins
 * with a struct run_get. */
#ifndef KEDGE_API_RUN_RUN_GET_H
#define KEDGE_API_RUN_RUN_GET_H

#include "api/registry/scoped.h"
#include "api/run/run_json.h"

struct run_get {
    struct scoped scoped; /* first; rules only of a run that found drift */
    struct buf body;
    struct json_writer w;
    struct run_note note;
    char etag[RUN_ETAG_BYTES];
    bool as_it_is; /* it is no poll: what the client knows makes no difference */
};
void run_get_done(void *state);
/* Answers with that run as it is: 200, with its ETag. The record may be gone afterwards.
 */
void run_get_show(struct request *req, const struct run_record *run);

#endif
