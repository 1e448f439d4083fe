/* Requests that we make, on libcurl's multi interface. */
#include "common/http_out.h"

#include <assert.h>
#include <curl/curl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/parse.h"

/* Connections that are kept for the next request. */
#define IDLE_MAX 32L
/* Longer than anybody waits. */
#define RETRY_AFTER_MAX_S (INT64_C(30) * 24 * 60 * 60)
/* Of an answer, with those that come before it (1xx): libcurl keeps all of them. */
#define HEAD_BYTES_MAX 65536

struct http_exchange {
    struct http_exchange *prev, *next;
    struct http_out *out;
    CURL *easy;
    struct curl_slist *headers;
    char *host;          /* for messages */
    struct buf body;     /* of the answer */
    bool cut;            /* there was more of it */
    size_t head_bytes;   /* above HEAD_BYTES_MAX: given up for that */
    const char *refused; /* class of the address that was refused; NULL */
    int64_t started_mono_ms, timeout_ms;
    http_done *done;
    void *arg;
};

struct http_out {
    struct http_out_options options;
    CURLM *multi;
    struct curl_slist *resolved;
    struct http_exchange *first;
    size_t running;
};

struct http_out *http_out_new(const struct http_out_options *options)
{
    struct http_out *out = mem_new(1, sizeof(*out));

    curl_global_init(CURL_GLOBAL_DEFAULT);
    out->options = *options;
    out->multi = curl_multi_init();
    curl_multi_setopt(out->multi, CURLMOPT_MAXCONNECTS, IDLE_MAX);
    for (const char *const *one = options->resolved; one && *one; one++)
        out->resolved = curl_slist_append(out->resolved, *one);
    return out;
}

size_t http_out_running(const struct http_out *out)
{
    return out->running;
}

/* ---- one exchange ---- */

static void exchange_link(struct http_exchange *exchange)
{
    struct http_out *out = exchange->out;

    exchange->next = out->first;
    if (out->first)
        out->first->prev = exchange;
    out->first = exchange;
    out->running++;
}

static void exchange_free(struct http_exchange *exchange)
{
    struct http_out *out = exchange->out;

    if (exchange->next)
        exchange->next->prev = exchange->prev;
    if (exchange->prev)
        exchange->prev->next = exchange->next;
    else
        out->first = exchange->next;
    out->running--;
    curl_multi_remove_handle(out->multi, exchange->easy);
    curl_easy_cleanup(exchange->easy);
    curl_slist_free_all(exchange->headers);
    buf_done(&exchange->body);
    auto_free(&exchange->host);
    auto_free(&exchange);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_exchange *exchange = arg;

    buf_append(&exchange->body, bytes, size * count);
    exchange->cut = exchange->body.over;
    return exchange->cut ? 0 : size * count;
}

static size_t take_head(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_exchange *exchange = arg;

    (void)bytes;
    exchange->head_bytes += size * count;
    return exchange->head_bytes > HEAD_BYTES_MAX ? 0 : size * count;
}

/* The place where an address is refused: it is what the connection will be made to,
 * whoever resolved the name, and nothing was sent yet. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
    struct http_exchange *exchange = arg;
    const struct http_out_options *options = &exchange->out->options;

    (void)purpose;
    if (!options->allow_private && !options->proxy)
        exchange->refused = http_address_class(&address->addr);
    if (exchange->refused)
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static char *host_of(const char *url)
{
    CURLU *parts = curl_url();
    char *text = NULL, *host;

    if (parts && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == 0)
        curl_url_get(parts, CURLUPART_HOST, &text, 0);
    host = mem_dup(text ? text : "");
    curl_free(text);
    curl_url_cleanup(parts);
    return host;
}

static void set_limits(const struct http_exchange *exchange)
{
    const struct http_out_options *options = &exchange->out->options;
    CURL *easy = exchange->easy;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Nobody waits for a resolver that does not answer. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy ? options->proxy : "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)exchange->timeout_ms);
    if (options->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    if (exchange->out->resolved)
        curl_easy_setopt(easy, CURLOPT_RESOLVE, exchange->out->resolved);
}

static void set_callbacks(struct http_exchange *exchange)
{
    CURL *easy = exchange->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
}

static void set_request(struct http_exchange *exchange,
                        const struct http_request *request)
{
    CURL *easy = exchange->easy;

    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    exchange->headers = curl_slist_append(NULL, "Expect:");
    for (const char *const *one = request->headers; one && *one; one++)
        exchange->headers = curl_slist_append(exchange->headers, *one);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
    if (!request->body)
        return;
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body);
}

struct http_exchange *http_out_start(struct http_out *out,
                                     const struct http_request *request, http_done *done,
                                     void *arg)
{
    struct http_exchange *exchange = mem_new(1, sizeof(*exchange));

    *exchange = (struct http_exchange){
        .out = out,
        .easy = curl_easy_init(),
        .host = host_of(request->url),
        .body = BUF_INIT(request->answer_bytes),
        .started_mono_ms = clock_mono_ms(),
        .timeout_ms = request->timeout_ms,
        .done = done,
        .arg = arg,
    };
    assert(exchange->easy && request->timeout_ms > 0);
    exchange_link(exchange);
    set_limits(exchange);
    set_callbacks(exchange);
    set_request(exchange, request);
    if (out->options.proxy && !out->options.allow_private)
        exchange->refused = http_host_class(exchange->host);
    /* So that open_socket is asked. */
    curl_easy_setopt(exchange->easy, CURLOPT_FRESH_CONNECT, exchange->refused ? 1L : 0L);
    curl_multi_add_handle(out->multi, exchange->easy);
    return exchange;
}

