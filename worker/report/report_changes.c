/* The attribute diff of one resource: the walk over all sides at once. */
#include "worker/report/report_changes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/sign.h"
#include "worker/report/report_lists.h"
#include "worker/report/report_tree.h"
#include "worker/report/report_walk.h"

#define SENSITIVE "\"(sensitive)\""
#define UNKNOWN   "\"(known after apply)\""

const char *change_action_name(enum change_action action)
{
    static const char *const names[CHANGE_ACTIONS] = {[CHANGE_CREATE] = "create",
                                                      [CHANGE_UPDATE] = "update",
                                                      [CHANGE_DELETE] = "delete"};
    return names[action];
}

const char *origin_name(enum origin origin)
{
    static const char *const names[ORIGINS] = {
        [ORIGIN_CODE] = "code", [ORIGIN_OUTSIDE] = "outside", [ORIGIN_BOTH] = "both"};
    return names[origin];
}

/* ---- one leaf ---- */

char *change_cut_text(const char *json)
{
    char digest[SIGN_HEX_BYTES];
    size_t len = strlen(json);

    sign_sha256_hex(json, len, digest);
    return mem_fmt("\"(left out: %zu bytes, sha256 %.16s)\"", len, digest);
}

static char *value_text(struct walk *walk, const cJSON *value, bool *cut)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SIZE_MAX);

    json_print(value, &text);
    if (text.len <= walk->value_max)
        return buf_take(&text);
    *cut = true;
    return change_cut_text(buf_text(&text));
}

static enum origin leaf_origin(const struct walk *walk, const struct place *at)
{
    const cJSON *const *side = at->side;

    if (walk->sides->gone)
        return ORIGIN_OUTSIDE;
    if (!walk->sides->drifted || tree_equal(side[SIDE_STATE], side[SIDE_BEFORE]))
        return ORIGIN_CODE;
    if (at->unknown || tree_equal(side[SIDE_STATE], side[SIDE_AFTER]))
        return ORIGIN_OUTSIDE;
    return ORIGIN_BOTH;
}

static void add_change(struct changes *changes, struct change change)
{
    if (changes->count == changes->cap) {
        changes->cap = changes->cap ? 2 * changes->cap : 8;
        changes->list = mem_grow(changes->list, changes->cap, sizeof(*changes->list));
    }
    changes->list[changes->count++] = change;
    changes->bytes += strlen(change.attribute);
    changes->bytes += change.before ? strlen(change.before) : 0;
    changes->bytes += change.after ? strlen(change.after) : 0;
}

/* Worth a word where only one side has what it is part of? */
static bool is_set(const cJSON *value)
{
    return value && !((cJSON_IsObject(value) || cJSON_IsArray(value)) && !value->child);
}

static bool leaf_changed(const struct place *at, const cJSON *before, const cJSON *after)
{
    if (tree_has_true(at->side[SIDE_UNKNOWN]))
        return true;
    if (at->lone && !is_set(before) && !is_set(after))
        return false;
    return at->unknown || !tree_equal(before, after);
}

static void leaf(struct walk *walk, const struct place *at)
{
    const cJSON *before = tree_value(at->side[SIDE_BEFORE]);
    const cJSON *after = tree_value(at->side[SIDE_AFTER]);
    struct change change = {.sensitive = at->sensitive};
    bool has_after = after || at->unknown;

    if (walk->path.len == 0 || !leaf_changed(at, before, after))
        return;
    change.attribute = mem_dup(buf_text(&walk->path));
    change.action = !before ? CHANGE_CREATE : !has_after ? CHANGE_DELETE : CHANGE_UPDATE;
    change.origin = leaf_origin(walk, at);
    change.follows = at->unknown && change.origin == ORIGIN_CODE;
    if (before)
        change.before =
            at->sensitive ? mem_dup(SENSITIVE) : value_text(walk, before, &change.cut);
    if (has_after)
        change.after = at->sensitive ? mem_dup(SENSITIVE)
                       : at->unknown ? mem_dup(UNKNOWN)
                                     : value_text(walk, after, &change.cut);
    add_change(walk->out, change);
}

/* ---- paths ---- */

static bool is_identifier(const char *key)
{
    if (!isalpha((unsigned char)key[0]) && key[0] != '_')
        return false;
    for (; *key; key++)
        if (!isalnum((unsigned char)*key) && *key != '_' && *key != '-')
            return false;
    return true;
}

static void push_key(struct buf *path, const char *key)
{
    struct json_writer writer;

    if (is_identifier(key)) {
        if (path->len > 0)
            buf_char(path, '.');
        buf_str(path, key);
        return;
    }
    json_open(&writer, path);
    buf_char(path, '[');
    json_text(&writer, key);
    buf_char(path, ']');
}

static void pop_to(struct buf *path, size_t len)
{
    if (path->len > len)
        path->data[path->len = len] = '\0';
}

void walk_element(struct walk *walk, size_t index, struct place at)
{
    size_t len = walk->path.len;

    buf_fmt(&walk->path, "[%zu]", index);
    walk_visit(walk, at);
    pop_to(&walk->path, len);
}

