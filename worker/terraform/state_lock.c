/* The local backend's lock files. Where they are is said by a repository: of what is
 * there only an id is taken, and only if it looks like one. */
#include "worker/terraform/state_lock.h"

#include <libgen.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/process/file.h"

#define SETTINGS_BYTES ((size_t)16 * 1024 * 1024)
#define INFO_BYTES     ((size_t)16 * 1024)

static cJSON *read_plain(const char *dir, const char *name, size_t max)
{
    AUTO(buf_done) struct buf text = BUF_INIT(max);
    struct err err;

    if (file_get_plain(dir, name, &text) <= 0)
        return NULL;
    return json_parse(buf_text(&text), text.len, JSON_DEPTH_MAX, false, &err);
}

/* The caller frees; NULL: not known. */
static char *state_path(const cJSON *backend, const char *workspace)
{
    bool is_default = strcmp(workspace, "default") == 0;
    const char *type = json_string(backend, "type");
    const char *path =
        json_string(json_get(backend, "config"), is_default ? "path" : "workspace_dir");

    if (type == NULL || strcmp(type, "local") != 0 || path == NULL || path[0] != '/')
        return NULL;
    return is_default ? mem_dup(path)
                      : mem_fmt("%s/%s/terraform.tfstate", path, workspace);
}

static cJSON *read_info(const char *state)
{
    AUTO(auto_free) char *dir = mem_dup(state);
    AUTO(auto_free) char *base = mem_dup(state);
    AUTO(auto_free) char *name = mem_fmt(".%s.lock.info", basename(base));

    return read_plain(dirname(dir), name, INFO_BYTES);
}

bool state_lock_left(const char *tf_dir, const char *workspace, char id[SIGN_UUID_BYTES])
{
    AUTO(auto_json)
    cJSON *settings = read_plain(tf_dir, "terraform.tfstate", SETTINGS_BYTES);
    AUTO(auto_free) char *state = state_path(json_get(settings, "backend"), workspace);
    AUTO(auto_json) cJSON *info = state != NULL ? read_info(state) : NULL;
    const char *text = json_string(info, "ID");

    if (text == NULL || !parse_is_uuid(text))
        return false;
    memcpy(id, text, SIGN_UUID_BYTES);
    return true;
}
