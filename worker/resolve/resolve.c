/* Resolving a batch: from what was named to its targets. */
#include "worker/resolve/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/queue/target.h"
#include "worker/resolve/atlantis_yaml_tree.h"
#include "worker/resolve/resolve_parts.h"

/* Of lists of names in a message, so that it fits into struct err. */
#define MISSING_BYTES 70
#define KNOWN_BYTES   120

static void selection_done(struct selection *selection)
{
    resolved_done(&selection->found);
    free(selection->of);
}

/* NULL: a tag, a commit, or whatever HEAD is. */
static const char *branch_of(const char *ref)
{
    static const char heads[] = "refs/heads/";

    if (strncmp(ref, heads, sizeof heads - 1) == 0)
        return ref + sizeof heads - 1;
    if (strncmp(ref, "refs/", 5) == 0 || strcmp(ref, "HEAD") == 0)
        return NULL;
    return ref_is_commit_id(ref) ? NULL : ref;
}

/* ---- the list ---- */

const struct atlantis_project *selection_project(const struct selection *selection,
                                                 size_t index)
{
    if (selection->config == NULL || selection->of[index] == SIZE_MAX)
        return NULL;
    return &selection->config->projects[selection->of[index]];
}

static bool has_target(const struct selection *s, const char *directory,
                       const char *workspace)
{
    for (size_t i = 0; i < s->found.count; i++)
        if (strcmp(s->found.list[i].directory, directory) == 0 &&
            strcmp(s->found.list[i].workspace, workspace) == 0)
            return true;
    return false;
}

static const char *lock_mode_of(enum atlantis_locks locks)
{
    switch (locks) {
    case LOCKS_ON_APPLY:
        return "on_apply";
    case LOCKS_DISABLED:
        return "disabled";
    case LOCKS_ON_PLAN:
        break;
    }
    return NULL;
}

static struct resolved_target target_of(const struct atlantis_project *project,
                                        const char *directory, const char *workspace)
{
    struct resolved_target target = {.directory = mem_dup(directory),
                                     .workspace = mem_dup(workspace)};

    if (project == NULL)
        return target;
    target.project_name = mem_dup(project->name);
    target.terraform_version = mem_dup(project->terraform_version);
    target.plan_requirements = mem_dup(project->plan_requirements);
    target.apply_requirements = mem_dup(project->apply_requirements);
    target.lock_mode = lock_mode_of(project->locks);
    return target;
}

static int add(struct selection *s, const struct atlantis_project *project,
               const char *directory, const char *workspace, struct err *err)
{
    size_t at = s->found.count;

    if (at == BATCH_RUNS_MAX)
        return err_set(err, ERR_INPUT,
                       "this would be more than %d projects; name fewer of them",
                       BATCH_RUNS_MAX);
    s->found.list = mem_grow(s->found.list, at + 1, sizeof *s->found.list);
    s->of = mem_grow(s->of, at + 1, sizeof *s->of);
    s->found.list[at] = target_of(project, directory, workspace);
    s->of[at] = project != NULL ? (size_t)(project - s->config->projects) : SIZE_MAX;
    s->found.count++;
    return 0;
}

static int add_once(struct selection *s, const struct atlantis_project *project,
                    const char *directory, const char *workspace, struct err *err)
{
    if (has_target(s, directory, workspace))
        return err_set(err, ERR_INPUT, "directory %s with workspace %s is named twice",
                       directory, workspace);
    return add(s, project, directory, workspace, err);
}

/* ---- by name ---- */

static const struct atlantis_project *project_named(const struct selection *s,
                                                    const char *name)
{
    for (size_t i = 0; s->config != NULL && i < s->config->count; i++)
        if (s->config->projects[i].name != NULL &&
            strcmp(s->config->projects[i].name, name) == 0)
            return &s->config->projects[i];
    return NULL;
}

/* "a, b, and 7 more": the first always, then as many as there is room for. */
static void join(const struct strings *names, size_t room, struct buf *out)
{
    for (size_t i = 0; i < names->count; i++) {
        struct yaml_shown name = yaml_shown(names->list[i]);

        if (i > 0 && out->len + strlen(name.text) + sizeof ", , and 500 more" > room) {
            buf_fmt(out, ", and %zu more", names->count - i);
            return;
        }
        buf_fmt(out, "%s%s", i > 0 ? ", " : "", name.text);
    }
}

static int unknown(const struct selection *s, const struct strings *names,
                   struct err *err)
{
    AUTO(buf_done) struct buf missing = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf known = BUF_INIT(SIZE_MAX);
    AUTO(strings_done) struct strings list = {0};

    join(names, MISSING_BYTES, &missing);
    if (s->config == NULL)
        return err_set(err, ERR_INPUT,
                       "no project %s: there is no " ATLANTIS_YAML
                       " at this commit; name directories in Paths",
                       buf_text(&missing));
    for (size_t i = 0; i < s->config->count; i++)
        if (s->config->projects[i].name != NULL)
            strings_add(&list, s->config->projects[i].name);
    join(&list, KNOWN_BYTES, &known);
    return err_set(err, ERR_INPUT, ATLANTIS_YAML " has no project %s; it has %s",
                   buf_text(&missing),
                   list.count > 0 ? buf_text(&known) : "none with a name");
}

