/* Waiting for a run to change: who waits for which run, and until when. */
#include "api/server/wait.h"

#include <stdlib.h>
#include <string.h>

#include "api/server/events.h"
#include "api/server/header.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/mem.h"

#define BUCKETS 4096 /* a power of two */

struct waiters {
    struct wait *buckets[BUCKETS];
    int64_t count;
};

struct waiters *waiters_new(void)
{
    return mem_new(1, sizeof(struct waiters));
}

void waiters_free(struct waiters *waiters)
{
    free(waiters);
}

int64_t waiters_count(const struct waiters *waiters)
{
    return waiters->count;
}

static struct wait **bucket(struct waiters *waiters, const char *run_id)
{
    return &waiters->buckets[hash_text(HASH_INIT, run_id) & (BUCKETS - 1)];
}

/* ---- waking ---- */
static struct request *owner(struct wait *wait)
{
    return LOOP_OWNER(wait, struct request, wait);
}

static void wake(struct wait *wait)
{
    struct request *req = owner(wait);

    if (!wait->parked) {
        wait->stale = true;
        return;
    }
    wait->parked = wait->stale = false;
    loop_clear(&req->api->loop, &wait->timer);
    wait->again(req);
}

static void on_time(struct loop_timer *timer)
{
    wake(LOOP_OWNER(timer, struct wait, timer));
}

/* While a reply of Redis is on its way, the request cannot end yet. */
static void on_hangup(struct loop_source *source, uint32_t events)
{
    struct request *req = LOOP_OWNER(source, struct request, hangup);

    (void)events;
    req->gone = true;
    loop_unwatch(&req->api->loop, source);
    if (!req->wait.parked)
        return;
    wait_end(req);
    request_resume(req);
}

void waiters_event(struct waiters *waiters, const char *run_id)
{
    struct wait *next;

    for (struct wait *wait = *bucket(waiters, run_id); wait != NULL; wait = next) {
        next = wait->next;
        if (strcmp(wait->run_id, run_id) == 0)
            wake(wait);
    }
}

void waiters_all_stale(struct waiters *waiters)
{
    for (size_t i = 0; i < BUCKETS && waiters->count > 0; i++) {
        struct wait *next;

        for (struct wait *wait = waiters->buckets[i]; wait != NULL; wait = next) {
            next = wait->next;
            wake(wait);
        }
    }
}

/* ---- one that waits ---- */
/* As RFC 7240 has it, wait=N beside respond-async is how long it may take to answer. */
int64_t wait_preferred(const struct request *req)
{
    struct header_prefer prefer;

    header_prefer(request_header(req, "Prefer"), &prefer);
    if (prefer.wait_s >= 0)
        return clock_mono_ms() + prefer.wait_s * 1000;
    return prefer.respond_async ? WAIT_NOT : WAIT_FOREVER;
}

void wait_begin(struct request *req, const char *run_id, int64_t until_mono_ms,
                void (*again)(struct request *req))
{
    struct waiters *waiters = req->api->waiters;
    struct wait *wait = &req->wait;
    struct wait **head = bucket(waiters, run_id);

    *wait = (struct wait){
        .again = again,
        .until_mono_ms = until_mono_ms,
        .run_id = run_id,
        .next = *head,
        .link = head,
        .timer.fire = on_time,
    };
    if (*head != NULL)
        (*head)->link = &wait->next;
    *head = wait;
    waiters->count++;
    request_watch_hangup(req, on_hangup);
    events_need(req->api->events);
}

void wait_for_end(struct request *req, const char *run_id,
                  void (*look)(struct request *req), void (*let_go)(struct request *req))
{
    int64_t until_mono_ms = wait_preferred(req);

    req->unserved = let_go;
    if (until_mono_ms == WAIT_NOT) {
        let_go(req);
        return;
    }
    wait_begin(req, run_id, until_mono_ms, look);
    look(req);
}

void wait_turn_to(struct request *req, void (*again)(struct request *req))
{
    if (req->wait.again != NULL)
        req->wait.again = again;
}

bool wait_is_open(const struct request *req)
{
    return req->wait.again != NULL && !req->api->draining &&
           clock_mono_ms() < req->wait.until_mono_ms;
}

void wait_park(struct request *req)
{
    struct wait *wait = &req->wait;
    int64_t due_ms = clock_mono_ms() + WAIT_REREAD_MS;

    if (req->gone) {
        wait_end(req);
        request_resume(req);
        return;
    }
    wait->parked = true;
    if (wait->stale) {
        wake(wait);
        return;
    }
    if (due_ms > wait->until_mono_ms)
        due_ms = wait->until_mono_ms;
    loop_set(&req->api->loop, &wait->timer, due_ms);
}

void wait_end(struct request *req)
{
    struct wait *wait = &req->wait;

    if (wait->again == NULL)
        return;
    wait->again = NULL;
    wait->parked = false;
    *wait->link = wait->next;
    if (wait->next != NULL)
        wait->next->link = wait->link;
    req->api->waiters->count--;
    loop_clear(&req->api->loop, &wait->timer);
    /* A stream goes on. */
    if (req->stream.calls == NULL)
        loop_unwatch(&req->api->loop, &req->hangup);
}
