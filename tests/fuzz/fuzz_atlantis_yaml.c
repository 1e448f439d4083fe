/* Fuzzes atlantis.yaml and what a batch becomes with it: an error has its place; a config
 * holds what it promises; every request resolves, or says why not, into targets that are
 * printed and read again the same. */
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "tests/fuzz/fuzz.h"
#include "worker/resolve/resolve.h"

static bool is_normal(const char *directory)
{
    AUTO(auto_free) char *normal = NULL;
    struct err err = {0};

    return path_normalize_dir(directory, &normal, &err) == 0 &&
           strcmp(normal, directory) == 0;
}

static void check_project(const struct atlantis_config *config,
                          const struct atlantis_project *project)
{
    must(is_normal(project->directory));
    must(parse_is_tf_workspace(project->workspace));
    must(atlantis_config_at(config, project->directory, project->workspace) != NULL);
    for (size_t i = 0; i < project->depends_on.count; i++) {
        const struct atlantis_project *other;

        must(project->depends_at[i] < config->count);
        other = &config->projects[project->depends_at[i]];
        must(strcmp(other->name, project->depends_on.list[i]) == 0);
        must(other->execution_order_group <= project->execution_order_group);
    }
}

static int two_modules(void *arg, struct strings *out, struct err *err)
{
    (void)arg;
    (void)err;
    strings_add(out, "a");
    strings_add(out, "a/b");
    return 0;
}

static void check_again(const struct resolved *resolved)
{
    AUTO(resolved_done) struct resolved again = {0};
    AUTO(buf_done) struct buf once = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf twice = BUF_INIT(SIZE_MAX);
    struct err err = {0};

    resolved_print(resolved, &once);
    must(resolved_parse(once.data, once.len, &again, &err) == 0);
    resolved_print(&again, &twice);
    must(strcmp(buf_text(&once), buf_text(&twice)) == 0);
}

static void resolve(const struct batch_request *request,
                    const struct atlantis_config *config)
{
    static const struct resolve_tree tree = {.root_modules = two_modules};
    AUTO(resolved_done) struct resolved resolved = {0};
    struct err err = {0};

    if (resolve_batch(request, config, &tree, &resolved, &err) == 0)
        check_again(&resolved);
    else
        must(err.kind == ERR_INPUT && err.message[0] != '\0');
}

/* Everything, then each project that has a name. */
static void resolve_all(const struct atlantis_config *config)
{
    AUTO(batch_request_done) struct batch_request request = {.kind = BATCH_DETECT};

    request.ref = mem_dup("main");
    resolve(&request, config);
    request.kind = BATCH_APPLY;
    for (size_t i = 0; i < config->count; i++)
        if (config->projects[i].name != NULL)
            batch_names_add(&request.names, config->projects[i].name);
    resolve(&request, config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(atlantis_config_done) struct atlantis_config config = {0};
    struct err err = {0};

    resolve_is_root_module((const char *)data, size);
    if (atlantis_config_parse((const char *)data, size, &config, &err) < 0) {
        must(err.kind == ERR_PERM &&
             strncmp(err.message, ATLANTIS_YAML ":", sizeof ATLANTIS_YAML) == 0);
        return 0;
    }
    for (size_t i = 0; i < config.count; i++)
        check_project(&config, &config.projects[i]);
    resolve_all(&config);
    return 0;
}
