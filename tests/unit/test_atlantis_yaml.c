/* atlantis.yaml: what is read from it, and the sentence for what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "worker/resolve/atlantis_yaml.h"

#define V3 "version: 3\n"
/* One project whose keys begin in column 3 of line 4. */
#define PROJECT V3 "projects:\n- dir: a\n  "

static const char *or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

static void show_list(const struct strings *list, struct buf *out)
{
    for (size_t i = 0; i < list->count; i++)
        buf_fmt(out, "%s%s", i > 0 ? "," : "", list->list[i]);
}

static void show_project(const struct atlantis_project *project, struct buf *out)
{
    static const char *const locks[] = {"plan", "apply", "off"};

    buf_fmt(out, "%s %s %s %s %s %lld [", or_dash(project->name),
            or_dash(project->branch), project->directory, project->workspace,
            or_dash(project->terraform_version),
            (long long)project->execution_order_group);
    show_list(&project->depends_on, out);
    buf_fmt(out, "] %s %s %s\n", or_dash(project->plan_requirements),
            or_dash(project->apply_requirements), locks[project->locks]);
}

/* The normal form of a config, to compare with. */
static char *show(const struct atlantis_config *config)
{
    static const char *const modes[] = {"auto", "enabled", "disabled"};
    struct buf out = BUF_INIT(SIZE_MAX);

    for (size_t i = 0; i < config->count; i++)
        show_project(&config->projects[i], &out);
    buf_fmt(&out, "%s [", modes[config->autodiscover]);
    show_list(&config->ignore_paths, &out);
    buf_fmt(&out, "]%s%s%s", config->serial_plan ? " serial_plan" : "",
            config->serial_apply ? " serial_apply" : "",
            config->abort_on_failure ? " abort" : "");
    return buf_take(&out);
}

static void accept(const char *text, const char *expected)
{
    AUTO(atlantis_config_done) struct atlantis_config config = {0};
    AUTO(auto_free) char *shown = NULL;
    struct err err = {0};

    if (atlantis_config_parse(text, strlen(text), &config, &err) < 0)
        fail_msg("%.300s\nis refused: %s", text, err.message);
    shown = show(&config);
    if (strcmp(shown, expected) != 0)
        fail_msg("%.300s\nis read as\n%s\nnot as\n%s", text, shown, expected);
}

static void reject_bytes(const char *text, size_t len, const char *expected)
{
    struct atlantis_config config = {0};
    struct err err = {0};

    if (atlantis_config_parse(text, len, &config, &err) == 0)
        fail_msg("%.300s\nis accepted", text);
    assert_int_equal(err.kind, ERR_PERM);
    if (strcmp(err.message, expected) != 0)
        fail_msg("%.300s\ngives\n%s\nnot\n%s", text, err.message, expected);
    assert_null(config.projects);
}

static void reject(const char *text, const char *expected)
{
    AUTO(auto_free) char *whole = mem_fmt("atlantis.yaml:%s", expected);

    reject_bytes(text, strlen(text), whole);
}

struct row {
    const char *text, *expected;
};

static void accept_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        accept(rows[i].text, rows[i].expected);
}

static void reject_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        reject(rows[i].text, rows[i].expected);
}

