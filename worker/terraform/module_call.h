/* Module calls in HCL text: does a call name a version, or a commit? When in doubt the
 * answer is no: then init is run once more than needed. Pure. */
#ifndef KEDGE_WORKER_TERRAFORM_MODULE_CALL_H
#define KEDGE_WORKER_TERRAFORM_MODULE_CALL_H

#include <stdbool.h>
#include <stddef.h>

/* Is there a block `module "<name>"` with an argument `version`? */
bool module_call_has_version(const char *text, size_t len, const char *name);
/* Does the source address name a commit or a release: "?ref=" with 40 hex digits or
 * something like v1.2.3? */
bool module_source_pinned(const char *source);

#endif
