/* Resolving a batch: names, paths, everything; stages and dependencies; the JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/resolve/resolve.h"
#include "worker/resolve/resolve_parts.h"

#define V3 "version: 3\n"
/* The file of most tests. */
#define FILE_TEXT                                                                        \
    V3 "projects:\n"                                                                     \
       "- {dir: net, name: net, terraform_version: 1.5.7}\n"                             \
       "- {dir: app, name: app, workspace: prod, plan_requirements: [approved],"         \
       " apply_requirements: [mergeable, undiverged], repo_locks: {mode: on_apply}}\n"   \
       "- {dir: old, name: old, branch: /^release/, repo_locks: {mode: disabled}}\n"     \
       "- {dir: bare}\n"

/* A request and what the repository holds, as text: names and paths by blanks, a path as
 * directory:workspace. */
struct asked {
    const char *file; /* NULL: there is none */
    enum batch_kind kind;
    const char *ref, *names, *paths, *workspaces, *drifted, *modules;
    bool apply, drifted_only;
};

static void add_names(const char *text, struct batch_names *out)
{
    size_t count = 0;
    char **list = text != NULL ? parse_list(text, ' ', &count) : NULL;

    for (size_t i = 0; i < count; i++)
        batch_names_add(out, list[i]);
    parse_list_free(list, count);
}

static void add_paths(const char *text, struct batch_paths *out)
{
    size_t count = 0;
    char **list = text != NULL ? parse_list(text, ' ', &count) : NULL;

    for (size_t i = 0; i < count; i++) {
        char *colon = strchr(list[i], ':');

        *colon = '\0';
        batch_paths_add(out, list[i], colon + 1);
    }
    parse_list_free(list, count);
}

static int list_modules(void *arg, struct strings *out, struct err *err)
{
    const char *text = *(const char **)arg;
    size_t count = 0;
    char **list;

    if (text == NULL)
        return err_set(err, ERR_PERM, "nobody may look at the tree");
    list = parse_list(text, ' ', &count);
    for (size_t i = 0; i < count; i++)
        strings_add(out, list[i]);
    parse_list_free(list, count);
    return 0;
}

static int resolve(const struct asked *asked, struct resolved *out, struct err *err)
{
    AUTO(atlantis_config_done) struct atlantis_config config = {0};
    AUTO(batch_request_done)
    struct batch_request request = {
        .kind = asked->kind, .apply = asked->apply, .drifted_only = asked->drifted_only};
    const char *modules = asked->modules;
    const struct resolve_tree tree = {.root_modules = list_modules, .arg = &modules};

    if (asked->file != NULL &&
        atlantis_config_parse(asked->file, strlen(asked->file), &config, err) < 0)
        fail_msg("%s", err->message);
    request.ref = mem_dup(asked->ref != NULL ? asked->ref : "main");
    add_names(asked->names, &request.names);
    add_paths(asked->paths, &request.paths);
    add_names(asked->workspaces, &request.workspaces);
    add_paths(asked->drifted, &request.drifted);
    return resolve_batch(&request, asked->file != NULL ? &config : NULL, &tree, out, err);
}

/* "name:directory:workspace stage [deps]", joined by "; ". */
static char *show(const struct resolved *resolved)
{
    struct buf out = BUF_INIT(SIZE_MAX);

    for (size_t i = 0; i < resolved->count; i++) {
        const struct resolved_target *target = &resolved->list[i];

        buf_fmt(&out, "%s%s:%s:%s %lld [%s]", i > 0 ? "; " : "",
                target->project_name != NULL ? target->project_name : "-",
                target->directory, target->workspace, (long long)target->stage,
                target->deps);
    }
    if (resolved->abort_on_failure)
        buf_str(&out, " abort");
    return buf_take(&out);
}

static void becomes(const struct asked *asked, const char *expected)
{
    AUTO(resolved_done) struct resolved resolved = {0};
    AUTO(auto_free) char *shown = NULL;
    struct err err = {0};

    if (resolve(asked, &resolved, &err) < 0)
        fail_msg("not \"%s\" but: %s", expected, err.message);
    shown = show(&resolved);
    assert_string_equal(shown, expected);
}

static void is_refused(const struct asked *asked, const char *expected)
{
    struct resolved resolved = {0};
    struct err err = {0};

    if (resolve(asked, &resolved, &err) == 0)
        fail_msg("accepted instead of: %s", expected);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_string_equal(err.message, expected);
    assert_null(resolved.list);
}

