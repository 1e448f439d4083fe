/* Checkout: the commit of a run in its work tree, or what a batch finds in it. */
#include "worker/checkout/checkout.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/checkout/checkout_errand.h"

/* A link in its place would let an earlier run choose what is overwritten. */
static int make_work_tree(const char *path, struct err *err)
{
    struct stat info;

    if (lstat(path, &info) == 0 && !S_ISDIR(info.st_mode) && unlink(path) < 0)
        return err_sys(err, ERR_TEMP, errno, "%s", path);
    if (path_mkdirs(path, 0700, err) < 0)
        return -1;
    return chmod(path, 0700) == 0 ? 0 : err_sys(err, ERR_TEMP, errno, "%s", path);
}

static int tell(struct errand *errand, struct checked_out *out, struct err *err)
{
    const struct checkout *checkout = errand->checkout;

    errand_tell(errand, "REF", checkout->spec->ref);
    errand_tell(errand, "COMMIT", checkout->spec->commit);
    if (checkout->batch) {
        out->error = RUN_ERR_REQUEST_INVALID; /* if it is too long */
        if (errand_tell_long(errand, "BATCH", checkout->batch, err) < 0)
            return -1;
        out->error = RUN_ERR_NONE;
        return 0;
    }
    errand_tell(errand, "DIRECTORY", checkout->spec->directory);
    errand_tell(errand, "WORKSPACE", checkout->spec->workspace);
    errand_tell(errand, "WORK_TREE", checkout->work_tree);
    errand->work_tree = checkout->work_tree;
    return make_work_tree(checkout->work_tree, err);
}

static char *take_resolved(const cJSON *answer)
{
    struct buf text = BUF_INIT(SIZE_MAX);
    const cJSON *resolved = json_get(answer, "resolved");

    if (!resolved)
        return NULL;
    json_print(resolved, &text);
    return buf_take(&text);
}

int checkout_run(const struct checkout *checkout, struct checked_out *out,
                 struct err *err)
{
    AUTO(errand_done) struct errand errand = {0};
    AUTO(auto_json) cJSON *answer = NULL;

    *out = (struct checked_out){.error = RUN_ERR_NONE};
    if (errand_prepare(&errand, checkout, err) < 0 || tell(&errand, out, err) < 0)
        return -1;
    answer = errand_run(&errand, out, err);
    if (!answer)
        return -1;
    memcpy(out->commit, json_string(answer, "commit"), sizeof(out->commit));
    out->project_name = mem_dup(json_string(answer, "project"));
    out->resolved = take_resolved(answer);
    return 0;
}
