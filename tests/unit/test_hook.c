/* Hooks: names, wants, URLs, secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/hook/hook.h"

/* ---- names ---- */
static void names_are_read_as_they_are_written(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HOOK_KINDS; i++) {
        enum hook_kind kind = HOOK_KINDS;

        assert_int_equal(hook_kind_parse(hook_kind_name((enum hook_kind)i), &kind), 0);
        assert_int_equal(kind, i);
    }
    for (unsigned i = 0; i < EVENT_TEST; i++) {
        enum hook_event event = HOOK_EVENTS;

        assert_int_equal(hook_event_parse(hook_event_name((enum hook_event)i), &event),
                         0);
        assert_int_equal(event, i);
    }
}

static void nobody_subscribes_to_test_or_to_what_is_not_there(void **state)
{
    static const char *const rows[] = {"test", "", "drift", "Drift.detected",
                                       "drift.detected "};
    enum hook_event event;
    enum hook_kind kind;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(hook_event_parse(rows[i], &event), -1);
    assert_int_equal(hook_kind_parse("Slack", &kind), -1);
    assert_int_equal(hook_kind_parse("", &kind), -1);
    assert_string_equal(hook_event_name(EVENT_TEST), "test");
}

static void people_get_digests_and_programs_do_not(void **state)
{
    (void)state;
    assert_true(hook_kind_digests(HOOK_SLACK));
    assert_true(hook_kind_digests(HOOK_TEAMS));
    assert_false(hook_kind_digests(HOOK_GENERIC));
}

static void a_hook_wants_what_it_names(void **state)
{
    static const struct {
        uint32_t events;
        const char *project, *workspace;
        bool disabled;
        enum hook_event event;
        const char *of_project, *of_workspace;
        bool wants;
    } rows[] = {
        {0, "", "", false, EVENT_DRIFT_DETECTED, "p", "w", true},
        {0, "", "", false, EVENT_RUN_ORPHANED, "", "", true},
        {0, "", "", false, EVENT_RUN_ORPHANED, NULL, NULL, true},
        {0, "", "", true, EVENT_DRIFT_DETECTED, "p", "w", false},
        {1u << EVENT_CHECK_FAILED, "", "", false, EVENT_CHECK_FAILED, "p", "w", true},
        {1u << EVENT_CHECK_FAILED, "", "", false, EVENT_CHECK_RECOVERED, "p", "w", false},
        {1u << EVENT_CHECK_FAILED, "", "", false, EVENT_TEST, "", "", true},
        {0, "p", "", false, EVENT_DRIFT_DETECTED, "p", "w", true},
        {0, "p", "", false, EVENT_DRIFT_DETECTED, "q", "w", false},
        {0, "p", "", false, EVENT_DRIFT_DETECTED, "", "", false},
        {0, "p", "", false, EVENT_DRIFT_DETECTED, NULL, NULL, false},
        {0, "p", "w", false, EVENT_DRIFT_DETECTED, "p", "w", true},
        {0, "p", "w", false, EVENT_DRIFT_DETECTED, "p", "v", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hook hook = {.events = rows[i].events,
                            .project_id = rows[i].project,
                            .workspace_id = rows[i].workspace,
                            .enabled = !rows[i].disabled};

        assert_int_equal(
            hook_wants(&hook, rows[i].event, rows[i].of_project, rows[i].of_workspace),
            rows[i].wants);
    }
}

/* ---- URLs ---- */
static void urls_of_the_internet_are_taken(void **state)
{
    static const char *const rows[] = {
        "https://hooks.slack.com/services/T0/B0/x",
        "HTTP://Example.COM",
        "https://example.com:8443/a/b?c=d&e=%2Ff",
        "https://example.com:",
        "https://example.com./x",
        "https://example.com?x=1",
        "https://example.com/@x",
        "https://my_host/x",
        "https://8.8.8.8/x",
        "https://[2606:4700:4700::1111]/x",
        "https://[2606:4700:4700::1111]:8443/x",
        "https://1and1.com/x",
        "https://localhost.example.com/x",
        "https://notlocalhost/x",
        "https://0x7f.example/x",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};

        if (hook_url_check(rows[i], false, &err) < 0)
            fail_msg("%s: %s", rows[i], err.message);
    }
}

static const char *const malformed[] = {
    "",
    "example.com",
    "ftp://example.com/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https:/example.com/",
    "https://",
    "https:///x",
    "https://:443/",
    "https://.",
    "https://a..b/",
    "https://a.com../",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com@127.0.0.1/",
    "https://example.com/#x",
    "https://example.com/a b",
    "https://example.com/a\nb",
    "https://example.com/\x7f",
    "https://ex\xc3\xa4mple.com/",
    "https://example.com/<x>",
    "https://exam%70le.com/",
    "https://%31%32%37.0.0.1/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:80:80/",
    "https://example.com:+80/",
    "https://example.com:8o/",
    "https://[::1/",
    "https://[]/",
    "https://[fe80::1%25eth0]/",
    "https://[::1]x/",
    "https://[example.com]/",
    "https://256.1.1.1/",
    "https://1.2.3.4.5/",
    "https://4294967296/",
    "https://example.0x7f/",
};

static void what_is_no_url_of_ours_is_refused_whoever_may_be_reached(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        for (int allow = 0; allow <= 1; allow++) {
            struct err err = {0};

            if (hook_url_check(malformed[i], allow, &err) == 0)
                fail_msg("%s was taken", malformed[i]);
            assert_int_equal(err.kind, ERR_INPUT);
            assert_true(err.message[0] != '\0');
        }
    }
}

