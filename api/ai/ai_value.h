/* One drifted resource as a model may see it. Pure. */
#ifndef KEDGE_API_AI_AI_VALUE_H
#define KEDGE_API_AI_AI_VALUE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/base/json.h"

/* Appends the resource's JSON; without values only their names are told. What is cut says
 * so. */
void ai_value_resource(struct json_writer *w, const cJSON *resource, bool with_values);

#endif
