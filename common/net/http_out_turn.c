/* Requests that we make: their descriptors and timers. */
#include "common/net/http_out_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

#define EVENTS_A_TURN 256

/* ---- what libcurl asks for ---- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct http_out *out = arg;
    struct epoll_event event = {.data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(out->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        event.events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        event.events |= EPOLLOUT;
    if (epoll_ctl(out->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
        return -1;
    curl_multi_assign(out->multi, fd, out);
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct http_out *out = arg;

    (void)multi;
    out->due_mono_ms = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    return 0;
}

void http_out_open_events(struct http_out *out)
{
    out->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    /* As without memory: nothing can go on. */
    if (out->epoll_fd < 0)
        abort();
    out->due_mono_ms = out->idle_due_mono_ms = -1;
    curl_multi_setopt(out->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(out->multi, CURLMOPT_SOCKETDATA, out);
    curl_multi_setopt(out->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(out->multi, CURLMOPT_TIMERDATA, out);
}

/* ---- pauses ---- */

void http_out_pause(struct http_exchange *exchange)
{
    if (exchange->resumes)
        exchange->out->resuming--;
    exchange->resumes = false;
    if (!exchange->paused)
        curl_easy_pause(exchange->easy, CURLPAUSE_RECV);
    exchange->paused = true;
}

void http_out_resume(struct http_exchange *exchange)
{
    if (!exchange->paused || exchange->resumes)
        return;
    exchange->resumes = true;
    exchange->out->resuming++;
}

/* Here and not in http_out_resume, because libcurl calls back with what it has kept. */
static void resume_some(struct http_out *out)
{
    for (struct http_exchange *one = out->first; one && out->resuming > 0;
         one = one->next) {
        if (!one->resumes)
            continue;
        out->resuming--;
        one->paused = one->resumes = false;
        one->active_mono_ms = clock_mono_ms();
        http_out_watch_idle(one);
        curl_easy_pause(one->easy, CURLPAUSE_CONT);
    }
}

/* ---- silence ---- */

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    if (a_ms < 0 || (b_ms >= 0 && b_ms < a_ms))
        return b_ms;
    return a_ms;
}

/* -1: its silence does not count. */
static int64_t idle_due(const struct http_exchange *exchange)
{
    if (exchange->idle_timeout_ms == 0 || exchange->active_mono_ms == 0 ||
        exchange->paused)
        return -1;
    return exchange->active_mono_ms + exchange->idle_timeout_ms;
}

void http_out_watch_idle(const struct http_exchange *exchange)
{
    struct http_out *out = exchange->out;

    out->idle_due_mono_ms = sooner(out->idle_due_mono_ms, idle_due(exchange));
}

static struct http_exchange *find_silent(struct http_out *out, int64_t now_ms)
{
    out->idle_due_mono_ms = -1;
    for (struct http_exchange *one = out->first; one; one = one->next) {
        int64_t due_ms = idle_due(one);

        if (due_ms >= 0 && due_ms <= now_ms)
            return one;
        out->idle_due_mono_ms = sooner(out->idle_due_mono_ms, due_ms);
    }
    return NULL;
}

/* Begun anew after each, because whoever is told may cancel others. */
static bool end_silent(struct http_out *out)
{
    int64_t now_ms = clock_mono_ms();
    struct http_exchange *silent;
    bool any = false;

    if (out->idle_due_mono_ms < 0 || now_ms < out->idle_due_mono_ms)
        return false;
    while ((silent = find_silent(out, now_ms)) != NULL) {
        http_exchange_end(silent, CURLE_OPERATION_TIMEDOUT);
        any = true;
    }
    return any;
}

/* ---- a turn ---- */

static int curl_events(uint32_t events)
{
    int mask = 0;

    if (events & (EPOLLIN | EPOLLHUP))
        mask |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        mask |= CURL_CSELECT_ERR;
    return mask;
}

static void do_ready(struct http_out *out)
{
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(out->epoll_fd, events, EVENTS_A_TURN, 0), running;

    for (int i = 0; i < count; i++)
        curl_multi_socket_action(out->multi, events[i].data.fd,
                                 curl_events(events[i].events), &running);
}

static void do_due(struct http_out *out)
{
    int running;

    if (out->due_mono_ms < 0 || clock_mono_ms() < out->due_mono_ms)
        return;
    out->due_mono_ms = -1;
    curl_multi_socket_action(out->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static bool end_ended(struct http_out *out)
{
    const CURLMsg *message;
    bool any = false;
    int count;

    while ((message = curl_multi_info_read(out->multi, &count)) != NULL) {
        CURLcode code = message->data.result;
        char *exchange;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        http_exchange_end((struct http_exchange *)(void *)exchange, code);
        any = true;
    }
    return any;
}

/* Has any ended? */
static bool turn(struct http_out *out)
{
    bool any;

    resume_some(out);
    do_ready(out);
    do_due(out);
    any = end_ended(out);
    return end_silent(out) || any;
}

static int64_t sleep_ms(const struct http_out *out)
{
    int64_t due_ms = sooner(out->due_mono_ms, out->idle_due_mono_ms);
    int64_t left_ms;

    if (due_ms < 0)
        return -1;
    left_ms = due_ms - clock_mono_ms();
    return left_ms > 0 ? left_ms : 0;
}

int http_out_fd(const struct http_out *out)
{
    return out->epoll_fd;
}

int64_t http_out_turn(struct http_out *out)
{
    turn(out);
    return sleep_ms(out);
}

/* ---- for who has no epoll loop ---- */

static void poll_both(struct http_out *out, const struct pollfd *fds, size_t count,
                      int64_t timeout_ms)
{
    AUTO(auto_free) struct pollfd *all = mem_new(count + 1, sizeof(*all));
    int64_t limit_ms = sooner(timeout_ms, sleep_ms(out));

    if (count > 0)
        memcpy(all, fds, count * sizeof(*all));
    all[count] = (struct pollfd){.fd = out->epoll_fd, .events = POLLIN};
    poll(all, count + 1, limit_ms > INT32_MAX ? INT32_MAX : (int)limit_ms);
}

int http_out_wait(struct http_out *out, struct pollfd *fds, size_t count,
                  int64_t timeout_ms)
{
    if (out->running == 0)
        return poll(fds, count, timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms);
    if (!turn(out)) {
        poll_both(out, fds, count, timeout_ms);
        turn(out);
    }
    return poll(fds, count, 0);
}
