/* Fuzzes the run specification: what is read and printed is read again and printed the
 * same, and keeps its fingerprint. */
#include <string.h>

#include "common/base/mem.h"
#include "common/base/sign.h"
#include "common/queue/run.h"
#include "tests/fuzz/fuzz.h"

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* {} and NULL say the same. */
static bool is_same_object(const char *a, const char *b)
{
    return is_same_text(a == NULL ? "{}" : a, b == NULL ? "{}" : b);
}

/* Nothing got lost on the way, not even on both ways. */
static void check_same(const struct run_spec *a, const struct run_spec *b)
{
    must(a->kind == b->kind && a->type == b->type && a->confirm == b->confirm &&
         a->create_workspace == b->create_workspace);
    must(is_same_text(a->repository, b->repository) && is_same_text(a->ref, b->ref) &&
         is_same_text(a->commit, b->commit) && is_same_text(a->directory, b->directory));
    must(is_same_text(a->workspace, b->workspace) &&
         is_same_text(a->terraform_version, b->terraform_version) &&
         is_same_text(a->project_id, b->project_id) &&
         is_same_text(a->workspace_id, b->workspace_id));
    must(is_same_object(a->variables, b->variables) &&
         is_same_object(a->backend_config, b->backend_config));
    must(a->var_file_count == b->var_file_count);
    for (size_t i = 0; i < a->var_file_count; i++)
        must(strcmp(a->var_files[i], b->var_files[i]) == 0);
}

static void check_again(const struct run_spec *spec)
{
    AUTO(run_spec_done) struct run_spec again = {0};
    AUTO(buf_done) struct buf once = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf twice = BUF_INIT(SIZE_MAX);
    char id[SIGN_ID_BYTES], id_again[SIGN_ID_BYTES];
    struct err err = {0};

    run_spec_print(spec, &once);
    must(run_spec_parse(once.data, once.len, &again, &err) == 0);
    check_same(spec, &again);
    run_spec_print(&again, &twice);
    must(strcmp(buf_text(&once), buf_text(&twice)) == 0);
    run_spec_fingerprint(spec, id);
    run_spec_fingerprint(&again, id_again);
    must(strcmp(id, id_again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(run_spec_done) struct run_spec spec = {0};
    struct err err = {0};

    if (run_spec_parse((const char *)data, size, &spec, &err) < 0) {
        must(err.kind == ERR_PERM && err.message[0] != '\0');
        return 0;
    }
    must(spec.repository && spec.ref && spec.directory && spec.workspace);
    check_again(&spec);
    return 0;
}
