/* Answers to GET of a run, kept by the run's version. */
#include "api/run/run_cache.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/mem.h"

#define SLOTS   256 /* a power of two */
#define KEPT_MS 10000

struct run_cache {
    struct cached_run slots[SLOTS];
};

struct run_cache *run_cache_new(void)
{
    return mem_new(1, sizeof(struct run_cache));
}

void run_cache_free(struct run_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        free(cache->slots[i].body);
    free(cache);
}

static size_t slot_of(const char *id)
{
    return hash_text(HASH_INIT, id) & (SLOTS - 1);
}

const struct cached_run *run_cache_find(const struct run_cache *cache, const char *id)
{
    const struct cached_run *cached = &cache->slots[slot_of(id)];

    if (cached->body == NULL || strcmp(cached->id, id) != 0 ||
        clock_mono_ms() >= cached->until_mono_ms)
        return NULL;
    return cached;
}

void run_cache_put(struct run_cache *cache, const struct run_note *note, const char *etag,
                   const struct buf *body)
{
    struct cached_run *cached = &cache->slots[slot_of(note->id)];

    if (body->len > RUN_CACHE_BODY_MAX)
        return;
    free(cached->body);
    *cached = (struct cached_run){.body = mem_dup_n(body->data, body->len),
                                  .len = body->len,
                                  .ended = run_status_ended(note->status),
                                  .until_mono_ms = clock_mono_ms() + KEPT_MS};
    memcpy(cached->id, note->id, sizeof cached->id);
    memcpy(cached->version, note->version, sizeof cached->version);
    memcpy(cached->project_id, note->project_id, sizeof cached->project_id);
    memcpy(cached->etag, etag, strlen(etag) + 1);
}
