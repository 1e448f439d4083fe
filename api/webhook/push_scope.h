/* What of a repository a project and its workspaces are about, compared with a push.
 * Pure.
 */
#ifndef KEDGE_API_WEBHOOK_PUSH_SCOPE_H
#define KEDGE_API_WEBHOOK_PUSH_SCOPE_H

#include "api/webhook/push.h"

/* Does it touch a workspace of that directory, with its var files, or anything else that
 * it reads? `reads`: see struct finish; NULL or "": not known, so everything does. */
bool push_scope_touched(const struct push *push, const char *directory,
                        const char *reads);

/* Is the stored project of the push's repository? *tracks: and is its ref, which most
 * workspaces leave to it, the pushed one? */
bool push_scope_is_of(const struct push *push, const char *project_json, bool *tracks);
/* May the stored workspace have a ref of its own? No more than a look, because there may
 * be thousands. */
bool push_scope_has_ref(const char *workspace_json);

#endif
