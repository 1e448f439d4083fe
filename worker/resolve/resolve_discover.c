/* Autodiscover: the root modules that atlantis.yaml does not name. */
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/resolve/resolve_parts.h"
#include "worker/text/hcl.h"

static bool is_on(const struct atlantis_config *config)
{
    if (config == NULL)
        return true;
    switch (config->autodiscover) {
    case AUTODISCOVER_ENABLED:
        return true;
    case AUTODISCOVER_DISABLED:
        return false;
    case AUTODISCOVER_AUTO:
        break;
    }
    return config->count == 0;
}

static void split(const char *path, struct strings *out)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");

        if (len > 0)
            strings_addf(out, "%.*s", (int)len, path);
        path += len + (path[len] == '/');
    }
}

/* Segment by segment; as in parse_glob the last "**" takes one more when it must. */
bool resolve_path_matches(const char *pattern, const char *directory)
{
    AUTO(strings_done) struct strings patterns = {0};
    AUTO(strings_done) struct strings names = {0};
    size_t p = 0, n = 0, star = SIZE_MAX, resume = 0;

    split(pattern, &patterns);
    split(directory, &names);
    while (n < names.count) {
        if (p < patterns.count && strcmp(patterns.list[p], "**") == 0) {
            star = ++p;
            resume = n;
        } else if (p < patterns.count &&
                   parse_glob(patterns.list[p], names.list[n], false)) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < patterns.count && strcmp(patterns.list[p], "**") == 0)
        p++;
    return p == patterns.count;
}

/* A directory that is named for another branch is not for this one either. */
static bool is_named(const struct atlantis_config *config, const char *directory)
{
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->projects[i].directory, directory) == 0)
            return true;
    return false;
}

static bool is_ignored(const struct atlantis_config *config, const char *directory)
{
    for (size_t i = 0; i < config->ignore_paths.count; i++)
        if (resolve_path_matches(config->ignore_paths.list[i], directory))
            return true;
    return false;
}

int resolve_discover(const struct atlantis_config *config,
                     const struct resolve_tree *tree, struct strings *out,
                     struct err *err)
{
    AUTO(strings_done) struct strings modules = {0};

    if (!is_on(config))
        return 0;
    if (tree->root_modules(tree->arg, &modules, err) < 0)
        return -1;
    for (size_t i = 0; i < modules.count; i++)
        if (config == NULL ||
            (!is_named(config, modules.list[i]) && !is_ignored(config, modules.list[i])))
            strings_add(out, modules.list[i]);
    return 0;
}

bool resolve_is_root_module(const char *text, size_t len)
{
    struct hcl_scanner scanner = {.at = text, .end = text + len};
    enum hcl_token token;
    bool named = false; /* the word before was `terraform`, outside of every block */
    int depth = 0;

    while ((token = hcl_next(&scanner)) != HCL_END) {
        if (named && token == HCL_OTHER && *scanner.text == '{')
            return true;
        named = depth == 0 && token == HCL_NAME && hcl_is(&scanner, "terraform");
        depth += hcl_step(&scanner, token);
    }
    return false;
}
