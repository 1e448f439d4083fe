/* Routes: which row a path fits, and what a path that fits none is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/handlers.h"
#include "common/base/mem.h"

#define RUN "0194890e-2f00-7000-8000-000000000001"

static void unused(struct request *req)
{
    (void)req;
}

static const struct route table[] = {
    {METHOD_GET, ACCESS_OPEN, "/a", .handle = unused},
    {METHOD_POST, ACCESS_OPEN, "/a", .handle = unused},
    {METHOD_GET, ACCESS_OPEN, "/a/last", .handle = unused},
    {METHOD_GET, ACCESS_OPEN, "/a/{run}", .handle = unused},
    {METHOD_PUT, ACCESS_OPEN, "/p/{id}", .handle = unused},
    {METHOD_DELETE, ACCESS_OPEN, "/p/{id}", .handle = unused},
    {METHOD_GET, ACCESS_OPEN, "/p/{id}/w/{id}", .handle = unused},
    {METHOD_DELETE, ACCESS_OPEN, "/p/{id}/w/{id}/i/{id}", .handle = unused},
};

static enum route_result find(enum method method, const char *path,
                              struct route_match *match)
{
    return route_find(table, ARRAY_LEN(table), method, path, match);
}

static void a_path_fits_the_row_of_its_method(void **state)
{
    struct route_match match;

    (void)state;
    assert_int_equal(find(METHOD_GET, "/a", &match), ROUTE_FOUND);
    assert_ptr_equal(match.route, &table[0]);
    assert_int_equal(find(METHOD_POST, "/a", &match), ROUTE_FOUND);
    assert_ptr_equal(match.route, &table[1]);
}

static void a_literal_segment_goes_before_a_parameter(void **state)
{
    struct route_match match;

    (void)state;
    assert_int_equal(find(METHOD_GET, "/a/last", &match), ROUTE_FOUND);
    assert_ptr_equal(match.route, &table[2]);
    assert_int_equal(find(METHOD_GET, "/a/" RUN, &match), ROUTE_FOUND);
    assert_ptr_equal(match.route, &table[3]);
    assert_string_equal(match.params[0], RUN);
}

static void parameters_are_taken_in_order(void **state)
{
    struct route_match match;

    (void)state;
    assert_int_equal(find(METHOD_GET, "/p/net.1/w/prod-eu_2", &match), ROUTE_FOUND);
    assert_string_equal(match.params[0], "net.1");
    assert_string_equal(match.params[1], "prod-eu_2");
    assert_int_equal(find(METHOD_DELETE, "/p/a/w/b/i/c0ffee", &match), ROUTE_FOUND);
    assert_string_equal(match.params[0], "a");
    assert_string_equal(match.params[1], "b");
    assert_string_equal(match.params[2], "c0ffee");
}

static void other_paths_are_unknown(void **state)
{
    static const char *const paths[] = {
        "",       "/",          "/b",          "/a/",         "/aa",
        "/a/x",   "/a/last/",   "a",           "/p/x/w",      "/p/x/w/",
        "/p//w/", "/p/x/w/y/z", "/p/-x/w/y",   "/p/x y/w/z",  "/a/" RUN "/",
        "/A",     "/p/x/y/w/z", "/p/x/w/\xc3", "/a/" RUN "0",
    };
    struct route_match match;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        if (find(METHOD_GET, paths[i], &match) != ROUTE_UNKNOWN)
            fail_msg("%s was found", paths[i]);
}

static void an_id_has_64_characters_at_most(void **state)
{
    char path[128] = "/p/";
    struct route_match match;

    (void)state;
    memset(path + 3, 'x', 64);
    assert_int_equal(find(METHOD_DELETE, path, &match), ROUTE_FOUND);
    path[3 + 64] = 'x';
    assert_int_equal(find(METHOD_DELETE, path, &match), ROUTE_UNKNOWN);
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    struct route_match match;

    (void)state;
    assert_int_equal(find(METHOD_PUT, "/a", &match), ROUTE_NOT_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, POST");
    assert_int_equal(find(METHODS, "/p/x", &match), ROUTE_NOT_METHOD);
    assert_string_equal(match.allow, "PUT, DELETE");
    assert_int_equal(find(METHOD_POST, "/a/last", &match), ROUTE_NOT_METHOD);
    assert_string_equal(match.allow, "GET, HEAD");
}

static void a_put_of_a_malformed_id_is_the_requests_fault(void **state)
{
    struct route_match match;

    (void)state;
    assert_int_equal(find(METHOD_PUT, "/p/-x", &match), ROUTE_BAD_ID);
    assert_int_equal(find(METHOD_PUT, "/p/", &match), ROUTE_BAD_ID);
    assert_int_equal(find(METHOD_DELETE, "/p/-x", &match), ROUTE_UNKNOWN);
}

static void methods_have_names(void **state)
{
    bool head;

    (void)state;
    for (enum method method = 0; method < METHODS; method++) {
        assert_int_equal(route_method_parse(route_method_name(method), &head), method);
        assert_false(head);
    }
    assert_int_equal(route_method_parse("HEAD", &head), METHOD_GET);
    assert_true(head);
    assert_int_equal(route_method_parse("get", &head), METHODS);
    assert_int_equal(route_method_parse("PATCH", &head), METHODS);
}

/* An Allow that does not fit its buffer would be cut. */
static void every_route_can_be_reached_and_has_what_its_method_needs(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *route = &routes[i];
        struct route_match match;
        char path[128];
        size_t len = 0;

        for (const char *at = route->pattern; *at != '\0'; at++) {
            const char *piece = *at != '{' ? at : at[1] == 'r' ? RUN : "x1";
            size_t piece_len = *at != '{' ? 1 : strlen(piece);

            memcpy(path + len, piece, piece_len);
            len += piece_len;
            if (*at == '{')
                at = strchr(at, '}');
        }
        path[len] = '\0';
        assert_int_equal(route_find(routes, routes_count, route->method, path, &match),
                         ROUTE_FOUND);
        assert_ptr_equal(match.route, route);
        assert_non_null(route->handle);
        if (route->method == METHOD_GET || route->method == METHOD_DELETE)
            assert_null(route->fields);
        /* Who needs no token is asked for a signature. */
        if (strncmp(route->pattern, "/api/v1/webhooks/", 17) == 0)
            assert_true(route->access == ACCESS_OPEN && route->admit != NULL);
        else if (strncmp(route->pattern, "/api/v1/", 8) == 0)
            assert_true(route->access >= ACCESS_TOKEN);
    }
}

