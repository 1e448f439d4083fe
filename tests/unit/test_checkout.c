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
#include "common/parse.h"
#include "common/path.h"
#include "common/target.h"
#include "worker/checkout.h"
#include "worker/checkout_parts.h"
#include "worker/sandbox.h"

#define DEADLINE_MS 60000
#define TOKEN       "s3cret-token-value"
#define REPOSITORY  "team/infra"

/* A directory with bare/team/infra.git, the clone `work` that commits are made in, data
 * (the worker's) and src (the work tree); and a git server in front of bare. */
struct stage {
    char dir[64];
    char *src;
    pid_t server;
    int server_in; /* the server ends when it is closed */
    int64_t port;
    struct conf conf;
    struct run_spec spec;
    int64_t deadline_ms;
    bool stop;
    struct result {
        int rc;
        struct checked_out out;
        struct err err;
    } result;
};

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
static char *said(const struct stage *stage, const char *script)
{
    AUTO(auto_free)
    char *whole = mem_fmt("export HOME=%s GIT_CONFIG_GLOBAL=/dev/null "
                          "GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=a "
                          "GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a "
                          "GIT_COMMITTER_EMAIL=a@b; exec 2>&1; %s",
                          stage->dir, script);

    return run_sh(stage->dir, whole);
}

static void sh(const struct stage *stage, const char *script)
{
    AUTO(auto_free) char *ignored = said(stage, script);
}

static void assert_said(const struct stage *stage, const char *script,
                        const char *expected)
{
    AUTO(auto_free) char *found = said(stage, script);

    assert_string_equal(found, expected);
}

static int64_t read_port(int fd)
{
    char line[16] = "";
    int64_t port = 0;

    for (size_t len = 0; len < sizeof(line) - 1; len++)
        if (read(fd, &line[len], 1) != 1 || line[len] == '\n') {
            line[len] = '\0';
            break;
        }
    assert_int_equal(parse_int64(line, 1, 65535, &port), 0);
    return port;
}

