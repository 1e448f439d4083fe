/* Terraform as a run uses it, step by step, for its tests. */
#include "tests/support/terraform_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/environ.h"
#include "worker/process/file.h"

#define LONG_MS 30000

struct test_run *tf_run;
struct buf tf_output;
int tf_wish; /* what stop_wanted answers */
struct terraform *tf_used;
const char *const tf_few[] = {"PATH=/usr/bin:/bin", NULL};
const char *const *tf_environment; /* of the worker */

static void take(void *arg, const char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
}

static int stop_wanted(void *arg)
{
    (void)arg;
    return tf_wish;
}

int tf_set_up(void **state)
{
    (void)state;
    tf_wish = 0;
    tf_environment = tf_few;
    buf_init(&tf_output, 1 << 20);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    tf_run = test_run_new();
    test_run_file(tf_run, "main.tf", "# nothing\n");
    test_run_script(tf_run, ":");
    test_run_again(tf_run);
    return 0;
}

int tf_tear_down(void **state)
{
    (void)state;
    terraform_free(TAKE(tf_used));
    buf_done(&tf_output);
    test_run_free(tf_run);
    return 0;
}

struct terraform *tf_make(struct err *err)
{
    char **list = environ_copy(tf_environment);
    struct terraform_io io = {.output = take,
                              .stop_wanted = stop_wanted,
                              .poll_fd = -1,
                              .lock_fd = -1,
                              .arg = &tf_output,
                              .environ_list = list};
    struct terraform *made = terraform_new(&tf_run->conf, &tf_run->order.spec,
                                           tf_run->work, tf_run->dir, &io, err);

    environ_free(list);
    return made;
}

void tf_begin(void)
{
    AUTO(auto_free) char *src = path_join(tf_run->work, "src");
    struct err err;

    terraform_free(TAKE(tf_used));
    test_run_lay_out(src);
    tf_used = tf_make(&err);
    if (tf_used == NULL)
        fail_msg("%s", err.message);
    buf_reset(&tf_output);
}

void tf_refuse(const char *sentence)
{
    AUTO(auto_free) char *src = path_join(tf_run->work, "src");
    struct err err;

    terraform_free(TAKE(tf_used));
    test_run_lay_out(src);
    tf_used = tf_make(&err);
    assert_null(tf_used);
    if (strstr(err.message, sentence) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", sentence, err.message);
}

int64_t tf_soon(void)
{
    return clock_mono_ms() + LONG_MS;
}

void tf_init(void)
{
    struct child_result result;
    struct err err;

    buf_reset(&tf_output);
    if (terraform_init(tf_used, tf_soon(), &result, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(result.code, 0);
}

void tf_init_and_prove(void)
{
    struct child_result result;
    bool exists = false;
    struct err err;

    tf_init();
    assert_int_equal(
        terraform_workspace_exists(tf_used, tf_soon(), &exists, &result, &err), 0);
    assert_true(exists);
}

void tf_plan(void)
{
    struct child_result result;
    struct err err;

    buf_reset(&tf_output);
    if (terraform_plan(tf_used, false, tf_soon(), &result, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(result.end, CHILD_EXITED);
}

bool tf_printed(const char *text)
{
    return strstr(buf_text(&tf_output), text) != NULL;
}

void tf_expect(const char *text)
{
    if (!tf_printed(text))
        fail_msg("\"%s\" is not in: %s", text, buf_text(&tf_output));
}

void tf_put(const char *dir, const char *name, const char *text)
{
    AUTO(auto_free) char *path = mem_fmt("%s/%s/%s", tf_run->top, dir, name);
    char *slash = strrchr(path, '/');
    struct err err;

    *slash = '\0';
    assert_int_equal(path_mkdirs(path, 0700, &err), 0);
    assert_int_equal(file_put(path, slash + 1, text, strlen(text), 0600, &err), 0);
}
