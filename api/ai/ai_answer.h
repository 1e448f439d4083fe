/* The answer of a model, as it is streamed: from the bytes of server-sent events to the
 * text that is in them.
 *
 *     ai_answer_init(&answer)
 *     ai_answer_feed(&answer, bytes, len, &text)    any number, cut anywhere
 *     ai_answer_end(&answer, &text)                 the stream is over
 *
 * The format is that of chat completions with "stream": true (OpenAI's reference, which
 * Azure and local servers follow) over server-sent events (WHATWG HTML, section 9.2). The
 * text is that of the first choice, as ai_text.h puts it together: UTF-8 whatever comes,
 * and nothing in it drives a terminal. Pure. */
#ifndef KEDGE_API_AI_AI_ANSWER_H
#define KEDGE_API_AI_AI_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "api/ai/ai_text.h"
#include "common/base/buf.h"

#define AI_EVENT_BYTES_MAX ((size_t)1 << 20)
#define AI_CODE_BYTES      65

enum ai_end {
    AI_OPEN,     /* it goes on */
    AI_GOOD,     /* the model has said what it had to say */
    AI_LENGTH,   /* it was cut at the model's limit */
    AI_FILTERED, /* a content filter cut it */
    AI_FAILED,   /* the server told of an error, see code */
    AI_GARBLED,  /* what came is no such stream */
    AI_HUGE,     /* an event larger than AI_EVENT_BYTES_MAX */
    AI_CUT,      /* the stream ended before the answer did */
    AI_ENDS,
};

struct ai_answer {
    struct buf line;          /* that has not ended yet */
    struct buf data;          /* of the event so far */
    bool has_data;            /* data may be empty and there */
    bool skip_lf;             /* the last byte was a CR: an LF would belong to it */
    bool begun;               /* past the byte order mark, if there is one */
    bool any_event;           /* one was understood */
    enum ai_end end;          /* what is known for good */
    enum ai_end finish;       /* what the model gave as its reason; AI_OPEN: none yet */
    struct ai_text text;      /* what is held back of it */
    char code[AI_CODE_BYTES]; /* of an error: a word of A-Z a-z 0-9 . _ -, or "" */
};

void ai_answer_init(struct ai_answer *answer);
void ai_answer_done(struct ai_answer *answer);
/* Appends the text that is complete. Once `end` is set nothing more is taken. */
void ai_answer_feed(struct ai_answer *answer, const char *bytes, size_t len,
                    struct buf *text);
/* No more bytes come: `end` is set now. */
void ai_answer_end(struct ai_answer *answer, struct buf *text);

/* The code of an error body, {"error": {"code" or "type"}}, when it is a word; else "".
 * "content_filter" also where it stands deeper. */
void ai_error_code(const char *body, size_t len, char code[AI_CODE_BYTES]);

#endif
