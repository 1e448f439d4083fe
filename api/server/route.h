/* Routes: which handler answers a method and a path. One table, so that 404 and 405 (with
 * its Allow) come for free.
 *
 * A pattern is literal segments and parameters: {id} is 1–64 of [A-Za-z0-9._-] beginning
 * with a letter or digit, {run} a UUID. A parameter that has not that form is as unknown
 * as any other id (404), except in a PUT, which would create it (400). Pure. */
#ifndef KEDGE_API_SERVER_ROUTE_H
#define KEDGE_API_SERVER_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

struct cJSON;
struct request;
struct field;
struct problems;

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHODS };

/* What it takes to be let in. Each of the last four includes those before it. */
enum route_access {
    ACCESS_OPEN,  /* anybody */
    ACCESS_READ,  /* anybody; with KEDGE_AUTH_READS a token */
    ACCESS_TOKEN, /* a token: scope read */
    ACCESS_CHECK, /* what starts, stops or judges checks and changes nothing else */
    ACCESS_APPLY, /* what may change the world */
    ACCESS_ADMIN, /* what decides what the others come to */
};

/* Where a route names its project, for tokens that are limited to some. */
enum route_project {
    PROJECT_NONE,  /* it concerns all of them: not for a limited token */
    PROJECT_ANY,   /* nothing of a project is read or changed */
    PROJECT_PATH,  /* the first parameter */
    PROJECT_QUERY, /* ?projectId=, which a limited token must give */
    PROJECT_BODY,  /* "projectId", which a limited token must give */
    /* Known when the handler has looked: it calls request_may_see before it answers with
     * anything of that project. An answer of success without that is a 500. */
    PROJECT_FOUND,
};

struct route {
    enum method method;
    enum route_access access;
    const char *pattern;
    /* What it does, as the audit calls it: "run.cancel". NULL: nothing. */
    const char *action;
    void (*handle)(struct request *req);
    const struct field *fields; /* of the JSON body; NULL: the route takes no body */
    size_t field_count;
    /* Of a body that is no JSON of fields: at most so many bytes, which the handler finds
     * in the request as they came. 0: it is none of those. */
    size_t raw_body_max;
    /* Says no (request_refuse) to what need not be read to be refused; NULL: to nothing.
     * Called with the head, after the token's check. */
    void (*admit)(struct request *req);
    /* What concerns several fields; NULL: nothing does. Called with whatever object the
     * body is, also when fields of it are wrong. */
    void (*check)(const struct cJSON *body, struct problems *problems);
    enum route_project project;
    bool body_optional;
    /* The Atlantis family: keys match without regard to letter case, unknown ones are
     * passed over. Handlers read the names as the table has them. */
    bool fold_keys;
    /* Without KEDGE_API_SECRET this is an invalid request (400), not a service that is
     * switched off (503). */
    bool disabled_is_invalid;
};

#define ROUTE_PARAMS      3
#define ROUTE_PARAM_BYTES 65
#define ROUTE_ALLOW_BYTES 40

enum route_result {
    ROUTE_FOUND,
    ROUTE_UNKNOWN,    /* no such path */
    ROUTE_NOT_METHOD, /* the path takes other methods: see allow */
    ROUTE_BAD_ID,     /* a PUT names something that cannot be named so */
};
struct route_match {
    const struct route *route; /* set when found */
    char params[ROUTE_PARAMS][ROUTE_PARAM_BYTES];
    char allow[ROUTE_ALLOW_BYTES]; /* set when not_method: "GET, HEAD, PUT" */
};

/* HEAD is asked for as GET. METHODS stands for a method no route has. The first row that
 * fits wins. */
enum route_result route_find(const struct route *table, size_t count, enum method method,
                             const char *path, struct route_match *out);

/* "GET" -> METHOD_GET; HEAD is METHOD_GET with *head set; METHODS when unknown. */
enum method route_method_parse(const char *text, bool *head);
const char *route_method_name(enum method method);

#endif
