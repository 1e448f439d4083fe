/* Severity: the one table of contract section 4, first match wins. docs/API.md documents
 * it. */
#ifndef KEDGE_WORKER_SEVERITY_H
#define KEDGE_WORKER_SEVERITY_H

#include <stddef.h>

enum severity { SEVERITY_CRITICAL, SEVERITY_WARNING, SEVERITY_INFO, SEVERITIES };

const char *severity_name(enum severity severity);
/* `action`: create, update, delete, replace, forget, import. `attributes`: paths that
 * moved ("tags.env", "ingress[0].cidr"). */
enum severity severity_of(const char *action, const char *type,
                          const char *const *attributes, size_t count);

#endif