static void every_key_of_the_format_is_known(void **state)
{
    (void)state;
    accept(V3 "automerge: true\n"
              "autodiscover:\n"
              "  mode: enabled\n"
              "  ignore_paths:\n"
              "  - some/path\n"
              "  - 'other/**'\n"
              "delete_source_branch_on_merge: true\n"
              "parallel_plan: false\n"
              "parallel_apply: false\n"
              "abort_on_execution_order_fail: true\n"
              "emoji_reaction: eyes\n"
              "repo_locks: {mode: on_apply}\n"
              "silence_pr_comments: [apply]\n"
              "projects:\n"
              "- name: my-project-name\n"
              "  branch: /main/\n"
              "  dir: .\n"
              "  workspace: default\n"
              "  terraform_distribution: terraform\n"
              "  terraform_version: v0.11.0\n"
              "  delete_source_branch_on_merge: true\n"
              "  repo_locking: true\n"
              "  repo_locks:\n"
              "    mode: disabled\n"
              "  policy_check: true\n"
              "  custom_policy_check: false\n"
              "  autoplan:\n"
              "    when_modified: [\"*.tf\", \"../modules/**/*.tf\"]\n"
              "    enabled: true\n"
              "  plan_requirements: [mergeable, approved, undiverged]\n"
              "  apply_requirements: [mergeable, policies_passed]\n"
              "  import_requirements: [approved]\n"
              "  silence_pr_comments: [\"apply\"]\n"
              "  execution_order_group: 2\n"
              "  depends_on:\n"
              "    - project-1\n"
              "  workflow: default\n"
              "- name: project-1\n"
              "  dir: ./one//two/\n"
              "  execution_order_group: 1\n"
              "workflows: {}\n"
              "allowed_regexp_prefixes:\n"
              "- dev/\n",
           "my-project-name main . default 0.11.0 2 [project-1] "
           "mergeable,approved,undiverged mergeable,policies_passed off\n"
           "project-1 - one/two default - 1 [] - - apply\n"
           "enabled [some/path,other/**] serial_plan serial_apply abort");
}

static void values_are_read_as_their_row_says(void **state)
{
    static const struct row rows[] = {
        {"version: 3", "auto []"},
        {"---\nversion: 3\n...\n", "auto []"},
        {"%YAML 1.1\n---\nversion: 3\n", "auto []"},
        {"\xef\xbb\xbfversion: 3\n", "auto []"},
        {"{\"version\": 3, \"parallel_plan\": false}", "auto [] serial_plan"},
        {"version: 0x3", "auto []"},
        {"version: +3", "auto []"},
        {"version: !!int 3", "auto []"},
        {"version: !!int \"3\"", "auto []"},
        /* null is as if it were not there */
        {V3 "projects:\nautodiscover: ~\nrepo_locks: null\nworkflows:\n", "auto []"},
        {V3 "projects: []\nautodiscover: {}\nautomerge: !!null ''\n", "auto []"},
        /* booleans */
        {V3 "parallel_plan: off\nparallel_apply: False", "auto [] serial_plan "
                                                         "serial_apply"},
        {V3 "parallel_plan: yes\nparallel_apply: n", "auto [] serial_apply"},
        {V3 "abort_on_execution_order_fail: !!bool 'true'", "auto [] abort"},
        /* numbers and booleans where text is wanted */
        {PROJECT "name: 12\n  workspace: true", "12 - a true - 0 [] - - plan\nauto []"},
        {PROJECT "name: !!str 12\n  workspace: ! 1.5",
         "12 - a 1.5 - 0 [] - - plan\nauto []"},
        {PROJECT "workspace: 'x'\n  name: \"a/\\x62\"",
         "a/b - a x - 0 [] - - plan\nauto []"},
        {PROJECT "workspace: ''", "- - a default - 0 [] - - plan\nauto []"},
        /* anchors that nobody refers to */
        {V3 "projects: &all\n- &first {dir: &d a}\n",
         "- - a default - 0 [] - - plan\nauto []"},
        {V3 "projects: !!seq\n- !!map {dir: a}\n",
         "- - a default - 0 [] - - plan\nauto []"},
        /* directories */
        {V3 "projects: [{dir: ./x/./y//}]", "- - x/y default - 0 [] - - plan\nauto []"},
        {V3 "projects: [{dir: \"\xc3\xbc\"}]",
         "- - \xc3\xbc default - 0 [] - - plan\nauto []"},
        /* versions */
        {PROJECT "terraform_version: 1.5.7",
         "- - a default 1.5.7 0 [] - - plan\nauto []"},
        {PROJECT "terraform_version: \"v1.10.0-beta1\"",
         "- - a default 1.10.0-beta1 0 [] - - plan\nauto []"},
        /* groups */
        {PROJECT "execution_order_group: -2", "- - a default - -2 [] - - plan\nauto []"},
        {PROJECT "execution_order_group: 0o17",
         "- - a default - 15 [] - - plan\nauto []"},
        /* requirements */
        {PROJECT "plan_requirements: [approved, approved]\n  apply_requirements: []",
         "- - a default - 0 [] approved - plan\nauto []"},
        /* locks: the nearest word counts */
        {PROJECT "repo_locking: false", "- - a default - 0 [] - - off\nauto []"},
        {PROJECT "repo_locks: {mode: on_apply}\n  repo_locking: false",
         "- - a default - 0 [] - - apply\nauto []"},
        {PROJECT "repo_locking: true\nrepo_locks: {mode: disabled}",
         "- - a default - 0 [] - - plan\nauto []"},
        {PROJECT "repo_locks: {}\nrepo_locks: {mode: disabled}",
         "- - a default - 0 [] - - off\nauto []"},
        /* the same place with two names */
        {V3 "projects:\n- {dir: a, name: x}\n- {dir: a, name: y}\n"
            "- {dir: a, workspace: w}",
         "x - a default - 0 [] - - plan\ny - a default - 0 [] - - plan\n"
         "- - a w - 0 [] - - plan\nauto []"},
        /* depends on one of the same group, and on a later one of the file */
        {V3 "projects:\n- {dir: a, name: x, depends_on: [y]}\n- {dir: b, name: y}",
         "x - a default - 0 [y] - - plan\ny - b default - 0 [] - - plan\nauto []"},
    };

    (void)state;
    accept_all(rows, ARRAY_LEN(rows));
}

