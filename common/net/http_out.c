/* Requests that we make, on libcurl's multi interface. */
#include "common/net/http_out_internal.h"

#include <assert.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

/* Connections that are kept for the next request. */
#define IDLE_MAX 32L
/* Of libcurl's buffers, each the least that serves: hundreds are under way at a time. */
#define TAKE_BYTES 4096L
#define GIVE_BYTES 16384L
/* A body up to that size goes with the head, in one write. */
#define SMALL_BODY_BYTES ((size_t)16384)

struct http_out *http_out_new(const struct http_out_options *options)
{
    struct http_out *out = mem_new(1, sizeof(*out));

    curl_global_init(CURL_GLOBAL_DEFAULT);
    out->options = *options;
    out->multi = curl_multi_init();
    curl_multi_setopt(out->multi, CURLMOPT_MAXCONNECTS, IDLE_MAX);
    http_out_open_events(out);
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

void http_exchange_free(struct http_exchange *exchange)
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
    auto_free(&exchange->request_body);
    auto_free(&exchange->host);
    auto_free(&exchange);
}

/* ---- its bytes, from and to libcurl ---- */

/* It is not needed any more: a prompt may be large and its answer long in coming. */
static void drop_request_body(struct http_exchange *exchange)
{
    auto_free(&exchange->request_body);
    exchange->request_body = NULL;
}

/* A connection that was used before may turn out to be dead: then all is sent again. */
static bool is_on_new_connection(const struct http_exchange *exchange)
{
    long connects = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_NUM_CONNECTS, &connects);
    return connects > 0;
}

static size_t give_body(char *to, size_t size, size_t count, void *arg)
{
    struct http_exchange *exchange = arg;
    size_t len = exchange->request_len - exchange->given;

    exchange->active_mono_ms = clock_mono_ms();
    if (len == 0)
        return 0;
    if (!exchange->request_body)
        return CURL_READFUNC_ABORT;
    if (len > size * count)
        len = size * count;
    memcpy(to, exchange->request_body + exchange->given, len);
    exchange->given += len;
    if (exchange->given == exchange->request_len && is_on_new_connection(exchange))
        drop_request_body(exchange);
    return len;
}

static int rewind_body(void *arg, curl_off_t offset, int origin)
{
    struct http_exchange *exchange = arg;

    if (origin != SEEK_SET || !exchange->request_body || offset < 0 ||
        (size_t)offset > exchange->request_len)
        return CURL_SEEKFUNC_FAIL;
    exchange->given = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* From here on silence is the other side's. */
static int note_connected(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    struct http_exchange *exchange = arg;

    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    exchange->active_mono_ms = clock_mono_ms();
    http_out_watch_idle(exchange);
    return CURL_PREREQFUNC_OK;
}

static bool is_good(const struct http_exchange *exchange)
{
    long status = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_exchange *exchange = arg;
    size_t len = size * count;

    exchange->active_mono_ms = clock_mono_ms();
    if (exchange->chunk && is_good(exchange))
        return exchange->chunk(exchange->arg, bytes, len) ? len : 0;
    buf_append(&exchange->body, bytes, len);
    exchange->cut = exchange->body.over;
    return exchange->cut ? 0 : len;
}

static size_t take_head(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_exchange *exchange = arg;

    (void)bytes;
    exchange->active_mono_ms = clock_mono_ms();
    exchange->head_bytes += size * count;
    return exchange->head_bytes > HTTP_HEAD_BYTES_MAX ? 0 : size * count;
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

char *http_host_of(const char *url)
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
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, TAKE_BYTES);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, GIVE_BYTES);
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
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, note_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
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
    if (request->body_len <= SMALL_BODY_BYTES) {
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body);
    } else {
        exchange->request_body = mem_dup_n(request->body, request->body_len);
        exchange->request_len = request->body_len;
    }
}

struct http_exchange *http_out_start(struct http_out *out,
                                     const struct http_request *request, http_done *done,
                                     void *arg)
{
    struct http_exchange *exchange = mem_new(1, sizeof(*exchange));

    *exchange = (struct http_exchange){
        .out = out,
        .easy = curl_easy_init(),
        .host = http_host_of(request->url),
        .body = BUF_INIT(request->answer_bytes),
        .started_mono_ms = clock_mono_ms(),
        .timeout_ms = request->timeout_ms,
        .idle_timeout_ms = request->idle_timeout_ms,
        .chunk = request->chunk,
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

/* ---- all of them ---- */

void http_out_cancel(struct http_exchange *exchange)
{
    http_exchange_free(exchange);
}

void http_out_free(struct http_out *out)
{
    struct err err;

    if (!out)
        return;
    while (out->first) {
        err_set(&err, ERR_TEMP, "%s: we stopped", out->first->host);
        http_exchange_tell(out->first, CURLE_ABORTED_BY_CALLBACK, &err);
        http_exchange_free(out->first);
    }
    curl_multi_cleanup(out->multi);
    auto_close(&out->epoll_fd);
    curl_slist_free_all(out->resolved);
    curl_global_cleanup();
    auto_free(&out);
}
