/* Fuzzes the run specification: what is read and printed is read again and printed the
 * same, and keeps its fingerprint. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/run.h"
#include "common/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
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