static void what_is_not_yaml_is_refused_with_its_place(void **state)
{
    static const struct row rows[] = {
        {V3 "projects:\n\t- dir: a\n",
         "3:1: this is not YAML: indent with blanks, not with tabs"},
        {V3 "projects: [\n", "3:1: this is not YAML: did not find expected node content"},
        {V3 "a: b: c\n",
         "2:5: this is not YAML: mapping values are not allowed in this context"},
        {V3 "automerge: \"\n", "3:1: this is not YAML: found unexpected end of stream"},
        {V3 "automerge: `true`\n",
         "2:12: this is not YAML: found character that cannot start any token"},
        {V3 "# \xc3\xbc \x01\n", "2:5: this is not YAML: control characters are not "
                                 "allowed"},
        {V3 "# \xc3\xbc \xff\n",
         "2:5: this byte is not UTF-8 text: save the file as UTF-8"},
        {"\xff\xfev\0e\0", "1:1: this byte is not UTF-8 text: save the file as UTF-8"},
        {V3 "---\nversion: 3\n", "2:1: a second document begins here: there must be one"},
        {V3 "projects: *all\n",
         "2:11: aliases are not read: write out what *all stands for"},
        {V3 "projects:\n- &t {dir: a}\n- <<: *t\n  name: x\n",
         "4:7: aliases are not read: write out what *t stands for"},
        {V3 "projects:\n- <<: {dir: a}\n",
         "3:3: merge keys are not read: write out the keys"},
        {V3 "? [a, b]\n: c\n", "2:3: a key must be a word"},
        {"version: !!python/object 3\n",
         "1:10: the tag tag:yaml.org,2002:python/object is not for here: leave it out"},
        {"version: !x 3\n", "1:10: the tag !x is not for here: leave it out"},
        {"!!seq {version: 3}\n",
         "1:1: the tag tag:yaml.org,2002:seq is not for here: leave it out"},
        {V3 "projects: [{dir: \"a\\0b\"}]\n",
         "2:18: a text must not have a NUL character in it"},
    };

    (void)state;
    reject_all(rows, ARRAY_LEN(rows));
    reject_bytes("version: 3\0\n", 12,
                 "atlantis.yaml:1:11: this byte is not UTF-8 text: save the file as "
                 "UTF-8");
}

