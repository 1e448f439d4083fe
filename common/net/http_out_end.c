/* Requests that we make: how one ended. */
#include "common/net/http_out_internal.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

/* Longer than anybody waits. */
#define RETRY_AFTER_MAX_S (INT64_C(30) * 24 * 60 * 60)

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
    if (exchange->head_bytes > HTTP_HEAD_BYTES_MAX)
        return err_set(err, ERR_TEMP, "%s: the head of its answer is too long",
                       exchange->host);
    if (code == CURLE_UNSUPPORTED_PROTOCOL && was_sent(exchange))
        return err_set(err, ERR_TEMP, "%s: its answer is not HTTP", exchange->host);
    return fail_at(exchange, code, err);
}

static const char *header_of(CURL *easy, const char *name)
{
    struct curl_header *header;

    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}

/* RFC 9110, section 10.2.3: seconds or a date. Azure tells milliseconds besides. */
static int64_t retry_after_ms(CURL *easy)
{
    const char *exact = header_of(easy, "retry-after-ms");
    const char *usual = header_of(easy, "Retry-After");
    int64_t ms, seconds;
    time_t date;

    if (exact && parse_int64(exact, 0, RETRY_AFTER_MAX_S * 1000, &ms) == 0)
        return ms;
    if (!usual)
        return -1;
    if (parse_int64(usual, 0, INT64_MAX, &seconds) < 0) {
        date = curl_getdate(usual, NULL);
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
    return url ? http_host_of(url) : mem_dup("");
}

void http_exchange_tell(struct http_exchange *exchange, CURLcode code,
                        const struct err *err)
{
    AUTO(auto_free) char *elsewhere = redirect_host(exchange->easy);
    struct http_answer answer = {
        .sent = was_sent(exchange),
        .timed_out = code == CURLE_OPERATION_TIMEDOUT,
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

void http_exchange_end(struct http_exchange *exchange, CURLcode code)
{
    struct err err;
    int failed = judge(exchange, code, &err);

    http_exchange_tell(exchange, code, failed ? &err : NULL);
    http_exchange_free(exchange);
}
