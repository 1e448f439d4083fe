/* Asking the model: calls of its server. */
#include "api/ai/ai.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "api/ai/ai_call.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#define TYPE_TEXT          "text/plain; charset=utf-8"
#define CONNECT_TIMEOUT_MS 10000
#define ERROR_BYTES_MAX    ((size_t)16 << 10) /* of an error's body */
#define PENDING_MAX        ((size_t)64 << 10) /* what a slow client may leave waiting */
/* Shorter than the drain. */
#define DRAIN_MS 8000

/* ---- the set ---- */
/* Not at once: within the loop's next round, when no callback is under way. */
static void wake(struct ai *ai)
{
    loop_set(&ai->api->loop, &ai->timer, clock_mono_ms());
}

static void turn(struct ai *ai)
{
    int64_t sleep_ms = http_out_turn(ai->out);

    /* A callback may have set it to now. */
    if (ai->timer.place == 0 && sleep_ms >= 0)
        loop_set(&ai->api->loop, &ai->timer, clock_mono_ms() + sleep_ms);
}

static void on_ready(struct loop_source *source, uint32_t events)
{
    struct ai *ai = LOOP_OWNER(source, struct ai, source);

    (void)events;
    loop_clear(&ai->api->loop, &ai->timer);
    turn(ai);
}

static void on_timer(struct loop_timer *timer)
{
    turn(LOOP_OWNER(timer, struct ai, timer));
}

/* ---- what is said to the client ---- */
static void drained(struct request *req)
{
    struct ai_call *call = req->state;

    if (call->exchange == NULL)
        return;
    http_out_resume(call->exchange);
    wake(req->api->ai);
}

static void say(struct ai_call *call)
{
    static const struct stream_calls calls = {.kind = STREAM_AI, .drained = drained};
    struct request *req = call->req;

    if (call->text.len == 0)
        return;
    if (!call->begun) {
        /* The stream watches for itself. */
        loop_unwatch(&req->api->loop, &req->hangup);
        stream_begin(req, TYPE_TEXT, &calls);
        call->begun = true;
    }
    stream_write(req, call->text.data, call->text.len);
    buf_done(&call->text);
}

static void say_reason(struct ai_call *call, const char *reason)
{
    log_warn("ai_cut", "request_id=%s reason=%s", call->req->id, reason);
    buf_fmt(&call->text, "\n\n[The answer ends here: %s]\n", reason);
    say(call);
}

/* The answer is over, as far as it came. */
static void finish(struct ai_call *call)
{
    const char *reason = ai_end_reason(call->answer.end);

    call->finished = true;
    say(call);
    if (!call->begun) {
        call->outcome = AI_OUTCOME_FAILED;
        ai_fail_end(call);
        return;
    }
    call->outcome = reason == NULL ? AI_OUTCOME_ANSWERED : AI_OUTCOME_CUT;
    if (reason != NULL)
        say_reason(call, reason);
    stream_end(call->req);
}

/* ---- what the model says ---- */
static bool came(void *arg, const char *bytes, size_t len)
{
    struct ai_call *call = arg;

    /* What comes behind the end is let by, so that the connection can be used again. */
    if (call->finished)
        return true;
    call->fed = true;
    ai_answer_feed(&call->answer, bytes, len, &call->text);
    if (call->answer.end != AI_OPEN) {
        finish(call);
        return true;
    }
    say(call);
    if (stream_pending(call->req) > PENDING_MAX)
        http_out_pause(call->exchange);
    return true;
}

/* What the model gave as its reason stands, if it gave one, however the connection ended.
 */
static void take_rest(struct ai_call *call, const struct http_answer *answer,
                      const struct err *err)
{
    enum ai_end *end = &call->answer.end;

    ai_answer_end(&call->answer, &call->text);
    if (err != NULL && (*end == AI_CUT || *end == AI_GARBLED))
        *end = answer->timed_out ? AI_OPEN : AI_CUT;
}

static void ended(void *arg, const struct http_answer *answer, const struct err *err)
{
    struct ai_call *call = arg;
    bool is_good = err == NULL && answer->status >= 200 && answer->status < 300;

    call->exchange = NULL;
    if (call->finished)
        return;
    if (call->fed || is_good) {
        take_rest(call, answer, err);
        finish(call);
        return;
    }
    call->finished = true;
    call->outcome = AI_OUTCOME_FAILED;
    if (err != NULL)
        ai_fail_network(call, answer, err);
    else
        ai_fail_status(call, answer);
}

/* ---- a call ---- */
static void drop(struct ai_call *call)
{
    if (call->exchange == NULL)
        return;
    http_out_cancel(TAKE(call->exchange));
    wake(call->req->api->ai);
}

static void call_done(void *state)
{
    struct ai_call *call = state;
    struct ai *ai = call->req->api->ai;

    drop(call);
    if (call->next != NULL)
        call->next->prev = call->prev;
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        ai->first = call->next;
    ai->calls--;
    ai->outcomes[call->outcome]++;
    ai_answer_done(&call->answer);
    buf_done(&call->text);
}

/* Before the first word; later the stream notices. */
static void on_hangup(struct loop_source *source, uint32_t events)
{
    struct request *req = LOOP_OWNER(source, struct request, hangup);

    (void)events;
    req->gone = true;
    loop_unwatch(&req->api->loop, source);
    drop(req->state);
    request_resume(req);
}

