/* One question to a VCS's API, on libcurl. */
#include <curl/curl.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/queue/target.h"
#include "worker/process/own_variable.h"
#include "worker/text/mask.h"
#include "worker/vcs/vcs_parts.h"

#define CONNECT_TIMEOUT_MS 10000
#define ANSWER_TIMEOUT_MS  30000
#define LOOK_EVERY_MS      100
/* A hundred reviews of the longest text that GitHub takes. */
#define ANSWER_BYTES ((size_t)16 * 1024 * 1024)
#define TRIES        4
/* Before the second try; three times as much before each further one. */
#define BACKOFF_MS 100
/* A server that wants to be left alone for longer: the whole run waits, not this one. */
#define PATIENCE_MS 30000
/* GitHub's rule for a limit that comes without a time. */
#define LIMIT_UNSAID_MS 60000

struct question {
    const struct vcs *vcs;
    const struct vcs_api *api;
    char *url;  /* owned */
    char *host; /* for messages; owned */
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    char failure[CURL_ERROR_SIZE];
    /* Of the last answer. */
    struct buf body;
    long status; /* 0: none */
    struct vcs_headers said;
};

/* ---- what the answer says ---- */

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct question *q = arg;

    buf_append(&q->body, bytes, size * count);
    return q->body.over ? 0 : size * count;
}

static size_t take_line(char *bytes, size_t size, size_t count, void *arg)
{
    struct question *q = arg;

    vcs_headers_take(&q->said, bytes, size * count);
    return size * count;
}

/* ---- the request ---- */

static void add_header(struct question *q, const char *header)
{
    q->headers = curl_slist_append(q->headers, header);
}

static void set_headers(struct question *q)
{
    const char *token = vcs_token(q->vcs->conf, q->vcs->type);

    for (const char *const *header = q->api->headers; *header; header++)
        add_header(q, *header);
    add_header(q, "Expect:");
    if (token) {
        AUTO(auto_free) char *line = mem_fmt("%s%s", q->api->token_header, token);

        add_header(q, line);
        explicit_bzero(line, strlen(line));
    }
}