static void start_server(struct stage *stage)
{
    AUTO(auto_free) char *bare = path_join(stage->dir, "bare");
    AUTO(auto_free) char *log = path_join(stage->dir, "requests");
    int in[2], out[2];

    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    stage->server = fork();
    if (stage->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl("/usr/bin/python3", "python3", "tests/support/git_http.py", bare, "--token",
              TOKEN, "--log", log, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    stage->server_in = in[1];
    stage->port = read_port(out[0]);
    close(out[0]);
}

static void stop_server(struct stage *stage)
{
    if (stage->server <= 0)
        return;
    close(stage->server_in);
    waitpid(stage->server, NULL, 0);
    stage->server = 0;
}

/* ---- the stage ---- */

static void use_base(struct stage *stage, char *base)
{
    free(stage->conf.git_url);
    stage->conf.git_url = base;
}

static void use_file(struct stage *stage)
{
    use_base(stage, mem_fmt("file://%s/bare", stage->dir));
}

/* What the server does is the first segment: "plain", "auth", "status/500" … */
static void use_http(struct stage *stage, const char *kind)
{
    use_base(stage, mem_fmt("http://127.0.0.1:%lld/%s", (long long)stage->port, kind));
}

static void use_ref(struct stage *stage, const char *ref)
{
    free(stage->spec.ref);
    stage->spec.ref = mem_dup(ref);
}

static void set_commit(struct stage *stage, const char *commit)
{
    free(stage->spec.commit);
    stage->spec.commit = mem_dup(commit);
}

static void set_up_conf(struct stage *stage)
{
    stage->src = path_join(stage->dir, "src");
    stage->conf.data_dir = path_join(stage->dir, "data");
    stage->conf.sandbox = SANDBOX_AUTO;
    stage->conf.sandbox_read = mem_dup("/usr:/lib:/lib64:/etc");
    stage->spec.type = VCS_GIT;
    stage->spec.repository = mem_dup(REPOSITORY);
    stage->deadline_ms = DEADLINE_MS;
    use_ref(stage, "main");
    use_file(stage);
}

static int open_stage(void **state)
{
    struct stage *stage = mem_new(1, sizeof(*stage));

    snprintf(stage->dir, sizeof(stage->dir), "/tmp/kedge-checkout-XXXXXX");
    assert_non_null(mkdtemp(stage->dir));
    set_up_conf(stage);
    sh(stage, "git init -q --bare -b main bare/team/infra.git; mkdir data;"
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

static int close_stage(void **state)
{
    struct stage *stage = *state;
    struct err err;

    stop_server(stage);
    path_remove_tree(stage->dir, &err);
    free(stage->src);
    free(stage->conf.data_dir);
    free(stage->conf.sandbox_read);
    free(stage->conf.git_url);
    free(stage->conf.git_token);
    free(stage->spec.repository);
    free(stage->spec.ref);
    free(stage->spec.commit);
    free(stage);
    return 0;
}

static int stop_at_once(void *arg)
{
    const struct stage *stage = arg;

    return stage->stop ? 1 : 0;
}

/* In a process of its own, as in a worker: whoever runs children there has no others. */
static pid_t start_checkout(struct stage *stage, int *answer)
{
    const struct checkout checkout = {
        .conf = &stage->conf,
        .spec = &stage->spec,
        .work_tree = stage->src,
        .deadline_mono_ms = clock_mono_ms() + stage->deadline_ms,
        .stop_wanted = stop_at_once,
        .poll_fd = -1,
        .arg = stage,
        .keep_fd = -1,
    };
    struct result result = {0};
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        result.rc = checkout_run(&checkout, &result.out, &result.err);
        _exit(write(ends[1], &result, sizeof(result)) != sizeof(result));
    }
    close(ends[1]);
    *answer = ends[0];
    return pid;
}

static struct result end_checkout(pid_t pid, int answer)
{
    struct result result;

    assert_int_equal(read(answer, &result, sizeof(result)), sizeof(result));
    close(answer);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return result;
}

static int run_checkout(struct stage *stage)
{
    int answer;
    pid_t pid = start_checkout(stage, &answer);

    stage->result = end_checkout(pid, answer);
    assert_null(strstr(stage->result.err.message, TOKEN));
    return stage->result.rc;
}

static void assert_checks_out(struct stage *stage, const char *revision)
{
    AUTO(auto_free)
    char *script = mem_fmt("git -C work rev-parse '%s^{commit}'", revision);
    AUTO(auto_free) char *commit = said(stage, script);

    if (run_checkout(stage) < 0)
        fail_msg("%s: %s", revision, stage->result.err.message);
    assert_string_equal(stage->result.out.commit, commit);
}

static void assert_fails(struct stage *stage, enum err_kind kind, enum run_error error,
                         const char *words)
{
    assert_int_equal(run_checkout(stage), -1);
    if (!strstr(stage->result.err.message, words))
        fail_msg("\"%s\" says nothing of \"%s\"", stage->result.err.message, words);
    assert_string_equal(err_kind_name(stage->result.err.kind), err_kind_name(kind));
    assert_int_equal(stage->result.out.error, error);
}

/* ---- what is laid out ---- */

static void lays_out_the_commit_and_nothing_else(void **state)
{
    struct stage *stage = *state;

    assert_checks_out(stage, "main");
    assert_said(stage, "cd src; find . -type f -o -type l | sort | xargs",
                "./.gitattributes ./.gitignore ./env/link ./env/prod/a.tfvars ./main.tf "
                "./run.sh");
    assert_said(stage, "od -An -c src/main.tf", "   o   n   e  \\n");
    assert_said(stage, "stat -c %a src/main.tf src/run.sh src/env | xargs",
                "600 700 700");
    assert_said(stage, "readlink src/env/link", "../main.tf");
}

static void makes_the_tree_exact_whatever_is_there(void **state)
{
    struct stage *stage = *state;

    assert_checks_out(stage, "main");
    sh(stage, "cd src; touch -r main.tf ../when; echo two > main.tf;"
              "touch -r ../when main.tf;" /* same size and mtime */
              "echo x > untracked; echo x > ignored.log; mkdir -p new/dir; mkfifo pipe;"
              "chmod -x run.sh; rm env/prod/a.tfvars; mkdir -p env/prod/a.tfvars/b;"
              "rm env/link; echo plain > env/link; chmod 0 env");
    assert_checks_out(stage, "main");
    assert_said(stage, "cd src; find . | sort | xargs",
                ". ./.gitattributes ./.gitignore ./env ./env/link ./env/prod "
                "./env/prod/a.tfvars ./main.tf ./run.sh");
    assert_said(stage,
                "cd src; cat main.tf env/prod/a.tfvars; readlink env/link;"
                "stat -c %a run.sh",
                "one\ndeep\n../main.tf\n700");
}

static void writes_through_no_link(void **state)
{
    struct stage *stage = *state;

    sh(stage, "mkdir -p outside/prod src; echo keep > outside/kept; echo keep > hard;"
              "echo keep > outside/prod/a.tfvars;"
              "ln -s ../outside/kept src/main.tf; ln -s ../outside src/env;"
              "ln hard src/run.sh");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat outside/kept outside/prod/a.tfvars hard", "keep\nkeep\nkeep");
    assert_said(stage, "cat src/main.tf src/run.sh src/env/prod/a.tfvars",
                "one\nrun\ndeep");
    sh(stage,
       "rm src/main.tf; cp -p work/main.tf hard; chmod 600 hard; ln hard src/main.tf");
    assert_checks_out(stage, "main");
    assert_said(stage, "stat -c %h src/main.tf", "1");
}

static void a_link_in_the_repository_is_not_followed(void **state)
{
    struct stage *stage = *state;

    sh(stage, "mkdir outside; echo keep > outside/f; cd work; ln -s ../outside d;"
              "git add d; git commit -qm link; git push -q origin main");
    assert_checks_out(stage, "main");
    sh(stage, "cd work; git rm -q --cached d; rm d; mkdir d; echo new > d/f; git add d;"
              "git commit -qm dir; git push -q origin main");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat outside/f src/d/f", "keep\nnew");
}

static void a_work_tree_that_is_a_link_is_replaced(void **state)
{
    struct stage *stage = *state;

    sh(stage, "mkdir outside; echo keep > outside/main.tf; ln -s outside src");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat outside/main.tf src/main.tf", "keep\none");
}

static void a_submodule_is_an_empty_directory(void **state)
{
    struct stage *stage = *state;

    sh(stage, "cd work; git update-index --add --cacheinfo "
              "160000,$(git rev-parse HEAD),sub; git commit -qm sub; git push -q origin "
              "main; mkdir -p ../src/sub; echo x > ../src/sub/left");
    assert_checks_out(stage, "main");
    assert_said(stage, "find src/sub", "src/sub");
}

static void names_that_no_tree_may_have_are_refused(void **state)
{
    static const char *const names[] = {"..", ".GIT"};
    struct stage *stage = *state;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO(auto_free)
        char *script = mem_fmt(
            "cd bare/team/infra.git; blob=$(echo x | git hash-object -w --stdin);"
            "tree=$(git cat-file blob $blob >/dev/null; python3 -c 'import sys;"
            "sys.stdout.buffer.write(b\"100644 %s\\0\"+bytes.fromhex(sys.argv[1]))' "
            "$blob |"
            "git hash-object -w -t tree --literally --stdin);"
            "git update-ref refs/heads/evil$(echo %zu) $(git commit-tree -m evil $tree)",
            names[i], i);
        AUTO(auto_free) char *ref = mem_fmt("evil%zu", i);
        sh(stage, script);
        use_ref(stage, ref);
        assert_fails(stage, ERR_PERM, RUN_ERR_NONE, names[i]);
    }
}

/* ---- which commit ---- */

static void resolves_refs_as_git_does(void **state)
{
    struct stage *stage = *state;
    static const struct {
        const char *ref, *revision;
    } rows[] = {
        {"main", "refs/heads/main"},
        {"refs/heads/main", "refs/heads/main"},
        {"feature/x", "refs/heads/feature/x"},
        {"v1", "refs/tags/v1"},
        {"refs/tags/v1", "refs/tags/v1"},
        {"light", "refs/tags/light"},
        {"both", "refs/heads/both"}, /* a branch before a tag */
        {"refs/tags/both", "refs/tags/both"},
        {"HEAD", "refs/heads/main"},
        {NULL, "refs/heads/main"},
    };

    start_server(stage);
    sh(stage, "cd work; git tag -am one v1; git tag light; git tag both;"
              "git commit -q --allow-empty -m two; git branch feature/x;"
              "git commit -q --allow-empty -m three; git branch both;"
              "git push -q origin --tags main refs/heads/both feature/x");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        use_ref(stage, rows[i].ref);
        use_file(stage);
        assert_checks_out(stage, rows[i].revision);
        use_http(stage, "plain");
        assert_checks_out(stage, rows[i].revision);
    }
    use_ref(stage, "absent");
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "absent");
    use_ref(stage, "refs/heads/v1");
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "refs/heads/v1");
}