static void start(struct ai_call *call, const struct buf *body)
{
    struct ai *ai = call->req->api->ai;
    const struct conf *conf = ai->api->conf;
    const char *const headers[] = {"Content-Type: application/json",
                                   "Accept: text/event-stream", "User-Agent: kedge",
                                   ai->key_line, NULL};
    const struct http_request request = {
        .url = ai->url,
        .headers = headers,
        .body = body->data,
        .body_len = body->len,
        .timeout_ms = conf->ai_timeout_ms,
        .idle_timeout_ms = conf->ai_idle_timeout_ms,
        .answer_bytes = ERROR_BYTES_MAX,
        .chunk = came,
    };

    call->exchange = http_out_start(ai->out, &request, ended, call);
    wake(ai);
}

void ai_ask(struct request *req, const struct buf *body)
{
    struct ai *ai = req->api->ai;
    struct ai_call *call;

    if (ai->calls >= (size_t)ai->api->conf->ai_max_streams) {
        ai->outcomes[AI_OUTCOME_BUSY]++;
        reply_error(req, REPLY_RATE_LIMITED,
                    "too many suggestions are under way: come again in a moment");
        return;
    }
    call = request_state(req, sizeof *call, call_done);
    call->req = req;
    call->next = ai->first;
    if (ai->first != NULL)
        ai->first->prev = call;
    ai->first = call;
    ai->calls++;
    ai_answer_init(&call->answer);
    buf_init(&call->text, SIZE_MAX);
    request_drop_body(req);
    request_watch_hangup(req, on_hangup);
    start(call, body);
}

/* ---- the end of the program ---- */
void ai_stop(struct ai *ai)
{
    for (struct ai_call *call = ai == NULL ? NULL : ai->first; call != NULL;
         call = call->next) {
        if (call->finished)
            continue;
        drop(call);
        call->finished = true;
        call->outcome = call->begun ? AI_OUTCOME_CUT : AI_OUTCOME_FAILED;
        if (call->begun) {
            say_reason(call, "the server is being stopped");
            stream_end(call->req);
        } else {
            reply_error(call->req, REPLY_AWAY, "the server is being stopped");
        }
    }
}

static void on_drain(struct loop_timer *timer)
{
    ai_stop(LOOP_OWNER(timer, struct ai, drain));
}

void ai_drain(struct ai *ai)
{
    loop_set(&ai->api->loop, &ai->drain, clock_mono_ms() + DRAIN_MS);
}

/* ---- set up ---- */
bool ai_is_set_up(const struct ai *ai)
{
    return ai->url != NULL;
}

const char *ai_model(const struct ai *ai)
{
    return ai->model;
}

const int64_t *ai_outcomes(const struct ai *ai)
{
    return ai->outcomes;
}

static void forget_key(struct ai *ai)
{
    if (ai->key_line != NULL)
        explicit_bzero(ai->key_line, strlen(ai->key_line));
    free(TAKE(ai->key_line));
}

static void take_key(struct ai *ai)
{
    const struct conf *conf = ai->api->conf;

    forget_key(ai);
    if (conf->ai_url != NULL && conf->ai_key != NULL)
        ai->key_line = mem_fmt("Authorization: Bearer %s", conf->ai_key);
    else if (conf->ai_url == NULL && conf->azure_endpoint != NULL)
        ai->key_line = mem_fmt("api-key: %s", conf->azure_key);
}

static void set_up(struct ai *ai)
{
    const struct conf *conf = ai->api->conf;

    take_key(ai);
    if (conf->ai_url != NULL) {
        ai->url = mem_fmt("%s/chat/completions", conf->ai_url);
        ai->model = conf->ai_model;
        return;
    }
    if (conf->azure_endpoint == NULL)
        return;
    if (strcmp(conf->azure_api_version, "v1") == 0) {
        ai->url = mem_fmt("%s/openai/v1/chat/completions", conf->azure_endpoint);
        ai->model = conf->azure_deployment;
        return;
    }
    ai->url =
        mem_fmt("%s/openai/deployments/%s/chat/completions?api-version=%s",
                conf->azure_endpoint, conf->azure_deployment, conf->azure_api_version);
}

void ai_reload(struct ai *ai)
{
    take_key(ai);
}

/* Not before there is a model: libcurl and what it loads take memory. */
static int open_client(struct ai *ai, struct err *err)
{
    const struct http_out_options options = {.allow_private = true,
                                             .connect_timeout_ms = CONNECT_TIMEOUT_MS};

    ai->out = http_out_new(&options);
    return loop_watch(&ai->api->loop, &ai->source, http_out_fd(ai->out), EPOLLIN, err);
}

struct ai *ai_new(struct api *api, struct err *err)
{
    struct ai *ai = mem_new(1, sizeof *ai);

    *ai = (struct ai){.api = api,
                      .source = {.fd = -1, .ready = on_ready},
                      .timer.fire = on_timer,
                      .drain.fire = on_drain};
    set_up(ai);
    if (ai_is_set_up(ai) && open_client(ai, err) < 0) {
        ai_free(ai);
        return NULL;
    }
    return ai;
}

void ai_free(struct ai *ai)
{
    if (ai == NULL)
        return;
    loop_unwatch(&ai->api->loop, &ai->source);
    http_out_free(ai->out);
    loop_clear(&ai->api->loop, &ai->timer);
    loop_clear(&ai->api->loop, &ai->drain);
    forget_key(ai);
    free(ai->url);
    free(ai);
}
