/* A run as the v1 API shows it (contract, section 4).
 *
 * Written in two steps, because its record and its result are two replies of Redis, and
 * each is gone when the next one comes:
 *
 *     run_json_open(&w, &record); run_note(&note, &record);
 *     run_json_close(&w, &note, &shown);
 *
 * Pure. */
#ifndef KEDGE_API_RUN_RUN_JSON_H
#define KEDGE_API_RUN_RUN_JSON_H

#include <stdbool.h>

#include "common/base/json.h"
#include "common/queue/queue.h"

#define RUN_ETAG_BYTES 112 /* of GET of a run */

/* What is needed of a record when it is gone. */
struct run_note {
    enum run_kind kind;
    enum run_status status;
    bool cancel_requested;
    bool output_truncated; /* when it was stored, or because it was dropped since */
    char id[SIGN_UUID_BYTES];
    char version[48];
    char scope[SIGN_ID_BYTES];
    char project_id[65], workspace_id[65]; /* "" outside the v1 family */
    int64_t ended_at_ms;
};
void run_note(struct run_note *note, const struct run_record *run);

/* What is shown of its result. */
struct run_shown {
    const char *output; /* NULL: null */
    size_t output_len;
    bool output_cut;
    const char *metadata; /* a JSON object, NULL: none */
    size_t metadata_len;
};

/* {code, message} of a run that ended in error, else null: a value. */
void run_json_error(struct json_writer *w, const struct run_record *run);
/* Opens the object: everything but output and metadata. */
void run_json_open(struct json_writer *w, const struct run_record *run);
void run_json_close(struct json_writer *w, const struct run_note *note,
                    const struct run_shown *shown);
/* The metadata alone: with cancelRequested where it was asked for; null when there is
 * none. */
void run_json_metadata(struct json_writer *w, const struct run_note *note,
                       const struct run_shown *shown);

#endif
