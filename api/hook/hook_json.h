/* A hook, and what was sent to it, as they are shown. */
#ifndef KEDGE_API_HOOK_HOOK_JSON_H
#define KEDGE_API_HOOK_HOOK_JSON_H

#include "common/base/json.h"
#include "common/hook/outbox.h"

/* Never a secret. The URL of a hook lets whoever has it post there, so that those who may
 * only read see its beginning (mask_url). */
void hook_json(struct json_writer *w, const struct hook *hook, bool mask_url,
               int64_t now_ms);
/* with_event: the whole event, null when it is forgotten. */
void delivery_json(struct json_writer *w, const struct delivery *delivery,
                   bool with_event);
/* The event that tries a hook: type test. public_url: NULL, or where this API is. */
void hook_test_json(struct json_writer *w, const char *hook_id, const char *public_url,
                    int64_t now_ms);

#endif
