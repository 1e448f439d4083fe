/* atlantis.yaml: the file as a whole. */
#include "worker/resolve/atlantis_yaml.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/queue/batch.h"
#include "worker/resolve/atlantis_yaml_parts.h"

#define VERSION       3
#define PATTERNS_MAX  200
#define PATTERN_BYTES 1024

/* The file while it is read. */
struct file {
    struct atlantis_config config;
    const struct yaml_tree *list; /* the value of `projects`; NULL: none */
    struct project_draft *drafts; /* owned; their projects go to the config in the end */
    size_t count;
    int64_t version; /* 0: not given */
    int locks;       /* enum atlantis_locks; -1: not given */
    bool parallel_plan, parallel_apply;
};

static void file_done(struct file *file)
{
    for (size_t i = 0; i < file->count; i++)
        project_done(&file->drafts[i].project);
    free(file->drafts);
    atlantis_config_done(&file->config);
}

static int read_version(const struct yaml_tree *value, const char *key, void *out,
                        struct err *err)
{
    int64_t *version = out;

    if (yaml_read_int(value, key, version, err) < 0)
        return -1;
    if (*version != VERSION)
        return yaml_tree_bad(value, err, "%s must be %d", key, VERSION);
    return 0;
}

static int read_projects(const struct yaml_tree *value, const char *key, void *out,
                         struct err *err)
{
    struct file *file = out;

    if (value->kind != YAML_IS_LIST)
        return yaml_tree_bad(value, err, "%s must be a list of projects", key);
    file->list = value;
    for (const struct yaml_tree *item = value->child; item != NULL; item = item->next) {
        if (file->count == BATCH_RUNS_MAX)
            return yaml_tree_bad(item, err, "there are more than %d projects",
                                 BATCH_RUNS_MAX);
        file->drafts = mem_grow(file->drafts, file->count + 1, sizeof *file->drafts);
        if (project_draft_read(item, &file->drafts[file->count], err) < 0)
            return -1;
        file->count++;
    }
    return 0;
}

static int read_mode(const struct yaml_tree *value, const char *key, void *out,
                     struct err *err)
{
    static const char *const modes[] = {[AUTODISCOVER_AUTO] = "auto",
                                        [AUTODISCOVER_ENABLED] = "enabled",
                                        [AUTODISCOVER_DISABLED] = "disabled"};
    int mode = yaml_word(value, modes, ARRAY_LEN(modes));

    if (mode < 0)
        return yaml_tree_bad(value, err, "%s must be auto, enabled or disabled", key);
    *(enum atlantis_autodiscover *)out = (enum atlantis_autodiscover)mode;
    return 0;
}

static int read_ignore_paths(const struct yaml_tree *value, const char *key, void *out,
                             struct err *err)
{
    size_t count = 0;

    if (yaml_check_texts(value, key, NULL, err) < 0)
        return -1;
    for (const struct yaml_tree *item = value->child; item != NULL; item = item->next) {
        if (++count > PATTERNS_MAX)
            return yaml_tree_bad(item, err, "%s has more than %d patterns", key,
                                 PATTERNS_MAX);
        if (strlen(item->text) > PATTERN_BYTES)
            return yaml_tree_bad(item, err, "%s: a pattern is longer than %d bytes", key,
                                 PATTERN_BYTES);
        if (item->text[0] == '/')
            return yaml_tree_bad(item, err, "%s: a pattern must not begin with /", key);
        if (strpbrk(item->text, "[]{}\\") != NULL)
            return yaml_tree_bad(item, err, "%s: of patterns only *, ** and ? are read",
                                 key);
    }
    return yaml_read_texts(value, key, out, err);
}

static int read_autodiscover(const struct yaml_tree *value, const char *key, void *out,
                             struct err *err)
{
    static const struct yaml_field fields[] = {
        {"mode", read_mode, offsetof(struct atlantis_config, autodiscover)},
        {"ignore_paths", read_ignore_paths,
         offsetof(struct atlantis_config, ignore_paths)},
    };