static void private_addresses_are_refused_in_whichever_spelling(void **state)
{
    static const char *const rows[] = {
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://127.1/",
        "http://127.0.1:80/",
        "http://0x7f.1/",
        "http://0X7F.0.0.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://0/",
        "http://0.0.0.0/",
        "http://10.1.2.3/",
        "http://10.258/",
        "http://172.16.0.1/",
        "http://192.168.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0xa9fea9fe/",
        "http://2852039166/",
        "http://100.64.0.1/",
        "http://255.255.255.255/",
        "http://[::1]/",
        "http://[::]/",
        "http://[0:0:0:0:0:0:0:1]:8080/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://localhost/",
        "http://LocalHost:8080/",
        "http://localhost./",
        "http://a.localhost/",
        "http://a.b.LOCALHOST./",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};

        if (hook_url_check(rows[i], false, &err) == 0)
            fail_msg("%s was taken", rows[i]);
        assert_int_equal(err.kind, ERR_INPUT);
        if (hook_url_check(rows[i], true, &err) < 0)
            fail_msg("%s: %s", rows[i], err.message);
    }
}

static void a_url_has_a_limit(void **state)
{
    char url[HOOK_URL_MAX + 2] = "https://example.com/";
    struct err err;

    (void)state;
    memset(url + strlen(url), 'x', HOOK_URL_MAX - strlen(url));
    assert_int_equal(hook_url_check(url, false, &err), 0);
    url[HOOK_URL_MAX] = 'x';
    assert_int_equal(hook_url_check(url, false, &err), -1);
}

static void a_host_has_a_limit(void **state)
{
    char url[400] = "https://";
    struct err err;

    (void)state;
    memset(url + 8, 'a', 63);
    assert_int_equal(hook_url_check(url, false, &err), 0);
    url[8 + 63] = 'a';
    assert_int_equal(hook_url_check(url, false, &err), -1);
    for (size_t i = 0; i < 254; i++)
        url[8 + i] = i % 2 ? '.' : 'a';
    url[8 + 253] = '\0';
    assert_int_equal(hook_url_check(url, false, &err), 0);
    memcpy(url + 8 + 253, ".a", 3);
    assert_int_equal(hook_url_check(url, false, &err), -1);
}

static void of_a_url_only_scheme_and_host_are_shown(void **state)
{
    static const struct {
        const char *url, *shown;
    } rows[] = {
        {"https://hooks.slack.com/services/T0/B0/secret", "https://hooks.slack.com/…"},
        {"http://example.com:8080?key=secret", "http://example.com:8080/…"},
        {"https://[2606:4700::1]:1/x", "https://[2606:4700::1]:1/…"},
        {"https://user:secret@example.com/x", "https://…"},
        {"secret", "…"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free) char *shown = hook_url_masked(rows[i].url);

        assert_string_equal(shown, rows[i].shown);
    }
}

/* ---- secrets ---- */
static void secrets_are_text_or_a_key_in_base64(void **state)
{
    static const char *const rows[] = {
        "12345678", "with blanks and ~signs~",
        "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",         /* 24 bytes */
        "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nw==", /* 28 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};

        if (hook_secret_check(rows[i], &err) < 0)
            fail_msg("%s: %s", rows[i], err.message);
    }
}

static void bad_secrets_are_refused_and_not_repeated(void **state)
{
    static const char *const rows[] = {
        "",
        "1234567",
        "12345678\n",
        "1234567\xc3\xa4",
        "whsec_",
        "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=", /* 23 bytes */
        "whsec_not base64 at all, but long enough",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};

        if (hook_secret_check(rows[i], &err) == 0)
            fail_msg("%s was taken", rows[i]);
        assert_int_equal(err.kind, ERR_INPUT);
        if (strlen(rows[i]) > strlen("whsec_"))
            assert_null(strstr(err.message, rows[i]));
    }
}

static void a_secret_has_a_limit(void **state)
{
    char text[HOOK_SECRET_MAX + 2] = {0};
    char key[6 + 88 + 4 + 1] = "whsec_";
    struct err err;

    (void)state;
    memset(text, 'x', HOOK_SECRET_MAX);
    assert_int_equal(hook_secret_check(text, &err), 0);
    text[HOOK_SECRET_MAX] = 'x';
    assert_int_equal(hook_secret_check(text, &err), -1);
    memset(key + 6, 'A', 88);
    memcpy(key + 6 + 86, "==", 2); /* 64 bytes */
    assert_int_equal(hook_secret_check(key, &err), 0);
    memcpy(key + 6 + 86, "AA", 2); /* 66 */
    assert_int_equal(hook_secret_check(key, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_as_they_are_written),
        cmocka_unit_test(nobody_subscribes_to_test_or_to_what_is_not_there),
        cmocka_unit_test(people_get_digests_and_programs_do_not),
        cmocka_unit_test(a_hook_wants_what_it_names),
        cmocka_unit_test(urls_of_the_internet_are_taken),
        cmocka_unit_test(what_is_no_url_of_ours_is_refused_whoever_may_be_reached),
        cmocka_unit_test(private_addresses_are_refused_in_whichever_spelling),
        cmocka_unit_test(a_url_has_a_limit),
        cmocka_unit_test(a_host_has_a_limit),
        cmocka_unit_test(of_a_url_only_scheme_and_host_are_shown),
        cmocka_unit_test(secrets_are_text_or_a_key_in_base64),
        cmocka_unit_test(bad_secrets_are_refused_and_not_repeated),
        cmocka_unit_test(a_secret_has_a_limit),
    };

    return cmocka_run_group_tests_name("hook", tests, NULL, NULL);
}
