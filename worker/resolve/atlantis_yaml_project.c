/* A project of atlantis.yaml by itself. */
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/resolve/atlantis_yaml_parts.h"

#define REQUIREMENTS_BYTES 64 /* all of them */

static int read_name(const struct yaml_tree *value, const char *key, void *out,
                     struct err *err)
{
    if (value->kind != YAML_IS_TEXT || !atlantis_is_name(value->text))
        return yaml_tree_bad(value, err,
                             "%s must be 1 to 255 letters, digits and - _ . ~ /", key);
    return yaml_read_text(value, key, out, err);
}

static int read_branch(const struct yaml_tree *value, const char *key, void *out,
                       struct err *err)
{
    struct err why = {0};

    if (value->kind != YAML_IS_TEXT)
        return yaml_tree_bad(value, err, "%s must be a text", key);
    if (atlantis_branch_parse(value->text, out, &why) < 0)
        return yaml_tree_bad(value, err, "%s", why.message);
    return 0;
}

static int read_directory(const struct yaml_tree *value, const char *key, void *out,
                          struct err *err)
{
    struct err why = {0};

    if (value->kind != YAML_IS_TEXT || value->text[0] == '\0')
        return yaml_tree_bad(value, err, "%s must be a directory; \".\" is the top", key);
    if (strpbrk(value->text, "*?[") != NULL)
        return yaml_tree_bad(
            value, err, "%s must name one directory, patterns are not understood", key);
    if (path_normalize_dir(value->text, out, &why) < 0)
        return yaml_tree_bad(value, err, "%s: %s", key, why.message);
    return 0;
}

static int read_workspace(const struct yaml_tree *value, const char *key, void *out,
                          struct err *err)
{
    if (value->kind == YAML_IS_TEXT && value->text[0] == '\0')
        return 0;
    if (value->kind != YAML_IS_TEXT || !parse_is_tf_workspace(value->text))
        return yaml_tree_bad(
            value, err,
            "%s must be 1 to 90 letters, digits and - _ . without a leading -", key);
    return yaml_read_text(value, key, out, err);
}

static int read_version(const struct yaml_tree *value, const char *key, void *out,
                        struct err *err)
{
    const char *version = value->kind == YAML_IS_TEXT ? value->text : "";

    version += *version == 'v';
    if (!atlantis_is_version(version))
        return yaml_tree_bad(
            value, err, "%s must be one whole version like 1.5.7; ranges are not read",
            key);
    *(char **)out = mem_dup(version);
    return 0;
}

static int read_distribution(const struct yaml_tree *value, const char *key, void *out,
                             struct err *err)
{
    (void)out;
    if (value->kind == YAML_IS_TEXT &&
        (strcmp(value->text, "terraform") == 0 || strcmp(value->text, "opentofu") == 0))
        return 0;
    return yaml_tree_bad(value, err, "%s must be terraform or opentofu", key);
}

static bool has(const struct strings *strings, const char *text)
{
    for (size_t i = 0; i < strings->count; i++)
        if (strcmp(strings->list[i], text) == 0)
            return true;
    return false;
}

/* Each once. */
static int read_requirements(const struct yaml_tree *value, const char *key, void *out,
                             struct err *err)
{
    AUTO(strings_done) struct strings seen = {0};
    AUTO(buf_done) struct buf list = BUF_INIT(REQUIREMENTS_BYTES);

    if (yaml_check_texts(value, key, NULL, err) < 0)
        return -1;
    for (const struct yaml_tree *item = value->child; item != NULL; item = item->next) {
        if (strchr(item->text, ',') != NULL || !atlantis_are_requirements(item->text))
            return yaml_tree_bad(item, err,
                                 "%s has %s: there are approved, mergeable, undiverged "
                                 "and policies_passed",
                                 key, yaml_shown(item->text).text);
        if (has(&seen, item->text))
            continue;
        strings_add(&seen, item->text);
        buf_str(&list, list.len > 0 ? "," : "");
        buf_str(&list, item->text);
    }
    if (list.len > 0)
        *(char **)out = buf_take(&list);
    return 0;
}

static int check_requirements(const struct yaml_tree *value, const char *key, void *out,
                              struct err *err)
{
    AUTO(auto_free) char *ignored = NULL;

    (void)out;
    return read_requirements(value, key, &ignored, err);
}

static int read_locking(const struct yaml_tree *value, const char *key, void *out,
                        struct err *err)
{
    bool locked = true;

