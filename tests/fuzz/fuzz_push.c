/* Fuzzes the payloads of webhooks: walking through JSON sees what a tree has; a push that
 * is accepted has only names that passed their checks; a form never yields more than it
 * has. */
#include <string.h>

#include "api/server/form.h"
#include "api/webhook/push.h"
#include "common/base/json.h"
#include "common/base/json_walk.h"
#include "common/base/mem.h"
#include "common/queue/target.h"
#include "tests/fuzz/fuzz.h"

static void compare(struct json_walk *walk, const cJSON *node);

static void compare_members(struct json_walk *walk, const cJSON *node)
{
    json_walk_enter(walk);
    for (const cJSON *item = node->child; item != NULL; item = item->next) {
        char key[JSON_WALK_KEY_BYTES];

        must(json_walk_next(walk));
        if (cJSON_IsObject(node)) {
            json_walk_key(walk, key);
            must(key[0] == '\0' || strcmp(key, item->string) == 0);
        }
        compare(walk, item);
    }
    must(!json_walk_next(walk));
}

static void compare(struct json_walk *walk, const cJSON *node)
{
    struct json_walk skipped = *walk;

    json_walk_skip(&skipped);
    if (cJSON_IsObject(node) || cJSON_IsArray(node)) {
        compare_members(walk, node);
    } else if (cJSON_IsString(node)) {
        AUTO(buf_done) struct buf text = BUF_INIT(SIZE_MAX);

        must(json_walk_text(walk, &text));
        must(strcmp(buf_text(&text), node->valuestring) == 0);
    } else {
        must(json_walk_bool(walk) == cJSON_IsTrue(node));
    }
    must(walk->at == skipped.at);
}

static void fuzz_walk(const char *text, size_t len)
{
    struct json_walk walk;
    AUTO(auto_json) cJSON *doc = NULL;
    struct err err = {0};

    doc = json_parse(text, len, JSON_DEPTH_MAX, false, &err);
    must((json_walk_open(&walk, text, len, JSON_DEPTH_MAX, &err) == 0) == (doc != NULL));
    if (doc == NULL)
        return;
    compare(&walk, doc);
    must(json_walk_peek(&walk) == '\0');
}

static void check_paths(const struct push *push)
{
    must(!push->everything || push->path_count == 0);
    for (size_t i = 0; i < push->path_count; i++) {
        must(i == 0 || strcmp(push->paths[i - 1], push->paths[i]) <= 0);
        must(push->paths[i][0] == '\0' || push_touches(push, push->paths[i]));
        must(push_touches(push, "."));
    }
}

static void fuzz_parse(enum vcs_type type, const char *text, size_t len)
{
    AUTO(push_done) struct push push = {0};
    struct err err = {0};

    if (push_parse(type, text, len, &push, &err) < 0) {
        must(err.kind == ERR_INPUT && err.message[0] != '\0');
        return;
    }
    must(repository_check(type, push.repository, &err) == 0);
    must(ref_check(push.ref, &err) == 0);
    must(strchr(push.ref, '\n') == NULL && strncmp(push.ref, "refs/", 5) == 0);
    must(push_is_of(&push, push.ref));
    must(push.deleted ? push.commit[0] == '\0' : ref_is_commit_id(push.commit));
    check_paths(&push);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(auto_free) char *text = mem_dup_n((const char *)data, size);
    AUTO(buf_done) struct buf field = BUF_INIT(SIZE_MAX);

    fuzz_walk(text, size);
    fuzz_parse(VCS_GITHUB, text, size);
    fuzz_parse(VCS_GITLAB, text, size);
    if (form_field(text, size, "payload", &field)) {
        must(field.len < size);
        fuzz_parse(VCS_GITHUB, buf_text(&field), field.len);
    }
    return 0;
}
