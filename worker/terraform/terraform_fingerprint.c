/* When init can be skipped: a digest of all that it depends on, kept in init.json beside
 * the checkout with the local modules that the last good init found. What those files
 * name cannot change without one of them changing. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/process/file.h"
#include "worker/terraform/module_list.h"
#include "worker/terraform/terraform_parts.h"

/* Raised when the digest is made of other things. */
#define FINGERPRINT_FORMAT "1"

static const char *const config_names[] = {
    "*.tf",          "*.tf.json",          "*.tofu",           "*.tofu.json",
    "*.auto.tfvars", "*.auto.tfvars.json", "terraform.tfvars", "terraform.tfvars.json",
    LOCK_FILE,
};

static bool is_config(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(config_names); i++)
        if (parse_glob(config_names[i], name, false))
            return true;
    return false;
}

/* Adds the digest of a file; of one that is not there, or is no file, its name alone. */
static void add_file(struct strings *parts, const char *dir, const char *name)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SETTINGS_MAX_BYTES);
    char digest[SIGN_HEX_BYTES] = "";
    int found = file_get(dir, name, &text);

    if (found > 0)
        sign_sha256_hex(buf_text(&text), text.len, digest);
    strings_addf(parts, "%s %d %s", name, found, digest);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int config_only(const struct dirent *entry)
{
    return is_config(entry->d_name);
}

static void add_dir(struct strings *parts, const char *dir)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, config_only, by_name);

    strings_addf(parts, "%d files", count);
    for (int i = 0; i < count; i++) {
        add_file(parts, dir, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

static void add_path(struct strings *parts, const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    AUTO(auto_free) char *dir = NULL;

    if (slash == NULL) {
        strings_add(parts, "");
        return;
    }
    dir = mem_dup_n(path, (size_t)(slash - path) + 1);
    add_file(parts, dir, slash + 1);
}

static void add_text(struct strings *parts, const char *text)
{
    strings_add(parts, text != NULL ? text : "");
}

/* `modules` are directories relative to the one worked in. */
static void fingerprint(const struct terraform *t, const struct strings *modules,
                        char id[SIGN_ID_BYTES])
{
    AUTO(strings_done) struct strings parts = {0};
    char binary[SIGN_ID_BYTES];

    binary_id(t->binary, binary);
    strings_add(&parts, FINGERPRINT_FORMAT);
    strings_add(&parts, t->binary);
    strings_add(&parts, binary);
    strings_add(&parts, t->spec->directory);
    strings_add(&parts, t->spec->workspace);
    add_text(&parts, t->spec->backend_config);
    add_text(&parts, t->spec->variables);
    add_path(&parts, strings_value(&t->env, "TF_CLI_CONFIG_FILE"));
    for (size_t i = 0; i < t->spec->var_file_count; i++)
        add_file(&parts, t->cwd, t->spec->var_files[i]);
    add_dir(&parts, t->cwd);
    for (size_t i = 0; i < modules->count; i++) {
        AUTO(auto_free) char *dir = path_join(t->cwd, modules->list[i]);

        strings_add(&parts, modules->list[i]);
        add_dir(&parts, dir);
    }
    sign_id((const char *const *)parts.list, parts.count, id);
}

static cJSON *read_memory(const struct terraform *t)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SETTINGS_MAX_BYTES);
    struct err err;

    if (file_get_plain(t->work, "init.json", &text) <= 0)
        return NULL;
    return json_parse(buf_text(&text), text.len, JSON_DEPTH_MAX, false, &err);
}

bool init_current(const struct terraform *t)
{
    AUTO(auto_json) cJSON *memory = read_memory(t);
    AUTO(strings_done) struct strings modules = {0};
    const char *then = json_string(memory, "fingerprint");
    const cJSON *module = json_get(memory, "modules");
    char now[SIGN_ID_BYTES];

    if (then == NULL || !json_bool(memory, "pinned", false) || !path_exists(t->tf))
        return false;
    for (module = module != NULL ? module->child : NULL; module != NULL;
         module = module->next)
        if (cJSON_IsString(module))
            strings_add(&modules, module->valuestring);
    fingerprint(t, &modules, now);
    return strcmp(then, now) == 0;
}

void init_forget(const struct terraform *t)
{
    AUTO(auto_json) cJSON *memory = read_memory(t);
    AUTO(auto_free) char *file = path_join(t->work, "init.json");
    AUTO(auto_free) char *modules = path_join(t->tf, "modules");
    struct err err;

    /* init takes what it finds installed, however old. */
    if (!json_bool(memory, "pinned", false))
        (void)path_remove_tree(modules, &err);
    (void)path_remove_tree(file, &err);
}

/* Not being able to costs one more init. */
void init_remember(const struct terraform *t)
{
    AUTO(strings_done) struct strings modules = {0};
    AUTO(buf_done) struct buf text = BUF_INIT(SETTINGS_MAX_BYTES);
    bool pinned = module_list_read(t->tf, t->src, t->cwd, &modules);
    char id[SIGN_ID_BYTES];
    struct json_writer w;
    struct err err;

    fingerprint(t, &modules, id);
    json_open(&w, &text);
    json_object(&w);
    json_add_text(&w, "fingerprint", id);
    json_add_boolean(&w, "pinned", pinned);
    json_key(&w, "modules");
    json_array(&w);
    for (size_t i = 0; i < modules.count; i++)
        json_text(&w, modules.list[i]);
    json_array_end(&w);
    json_object_end(&w);
    if (!text.over)
        (void)file_put(t->work, "init.json", text.data, text.len, 0600, &err);
}
