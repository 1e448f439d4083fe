/* Git's smart HTTP on libcurl, as a transport of libgit2's.
 *
 * libgit2 1.5 has one of its own, which has no time-outs, follows redirects within a host
 * whatever it is told (a repository that was renamed would get around the allowlist), and
 * hides the status. This one follows none, gives up on a silent server, and sends the
 * token after a 401 only, and to the configured host only. Source: git's http-protocol
 * documentation, "Smart Clients". */
#include <assert.h>
#include <curl/curl.h>
#include <git2.h>
#include <git2/sys/transport.h>
#include <string.h>
#if __has_include(<git2/sys/errors.h>) /* since libgit2 1.8 */
#include <git2/sys/errors.h>
#endif

#include "common/base/mem.h"
#include "common/queue/target.h"
#include "worker/checkout/checkout_parts.h"

#define CONNECT_TIMEOUT_MS 30000L
/* Slower than this for so long is silence. A server may count objects for a while. */
#define SLOW_BYTES_PER_SECOND 1L
#define SLOW_SECONDS          120L
#define WAIT_MS               1000
/* An answer is taken in as it is used; more than this makes the server wait. */
#define AHEAD_BYTES (1024 * 1024)
/* Servers that speak git's protocol look for "git/" here. */
#define USER_AGENT "git/2.0 (kedge)"

struct http {
    git_smart_subtransport parent; /* first: libgit2 holds a pointer to it */
    struct wire *wire;             /* borrowed */
    CURLM *multi;
    CURL *easy; /* one connection for all requests */
};

/* One request and its answer. */
struct http_stream {
    git_smart_subtransport_stream parent; /* first */
    struct http *http;
    char *url;
    bool post;
    struct buf request; /* what git has to say, all of it */
    struct buf answer;  /* from `taken` on: not used yet */
    size_t taken;
    struct curl_slist *headers;
    bool started, paused, ended;
};

/* ---- one exchange with libcurl ---- */

static size_t take_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_stream *stream = arg;

    if (stream->answer.len - stream->taken > AHEAD_BYTES) {
        stream->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    buf_append(&stream->answer, bytes, size * count);
    return size * count;
}

static void set_headers(struct http_stream *stream)
{
    stream->headers = curl_slist_append(NULL, "Expect:");
    if (!stream->post)
        return;
    stream->headers = curl_slist_append(
        stream->headers, "Content-Type: application/x-git-upload-pack-request");
    stream->headers = curl_slist_append(stream->headers,
                                        "Accept: application/x-git-upload-pack-result");
}

static void set_login(CURL *easy, const struct wire *wire, const char *url)
{
    AUTO(auto_free) char *host = vcs_base_host(url);

    if (!wire->login || !wire->request->token || strcmp(host, wire->request->host) != 0)
        return;
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_USERNAME, wire->request->user);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, wire->request->token);
}

static void set_options(struct http_stream *stream)
{
    CURL *easy = stream->http->easy;
    struct wire *wire = stream->http->wire;

    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, stream->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_PER_SECOND);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, wire->failure);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, stream);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, stream->headers);
    if (wire->request->cert_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, wire->request->cert_file);
    if (stream->post) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)stream->request.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, buf_text(&stream->request));
    }
    set_login(easy, wire, stream->url);
}

static int failed(const struct wire *wire, CURLcode code)
{
    const char *words = wire->failure[0] ? wire->failure : curl_easy_strerror(code);

    git_error_set_str(GIT_ERROR_NET, words);
    return GIT_ERROR;
}

/* The exchange is over when libcurl says so; then *code is its result. */
static bool is_over(struct http_stream *stream, CURLcode *code)
{
    int left;
    const CURLMsg *message = curl_multi_info_read(stream->http->multi, &left);

    if (!message || message->msg != CURLMSG_DONE)
        return false;
    *code = message->data.result;
    stream->ended = true;
    curl_multi_remove_handle(stream->http->multi, stream->http->easy);
    return true;
}

/* Until there is something to use, or the end. */
static int pump(struct http_stream *stream)
{
    struct http *http = stream->http;
    CURLcode code = CURLE_OK;
    int running;

    while (!stream->ended && stream->taken == stream->answer.len) {
        if (stream->paused) {
            stream->paused = false;
            curl_easy_pause(http->easy, CURLPAUSE_CONT);
        }
        if (curl_multi_perform(http->multi, &running) != CURLM_OK)
            return failed(http->wire, CURLE_OUT_OF_MEMORY);
        if (is_over(stream, &code) && code != CURLE_OK)
            return failed(http->wire, code);
        if (!stream->ended && stream->taken == stream->answer.len)
            curl_multi_poll(http->multi, NULL, 0, WAIT_MS, NULL);
    }
    return 0;
}