static void the_file_is_refused_as_its_row_says(void **state)
{
    static const struct row rows[] = {
        {"", "1:1: version is missing: write version: 3"},
        {"# nothing\n", "1:1: version is missing: write version: 3"},
        {"~", "1:1: version is missing: write version: 3"},
        {"\nparallel_plan: true", "2:1: version is missing: write version: 3"},
        {"- version: 3", "1:1: the file must be a map of keys and values"},
        {"version", "1:1: the file must be a map of keys and values"},
        {"version: 2", "1:10: version must be 3"},
        {"version: 0", "1:10: version must be 3"},
        {"version: \"3\"", "1:10: version must be a whole number, without quotes"},
        {"version: 03", "1:10: version must be a whole number, without quotes"},
        {"version: 3.0", "1:10: version must be a whole number, without quotes"},
        {"version: 3e", "1:10: version must be a whole number"},
        {"version: [3]", "1:10: version must be a whole number, without quotes"},
        {"version: 99999999999999999999", "1:10: version is too large a number"},
        {V3 "version: 3", "2:1: the key version comes twice"},
        {V3 "automerge:\nautomerge: true", "3:1: the key automerge comes twice"},
        {V3 "paralel_plan: true",
         "2:1: the file has no key \"paralel_plan\": is it misspelt?"},
        {V3 "\"a\\nb\": true", "2:1: the file has no key \"a?b\": is it misspelt?"},
        {V3 "parallel_plan: 1", "2:16: parallel_plan must be true or false, without "
                                "quotes"},
        {V3 "parallel_plan: \"true\"",
         "2:16: parallel_plan must be true or false, without quotes"},
        {V3 "parallel_plan: !!str true",
         "2:16: parallel_plan must be true or false, without quotes"},
        {V3 "automerge: maybe", "2:12: automerge must be true or false, without quotes"},
        {V3 "emoji_reaction: [a]", "2:17: emoji_reaction must be a text"},
        {V3 "allowed_regexp_prefixes: a",
         "2:26: allowed_regexp_prefixes must be a list: [one, two]"},
        {V3 "allowed_regexp_prefixes: [a, {}]",
         "2:30: allowed_regexp_prefixes must be a list of texts"},
        {V3 "allowed_regexp_prefixes: [a, ~]",
         "2:30: allowed_regexp_prefixes must be a list of texts"},
        {V3 "workflows:\n  custom:\n    plan: {steps: [run: id]}",
         "3:3: workflows: a repository's own commands are never run here; remove the "
         "key"},
        {V3 "policies: {owners: {}}",
         "2:11: policies: a repository's own commands are never run here; remove the "
         "key"},
        {V3 "autodiscover: auto", "2:15: autodiscover must be a map of keys and values"},
        {V3 "autodiscover: {mode: on}", "2:22: mode must be auto, enabled or disabled"},
        {V3 "autodiscover: {modes: auto}",
         "2:16: autodiscover has no key \"modes\": is it misspelt?"},
        {V3 "autodiscover: {ignore_paths: [/a]}",
         "2:31: ignore_paths: a pattern must not begin with /"},
        {V3 "autodiscover: {ignore_paths: ['{a,b}']}",
         "2:31: ignore_paths: of patterns only *, ** and ? are read"},
        {V3 "repo_locks: {mode: always}",
         "2:20: mode must be on_plan, on_apply or disabled"},
        {V3 "projects: {dir: a}", "2:11: projects must be a list of projects"},
        {V3 "projects: [a]", "2:12: a project must be a map of keys and values"},
        {V3 "projects:\n-\n- dir: a", "3:2: a project must be a map of keys and values"},
    };

    (void)state;
    reject_all(rows, ARRAY_LEN(rows));
}

