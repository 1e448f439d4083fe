/* Which webhooks we were sent have been dealt with.
 *
 * Key: delivered:<id of (source, delivery)> STRING "1", for WEBHOOK_REMEMBER_MS. */
#ifndef KEDGE_COMMON_HOOK_WEBHOOK_STORE_H
#define KEDGE_COMMON_HOOK_WEBHOOK_STORE_H

#include "common/base/sign.h"
#include "common/redis/redis.h"

#define WEBHOOK_REMEMBER_MS (INT64_C(4) * 24 * 60 * 60 * 1000)

/* The reply is 1 when it has been dealt with, else 0. */
void webhook_seen(struct redis_cmd *cmd, const char *prefix,
                  const char id[SIGN_ID_BYTES]);
void webhook_remember(struct redis_cmd *cmd, const char *prefix,
                      const char id[SIGN_ID_BYTES]);

#endif
