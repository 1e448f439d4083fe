/* The directories of a commit that hold a root module, found without a work tree. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/checkout/checkout_parts.h"
#include "worker/resolve/resolve.h"

/* One .tf file; a larger one is generated, and passed over. */
#define MODULE_FILE_BYTES ((size_t)1024 * 1024)
/* All that are read, and the entries of all directories: a few trees in one another can
 * name any number of files. */
#define MODULE_BYTES_MAX   (INT64_C(256) * 1024 * 1024)
#define MODULE_ENTRIES_MAX 200000
#define MODULES_MAX        10000

struct walk {
    const struct module_search *search;
    struct strings *out;
    struct err *err;
    git_odb *odb;
    unsigned depth;
    int64_t entries, bytes;
};

static void auto_tree(git_tree **tree)
{
    git_tree_free(*tree);
}

static void auto_object(git_odb_object **object)
{
    git_odb_object_free(*object);
}

static int too_much(struct walk *walk, const char *what)
{
    walk->search->fault->error = RUN_ERR_CONFIG_INVALID;
    return err_set(walk->err, ERR_PERM,
                   "the commit has %s to look for Terraform's root modules: name the "
                   "projects in " ATLANTIS_YAML,
                   what);
}

static int cache_failed(struct walk *walk, const char *what)
{
    return checkout_cache_error(what, walk->search->fault, walk->err);
}

/* ---- files ---- */

static bool is_tf(const git_tree_entry *entry)
{
    const char *name = git_tree_entry_name(entry);
    size_t len = strlen(name);
    git_filemode_t mode = git_tree_entry_filemode(entry);

    return (mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE) &&
           len > 3 && strcmp(name + len - 3, ".tf") == 0;
}

/* 1: it holds a `terraform` block; 0; -1. */
static int look_into(struct walk *walk, const git_oid *id)
{
    AUTO(auto_object) git_odb_object *object = NULL;
    git_object_t type = GIT_OBJECT_INVALID;
    size_t size = 0;

    if (git_odb_read_header(&size, &type, walk->odb, id) < 0)
        return cache_failed(walk, "a file");
    if (size > MODULE_FILE_BYTES)
        return 0;
    walk->bytes += (int64_t)size;
    if (walk->bytes > MODULE_BYTES_MAX)
        return too_much(walk, "too many bytes of configuration");
    if (git_odb_read(&object, walk->odb, id) < 0)
        return cache_failed(walk, "a file");
    return resolve_is_root_module(git_odb_object_data(object), size);
}

/* ---- directories ---- */

static bool is_directory_name(const char *path)
{
    AUTO(auto_free) char *normal = NULL;
    struct err ignored;

    return parse_is_utf8(path, strlen(path)) &&
           path_normalize_dir(path, &normal, &ignored) == 0 && strcmp(normal, path) == 0;
}

/* What terraform has put there, and what no run could name. */
static bool is_passed_over(const char *name, const char *path)
{
    return strcmp(name, ".terraform") == 0 || !is_directory_name(path);
}

static int walk_tree(struct walk *walk, const git_oid *id, const char *path);

static int walk_below(struct walk *walk, const git_tree_entry *entry, const char *path)
{
    const char *name = git_tree_entry_name(entry);
    AUTO(auto_free)
    char *inner = strcmp(path, ".") == 0 ? mem_dup(name) : path_join(path, name);
    int rc;

    if (is_passed_over(name, inner))
        return 0;
    if (walk->depth == CHECKOUT_DEPTH_MAX)
        return too_much(walk, "too many directories in one another");
    walk->depth++;
    rc = walk_tree(walk, git_tree_entry_id(entry), inner);
    walk->depth--;
    return rc;
}

static int add_module(struct walk *walk, const char *path)
{
    if (walk->out->count == MODULES_MAX)
        return too_much(walk, "too many directories");
    strings_add(walk->out, path);
    return 0;
}

static int walk_tree(struct walk *walk, const git_oid *id, const char *path)
{
    AUTO(auto_tree) git_tree *tree = NULL;
    int is_module = 0;

    if (git_tree_lookup(&tree, walk->search->repo, id) < 0)
        return cache_failed(walk, "a directory");
    for (size_t i = 0; i < git_tree_entrycount(tree); i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(tree, i);

        if (++walk->entries > MODULE_ENTRIES_MAX)
            return too_much(walk, "too many files");
        if (git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE &&
            walk_below(walk, entry, path) < 0)
            return -1;
        if (!is_module && is_tf(entry))
            is_module = look_into(walk, git_tree_entry_id(entry));
        if (is_module < 0)
            return -1;
    }
    return is_module ? add_module(walk, path) : 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int modules_find(void *module_search, struct strings *out, struct err *err)
{
    const struct module_search *search = module_search;
    struct walk walk = {.search = search, .out = out, .err = err};
    AUTO(auto_tree) git_tree *tree = NULL;
    int rc;

    if (checkout_tree(search->repo, search->commit, &tree, search->fault, err) < 0)
        return -1;
    if (git_repository_odb(&walk.odb, search->repo) < 0)
        return cache_failed(&walk, "its objects");
    rc = walk_tree(&walk, git_tree_id(tree), ".");
    git_odb_free(walk.odb);
    if (out->count > 1)
        qsort(out->list, out->count, sizeof(*out->list), by_name);
    return rc;
}
