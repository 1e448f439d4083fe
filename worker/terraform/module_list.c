/* The modules that init has installed. */
#include "worker/terraform/module_list.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/process/file.h"
#include "worker/terraform/module_call.h"

#define LIST_MAX_BYTES   ((size_t)16 * 1024 * 1024)
#define SOURCE_MAX_BYTES ((size_t)16 * 1024 * 1024)

struct listing {
    const cJSON *modules;
    const char *top, *cwd;
};

static bool is_local(const char *source)
{
    return strncmp(source, "./", 2) == 0 || strncmp(source, "../", 3) == 0;
}

static char *absolute(const char *cwd, const char *dir)
{
    return dir[0] == '/' ? mem_dup(dir) : path_join(cwd, dir);
}

static bool is_below(const char *path, const char *top)
{
    AUTO(auto_free) char *real = realpath(path, NULL);
    AUTO(auto_free) char *real_top = realpath(top, NULL);
    size_t len = real_top != NULL ? strlen(real_top) : 0;

    return real != NULL && real_top != NULL && strncmp(real, real_top, len) == 0 &&
           (real[len] == '/' || real[len] == '\0');
}

/* The directory of the module whose key is the first `len` bytes; NULL: none. */
static const char *dir_of(const struct listing *listing, const char *key, size_t len)
{
    const cJSON *module = listing->modules->child;

    for (; module != NULL; module = module->next) {
        const char *own = json_string(module, "Key");

        if (own != NULL && strlen(own) == len && memcmp(own, key, len) == 0)
            return json_string(module, "Dir");
    }
    return NULL;
}

static bool file_has_version(const char *dir, const char *file, const char *name)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SOURCE_MAX_BYTES);

    return file_get(dir, file, &text) > 0 &&
           module_call_has_version(buf_text(&text), text.len, name);
}

static void auto_closedir(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

/* Does the call of the module "a.b.name", in the directory of "a.b", name a version? */
static bool call_has_version(const struct listing *listing, const char *key)
{
    const char *dot = strrchr(key, '.');
    const char *name = dot != NULL ? dot + 1 : key;
    const char *caller = dir_of(listing, key, dot != NULL ? (size_t)(dot - key) : 0);
    const struct dirent *entry;

    if (caller == NULL)
        return false;
    AUTO(auto_free) char *path = absolute(listing->cwd, caller);
    AUTO(auto_closedir) DIR *dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if ((parse_glob("*.tf", entry->d_name, false) ||
             parse_glob("*.tofu", entry->d_name, false)) &&
            file_has_version(path, entry->d_name, name))
            return true;
    return false;
}

/* One installed module; false: it may be another one next time. */
static bool take(const struct listing *listing, const cJSON *module, struct strings *dirs)
{
    const char *key = json_string(module, "Key");
    const char *source = json_string(module, "Source");
    const char *version = json_string(module, "Version");
    const char *dir = json_string(module, "Dir");
    AUTO(auto_free) char *path = NULL;

    if (key == NULL || source == NULL || dir == NULL)
        return false;
    if (key[0] == '\0')
        return true; /* the directory itself */
    if (!is_local(source))
        return version != NULL && version[0] != '\0' ? call_has_version(listing, key)
                                                     : module_source_pinned(source);
    if (dir[0] == '/')
        return true; /* part of a remote one */
    path = absolute(listing->cwd, dir);
    strings_add(dirs, dir);
    return is_below(path, listing->top);
}

/* 1 with the list of modules, 0 when there are none, -1 when they cannot be read. */
static int read_modules(const char *data_dir, cJSON **out)
{
    AUTO(buf_done) struct buf text = BUF_INIT(LIST_MAX_BYTES);
    AUTO(auto_json) cJSON *doc = NULL;
    int found = file_get_plain(data_dir, "modules/modules.json", &text);
    struct err err;

    if (found <= 0)
        return found;
    doc = json_parse(buf_text(&text), text.len, JSON_DEPTH_MAX, false, &err);
    if (!cJSON_IsArray(json_get(doc, "Modules")))
        return -1;
    *out = TAKE(doc);
    return 1;
}

bool module_list_read(const char *data_dir, const char *top, const char *cwd,
                      struct strings *dirs)
{
    AUTO(auto_json) cJSON *doc = NULL;
    struct listing listing = {.top = top, .cwd = cwd};
    int found = read_modules(data_dir, &doc);
    bool pinned = true;

    if (found <= 0)
        return found == 0; /* no modules at all */
    listing.modules = json_get(doc, "Modules");
    for (const cJSON *module = listing.modules->child; module != NULL;
         module = module->next)
        pinned = take(&listing, module, dirs) && pinned;
    return pinned;
}

bool module_list_local(const char *data_dir, struct strings *dirs)
{
    AUTO(auto_json) cJSON *doc = NULL;
    int found = read_modules(data_dir, &doc);
    const cJSON *module;

    if (found <= 0)
        return found == 0;
    module = json_get(doc, "Modules")->child;
    for (; module != NULL; module = module->next) {
        const char *source = json_string(module, "Source");
        const char *dir = json_string(module, "Dir");

        if (source == NULL || dir == NULL)
            return false;
        if (is_local(source) && dir[0] != '/')
            strings_add(dirs, dir);
    }
    return true;
}
