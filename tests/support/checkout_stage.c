/* The stage for tests of the checkout. */
#include "tests/support/checkout_stage.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"

#define DEADLINE_MS 60000
/* AddressSanitizer reads /proc/self when a program ends, which the sandbox forbids. */
#ifdef __SANITIZE_ADDRESS__
#define SANDBOX SANDBOX_NONE
#else
#define SANDBOX SANDBOX_AUTO
#endif

/* ---- programs ---- */

static char *run_sh(const char *dir, const char *script)
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
    if (status != 0)
        fail_msg("%s: status %d: %s", script, status, buf_text(&out));
    while (out.len > 0 && out.data[out.len - 1] == '\n')
        out.data[--out.len] = '\0';
    return buf_take(&out);
}

/* What the script prints, without the last line's end; the caller frees. */
char *stage_said(const struct stage *stage, const char *script)
{
    AUTO(auto_free)
    char *whole = mem_fmt("export HOME=%s GIT_CONFIG_GLOBAL=/dev/null "
                          "GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=a "
                          "GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a "
                          "GIT_COMMITTER_EMAIL=a@b; exec 2>&1; %s",
                          stage->dir, script);

    return run_sh(stage->dir, whole);
}

void stage_sh(const struct stage *stage, const char *script)
{
    AUTO(auto_free) char *ignored = stage_said(stage, script);
}

void assert_said(const struct stage *stage, const char *script, const char *expected)
{
    AUTO(auto_free) char *found = stage_said(stage, script);

    assert_string_equal(found, expected);
}

void stage_start_server(struct stage *stage)
{
    AUTO(auto_free) char *bare = path_join(stage->dir, "bare");
    AUTO(auto_free) char *log = path_join(stage->dir, "requests");
    const char *const argv[] = {
        "tests/support/git_http.py", bare, "--password", STAGE_TOKEN, "--log", log, NULL};

    script_server_start(&stage->server, argv);
}

void stage_stop_server(struct stage *stage)
{
    script_server_stop(&stage->server);
}

/* ---- the stage ---- */

void stage_use_base(struct stage *stage, char *base)
{
    free(stage->conf.git_url);
    stage->conf.git_url = base;
}

void stage_use_file(struct stage *stage)
{
    stage_use_base(stage, mem_fmt("file://%s/bare", stage->dir));
}

/* What the server does is the first segment: "plain", "auth", "status/500" … */
void stage_use_http(struct stage *stage, const char *kind)
{
    stage_use_base(
        stage, mem_fmt("http://127.0.0.1:%lld/%s", (long long)stage->server.port, kind));
}

void stage_use_ref(struct stage *stage, const char *ref)
{
    free(stage->spec.ref);
    stage->spec.ref = mem_dup(ref);
}

void stage_set_commit(struct stage *stage, const char *commit)
{
    free(stage->spec.commit);
    stage->spec.commit = mem_dup(commit);
}

static void set_up_conf(struct stage *stage)
{
    stage->src = path_join(stage->dir, "src");
    stage->conf.data_dir = path_join(stage->dir, "data");
    stage->conf.sandbox = SANDBOX;
    stage->conf.sandbox_read = mem_dup("/usr:/lib:/lib64:/etc");
    stage->spec.type = VCS_GIT;
    stage->spec.repository = mem_dup(STAGE_REPOSITORY);
    stage->deadline_ms = DEADLINE_MS;
    stage_use_ref(stage, "main");
    stage_use_file(stage);
}

int stage_open(void **state)
{
    struct stage *stage = mem_new(1, sizeof(*stage));

    snprintf(stage->dir, sizeof(stage->dir), "/tmp/kedge-checkout-XXXXXX");
    assert_non_null(mkdtemp(stage->dir));
    set_up_conf(stage);
    stage_sh(stage,
             "git init -q --bare -b main bare/team/infra.git; mkdir data;"
             "git -C bare/team/infra.git config uploadpack.allowAnySHA1InWant true;"
             "git init -q -b main work; cd work; git remote add origin "
             "../bare/team/infra.git; mkdir -p env/prod;"
             "echo one > main.tf; echo run > run.sh; chmod +x run.sh;"
             "echo deep > env/prod/a.tfvars; ln -s ../main.tf env/link;"
             "echo '*.log' > .gitignore; echo '*.tf text eol=crlf' > .gitattributes;"
             "git add -A; git commit -qm one; git push -q origin main");
    *state = stage;
    return 0;
}

