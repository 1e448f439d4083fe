/* The object `drift` of the Atlantis family, from the counts that a run's summary and a
 * drift record hold under the same names. Pure. */
#ifndef KEDGE_API_ATLANTIS_DRIFT_JSON_H
#define KEDGE_API_ATLANTIS_DRIFT_JSON_H

#include "common/base/json.h"

/* What would be added, changed, destroyed and imported, in all. */
int64_t drift_json_total(const cJSON *counts);
/* Adds "summary" of a repository's projects. */
void drift_json_add_summary(struct json_writer *w, int64_t with_drift,
                            int64_t without_drift, int64_t with_errors);
/* Adds `key` with the object. */
void drift_json_add(struct json_writer *w, const char *key, const cJSON *counts);

#endif