static void set_options(struct question *q)
{
    const char *cert_file = own_variable("SSL_CERT_FILE");

    curl_easy_setopt(q->easy, CURLOPT_URL, q->url);
    curl_easy_setopt(q->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(q->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(q->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(q->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(q->easy, CURLOPT_TIMEOUT_MS, (long)ANSWER_TIMEOUT_MS);
    curl_easy_setopt(q->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)ANSWER_BYTES);
    curl_easy_setopt(q->easy, CURLOPT_ACCEPT_ENCODING, NULL);
    curl_easy_setopt(q->easy, CURLOPT_USERAGENT, "kedge"); /* GitHub wants one */
    curl_easy_setopt(q->easy, CURLOPT_HTTPHEADER, q->headers);
    /* The token is for the API and not for a proxy on the way to it. */
    curl_easy_setopt(q->easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    curl_easy_setopt(q->easy, CURLOPT_ERRORBUFFER, q->failure);
    curl_easy_setopt(q->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(q->easy, CURLOPT_WRITEDATA, q);
    curl_easy_setopt(q->easy, CURLOPT_HEADERFUNCTION, take_line);
    curl_easy_setopt(q->easy, CURLOPT_HEADERDATA, q);
    curl_easy_setopt(q->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (cert_file)
        curl_easy_setopt(q->easy, CURLOPT_CAINFO, cert_file);
}

static void question_done(struct question *q)
{
    curl_easy_cleanup(q->easy);
    curl_multi_cleanup(q->multi);
    curl_slist_free_all(q->headers);
    buf_done(&q->body);
    auto_free(&q->url);
    auto_free(&q->host);
}

/* ---- one exchange ---- */

static int check_wishes(const struct vcs *vcs, struct err *err)
{
    if (vcs->stop_wanted && vcs->stop_wanted(vcs->arg) > 0)
        return err_set(err, ERR_TEMP, "asking about pull request %lld was stopped",
                       (long long)vcs->pull_request);
    if (vcs->deadline_mono_ms > 0 && clock_mono_ms() >= vcs->deadline_mono_ms)
        return err_set(err, ERR_TEMP, "asking about pull request %lld took too long",
                       (long long)vcs->pull_request);
    return 0;
}

/* libcurl's result, or -1 when it was stopped. */
static int pump(struct question *q, CURLcode *code, struct err *err)
{
    int running = 1, left;
    const CURLMsg *message;

    while (running > 0) {
        if (check_wishes(q->vcs, err) < 0)
            return -1;
        curl_multi_perform(q->multi, &running);
        if (running > 0)
            curl_multi_poll(q->multi, NULL, 0, LOOK_EVERY_MS, NULL);
    }
    message = curl_multi_info_read(q->multi, &left);
    *code = message ? message->data.result : CURLE_FAILED_INIT;
    return 0;
}

static int exchange(struct question *q, CURLcode *code, struct err *err)
{
    int rc;

    buf_reset(&q->body);
    q->body.over = false;
    q->status = 0;
    q->said = (struct vcs_headers){.retry_ms = VCS_UNSAID, .reset_ms = VCS_UNSAID};
    q->failure[0] = '\0';
    curl_multi_add_handle(q->multi, q->easy);
    rc = pump(q, code, err);
    if (rc == 0)
        curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &q->status);
    curl_multi_remove_handle(q->multi, q->easy);
    return rc;
}

/* ---- what it means ---- */

static int fail(const struct question *q, enum err_kind kind, const char *why,
                struct err *err)
{
    return err_set(err, kind, "%s (%s), asked about pull request %lld of %s: %s",
                   q->api->name, q->host, (long long)q->vcs->pull_request,
                   q->vcs->repository, why);
}

/* The server may be down, or the way to it; a certificate does not get better. */
static enum err_kind transport_kind(const struct question *q, CURLcode code)
{
    switch ((int)code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_FILESIZE_EXCEEDED:
        return ERR_PERM;
    default:
        return q->body.over ? ERR_PERM : ERR_TEMP;
    }
}

static int judge_transport(const struct question *q, CURLcode code, struct err *err)
{
    const char *text = q->failure[0] ? q->failure : curl_easy_strerror(code);
    const char *token = vcs_token(q->vcs->conf, q->vcs->type);
    AUTO(buf_done) struct buf words = BUF_INIT(ERR_MESSAGE_BYTES);
    struct mask *mask;

    if (q->body.over || code == CURLE_FILESIZE_EXCEEDED)
        return fail(q, ERR_PERM, "its answer is too large", err);
    mask = mask_new();
    if (token)
        mask_add(mask, token);
    mask_text(mask, text, strlen(text), &words);
    mask_free(mask);
    return fail(q, transport_kind(q, code), buf_text(&words), err);
}

static bool is_limited(const struct question *q)
{
    if (q->status == 429)
        return true;
    /* GitHub's two limits; the second one may come without a header. */
    return q->status == 403 && (q->said.exhausted || q->said.retry_ms != VCS_UNSAID ||
                                strcasestr(buf_text(&q->body), "rate limit") != NULL);
}

static int judge_status(const struct question *q, struct err *err)
{
    bool away = q->status >= 500 || q->status == 408;
    AUTO(auto_free) char *why = NULL;

    if (q->status == 200)
        return 0;
    if (is_limited(q))
        return fail(q, ERR_TEMP, "it limits how often it is asked", err);
    if (q->status >= 300 && q->status < 400)
        return fail(q, ERR_PERM, "it has moved (redirects are not followed)", err);
    if (q->status == 401 || q->status == 403)
        why = mem_fmt("no access (status %ld): look at %s", q->status,
                      q->api->token_setting);
    else if (q->status == 404)
        why = mem_fmt("not found, or no access to it: look at %s", q->api->token_setting);
    else
        why = mem_fmt("it answered with status %ld", q->status);
    return fail(q, away ? ERR_TEMP : ERR_PERM, why, err);
}

/* ---- tries ---- */

int vcs_pause(const struct vcs *vcs, int64_t ms, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + ms, left_ms = ms;

    while (left_ms > 0) {
        const struct timespec step = {
            .tv_nsec = (left_ms < LOOK_EVERY_MS ? left_ms : LOOK_EVERY_MS) * 1000000};

        if (check_wishes(vcs, err) < 0)
            return -1;
        nanosleep(&step, NULL);
        left_ms = until_ms - clock_mono_ms();
    }
    return check_wishes(vcs, err);
}

/* What the server wants; VCS_UNSAID: nothing. */
static int64_t wanted_wait_ms(const struct question *q)
{
    if (q->said.retry_ms != VCS_UNSAID)
        return q->said.retry_ms;
    if (!is_limited(q))
        return VCS_UNSAID;
    return q->said.exhausted && q->said.reset_ms != VCS_UNSAID ? q->said.reset_ms
                                                               : LIMIT_UNSAID_MS;
}

/* Waits before another try, where one is worth while. False leaves *err as it is, unless
 * somebody put an end to the waiting. */
static bool wait_for_next(const struct question *q, int tries, int64_t *backoff_ms,
                          struct err *err)
{
    int64_t wanted_ms = wanted_wait_ms(q);
    int64_t ms = wanted_ms > *backoff_ms ? wanted_ms : *backoff_ms;
    int64_t deadline_ms = q->vcs->deadline_mono_ms;

    if (err->kind != ERR_TEMP || tries == TRIES || ms > PATIENCE_MS ||
        (deadline_ms > 0 && clock_mono_ms() + ms >= deadline_ms))
        return false;
    *backoff_ms *= 3;
    return vcs_pause(q->vcs, ms, err) == 0;
}

static int ask(struct question *q, struct err *err)
{
    int64_t backoff_ms = BACKOFF_MS;
    CURLcode code;

    for (int tries = 1;; tries++) {
        int rc = exchange(q, &code, err);

        if (rc < 0)
            return -1;
        rc = code != CURLE_OK ? judge_transport(q, code, err) : judge_status(q, err);
        if (rc == 0)
            return 0;
        if (!wait_for_next(q, tries, &backoff_ms, err))
            return -1;
    }
}

/* ---- the whole ---- */

static char *host_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *at;

    host = host ? host + 3 : url;
    at = memchr(host, '@', strcspn(host, "/?#"));
    if (at)
        host = at + 1;
    return mem_dup_n(host, strcspn(host, "/?#"));
}

cJSON *vcs_get(const struct vcs *vcs, const char *path, bool *more, struct err *err)
{
    const struct vcs_api *api = vcs_api_of(vcs->type);
    AUTO(auto_free) char *base_url = api->base_url(vcs->conf);
    AUTO(question_done)
    struct question q = {
        .vcs = vcs,
        .api = api,
        .url = mem_fmt("%s%s", base_url, path),
        .host = host_of(base_url),
        .multi = curl_multi_init(),
        .easy = curl_easy_init(),
        .body = BUF_INIT(ANSWER_BYTES),
    };
    struct err ignored;
    cJSON *answer;

    set_headers(&q);
    set_options(&q);
    if (ask(&q, err) < 0)
        return NULL;
    answer = json_parse(buf_text(&q.body), q.body.len, JSON_DEPTH_MAX, false, &ignored);
    if (!answer)
        fail(&q, ERR_PERM, "its answer is not JSON", err);
    if (more)
        *more = q.said.more;
    return answer;
}