static void a_project_is_refused_as_its_row_says(void **state)
{
    static const struct row rows[] = {
        {V3 "projects:\n- name: x", "3:3: this project has no dir; \".\" is the top"},
        {V3 "projects:\n- dir:", "3:3: this project has no dir; \".\" is the top"},
        {V3 "projects:\n- dir: ''", "3:8: dir must be a directory; \".\" is the top"},
        {V3 "projects:\n- dir: [a]", "3:8: dir must be a directory; \".\" is the top"},
        {V3 "projects:\n- dir: ../a", "3:8: dir: directory must not contain \"..\""},
        {V3 "projects:\n- dir: a/../../b", "3:8: dir: directory must not contain \"..\""},
        {V3 "projects:\n- dir: /etc", "3:8: dir: directory must be relative"},
        {V3 "projects:\n- dir: \"a\\tb\"", "3:8: dir: directory has a control character"},
        {V3 "projects:\n- dir: modules/*",
         "3:8: dir must name one directory, patterns are not understood"},
        {PROJECT "dir: b", "4:3: the key dir comes twice"},
        {PROJECT "directory: b",
         "4:3: a project has no key \"directory\": is it misspelt?"},
        {PROJECT "name: ''", "4:9: name must be 1 to 255 letters, digits and - _ . ~ /"},
        {PROJECT "name: a b", "4:9: name must be 1 to 255 letters, digits and - _ . ~ /"},
        {PROJECT "name: a*", "4:9: name must be 1 to 255 letters, digits and - _ . ~ /"},
        {PROJECT "workspace: -w",
         "4:14: workspace must be 1 to 90 letters, digits and - _ . without a leading "
         "-"},
        {PROJECT "workspace: ..",
         "4:14: workspace must be 1 to 90 letters, digits and - _ . without a leading "
         "-"},
        {PROJECT "workspace: a/b",
         "4:14: workspace must be 1 to 90 letters, digits and - _ . without a leading "
         "-"},
        {PROJECT "terraform_version: ~> 1.5",
         "4:22: terraform_version must be one whole version like 1.5.7; ranges are not "
         "read"},
        {PROJECT "terraform_version: 1.5",
         "4:22: terraform_version must be one whole version like 1.5.7; ranges are not "
         "read"},
        {PROJECT "terraform_version: 1.5.0.1",
         "4:22: terraform_version must be one whole version like 1.5.7; ranges are not "
         "read"},
        {PROJECT "terraform_version: 1.5.x",
         "4:22: terraform_version must be one whole version like 1.5.7; ranges are not "
         "read"},
        {PROJECT "terraform_version: 1.5.0/../x",
         "4:22: terraform_version must be one whole version like 1.5.7; ranges are not "
         "read"},
        {PROJECT "terraform_distribution: other",
         "4:27: terraform_distribution must be terraform or opentofu"},
        {PROJECT "execution_order_group: one",
         "4:26: execution_order_group must be a whole number, without quotes"},
        {PROJECT "plan_requirements: approved",
         "4:22: plan_requirements must be a list: [one, two]"},
        {PROJECT "apply_requirements: [approved, signed]",
         "4:34: apply_requirements has signed: there are approved, mergeable, "
         "undiverged and policies_passed"},
        {PROJECT "import_requirements: ['approved,mergeable']",
         "4:25: import_requirements has approved,mergeable: there are approved, "
         "mergeable, undiverged and policies_passed"},
        {PROJECT "repo_locks: on_plan",
         "4:15: repo_locks must be a map of keys and values"},
        {PROJECT "repo_locks: {mode: never}",
         "4:22: mode must be on_plan, on_apply or disabled"},
        {PROJECT "repo_locking: on_plan",
         "4:17: repo_locking must be true or false, without quotes"},
        {PROJECT "autoplan: true", "4:13: autoplan must be a map of keys and values"},
        {PROJECT "autoplan: {enabled: 1}",
         "4:23: enabled must be true or false, without quotes"},
        {PROJECT "workflow: terragrunt",
         "4:13: workflow: custom workflows are never run here; remove the key"},
        {PROJECT "custom_policy_check: true",
         "4:24: custom_policy_check: a repository cannot bring its own policy check; "
         "remove the key and require policies_passed"},
        {PROJECT "depends_on: x", "4:15: depends_on must be a list: [one, two]"},
        {PROJECT "depends_on: [x]", "4:16: depends_on: no project has the name x"},
    };

    (void)state;
    reject_all(rows, ARRAY_LEN(rows));
}

