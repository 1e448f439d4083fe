/* GET of a batch by its id, where a run's id would do as well. */
#ifndef KEDGE_API_ATLANTIS_BATCH_GET_H
#define KEDGE_API_ATLANTIS_BATCH_GET_H

struct request;

/* There is no run of the id in the path: answers for a batch, or with 404. Takes the
 * place of the state that the request had; one that waits goes on waiting. */
void batch_get(struct request *req);

#endif
