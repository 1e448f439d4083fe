/* Batches over HTTP: an api, a worker that does what the test says, and answers in which
 * every id is "ID" and every time "TIME". */
#ifndef KEDGE_TESTS_SUPPORT_API_BATCH_H
#define KEDGE_TESTS_SUPPORT_API_BATCH_H

#include "tests/support/api_process.h"
#include "tests/support/fake_worker.h"

struct api_batch {
    struct api_process api;
    struct fake_worker worker;
};
/* For cmocka; *state is a struct api_batch. */
int api_batch_setup(void **state);
int api_batch_teardown(void **state);

/* As api_receive, into an empty text. */
int api_batch_answer(int fd, struct buf *text);
/* POSTs with "Prefer: respond-async"; it must be accepted. The batch's id. */
void api_batch_start(struct api_batch *test, const char *path, const char *body,
                     char id[SIGN_UUID_BYTES]);
/* Plays the worker: resolves what waits first, then ends its runs so. */
void api_batch_serve(struct api_batch *test, const struct fake_target *targets,
                     const struct fake_end *ends, size_t count);
/* Claims and ends so many runs, in the order of the queue. */
void api_batch_finish(struct api_batch *test, const struct fake_end *ends, size_t count);
/* The request of a claimed resolve run, as JSON; the caller frees. */
char *api_batch_request_of(const struct claimed *claimed);
void api_batch_id_of(const struct claimed *resolve, char id[SIGN_UUID_BYTES]);
/* ---- by its id ---- */
char *api_batch_path(const char *id); /* …/runs/{id}; the caller frees */
/* The id in the answer 202, which must say where it is. */
void api_batch_accepted(const struct buf *text, char id[SIGN_UUID_BYTES]);
/* Does what is shown of that batch or run hold `shown`? */
void api_batch_expect_shown(struct api_batch *test, const char *id, const char *shown);
/* Until so many requests wait. */
void api_batch_until_waiting(const struct api_batch *test, int64_t count);
void api_batch_cancel(struct api_batch *test, const char *id);

/* ---- answers ---- */
/* Is `data` of the answer that JSON? */
void api_batch_expect(const struct buf *text, const char *data);
/* A drift record as a check would have left it. */
void api_batch_store_drift(struct api_batch *test, const char *repository,
                           const char *ref, const char *directory, const char *workspace,
                           const char *status);

#endif