/* ---- what it takes ---- */
static bool needs_token(const struct route *route)
{
    return route->access >= ACCESS_TOKEN;
}

static void every_route_that_writes_has_a_scope_and_is_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *route = &routes[i];

        if (route->method == METHOD_GET) {
            assert_null(route->action);
            continue;
        }
        if (route->action == NULL || !(needs_token(route) || route->raw_body_max > 0))
            fail_msg("%s has no action, or is open", route->pattern);
        if (needs_token(route) && route->access < ACCESS_CHECK)
            fail_msg("%s is written to with scope read", route->pattern);
    }
}

/* What belongs to no project, whoever asks. */
static bool is_of_all_projects(const char *pattern)
{
    return strcmp(pattern, "/api/drift/remediate/{run}") == 0;
}

static void every_route_of_one_thing_says_whose_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *route = &routes[i];

        if (strchr(route->pattern, '{') == NULL)
            continue;
        if ((route->project == PROJECT_NONE || route->project == PROJECT_ANY) !=
            is_of_all_projects(route->pattern))
            fail_msg("%s has no project", route->pattern);
    }
}

/* Where the project is named, it is where the table says. */
static void every_route_has_the_project_that_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *route = &routes[i];
        bool has_field = false;

        for (size_t f = 0; f < route->field_count; f++)
            has_field = has_field || strcmp(route->fields[f].name, "projectId") == 0;
        if (route->project == PROJECT_PATH)
            assert_non_null(strstr(route->pattern, "/projects/{id}"));
        if (strstr(route->pattern, "/projects/{id}") != NULL)
            assert_int_equal(route->project, PROJECT_PATH);
        if (route->project == PROJECT_BODY)
            assert_true(has_field);
        /* Else a body would name one that nobody compares. */
        if (has_field && route->project != PROJECT_BODY)
            assert_int_equal(route->project, PROJECT_FOUND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_fits_the_row_of_its_method),
        cmocka_unit_test(a_literal_segment_goes_before_a_parameter),
        cmocka_unit_test(parameters_are_taken_in_order),
        cmocka_unit_test(other_paths_are_unknown),
        cmocka_unit_test(an_id_has_64_characters_at_most),
        cmocka_unit_test(a_wrong_method_is_told_the_right_ones),
        cmocka_unit_test(a_put_of_a_malformed_id_is_the_requests_fault),
        cmocka_unit_test(methods_have_names),
        cmocka_unit_test(every_route_can_be_reached_and_has_what_its_method_needs),
        cmocka_unit_test(every_route_that_writes_has_a_scope_and_is_recorded),
        cmocka_unit_test(every_route_of_one_thing_says_whose_it_is),
        cmocka_unit_test(every_route_has_the_project_that_it_says),
    };

    return cmocka_run_group_tests_name("api_route", tests, NULL, NULL);
}