static void an_empty_repository_has_no_ref(void **state)
{
    struct stage *stage = *state;

    sh(stage,
       "rm -rf bare/team/infra.git; git init -q --bare -b main bare/team/infra.git");
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "main");
}

static void a_new_tip_is_seen_at_once(void **state)
{
    struct stage *stage = *state;

    start_server(stage);
    use_http(stage, "plain");
    assert_checks_out(stage, "main");
    sh(stage,
       "cd work; echo two > main.tf; git commit -qam two; git push -q origin main");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat src/main.tf", "two");
    sh(stage, "cd work; git reset -q --hard HEAD~1; git commit -q --allow-empty -m other;"
              "git push -qf origin main");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat src/main.tf", "one");
}

static void a_commit_id_comes_from_any_branch_or_tag(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_free) char *old = said(stage, "git -C work rev-parse HEAD | tr a-f A-F");

    sh(stage, "cd work; git commit -q --allow-empty -m two; git push -q origin main");
    use_ref(stage, old);
    assert_checks_out(stage, "main~1");
}

static void a_commit_of_no_branch_or_tag_is_refused(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_free)
    char *hidden = said(stage, "cd work; git commit -q --allow-empty -m hidden;"
                               "git push -q origin HEAD:refs/pull/1/head;"
                               "git rev-parse HEAD");

    set_commit(stage, hidden);
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, hidden);
}