    return yaml_fields_read(value, key, fields, ARRAY_LEN(fields), out, err);
}

/* An empty map brings none. */
static int refuse_custom(const struct yaml_tree *value, const char *key, void *out,
                         struct err *err)
{
    (void)out;
    if (value->kind == YAML_IS_MAP && value->child == NULL)
        return 0;
    return yaml_tree_bad(value, err,
                         "%s: a repository's own commands are never run here; remove the "
                         "key",
                         key);
}

#define AT(member) offsetof(struct file, member)

static const struct yaml_field file_fields[] = {
    {"version", read_version, AT(version)},
    {"projects", read_projects, 0},
    {"autodiscover", read_autodiscover, AT(config)},
    {"parallel_plan", yaml_read_bool, AT(parallel_plan)},
    {"parallel_apply", yaml_read_bool, AT(parallel_apply)},
    {"abort_on_execution_order_fail", yaml_read_bool, AT(config.abort_on_failure)},
    {"repo_locks", atlantis_read_locks, AT(locks)},
    {"workflows", refuse_custom, 0},
    {"policies", refuse_custom, 0},
    {"automerge", yaml_check_bool, 0},
    {"delete_source_branch_on_merge", yaml_check_bool, 0},
    {"emoji_reaction", yaml_check_text, 0},
    {"allowed_regexp_prefixes", yaml_check_texts, 0},
    {"silence_pr_comments", yaml_check_texts, 0},
};

/* The nearest that was given. */
static enum atlantis_locks locks_of(const struct project_draft *draft, int of_file)
{
    int locks = draft->locks >= 0     ? draft->locks
                : draft->locking >= 0 ? draft->locking
                                      : of_file;

    return locks >= 0 ? (enum atlantis_locks)locks : LOCKS_ON_PLAN;
}

/* The projects go from the drafts to the config. */
static void take_projects(struct file *file)
{
    struct atlantis_config *config = &file->config;

    config->projects = mem_new(file->count, sizeof *config->projects);
    config->count = file->count;
    for (size_t i = 0; i < file->count; i++) {
        config->projects[i] = file->drafts[i].project;
        config->projects[i].locks = locks_of(&file->drafts[i], file->locks);
    }
    file->count = 0;
}

int atlantis_config_parse(const char *text, size_t len, struct atlantis_config *out,
                          struct err *err)
{
    AUTO(auto_yaml_tree) struct yaml_tree *tree = yaml_tree_read(text, len, err);
    AUTO(file_done)
    struct file file = {.locks = -1, .parallel_plan = true, .parallel_apply = true};

    if (tree == NULL)
        return -1;
    if (!yaml_tree_is_null(tree) &&
        yaml_fields_read(tree, "the file", file_fields, ARRAY_LEN(file_fields), &file,
                         err) < 0)
        return -1;
    if (file.version == 0)
        return yaml_tree_bad(tree, err, "version is missing: write version: %d", VERSION);
    take_projects(&file);
    if (file.list != NULL && atlantis_projects_check(file.list, &file.config, err) < 0)
        return -1;
    file.config.serial_plan = !file.parallel_plan;
    file.config.serial_apply = !file.parallel_apply;
    *out = file.config;
    file.config = (struct atlantis_config){0};
    return 0;
}

void atlantis_config_done(struct atlantis_config *config)
{
    for (size_t i = 0; i < config->count; i++)
        project_done(&config->projects[i]);
    free(config->projects);
    strings_done(&config->ignore_paths);
    *config = (struct atlantis_config){0};
}

const struct atlantis_project *atlantis_config_at(const struct atlantis_config *config,
                                                  const char *directory,
                                                  const char *workspace)
{
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->projects[i].directory, directory) == 0 &&
            strcmp(config->projects[i].workspace, workspace) == 0)
            return &config->projects[i];
    return NULL;
}
