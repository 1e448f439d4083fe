/* The log of a run as server-sent events (WHATWG HTML, 9.2). Pure.
 *
 * - data      a piece of the log; `id` is the place after it, "<attempt>-<offset>". What
 *             the client puts together of an attempt is byte for byte its log. A line
 *             that ends with CR ends with LF then: events cannot carry a CR.
 * - gap       {"bytes": n} of the log are not to be had, null: nobody knows how many
 * - attempt   the run began anew: data is the attempt's number, its log starts
 * - end       {"status": …}; nothing comes after it */
#ifndef KEDGE_API_LOG_LOG_EVENT_H
#define KEDGE_API_LOG_LOG_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/queue/queue_log.h"

/* A Last-Event-ID; false: malformed, out is as it was. */
bool log_event_place(const char *id, struct log_place *out);

#define LOG_EVENT_TAIL_MAX 3
/* How many bytes at the end begin a character of UTF-8 that is not whole: they wait for
 * the next piece, because an event is decoded for itself. */
size_t log_event_tail(const char *bytes, size_t len);

/* Each appends one event; `after` becomes its id. */
void log_event_data(struct buf *out, const struct log_place *after, const char *bytes,
                    size_t len);
/* missing < 0: not known. */
void log_event_gap(struct buf *out, const struct log_place *after, int64_t missing);
void log_event_attempt(struct buf *out, const struct log_place *after);
void log_event_end(struct buf *out, const struct log_place *after, const char *status);
/* First of all: how long the client waits before it comes again. */
void log_event_begin(struct buf *out);
/* Tells the client, and whatever stands between, that the stream lives. */
void log_event_comment(struct buf *out);

#endif
