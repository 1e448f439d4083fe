/* The cache of orders, and what every order of this process is made with. */
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/queue/target.h"
#include "common/registry/order.h"

/* Sets of WAYS orders each: a look-up reads one set, a put replaces its oldest. */
#define SETS 512 /* a power of two */
#define WAYS 4

struct orders {
    struct {
        struct order order;
        uint64_t used_at; /* 0: empty */
    } slots[SETS][WAYS];
    uint64_t clock;         /* counts look-ups and puts */
    const char *allowlist;  /* borrowed */
    char *hosts[VCS_TYPES]; /* owned: what `made_with` points to */
    struct order_hosts made_with;
};

struct orders *orders_new(const char *allowlist)
{
    struct orders *orders = mem_new(1, sizeof *orders);

    orders->allowlist = allowlist;
    return orders;
}

static void empty(struct orders *orders)
{
    for (size_t set = 0; set < SETS; set++)
        for (size_t way = 0; way < WAYS; way++) {
            order_done(&orders->slots[set][way].order);
            orders->slots[set][way].used_at = 0;
        }
}

void orders_free(struct orders *orders)
{
    if (orders == NULL)
        return;
    empty(orders);
    for (size_t type = 0; type < VCS_TYPES; type++)
        free(orders->hosts[type]);
    free(orders);
}

/* ---- what orders are made with ---- */
static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

void orders_set_hosts(struct orders *orders, const struct order_hosts *hosts)
{
    bool changed = false;

    for (size_t type = 0; type < VCS_TYPES; type++) {
        char *old = orders->hosts[type];

        if (is_same(old, hosts->of[type]))
            continue;
        orders->hosts[type] = hosts->of[type] != NULL ? mem_dup(hosts->of[type]) : NULL;
        orders->made_with.of[type] = orders->hosts[type];
        free(old);
        changed = true;
    }
    if (changed)
        empty(orders);
}

void orders_set_conf_hosts(struct orders *orders, const struct conf *conf)
{
    struct order_hosts hosts = {0};
    char *owned[VCS_TYPES] = {0};

    for (enum vcs_type type = 0; type < VCS_TYPES; type++) {
        const char *base = vcs_base_url(conf, type);

        owned[type] = base != NULL ? vcs_base_host(base) : NULL;
        hosts.of[type] = owned[type];
    }
    orders_set_hosts(orders, &hosts);
    for (size_t type = 0; type < VCS_TYPES; type++)
        free(owned[type]);
}

const struct order_hosts *orders_hosts(const struct orders *orders)
{
    return &orders->made_with;
}

int orders_make(const struct orders *orders, const struct registry_pair *pair,
                const char *workspace_id, enum run_kind kind, struct order *out,
                struct err *err)
{
    return order_make(&orders->made_with, orders->allowlist, pair, workspace_id, kind,
                      out, err);
}

/* ---- what is there ---- */
static size_t set_of(const char *project_id, const char *workspace_id)
{
    return hash_text(hash_text(HASH_INIT, project_id), workspace_id) & (SETS - 1);
}

static bool is_of(const struct order *order, const char *project_id,
                  const char *workspace_id)
{
    return strcmp(order->workspace_id, workspace_id) == 0 &&
           strcmp(order->project_id, project_id) == 0;
}

/* The way of a set that holds it, WAYS when none does. The kinds of one workspace share a
 * set, so that all of them are dropped by looking at one. */
static size_t way_of(const struct orders *orders, size_t set, const char *project_id,
                     const char *workspace_id, enum run_kind kind)
{
    size_t way = 0;

    for (; way < WAYS; way++) {
        const struct order *order = &orders->slots[set][way].order;

        if (orders->slots[set][way].used_at > 0 && order->kind == kind &&
            is_of(order, project_id, workspace_id))
            break;
    }
    return way;
}

const struct order *orders_find(struct orders *orders, const char *project_id,
                                const char *workspace_id, enum run_kind kind)
{
    size_t set = set_of(project_id, workspace_id);
    size_t way = way_of(orders, set, project_id, workspace_id, kind);

    if (way == WAYS)
        return NULL;
    orders->slots[set][way].used_at = ++orders->clock;
    return &orders->slots[set][way].order;
}

const struct order *orders_put(struct orders *orders, struct order *order)
{
    size_t set = set_of(order->project_id, order->workspace_id);
    size_t way = way_of(orders, set, order->project_id, order->workspace_id, order->kind);

    if (way == WAYS) {
        way = 0;
        for (size_t other = 1; other < WAYS; other++)
            if (orders->slots[set][other].used_at < orders->slots[set][way].used_at)
                way = other;
    }
    order_done(&orders->slots[set][way].order);
    orders->slots[set][way].order = *order;
    orders->slots[set][way].used_at = ++orders->clock;
    *order = (struct order){0};
    return &orders->slots[set][way].order;
}

const struct order *orders_of(struct orders *orders, const struct registry_pair *pair,
                              const char *workspace_id, enum run_kind kind,
                              struct err *err)
{
    const struct order *found = orders_find(orders, pair->project.id, workspace_id, kind);
    struct order order = {0};

    if (found != NULL && found->revision == pair->project.revision)
        return found;
    if (orders_make(orders, pair, workspace_id, kind, &order, err) < 0)
        return NULL;
    return orders_put(orders, &order);
}

void orders_drop(struct orders *orders, const char *project_id, const char *workspace_id)
{
    size_t set = set_of(project_id, workspace_id);

    for (size_t way = 0; way < WAYS; way++) {
        struct order *order = &orders->slots[set][way].order;

        if (orders->slots[set][way].used_at == 0 ||
            !is_of(order, project_id, workspace_id))
            continue;
        order_done(order);
        orders->slots[set][way].used_at = 0;
    }
}
