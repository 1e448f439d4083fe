/* `kedge-worker --checkout`: the child that talks to the remote and reads what came from
 * there, in a sandbox. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "worker/checkout.h"
#include "worker/checkout_parts.h"

#define PREFIX "KEDGE_CHECKOUT_"

/* The request is the child's whole environment, so it is looked up there and not in the
 * settings. */
static const char *asked(const char *name)
{
    AUTO(auto_free) char *start = mem_fmt(PREFIX "%s=", name);

    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, start, strlen(start)) == 0)
            return *variable + strlen(start);
    return NULL;
}

static int read_request(struct checkout_request *request, struct err *err)
{
    *request = (struct checkout_request){
        .url = asked("URL"),
        .host = asked("HOST"),
        .user = asked("USER"),
        .token = asked("TOKEN"),
        .repository = asked("REPOSITORY"),
        .cache = asked("CACHE"),
        .work_tree = asked("WORK_TREE"),
        .ref = asked("REF"),
        .commit = asked("COMMIT"),
        .cert_file = asked("CERT_FILE"),
    };
    if (!request->url || !request->host || !request->user || !request->repository ||
        !request->cache || !request->work_tree)
        return err_set(err, ERR_PERM, "--checkout is only for kedge-worker itself");
    return 0;
}

/* ---- libgit2, without anything from this machine's configuration ---- */

static int set_up(struct err *err)
{
    static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
                                 GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL};
    int rc = git_libgit2_init();

    for (size_t i = 0; i < ARRAY_LEN(levels) && rc >= 0; i++)
        rc = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
    /* A file: remote may be another user's; its contents are hostile anyway. */
    if (rc >= 0)
        rc = git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    return rc >= 0 ? 0 : err_set(err, ERR_PERM, "libgit2 does not start");
}

/* ---- the steps ---- */

static bool is_commit_id(const char *text)
{
    return text && strlen(text) == GIT_OID_HEXSZ &&
           strspn(text, "0123456789abcdefABCDEF") == GIT_OID_HEXSZ;
}

/* The commit, and whether it was named by its id. */
static int find_commit(const struct checkout_request *request, git_oid *commit,
                       bool *by_id, struct checkout_fault *fault, struct err *err)
{
    const char *id = request->commit ? request->commit : request->ref;

    *by_id = is_commit_id(id);
    if (!*by_id)
        return remote_resolve(request, commit, fault, err);
    if (git_oid_fromstr(commit, id) < 0)
        return err_set(err, ERR_PERM, "%s is no commit id", id);
    return 0;
}

/* A cache that turns out to be broken while it is read is made anew, once. */
static int lay_out(struct cache *cache, const git_oid *commit, bool by_id,
                   struct checkout_fault *fault, struct err *err)
{
    const char *work_tree = cache->request->work_tree;

    if (!cache_has(cache, commit) &&
        cache_bring(cache, commit, false, by_id, fault, err) < 0)
        return -1;
    if (layout_make(cache->repo, commit, work_tree, fault, err) == 0)
        return 0;
    if (!fault->corrupt || cache_bring(cache, commit, true, by_id, fault, err) < 0)
        return -1;
    return layout_make(cache->repo, commit, work_tree, fault, err);
}

static int perform(const struct checkout_request *request, git_oid *commit,
                   struct checkout_fault *fault, struct err *err)
{
    struct cache cache = CACHE_INIT;
    bool by_id = false;
    int rc;

    if (set_up(err) < 0 || find_commit(request, commit, &by_id, fault, err) < 0)
        return -1;
    rc = cache_open(&cache, request, fault, err);
    if (rc == 0)
        rc = lay_out(&cache, commit, by_id, fault, err);
    cache_close(&cache);
    return rc;
}

/* ---- the answer ---- */

static void print_failure(struct json_writer *w, const struct checkout_fault *fault,
                          const struct err *err)
{
    json_add_text(w, "error",
                  fault->error == RUN_ERR_NONE ? NULL : run_error_name(fault->error));
    json_add_text(w, "message", err->message);
    json_add_boolean(w, "temporary", err->kind == ERR_TEMP);
}

int checkout_main(void)
{
    AUTO(buf_done) struct buf line = BUF_INIT(16 * 1024);
    struct checkout_request request;
    struct checkout_fault fault = {.error = RUN_ERR_NONE};
    struct err err = {0};
    struct json_writer w;
    char hex[GIT_OID_HEXSZ + 1];
    git_oid commit;

    json_open(&w, &line);
    json_object(&w);
    if (read_request(&request, &err) == 0 &&
        perform(&request, &commit, &fault, &err) == 0)
        json_add_text(&w, "commit", git_oid_tostr(hex, sizeof(hex), &commit));
    else
        print_failure(&w, &fault, &err);
    json_object_end(&w);
    buf_char(&line, '\n');
    git_libgit2_shutdown();
    return write(STDOUT_FILENO, line.data, line.len) == (ssize_t)line.len ? 0 : 1;
}
