/* An order: what a workspace's stored documents amount to for the queue. */
#include "api/order.h"

#include <stdlib.h>
#include <string.h>

#include "api/hash.h"
#include "common/mem.h"
#include "common/queue.h"
#include "common/target.h"

/* Sets of WAYS orders each: a look-up reads one set, a put replaces its oldest. */
#define SETS 512 /* a power of two */
#define WAYS 4

struct orders {
    struct {
        struct order order;
        uint64_t used_at; /* 0: empty */
    } slots[SETS][WAYS];
    uint64_t clock; /* counts look-ups and puts */
};

void order_done(struct order *order)
{
    free(order->project_id);
    free(order->workspace_id);
    free(order->spec);
    free(order->ref);
    *order = (struct order){0};
}

/* ---- making one ---- */
static bool is_none(const char *object)
{
    return object == NULL || strcmp(object, "{}") == 0;
}

static bool is_plain(const struct run_spec *spec)
{
    return spec->var_file_count == 0 && spec->terraform_version == NULL &&
           is_none(spec->variables) && is_none(spec->backend_config);
}

static void fill(struct order *out, const struct run_spec *spec, const char *host)
{
    out->project_id = mem_dup(spec->project_id);
    out->workspace_id = mem_dup(spec->workspace_id);
    out->ref = mem_dup(spec->ref);
    out->plain = is_plain(spec);
    run_spec_fingerprint(spec, out->fingerprint);
    repository_id(host, spec->repository, out->repo);
    target_id(host, spec, out->target);
    registry_scope(spec->project_id, spec->workspace_id, out->scope);
}

int order_make(const struct conf *conf, const struct registry_pair *pair,
               const char *workspace_id, struct order *out, struct err *err)
{
    AUTO(run_spec_done) struct run_spec spec = {0};
    AUTO(buf_done) struct buf text = BUF_INIT(QUEUE_SPEC_BYTES);
    AUTO(auto_free) char *host = NULL;
    const char *base;

    if (registry_spec(pair->project.json, pair->workspace_json, RUN_DRIFT_CHECK,
                      pair->project.id, workspace_id, &spec, err) < 0)
        return -1;
    base = vcs_base_url(conf, spec.type);
    if (base == NULL)
        return err_set(err, ERR_INPUT, "repositories of type %s are not set up",
                       vcs_type_name(spec.type));
    run_spec_print(&spec, &text);
    if (text.over)
        return err_set(err, ERR_PERM, "the specification of %s/%s is too long",
                       pair->project.id, workspace_id);
    host = vcs_base_host(base);
    *out = (struct order){
        .spec = buf_take(&text),
        .revision = pair->project.revision,
        .allowed = repository_allowed(conf->repo_allowlist, host, spec.repository),
    };
    fill(out, &spec, host);
    return 0;
}

/* ---- the cache ---- */
struct orders *orders_new(void)
{
    return mem_new(1, sizeof(struct orders));
}

void orders_free(struct orders *orders)
{
    if (orders == NULL)
        return;
    for (size_t set = 0; set < SETS; set++)
        for (size_t way = 0; way < WAYS; way++)
            order_done(&orders->slots[set][way].order);
    free(orders);
}

static size_t set_of(const char *project_id, const char *workspace_id)
{
    return hash_text(hash_text(HASH_INIT, project_id), workspace_id) & (SETS - 1);
}

/* The way of a set that holds it, WAYS when none does. */
static size_t way_of(const struct orders *orders, size_t set, const char *project_id,
                     const char *workspace_id)
{
    size_t way = 0;

    for (; way < WAYS; way++) {
        const struct order *order = &orders->slots[set][way].order;

        if (orders->slots[set][way].used_at > 0 &&
            strcmp(order->workspace_id, workspace_id) == 0 &&
            strcmp(order->project_id, project_id) == 0)
            break;
    }
    return way;
}

const struct order *orders_find(struct orders *orders, const char *project_id,
                                const char *workspace_id)
{
    size_t set = set_of(project_id, workspace_id);
    size_t way = way_of(orders, set, project_id, workspace_id);

    if (way == WAYS)
        return NULL;
    orders->slots[set][way].used_at = ++orders->clock;
    return &orders->slots[set][way].order;
}

const struct order *orders_put(struct orders *orders, struct order *order)
{
    size_t set = set_of(order->project_id, order->workspace_id);
    size_t way = way_of(orders, set, order->project_id, order->workspace_id);

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

const struct order *orders_of(struct orders *orders, const struct conf *conf,
                              const struct registry_pair *pair, const char *workspace_id,
                              struct err *err)
{
    const struct order *found = orders_find(orders, pair->project.id, workspace_id);
    struct order order = {0};

    if (found != NULL && found->revision == pair->project.revision)
        return found;
    if (order_make(conf, pair, workspace_id, &order, err) < 0)
        return NULL;
    return orders_put(orders, &order);
}

void orders_drop(struct orders *orders, const char *project_id, const char *workspace_id)
{
    size_t set = set_of(project_id, workspace_id);
    size_t way = way_of(orders, set, project_id, workspace_id);

    if (way == WAYS)
        return;
    order_done(&orders->slots[set][way].order);
    orders->slots[set][way].used_at = 0;
}
