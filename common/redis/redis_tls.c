/* TLS to Redis: the connection. Its reads and writes are given to hiredis. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_tls_internal.h"

/* One connection; hiredis holds it (privctx) and frees it. */
struct wire {
    redisContextFuncs calls; /* hiredis's own, but for ours */
    SSL *ssl;
    bool read_wants_write, write_wants_read;
};

/* ---- what went wrong on a connection ---- */

static int explain(const SSL *ssl, int code, int errnum, struct err *err)
{
    long verdict = SSL_get_verify_result(ssl);

    if (verdict != X509_V_OK)
        return err_set(err, ERR_TEMP, "certificate verify failed: %s",
                       X509_verify_cert_error_string(verdict));
    if (code == SSL_ERROR_SSL)
        return err_set(err, ERR_TEMP, "TLS: %s", redis_tls_reason());
    if (code == SSL_ERROR_SYSCALL && errnum != 0)
        return err_sys(err, ERR_TEMP, errnum, "the connection broke");
    return err_set(err, ERR_TEMP, "the server closed the connection");
}

static bool is_want(int code)
{
    return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE;
}

/* A read or a write got nowhere. 0: it is to be tried again; -1: noted in the context, as
 * hiredis does it. */
static int note(struct redisContext *context, int code, int errnum)
{
    const struct wire *wire = context->privctx;
    struct err err;

    if (is_want(code)) {
        if ((context->flags & REDIS_BLOCK) == 0 || errnum == EINTR)
            return 0;
        context->err = REDIS_ERR_IO;
        err_set(&err, ERR_TEMP, "no answer in time");
        errnum = EAGAIN;
    } else {
        bool plain = code == SSL_ERROR_SYSCALL && errnum != 0;

        context->err = plain ? REDIS_ERR_IO : REDIS_ERR_OTHER;
        explain(wire->ssl, code, errnum, &err);
    }
    snprintf(context->errstr, sizeof context->errstr, "%.*s",
             (int)sizeof context->errstr - 1, err.message);
    errno = errnum; /* of REDIS_ERR_IO the callers look at it */
    return -1;
}

/* ---- reads and writes ---- */

/* Before each call: what others left in OpenSSL's queue of errors would be taken for
 * its. */
static void forget_errors(void)
{
    ERR_clear_error();
    errno = 0;
}

static ssize_t read_some(struct redisContext *context, char *bytes, size_t room)
{
    struct wire *wire = context->privctx;
    size_t count = 0;
    int errnum, code;

    forget_errors();
    wire->read_wants_write = false;
    if (SSL_read_ex(wire->ssl, bytes, room, &count) == 1)
        return (ssize_t)count;
    errnum = errno;
    code = SSL_get_error(wire->ssl, 0);
    wire->read_wants_write = code == SSL_ERROR_WANT_WRITE;
    return note(context, code, errnum);
}

/* All or nothing: what OpenSSL has sent so far it remembers until the call is repeated,
 * and hiredis does not move the rest each time. */
static ssize_t write_all(struct redisContext *context)
{
    struct wire *wire = context->privctx;
    size_t count = 0;
    int errnum, code;

    forget_errors();
    wire->write_wants_read = false;
    if (SSL_write_ex(wire->ssl, context->obuf, sdslen(context->obuf), &count) == 1)
        return (ssize_t)count;
    errnum = errno;
    code = SSL_get_error(wire->ssl, 0);
    wire->write_wants_read = code == SSL_ERROR_WANT_READ;
    return note(context, code, errnum);
}

static void free_wire(void *arg)
{
    struct wire *wire = arg;

    SSL_free(wire->ssl);
    free(wire);
}

static const struct wire *wire_of(const struct redisContext *context)
{
    return context->funcs->read == read_some ? context->privctx : NULL;
}

short redis_tls_events(const struct redisContext *context, short events)
{
    const struct wire *wire = wire_of(context);

    if (wire != NULL && wire->read_wants_write)
        return (short)(events | POLLOUT);
    if (wire != NULL && wire->write_wants_read)
        return (short)(events & ~POLLOUT);
    return events;
}

bool redis_tls_wants_read(const struct redisContext *context, short revents)
{
    const struct wire *wire = wire_of(context);

    return (revents & ~POLLOUT) != 0 || (wire != NULL && wire->read_wants_write);
}

bool redis_tls_holds(const struct redisContext *context)
{
    const struct wire *wire = wire_of(context);

    return wire != NULL && SSL_pending(wire->ssl) > 0;
}

/* ---- the handshake ---- */

static bool is_ip_address(const char *host)
{
    struct in6_addr ip;

    return inet_pton(AF_INET, host, &ip) == 1 || inet_pton(AF_INET6, host, &ip) == 1;
}

static bool expect(SSL *ssl, char *name)
{
    if (is_ip_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* On a socket that does not block for now: else each of its reads would have a time-out
 * of its own. */
static int shake_hands(SSL *ssl, int fd, int64_t timeout_ms, struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;

    for (;;) {
        struct pollfd wait = {.fd = fd};
        int64_t left_ms = deadline_ms - clock_mono_ms();
        int errnum, code;

        forget_errors();
        if (SSL_do_handshake(ssl) == 1)
            return 0;
        errnum = errno;
        code = SSL_get_error(ssl, 0);
        if (!is_want(code))
            return explain(ssl, code, errnum, err);
        if (left_ms <= 0)
            return err_set(err, ERR_TEMP, "no TLS handshake within %lld ms",
                           (long long)timeout_ms);
        wait.events = code == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        poll(&wait, 1, (int)left_ms);
    }
}

static int shake_hands_now(SSL *ssl, const struct redisContext *context, struct err *err)
{
    const struct timeval *limit = context->connect_timeout;
    int flags = fcntl(context->fd, F_GETFL);
    int result;

    if (flags < 0 || fcntl(context->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_sys(err, ERR_TEMP, errno, "cannot set the socket's options");
    result =
        shake_hands(ssl, context->fd, limit->tv_sec * 1000 + limit->tv_usec / 1000, err);
    if (result == 0 && fcntl(context->fd, F_SETFL, flags) < 0)
        return err_sys(err, ERR_TEMP, errno, "cannot set the socket's options");
    return result;
}

/* hiredis asks for the functions through a pointer: it is given a copy with three of
 * ours. */
static void attach(struct redisContext *context, SSL *ssl)
{
    struct wire *wire = mem_new(1, sizeof *wire);

    *wire = (struct wire){.calls = *context->funcs, .ssl = ssl};
    wire->calls.read = read_some;
    wire->calls.write = write_all;
    wire->calls.free_privctx = free_wire;
    context->privctx = wire;
    context->funcs = &wire->calls;
}

int redis_tls_begin(struct redis_tls *tls, struct redisContext *context, const char *host,
                    struct err *err)
{
    AUTO(auto_free) char *name = mem_dup(tls->name != NULL ? tls->name : host);
    SSL *ssl = SSL_new(tls->trust);

    if (ssl == NULL)
        abort(); /* out of memory */
    attach(context, ssl);
    if (!expect(ssl, name))
        return err_set(err, ERR_TEMP, "%s cannot stand in a certificate", name);
    if (SSL_set_fd(ssl, context->fd) != 1)
        abort(); /* out of memory */
    SSL_set_connect_state(ssl);
    return (context->flags & REDIS_BLOCK) != 0 ? shake_hands_now(ssl, context, err) : 0;
}