int stage_close(void **state)
{
    struct stage *stage = *state;
    struct err err;

    stage_stop_server(stage);
    path_remove_tree(stage->dir, &err);
    free(stage->src);
    free(stage->conf.data_dir);
    free(stage->conf.sandbox_read);
    free(stage->conf.git_url);
    free(stage->conf.git_token);
    free(stage->spec.repository);
    free(stage->spec.ref);
    free(stage->spec.commit);
    free(stage->spec.directory);
    free(stage->spec.workspace);
    free(stage->conf.gitlab_url);
    free(stage->conf.github_url);
    free(stage);
    return 0;
}

static int stop_at_once(void *arg)
{
    const struct stage *stage = arg;

    return stage->stop ? 1 : 0;
}

/* A small file system over the worker's data, for this process only. */
static int mount_small_disk(const struct stage *stage)
{
    AUTO(auto_free) char *size = mem_fmt("size=%s", stage->small_disk);

    if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return -1;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -1;
    return mount("tmpfs", stage->conf.data_dir, "tmpfs", 0, size);
}

/* In the process of the checkout, which gives no answer if it does not fit. */
static void keep(char *place, size_t room, const char *text)
{
    if (text && strlen(text) >= room)
        _exit(1);
    snprintf(place, room, "%s", text ? text : "");
}

static void check_out(struct stage *stage, struct stage_result *result)
{
    const struct checkout checkout = {
        .conf = &stage->conf,
        .spec = &stage->spec,
        .work_tree = stage->batch || stage->tip_of ? NULL : stage->src,
        .deadline_mono_ms = clock_mono_ms() + stage->deadline_ms,
        .stop_wanted = stop_at_once,
        .poll_fd = -1,
        .arg = stage,
        .keep_fd = -1,
        .batch = stage->batch,
    };

    result->rc = stage->tip_of
                     ? checkout_contains_tip(&checkout, stage->tip_of, &result->contains,
                                             result->tip, &result->out, &result->err)
                     : checkout_run(&checkout, &result->out, &result->err);
    keep(result->project, sizeof(result->project), result->out.project_name);
    keep(result->resolved, sizeof(result->resolved), result->out.resolved);
    checked_out_done(&result->out);
}

/* In a process of its own, as in a worker: whoever runs children there has no others. */
pid_t stage_start_checkout(struct stage *stage, int *answer)
{
    struct stage_result result = {0};
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        if (stage->small_disk && mount_small_disk(stage) < 0)
            result.err.kind = ERR_KINDS;
        else
            check_out(stage, &result);
        _exit(write(ends[1], &result, sizeof(result)) != sizeof(result));
    }
    close(ends[1]);
    *answer = ends[0];
    return pid;
}

struct stage_result stage_end_checkout(pid_t pid, int answer)
{
    struct stage_result result;
    size_t len = 0;
    ssize_t got;

    while (len < sizeof(result) &&
           (got = read(answer, (char *)&result + len, sizeof(result) - len)) > 0)
        len += (size_t)got;
    assert_int_equal(len, sizeof(result));
    close(answer);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return result;
}

int stage_checkout(struct stage *stage)
{
    int answer;
    pid_t pid = stage_start_checkout(stage, &answer);

    stage->result = stage_end_checkout(pid, answer);
    assert_null(strstr(stage->result.err.message, STAGE_TOKEN));
    return stage->result.rc;
}

void assert_checks_out(struct stage *stage, const char *revision)
{
    AUTO(auto_free)
    char *script = mem_fmt("git -C work rev-parse '%s^{commit}'", revision);
    AUTO(auto_free) char *commit = stage_said(stage, script);

    if (stage_checkout(stage) < 0)
        fail_msg("%s: %s", revision, stage->result.err.message);
    assert_string_equal(stage->result.out.commit, commit);
}

void assert_resolved(const struct stage *stage, const char *text)
{
    if (!strstr(stage->result.resolved, text))
        fail_msg("%s is not in %s", text, stage->result.resolved);
}

void assert_fails(struct stage *stage, enum err_kind kind, enum run_error error,
                  const char *words)
{
    assert_int_equal(stage_checkout(stage), -1);
    if (!strstr(stage->result.err.message, words))
        fail_msg("\"%s\" says nothing of \"%s\"", stage->result.err.message, words);
    assert_string_equal(err_kind_name(stage->result.err.kind), err_kind_name(kind));
    assert_int_equal(stage->result.out.error, error);
}
