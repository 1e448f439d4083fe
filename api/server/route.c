/* Routes: matching a path against the patterns of a table. */
#include "api/server/route.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"

static const char *const method_names[METHODS] = {
    [METHOD_GET] = "GET",
    [METHOD_POST] = "POST",
    [METHOD_PUT] = "PUT",
    [METHOD_DELETE] = "DELETE",
};

const char *route_method_name(enum method method)
{
    return method_names[method];
}

enum method route_method_parse(const char *text, bool *head)
{
    *head = strcmp(text, "HEAD") == 0;
    if (*head)
        return METHOD_GET;
    for (enum method method = 0; method < METHODS; method++)
        if (strcmp(text, method_names[method]) == 0)
            return method;
    return METHODS;
}

enum fit { FIT_NOT, FIT_BAD_ID, FIT_YES };

/* One segment of the path against one parameter of the pattern. */
static enum fit take_param(const char *segment, size_t len, bool is_run, char *param)
{
    if (len >= ROUTE_PARAM_BYTES)
        return FIT_BAD_ID;
    memcpy(param, segment, len);
    param[len] = '\0';
    if (is_run ? parse_is_uuid(param) : parse_is_id(param))
        return FIT_YES;
    return FIT_BAD_ID;
}

static enum fit match(const char *pattern, const char *path,
                      char params[ROUTE_PARAMS][ROUTE_PARAM_BYTES])
{
    enum fit fit = FIT_YES;
    size_t taken = 0;

    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return FIT_NOT;
            continue;
        }
        size_t len = strcspn(path, "/");

        if (take_param(path, len, pattern[1] == 'r', params[taken++]) != FIT_YES)
            fit = FIT_BAD_ID;
        pattern = strchr(pattern, '}') + 1;
        path += len;
    }
    return *path == '\0' ? fit : FIT_NOT;
}

/* "GET, HEAD, PUT" of a set of methods. */
static void print_allow(const bool allowed[METHODS], char allow[ROUTE_ALLOW_BYTES])
{
    size_t len = 0;

    allow[0] = '\0';
    for (enum method method = 0; method < METHODS; method++) {
        if (!allowed[method])
            continue;
        len += (size_t)snprintf(allow + len, ROUTE_ALLOW_BYTES - len, "%s%s%s",
                                len > 0 ? ", " : "", method_names[method],
                                method == METHOD_GET ? ", HEAD" : "");
    }
}

enum route_result route_find(const struct route *table, size_t count, enum method method,
                             const char *path, struct route_match *out)
{
    bool allowed[METHODS] = {false};
    bool known = false;

    out->route = NULL;
    for (size_t i = 0; i < count; i++) {
        enum fit fit = match(table[i].pattern, path, out->params);

        if (fit == FIT_BAD_ID && method == METHOD_PUT && table[i].method == METHOD_PUT)
            return ROUTE_BAD_ID;
        if (fit != FIT_YES)
            continue;
        if (table[i].method == method) {
            out->route = &table[i];
            return ROUTE_FOUND;
        }
        known = true;
        allowed[table[i].method] = true;
    }
    if (!known)
        return ROUTE_UNKNOWN;
    print_allow(allowed, out->allow);
    return ROUTE_NOT_METHOD;
}