static int check_known(const struct selection *s, struct err *err)
{
    const struct batch_names *names = &s->request->names;
    AUTO(strings_done) struct strings missing = {0};

    for (size_t i = 0; i < names->count; i++)
        if (project_named(s, names->list[i]) == NULL)
            strings_add(&missing, names->list[i]);
    return missing.count > 0 ? unknown(s, &missing, err) : 0;
}

/* What a remediation leaves of the named projects. */
static bool is_kept(const struct batch_request *request,
                    const struct atlantis_project *project)
{
    if (request->workspaces.count > 0 &&
        !batch_names_have(&request->workspaces, project->workspace))
        return false;
    return !request->drifted_only ||
           batch_paths_have(&request->drifted, project->directory, project->workspace);
}

static int add_names(struct selection *s, struct err *err)
{
    const struct batch_names *names = &s->request->names;

    if (check_known(s, err) < 0)
        return -1;
    for (size_t i = 0; i < names->count; i++) {
        const struct atlantis_project *project = project_named(s, names->list[i]);

        if (!atlantis_project_is_for(project, s->branch))
            return err_set(
                err, ERR_INPUT,
                "project %s is not for %s: its branch in " ATLANTIS_YAML " is /%s/",
                yaml_shown(project->name).text, yaml_shown(s->request->ref).text,
                yaml_shown(project->branch).text);
        if (is_kept(s->request, project) &&
            add_once(s, project, project->directory, project->workspace, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- by path, and everything ---- */

/* The project there that is for this branch; NULL: none. */
static const struct atlantis_project *project_at(const struct selection *s,
                                                 const struct batch_path *path)
{
    for (size_t i = 0; s->config != NULL && i < s->config->count; i++) {
        const struct atlantis_project *project = &s->config->projects[i];

        if (strcmp(project->directory, path->directory) == 0 &&
            strcmp(project->workspace, path->workspace) == 0 &&
            atlantis_project_is_for(project, s->branch))
            return project;
    }
    return NULL;
}

static int add_paths(struct selection *s, struct err *err)
{
    const struct batch_paths *paths = &s->request->paths;

    for (size_t i = 0; i < paths->count; i++) {
        const struct batch_path *path = &paths->list[i];

        /* of a remediation they come from the store, nobody named them */
        if (s->request->kind == BATCH_REMEDIATE &&
            has_target(s, path->directory, path->workspace))
            continue;
        if (add_once(s, project_at(s, path), path->directory, path->workspace, err) < 0)
            return -1;
    }
    return 0;
}

/* Projects that share a target, which only their names part, are one. */
static int add_all(struct selection *s, const struct resolve_tree *tree, struct err *err)
{
    AUTO(strings_done) struct strings directories = {0};

    for (size_t i = 0; s->config != NULL && i < s->config->count; i++) {
        const struct atlantis_project *project = &s->config->projects[i];

        if (atlantis_project_is_for(project, s->branch) &&
            !has_target(s, project->directory, project->workspace) &&
            add(s, project, project->directory, project->workspace, err) < 0)
            return -1;
    }
    if (resolve_discover(s->config, tree, &directories, err) < 0)
        return -1;
    for (size_t i = 0; i < directories.count; i++)
        if (add(s, NULL, directories.list[i], "default", err) < 0)
            return -1;
    return 0;
}

int resolve_batch(const struct batch_request *request,
                  const struct atlantis_config *config, const struct resolve_tree *tree,
                  struct resolved *out, struct err *err)
{
    bool all = request->kind == BATCH_DETECT && request->names.count == 0 &&
               request->paths.count == 0;
    AUTO(selection_done)
    struct selection s = {
        .request = request, .config = config, .branch = branch_of(request->ref)};

    if (all ? add_all(&s, tree, err) < 0
            : add_names(&s, err) < 0 || add_paths(&s, err) < 0)
        return -1;
    resolve_order(&s);
    /* A check that fails is no reason to leave others unchecked. */
    s.found.abort_on_failure = config != NULL && config->abort_on_failure &&
                               batch_run_kind(request) != RUN_DRIFT_CHECK;
    *out = s.found;
    s.found = (struct resolved){0};
    return 0;
}

static void target_done(struct resolved_target *target)
{
    free(target->project_name);
    free(target->directory);
    free(target->workspace);
    free(target->terraform_version);
    free(target->plan_requirements);
    free(target->apply_requirements);
    free(target->deps);
}

void resolved_done(struct resolved *resolved)
{
    for (size_t i = 0; i < resolved->count; i++)
        target_done(&resolved->list[i]);
    free(resolved->list);
    *resolved = (struct resolved){0};
}
