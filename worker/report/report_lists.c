/* Two lists compared: elements are paired by their digests, so that a long set costs
 * sorting and not a comparison of each with each. */
#include "worker/report/report_lists.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/report/report_tree.h"

struct element {
    uint64_t digest;
    size_t index;
    const cJSON *node;
};
struct elements {
    struct element *list; /* by digest, then index */
    size_t count;
};
struct lists {
    struct tree_children side[SIDES];
    bool *same[2];         /* by SIDE_BEFORE and SIDE_AFTER: the element is left out */
    struct elements state; /* all elements of the state's list */
};

static const cJSON *element(const struct lists *lists, enum side side, size_t index)
{
    const struct tree_children *children = &lists->side[side];

    return index < children->count ? children->list[index] : NULL;
}

static size_t length(const struct lists *lists, enum side side)
{
    return lists->side[side].count;
}

static void lists_done(struct lists *lists)
{
    for (size_t i = 0; i < SIDES; i++)
        tree_children_done(&lists->side[i]);
    auto_free(&lists->same[SIDE_BEFORE]);
    auto_free(&lists->same[SIDE_AFTER]);
    auto_free(&lists->state.list);
}

static void elements_done(struct elements *elements)
{
    auto_free(&elements->list);
}

/* ---- digests ---- */

static int by_digest(const void *a, const void *b)
{
    const struct element *left = a, *right = b;

    if (left->digest != right->digest)
        return left->digest < right->digest ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

/* Elements of a side that `same` does not leave out (NULL: all). An element that is not
 * fully known equals nothing. */
static struct elements sorted_elements(const struct lists *lists, enum side side,
                                       const bool *same)
{
    const struct tree_children *children = &lists->side[side];
    struct elements elements = {0};

    elements.list = mem_new(children->count + 1, sizeof(*elements.list));
    for (size_t i = 0; i < children->count; i++) {
        if ((same && same[i]) ||
            (side == SIDE_AFTER && tree_has_true(element(lists, SIDE_UNKNOWN, i))))
            continue;
        elements.list[elements.count++] =
            (struct element){tree_digest(children->list[i]), i, children->list[i]};
    }
    qsort(elements.list, elements.count, sizeof(*elements.list), by_digest);
    return elements;
}

static const cJSON *find_equal(const struct elements *elements, const cJSON *node)
{
    struct element key = {.digest = tree_digest(node)};
    size_t low = 0, high = elements->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_digest(&elements->list[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < elements->count && elements->list[low].digest == key.digest; low++)
        if (tree_equal(elements->list[low].node, node))
            return elements->list[low].node;
    return NULL;
}

/* ---- pairing ---- */

/* Leaves out what is equal at one index. Returns how many are left, of both sides. */
static size_t leave_out_in_place(struct lists *lists)
{
    size_t before = length(lists, SIDE_BEFORE), after = length(lists, SIDE_AFTER);
    size_t left = before + after;

    for (size_t i = 0; i < before && i < after; i++) {
        bool same =
            !tree_has_true(element(lists, SIDE_UNKNOWN, i)) &&
            tree_equal(element(lists, SIDE_BEFORE, i), element(lists, SIDE_AFTER, i));
        lists->same[SIDE_BEFORE][i] = lists->same[SIDE_AFTER][i] = same;
        left -= same ? 2 : 0;
    }
    return left;
}

/* Leaves out what is equal at different indexes. Returns how many are left. */
static size_t leave_out_moved(struct lists *lists, size_t left)
{
    AUTO(elements_done) struct elements before = {0};
    AUTO(elements_done) struct elements after = {0};
    size_t i = 0, j = 0;

    before = sorted_elements(lists, SIDE_BEFORE, lists->same[SIDE_BEFORE]);
    after = sorted_elements(lists, SIDE_AFTER, lists->same[SIDE_AFTER]);
    while (i < before.count && j < after.count) {
        const struct element *a = &before.list[i], *b = &after.list[j];
        if (a->digest == b->digest && tree_equal(a->node, b->node)) {
            lists->same[SIDE_BEFORE][a->index] = true;
            lists->same[SIDE_AFTER][b->index] = true;
            left -= 2;
        }
        i += a->digest <= b->digest;
        j += b->digest <= a->digest;
    }
    return left;
}

static void pair(struct lists *lists)
{
    size_t before = length(lists, SIDE_BEFORE), after = length(lists, SIDE_AFTER);
    size_t left = leave_out_in_place(lists);

    /* One on each side is the same index of both, or there is nothing to pair. */
    if (left <= 2 && before == after)
        return;
    if (before && after && leave_out_moved(lists, left) == 0)
        leave_out_in_place(lists); /* only the order differs */
}

/* ---- the visit ---- */

/* The state's element that says who moved this one: of a pair the one with its index, of
 * an element on one side only its equal, wherever that stands. */
static const cJSON *state_of(const struct lists *lists, size_t index,
                             const struct place *at)
{
    const cJSON *before = at->side[SIDE_BEFORE], *after = at->side[SIDE_AFTER];

    if (before && (after || at->side[SIDE_UNKNOWN]))
        return element(lists, SIDE_STATE, index);
    return find_equal(&lists->state, before ? before : after);
}

static void visit_index(struct walk *walk, const struct lists *lists, size_t index,
                        const struct place *above)
{
    struct place at = *above;

    for (size_t side = 0; side < SIDES; side++)
        at.side[side] = element(lists, (enum side)side, index);
    if (at.side[SIDE_BEFORE] && lists->same[SIDE_BEFORE][index])
        at.side[SIDE_BEFORE] = NULL;
    if (at.side[SIDE_AFTER] && lists->same[SIDE_AFTER][index])
        at.side[SIDE_AFTER] = at.side[SIDE_UNKNOWN] = NULL;
    if (!at.side[SIDE_BEFORE] && !at.side[SIDE_AFTER] && !at.side[SIDE_UNKNOWN])
        return;
    at.side[SIDE_STATE] = walk->sides->drifted ? state_of(lists, index, &at) : NULL;
    walk_element(walk, index, at);
}

void lists_visit(struct walk *walk, const struct place *at)
{
    AUTO(lists_done) struct lists lists = {0};
    size_t count = 0;

    for (size_t side = 0; side < SIDES; side++)
        if (cJSON_IsArray(at->side[side]))
            tree_children_init(&lists.side[side], at->side[side]);
    lists.same[SIDE_BEFORE] = mem_new(length(&lists, SIDE_BEFORE) + 1, sizeof(bool));
    lists.same[SIDE_AFTER] = mem_new(length(&lists, SIDE_AFTER) + 1, sizeof(bool));
    if (!at->unknown)
        pair(&lists);
    if (walk->sides->drifted)
        lists.state = sorted_elements(&lists, SIDE_STATE, NULL);
    for (size_t side = SIDE_BEFORE; side <= SIDE_UNKNOWN; side++)
        if (length(&lists, (enum side)side) > count)
            count = length(&lists, (enum side)side);
    for (size_t i = 0; i < count; i++)
        visit_index(walk, &lists, i, at);
}
