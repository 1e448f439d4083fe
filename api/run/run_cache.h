/* Answers to GET of a run, kept by the run's version, so that polling a run that has not
 * changed costs one field of Redis.
 *
 * Only answers that the version tells apart are kept: those of runs that found drift
 * depend on the ignore rules too. Each is good for a few seconds, because a result may be
 * dropped for age without a new version. Bounded: some hundred small bodies; a new one
 * takes the place of whatever its id collides with. */
#ifndef KEDGE_API_RUN_RUN_CACHE_H
#define KEDGE_API_RUN_RUN_CACHE_H

#include "api/run/run_json.h"

#define RUN_CACHE_BODY_MAX 8192

struct run_cache;

struct cached_run {
    char id[SIGN_UUID_BYTES]; /* "": empty */
    char version[48];
    char project_id[65]; /* "": none */
    char etag[RUN_ETAG_BYTES];
    bool ended;
    char *body; /* owned */
    size_t len;
    int64_t until_mono_ms;
};

struct run_cache *run_cache_new(void);
void run_cache_free(struct run_cache *cache);
/* NULL: not there, or too old. Valid until the next put. */
const struct cached_run *run_cache_find(const struct run_cache *cache, const char *id);
/* Keeps a copy, unless the body is too long. */
void run_cache_put(struct run_cache *cache, const struct run_note *note, const char *etag,
                   const struct buf *body);

#endif
