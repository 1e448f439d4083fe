/* May the apply begin? The runner asks, the worker marks the run in Redis and answers. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/runner/runner_parts.h"

#define NUMBER_BYTES 24

/* ---- the answer ---- */

/* "<serial>" and what follows it after a blank; false: not the newest serial. */
static bool is_newest(const struct runner *r, const char *text, const char **rest)
{
    size_t len = strcspn(text, " ");
    char number[NUMBER_BYTES];
    int64_t serial;

    if (len >= sizeof number)
        return false;
    memcpy(number, text, len);
    number[len] = '\0';
    *rest = text[len] == ' ' ? text + len + 1 : text + len;
    return parse_int64(number, 1, INT64_MAX, &serial) == 0 && serial == r->ask.serial;
}

static enum runner_answer refusal(const char *why)
{
    static const struct {
        const char *why;
        enum runner_answer answer;
    } refusals[] = {{"gone", ANSWER_GONE},
                    {"cancelled", ANSWER_CANCELLED},
                    {"frozen", ANSWER_FROZEN}};

    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        if (strcmp(why, refusals[i].why) == 0)
            return refusals[i].answer;
    return ANSWER_NONE;
}

void runner_ask_answered(struct runner *r, const char *line)
{
    const char *rest;

    if (strncmp(line, "go ", 3) == 0) {
        /* Late, it may be about a lease that is over. */
        if (is_newest(r, line + 3, &rest) && rest[0] == '\0' &&
            clock_boot_ms() - r->ask.boot_ms < RUNDIR_GO_MS)
            r->answer = ANSWER_GO;
    } else if (strncmp(line, "no ", 3) == 0) {
        if (is_newest(r, line + 3, &rest) && refusal(rest) != ANSWER_NONE)
            r->answer = refusal(rest);
    }
}

/* ---- asking ---- */

/* A hint; the worker looks by itself, too. w<n>/runs/<id> -> w<n>/poke */
static void poke(const struct runner *r)
{
    AUTO(auto_free) char *copy = mem_dup(r->dir);
    AUTO(auto_free) char *path = mem_fmt("%s/poke", dirname(dirname(copy)));
    AUTO(auto_free) char *line = mem_fmt("%s\n", r->order.hold.run_id);
    AUTO(auto_close) int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && write(fd, line, strlen(line)) < 0)
        return;
}

static int ask_anew(struct runner *r, struct err *err)
{
    r->ask.serial++;
    r->ask.boot_ms = clock_boot_ms();
    r->answer = ANSWER_NONE;
    if (rundir_ask(r->dir, &r->ask, err) < 0)
        return -1;
    poke(r);
    return 0;
}

/* Until there is an answer or a wish, or it is time to ask again. */
static void await_answer(struct runner *r)
{
    struct pollfd ctl = {.fd = r->ctl_fd, .events = POLLIN};

    while (runner_stop_wanted(r) == 0 && r->answer == ANSWER_NONE) {
        int64_t left_ms = r->ask.boot_ms + RUNDIR_ASK_MS - clock_boot_ms();

        if (left_ms <= 0 || clock_mono_ms() >= r->deadline_mono_ms)
            return;
        poll(&ctl, 1, (int)left_ms);
    }
}

static int cancelled(struct runner *r)
{
    r->outcome.status = RUN_CANCELLED;
    return -1;
}

static int judge_answer(struct runner *r)
{
    switch (r->answer) {
    case ANSWER_GO:
        return 0;
    case ANSWER_GONE: /* the run is somebody else's by now: leave no result */
        r->interrupted = true;
        return cancelled(r);
    case ANSWER_FROZEN:
        return runner_fail(r, RUN_ERR_FROZEN, "Applies are frozen: nothing was changed.");
    case ANSWER_CANCELLED:
    case ANSWER_NONE:
        break;
    }
    return cancelled(r);
}

int runner_ask(struct runner *r)
{
    struct err err;

    while (r->answer == ANSWER_NONE) {
        if (runner_stop_wanted(r) > 0)
            return cancelled(r);
        if (clock_mono_ms() >= r->deadline_mono_ms)
            return runner_fail(
                r, RUN_ERR_TIMEOUT,
                "The apply was not allowed to begin before the time of the "
                "run was over (KEDGE_RUN_TIMEOUT): nothing was changed.");
        if (ask_anew(r, &err) < 0)
            return runner_fail_err(r, RUN_ERR_TERRAFORM_FAILED, &err);
        await_answer(r);
    }
    /* A wish that came with the go comes first. */
    return runner_stop_wanted(r) > 0 ? cancelled(r) : judge_answer(r);
}
