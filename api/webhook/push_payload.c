/* What the payload of a push says. */
#include "api/webhook/push_payload.h"

#include <string.h>

#include "common/base/mem.h"

#define NAME_BYTES ((size_t)1024) /* of a ref or repository, with room for its rules */
#define TEXT_BYTES ((size_t)4 << 20)
/* GitHub names no more files of a commit. */
#define FILES_OF_COMMIT_MAX 3000

struct push_payload push_payload_new(void)
{
    struct push_payload p = {.total_commits = -1};

    buf_init(&p.repository, NAME_BYTES);
    buf_init(&p.ref, NAME_BYTES);
    buf_init(&p.before, NAME_BYTES);
    buf_init(&p.after, NAME_BYTES);
    buf_init(&p.named, NAME_BYTES);
    buf_init(&p.default_branch, NAME_BYTES);
    buf_init(&p.paths, TEXT_BYTES);
    buf_init(&p.ids, TEXT_BYTES);
    return p;
}

void push_payload_done(struct push_payload *p)
{
    buf_done(&p->repository);
    buf_done(&p->ref);
    buf_done(&p->before);
    buf_done(&p->after);
    buf_done(&p->named);
    buf_done(&p->default_branch);
    buf_done(&p->paths);
    buf_done(&p->ids);
}

static bool is(const char *key, const char *name)
{
    return strcmp(key, name) == 0;
}

/* ---- the commits ---- */
/* How many files the list has; -1: it is none. */
static int64_t read_files(struct json_walk *walk, struct push_payload *p)
{
    int64_t count = 0;

    if (json_walk_peek(walk) != '[') {
        json_walk_skip(walk);
        return -1;
    }
    json_walk_enter(walk);
    while (json_walk_next(walk)) {
        if (!json_walk_text(walk, &p->paths))
            p->unlisted = true;
        buf_append(&p->paths, "", 1);
        p->path_count++;
        count++;
    }
    return count;
}

static void read_commit(struct json_walk *walk, struct push_payload *p)
{
    static const char *const lists[] = {"added", "removed", "modified"};
    char key[JSON_WALK_KEY_BYTES];
    size_t found = 0;
    int64_t files = 0;

    json_walk_enter(walk);
    while (json_walk_next(walk)) {
        size_t list = 0;

        json_walk_key(walk, key);
        while (list < ARRAY_LEN(lists) && !is(key, lists[list]))
            list++;
        if (list < ARRAY_LEN(lists)) {
            int64_t count = read_files(walk, p);

            found += count >= 0;
            files += count;
        } else if (is(key, "id")) {
            buf_char(&p->ids, ' ');
            json_walk_text(walk, &p->ids);
        } else {
            json_walk_skip(walk);
        }
    }
    if (found < ARRAY_LEN(lists) || files >= FILES_OF_COMMIT_MAX)
        p->unlisted = true;
}

static void read_commits(struct json_walk *walk, struct push_payload *p)
{
    if (json_walk_peek(walk) != '[') {
        json_walk_skip(walk);
        return;
    }
    json_walk_enter(walk);
    while (json_walk_next(walk)) {
        p->commits++;
        if (json_walk_peek(walk) == '{') {
            read_commit(walk, p);
        } else {
            p->unlisted = true;
            json_walk_skip(walk);
        }
    }
}

/* ---- the rest ---- */
/* One text of an object, two at most. */
static void read_texts(struct json_walk *walk, const char *name, struct buf *out,
                       const char *other_name, struct buf *other)
{
    char key[JSON_WALK_KEY_BYTES];

    if (json_walk_peek(walk) != '{') {
        json_walk_skip(walk);
        return;
    }
    json_walk_enter(walk);
    while (json_walk_next(walk)) {
        json_walk_key(walk, key);
        if (is(key, name))
            json_walk_text(walk, out);
        else if (other_name != NULL && is(key, other_name))
            json_walk_text(walk, other);
        else
            json_walk_skip(walk);
    }
}

static bool read_github(struct json_walk *walk, const char *key, struct push_payload *p)
{
    if (is(key, "repository"))
        read_texts(walk, "full_name", &p->repository, "default_branch",
                   &p->default_branch);
    else if (is(key, "head_commit"))
        read_texts(walk, "id", &p->named, NULL, NULL);
    else if (is(key, "forced"))
        p->forced = json_walk_bool(walk);
    else if (is(key, "created"))
        p->created = json_walk_bool(walk);
    else if (is(key, "deleted"))
        p->deleted = json_walk_bool(walk);
    else
        return false;
    return true;
}

static bool read_gitlab(struct json_walk *walk, const char *key, struct push_payload *p)
{
    if (is(key, "project"))
        read_texts(walk, "path_with_namespace", &p->repository, "default_branch",
                   &p->default_branch);
    else if (is(key, "checkout_sha"))
        json_walk_text(walk, &p->named);
    else if (is(key, "total_commits_count"))
        p->total_commits = json_walk_int(walk, -1);
    else
        return false;
    return true;
}

void push_payload_read(struct json_walk *walk, enum vcs_type type, struct push_payload *p)
{
    char key[JSON_WALK_KEY_BYTES];

    json_walk_enter(walk);
    while (json_walk_next(walk)) {
        json_walk_key(walk, key);
        if (is(key, "ref"))
            json_walk_text(walk, &p->ref);
        else if (is(key, "before"))
            json_walk_text(walk, &p->before);
        else if (is(key, "after"))
            json_walk_text(walk, &p->after);
        else if (is(key, "commits"))
            read_commits(walk, p);
        else if (type == VCS_GITHUB ? !read_github(walk, key, p)
                                    : !read_gitlab(walk, key, p))
            json_walk_skip(walk);
    }
}
