/* Asking the model: what can go wrong, and what is said of it.
 *
 * Of what the model's server says itself at most a word is passed on, its error's code:
 * its sentences may repeat the prompt or the key. */
#include <string.h>

#include "api/ai/ai_call.h"
#include "api/server/request.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#define ANY 0

/* The first row that fits decides. */
static const struct {
    long status; /* ANY */
    const char *code;
    enum reply_error error;
    const char *sentence;
} refusals[] = {
    {ANY, "content_filter", REPLY_UPSTREAM,
     "the content filter of the model's provider refused the request"},
    {400, "context_length_exceeded", REPLY_UPSTREAM,
     "this is more than the model can read at once: ask about fewer resources"},
    {400, NULL, REPLY_UPSTREAM, "the model's server does not take the request"},
    {401, NULL, REPLY_UPSTREAM,
     "the model's server does not accept the key that is set for it"},
    {403, NULL, REPLY_UPSTREAM,
     "the model's server does not let the key that is set for it use the model"},
    {404, NULL, REPLY_UPSTREAM,
     "the model's server does not know the URL, the deployment or the model that is set"},
    {408, NULL, REPLY_UPSTREAM, "the model's server did not answer in time"},
    {413, NULL, REPLY_UPSTREAM,
     "this is more than the model can read at once: ask about fewer resources"},
    {429, NULL, REPLY_RATE_LIMITED, "the model's server wants to be asked less often"},
    {503, NULL, REPLY_AWAY, "the model's server is not available at the moment"},
    {529, NULL, REPLY_AWAY, "the model's server is overloaded at the moment"},
    {ANY, NULL, REPLY_UPSTREAM, "the model's server failed"},
};

/* The key may come back where a code should be. */
static void read_code(const struct ai_call *call, const struct http_answer *answer,
                      char code[AI_CODE_BYTES])
{
    const char *keys[] = {call->req->api->conf->azure_key, call->req->api->conf->ai_key};

    ai_error_code(answer->body, answer->body_len, code);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (keys[i] != NULL && strstr(code, keys[i]) != NULL)
            code[0] = '\0';
}

static void log_failure(const struct ai_call *call, long status, const char *reason)
{
    log_warn("ai_failed", "request_id=%s status=%ld reason=%s", call->req->id, status,
             reason);
}

void ai_fail_status(struct ai_call *call, const struct http_answer *answer)
{
    char code[AI_CODE_BYTES];
    size_t i = 0;

    read_code(call, answer, code);
    while (!(refusals[i].status == ANY || refusals[i].status == answer->status) ||
           !(refusals[i].code == NULL || strcmp(refusals[i].code, code) == 0))
        i++;
    log_failure(call, answer->status, code);
    if (answer->retry_after_ms >= 0 &&
        (refusals[i].error == REPLY_RATE_LIMITED || refusals[i].error == REPLY_AWAY))
        reply_retry_after(call->req, answer->retry_after_ms);
    reply_error(call->req, refusals[i].error, "%s (%ld%s%s)", refusals[i].sentence,
                answer->status, code[0] != '\0' ? ", " : "", code);
}

void ai_fail_network(struct ai_call *call, const struct http_answer *answer,
                     const struct err *err)
{
    log_failure(call, answer->status, err->message);
    if (err->kind == ERR_PERM)
        reply_error(call->req, REPLY_UPSTREAM,
                    "the certificate of the model's server does not hold");
    else if (err->kind != ERR_TEMP)
        reply_error(call->req, REPLY_UPSTREAM, "the model's server cannot be asked");
    else if (!answer->sent)
        reply_error(call->req, REPLY_AWAY, "the model's server cannot be reached");
    else if (answer->timed_out)
        reply_error(call->req, REPLY_UPSTREAM,
                    "the model's server did not answer in time");
    else
        reply_error(call->req, REPLY_UPSTREAM,
                    "the connection to the model's server broke before it answered");
}

/* ---- how its answer ended ---- */
static const struct {
    const char *before; /* instead of an answer */
    const char *after;  /* at the end of a part of one */
} ends[AI_ENDS] = {
    [AI_OPEN] = {"the model did not answer in time", "the model took too long"},
    [AI_GOOD] = {"the model answered without a word", NULL},
    [AI_LENGTH] = {"the model's limit of length was reached before its first word",
                   "the model's limit of length is reached"},
    [AI_FILTERED] = {"the content filter of the model's provider withheld the answer",
                     "the content filter of the model's provider cut it off"},
    [AI_FAILED] = {"the model's server failed", "the model's server failed"},
    [AI_GARBLED] = {"what the model's server answered is no stream of chat completions",
                    "what the model's server sent next cannot be read"},
    [AI_HUGE] = {"an event of the model's server is larger than 1 MiB",
                 "an event of the model's server is larger than 1 MiB"},
    [AI_CUT] = {"the connection to the model's server broke before its first word",
                "the connection to the model's server broke"},
};

const char *ai_end_reason(enum ai_end end)
{
    return ends[end].after;
}

void ai_fail_end(struct ai_call *call)
{
    log_failure(call, 200, ends[call->answer.end].before);
    reply_error(call->req, REPLY_UPSTREAM, "%s", ends[call->answer.end].before);
}
