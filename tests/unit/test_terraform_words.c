/* What terraform's words mean; the texts are terraform's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "worker/text/terraform_words.h"

static const char locked[] =
    "\nError: Error acquiring the state lock\n\n"
    "Error message: resource temporarily unavailable\nLock Info:\n"
    "  ID:        128f4f10-6e8f-9e03-43d7-5c7791e422f4\n"
    "  Path:      /srv/k.tfstate\n  Operation: OperationTypeApply\n"
    "  Who:       root@host\n  Version:   1.11.4\n"
    "  Created:   2026-11-21 18:38:41.991954646 +0000 UTC\n  Info:      \n\n\n"
    "Terraform acquires a state lock to protect the state from being written\n";

static void the_holder_of_a_lock_is_read(void **state)
{
    struct words_lock lock;

    (void)state;
    assert_true(words_state_locked(locked, &lock));
    assert_string_equal(lock.id, "128f4f10-6e8f-9e03-43d7-5c7791e422f4");
    assert_string_equal(lock.who, "root@host");
    assert_string_equal(lock.operation, "OperationTypeApply");
    assert_string_equal(lock.created, "2026-11-21 18:38:41.991954646 +0000 UTC");
}

static void a_lock_that_could_not_be_tried_is_not_held(void **state)
{
    struct words_lock lock;

    (void)state;
    /* Of the http backend the lock below is the one that was wanted. */
    assert_true(words_state_locked(
        "Error: Error acquiring the state lock\n\nError message: HTTP remote state "
        "already\n"
        "locked: ID=a1b2-c3\nLock Info:\n  ID:        d4\n  Who:       me\n",
        &lock));
    assert_string_equal(lock.id, "a1b2-c3");
    assert_string_equal(lock.who, "");
    assert_false(words_state_locked("Error: Error acquiring the state lock\n\n"
                                    "Error message: AccessDenied\n",
                                    &lock));
    assert_false(words_state_locked("", &lock));
    assert_false(words_state_locked("  ID:  x\n", &lock));
}

static void failures_on_the_way_are_told_from_mistakes(void **state)
{
    static const char *const on_the_way[] = {
        "Error: Failed to query available provider packages\n\nCould not retrieve the "
        "list of available versions for provider\nhashicorp/external: could not connect "
        "to registry.terraform.io: failed to\nrequest discovery document",
        "dial tcp: lookup registry.example on 10.0.0.1:53: no such\nhost",
        "net/http: TLS handshake\n  timeout",
        "(Client.Timeout exceeded while awaiting headers)",
        "fatal: unable to access: Could not resolve host: git.example",
        "registry returned 503 Service Unavailable",
    };
    static const char *const mistakes[] = {
        "",
        "Error: Unsupported argument",
        "provider registry registry.terraform.io does not have a provider named "
        "registry.terraform.io/hashicorp/nope",
        "fatal: Authentication failed for 'https://git.example/'",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(on_the_way); i++)
        assert_true(words_infrastructure(on_the_way[i]));
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++)
        assert_false(words_infrastructure(mistakes[i]));
}

static void a_lock_that_was_not_given_back_is_recognised(void **state)
{
    (void)state;
    assert_true(words_unlock_failed("\nError: Error releasing the\nstate lock\n"));
    assert_false(
        words_unlock_failed("Releasing state lock. This may take a few moments..."));
}

static void remote_execution_is_recognised(void **state)
{
    (void)state;
    assert_true(words_remote("\nInitializing HCP Terraform...\n"));
    assert_true(words_remote("Running plan in the remote backend. Output will stream"));
    assert_true(words_remote("The \"remote\" backend does not support\nsaving the plan"));
    assert_false(words_remote("Initializing the backend...\n"));
}

static void a_full_disk_is_recognised(void **state)
{
    (void)state;
    assert_true(words_disk_full("write /x: no space left\non device"));
    assert_true(words_disk_full("Disk quota exceeded"));
    assert_true(words_out_of_memory("x\nfatal error: runtime: out of memory\n"));
    assert_false(words_out_of_memory("out of memory"));
    assert_false(words_disk_full("no space"));
}

static void failing_checks_are_recognised(void **state)
{
    (void)state;
    assert_true(words_check_failed("Warning: Check block assertion failed\n"));
    assert_false(words_check_failed("No changes."));
}

static void a_workspace_is_found_by_its_whole_name(void **state)
{
    static const char list[] =
        "* default\n  prod\n  prod-eu\n\n\nThe active workspace is\n";

    (void)state;
    assert_true(words_has_workspace(list, "default"));
    assert_true(words_has_workspace(list, "prod"));
    assert_true(words_has_workspace(list, "prod-eu"));
    assert_true(words_has_workspace("  default\r\n* a\r\n", "a"));
    assert_false(words_has_workspace(list, "pro"));
    assert_false(words_has_workspace(list, "eu"));
    assert_false(words_has_workspace(list, "* default"));
    assert_false(words_has_workspace(list, "e active workspace is"));
    assert_false(words_has_workspace("", "default"));
}

static void the_first_error_becomes_one_line(void **state)
{
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"", ""},
        {"all is well", ""},
        {"\nError: Bad thing\n\n  on main.tf line 3:\n   3: x\n", "Bad thing on main.tf "
                                                                  "line 3: 3: x"},
        {"Warning: x\n\nError: One\n\nError: Two\n", "One"},
    };
    char sentence[100], small[8];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        words_first_error(rows[i].text, sentence, sizeof sentence);
        assert_string_equal(sentence, rows[i].sentence);
    }
    words_first_error("Error: abcdefghij", small, sizeof small);
    assert_string_equal(small, "abcdefg");
    words_first_error("Error: abcdef\xc3\xa4xyz", small, sizeof small);
    assert_string_equal(small, "abcdef");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_holder_of_a_lock_is_read),
        cmocka_unit_test(a_lock_that_could_not_be_tried_is_not_held),
        cmocka_unit_test(failures_on_the_way_are_told_from_mistakes),
        cmocka_unit_test(remote_execution_is_recognised),
        cmocka_unit_test(a_lock_that_was_not_given_back_is_recognised),
        cmocka_unit_test(a_full_disk_is_recognised),
        cmocka_unit_test(failing_checks_are_recognised),
        cmocka_unit_test(a_workspace_is_found_by_its_whole_name),
        cmocka_unit_test(the_first_error_becomes_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
