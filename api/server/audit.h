/* The audit of the requests: what they are about to do leaves for Redis in batches, and
 * is sent again until it is stored. A success is not answered before.
 *
 * A batch leaves in the same write as the commands of its requests; while one is on its
 * way the next one gathers until that is stored, or until it is full. So many requests
 * cost Redis few batches, which it takes once and in order (audit_append).
 * What cannot be sent waits, AUDIT_BATCHES at most; records beyond that are dropped and
 * counted. One thread. */
#ifndef KEDGE_API_SERVER_AUDIT_H
#define KEDGE_API_SERVER_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/audit/audit.h"

#define AUDIT_BATCHES 128

struct api;
struct audit;
struct request;

struct audit *audit_new(struct api *api); /* with KEDGE_AUDIT_DAYS=0 it records nothing */
void audit_free(struct audit *audit);     /* what is not stored is lost */
/* Returns the number of the batch that has the record; 0: it is not recorded. */
int64_t audit_add(struct audit *audit, const struct audit_record *record);
/* Once a turn, before the link's write. */
void audit_turn(struct audit *audit);
/* Is that batch on its way, so that it will be known in a moment whether it is stored? */
bool audit_is_on_its_way(const struct audit *audit, int64_t number);
bool audit_is_empty(const struct audit *audit); /* everything is stored */

struct audit_counters {
    int64_t records; /* taken */
    int64_t dropped; /* of more than may wait */
    int64_t waiting; /* batches that are not known to be stored */
};
struct audit_counters audit_counters(const struct audit *audit);

/* ---- of requests ---- */
/* Its checks are passed and its handler is about to be called. */
void audit_accepted(struct request *req);
/* A known token is refused, or what was accepted is. */
void audit_refused(struct request *req, unsigned status);
/* A push that is about to queue checks; `name` ("github") stands for the token. */
void audit_push(struct request *req, const char *name, const char *repository,
                const char *ref);

#endif