static void a_cached_commit_needs_no_network(void **state)
{
    struct stage *stage = *state;

    start_server(stage);
    use_http(stage, "plain");
    assert_checks_out(stage, "main");
    set_commit(stage, stage->result.out.commit);
    stop_server(stage);
    sh(stage, "rm -rf src");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat src/main.tf", "one");
}

static void a_known_tip_is_not_fetched(void **state)
{
    struct stage *stage = *state;

    start_server(stage);
    use_http(stage, "plain");
    assert_checks_out(stage, "main");
    sh(stage, ": > requests");
    assert_checks_out(stage, "main");
    assert_said(stage, "cut -d' ' -f1 requests", "GET");
}

static void a_branch_may_give_way_to_a_directory_of_branches(void **state)
{
    struct stage *stage = *state;

    sh(stage, "cd work; git branch a; git push -q origin a");
    assert_checks_out(stage, "main");
    sh(stage, "cd work; git push -q origin :a; git branch -D a; git commit -q "
              "--allow-empty -m two; git branch a/b; git push -q origin a/b");
    use_ref(stage, "a/b");
    assert_checks_out(stage, "a/b");
}

/* ---- the cache ---- */

static void a_broken_cache_is_cloned_anew(void **state)
{
    static const char *const damages[] = {
        "for f in data/git/*/repo/objects/pack/*.pack; do chmod u+w $f; truncate -s 40 "
        "$f;"
        "done",
        "rm data/git/*/repo/objects/pack/*.pack",
        "for f in data/git/*/repo/objects/pack/*.idx; do chmod u+w $f; : > $f; done",
        "rm data/git/*/repo/HEAD",
        "echo nonsense > data/git/*/repo/config",
        "rm -rf data/git/*/repo; echo x > data/git/*/repo || :",
    };
    struct stage *stage = *state;

    start_server(stage);
    use_http(stage, "plain");
    assert_checks_out(stage, "main");
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        sh(stage, damages[i]);
        sh(stage, "rm -rf src");
        assert_checks_out(stage, "main");
        assert_said(stage, "cat src/main.tf", "one");
    }
}

static void many_packs_become_one(void **state)
{
    struct stage *stage = *state;

    assert_checks_out(stage, "main");
    sh(stage, "cd data/git/*/repo/objects/pack; for i in $(seq 60); do "
              "p=$(printf %040d $i); cp *[a-f]*.pack pack-$p.pack.tmp 2>/dev/null || "
              "cp $(ls *.pack | head -1) pack-$p.pack.tmp; mv pack-$p.pack.tmp "
              "pack-$p.pack; cp $(ls *.idx | head -1) pack-$p.idx; done;"
              "touch pack_git2_left");
    sh(stage, "cd work; git commit -q --allow-empty -m two; git push -q origin main");
    assert_checks_out(stage, "main");
    assert_said(stage, "ls data/git/*/repo/objects/pack | grep -c 'pack$'", "1");
    assert_said(stage, "ls data/git/*", "repo");
}

static void what_an_interrupted_fetch_left_is_removed(void **state)
{
    struct stage *stage = *state;

    assert_checks_out(stage, "main");
    sh(stage, "touch data/git/*/repo/objects/pack/pack_git2_abc; mkdir -p "
              "$(echo data/git/*/repo | sed s/repo/new/)/x");
    sh(stage, "cd work; git commit -q --allow-empty -m two; git push -q origin main");
    assert_checks_out(stage, "main");
    assert_said(stage, "ls data/git/*/repo/objects/pack | grep -c git2 || :", "0");
}

