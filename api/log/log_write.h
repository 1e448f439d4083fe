/* The log of a run into a stream, in the form its client wants: as it is, or as events
 * (log_event.h). */
#ifndef KEDGE_API_LOG_LOG_WRITE_H
#define KEDGE_API_LOG_LOG_WRITE_H

#include "api/log/log_event.h"

struct request;

enum log_form { LOG_FORM_TEXT, LOG_FORM_EVENTS };
const char *log_form_type(enum log_form form); /* its content type */

struct log_writer {
    struct request *req; /* of a stream that was begun */
    enum log_form form;
    struct log_place place; /* all before it was written; who writes moves it on */
    char tail[LOG_EVENT_TAIL_MAX];
    size_t tail_len; /* of what was written: held back, for the rest of a character */
};

void log_write_begin(struct log_writer *w);
void log_write_comment(struct log_writer *w); /* nothing in a text */
/* The bytes that end at w->place, which was moved on already. */
void log_write_bytes(struct log_writer *w, const char *bytes, size_t len);
/* So many bytes are missing, < 0: nobody knows how many. Moves the place on. */
void log_write_gap(struct log_writer *w, int64_t missing);
/* The log of that attempt begins; the first one that a client sees is no news. */
void log_write_attempt(struct log_writer *w, int64_t attempt);
void log_write_end(struct log_writer *w, const char *status);

#endif