/* ---- what is named ---- */

static void names_come_before_paths_in_the_order_of_the_request(void **state)
{
    static const struct {
        struct asked asked;
        const char *expected;
    } rows[] = {
        {{FILE_TEXT, .kind = BATCH_PLAN, .names = "app net"},
         "app:app:prod 0 []; net:net:default 0 []"},
        {{FILE_TEXT, .kind = BATCH_PLAN, .names = "net", .paths = "x:w app:prod app:w"},
         "net:net:default 0 []; -:x:w 0 []; app:app:prod 0 []; -:app:w 0 []"},
        {{FILE_TEXT, .kind = BATCH_DETECT, .paths = "bare:default"},
         "-:bare:default 0 []"},
        {{NULL, .kind = BATCH_DETECT, .paths = "bare:default .:w"},
         "-:bare:default 0 []; -:.:w 0 []"},
        /* only detect means everything */
        {{FILE_TEXT, .kind = BATCH_PLAN}, ""},
        {{FILE_TEXT, .kind = BATCH_REMEDIATE}, ""},
        /* branches */
        {{FILE_TEXT, .kind = BATCH_PLAN, .names = "old", .ref = "release/1"},
         "old:old:default 0 []"},
        {{FILE_TEXT, .kind = BATCH_PLAN, .names = "old", .ref = "refs/heads/release/1"},
         "old:old:default 0 []"},
        {{FILE_TEXT, .kind = BATCH_PLAN, .paths = "old:default", .ref = "release/1"},
         "old:old:default 0 []"},
        {{FILE_TEXT, .kind = BATCH_PLAN, .paths = "old:default", .ref = "main"},
         "-:old:default 0 []"},
        {{V3 "projects: [{dir: a, name: x, branch: /^x/}, {dir: a, name: y}]",
          .kind = BATCH_PLAN, .paths = "a:default"},
         "y:a:default 0 []"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        becomes(&rows[i].asked, rows[i].expected);
}

static void a_target_has_what_its_project_says(void **state)
{
    const struct asked asked = {FILE_TEXT, .kind = BATCH_PLAN, .ref = "release",
                                .names = "net app old", .paths = "x:y"};
    AUTO(resolved_done) struct resolved resolved = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(resolve(&asked, &resolved, &err), 0);
    assert_string_equal(resolved.list[0].terraform_version, "1.5.7");
    assert_null(resolved.list[0].lock_mode);
    assert_null(resolved.list[0].plan_requirements);
    assert_string_equal(resolved.list[1].plan_requirements, "approved");
    assert_string_equal(resolved.list[1].apply_requirements, "mergeable,undiverged");
    assert_string_equal(resolved.list[1].lock_mode, "on_apply");
    assert_null(resolved.list[1].terraform_version);
    assert_string_equal(resolved.list[2].lock_mode, "disabled");
    assert_null(resolved.list[3].project_name);
    assert_null(resolved.list[3].lock_mode);
}

static void what_cannot_be_meant_is_refused(void **state)
{
    static const struct {
        struct asked asked;
        const char *expected;
    } rows[] = {
        {{FILE_TEXT, .kind = BATCH_PLAN, .names = "net nett app Net"},
         "atlantis.yaml has no project nett, Net; it has net, app, old"},
        {{V3, .kind = BATCH_PLAN, .names = "x"},
         "atlantis.yaml has no project x; it has none with a name"},
        {{NULL, .kind = BATCH_PLAN, .names = "x"},
         "no project x: there is no atlantis.yaml at this commit; name directories in "
         "Paths"},
        {{FILE_TEXT, .kind = BATCH_PLAN, .names = "net net"},
         "directory net with workspace default is named twice"},
        {{FILE_TEXT, .kind = BATCH_PLAN, .names = "net", .paths = "net:default"},
         "directory net with workspace default is named twice"},
        {{NULL, .kind = BATCH_DETECT, .paths = "a:b a:b"},
         "directory a with workspace b is named twice"},
        {{V3 "projects: [{dir: a, name: x}, {dir: a, name: y}]", .kind = BATCH_PLAN,
          .names = "x y"},
         "directory a with workspace default is named twice"},
        {{FILE_TEXT, .kind = BATCH_PLAN, .names = "old"},
         "project old is not for main: its branch in atlantis.yaml is /^release/"},
        /* no branch, although they look like one that fits */
        {{V3 "projects: [{dir: a, name: x, branch: /.*/}]", .kind = BATCH_PLAN,
          .names = "x", .ref = "refs/tags/release"},
         "project x is not for refs/tags/release: its branch in atlantis.yaml is /.*/"},
        {{V3 "projects: [{dir: a, name: x, branch: /.*/}]", .kind = BATCH_PLAN,
          .names = "x", .ref = "0123456789abcdef0123456789ABCDEF01234567"},
         "project x is not for 0123456789abcdef0123456789ABCDEF01234567: its branch in "
         "atlantis.yaml is /.*/"},
        {{V3 "projects: [{dir: a, name: x, branch: /.*/}]", .kind = BATCH_PLAN,
          .names = "x", .ref = "HEAD"},
         "project x is not for HEAD: its branch in atlantis.yaml is /.*/"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        is_refused(&rows[i].asked, rows[i].expected);
}

/* `count` times the format with the number. */
static char *numbered(const char *head, int count, const char *before, const char *after)
{
    struct buf out = BUF_INIT(SIZE_MAX);

    buf_str(&out, head);
    for (int i = 0; i < count; i++)
        buf_fmt(&out, "%s%d%s", before, i, after);
    return buf_take(&out);
}

static void long_lists_of_names_are_cut_in_the_message(void **state)
{
    AUTO(auto_free)
    char *file = numbered(V3 "projects:\n", 500, "- {dir: d, name: known-", "}\n");
    AUTO(auto_free) char *names = numbered("", 20, "missing-", " ");

    (void)state;
    is_refused(&(struct asked){file, .kind = BATCH_PLAN, .names = names},
               "atlantis.yaml has no project missing-0, missing-1, missing-2, "
               "missing-3, missing-4, and 15 more; it has known-0, known-1, known-2, "
               "known-3, known-4, known-5, known-6, known-7, known-8, known-9, known-10, "
               "and 489 more");
}

static void there_are_no_more_than_500_targets(void **state)
{
    AUTO(auto_free) char *most = numbered("", 500, "d", ":w ");
    AUTO(auto_free) char *more = numbered("", 501, "d", ":w ");
    AUTO(auto_free) char *modules = numbered("", 501, "d", " ");
    struct asked asked = {.kind = BATCH_DETECT, .paths = most};
    AUTO(resolved_done) struct resolved resolved = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(resolve(&asked, &resolved, &err), 0);
    assert_int_equal(resolved.count, 500);
    asked.paths = more;
    is_refused(&asked, "this would be more than 500 projects; name fewer of them");
    asked = (struct asked){.kind = BATCH_DETECT, .modules = modules};
    is_refused(&asked, "this would be more than 500 projects; name fewer of them");
}

/* ---- everything ---- */

static void detect_without_names_means_everything(void **state)
{
    static const char enabled[] =
        V3 "autodiscover: {mode: enabled, ignore_paths: [skip/*, '**/x']}\n"
           "projects: [{dir: a, workspace: w, name: a}, {dir: rel, branch: /^release/}]";
    static const struct {
        struct asked asked;
        const char *expected;
    } rows[] = {
        /* the tree is not looked at when nobody wants it */
        {{FILE_TEXT, .kind = BATCH_DETECT},
         "net:net:default 0 []; app:app:prod 0 []; -:bare:default 0 []"},
        {{FILE_TEXT, .kind = BATCH_DETECT, .ref = "release"},
         "net:net:default 0 []; app:app:prod 0 []; old:old:default 0 []; "
         "-:bare:default 0 []"},
        {{NULL, .kind = BATCH_DETECT, .modules = ". a a/b"},
         "-:.:default 0 []; -:a:default 0 []; -:a/b:default 0 []"},
        {{NULL, .kind = BATCH_DETECT, .modules = ""}, ""},
        {{V3, .kind = BATCH_DETECT, .modules = "a"}, "-:a:default 0 []"},
        {{V3 "autodiscover: {ignore_paths: [a]}", .kind = BATCH_DETECT, .modules = "a b"},
         "-:b:default 0 []"},
        {{V3 "autodiscover: {mode: disabled}", .kind = BATCH_DETECT}, ""},
        {{V3 "autodiscover: {mode: disabled}\nprojects: [{dir: a}]",
          .kind = BATCH_DETECT},
         "-:a:default 0 []"},
        /* what the file names is not found again, in whatever workspace or branch */
        {{enabled, .kind = BATCH_DETECT, .modules = "a b rel skip/a skip/a/b x y/x"},
         "a:a:w 0 []; -:b:default 0 []; -:skip/a/b:default 0 []"},
        /* one state, two names */
        {{V3 "projects: [{dir: a, name: x}, {dir: a, name: y}]", .kind = BATCH_DETECT},
         "x:a:default 0 []"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        becomes(&rows[i].asked, rows[i].expected);
}

static void a_tree_that_cannot_be_read_is_an_error(void **state)
{
    struct resolved resolved = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(resolve(&(struct asked){.kind = BATCH_DETECT}, &resolved, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_string_equal(err.message, "nobody may look at the tree");
}

static void patterns_of_paths_know_directories(void **state)
{
    static const struct {
        const char *pattern, *directory;
        bool matches;
    } rows[] = {
        {"a/b", "a/b", true},
        {"a/b", "a", false},
        {"a/b", "a/b/c", false},
        {"a/*", "a/b", true},
        {"a/*", "a/b/c", false},
        {"a/*", "a", false},
        {"*", "a", true},
        {"*", "a/b", false},
        {"**", "a/b/c", true},
        {"a/**", "a/b/c", true},
        {"a/**", "a", true},
        {"a/**", "ab", false},
        {"**/b", "b", true},
        {"**/b", "a/x/b", true},
        {"**/b", "a/b/c", false},
        {"a/**/z", "a/z", true},
        {"a/**/z", "a/b/c/z", true},
        {"a/**/z", "a/b/c", false},
        {"a?/b*c", "ax/bxc", true},
        {"a?/b*c", "a/bc", false},
        {".", ".", true},
        {"**/a/**/a", "a/b/a", true},
        {"**/a/**/a", "b/a", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (resolve_path_matches(rows[i].pattern, rows[i].directory) != rows[i].matches)
            fail_msg("%s with %s", rows[i].pattern, rows[i].directory);
}

/* ---- remediate ---- */

static void a_remediation_keeps_what_drifted_of_the_named(void **state)
{
    static const struct {
        struct asked asked;
        const char *expected;
    } rows[] = {
        {{FILE_TEXT, .kind = BATCH_REMEDIATE, .names = "net app", .workspaces = "prod x"},
         "app:app:prod 0 []"},
        {{FILE_TEXT, .kind = BATCH_REMEDIATE, .names = "net app", .workspaces = "x"}, ""},
        {{FILE_TEXT, .kind = BATCH_REMEDIATE, .names = "net app", .drifted_only = true},
         ""},
        {{FILE_TEXT, .kind = BATCH_REMEDIATE, .names = "net app", .drifted_only = true,
          .drifted = "app:prod net:other"},
         "app:app:prod 0 []"},
        {{FILE_TEXT, .kind = BATCH_REMEDIATE, .names = "net app", .drifted = "app:prod"},
         "net:net:default 0 []; app:app:prod 0 []"},
        /* what the store knows was chosen already, and may be named besides */
        {{FILE_TEXT, .kind = BATCH_REMEDIATE, .names = "net", .drifted_only = true,
          .drifted = "net:default", .paths = "net:default gone:w"},
         "net:net:default 0 []; -:gone:w 0 []"},
        {{FILE_TEXT, .kind = BATCH_REMEDIATE, .workspaces = "x", .paths = "app:prod"},
         "app:app:prod 0 []"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        becomes(&rows[i].asked, rows[i].expected);
}

/* ---- order ---- */

#define ORDERED                                                                          \
    V3 "projects:\n"                                                                     \
       "- {dir: d, name: late, execution_order_group: 7}\n"                              \
       "- {dir: a, name: a}\n"                                                           \
       "- {dir: b, name: b, depends_on: [a]}\n"                                          \
       "- {dir: c, name: c, depends_on: [b, a]}\n"                                       \
       "- {dir: e, name: early, execution_order_group: -1}\n"                            \
       "- {dir: f, name: last, execution_order_group: 7, depends_on: [late, a]}\n"

static void groups_and_dependencies_make_stages(void **state)
{
    static const struct {
        struct asked asked;
        const char *expected;
    } rows[] = {
        {{ORDERED, .kind = BATCH_APPLY, .names = "late a b c early last"},
         "late:d:default 4 []; a:a:default 1 []; b:b:default 2 [1]; c:c:default 3 [2,1]; "
         "early:e:default 0 []; last:f:default 5 [0,1]"},
        /* what only looks keeps to the groups, and depends on nobody */
        {{ORDERED, .kind = BATCH_PLAN, .names = "late a b c early last"},
         "late:d:default 2 []; a:a:default 1 []; b:b:default 1 []; c:c:default 1 []; "
         "early:e:default 0 []; last:f:default 2 []"},
        {{ORDERED, .kind = BATCH_DETECT},
         "late:d:default 2 []; a:a:default 1 []; b:b:default 1 []; c:c:default 1 []; "
         "early:e:default 0 []; last:f:default 2 []"},
        /* an earlier group comes before anyway: no stage of its own for "same" */
        {{ORDERED "- {dir: g, name: same, execution_order_group: 7, depends_on: [a]}\n",
          .kind = BATCH_APPLY, .names = "a late same"},
         "a:a:default 0 []; late:d:default 1 []; same:g:default 1 [0]"},
        /* only what is asked for counts, and stages have no gaps */
        {{ORDERED, .kind = BATCH_APPLY, .names = "late"}, "late:d:default 0 []"},
        {{ORDERED, .kind = BATCH_APPLY, .names = "c a"},
         "c:c:default 1 [1]; a:a:default 0 []"},
        {{ORDERED, .kind = BATCH_APPLY, .names = "c b"},
         "c:c:default 1 [1]; b:b:default 0 []"},
        {{ORDERED, .kind = BATCH_APPLY, .names = "last early late"},
         "last:f:default 2 [2]; early:e:default 0 []; late:d:default 1 []"},
        /* paths are of their project's group, others of group 0 */
        {{ORDERED, .kind = BATCH_APPLY, .names = "late", .paths = "x:w e:default"},
         "late:d:default 2 []; -:x:w 1 []; early:e:default 0 []"},
        {{V3 "abort_on_execution_order_fail: true\nprojects: [{dir: a, name: a}]",
          .kind = BATCH_PLAN, .names = "a"},
         "a:a:default 0 [] abort"},
        /* one check that fails silences no other */
        {{V3 "abort_on_execution_order_fail: true\nprojects: [{dir: a, name: a}]",
          .kind = BATCH_DETECT, .names = "a"},
         "a:a:default 0 []"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        becomes(&rows[i].asked, rows[i].expected);
}

static void what_must_not_run_in_parallel_has_a_stage_each(void **state)
{
    static const char plan[] = FILE_TEXT "parallel_plan: false\n";
    static const char apply[] = FILE_TEXT "parallel_apply: false\n";
    static const char one[] = "net:net:default 0 []; app:app:prod 1 []; -:x:w 2 []";
    static const char all[] = "net:net:default 0 []; app:app:prod 0 []; -:x:w 0 []";
    static const struct {
        const char *file;
        enum batch_kind kind;
        bool apply;
        const char *expected;
    } rows[] = {
        {plan, BATCH_PLAN, false, one},       {plan, BATCH_DETECT, false, one},
        {plan, BATCH_APPLY, false, all},      {plan, BATCH_REMEDIATE, false, one},
        {plan, BATCH_REMEDIATE, true, all},   {apply, BATCH_PLAN, false, all},
        {apply, BATCH_APPLY, false, one},     {apply, BATCH_REMEDIATE, true, one},
        {apply, BATCH_REMEDIATE, false, all},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        becomes(&(struct asked){rows[i].file, .kind = rows[i].kind,
                                .apply = rows[i].apply, .names = "net app",
                                .paths = "x:w"},
                rows[i].expected);
}

/* ---- JSON ---- */

static void what_is_printed_is_read_again(void **state)
{
    const struct asked asked = {FILE_TEXT, .kind = BATCH_PLAN, .ref = "release",
                                .names = "net app old", .paths = "x/\xc3\xbc:y"};
    AUTO(resolved_done) struct resolved resolved = {0};
    AUTO(resolved_done) struct resolved again = {0};
    AUTO(buf_done) struct buf once = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf twice = BUF_INIT(SIZE_MAX);
    struct err err = {0};

    (void)state;
    assert_int_equal(resolve(&asked, &resolved, &err), 0);
    resolved_print(&resolved, &once);
    assert_string_equal(
        buf_text(&once),
        "{\"targets\":["
        "{\"project\":\"net\",\"directory\":\"net\",\"workspace\":\"default\","
        "\"terraformVersion\":\"1.5.7\",\"stage\":0,\"deps\":\"\"},"
        "{\"project\":\"app\",\"directory\":\"app\",\"workspace\":\"prod\","
        "\"planRequirements\":\"approved\",\"applyRequirements\":\"mergeable,"
        "undiverged\","
        "\"lockMode\":\"on_apply\",\"stage\":0,\"deps\":\"\"},"
        "{\"project\":\"old\",\"directory\":\"old\",\"workspace\":\"default\","
        "\"lockMode\":\"disabled\",\"stage\":0,\"deps\":\"\"},"
        "{\"directory\":\"x/\xc3\xbc\",\"workspace\":\"y\",\"stage\":0,\"deps\":\"\"}],"
        "\"abortOnFailure\":false}");
    assert_int_equal(resolved_parse(once.data, once.len, &again, &err), 0);
    resolved_print(&again, &twice);
    assert_string_equal(buf_text(&once), buf_text(&twice));
}

#define TARGET(more) "{\"directory\":\"a\",\"workspace\":\"w\"," more "}"
#define FIRST        TARGET("\"stage\":0,\"deps\":\"\"")

static void json_is_read_as_its_row_says(void **state)
{
    static const struct {
        const char *json, *error; /* NULL: fine */
    } rows[] = {
        {"{\"targets\":[]}", NULL},
        {"{\"targets\":[" FIRST "],\"of a newer version\":1}", NULL},
        {"{\"targets\":[" FIRST "," FIRST "," TARGET("\"stage\":1,\"deps\":\"0,1\"") "]}",
         NULL},
        {"", "resolved projects: unexpected end at line 1, column 1"},
        {"[]", "targets"},
        {"{}", "targets"},
        {"{\"targets\":{}}", "targets"},
        {"{\"targets\":[3]}", "directory"},
        {"{\"targets\":[{\"workspace\":\"w\",\"stage\":0,\"deps\":\"\"}]}", "directory"},
        {"{\"targets\":[{\"directory\":\"../a\",\"workspace\":\"w\",\"stage\":0,"
         "\"deps\":\"\"}]}",
         "directory"},
        {"{\"targets\":[{\"directory\":\"./a\",\"workspace\":\"w\",\"stage\":0,"
         "\"deps\":\"\"}]}",
         "directory"},
        {"{\"targets\":[{\"directory\":\"a\",\"workspace\":\"-\",\"stage\":0,"
         "\"deps\":\"\"}]}",
         "workspace"},
        {"{\"targets\":[" TARGET("\"stage\":0,\"deps\":\"\",\"project\":\"a b\"") "]}",
         "project"},
        {"{\"targets\":[" TARGET("\"stage\":0,\"deps\":\"\",\"project\":null") "]}",
         "project"},
        {"{\"targets\":[" TARGET(
             "\"stage\":0,\"deps\":\"\",\"terraformVersion\":\"../x\"") "]}",
         "terraformVersion"},
        {"{\"targets\":[" TARGET(
             "\"stage\":0,\"deps\":\"\",\"planRequirements\":\"approved,\"") "]}",
         "planRequirements"},
        {"{\"targets\":[" TARGET(
             "\"stage\":0,\"deps\":\"\",\"applyRequirements\":\"\"") "]}",
         "applyRequirements"},
        {"{\"targets\":[" TARGET(
             "\"stage\":0,\"deps\":\"\",\"lockMode\":\"on_plan\"") "]"
                                                                   "}",
         "lockMode"},
        {"{\"targets\":[" TARGET("\"stage\":0,\"deps\":\"\",\"lockMode\":1") "]}",
         "lockMode"},
        {"{\"targets\":[" TARGET("\"deps\":\"\"") "]}", "stage"},
        {"{\"targets\":[" TARGET("\"stage\":-1,\"deps\":\"\"") "]}", "stage"},
        {"{\"targets\":[" TARGET("\"stage\":1,\"deps\":\"\"") "]}", "stage"},
        {"{\"targets\":[" FIRST "," FIRST "," TARGET("\"stage\":2,\"deps\":\"\"") "]}",
         "stage"},
        {"{\"targets\":[" TARGET("\"stage\":0") "]}", "deps"},
        {"{\"targets\":[" TARGET("\"stage\":0,\"deps\":\"0\"") "]}", "deps"},
        {"{\"targets\":[" FIRST "," TARGET("\"stage\":1,\"deps\":\"2\"") "]}", "deps"},
        {"{\"targets\":[" FIRST "," TARGET("\"stage\":1,\"deps\":\"0,\"") "]}", "deps"},
        {"{\"targets\":[" FIRST "," TARGET("\"stage\":1,\"deps\":\",0\"") "]}", "deps"},
        {"{\"targets\":[" FIRST "," TARGET("\"stage\":1,\"deps\":\"x\"") "]}", "deps"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(resolved_done) struct resolved resolved = {0};
        AUTO(auto_free) char *expected = NULL;
        struct err err = {0};
        int result = resolved_parse(rows[i].json, strlen(rows[i].json), &resolved, &err);

        if (result != (rows[i].error == NULL ? 0 : -1))
            fail_msg("%s: %s", rows[i].json, err.message);
        if (rows[i].error == NULL)
            continue;
        expected = mem_fmt(strchr(rows[i].error, ':') != NULL
                               ? "%s"
                               : "resolved projects: bad value of %s",
                           rows[i].error);
        assert_int_equal(err.kind, ERR_PERM);
        assert_string_equal(err.message, expected);
    }
}

static void there_are_no_more_than_500_in_the_json(void **state)
{
    AUTO(auto_free)
    char *list = numbered(
        "{\"targets\":[" FIRST, 500,
        ",{\"workspace\":\"w\",\"stage\":0,\"deps\":\"\",\"directory\":\"d", "\"}");
    AUTO(auto_free) char *json = mem_fmt("%s]}", list);
    struct resolved resolved = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(resolved_parse(json, strlen(json), &resolved, &err), -1);
    assert_string_equal(err.message, "resolved projects: bad value of targets");
}

/* ---- root modules ---- */

static void a_terraform_block_makes_a_root_module(void **state)
{
    static const struct {
        const char *text;
        bool is_root;
    } rows[] = {
        {"terraform {\n  backend \"s3\" {}\n}", true},
        {"terraform {}", true},
        {"terraform\n{\n}", false}, /* no HCL */
        {"# x\nlocals {\n  a = [1, 2]\n}\nterraform { cloud {} }", true},
        {"/* { */ terraform {", true},
        {"", false},
        {"resource \"terraform_data\" \"x\" {}", false},
        {"resource \"terraform\" {}", false},
        {"terraform \"x\" {}", false},
        {"# terraform {}\n// terraform {}\n/* terraform {} */", false},
        {"locals {\n  a = \"\n terraform {\"\n}", false},
        {"locals {\n  a = <<EOT\nterraform {\nEOT\n}", false},
        {"module \"m\" {\n  terraform {\n  }\n}", false},
        {"terraform = {}", false},
        {"terraforms {}", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (resolve_is_root_module(rows[i].text, strlen(rows[i].text)) != rows[i].is_root)
            fail_msg("%s", rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_before_paths_in_the_order_of_the_request),
        cmocka_unit_test(a_target_has_what_its_project_says),
        cmocka_unit_test(what_cannot_be_meant_is_refused),
        cmocka_unit_test(long_lists_of_names_are_cut_in_the_message),
        cmocka_unit_test(there_are_no_more_than_500_targets),
        cmocka_unit_test(detect_without_names_means_everything),
        cmocka_unit_test(a_tree_that_cannot_be_read_is_an_error),
        cmocka_unit_test(patterns_of_paths_know_directories),
        cmocka_unit_test(a_remediation_keeps_what_drifted_of_the_named),
        cmocka_unit_test(groups_and_dependencies_make_stages),
        cmocka_unit_test(what_must_not_run_in_parallel_has_a_stage_each),
        cmocka_unit_test(what_is_printed_is_read_again),
        cmocka_unit_test(json_is_read_as_its_row_says),
        cmocka_unit_test(there_are_no_more_than_500_in_the_json),
        cmocka_unit_test(a_terraform_block_makes_a_root_module),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
