/* What a body makes of a hook. */
#ifndef KEDGE_API_HOOK_HOOK_FIELDS_H
#define KEDGE_API_HOOK_HOOK_FIELDS_H

#include "api/server/body.h"
#include "common/hook/hook.h"

/* What the (checked) body names goes into the hook, whose texts are then borrowed from
 * the body; its kind is not touched. A null projectId,
 * workspaceId or list of events is none. False: the hook is already as the body says. */
bool hook_edit(const cJSON *body, struct hook *hook);
/* A hook before its body: everything that need not be named. Has no id yet. */
extern const struct hook hook_defaults;

/* What concerns several fields of a hook as it would be. */
void hook_check_whole(const struct hook *hook, struct problems *problems);
/* The same of a body that would create one; its fields need not be right. */
void hook_check_create(const cJSON *body, struct problems *problems);

#endif
