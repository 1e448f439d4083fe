/* The grammar of request headers that mean something here. Pure. */
#ifndef KEDGE_API_SERVER_HEADER_H
#define KEDGE_API_SERVER_HEADER_H

#include <stdbool.h>
#include <stdint.h>

/* Does an If-None-Match (RFC 9110, 13.1.2: a list, weak ones too, or "*") name that ETag?
 * Both with their quotes. */
bool header_etag_matches(const char *if_none_match, const char *etag);

/* Prefer (RFC 7240); what is not said or not understood keeps its default. */
struct header_prefer {
    bool respond_async;
    int64_t wait_s; /* -1: not said */
};
void header_prefer(const char *text, struct header_prefer *out); /* NULL: no header */

/* application/json, with any parameters. */
bool header_is_json(const char *content_type);
/* 1–255 visible ASCII characters. */
bool header_is_idempotency_key(const char *text);

#endif
