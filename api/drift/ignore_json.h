/* The ignore rules of a workspace as people see them. Pure. */
#ifndef KEDGE_API_DRIFT_IGNORE_JSON_H
#define KEDGE_API_DRIFT_IGNORE_JSON_H

#include "common/registry/ignore_rules.h"

struct redisReply;

/* An array as a value: the rules that hold, and those that ended in the last
 * REGISTRY_IGNORE_DAYS days. ignored: the reply of registry_get_ignored. */
void ignore_json_write(struct json_writer *w, const struct rules *rules,
                       const struct redisReply *ignored, int64_t now_ms);

#endif
