/* GETs of what changes: with an ETag, If-None-Match, and ?wait=SECONDS (a long poll). */
#ifndef KEDGE_API_SERVER_POLL_H
#define KEDGE_API_SERVER_POLL_H

#include <stdbool.h>

struct request;

/* Begins to wait when the query asks for it; `again` is called as in wait.h, with the id
 * in the path. 0, or -1 when ?wait is no number of seconds: that has been answered. */
int poll_begin(struct request *req, void (*again)(struct request *req));
/* Worth an answer: something else than the client knows; to one that says nothing of what
 * it knows, the thing as it is, or, when it would wait, its end. */
bool poll_is_news(const struct request *req, const char *etag, bool ended);
/* There is nothing to tell yet: waits for a change, or answers 304. */
void poll_no_news(struct request *req, const char *etag);

#endif
