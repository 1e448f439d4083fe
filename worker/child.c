/* Running a program: its output, its deadline and the ladder, until it has ended. */
#include "worker/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/child_parts.h"

#define ASK_EVERY_MS 100
#define PIECE_BYTES  (64 * 1024)

/* How far up the ladder a child has been sent. */
enum rung { RUNG_NONE, RUNG_ASKED, RUNG_ASKED_AGAIN, RUNG_KILLED };

struct ladder {
    enum rung rung;
    int64_t next_mono_ms; /* when the next rung is due */
};

typedef void output_fn(void *arg, const char *bytes, size_t len);

/* Reads what is there, at most a piece; closes *fd at the end of file. False: nothing
 * more to read now. */
static bool pump(int *fd, output_fn *output, void *arg)
{
    static char piece[PIECE_BYTES];
    ssize_t got;

    if (*fd < 0)
        return false;
    got = read(*fd, piece, sizeof piece);
    if (got > 0) {
        output(arg, piece, (size_t)got);
        return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(*fd);
        *fd = -1;
    }
    return false;
}

static void climb_to(const struct child *child, struct ladder *ladder, enum rung rung,
                     int64_t next_mono_ms)
{
    ladder->rung = rung;
    ladder->next_mono_ms = next_mono_ms;
    if (rung < RUNG_KILLED) {
        kill(child->pid, SIGINT);
        return;
    }
    kill(-child->pid, SIGKILL);
    kill(child->pid, SIGKILL);
}

static int stop_level(const struct child_spec *spec)
{
    return spec->stop_wanted == NULL ? 0 : spec->stop_wanted(spec->arg);
}

/* Takes the step of the ladder that is due, if one is. */
static void climb(const struct child_spec *spec, const struct child *child,
                  struct ladder *ladder, struct child_result *out)
{
    int64_t now = clock_mono_ms();
    int level = stop_level(spec);

    if (ladder->rung == RUNG_KILLED)
        return;
    if (ladder->rung == RUNG_NONE) {
        out->stopped = level > 0;
        out->timed_out =
            !out->stopped && spec->deadline_mono_ms > 0 && now >= spec->deadline_mono_ms;
        if (!out->stopped && !out->timed_out)
            return;
        ladder->next_mono_ms = now;
    }
    if (level > 1)
        climb_to(child, ladder, RUNG_KILLED, 0);
    else if (now >= ladder->next_mono_ms)
        climb_to(child, ladder, ladder->rung + 1, now + spec->grace_ms);
}

static int wait_ms(const struct child_spec *spec, const struct ladder *ladder)
{
    int64_t due =
        ladder->rung == RUNG_NONE ? spec->deadline_mono_ms : ladder->next_mono_ms;
    int64_t left = due - clock_mono_ms();

    if (due <= 0 || left > ASK_EVERY_MS)
        return ASK_EVERY_MS;
    return left > 0 ? (int)left : 0;
}

/* Waits for something to do and pumps the pipes. True: the program has ended. */
static bool turn(const struct child_spec *spec, struct child *child, int timeout_ms)
{
    struct pollfd fds[] = {
        {.fd = child->pid_fd, .events = POLLIN},
        {.fd = child->out_fd, .events = POLLIN},
        {.fd = child->err_fd, .events = POLLIN},
        {.fd = spec->poll_fd, .events = POLLIN},
    };

    if (poll(fds, ARRAY_LEN(fds), timeout_ms) <= 0)
        return false;
    if (fds[1].revents != 0)
        pump(&child->out_fd, spec->output, spec->arg);
    if (fds[2].revents != 0)
        pump(&child->err_fd, spec->errors, spec->arg);
    return fds[0].revents != 0;
}

/* What the pipes still hold. Nobody writes any more, unless a process could not be killed
 * or got the descriptor from the tree by a socket: never wait for an end of file. */
static void drain(const struct child_spec *spec, struct child *child)
{
    while (pump(&child->out_fd, spec->output, spec->arg))
        ;
    while (pump(&child->err_fd, spec->errors, spec->arg))
        ;
}

int child_run(const struct child_spec *spec, struct child_result *out, struct err *err)
{
    int64_t started_ms = clock_mono_ms();
    struct ladder ladder = {.rung = RUNG_NONE};
    struct child child;

    if (child_start(spec, &child, err) < 0)
        return -1;
    memset(out, 0, sizeof *out);
    while (!turn(spec, &child, wait_ms(spec, &ladder)))
        climb(spec, &child, &ladder, out);
    child_tree_end(child.pid, out);
    drain(spec, &child);
    auto_close(&child.out_fd);
    auto_close(&child.err_fd);
    auto_close(&child.pid_fd);
    out->elapsed_ms = clock_mono_ms() - started_ms;
    return 0;
}
