/* What the ai_*.c files share: a call under way, and how it goes wrong. */
#ifndef KEDGE_API_AI_AI_CALL_H
#define KEDGE_API_AI_AI_CALL_H

#include "api/ai/ai.h"
#include "api/ai/ai_answer.h"
#include "api/server/loop.h"
#include "common/net/http_out.h"

struct ai_call {
    struct request *req;
    struct http_exchange *exchange; /* NULL: over */
    struct ai_answer answer;
    struct buf text; /* of the answer, on its way to the client */
    bool fed;        /* some of an answer came */
    bool begun;      /* the client has its 200 */
    bool finished;   /* the client has its last word */
    enum ai_outcome outcome;
    struct ai_call *prev, *next;
};

struct ai {
    struct api *api;
    char *url;      /* NULL: not set up */
    char *key_line; /* the header with the key; NULL: there is none. Wiped */
    const char *model;
    struct http_out *out; /* NULL: no model is set up */
    struct loop_source source;
    struct loop_timer timer, drain;
    struct ai_call *first;
    size_t calls;
    int64_t outcomes[AI_OUTCOMES]; /* of those that are over */
};

/* Before the first word: the error that answers the request. */
void ai_fail_status(struct ai_call *call, const struct http_answer *answer);
void ai_fail_network(struct ai_call *call, const struct http_answer *answer,
                     const struct err *err);
void ai_fail_end(struct ai_call *call);
/* After it: why the text ends where it ends, for a line of it; NULL: as it should. */
const char *ai_end_reason(enum ai_end end);

#endif
