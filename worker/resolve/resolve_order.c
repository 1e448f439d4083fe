/* The order of a batch: execution groups, dependencies, one after another. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "worker/resolve/resolve_parts.h"

/* Where a target stands: its group, then how many of its group must come before it. */
struct rank {
    int64_t group;
    size_t level;
    size_t index; /* in the request */
};

struct order {
    const struct selection *s;
    struct rank *ranks; /* owned; of each target */
    size_t *target_of;  /* owned; of each project of the file; SIZE_MAX: not asked for */
};

static void order_done(struct order *order)
{
    free(order->ranks);
    free(order->target_of);
}

static struct order order_begin(const struct selection *s)
{
    size_t projects = s->config != NULL ? s->config->count : 0;
    struct order order = {.s = s,
                          .ranks = mem_new(s->found.count, sizeof *order.ranks),
                          .target_of = mem_new(projects, sizeof *order.target_of)};

    for (size_t i = 0; i < projects; i++)
        order.target_of[i] = SIZE_MAX;
    for (size_t i = 0; i < s->found.count; i++) {
        const struct atlantis_project *project = selection_project(s, i);

        order.ranks[i].index = i;
        if (project == NULL)
            continue;
        order.ranks[i].group = project->execution_order_group;
        order.target_of[s->of[i]] = i;
    }
    return order;
}

/* How many projects of the file it waits for. What only looks depends on nobody. */
static size_t dependency_count(const struct order *order, size_t index)
{
    const struct atlantis_project *project = selection_project(order->s, index);

    if (!run_kind_applies(batch_run_kind(order->s->request)))
        return 0;
    return project != NULL ? project->depends_on.count : 0;
}

/* The nth of them as a target of the request; SIZE_MAX: it is none. */
static size_t dependency(const struct order *order, size_t index, size_t nth)
{
    return order->target_of[selection_project(order->s, index)->depends_at[nth]];
}

static char *deps_of(const struct order *order, size_t index)
{
    struct buf deps = BUF_INIT(SIZE_MAX);

    for (size_t i = 0; i < dependency_count(order, index); i++) {
        size_t at = dependency(order, index, i);

        if (at != SIZE_MAX)
            buf_fmt(&deps, "%s%zu", deps.len > 0 ? "," : "", at);
    }
    return buf_take(&deps);
}

/* Lifts a target above those of its group that it waits for; those of earlier groups come
 * before it anyway. Was it lower? */
static bool lift(const struct order *order, size_t index)
{
    struct rank *own = &order->ranks[index];
    bool lifted = false;

    for (size_t i = 0; i < dependency_count(order, index); i++) {
        size_t at = dependency(order, index, i);
        const struct rank *other = at != SIZE_MAX ? &order->ranks[at] : NULL;

        if (other != NULL && other->group == own->group && other->level >= own->level) {
            own->level = other->level + 1;
            lifted = true;
        }
    }
    return lifted;
}

/* Ends because dependencies do not go in a circle: atlantis_config_parse has seen to it.
 */
static void lift_all(const struct order *order)
{
    bool lifted = true;

    while (lifted) {
        lifted = false;
        for (size_t i = 0; i < order->s->found.count; i++)
            lifted = lift(order, i) || lifted;
    }
}

static int by_rank(const void *left, const void *right)
{
    const struct rank *a = left, *b = right;

    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static bool is_serial(const struct selection *s)
{
    if (s->config == NULL)
        return false;
    return run_kind_applies(batch_run_kind(s->request)) ? s->config->serial_apply
                                                        : s->config->serial_plan;
}

static bool is_same_stage(const struct rank *a, const struct rank *b)
{
    return a->group == b->group && a->level == b->level;
}

void resolve_order(struct selection *s)
{
    AUTO(order_done) struct order order = order_begin(s);
    const struct rank *ranks = order.ranks;
    bool serial = is_serial(s);
    int64_t stage = 0;

    for (size_t i = 0; i < s->found.count; i++)
        s->found.list[i].deps = deps_of(&order, i);
    lift_all(&order);
    qsort(order.ranks, s->found.count, sizeof *order.ranks, by_rank);
    for (size_t i = 0; i < s->found.count; i++) {
        stage += i > 0 && (serial || !is_same_stage(&ranks[i - 1], &ranks[i]));
        s->found.list[ranks[i].index].stage = stage;
    }
}
