/* Manual pages: what they hold, and that no text of the table can be a request of roff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/conf/conf_table.h"

#define TEXT_MAX (1 << 20)
#define DATE     "May 1, 2026"

static const enum program programs[] = {PROGRAM_API, PROGRAM_WORKER, PROGRAM_SCHEDULER};

static struct buf page_of(enum program program)
{
    struct buf out = BUF_INIT(TEXT_MAX);

    conf_print_man(program, DATE, &out);
    return out;
}

static bool has(const struct buf *page, const char *text)
{
    return strstr(buf_text(page), text) != NULL;
}

static void a_page_names_its_program_date_and_version(void **state)
{
    struct buf page = page_of(PROGRAM_WORKER);

    (void)state;
    assert_true(has(&page, "\n.Dd " DATE "\n.Dt KEDGE-WORKER 8\n.Os Kedge "));
    assert_true(has(&page, kedge_version));
    assert_true(has(&page, "\n.Nm kedge-worker\n.Nd "));
    assert_true(has(&page, "\n.Xr kedge-api 8 ,\n.Xr kedge-scheduler 8\n"));
    buf_done(&page);
}

static void a_page_has_the_settings_of_its_program_alone(void **state)
{
    (void)state;
    for (size_t p = 0; p < ARRAY_LEN(programs); p++) {
        struct buf page = page_of(programs[p]);

        for (size_t i = 0; i < conf_setting_count; i++) {
            AUTO(auto_free) char *item = mem_fmt("\n.It Ev %s\n", conf_settings[i].name);

            assert_int_equal(has(&page, item),
                             (conf_settings[i].programs & programs[p]) != 0);
        }
        buf_done(&page);
    }
}

/* The help is the list of options that counts. */
static void a_page_has_every_option_of_the_help(void **state)
{
    struct buf help = BUF_INIT(TEXT_MAX), page = page_of(PROGRAM_API);
    size_t found = 0;

    (void)state;
    conf_print_help(PROGRAM_API, &help);
    for (const char *at = strstr(buf_text(&help), "\n  --"); at != NULL;
         at = strstr(at + 1, "\n  --")) {
        AUTO(auto_free) char *name = strndup(at + 5, strcspn(at + 5, " \n"));
        AUTO(auto_free) char *item = NULL;
        char *dash = strchr(name, '-');

        if (dash != NULL)
            item = mem_fmt("\n.It Fl \\-%.*s\\-%s\n", (int)(dash - name), name, dash + 1);
        else
            item = mem_fmt("\n.It Fl \\-%s\n", name);
        assert_true(has(&page, item));
        found++;
    }
    assert_true(found >= 4);
    buf_done(&help);
    buf_done(&page);
}

static void text_is_escaped_for_roff(void **state)
{
    struct buf page = page_of(PROGRAM_WORKER);

    (void)state;
    /* "./var" must not begin a line as a request does. */
    assert_true(has(&page, "; default\n\\&\\fB./var\\fP\n"));
    assert_false(has(&page, "`"));
    for (const char *at = buf_text(&page); *at != '\0'; at++)
        assert_true((unsigned char)*at < 0x80);
    buf_done(&page);
}

static void what_is_not_ascii_is_named_by_its_code_point(void **state)
{
    struct buf page = page_of(PROGRAM_API);

    (void)state;
    assert_true(has(&page, "whsec_\\[u2026]"));
    buf_done(&page);
}

/* mandoc calls the contrary a warning. */
static void a_sentence_begins_a_line(void **state)
{
    (void)state;
    for (size_t p = 0; p < ARRAY_LEN(programs); p++) {
        struct buf page = page_of(programs[p]);

        for (const char *at = buf_text(&page); (at = strstr(at, ". ")) != NULL; at++)
            assert_false(at[2] >= 'A' && at[2] <= 'Z');
        buf_done(&page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_names_its_program_date_and_version),
        cmocka_unit_test(a_page_has_the_settings_of_its_program_alone),
        cmocka_unit_test(a_page_has_every_option_of_the_help),
        cmocka_unit_test(text_is_escaped_for_roff),
        cmocka_unit_test(what_is_not_ascii_is_named_by_its_code_point),
        cmocka_unit_test(a_sentence_begins_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
