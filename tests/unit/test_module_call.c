/* Module calls in HCL text: versions and pinned sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "worker/terraform/module_call.h"

static void a_version_argument_is_found(void **state)
{
    static const char *const with[] = {
        "module \"m\" {\n  source = \"a/b/c\"\n  version = \"1.0\"\n}\n",
        "module \"m\" {\nversion=\"1.0\"\n}",
        "module m {\n  version = \"~> 1\"\n}",
        "module \"m\" { version = \"1.0\" }",
        "module \"n\" {\n}\nmodule \"m\" {\n  version = \"1\"\n}",
        "# module \"m\" {\n/* } */\nmodule \"m\" { // }\n  # }\n  version = \"1\"\n}",
        "module \"m\" {\n  a = { b = [\"}\"] }\n  version = \"1\"\n}",
        "module \"m\" {\n  a = \"${f(\"}\")} \\\" }\"\n  version = \"1\"\n}",
        "module \"m\" {\n  a = \"$${ }\"\n  version = \"1\"\n}",
        "module \"m\" {\n  a = <<-END\n    }\n  ENDING\n  END\n  version = \"1\"\n}",
        "locals {\n  x = <<EOT\nmodule \"m\" {\nEOT\n}\nmodule \"m\" {\nversion = "
        "\"1\"\n}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(with); i++)
        if (!module_call_has_version(with[i], strlen(with[i]), "m"))
            fail_msg("not found in: %s", with[i]);
}

static void anything_else_is_no_version(void **state)
{
    static const char *const without[] = {
        "",
        "module \"m\" {\n  source = \"a/b/c\"\n}",
        "module \"n\" {\n  version = \"1\"\n}",
        "module \"m\" {\n  providers = {\n    version = \"1\"\n  }\n}",
        "module \"m\" {\n  # version = \"1\"\n}",
        "module \"m\" {\n  /* version = \"1\" */\n}",
        "module \"m\" {\n  a = \"version = 1\"\n}",
        "module \"m\" {\n  a = <<EOT\nversion = \"1\"\nEOT\n}",
        "module \"m\" {\n  a = version\n}",
        "module \"m\" {\n  versions = \"1\"\n}",
        "module \"m\" {\n  version \"x\" {}\n}",
        "module \"m\" {\n}\nversion = \"1\"",
        "resource \"m\" {\n  version = \"1\"\n}",
        "locals {\n  module = \"m\"\n}\nx {\n version = \"1\"\n}",
        "locals {\n  module \"m\" {\n  version = \"1\"\n  }\n}",
        /* broken text is never believed */
        "module \"m\" {\n  version = \"1\"\n",
        "module \"m\" {\n  version = \"1\n}",
        "module \"m\" {\n  a = <<EOT\nversion = 1\n}",
        "module \"m\" {\n  a = \"${",
        "module \"m\" {\n  /* ",
        "module \"m",
        "<<",
        "\\",
        "\"\\",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(without); i++)
        if (module_call_has_version(without[i], strlen(without[i]), "m"))
            fail_msg("found in: %s", without[i]);
}

static void deep_nesting_ends(void **state)
{
    static char text[200000];

    (void)state;
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\"${", 3);
    assert_false(module_call_has_version(text, sizeof text - 1, "m"));
}

static void commits_and_releases_are_pinned(void **state)
{
    static const char *const pinned[] = {
        "git::https://h/r.git?ref=0123456789abcdef0123456789abcdef01234567",
        "git::https://h/r.git//sub?ref=v1.2.3",
        "git::https://h/r.git?depth=1&ref=1.2",
        "git::ssh://git@h/r.git?ref=v2.0.0-rc1&depth=1",
    };
    static const char *const moving[] = {
        "git::https://h/r.git",
        "git::https://h/r.git?ref=main",
        "git::https://h/r.git?ref=v1",
        "git::https://h/r.git?ref=release-1.2",
        "git::https://h/r.git?ref=0123456789abcdef",
        "git::https://h/r.git?ref=",
        "git::https://h/r.git?ref",
        "git::https://h/r.git?x=1&xref=v1.2.3",
        "https://h/archive-v1.2.3.zip",
        "",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pinned); i++)
        if (!module_source_pinned(pinned[i]))
            fail_msg("not pinned: %s", pinned[i]);
    for (size_t i = 0; i < ARRAY_LEN(moving); i++)
        if (module_source_pinned(moving[i]))
            fail_msg("pinned: %s", moving[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_argument_is_found),
        cmocka_unit_test(anything_else_is_no_version),
        cmocka_unit_test(deep_nesting_ends),
        cmocka_unit_test(commits_and_releases_are_pinned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
