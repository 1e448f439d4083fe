/* GETs of what changes: with an ETag, If-None-Match, and ?wait=SECONDS. */
#include "api/server/poll.h"

#include "api/server/body.h"
#include "api/server/header.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

int poll_begin(struct request *req, void (*again)(struct request *req))
{
    const char *wait = request_query(req, "wait");
    int64_t wait_s = 0;

    if (wait != NULL && parse_int64(wait, 0, WAIT_MAX_S, &wait_s) < 0) {
        AUTO(problems_done) struct problems problems = {0};

        problems_add(&problems, "wait", "wait must be a number of seconds from 0 to %d",
                     WAIT_MAX_S);
        reply_problems(req, &problems);
        return -1;
    }
    if (wait_s > 0)
        wait_begin(req, req->match.params[0], clock_mono_ms() + wait_s * 1000, again);
    return 0;
}

bool poll_is_news(const struct request *req, const char *etag, bool ended)
{
    const char *known = request_header(req, MHD_HTTP_HEADER_IF_NONE_MATCH);

    if (known == NULL)
        return ended || !wait_is_open(req);
    return !header_etag_matches(known, etag);
}

void poll_no_news(struct request *req, const char *etag)
{
    if (wait_is_open(req))
        wait_park(req);
    else
        reply_not_modified(req, etag);
}
