/* A push as GitHub and GitLab tell of it. */
#include "api/webhook/push.h"

#include <stdlib.h>
#include <string.h>

#include "api/webhook/push_payload.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/queue/target.h"

#define HEADS "refs/heads/"
#define TAGS  "refs/tags/"

/* ---- judging ---- */
static bool is_nothing(const struct buf *commit)
{
    return commit->len > 0 && strspn(buf_text(commit), "0") == commit->len;
}

static int missing(struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "the payload has no %s", what);
}

static int judge_names(const struct push_payload *p, enum vcs_type type, struct err *err)
{
    const char *ref = buf_text(&p->ref);

    if (p->repository.len == 0 && !p->repository.over)
        return missing(err, type == VCS_GITHUB ? "repository.full_name"
                                               : "project.path_with_namespace");
    if (p->repository.over || repository_check(type, buf_text(&p->repository), err) < 0)
        return err_set(err, ERR_INPUT, "the payload's repository is malformed");
    if (p->ref.len == 0 && !p->ref.over)
        return missing(err, "ref");
    if (p->ref.over)
        return err_set(err, ERR_INPUT, "ref must have 1 to 255 characters");
    if (ref_check(ref, err) < 0)
        return -1;
    if (strncmp(ref, HEADS, strlen(HEADS)) != 0 && strncmp(ref, TAGS, strlen(TAGS)) != 0)
        return err_set(err, ERR_INPUT, "ref must begin with " HEADS " or " TAGS);
    return 0;
}

static void set_commit(struct push *push, const struct buf *commit)
{
    AUTO(auto_free) char *lower = ref_canonical(buf_text(commit));

    memcpy(push->commit, lower, sizeof push->commit);
}

/* The tag's own object is no commit, when it is an annotated one. */
static int judge_commit(const struct push_payload *p, struct push *push, struct err *err)
{
    bool is_tag = strncmp(push->ref, TAGS, strlen(TAGS)) == 0;
    const struct buf *commit = is_tag && p->named.len > 0 ? &p->named : &p->after;

    if (p->after.len == 0)
        return missing(err, "after");
    push->deleted = p->deleted || is_nothing(&p->after);
    if (push->deleted)
        return 0;
    if (!ref_is_commit_id(buf_text(&p->after)) || !ref_is_commit_id(buf_text(commit)))
        return err_set(err, ERR_INPUT,
                       "the payload's commit is no id of 40 hexadecimal digits");
    set_commit(push, commit);
    return 0;
}

static bool lists_all(const struct push_payload *p, const struct push *push)
{
    if (strncmp(push->ref, TAGS, strlen(TAGS)) == 0 || p->forced || p->created ||
        p->before.len == 0 || is_nothing(&p->before))
        return false;
    if (p->unlisted || p->paths.over || p->ids.over || p->path_count > PUSH_PATHS_MAX)
        return false;
    if (p->commits == 0 || p->commits >= PUSH_COMMITS_MAX ||
        p->total_commits > p->commits)
        return false;
    return strstr(buf_text(&p->ids), buf_text(&p->after)) != NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void take_paths(struct push_payload *p, struct push *push)
{
    const char *at;

    push->everything = !lists_all(p, push);
    if (push->everything || p->path_count == 0)
        return;
    push->paths = mem_new(p->path_count, sizeof *push->paths);
    push->text = buf_take(&p->paths);
    at = push->text;
    for (size_t i = 0; i < p->path_count; i++) {
        push->paths[i] = at;
        at += strlen(at) + 1;
    }
    push->path_count = p->path_count;
    qsort(push->paths, push->path_count, sizeof *push->paths, by_text);
}

static int judge(struct push_payload *p, enum vcs_type type, struct push *push,
                 struct err *err)
{
    struct err ignored;

    if (judge_names(p, type, err) < 0)
        return -1;
    push->type = type;
    push->repository = mem_dup(buf_text(&p->repository));
    push->ref = mem_dup(buf_text(&p->ref));
    if (p->default_branch.len > 0 &&
        ref_check(buf_text(&p->default_branch), &ignored) == 0)
        push->default_branch = mem_dup(buf_text(&p->default_branch));
    if (judge_commit(p, push, err) < 0)
        return -1;
    take_paths(p, push);
    return 0;
}

int push_parse(enum vcs_type type, const char *json, size_t len, struct push *out,
               struct err *err)
{
    AUTO(push_done) struct push push = {0};
    AUTO(push_payload_done) struct push_payload payload = push_payload_new();
    struct json_walk walk;

    if (json_walk_open(&walk, json, len, JSON_DEPTH_MAX, err) < 0)
        return err_wrap(err, "the payload is not valid JSON");
    if (json_walk_peek(&walk) != '{')
        return err_set(err, ERR_INPUT, "the payload is not a JSON object");
    push_payload_read(&walk, type, &payload);
    if (judge(&payload, type, &push, err) < 0)
        return -1;
    *out = push;
    push = (struct push){0};
    return 0;
}

void push_done(struct push *push)
{
    free(push->repository);
    free(push->ref);
    free(push->default_branch);
    free(push->text);
    free(push->paths);
    *push = (struct push){0};
}

/* ---- what it is about ---- */
static bool is_default_branch(const struct push *push)
{
    return push->default_branch != NULL &&
           strncmp(push->ref, HEADS, strlen(HEADS)) == 0 &&
           strcmp(push->ref + strlen(HEADS), push->default_branch) == 0;
}

bool push_is_of(const struct push *push, const char *ref)
{
    AUTO(auto_free) char *tracked = ref_canonical(ref);
    AUTO(auto_free) char *pushed = ref_canonical(push->ref);

    if (strcmp(ref, "HEAD") == 0)
        return is_default_branch(push);
    /* A short name may be that of a tag; "refs/heads/…" is none. */
    return strcmp(tracked, pushed) == 0 || (strncmp(pushed, TAGS, strlen(TAGS)) == 0 &&
                                            strcmp(ref, pushed + strlen(TAGS)) == 0);
}

/* The first path that does not come before the `len` bytes. */
static size_t first_from(const struct push *push, const char *start, size_t len)
{
    size_t low = 0, high = push->path_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strncmp(push->paths[middle], start, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A path that is `start`, or begins with it when there is more of it to come. */
static bool touches(const struct push *push, const char *start, size_t len, bool whole)
{
    size_t at = first_from(push, start, len);

    return at < push->path_count && strncmp(push->paths[at], start, len) == 0 &&
           (!whole || push->paths[at][len] == '\0');
}

static bool touches_n(const struct push *push, const char *path, size_t len)
{
    AUTO(auto_free) char *directory = NULL;

    if (push->everything)
        return true;
    if (len == 1 && path[0] == '.')
        return push->path_count > 0;
    directory = mem_fmt("%.*s/", (int)len, path);
    return touches(push, path, len, true) || touches(push, directory, len + 1, false);
}

bool push_touches(const struct push *push, const char *path)
{
    return touches_n(push, path, strlen(path));
}

bool push_touches_any(const struct push *push, const char *lines)
{
    while (*lines != '\0') {
        size_t len = strcspn(lines, "\n");

        if (len > 0 && touches_n(push, lines, len))
            return true;
        lines += len + (lines[len] == '\n');
    }
    return false;
}
