/* One client that follows the log of a run: where it is, what it has room for, and the
 * form it gets it in.
 *
 * It reads pieces of the live log for itself, as long as it has room, until it has caught
 * up; then it is a live member of the run's hub (log_feed.h). One that takes too long is
 * live no more: it goes on by reading when it has taken what waits for it. At the end of
 * the run comes what it lacks of the stored log. */
#ifndef KEDGE_API_LOG_LOG_WATCH_H
#define KEDGE_API_LOG_LOG_WATCH_H

#include "api/log/log_write.h"
#include "common/queue/queue.h"

struct request;

/* Answers the request, with everything after that place of the run's log. An attempt that
 * this run cannot have is as none. Replaces the request's state. */
void log_watch(struct request *req, const struct run_record *run, enum log_form form,
               const struct log_place *from);

#endif
