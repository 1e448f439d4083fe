/* Severity: the one table, first match wins. docs/API.md documents it.
 *
 * critical  the action is delete or replace, or the type or an attribute is about access
 * info      only tags, tags_all, labels, annotations or description moved
 * warning   the rest
 *
 * The keys below tags and the like are people's own words: a tag named "Role" is not an
 * attribute about access. */
#ifndef KEDGE_WORKER_REPORT_SEVERITY_H
#define KEDGE_WORKER_REPORT_SEVERITY_H

#include <stddef.h>

enum severity { SEVERITY_CRITICAL, SEVERITY_WARNING, SEVERITY_INFO, SEVERITIES };

const char *severity_name(enum severity severity);
/* `action`: create, update, delete, replace, forget, import. `attributes`: paths that
 * moved ("tags.env", "ingress[0].cidr"). */
enum severity severity_of(const char *action, const char *type,
                          const char *const *attributes, size_t count);

#endif
