/* Checkout: resolving, the shared cache, the work tree, and who may see the token. The
 * program is its own child: `test_checkout --checkout` is what checkout_run starts. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/target.h"
#include "worker/checkout.h"

#define DEADLINE_MS 60000
#define TOKEN       "s3cret-token-value"
#define REPOSITORY  "team/infra"

/* A directory with bare/ (repositories), data/ (the worker's) and src (the work tree), and
 * a git server in front of bare/. */
struct stage {
    char dir[64];
    char *src;
    pid_t server;
    int server_in;
    int port;
    struct conf conf;
    struct run_spec spec;
    struct checked_out out;
    struct err err;
    int64_t deadline_ms;
};

/* ---- programs ---- */

static char *run_sh(const char *dir, const char *script, bool must)
{
    struct buf out = BUF_INIT(1024 * 1024);
    char piece[4096];
    int ends[2], status;
    ssize_t got;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        if (chdir(dir) == 0)
            execl("/bin/sh", "sh", "-ec", script, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while ((got = read(ends[0], piece, sizeof(piece))) > 0)
        buf_append(&out, piece, (size_t)got);
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (must && status != 0)
        fail_msg("%s: status %d: %s", script, status, buf_text(&out));
    while (out.len > 0 && out.data[out.len - 1] == '\n')
        out.data[--out.len] = '\0';
    return buf_take(&out);
}

static void sh(const struct stage *stage, const char *script)
{
    AUTO(auto_free) char *ignored = run_sh(stage->dir, script, true);
}

/* What `script` prints, without the last line's end. */
static char *said(const struct stage *stage, const char *script)
{
    return run_sh(stage->dir, script, true);
}

static int server_port(int fd)
{
    char line[16] = "";

    for (size_t len = 0; len < sizeof(line) - 1; len++)
        if (read(fd, &line[len], 1) != 1 || line[len] == '\n')
            break;
    return atoi_port(line);
}
