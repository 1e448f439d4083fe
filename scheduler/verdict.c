/* The verdict on one attempt to deliver. */
#include "scheduler/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

#define PAUSE_MAX_MS (INT64_C(24) * 60 * 60 * 1000)
/* So often a Retry-After is taken at its word; then pauses grow nevertheless: who always
 * says "one second" would use up all attempts in eight. */
#define TRUSTED_RETRIES 3
/* Shorter parts of a URL are words, not secrets. */
#define SECRET_BYTES_MIN 6

/* Pauses after the first attempt, the second …, in units of KEDGE_HOOK_RETRY. */
static const int64_t pauses[VERDICT_ATTEMPTS_MAX - 1] = {1, 6, 24, 120, 720, 4320, 17280};

static int64_t at_most(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

static int64_t pause_ms(const struct attempt *attempt)
{
    int64_t turn = at_most(attempt->attempts, (int64_t)ARRAY_LEN(pauses) - 1);
    int64_t ms = at_most(attempt->retry_ms * pauses[turn], PAUSE_MAX_MS);

    ms += ms * ((int64_t)attempt->luck - 500) / 5000;
    return at_most(ms > 0 ? ms : 1, PAUSE_MAX_MS);
}

/* ---- the note ---- */

/* What a receiver says may repeat its own secret URL. */
static void hide(char *text, const char *part, size_t len)
{
    char *at;

    while (len >= SECRET_BYTES_MIN &&
           (at = memmem(text, strlen(text), part, len)) != NULL)
        memset(at, '*', len);
}

static void hide_url(char *text, const char *url)
{
    const char *at = strstr(url, "://");

    at = at ? at + 3 : url;
    at += strcspn(at, "/?");
    while (*at) {
        size_t len = strcspn(at, "/?&=");

        hide(text, at, len);
        at += len + (at[len] != '\0');
    }
}

/* The first line of the answer's body, of printable ASCII; the caller frees. */
static char *first_line(const struct attempt *attempt)
{
    const char *body = attempt->answer->body;
    char *line = mem_dup_n(body, strcspn(body, "\r\n"));

    for (char *at = line; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = ' ';
    hide_url(line, attempt->url);
    return line;
}

static void note(struct verdict *out, char *text)
{
    AUTO(auto_free) char *owned = text;

    memcpy(out->note, owned, (size_t)at_most((int64_t)strlen(owned), VERDICT_NOTE_BYTES));
}

static void note_status(const struct attempt *attempt, struct verdict *out)
{
    AUTO(auto_free) char *line = first_line(attempt);

    note(out,
         mem_fmt("status %ld%s%s", attempt->answer->status, line[0] ? ": " : "", line));
}

/* ---- the verdict ---- */

static void try_again(const struct attempt *attempt, struct verdict *out)
{
    out->end =
        attempt->attempts + 1 < VERDICT_ATTEMPTS_MAX ? DELIVERY_RETRY : DELIVERY_DEAD;
    out->retry_in_ms = pause_ms(attempt);
}

static void obey(const struct attempt *attempt, struct verdict *out)
{
    int64_t wanted_ms = at_most(attempt->answer->retry_after_ms, PAUSE_MAX_MS);

    if (wanted_ms < 0)
        return;
    out->hold_ms = wanted_ms;
    if (attempt->attempts < TRUSTED_RETRIES || wanted_ms > out->retry_in_ms)
        out->retry_in_ms = wanted_ms;
}

static void judge_error(const struct attempt *attempt, struct verdict *out)
{
    note(out, mem_dup(attempt->err->message));
    if (attempt->err->kind == ERR_INPUT) {
        out->end = DELIVERY_DEAD;
        return;
    }
    try_again(attempt, out);
    out->hold_ms = attempt->retry_ms;
}

static void judge_redirect(const struct attempt *attempt, struct verdict *out)
{
    const char *host = attempt->answer->redirect_host;

    out->end = DELIVERY_DEAD;
    note(out, mem_fmt("redirects are not followed%s%s%s", host[0] ? " (to " : "", host,
                      host[0] ? ")" : ""));
}

static void judge_status(const struct attempt *attempt, struct verdict *out)
{
    long status = attempt->answer->status;

    if (status >= 200 && status < 300) {
        out->end = DELIVERY_SENT;
        return;
    }
    if (status >= 300 && status < 400) {
        judge_redirect(attempt, out);
        return;
    }
    note_status(attempt, out);
    if (status == 410) {
        out->end = DELIVERY_GONE;
        return;
    }
    try_again(attempt, out);
    if (status == 429 || status == 503)
        obey(attempt, out);
}

void verdict_give(const struct attempt *attempt, struct verdict *out)
{
    *out = (struct verdict){0};
    if (attempt->err)
        judge_error(attempt, out);
    else
        judge_status(attempt, out);
}
