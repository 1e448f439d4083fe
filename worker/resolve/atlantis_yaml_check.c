/* The projects of atlantis.yaml beside one another: what must be there once, and what
 * waits for what. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/resolve/atlantis_yaml_parts.h"

/* The index-th element of a list. */
static const struct yaml_tree *item_at(const struct yaml_tree *list, size_t index)
{
    const struct yaml_tree *item = list->child;

    while (index-- > 0)
        item = item->next;
    return item;
}

/* Where a key of a project stands, or the project. */
static const struct yaml_tree *place(const struct yaml_tree *list, size_t index,
                                     const char *key)
{
    const struct yaml_tree *project = item_at(list, index);
    const struct yaml_tree *value = yaml_tree_get(project, key);

    return value != NULL ? value : project;
}

static bool is_same_place(const struct atlantis_project *a,
                          const struct atlantis_project *b)
{
    return strcmp(a->directory, b->directory) == 0 &&
           strcmp(a->workspace, b->workspace) == 0;
}

static int check_pair(const struct yaml_tree *list, const struct atlantis_config *config,
                      size_t earlier, size_t later, struct err *err)
{
    const struct atlantis_project *a = &config->projects[earlier];
    const struct atlantis_project *b = &config->projects[later];

    if (a->name != NULL && b->name != NULL) {
        if (strcmp(a->name, b->name) != 0)
            return 0;
        return yaml_tree_bad(place(list, later, "name"), err,
                             "the name %s comes twice: give each project its own",
                             yaml_shown(b->name).text);
    }
    if (!is_same_place(a, b))
        return 0;
    return yaml_tree_bad(place(list, later, "dir"), err,
                         "dir %s with workspace %s comes twice: give both a name",
                         yaml_shown(b->directory).text, yaml_shown(b->workspace).text);
}

static int check_once(const struct yaml_tree *list, const struct atlantis_config *config,
                      struct err *err)
{
    for (size_t later = 1; later < config->count; later++)
        for (size_t earlier = 0; earlier < later; earlier++)
            if (check_pair(list, config, earlier, later, err) < 0)
                return -1;
    return 0;
}

/* ---- depends_on ---- */

/* config->count: no such name. */
static size_t index_of(const struct atlantis_config *config, const char *name)
{
    size_t i = 0;

    while (i < config->count && (config->projects[i].name == NULL ||
                                 strcmp(config->projects[i].name, name) != 0))
        i++;
    return i;
}

static bool has(const size_t *list, size_t count, size_t wanted)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == wanted)
            return true;
    return false;
}

static int find_one(const struct yaml_tree *item, const struct atlantis_config *config,
                    struct atlantis_project *project, size_t done, struct err *err)
{
    size_t found = index_of(config, item->text);

    if (found == config->count)
        return yaml_tree_bad(item, err, "depends_on: no project has the name %s",
                             yaml_shown(item->text).text);
    if (has(project->depends_at, done, found))
        return yaml_tree_bad(item, err, "depends_on: %s comes twice",
                             yaml_shown(item->text).text);
    if (config->projects[found].execution_order_group > project->execution_order_group)
        return yaml_tree_bad(item, err,
                             "depends_on: %s is of a later execution_order_group",
                             yaml_shown(item->text).text);
    project->depends_at[done] = found;
    return 0;
}

static int find_dependencies(const struct yaml_tree *tree,
                             const struct atlantis_config *config,
                             struct atlantis_project *project, struct err *err)
{
    const struct yaml_tree *item;

    if (project->depends_on.count == 0)
        return 0;
    project->depends_at = mem_new(project->depends_on.count, sizeof(size_t));
    item = yaml_tree_get(tree, "depends_on")->child;
    for (size_t i = 0; i < project->depends_on.count; i++, item = item->next)
        if (find_one(item, config, project, i, err) < 0)
            return -1;
    return 0;
}

static bool all_left_behind(const struct atlantis_project *project, const bool *gone)
{
    for (size_t i = 0; i < project->depends_on.count; i++)
        if (!gone[project->depends_at[i]])
            return false;
    return true;
}

static size_t left_dependency(const struct atlantis_project *project, const bool *gone)
{
    size_t i = 0;

    while (gone[project->depends_at[i]])
        i++;
    return project->depends_at[i];
}

/* A project of the circle that one can get to from `at`. */
static size_t in_circle(const struct atlantis_config *config, const bool *gone, size_t at)
{
    AUTO(auto_free) bool *seen = mem_new(config->count, sizeof *seen);

    while (!seen[at]) {
        seen[at] = true;
        at = left_dependency(&config->projects[at], gone);
    }
    return at;
}

/* Takes away, again and again, the projects that wait for none that is left. Some stay in
 * the end exactly when there is a circle; so does what waits behind one. */
static int check_circles(const struct yaml_tree *list,
                         const struct atlantis_config *config, struct err *err)
{
    AUTO(auto_free) bool *gone = mem_new(config->count, sizeof *gone);
    size_t left = config->count, before, at = 0;

    do {
        before = left;
        for (size_t i = 0; i < config->count; i++) {
            if (!gone[i] && all_left_behind(&config->projects[i], gone)) {
                gone[i] = true;
                left--;
            }
        }
    } while (left > 0 && left < before);
    if (left == 0)
        return 0;
    while (gone[at])
        at++;
    at = in_circle(config, gone, at);
    return yaml_tree_bad(place(list, at, "depends_on"), err,
                         "depends_on goes in a circle: %s waits for itself",
                         yaml_shown(config->projects[at].name).text);
}

int atlantis_projects_check(const struct yaml_tree *list, struct atlantis_config *config,
                            struct err *err)
{
    const struct yaml_tree *tree = list->child;

    if (check_once(list, config, err) < 0)
        return -1;
    for (size_t i = 0; i < config->count; i++, tree = tree->next)
        if (find_dependencies(tree, config, &config->projects[i], err) < 0)
            return -1;
    return check_circles(list, config, err);
}