    if (yaml_read_bool(value, key, &locked, err) < 0)
        return -1;
    *(int *)out = locked ? LOCKS_ON_PLAN : LOCKS_DISABLED;
    return 0;
}

static int read_mode(const struct yaml_tree *value, const char *key, void *out,
                     struct err *err)
{
    static const char *const modes[] = {[LOCKS_ON_PLAN] = "on_plan",
                                        [LOCKS_ON_APPLY] = "on_apply",
                                        [LOCKS_DISABLED] = "disabled"};
    int mode = yaml_word(value, modes, ARRAY_LEN(modes));

    if (mode < 0)
        return yaml_tree_bad(value, err, "%s must be on_plan, on_apply or disabled", key);
    *(int *)out = mode;
    return 0;
}

int atlantis_read_locks(const struct yaml_tree *value, const char *key, void *out,
                        struct err *err)
{
    static const struct yaml_field fields[] = {{"mode", read_mode, 0}};

    return yaml_fields_read(value, key, fields, ARRAY_LEN(fields), out, err);
}

static int check_autoplan(const struct yaml_tree *value, const char *key, void *out,
                          struct err *err)
{
    static const struct yaml_field fields[] = {{"when_modified", yaml_check_texts, 0},
                                               {"enabled", yaml_check_bool, 0}};

    return yaml_fields_read(value, key, fields, ARRAY_LEN(fields), out, err);
}

/* The default one is what is done here anyway. */
static int check_workflow(const struct yaml_tree *value, const char *key, void *out,
                          struct err *err)
{
    (void)out;
    if (value->kind == YAML_IS_TEXT && strcmp(value->text, "default") == 0)
        return 0;
    return yaml_tree_bad(value, err,
                         "%s: custom workflows are never run here; remove the key", key);
}

static int check_policies(const struct yaml_tree *value, const char *key, void *out,
                          struct err *err)
{
    bool custom = false;

    (void)out;
    if (yaml_read_bool(value, key, &custom, err) < 0)
        return -1;
    if (custom)
        return yaml_tree_bad(value, err,
                             "%s: a repository cannot bring its own policy check; remove "
                             "the key and require policies_passed",
                             key);
    return 0;
}

#define AT(member) offsetof(struct project_draft, member)

static const struct yaml_field project_fields[] = {
    {"name", read_name, AT(project.name)},
    {"branch", read_branch, AT(project.branch)},
    {"dir", read_directory, AT(project.directory)},
    {"workspace", read_workspace, AT(project.workspace)},
    {"terraform_distribution", read_distribution, 0},
    {"terraform_version", read_version, AT(project.terraform_version)},
    {"execution_order_group", yaml_read_int, AT(project.execution_order_group)},
    {"depends_on", yaml_read_texts, AT(project.depends_on)},
    {"plan_requirements", read_requirements, AT(project.plan_requirements)},
    {"apply_requirements", read_requirements, AT(project.apply_requirements)},
    {"import_requirements", check_requirements, 0},
    {"repo_locking", read_locking, AT(locking)},
    {"repo_locks", atlantis_read_locks, AT(locks)},
    {"autoplan", check_autoplan, 0},
    {"workflow", check_workflow, 0},
    {"policy_check", yaml_check_bool, 0},
    {"custom_policy_check", check_policies, 0},
    {"delete_source_branch_on_merge", yaml_check_bool, 0},
    {"silence_pr_comments", yaml_check_texts, 0},
};

void project_done(struct atlantis_project *project)
{
    free(project->name);
    free(project->branch);
    free(project->directory);
    free(project->workspace);
    free(project->terraform_version);
    free(project->plan_requirements);
    free(project->apply_requirements);
    free(project->depends_at);
    strings_done(&project->depends_on);
    *project = (struct atlantis_project){0};
}

int project_draft_read(const struct yaml_tree *tree, struct project_draft *out,
                       struct err *err)
{
    struct project_draft draft = {.locking = -1, .locks = -1};

    if (yaml_fields_read(tree, "a project", project_fields, ARRAY_LEN(project_fields),
                         &draft, err) < 0) {
        project_done(&draft.project);
        return -1;
    }
    if (draft.project.directory == NULL) {
        project_done(&draft.project);
        return yaml_tree_bad(tree, err, "this project has no dir; \".\" is the top");
    }
    if (draft.project.workspace == NULL)
        draft.project.workspace = mem_dup("default");
    *out = draft;
    return 0;
}