static void two_at_once_share_a_cache(void **state)
{
    enum { BOTH = 6 };
    struct stage *stage = *state;
    char *trees[BOTH];
    pid_t pids[BOTH];
    int answers[BOTH];

    start_server(stage);
    use_http(stage, "plain");
    for (int i = 0; i < BOTH; i++) {
        AUTO(auto_free) char *own = stage->src;
        trees[i] = mem_fmt("%s/src%d", stage->dir, i);
        stage->src = trees[i];
        pids[i] = start_checkout(stage, &answers[i]);
        stage->src = TAKE(own);
    }
    for (int i = 0; i < BOTH; i++) {
        struct result result = end_checkout(pids[i], answers[i]);
        AUTO(auto_free) char *script = mem_fmt("cat src%d/main.tf", i);
        if (result.rc < 0)
            fail_msg("%s", result.err.message);
        assert_said(stage, script, "one");
        free(trees[i]);
    }
    assert_said(stage, "grep -c POST requests", "1");
}

/* ---- what goes wrong ---- */

static void what_is_not_there_is_not_found(void **state)
{
    static const struct {
        const char *kind, *words;
    } rows[] = {
        {"status/404", "not found"}, {"status/403", "no access"},
        {"status/410", "not found"}, {"auth", "no access"},
        {"redirect", "has moved"},   {"status/301", "moved"},
    };
    struct stage *stage = *state;

    start_server(stage);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        use_http(stage, rows[i].kind);
        assert_fails(stage, ERR_PERM, RUN_ERR_REPOSITORY_NOT_FOUND, rows[i].words);
    }
    use_file(stage);
    free(stage->spec.repository);
    stage->spec.repository = mem_dup("team/absent");
    assert_fails(stage, ERR_PERM, RUN_ERR_REPOSITORY_NOT_FOUND, "team/absent");
}

static void what_may_come_back_is_temporary(void **state)
{
    static const char *const kinds[] = {"status/500", "status/502", "status/429", "cut"};
    struct stage *stage = *state;

    start_server(stage);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        use_http(stage, kinds[i]);
        assert_fails(stage, ERR_TEMP, RUN_ERR_NONE, REPOSITORY);
    }
    stop_server(stage);
    use_http(stage, "plain");
    assert_fails(stage, ERR_TEMP, RUN_ERR_NONE, REPOSITORY);
}

static void a_server_that_hangs_meets_the_deadline(void **state)
{
    struct stage *stage = *state;

    start_server(stage);
    use_http(stage, "hang");
    stage->deadline_ms = 300;
    assert_fails(stage, ERR_TEMP, RUN_ERR_NONE, "too long");
    assert_false(stage->result.out.stopped);
}

static void a_stop_ends_it(void **state)
{
    struct stage *stage = *state;

    start_server(stage);
    use_http(stage, "hang");
    stage->stop = true;
    assert_fails(stage, ERR_TEMP, RUN_ERR_NONE, "stopped");
    assert_true(stage->result.out.stopped);
}

static void a_full_disk_is_told_apart(void **state)
{
    struct checkout_fault fault = {.error = RUN_ERR_NONE};
    struct err err = {0};

    (void)state;
    checkout_disk_error(EACCES, "x", &fault, &err);
    assert_int_equal(fault.error, RUN_ERR_NONE);
    assert_int_equal(err.kind, ERR_TEMP);
    checkout_disk_error(ENOSPC, "x", &fault, &err);
    assert_int_equal(fault.error, RUN_ERR_DISK_FULL);
}

/* ---- trust ---- */

static void the_token_opens_a_private_repository(void **state)
{
    struct stage *stage = *state;

    start_server(stage);
    use_http(stage, "auth");
    stage->conf.git_token = mem_dup(TOKEN);
    assert_checks_out(stage, "main");
    assert_said(stage, "cut -d' ' -f3 requests | sort -u | xargs", "- git");
}

static void a_wrong_token_is_offered_once_and_never_told(void **state)
{
    struct stage *stage = *state;

    start_server(stage);
    use_http(stage, "auth");
    stage->conf.git_token = mem_dup(TOKEN "-old");
    assert_fails(stage, ERR_PERM, RUN_ERR_REPOSITORY_NOT_FOUND, "no access");
    assert_said(stage, "grep -c ' git$' requests", "1");
}

