/* Signals as a readable descriptor: signalfd(2). */
#include "common/base/stop.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const struct sigaction ignore = {.sa_handler = SIG_IGN};

static sigset_t ours(void)
{
    sigset_t wanted;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    sigaddset(&wanted, SIGCHLD);
    return wanted;
}

void stop_block(void)
{
    const sigset_t wanted = ours();

    sigprocmask(SIG_BLOCK, &wanted, NULL);
}

void stop_ignore_hangup(void)
{
    sigaction(SIGHUP, &ignore, NULL);
}

int stop_open(struct err *err)
{
    const sigset_t wanted = ours();
    int fd;

    if (sigprocmask(SIG_BLOCK, &wanted, NULL) < 0 ||
        sigaction(SIGPIPE, &ignore, NULL) < 0)
        return err_sys(err, ERR_PERM, errno, "signals");
    fd = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return err_sys(err, ERR_PERM, errno, "signalfd");
    return fd;
}

static void add(struct stop_signals *signals, int number)
{
    switch (number) {
    case SIGTERM:
    case SIGINT:
        signals->again = signals->stop;
        signals->stop = true;
        break;
    case SIGHUP:
        signals->hup = true;
        break;
    case SIGCHLD:
        signals->child = true;
        break;
    }
}

void stop_read(int fd, struct stop_signals *signals)
{
    struct signalfd_siginfo info;

    for (;;) {
        ssize_t got = read(fd, &info, sizeof info);

        if (got < 0 && errno == EINTR)
            continue;
        if (got != (ssize_t)sizeof info)
            return;
        add(signals, (int)info.ssi_signo);
    }
}
