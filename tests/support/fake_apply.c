/* A stand-in for the runner: the parts of applies and of a batch's resolve run. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "tests/support/fake_runner.h"
#include "worker/rundir/rundir.h"

#define ASK_MS     300
#define LOOK_MS    10
#define LINE_BYTES 256

static bool has(const char *dir, const char *name)
{
    AUTO(auto_free) char *path = path_join(dir, name);

    return path_exists(path);
}

/* What arrived on ctl, line by line, within LOOK_MS; "" for nothing. */
static void hear(int ctl_fd, char text[LINE_BYTES])
{
    struct pollfd heard = {.fd = ctl_fd, .events = POLLIN};

    memset(text, 0, LINE_BYTES);
    if (poll(&heard, 1, LOOK_MS) > 0 && read(ctl_fd, text, LINE_BYTES - 1) < 0)
        exit(1);
}

static void poke(const char *dir)
{
    AUTO(auto_free) char *path = path_join(dir, "../../poke");
    FILE *fifo = fopen(path, "we");

    if (!fifo)
        exit(1);
    fprintf(fifo, "%s\n", strrchr(dir, '/') + 1);
    fclose(fifo);
}

/* The answer to `serial` among the lines: "go", or why not; NULL: none. */
static const char *answer_in(const char *text, int64_t serial)
{
    static const char *const whys[] = {"gone", "cancelled", "frozen"};
    AUTO(auto_free) char *go = mem_fmt("go %" PRId64 "\n", serial);

    if (strstr(text, go))
        return "go";
    for (size_t i = 0; i < ARRAY_LEN(whys); i++) {
        AUTO(auto_free) char *no = mem_fmt("no %" PRId64 " %s\n", serial, whys[i]);

        if (strstr(text, no))
            return whys[i];
    }
    return NULL;
}

static const char *ask(const char *dir, int ctl_fd)
{
    struct rundir_ask question = {0};
    const char *answer = NULL;
    char text[LINE_BYTES];
    struct err err;

    for (;;) {
        int64_t until_ms = clock_mono_ms() + ASK_MS;

        question.serial++;
        question.boot_ms = clock_boot_ms();
        if (rundir_ask(dir, &question, &err) < 0)
            exit(1);
        poke(dir);
        while (clock_mono_ms() < until_ms) {
            hear(ctl_fd, text);
            answer = answer_in(text, question.serial);
            if (answer)
                return answer;
        }
    }
}

static int refused(const char *dir, const char *why)
{
    AUTO(auto_free) char *said = mem_fmt("said-%s", why);

    fake_runner_put(dir, said, "");
    if (strcmp(why, "frozen") == 0)
        return fake_runner_end(dir, RUN_ERROR, RUN_ERR_FROZEN);
    if (strcmp(why, "cancelled") == 0)
        return fake_runner_end(dir, RUN_CANCELLED, RUN_ERR_NONE);
    return 0;
}

static int apply(const char *dir, int ctl_fd)
{
    char text[LINE_BYTES];

    fake_runner_put(dir, "applying", "");
    while (!has(dir, "go")) {
        hear(ctl_fd, text);
        if (!strstr(text, "interrupt"))
            continue;
        fake_runner_put(dir, "interrupted", "");
        break;
    }
    return fake_runner_end(dir, RUN_APPLIED, RUN_ERR_NONE);
}

/* It leads its group; what it leaves in it would not end by itself. */
static _Noreturn void be_terraform(const char *dir)
{
    alarm(FAKE_LIFE_S);
    setpgid(0, 0);
    if (fork() == 0) {
        alarm(FAKE_LIFE_S);
        for (;;)
            pause();
    }
    fake_runner_put(dir, "applying", "");
    while (!has(dir, "go"))
        poll(NULL, 0, LOOK_MS);
    fake_runner_put(dir, "applied", "");
    _exit(0);
}

static int leave_terraform(const char *dir)
{
    if (fork() == 0)
        be_terraform(dir);
    while (!has(dir, "applying"))
        poll(NULL, 0, LOOK_MS);
    return raise(SIGKILL);
}

static int expand(const char *dir)
{
    static const char runs[] =
        "{\"commit\":\"0123\",\"abort\":true,\"runs\":[{\"id\":\"" FAKE_EXPAND_RUN
        "\",\"kind\":\"drift_check\",\"target\":\"t9\",\"scope\":\"t9\",\"ref\":"
        "\"clean\","
        "\"stage\":0,\"deps\":\"\",\"spec\":{\"kind\":\"drift_check\",\"type\":\"Git\","
        "\"repository\":\"a/b\",\"ref\":\"clean\",\"directory\":\".\","
        "\"workspace\":\"default\"}}]}";
    struct run_outcome outcome = {.status = RUN_CLEAN, .expand = true};
    struct err err;

    while (!has(dir, "go"))
        poll(NULL, 0, LOOK_MS);
    fake_runner_put(dir, "expand.json", runs);
    return rundir_write_outcome(dir, &outcome, &err) < 0;
}

int fake_apply_play(const char *dir, const char *part, int ctl_fd)
{
    bool orphan = strcmp(part, "orphan") == 0, gated = strcmp(part, "gated") == 0;
    char text[LINE_BYTES];
    const char *answer;

    if (strcmp(part, "expand") == 0)
        return expand(dir);
    if (!orphan && !gated && strcmp(part, "apply") != 0)
        return -1;
    while (gated && !has(dir, "may-ask")) {
        hear(ctl_fd, text);
        if (strstr(text, "interrupt"))
            return 0;
    }
    answer = ask(dir, ctl_fd);
    if (strcmp(answer, "go") != 0)
        return refused(dir, answer);
    return orphan ? leave_terraform(dir) : apply(dir, ctl_fd);
}