static void the_token_goes_to_nobody_who_does_not_ask(void **state)
{
    struct stage *stage = *state;

    start_server(stage);
    stage->conf.git_token = mem_dup(TOKEN);
    use_http(stage, "redirect");
    assert_fails(stage, ERR_PERM, RUN_ERR_REPOSITORY_NOT_FOUND, "moved");
    use_http(stage, "plain");
    assert_checks_out(stage, "main");
    assert_said(stage, "grep -c ' git$' requests || :", "0");
    assert_said(stage, "grep -r '" TOKEN "' data src || echo none", "none");
}

static void only_the_repository_itself_is_read(void **state)
{
    struct stage *stage = *state;

    if (sandbox_abi() == 0) {
        print_message("no Landlock in this kernel\n");
        skip();
    }
    /* Objects elsewhere: a clone that borrows them cannot reach them. */
    sh(stage, "mv bare/team/infra.git away.git; git clone -q --bare --shared away.git "
              "bare/team/infra.git; grep -q away bare/team/infra.git/objects/info/"
              "alternates");
    assert_int_equal(run_checkout(stage), -1);
    stage->conf.sandbox = SANDBOX_NONE;
    assert_checks_out(stage, "main");
}

static void odd_requests_are_refused(void **state)
{
    struct stage *stage = *state;

    free(stage->spec.repository);
    stage->spec.repository = mem_dup("team/../infra");
    assert_fails(stage, ERR_PERM, RUN_ERR_NONE, "");
    free(stage->spec.repository);
    stage->spec.repository = mem_dup(REPOSITORY);
    use_base(stage, mem_fmt("ssh://127.0.0.1/"));
    assert_int_equal(run_checkout(stage), -1);
    use_base(stage, NULL);
    assert_fails(stage, ERR_PERM, RUN_ERR_NONE, "no URL");
}

/* ---- speed ---- */

static void an_unchanged_tree_of_2000_files_is_quick(void **state)
{
    struct stage *stage = *state;
    int64_t start_ms, first_ms, again_ms;

    sh(stage, "cd work; for d in $(seq 40); do mkdir -p m$d; for f in $(seq 50); do seq "
              "$d$f $(($d$f + 400)) > m$d/f$f.tf; done; done; git add -A; git commit -qm "
              "many; git push -q origin main");
    start_ms = clock_mono_ms();
    assert_checks_out(stage, "main");
    first_ms = clock_mono_ms() - start_ms;
    set_commit(stage, stage->result.out.commit);
    start_ms = clock_mono_ms();
    assert_int_equal(run_checkout(stage), 0);
    again_ms = clock_mono_ms() - start_ms;
    print_message("2000 files: first %d ms, unchanged %d ms\n", (int)first_ms,
                  (int)again_ms);
    assert_in_range(again_ms, 0, 10000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(lays_out_the_commit_and_nothing_else),
        TEST(makes_the_tree_exact_whatever_is_there),
        TEST(writes_through_no_link),
        TEST(a_link_in_the_repository_is_not_followed),
        TEST(a_work_tree_that_is_a_link_is_replaced),
        TEST(a_submodule_is_an_empty_directory),
        TEST(names_that_no_tree_may_have_are_refused),
        TEST(resolves_refs_as_git_does),
        TEST(an_empty_repository_has_no_ref),
        TEST(a_new_tip_is_seen_at_once),
        TEST(a_commit_id_comes_from_any_branch_or_tag),
        TEST(a_commit_of_no_branch_or_tag_is_refused),
        TEST(a_cached_commit_needs_no_network),
        TEST(a_known_tip_is_not_fetched),
        TEST(a_branch_may_give_way_to_a_directory_of_branches),
        TEST(a_broken_cache_is_cloned_anew),
        TEST(many_packs_become_one),
        TEST(what_an_interrupted_fetch_left_is_removed),
        TEST(two_at_once_share_a_cache),
        TEST(what_is_not_there_is_not_found),
        TEST(what_may_come_back_is_temporary),
        TEST(a_server_that_hangs_meets_the_deadline),
        TEST(a_stop_ends_it),
        cmocka_unit_test(a_full_disk_is_told_apart),
        TEST(the_token_opens_a_private_repository),
        TEST(a_wrong_token_is_offered_once_and_never_told),
        TEST(the_token_goes_to_nobody_who_does_not_ask),
        TEST(only_the_repository_itself_is_read),
        TEST(odd_requests_are_refused),
        TEST(an_unchanged_tree_of_2000_files_is_quick),
    };

    if (argc == 2 && strcmp(argv[1], "--checkout") == 0)
        return checkout_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
