/* The object `drift` of the Atlantis family, from the counts that a run's summary and a
 * drift record hold under the same names. Pure. */
#ifndef KEDGE_API_DRIFT_JSON_H
#define KEDGE_API_DRIFT_JSON_H

#include "common/json.h"

/* What would be added, changed, destroyed and imported, in all. */
int64_t drift_json_total(const cJSON *counts);
/* Adds `key` with the object. */
void drift_json_add(struct json_writer *w, const char *key, const cJSON *counts);

#endif
