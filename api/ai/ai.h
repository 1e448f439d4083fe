/* Asking the model: one call of its server for each request, streamed on as it comes.
 *
 * Two families of servers, told apart by the settings: Azure OpenAI (a deployment in the
 * URL, or with api-version v1 in the body, and the header api-key) and whatever else
 * speaks OpenAI's chat completions (a bearer token, or none).
 *
 * A request is answered 200 with the first word of the model and not before: what goes
 * wrong until then is an error of ours. Later the text ends with a line that says so. A
 * client that leaves takes the call down with it; one that reads slowly slows the model's
 * server. */
#ifndef KEDGE_API_AI_AI_H
#define KEDGE_API_AI_AI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* How requests ended. */
enum ai_outcome {
    AI_OUTCOME_LEFT,     /* the client did not wait for the end */
    AI_OUTCOME_ANSWERED, /* to the end */
    AI_OUTCOME_CUT,      /* after the first word */
    AI_OUTCOME_FAILED,   /* before it */
    AI_OUTCOME_BUSY,     /* too many were under way: the model was not asked */
    AI_OUTCOMES,
};

struct api;
struct ai;
struct request;

/* NULL, with err, when the loop cannot watch it. */
struct ai *ai_new(struct api *api, struct err *err);
void ai_free(struct ai *ai); /* no request may be under way */
/* Is there a model to ask? */
bool ai_is_set_up(const struct ai *ai);
/* The model's name where the body has to tell it; NULL: the URL does. */
const char *ai_model(const struct ai *ai);
/* Sends the body and answers the request, unless there are too many already. Replaces the
 * request's state. */
void ai_ask(struct request *req, const struct buf *body);
/* Since the start, AI_OUTCOMES of them; borrowed. */
const int64_t *ai_outcomes(const struct ai *ai);
/* The key of the settings may be another one: for the calls to come. */
void ai_reload(struct ai *ai);
/* The program stops in some seconds: answers may end until shortly before. */
void ai_drain(struct ai *ai);
/* They end now. */
void ai_stop(struct ai *ai);

#endif
