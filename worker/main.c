/* kedge-worker: runs terraform. One program with four parts to play: the supervisor, and
 * what that (or a runner) starts it again for. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/stop.h"
#include "common/conf/conf.h"
#include "common/net/health_ask.h"
#include "worker/checkout/checkout.h"
#include "worker/runner/runner.h"
#include "worker/supervisor/space.h"
#include "worker/supervisor/supervisor.h"

#define PRIVATE_UMASK 077

/* The kernel kills a run before it kills the worker that must report it. */
static void prefer_as_victim(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, "500", 3) < 0)
        log_debug("oom_score", "error=%s", strerrordesc_np(errno));
    close(fd);
}

static int play_runner(const struct conf *conf, const char *dir)
{
    prctl(PR_SET_NAME, "kedge-runner");
    prefer_as_victim();
    return runner_main(conf, dir);
}

static int play_sweep(const struct conf *conf, const char *dir)
{
    prctl(PR_SET_NAME, "kedge-sweep");
    return space_main(conf, dir);
}

/* Parts that get a directory: `kedge-worker --runner DIR`. */
static const struct part {
    const char *option;
    int (*play)(const struct conf *conf, const char *dir);
} parts[] = {
    {"--runner", play_runner},
    {"--sweep", play_sweep},
};

static const struct part *find_part(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (argc == 3 && strcmp(argv[1], parts[i].option) == 0)
            return &parts[i];
    return NULL;
}

static int supervise(struct conf *conf)
{
    AUTO(auto_close) int self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    if (self_fd < 0) {
        log_error("start_failed", "error=/proc/self/exe: %s", strerrordesc_np(errno));
        return EX_OSERR;
    }
    return supervisor_main(conf, self_fd, environ);
}

int main(int argc, char **argv)
{
    AUTO(conf_done) struct conf conf = {0};
    const struct part *part = find_part(argc, argv);
    int status;

    /* A part has nothing to read again. */
    if (argc > 1)
        stop_ignore_hangup();
    if (argc == 2 && strcmp(argv[1], "--checkout") == 0)
        return checkout_main();
    umask(PRIVATE_UMASK);
    status = part ? conf_start_part(&conf, PROGRAM_WORKER)
                  : conf_start(&conf, PROGRAM_WORKER, argc, argv);
    if (status >= 0)
        return status;
    if (part)
        return part->play(&conf, argv[2]);
    if (conf.ask_health)
        return health_ask(&conf, PROGRAM_WORKER);
    return supervise(&conf);
}