static void a_branch_must_be_an_expression_that_both_read_alike(void **state)
{
    static const struct row rows[] = {
        {"main", "it must be an expression between slashes: /^main$/"},
        {"/", "it must be an expression between slashes: /^main$/"},
        {"/main", "it must be an expression between slashes: /^main$/"},
        {"/(main/", "this expression is broken: Unmatched ( or \\("},
        {"/[[:letter:]]/", "this expression is broken: Invalid character class name"},
        {"/[a-/", "a [ has no ]"},
        {"/[[:alpha]/", "a [: has no :]"},
        {"/[\\w-]/", "within [ ] a backslash is not understood; write [.] for a dot and "
                     "put - last"},
        {"/[[=a=]]/", "[. .] and [= =] are not understood"},
        {"/v\\d+/", "of a backslash with a letter or digit only \\w \\W \\s \\S \\b \\B "
                    "are understood; write [0-9] for \\d"},
        {"/(a)\\1/", "of a backslash with a letter or digit only \\w \\W \\s \\S \\b \\B "
                     "are understood; write [0-9] for \\d"},
        {"/main\\/", "a backslash stands at the end"},
        {"/(?i)main/", "(?…) is not understood; use plain parentheses"},
        {"/a{,5}/", "behind { there must be a number; write [{] for the character"},
        {"/a{2000}/", "it repeats too often"},
        {"/(((a{1,255}){1,255}){1,255})/", "it repeats too often"},
        {"/((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)/", "it repeats too often"},
        {"/a++/", "a repetition is repeated; leave out the second of * + ? {"},
        {"/a*{2}/", "a repetition is repeated; leave out the second of * + ? {"},
        {"/a+?/", "a repetition is repeated; leave out the second of * + ? {"},
        {"/a|*b/", "there is nothing to repeat before one of * + ? {"},
        {"/^*b/", "there is nothing to repeat before one of * + ? {"},
        {"/a)b/", "a ) has no ("},
        {"/a{99999999999999999999}/", "it repeats too often"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free) char *text = mem_fmt(PROJECT "branch: '%s'", rows[i].text);
        AUTO(auto_free) char *expected = mem_fmt("4:11: branch: %s", rows[i].expected);

        reject(text, expected);
    }
}

