/* atlantis.yaml of a commit: whose project a target is, and what a batch means. */
#include <string.h>

#include "common/base/mem.h"
#include "worker/checkout/checkout_parts.h"
#include "worker/resolve/atlantis_yaml.h"
#include "worker/resolve/resolve.h"

static void auto_tree(git_tree **tree)
{
    git_tree_free(*tree);
}

static void auto_blob(git_blob **blob)
{
    git_blob_free(*blob);
}

/* ---- the file ---- */

static int bad_file(const char *why, struct checkout_fault *fault, struct err *err)
{
    fault->error = RUN_ERR_CONFIG_INVALID;
    return err_set(err, ERR_PERM, ATLANTIS_YAML " %s", why);
}

static bool is_plain(const git_tree_entry *entry)
{
    git_filemode_t mode = git_tree_entry_filemode(entry);

    return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

static int check_size(git_repository *repo, const git_oid *id,
                      struct checkout_fault *fault, struct err *err)
{
    git_odb *odb = NULL;
    git_object_t type = GIT_OBJECT_INVALID;
    size_t size = 0;
    int rc = git_repository_odb(&odb, repo);

    if (rc == 0)
        rc = git_odb_read_header(&size, &type, odb, id);
    git_odb_free(odb);
    if (rc < 0)
        return checkout_cache_error(ATLANTIS_YAML, fault, err);
    return size <= ATLANTIS_YAML_BYTES ? 0 : bad_file("is larger than 1 MiB", fault, err);
}

static int find_blob(git_repository *repo, const git_oid *commit, git_blob **out,
                     struct checkout_fault *fault, struct err *err)
{
    AUTO(auto_tree) git_tree *tree = NULL;
    const git_tree_entry *entry;

    if (checkout_tree(repo, commit, &tree, fault, err) < 0)
        return -1;
    entry = git_tree_entry_byname(tree, ATLANTIS_YAML);
    if (!entry)
        return 0;
    if (!is_plain(entry))
        return bad_file("is not a plain file", fault, err);
    if (check_size(repo, git_tree_entry_id(entry), fault, err) < 0)
        return -1;
    if (git_blob_lookup(out, repo, git_tree_entry_id(entry)) < 0)
        return checkout_cache_error(ATLANTIS_YAML, fault, err);
    return 0;
}

/* *there is false, and *out empty, when the commit has none. */
static int read_config(git_repository *repo, const git_oid *commit,
                       struct atlantis_config *out, bool *there,
                       struct checkout_fault *fault, struct err *err)
{
    AUTO(auto_blob) git_blob *blob = NULL;

    *there = false;
    if (find_blob(repo, commit, &blob, fault, err) < 0)
        return -1;
    if (!blob)
        return 0;
    if (atlantis_config_parse(git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob),
                              out, err) < 0) {
        fault->error = RUN_ERR_CONFIG_INVALID;
        return -1;
    }
    *there = true;
    return 0;
}

/* ---- what is made of it ---- */

char *config_project_name(git_repository *repo, const git_oid *commit,
                          const struct checkout_request *request)
{
    AUTO(atlantis_config_done) struct atlantis_config config = {0};
    const struct atlantis_project *project;
    struct checkout_fault ignored = {.error = RUN_ERR_NONE};
    struct err err;
    bool there;

    if (!request->directory || !request->workspace ||
        read_config(repo, commit, &config, &there, &ignored, &err) < 0 || !there)
        return NULL;
    project = atlantis_config_at(&config, request->directory, request->workspace);
    return project ? mem_dup(project->name) : NULL;
}

static int bad_request(struct checkout_fault *fault, struct err *err)
{
    fault->error = RUN_ERR_REQUEST_INVALID;
    err->kind = ERR_PERM;
    return -1;
}

int config_resolve(git_repository *repo, const git_oid *commit,
                   const struct checkout_request *request, struct buf *out,
                   struct checkout_fault *fault, struct err *err)
{
    AUTO(batch_request_done) struct batch_request batch = {0};
    AUTO(atlantis_config_done) struct atlantis_config config = {0};
    AUTO(resolved_done) struct resolved resolved = {0};
    struct module_search search = {repo, commit, fault};
    const struct resolve_tree tree = {modules_find, &search};
    bool there;

    if (batch_request_parse(request->batch, strlen(request->batch), &batch, err) < 0)
        return bad_request(fault, err);
    if (read_config(repo, commit, &config, &there, fault, err) < 0)
        return -1;
    if (resolve_batch(&batch, there ? &config : NULL, &tree, &resolved, err) < 0)
        return err->kind == ERR_INPUT ? bad_request(fault, err) : -1;
    resolved_print(&resolved, out);
    return 0;
}
