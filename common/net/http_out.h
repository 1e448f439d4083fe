/* Requests that we make: one way to set libcurl up, and a set of requests under way that
 * somebody's poll loop drives.
 *
 *     out = http_out_new(&options);
 *     http_out_start(out, &request, done, arg);    any number
 *     for (;;) http_out_wait(out, fds, count, sleep_ms);   in place of poll(2)
 *     or: watch http_out_fd, call http_out_turn
 *
 * Rules of every request: http and https only, no redirects, no signals, no proxy but the
 * one that is set, certificates are checked, answers are cut at answer_bytes, nothing is
 * kept of a URL's user or password. Unless private addresses are allowed, a connection to
 * an address that is not public is refused after the name was resolved and before a byte
 * is sent (with a proxy: of literal addresses only, since the proxy resolves).
 *
 * One thread. Callbacks are called from http_out_wait, http_out_turn and http_out_free
 * only. */
#ifndef KEDGE_COMMON_NET_HTTP_OUT_H
#define KEDGE_COMMON_NET_HTTP_OUT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* Is it one that the internet reaches? Not: loopback, private (RFC 1918, 4193), shared
 * (6598), link-local, multicast, reserved, documentation, benchmarks, unspecified; IPv6
 * that maps, embeds or translates such an IPv4 address (mapped, compatible, 6to4, Teredo,
 * NAT64) neither. Other families: no. */
bool http_address_is_public(const struct sockaddr *address);
/* "loopback", "private" …; NULL: it is public. */
const char *http_address_class(const struct sockaddr *address);
/* The same of a host that is an address, in whatever spelling. NULL also: it is a name.
 */
const char *http_host_class(const char *host);

struct http_out_options {
    bool allow_private;
    const char *proxy;   /* NULL: none, whatever the environment says; borrowed */
    const char *ca_file; /* NULL: the system's; borrowed */
    int64_t connect_timeout_ms;
    /* For tests, in place of a resolver: "host:port:address", NULL-terminated; NULL:
     * none. Borrowed. */
    const char *const *resolved;
};
struct http_out;
struct http_out *http_out_new(const struct http_out_options *options);
/* Calls what is under way with ERR_TEMP first. */
void http_out_free(struct http_out *out);

/* The next bytes of the body of a 2xx, as they come. False: no more of them, drop it
 * (done is called, ERR_TEMP). */
typedef bool http_chunk(void *arg, const char *bytes, size_t len);

struct http_request {
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
    const void *body;           /* POST; NULL: GET */
    size_t body_len;
    int64_t timeout_ms; /* of the whole */
    /* Longest silence, from the last byte sent and between bytes that come; 0: none. */
    int64_t idle_timeout_ms;
    /* More of the body is thrown away; of a 2xx with chunk: unused. */
    size_t answer_bytes;
    http_chunk *chunk; /* NULL: the whole body comes with done */
};
struct http_answer {
    long status; /* 0: none came */
    bool sent;   /* some of the request has left: it may have been read */
    bool timed_out;
    /* Retry-After, seconds or a date, or the finer retry-after-ms; -1: not given */
    int64_t retry_after_ms;
    const char *body; /* NUL-terminated; borrowed until the callback returns */
    size_t body_len;
    int64_t took_ms;
    const char *redirect_host; /* where a 3xx points to; "": nowhere */
};
/* err NULL: an answer came, with whatever status. Else ERR_TEMP (the network, a
 * time-out), ERR_INPUT (this URL is refused: private address, scheme) or ERR_PERM (a
 * certificate that does not hold). Messages hold no part of a URL but its host. */
typedef void http_done(void *arg, const struct http_answer *answer,
                       const struct err *err);
struct http_exchange;
/* Copies what it needs of the request. The exchange is valid until done was called. */
struct http_exchange *http_out_start(struct http_out *out,
                                     const struct http_request *request, http_done *done,
                                     void *arg);
/* Drops it, and its connection, at once; done is not called. Not from its own callbacks.
 */
void http_out_cancel(struct http_exchange *exchange);
/* Takes no more of its answer, so that the sender has to wait, until http_out_resume:
 * meanwhile silence is not counted. At most a few KiB are still kept. Any time, also from
 * its chunk. */
void http_out_pause(struct http_exchange *exchange);
void http_out_resume(struct http_exchange *exchange);
size_t http_out_running(const struct http_out *out);
/* For who has an epoll loop: readable when there is something to do, which
 * http_out_turn does. It returns for how long one may sleep without calling it again, ms;
 * -1: as long as one likes. To be called too after http_out_start, http_out_cancel and
 * http_out_resume. */
int http_out_fd(const struct http_out *out);
int64_t http_out_turn(struct http_out *out);
/* For who has none. poll(2) of fds too; returns its count of ready ones, 0 when none is,
 * -1 on EINTR. */
int http_out_wait(struct http_out *out, struct pollfd *fds, size_t count,
                  int64_t timeout_ms);

#endif
