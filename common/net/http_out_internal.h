/* What the http_out_*.c files share. */
#ifndef KEDGE_COMMON_NET_HTTP_OUT_INTERNAL_H
#define KEDGE_COMMON_NET_HTTP_OUT_INTERNAL_H

#include <curl/curl.h>

#include "common/net/http_out.h"

/* Of an answer, with those that come before it (1xx): libcurl keeps all of them. */
#define HTTP_HEAD_BYTES_MAX 65536

struct http_exchange {
    struct http_exchange *prev, *next;
    struct http_out *out;
    CURL *easy;
    struct curl_slist *headers;
    char *host;         /* for messages */
    char *request_body; /* owned; NULL: none, or not needed any more */
    size_t request_len, given;
    struct buf body;     /* of the answer */
    bool cut;            /* there was more of it */
    size_t head_bytes;   /* above what is allowed: given up for that */
    const char *refused; /* class of the address that was refused; NULL */
    int64_t started_mono_ms, timeout_ms;
    int64_t idle_timeout_ms; /* 0: none */
    int64_t active_mono_ms;  /* when the last byte went or came; 0: not connected */
    bool paused, resumes;    /* resumes: at the next turn */
    http_chunk *chunk;
    http_done *done;
    void *arg;
};

struct http_out {
    struct http_out_options options;
    CURLM *multi;
    struct curl_slist *resolved;
    struct http_exchange *first;
    size_t running;
    int epoll_fd;        /* all descriptors of libcurl */
    int64_t due_mono_ms; /* when libcurl wants to be called anyway; -1: never */
    /* Nobody's silence is too long before; -1: nobody's ever is. */
    int64_t idle_due_mono_ms;
    size_t resuming; /* exchanges that resume at the next turn */
};

/* Makes epoll_fd and tells libcurl. */
void http_out_open_events(struct http_out *out);
/* From now on this one's silence counts. */
void http_out_watch_idle(const struct http_exchange *exchange);
/* The host in it, "": none; the caller frees. */
char *http_host_of(const char *url);
/* Calls done. */
void http_exchange_tell(struct http_exchange *exchange, CURLcode code,
                        const struct err *err);
/* It has ended so: tells and frees. */
void http_exchange_end(struct http_exchange *exchange, CURLcode code);
void http_exchange_free(struct http_exchange *exchange);

#endif