/* ---- objects ---- */

struct members {
    struct tree_children side[SIDES];
    size_t next[SIDES];
};

static void members_done(struct members *members)
{
    for (size_t i = 0; i < SIDES; i++)
        tree_children_done(&members->side[i]);
}

static const cJSON *next_member(const struct members *members, size_t side)
{
    return members->next[side] < members->side[side].count
               ? members->side[side].list[members->next[side]]
               : NULL;
}

/* The least key that before, after or unknown have not been visited with; NULL: none. */
static const char *next_key(const struct members *members)
{
    const char *least = NULL;

    for (size_t side = SIDE_BEFORE; side <= SIDE_UNKNOWN; side++) {
        const cJSON *member = next_member(members, side);
        if (member && (!least || strcmp(member->string, least) < 0))
            least = member->string;
    }
    return least;
}

static const cJSON *take_member(struct members *members, size_t side, const char *key)
{
    const cJSON *member;

    while ((member = next_member(members, side)) && strcmp(member->string, key) < 0)
        members->next[side]++;
    if (!member || strcmp(member->string, key) != 0)
        return NULL;
    members->next[side]++;
    return member;
}

static void visit_object(struct walk *walk, const struct place *above)
{
    AUTO(members_done) struct members members = {0};
    size_t len = walk->path.len;
    const char *key;

    for (size_t side = 0; side < SIDES; side++)
        if (cJSON_IsObject(above->side[side]))
            tree_children_init(&members.side[side], above->side[side]);
    while ((key = next_key(&members))) {
        struct place at = *above;
        for (size_t side = 0; side < SIDES; side++)
            at.side[side] = take_member(&members, side, key);
        push_key(&walk->path, key);
        walk_visit(walk, at);
        pop_to(&walk->path, len);
    }
}

/* ---- the walk ---- */

static void visit_container(struct walk *walk, struct place at, bool is_object)
{
    bool has_after =
        tree_value(at.side[SIDE_AFTER]) || tree_is_container(at.side[SIDE_UNKNOWN]);

    at.lone = at.lone || at.unknown || !tree_value(at.side[SIDE_BEFORE]) || !has_after;
    if (is_object)
        visit_object(walk, &at);
    else
        lists_visit(walk, &at);
}

/* Do the two sides hold things of different kinds, one of them with something in it? */
static bool kinds_differ(const cJSON *before, const cJSON *after)
{
    if (!tree_value(before) || !tree_value(after))
        return false;
    if (!tree_is_container(before) && !tree_is_container(after))
        return false;
    return cJSON_IsObject(before) != cJSON_IsObject(after) ||
           cJSON_IsArray(before) != cJSON_IsArray(after);
}

void walk_visit(struct walk *walk, struct place at)
{
    const cJSON *before = at.side[SIDE_BEFORE], *after, *inside;

    at.sensitive =
        cJSON_IsTrue(at.side[SIDE_BEFORE_MASK]) || cJSON_IsTrue(at.side[SIDE_AFTER_MASK]);
    at.unknown = at.unknown || (at.sensitive ? tree_has_true(at.side[SIDE_UNKNOWN])
                                             : cJSON_IsTrue(at.side[SIDE_UNKNOWN]));
    after = at.side[SIDE_AFTER];
    /* A container all of whose members are unknown is empty or missing in `after`. */
    if (!tree_is_container(after) && tree_has_true(at.side[SIDE_UNKNOWN]) && !at.unknown)
        after = at.side[SIDE_UNKNOWN];
    if (!at.sensitive && kinds_differ(before, after)) {
        struct place gone = at, come = at;
        gone.side[SIDE_AFTER] = gone.side[SIDE_UNKNOWN] = NULL;
        come.side[SIDE_BEFORE] = NULL;
        walk_visit(walk, gone);
        walk_visit(walk, come);
        return;
    }
    inside = tree_is_container(before) ? before : tree_is_container(after) ? after : NULL;
    if (inside && !at.sensitive)
        visit_container(walk, at, cJSON_IsObject(inside));
    else
        leaf(walk, &at);
}

void changes_find(const struct change_sides *sides, size_t value_max, struct changes *out)
{
    struct walk walk = {.sides = sides, .value_max = value_max, .out = out};
    struct place root = {.side = {
                             [SIDE_BEFORE] = sides->before,
                             [SIDE_AFTER] = sides->after,
                             [SIDE_UNKNOWN] = sides->after_unknown,
                             [SIDE_STATE] = sides->drifted ? sides->state : NULL,
                             [SIDE_BEFORE_MASK] = sides->before_sensitive,
                             [SIDE_AFTER_MASK] = sides->after_sensitive,
                         }};

    buf_init(&walk.path, SIZE_MAX);
    walk_visit(&walk, root);
    buf_done(&walk.path);
}

void changes_done(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        auto_free(&changes->list[i].attribute);
        auto_free(&changes->list[i].before);
        auto_free(&changes->list[i].after);
    }
    auto_free(&changes->list);
    *changes = (struct changes){0};
}