static void a_branch_expression_chooses_branches(void **state)
{
    static const struct {
        const char *expression, *branch;
        bool matches;
    } rows[] = {
        {"/main/", "main", true},
        {"/main/", "maintenance", true},
        {"/^main$/", "maintenance", false},
        {"/.*/", "", true},
        {"/^(main|release\\/.*)$/", "release/1", true},
        {"/^(main|release/.*)$/", "feature", false},
        {"/^v[0-9]{1,3}\\.[0-9]+$/", "v12.4", true},
        {"/^v[0-9]{1,3}\\.[0-9]+$/", "v1234.4", false},
        {"/^[^]^-]$/", "-", false},
        {"/^[]+*]$/", "*", true},
        {"/^[[:alpha:]_]+$/", "a_b", true},
        {"/^\\w+\\-x$/", "ab-x", true},
        {"/^a\\{b$/", "a{b", true},
        {"/^([a-z]+-){3}[0-9]+$/", "a-bc-d-1", true},
        {"/^([a-z]+-){3}[0-9]+$/", "a-bc-1", false},
        {"/^(a+)?$/", "aaa", true},
        {"//", "anything", true},
        {"/main/", NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(atlantis_config_done) struct atlantis_config config = {0};
        AUTO(auto_free) char *text = mem_fmt(PROJECT "branch: '%s'", rows[i].expression);
        struct err err = {0};

        if (atlantis_config_parse(text, strlen(text), &config, &err) < 0)
            fail_msg("%s: %s", rows[i].expression, err.message);
        if (atlantis_project_is_for(&config.projects[0], rows[i].branch) !=
            rows[i].matches)
            fail_msg("%s with %s", rows[i].expression, or_dash(rows[i].branch));
    }
}

static void a_project_without_branch_is_for_every_ref(void **state)
{
    struct atlantis_project broken = {.branch = (char[]){"("}};

    (void)state;
    assert_true(atlantis_project_is_for(&(struct atlantis_project){0}, "main"));
    assert_true(atlantis_project_is_for(&(struct atlantis_project){0}, NULL));
    assert_false(atlantis_project_is_for(&broken, "("));
}

static void projects_must_fit_together(void **state)
{
    static const struct row rows[] = {
        {V3 "projects:\n- {dir: a, name: x}\n- {dir: b, name: x}",
         "4:18: the name x comes twice: give each project its own"},
        {V3 "projects:\n- {dir: a}\n- {dir: ./a/, workspace: default}",
         "4:9: dir a with workspace default comes twice: give both a name"},
        {V3 "projects:\n- {dir: a, name: x}\n- {dir: a}",
         "4:9: dir a with workspace default comes twice: give both a name"},
        {V3 "projects:\n- {dir: a, name: x, depends_on: [x]}",
         "3:33: depends_on goes in a circle: x waits for itself"},
        /* w waits behind the circle of y and z, and is not named */
        {V3 "projects:\n- {dir: a, name: w, depends_on: [y]}\n"
            "- {dir: b, name: y, depends_on: [z]}\n- {dir: c, name: z, depends_on: [y]}",
         "4:33: depends_on goes in a circle: y waits for itself"},
        {V3 "projects:\n- {dir: a, name: x}\n- {dir: b, depends_on: [x, x]}",
         "4:28: depends_on: x comes twice"},
        {V3 "projects:\n- {dir: a, name: x, execution_order_group: 2}\n"
            "- {dir: b, depends_on: [x], execution_order_group: 1}",
         "4:25: depends_on: x is of a later execution_order_group"},
    };

    (void)state;
    reject_all(rows, ARRAY_LEN(rows));
}

static void dependencies_are_known_by_index(void **state)
{
    static const char text[] = V3 "projects:\n- {dir: a, name: x, depends_on: [z, y]}\n"
                                  "- {dir: b, name: y}\n- {dir: c, name: z}";
    AUTO(atlantis_config_done) struct atlantis_config config = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(atlantis_config_parse(text, strlen(text), &config, &err), 0);
    assert_int_equal(config.projects[0].depends_at[0], 2);
    assert_int_equal(config.projects[0].depends_at[1], 1);
}

static void a_project_is_found_where_it_is(void **state)
{
    static const char text[] =
        V3 "projects:\n- {dir: a}\n- {dir: a, workspace: w}\n- {dir: b, name: n}";
    AUTO(atlantis_config_done) struct atlantis_config config = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(atlantis_config_parse(text, strlen(text), &config, &err), 0);
    assert_ptr_equal(atlantis_config_at(&config, "a", "w"), &config.projects[1]);
    assert_ptr_equal(atlantis_config_at(&config, "b", "default"), &config.projects[2]);
    assert_null(atlantis_config_at(&config, "b", "w"));
}

/* ---- hostile sizes ---- */

static char *repeat(const char *head, const char *unit, size_t times, const char *tail)
{
    struct buf out = BUF_INIT(SIZE_MAX);

    buf_str(&out, head);
    for (size_t i = 0; i < times; i++)
        buf_str(&out, unit);
    buf_str(&out, tail);
    return buf_take(&out);
}

static void nesting_ends_at_a_level(void **state)
{
    AUTO(auto_free) char *flow = repeat(V3 "projects: ", "[", 100000, "");
    AUTO(auto_free) char *block = repeat(V3 "projects:\n", "- ", 100000, "");
    AUTO(auto_free) char *maps = repeat("", "{? ", 100000, "");

    (void)state;
    reject(flow, "2:42: nested more than 32 levels deep");
    reject(block, "3:63: nested more than 32 levels deep");
    reject(maps, "1:4: a key must be a word");
}

static void a_bomb_of_aliases_ends_at_the_first(void **state)
{
    struct buf text = BUF_INIT(SIZE_MAX);
    AUTO(auto_free) char *bomb = NULL;

    (void)state;
    buf_str(&text, V3 "a0: &a0 [x, x, x, x]\n");
    for (int i = 1; i < 30; i++)
        buf_fmt(&text, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1);
    bomb = buf_take(&text);
    reject(bomb, "3:10: aliases are not read: write out what *a0 stands for");
}

static void the_file_has_a_size(void **state)
{
    AUTO(auto_free) char *fits = NULL;
    AUTO(auto_free) char *over = NULL;

    (void)state;
    fits = repeat(V3 "#", "x", ATLANTIS_YAML_BYTES - strlen(V3 "#"), "");
    accept(fits, "auto []");
    over = repeat(fits, "x", 1, "");
    reject(over, "1:1: the file has more than 1024 KiB");
}

static void values_and_projects_have_a_number(void **state)
{
    AUTO(auto_free)
    char *values = repeat(V3 "silence_pr_comments: [", "a,", 100001, "]");
    AUTO(auto_free)
    char *patterns = repeat(V3 "autodiscover: {ignore_paths: [", "a,", 201, "]}");
    AUTO(auto_free) char *list = NULL;
    struct buf text = BUF_INIT(SIZE_MAX);

    (void)state;
    reject(values, "2:200013: there are more than 100000 values");
    reject(patterns, "2:431: ignore_paths has more than 200 patterns");
    buf_str(&text, V3 "projects:\n");
    for (int i = 0; i <= 500; i++)
        buf_fmt(&text, "- dir: d%d\n", i);
    list = buf_take(&text);
    reject(list, "503:3: there are more than 500 projects");
}

static void everybody_may_depend_on_everybody_before(void **state)
{
    AUTO(atlantis_config_done) struct atlantis_config config = {0};
    AUTO(auto_free) char *whole = NULL;
    struct buf text = BUF_INIT(SIZE_MAX);
    struct err err = {0};

    (void)state;
    buf_str(&text, V3 "projects:\n");
    for (int i = 300; i > 0; i--) {
        buf_fmt(&text, "- dir: d%d\n  name: p%d\n  depends_on: [", i, i);
        for (int j = 1; j < i; j++)
            buf_fmt(&text, "p%d,", j);
        buf_str(&text, "]\n");
    }
    whole = buf_take(&text);
    if (atlantis_config_parse(whole, strlen(whole), &config, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(config.count, 300);
    assert_int_equal(config.projects[0].depends_on.count, 299);
    assert_int_equal(config.projects[0].depends_at[0], 299);
}

static void a_long_text_is_cut_between_characters(void **state)
{
    AUTO(auto_free) char *text = repeat(V3 "x", "\xc3\xbc", 100, ": 1");
    AUTO(auto_free)
    char *expected =
        repeat("2:1: the file has no key \"x", "\xc3\xbc", 21, "…\": is it misspelt?");

    (void)state;
    reject(text, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_format_is_known),
        cmocka_unit_test(values_are_read_as_their_row_says),
        cmocka_unit_test(what_is_not_yaml_is_refused_with_its_place),
        cmocka_unit_test(the_file_is_refused_as_its_row_says),
        cmocka_unit_test(a_project_is_refused_as_its_row_says),
        cmocka_unit_test(a_branch_must_be_an_expression_that_both_read_alike),
        cmocka_unit_test(a_branch_expression_chooses_branches),
        cmocka_unit_test(a_project_without_branch_is_for_every_ref),
        cmocka_unit_test(projects_must_fit_together),
        cmocka_unit_test(dependencies_are_known_by_index),
        cmocka_unit_test(a_project_is_found_where_it_is),
        cmocka_unit_test(nesting_ends_at_a_level),
        cmocka_unit_test(a_bomb_of_aliases_ends_at_the_first),
        cmocka_unit_test(the_file_has_a_size),
        cmocka_unit_test(values_and_projects_have_a_number),
        cmocka_unit_test(everybody_may_depend_on_everybody_before),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
