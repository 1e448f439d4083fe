/* What the handlers of hooks have in common. */
#ifndef KEDGE_API_HOOK_HOOKS_H
#define KEDGE_API_HOOK_HOOKS_H

#include "common/hook/hook_store.h"

struct request;

#define HOOKS_PATH "/api/v1/hooks/"

/* Answers with the hook, as the one who asks may see it. */
void hooks_show(struct request *req, unsigned status, const struct hook *hook);
/* The hook of the path, of a reply to hook_get; false when the answer is given: there is
 * none that the token may see. */
bool hooks_read(struct request *req, const struct redisReply *reply, struct hook *out);
/* 404: the hook that the path names is not there. */
void hooks_unknown(struct request *req);

#endif
