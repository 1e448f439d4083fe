/* /debug/pprof/: profiles of the running program. */
#include "api/ops/pprof.h"

#include <dlfcn.h>
#include <gperftools/profiler.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "api/server/auth.h"
#include "api/server/body.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"

#define SECONDS_DEFAULT 30
#define SECONDS_MAX     60
#define TYPE_TEXT       "text/plain; charset=utf-8"
#define WAITS_FOR       "pprof" /* no run has that id: only time wakes the request */

/* ---- who may ---- */
/* Where profiling is off there is nothing, whoever asks. What runs here is of all
 * projects. */
static bool is_open(struct request *req)
{
    struct auth_given given = {.atlantis_token = request_header(req, "X-Atlantis-Token"),
                               .authorization = request_header(req, "Authorization")};
    const struct token *token;

    if (!req->api->conf->profiling) {
        reply_error(req, REPLY_NOT_FOUND, "there is nothing at this path");
        return false;
    }
    switch (auth_check(req->api->tokens, req->api->conf->auth_reads, ACCESS_ADMIN, &given,
                       &token)) {
    case AUTH_OK:
        if (auth_check_project(token, PROJECT_NONE, NULL) == NULL)
            return true;
        reply_error(req, REPLY_FORBIDDEN, "%s",
                    auth_check_project(token, PROJECT_NONE, NULL));
        break;
    case AUTH_DISABLED:
        reply_error(req, REPLY_DISABLED, "API is disabled: KEDGE_API_SECRET is not set");
        break;
    case AUTH_MISSING:
    case AUTH_WRONG:
        reply_error(req, REPLY_UNAUTHORIZED,
                    "a token is required: Authorization: Bearer <token>");
        break;
    case AUTH_SCOPE:
        reply_error(req, REPLY_FORBIDDEN, "%s", auth_scope_message(ACCESS_ADMIN));
        break;
    }
    return false;
}

/* ---- the index ---- */
void handle_pprof_index(struct request *req)
{
    struct buf body = REPLY_BODY_INIT;

    if (!is_open(req))
        return;
    buf_str(&body,
            "<!doctype html><title>/debug/pprof/</title><ul>"
            "<li><a href=\"/debug/pprof/profile?seconds=30\">profile</a>: processor "
            "time, for pprof"
            "<li><a href=\"/debug/pprof/heap\">heap</a>: what the C library's "
            "allocator holds (malloc_info)"
            "<li><a href=\"/debug/pprof/cmdline\">cmdline</a>: how the program was "
            "called"
            "</ul>");
    reply_text(req, MHD_HTTP_OK, "text/html; charset=utf-8", &body);
}

/* ---- profile ---- */
/* Loaded when the first profile is asked for, and then for good: linked to the program,
 * the library and the C++ runtime behind it would be a fifth of an idle api's memory. */
#define LIBRARY "libprofiler.so.0"

struct profiler {
    __typeof__(&ProfilerStart) start;
    __typeof__(&ProfilerStop) stop;
    __typeof__(&ProfilingIsEnabledForAllThreads) is_taking;
};

static int load_profiler(struct profiler *out)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        return -1;
    *(void **)&out->start = dlsym(library, "ProfilerStart");
    *(void **)&out->stop = dlsym(library, "ProfilerStop");
    *(void **)&out->is_taking = dlsym(library, "ProfilingIsEnabledForAllThreads");
    return out->start != NULL && out->stop != NULL && out->is_taking != NULL ? 0 : -1;
}

/* A file in memory that the profiler can open by name. */
struct profile {
    struct profiler profiler;
    int fd;
    char path[32];
    bool taking;
};

/* The client may have left before the time was over. */
static void profile_done(void *state)
{
    struct profile *profile = state;

    if (profile->taking)
        profile->profiler.stop();
    auto_close(&profile->fd);
}

static void profile_turn(struct request *req)
{
    struct profile *profile = req->state;
    struct buf body = REPLY_BODY_INIT;
    struct err err;

    if (wait_is_open(req)) {
        wait_park(req);
        return;
    }
    profile->profiler.stop();
    profile->taking = false;
    if (path_read(profile->path, &body, &err) == 0) {
        reply_text(req, MHD_HTTP_OK, "application/octet-stream", &body);
        return;
    }
    buf_done(&body);
    reply_failure(req, &err);
}

static void begin_profile(struct request *req, const struct profiler *profiler,
                          int64_t seconds)
{
    struct profile *profile = request_state(req, sizeof *profile, profile_done);

    profile->profiler = *profiler;
    profile->fd = memfd_create("profile", MFD_CLOEXEC);
    snprintf(profile->path, sizeof profile->path, "/proc/self/fd/%d", profile->fd);
    profile->taking = profile->fd >= 0 && profiler->start(profile->path) != 0;
    if (!profile->taking) {
        struct err err;

        err_set(&err, ERR_PERM, "the profiler did not start");
        reply_failure(req, &err);
        return;
    }
    wait_begin(req, WAITS_FOR, clock_mono_ms() + seconds * 1000, profile_turn);
    wait_park(req);
}

/* 0, or -1 when the answer is given. */
static int read_seconds(struct request *req, int64_t *seconds)
{
    AUTO(problems_done) struct problems problems = {0};
    const char *text = request_query(req, "seconds");

    *seconds = SECONDS_DEFAULT;
    if (text == NULL || parse_int64(text, 1, SECONDS_MAX, seconds) == 0)
        return 0;
    problems_add(&problems, "seconds", "seconds must be a whole number from 1 to %d",
                 SECONDS_MAX);
    reply_problems(req, &problems);
    return -1;
}

void handle_pprof_profile(struct request *req)
{
    struct profiler profiler;
    int64_t seconds;

    if (!is_open(req) || read_seconds(req, &seconds) < 0)
        return;
    if (load_profiler(&profiler) < 0)
        reply_error(req, REPLY_DISABLED,
                    "the profiler is not installed: " LIBRARY " of gperftools");
    else if (profiler.is_taking())
        reply_error(req, REPLY_CONFLICT, "another profile is being taken");
    else
        begin_profile(req, &profiler, seconds);
}

/* ---- heap ---- */
void handle_pprof_heap(struct request *req)
{
    struct buf body = REPLY_BODY_INIT;
    AUTO(auto_free) char *text = NULL;
    size_t len = 0;
    FILE *out;

    if (!is_open(req))
        return;
    out = open_memstream(&text, &len);
    if (out != NULL) {
        malloc_info(0, out);
        fclose(out);
    }
    buf_append(&body, text, len);
    reply_text(req, MHD_HTTP_OK, "application/xml", &body);
}

/* ---- cmdline ---- */
/* As the kernel has it: arguments with a NUL behind each, of which the last is left out.
 */
void handle_pprof_cmdline(struct request *req)
{
    struct buf body = REPLY_BODY_INIT;
    struct err err;

    if (!is_open(req))
        return;
    if (path_read("/proc/self/cmdline", &body, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (body.len > 0)
        body.len--;
    reply_text(req, MHD_HTTP_OK, TYPE_TEXT, &body);
}
