/* Which terraform: the binary for a version, and the version of a binary. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/process/file.h"
#include "worker/terraform/terraform_parts.h"

static const char *const names[] = {"terraform", "tofu"};

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The first program of that name in the absolute directories of the list; NULL: none. */
static char *search(const char *path_list, const char *name)
{
    size_t count = 0;
    char **dirs = parse_list(path_list, ':', &count);
    char *found = NULL;

    for (size_t i = 0; i < count && found == NULL; i++) {
        AUTO(auto_free) char *path = path_join(dirs[i], name);

        if (dirs[i][0] == '/' && is_program(path))
            found = TAKE(path);
    }
    parse_list_free(dirs, count);
    return found;
}

static int find_default(const struct conf *conf, const char *path_list, char **out,
                        struct err *err)
{
    char *found = NULL;

    if (conf->terraform != NULL && strchr(conf->terraform, '/') != NULL)
        found = is_program(conf->terraform) ? realpath(conf->terraform, NULL) : NULL;
    else if (conf->terraform != NULL)
        found = search(path_list, conf->terraform);
    else
        for (size_t i = 0; i < ARRAY_LEN(names) && found == NULL; i++)
            found = search(path_list, names[i]);
    if (found == NULL)
        return err_set(err, ERR_PERM,
                       "no terraform on this worker: %s is not a program; "
                       "install it or set KEDGE_TERRAFORM",
                       conf->terraform != NULL ? conf->terraform
                                               : "neither terraform nor tofu of PATH");
    *out = found;
    return 0;
}

static int check_version_text(const char *version, struct err *err)
{
    static const char allowed[] = "0123456789.-+"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    if (version[0] == '\0' || version[0] == '.' || version[0] == '-' ||
        strlen(version) >= TERRAFORM_VERSION_BYTES ||
        version[strspn(version, allowed)] != '\0')
        return err_set(err, ERR_PERM, "terraformVersion is not a version");
    return 0;
}

static char *find_pinned(const char *versions_dir, const char *version)
{
    for (size_t i = 0; versions_dir != NULL && i < ARRAY_LEN(names); i++) {
        AUTO(auto_free) char *path = mem_fmt("%s/%s/%s", versions_dir, version, names[i]);

        if (is_program(path))
            return realpath(path, NULL);
    }
    return NULL;
}

int binary_find(const struct conf *conf, const char *version, const char *path_list,
                char **out, bool *pinned, struct err *err)
{
    char *found = NULL;

    if (version != NULL && check_version_text(version, err) < 0)
        return -1;
    if (version != NULL)
        found = find_pinned(conf->terraform_versions_dir, version);
    *pinned = found != NULL;
    if (found == NULL)
        return find_default(conf, path_list, out, err);
    *out = found;
    return 0;
}

int binary_missing(const struct conf *conf, const char *version, struct err *err)
{
    const char *dir = conf->terraform_versions_dir;

    return err_set(err, ERR_PERM,
                   "Terraform %s is not installed here: put it in %s/%s/terraform",
                   version, dir != NULL ? dir : "KEDGE_TERRAFORM_VERSIONS_DIR", version);
}

void binary_id(const char *path, char id[SIGN_ID_BYTES])
{
    struct stat st = {0};
    AUTO(auto_free) char *facts = NULL;
    const char *parts[2] = {path};

    if (stat(path, &st) < 0)
        st.st_size = -1;
    facts = mem_fmt("%lld %lld.%09ld %llu", (long long)st.st_size,
                    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                    (unsigned long long)st.st_ino);
    parts[1] = facts;
    sign_id(parts, ARRAY_LEN(parts), id);
}

/* <data dir>/versions/<binary id> holds the version. */
static char *versions_cache(const struct conf *conf)
{
    return path_join(conf->data_dir, "versions");
}

bool binary_version(const struct conf *conf, const char *path,
                    char version[TERRAFORM_VERSION_BYTES])
{
    AUTO(auto_free) char *cache = versions_cache(conf);
    AUTO(buf_done) struct buf text = BUF_INIT(TERRAFORM_VERSION_BYTES - 1);
    char id[SIGN_ID_BYTES];

    binary_id(path, id);
    if (file_get_plain(cache, id, &text) <= 0 || text.len == 0)
        return false;
    memcpy(version, text.data, text.len + 1);
    return true;
}

/* Not being able to is no more than a process in each run. */
void binary_remember(const struct conf *conf, const char *path, const char *version)
{
    AUTO(auto_free) char *cache = versions_cache(conf);
    AUTO(auto_free) char *file = NULL;
    char id[SIGN_ID_BYTES];
    struct err err;

    binary_id(path, id);
    file = path_join(cache, id);
    if (path_mkdirs(cache, 0700, &err) == 0)
        (void)path_write_atomic(file, version, strlen(version), 0600, &err);
}
