/* Severity: the table, and how its patterns are matched. */
#include "worker/report/severity.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"

/* Losing a thing is always critical. */
static const char *const critical_actions[] = {"delete", "replace"};

/* Who may reach or read a thing: globs over types and attribute paths, letter case does
 * not matter. */
static const char *const access_patterns[] = {
    "*iam*",      "*policy*", "*security_group*", "*firewall*", "*acl*",    "*public*",
    "*role*",     "*kms*",    "*encrypt*",        "*ingress*",  "*egress*", "*cidr*",
    "*password*", "*secret*",
};

/* Attributes that only describe. What stands below them are keys that people choose: a
 * tag named "Role" is not about access. */
static const char *const describing[] = {"tags", "tags_all", "labels", "annotations",
                                         "description"};

const char *severity_name(enum severity severity)
{
    static const char *const names[SEVERITIES] = {
        [SEVERITY_CRITICAL] = "critical",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_INFO] = "info",
    };
    return names[severity];
}

static bool is_access(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(access_patterns); i++)
        if (parse_glob(access_patterns[i], text, true))
            return true;
    return false;
}

static bool is_describing(const char *attribute)
{
    size_t len = strcspn(attribute, ".[");

    for (size_t i = 0; i < ARRAY_LEN(describing); i++)
        if (strlen(describing[i]) == len && memcmp(describing[i], attribute, len) == 0)
            return true;
    return false;
}

static bool is_critical_action(const char *action)
{
    for (size_t i = 0; i < ARRAY_LEN(critical_actions); i++)
        if (strcmp(critical_actions[i], action) == 0)
            return true;
    return false;
}

enum severity severity_of(const char *action, const char *type,
                          const char *const *attributes, size_t count)
{
    size_t describing_count = 0;

    if (is_critical_action(action) || is_access(type))
        return SEVERITY_CRITICAL;
    for (size_t i = 0; i < count; i++) {
        if (is_describing(attributes[i]))
            describing_count++;
        else if (is_access(attributes[i]))
            return SEVERITY_CRITICAL;
    }
    return count > 0 && describing_count == count ? SEVERITY_INFO : SEVERITY_WARNING;
}
