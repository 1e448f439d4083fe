/* `kedge-worker --checkout`: the child that talks to the remote and reads what came from
 * there, in a sandbox. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/queue/target.h"
#include "worker/checkout/checkout.h"
#include "worker/checkout/checkout_parts.h"

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

/* What came in pieces; NULL: nothing did. The caller frees. */
static char *asked_long(const char *name)
{
    struct buf text = BUF_INIT(SIZE_MAX);

    for (unsigned i = 0;; i++) {
        AUTO(auto_free) char *piece_name = mem_fmt("%s_%u", name, i);
        const char *piece = asked(piece_name);

        if (!piece)
            return i > 0 ? buf_take(&text) : NULL;
        buf_str(&text, piece);
    }
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
        .pull = asked("PULL"),
        .pull_ref = asked("PULL_REF"),
        .inside = asked("INSIDE"),
        .directory = asked("DIRECTORY"),
        .workspace = asked("WORKSPACE"),
        .batch = asked_long("BATCH"),
        .cert_file = asked("CERT_FILE"),
    };
    if (!request->url || !request->host || !request->user || !request->repository ||
        !request->cache || (!request->pull != !request->pull_ref))
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

/* The commit, and whether it was named by its id. */
static int find_commit(const struct checkout_request *request, git_oid *commit,
                       bool *by_id, struct checkout_fault *fault, struct err *err)
{
    const char *id = request->commit;

    if (!id && (!request->pull_ref || request->inside))
        id = request->ref;
    *by_id = !request->inside && id && ref_is_commit_id(id);
    if (!*by_id)
        return remote_resolve(request, commit, fault, err);
    if (git_oid_fromstr(commit, id) < 0)
        return err_set(err, ERR_PERM, "%s is no commit id", id);
    return 0;
}

/* Both commits are wanted in one cache; bringing the second opens it anew. */
static int find_inside(struct cache *cache, struct checkout_answer *answer,
                       struct checkout_fault *fault, struct err *err)
{
    const char *inside = cache->request->inside;
    git_oid commit;
    int rc;

    if (!ref_is_commit_id(inside) || git_oid_fromstr(&commit, inside) < 0)
        return err_set(err, ERR_PERM, "%s is no commit id", inside);
    answer->contains = git_oid_equal(&commit, &answer->commit);
    if (answer->contains)
        return 0;
    if (!cache_has(cache, &commit, false) &&
        cache_bring(cache, &commit, false, true, fault, err) < 0)
        return -1;
    rc = git_graph_descendant_of(cache->repo, &commit, &answer->commit);
    answer->contains = rc == 1;
    return rc < 0 ? checkout_cache_error("its history", fault, err) : 0;
}

/* What is wanted of the commit, once the cache has it. */
static int use_commit(struct cache *cache, struct checkout_answer *answer,
                      struct checkout_fault *fault, struct err *err)
{
    const struct checkout_request *request = cache->request;

    if (request->inside)
        return find_inside(cache, answer, fault, err);
    if (request->batch) {
        buf_reset(&answer->resolved);
        return config_resolve(cache->repo, &answer->commit, request, &answer->resolved,
                              fault, err);
    }
    answer->project_name = config_project_name(cache->repo, &answer->commit, request);
    if (!request->work_tree)
        return 0;
    return layout_make(cache->repo, &answer->commit, request->work_tree, fault, err);
}

/* A cache that turns out to be broken while it is read is made anew, once. */
static int use_cache(struct cache *cache, bool by_id, struct checkout_answer *answer,
                     struct checkout_fault *fault, struct err *err)
{
    if (!cache_has(cache, &answer->commit, by_id) &&
        cache_bring(cache, &answer->commit, false, by_id, fault, err) < 0)
        return -1;
    if (use_commit(cache, answer, fault, err) == 0)
        return 0;
    if (!fault->corrupt ||
        cache_bring(cache, &answer->commit, true, by_id, fault, err) < 0)
        return -1;
    auto_free(&answer->project_name);
    return use_commit(cache, answer, fault, err);
}

static int perform(const struct checkout_request *request, struct checkout_answer *answer,
                   struct checkout_fault *fault, struct err *err)
{
    struct cache cache = CACHE_INIT;
    bool by_id = false;
    int rc;

    if (set_up(err) < 0 || find_commit(request, &answer->commit, &by_id, fault, err) < 0)
        return -1;
    rc = cache_open(&cache, request, fault, err);
    if (rc == 0)
        rc = use_cache(&cache, by_id, answer, fault, err);
    cache_close(&cache);
    return rc;
}

/* ---- the answer ---- */

static void print_answer(struct json_writer *w, const struct checkout_request *request,
                         const struct checkout_answer *answer)
{
    char hex[GIT_OID_HEXSZ + 1];

    json_add_text(w, "commit", git_oid_tostr(hex, sizeof(hex), &answer->commit));
    if (answer->project_name)
        json_add_text(w, "project", answer->project_name);
    if (request->inside)
        json_add_boolean(w, "contains", answer->contains);
    if (request->batch)
        json_add_raw(w, "resolved", buf_text(&answer->resolved), answer->resolved.len);
}

static void print_failure(struct json_writer *w, const struct checkout_fault *fault,
                          const struct err *err)
{
    json_add_text(w, "error",
                  fault->error == RUN_ERR_NONE ? NULL : run_error_name(fault->error));
    json_add_text(w, "message", err->message);
    json_add_boolean(w, "temporary", err->kind == ERR_TEMP);
}

/* The batch's targets are counted before they are printed: both fit. */
int checkout_main(void)
{
    AUTO(buf_done) struct buf line = BUF_INIT(SIZE_MAX);
    struct checkout_request request;
    struct checkout_answer answer = {.resolved = BUF_INIT(SIZE_MAX)};
    struct checkout_fault fault = {.error = RUN_ERR_NONE};
    struct err err = {0};
    struct json_writer w;
    ssize_t put;

    json_open(&w, &line);
    json_object(&w);
    if (read_request(&request, &err) == 0 &&
        perform(&request, &answer, &fault, &err) == 0)
        print_answer(&w, &request, &answer);
    else
        print_failure(&w, &fault, &err);
    json_object_end(&w);
    buf_char(&line, '\n');
    git_libgit2_shutdown();
    put = write(STDOUT_FILENO, line.data, line.len);
    auto_free(&request.batch);
    auto_free(&answer.project_name);
    buf_done(&answer.resolved);
    return put == (ssize_t)line.len ? 0 : 1;
}