static void stop(struct http_stream *stream)
{
    if (stream->started && !stream->ended)
        curl_multi_remove_handle(stream->http->multi, stream->http->easy);
    stream->started = stream->ended = stream->paused = false;
    stream->taken = 0;
    buf_reset(&stream->answer);
}

/* ---- the request ---- */

static int exchange(struct http_stream *stream)
{
    struct http *http = stream->http;
    long status = 0;

    set_options(stream);
    stream->started = true;
    curl_multi_add_handle(http->multi, http->easy);
    if (pump(stream) < 0)
        return GIT_ERROR;
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    http->wire->status = (int)status;
    return 0;
}

static int check_status(const struct wire *wire)
{
    AUTO(auto_free) char *words = NULL;

    if (wire->status == 200)
        return 0;
    words = mem_fmt("the server answered with status %d", wire->status);
    git_error_set_str(GIT_ERROR_HTTP, words);
    return wire->status == 401 ? GIT_EAUTH : GIT_ERROR;
}

/* Sends it, a second time with the token when the server has asked for a login. */
static int start(struct http_stream *stream)
{
    struct wire *wire = stream->http->wire;

    if (exchange(stream) < 0)
        return GIT_ERROR;
    if (wire->status == 401 && wire->request->token && !wire->login) {
        wire->login = true;
        stop(stream);
        if (exchange(stream) < 0)
            return GIT_ERROR;
    }
    return check_status(wire);
}

/* ---- what libgit2 calls ---- */

static struct http_stream *stream_of(git_smart_subtransport_stream *parent)
{
    return (struct http_stream *)parent;
}

static int stream_read(git_smart_subtransport_stream *parent, char *bytes, size_t size,
                       size_t *got)
{
    struct http_stream *stream = stream_of(parent);
    size_t ready;
    int rc = stream->started ? 0 : start(stream);

    if (rc == 0)
        rc = pump(stream);
    if (rc < 0)
        return rc;
    ready = stream->answer.len - stream->taken;
    *got = ready < size ? ready : size;
    if (*got > 0)
        memcpy(bytes, stream->answer.data + stream->taken, *got);
    stream->taken += *got;
    if (stream->taken == stream->answer.len) {
        buf_reset(&stream->answer);
        stream->taken = 0;
    }
    return 0;
}

static int stream_write(git_smart_subtransport_stream *parent, const char *bytes,
                        size_t size)
{
    buf_append(&stream_of(parent)->request, bytes, size);
    return 0;
}

static void stream_free(git_smart_subtransport_stream *parent)
{
    struct http_stream *stream = stream_of(parent);

    stop(stream);
    curl_slist_free_all(stream->headers);
    buf_done(&stream->request);
    buf_done(&stream->answer);
    auto_free(&stream->url);
    auto_free(&stream);
}

static int http_action(git_smart_subtransport_stream **out,
                       git_smart_subtransport *parent, const char *url,
                       git_smart_service_t service)
{
    struct http_stream *stream = mem_new(1, sizeof(*stream));

    assert(service == GIT_SERVICE_UPLOADPACK_LS || service == GIT_SERVICE_UPLOADPACK);
    stream->parent = (git_smart_subtransport_stream){
        .subtransport = parent,
        .read = stream_read,
        .write = stream_write,
        .free = stream_free,
    };
    stream->http = (struct http *)parent;
    stream->post = service == GIT_SERVICE_UPLOADPACK;
    stream->url =
        mem_fmt("%s%s", url,
                stream->post ? "/git-upload-pack" : "/info/refs?service=git-upload-pack");
    buf_init(&stream->request, SIZE_MAX);
    buf_init(&stream->answer, SIZE_MAX);
    set_headers(stream);
    *out = &stream->parent;
    return 0;
}

static int http_close(git_smart_subtransport *parent)
{
    (void)parent;
    return 0;
}

static void http_free(git_smart_subtransport *parent)
{
    struct http *http = (struct http *)parent;

    curl_easy_cleanup(http->easy);
    curl_multi_cleanup(http->multi);
    auto_free(&http);
}

static int http_new(git_smart_subtransport **out, git_transport *owner, void *wire)
{
    struct http *http = mem_new(1, sizeof(*http));

    (void)owner;
    http->parent = (git_smart_subtransport){
        .action = http_action, .close = http_close, .free = http_free};
    http->wire = wire;
    http->multi = curl_multi_init();
    http->easy = curl_easy_init();
    *out = &http->parent;
    return 0;
}

int wire_transport(git_transport **out, git_remote *owner, void *wire)
{
    git_smart_subtransport_definition definition = {
        .callback = http_new, .rpc = 1, .param = wire};

    return git_transport_smart(out, owner, &definition);
}