/* ---- how it ended ---- */

static int fail_at(const struct http_exchange *exchange, CURLcode code, struct err *err)
{
    const char *host = exchange->host;

    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(err, ERR_TEMP, "%s did not answer in time", host);
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(err, ERR_TEMP, "%s: no address is known for that name", host);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
        return err_set(err, ERR_PERM, "%s: its certificate does not hold", host);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED:
        return err_set(err, ERR_INPUT, "%s: no http or https URL without a login",
                       host[0] ? host : "the hook");
    default:
        return err_set(err, ERR_TEMP, "%s: %s", host, curl_easy_strerror(code));
    }
}

static bool was_sent(const struct http_exchange *exchange)
{
    long bytes = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

/* 0: an answer came. */
static int judge(const struct http_exchange *exchange, CURLcode code, struct err *err)
{
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && exchange->cut))
        return 0;
    if (code == CURLE_COULDNT_CONNECT && exchange->refused)
        return err_set(err, ERR_INPUT, "%s: its address is not public (%s)",
                       exchange->host, exchange->refused);
    if (exchange->head_bytes > HEAD_BYTES_MAX)
        return err_set(err, ERR_TEMP, "%s: the head of its answer is too long",
                       exchange->host);
    if (code == CURLE_UNSUPPORTED_PROTOCOL && was_sent(exchange))
        return err_set(err, ERR_TEMP, "%s: its answer is not HTTP", exchange->host);
    return fail_at(exchange, code, err);
}

/* RFC 9110, section 10.2.3: seconds or a date. */
static int64_t retry_after_ms(CURL *easy)
{
    struct curl_header *header;
    int64_t seconds;
    time_t date;

    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    if (parse_int64(header->value, 0, INT64_MAX, &seconds) < 0) {
        date = curl_getdate(header->value, NULL);
        if (date == (time_t)-1)
            return -1;
        seconds = (int64_t)date - clock_wall_ms() / 1000;
    }
    if (seconds > RETRY_AFTER_MAX_S)
        seconds = RETRY_AFTER_MAX_S;
    return seconds > 0 ? seconds * 1000 : 0;
}

static char *redirect_host(CURL *easy)
{
    char *url = NULL;

    curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &url);
    return url ? host_of(url) : mem_dup("");
}

static void tell(struct http_exchange *exchange, const struct err *err)
{
    AUTO(auto_free) char *elsewhere = redirect_host(exchange->easy);
    struct http_answer answer = {
        .retry_after_ms = -1,
        .body = buf_text(&exchange->body),
        .body_len = exchange->body.len,
        .took_ms = clock_mono_ms() - exchange->started_mono_ms,
        .redirect_host = elsewhere,
    };

    if (!err) {
        curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &answer.status);
        answer.retry_after_ms = retry_after_ms(exchange->easy);
    }
    exchange->done(exchange->arg, &answer, err);
}

static void end(struct http_exchange *exchange, CURLcode code)
{
    struct err err;
    int failed = judge(exchange, code, &err);

    tell(exchange, failed ? &err : NULL);
    exchange_free(exchange);
}

/* ---- all of them ---- */

/* Has any ended? */
static bool perform(struct http_out *out)
{
    const CURLMsg *message;
    bool any = false;
    int count;

    curl_multi_perform(out->multi, &count);
    while ((message = curl_multi_info_read(out->multi, &count)) != NULL) {
        CURLcode code = message->data.result;
        char *exchange;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        end((struct http_exchange *)(void *)exchange, code);
        any = true;
    }
    return any;
}

static void poll_both(struct http_out *out, const struct pollfd *fds, size_t count,
                      int timeout_ms)
{
    AUTO(auto_free) struct curl_waitfd *extra = mem_new(count + 1, sizeof(*extra));
    unsigned used = 0;

    for (size_t i = 0; i < count; i++) {
        if (fds[i].fd < 0)
            continue;
        extra[used].fd = fds[i].fd;
        if (fds[i].events & POLLIN)
            extra[used].events |= CURL_WAIT_POLLIN;
        if (fds[i].events & POLLOUT)
            extra[used].events |= CURL_WAIT_POLLOUT;
        used++;
    }
    curl_multi_poll(out->multi, extra, used, timeout_ms, NULL);
}

int http_out_wait(struct http_out *out, struct pollfd *fds, size_t count,
                  int64_t timeout_ms)
{
    int limit_ms = timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;

    if (out->running == 0)
        return poll(fds, count, limit_ms);
    if (!perform(out)) {
        poll_both(out, fds, count, limit_ms);
        perform(out);
    }
    return poll(fds, count, 0);
}

void http_out_free(struct http_out *out)
{
    struct err err;

    if (!out)
        return;
    while (out->first) {
        err_set(&err, ERR_TEMP, "%s: we stopped", out->first->host);
        tell(out->first, &err);
        exchange_free(out->first);
    }
    curl_multi_cleanup(out->multi);
    curl_slist_free_all(out->resolved);
    curl_global_cleanup();
    auto_free(&out);
}
