/* Running a program: its output, its deadline and the ladder, until it has ended. */
#include "worker/process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "worker/process/child_parts.h"

#define ASK_EVERY_MS  100
#define TAIL_EVERY_MS 25 /* a file tells nobody that it has grown */
#define TAIL_PIECES   16 /* at a time, so that a flood does not put off the ladder */
#define PIECE_BYTES   (64 * 1024)
#define FORGET_BYTES  (1024 * 1024)
/* Two of the same signal too close together are one. */
#define AGAIN_AFTER_MS 50

/* How far up the ladder a child has been sent. */
enum rung { RUNG_NONE, RUNG_ASKED, RUNG_ASKED_AGAIN, RUNG_KILLED };

struct ladder {
    enum rung rung;
    int64_t next_mono_ms;  /* when the next rung is due */
    int64_t asked_mono_ms; /* when the first one was taken */
};

typedef void output_fn(void *arg, const char *bytes, size_t len);

/* Reads what is there, at most a piece; as read(2). */
static ssize_t take(int fd, output_fn *output, void *arg)
{
    static char piece[PIECE_BYTES];
    ssize_t got = fd < 0 ? 0 : read(fd, piece, sizeof piece);

    if (got > 0)
        output(arg, piece, (size_t)got);
    return got;
}

/* Closes *fd at the end of file. False: nothing more to read now. */
static bool pump(int *fd, output_fn *output, void *arg)
{
    ssize_t got = take(*fd, output, arg);

    if (got > 0)
        return true;
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        auto_close(fd);
        *fd = -1;
    }
    return false;
}

static void climb_to(const struct child *child, struct ladder *ladder, enum rung rung,
                     int64_t next_mono_ms)
{
    if (rung == RUNG_ASKED)
        ladder->asked_mono_ms = clock_mono_ms();
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

/* One that begins: from then on it goes up by time, or by force. */
static bool begin(const struct child_spec *spec, struct ladder *ladder, int level,
                  int64_t now, struct child_result *out)
{
    out->stopped = level > 0;
    out->timed_out =
        !out->stopped && spec->deadline_mono_ms > 0 && now >= spec->deadline_mono_ms;
    ladder->next_mono_ms = now;
    return out->stopped || out->timed_out;
}

/* A gentle one stays on its first step until it is forced. */
static void climb_gently(const struct child_spec *spec, const struct child *child,
                         struct ladder *ladder, bool forced, int64_t now)
{
    if (ladder->rung == RUNG_NONE)
        climb_to(child, ladder, RUNG_ASKED, now + AGAIN_AFTER_MS);
    else if (forced && now >= ladder->next_mono_ms)
        climb_to(child, ladder, ladder->rung + 1, now + spec->grace_ms);
}

/* Straight to the last step, unless it holds what it must be asked to give back. */
static void climb_forced(const struct child_spec *spec, const struct child *child,
                         struct ladder *ladder, int64_t now)
{
    if (ladder->rung == RUNG_NONE && spec->forced_grace_ms > 0)
        climb_to(child, ladder, RUNG_ASKED, now);
    ladder->next_mono_ms = ladder->asked_mono_ms + spec->forced_grace_ms;
    if (now >= ladder->next_mono_ms)
        climb_to(child, ladder, RUNG_KILLED, 0);
}

/* Takes the step of the ladder that is due, if one is. */
static void climb(const struct child_spec *spec, const struct child *child,
                  struct ladder *ladder, struct child_result *out)
{
    int64_t now = clock_mono_ms();
    int level = stop_level(spec);

    if (ladder->rung == RUNG_KILLED)
        return;
    if (ladder->rung == RUNG_NONE && !begin(spec, ladder, level, now, out))
        return;
    if (spec->gentle)
        climb_gently(spec, child, ladder, level > 1, now);
    else if (level > 1)
        climb_forced(spec, child, ladder, now);
    else if (now >= ladder->next_mono_ms)
        climb_to(child, ladder, ladder->rung + 1, now + spec->grace_ms);
}

static int wait_ms(const struct child_spec *spec, const struct ladder *ladder)
{
    int64_t due =
        ladder->rung == RUNG_NONE ? spec->deadline_mono_ms : ladder->next_mono_ms;
    int64_t left = due - clock_mono_ms();
    int most = spec->output_file != NULL ? TAIL_EVERY_MS : ASK_EVERY_MS;
    /* The next step is not a matter of time, or there is none. */
    bool stays = spec->gentle && ladder->rung == RUNG_ASKED;

    if (due <= 0 || stays || left > most)
        return most;
    return left > 0 ? (int)left : 0;
}

/* What has been read of a file takes no room: a program that never stops printing must
 * not fill the disk. Where the file system cannot do that, it stays. */
static void forget_read(struct child *child)
{
    off_t read_to = lseek(child->out_fd, 0, SEEK_CUR);

    if (read_to - child->forgotten < FORGET_BYTES)
        return;
    (void)fallocate(child->out_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    child->forgotten, read_to - child->forgotten);
    child->forgotten = read_to;
}

/* The end of a file that grows is not its end. */
static void tail(const struct child_spec *spec, struct child *child)
{
    child->behind = true;
    for (int i = 0; i < TAIL_PIECES && child->behind; i++)
        child->behind = take(child->out_fd, spec->output, spec->arg) > 0;
    forget_read(child);
}

/* Waits for something to do and pumps the output. True: the program has ended. */
static bool turn(const struct child_spec *spec, struct child *child, int timeout_ms)
{
    struct pollfd fds[] = {
        {.fd = child->pid_fd, .events = POLLIN},
        /* A file is always ready. */
        {.fd = spec->output_file == NULL ? child->out_fd : -1, .events = POLLIN},
        {.fd = child->err_fd, .events = POLLIN},
        {.fd = spec->poll_fd, .events = POLLIN},
    };

    int ready = poll(fds, ARRAY_LEN(fds), timeout_ms);

    if (spec->output_file != NULL)
        tail(spec, child);
    if (ready <= 0)
        return false;
    if (fds[1].revents != 0)
        pump(&child->out_fd, spec->output, spec->arg);
    if (fds[2].revents != 0)
        pump(&child->err_fd, spec->errors, spec->arg);
    return fds[0].revents != 0;
}

/* What is still there to be read. Nobody writes any more, unless a process could not be
 * killed or got the descriptor from the tree by a socket: never wait for an end of file.
 */
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
    while (!turn(spec, &child, child.behind ? 0 : wait_ms(spec, &ladder)))
        climb(spec, &child, &ladder, out);
    child_tree_end(child.pid, out);
    drain(spec, &child);
    auto_close(&child.out_fd);
    auto_close(&child.err_fd);
    auto_close(&child.pid_fd);
    out->elapsed_ms = clock_mono_ms() - started_ms;
    return 0;
}
