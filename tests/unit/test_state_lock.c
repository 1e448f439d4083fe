/* The lock file of a local backend: found where the last init says, and nothing taken
 * from it but an id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/scratch.h"
#include "worker/terraform/state_lock.h"

#define ID "11111111-2222-3333-4444-555555555555"

static void settings_are(void **state, const char *type, const char *key,
                         const char *path)
{
    AUTO(auto_free)
    char *text = mem_fmt("{\"backend\":{\"type\":\"%s\",\"config\":{\"%s\":\"%s\"}}}",
                         type, key, path);
    AUTO(auto_free) char *written = scratch_file(state, "terraform.tfstate", text);
}

static void info_is(void **state, const char *name, const char *id)
{
    AUTO(auto_free) char *text = mem_fmt("{\"ID\":\"%s\",\"Who\":\"a@b\"}", id);
    AUTO(auto_free) char *written = scratch_file(state, name, text);
}

static void it_is_found_beside_the_state(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "net.tfstate");
    char id[SIGN_UUID_BYTES] = "";

    settings_are(state, "local", "path", path);
    assert_false(state_lock_left(*state, "default", id));
    info_is(state, ".net.tfstate.lock.info", ID);
    assert_true(state_lock_left(*state, "default", id));
    assert_string_equal(id, ID);
    assert_false(state_lock_left(*state, "prod", id));
}

static void that_of_a_workspace_is_in_its_directory(void **state)
{
    AUTO(auto_free) char *prod = scratch_path(state, "prod");
    char id[SIGN_UUID_BYTES] = "";
    struct err err;

    assert_int_equal(path_mkdirs(prod, 0700, &err), 0);
    settings_are(state, "local", "workspace_dir", *state);
    info_is(state, "prod/.terraform.tfstate.lock.info", ID);
    assert_true(state_lock_left(*state, "prod", id));
    assert_false(state_lock_left(*state, "default", id));
}

static void what_is_no_id_is_not_shown(void **state)
{
    static const char *const rows[] = {"", "a secret", ID "1", "11111111222233334444"};
    AUTO(auto_free) char *path = scratch_path(state, "net.tfstate");
    char id[SIGN_UUID_BYTES] = "";

    settings_are(state, "local", "path", path);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        info_is(state, ".net.tfstate.lock.info", rows[i]);
        assert_false(state_lock_left(*state, "default", id));
    }
}

static void another_backend_or_a_path_of_the_checkout_has_none(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "net.tfstate");
    char id[SIGN_UUID_BYTES] = "";

    info_is(state, ".net.tfstate.lock.info", ID);
    settings_are(state, "s3", "path", path);
    assert_false(state_lock_left(*state, "default", id));
    settings_are(state, "local", "path", "net.tfstate");
    assert_false(state_lock_left(*state, "default", id));
    settings_are(state, "local", "path", path);
    assert_true(state_lock_left(*state, "default", id));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_found_beside_the_state),
        TEST(that_of_a_workspace_is_in_its_directory),
        TEST(what_is_no_id_is_not_shown),
        TEST(another_backend_or_a_path_of_the_checkout_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
