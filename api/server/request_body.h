/* The body of a request: how much of it is read, and what is checked before the handler.
 * Internal to request.c. */
#ifndef KEDGE_API_SERVER_REQUEST_BODY_H
#define KEDGE_API_SERVER_REQUEST_BODY_H

#include <stdbool.h>
#include <stddef.h>

struct request;

/* With the head: what the route will not have is refused, and answered before it is sent
 * where reading it is too much (req->early). */
void request_admit(struct request *req);
/* The next piece. False: it is far more than anybody wants; cut the connection. */
bool request_take_body(struct request *req, const char *bytes, size_t len);
/* Content type, JSON and fields of a route that has some: the answer is given, or
 * req->json is there. */
void request_check_body(struct request *req);

#endif
