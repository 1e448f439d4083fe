/* Fuzzes what a request's head brings: method and path against the table of routes,
 * cursors, entity tags, preferences, and tokens. Input: lines, each of another use. */
#include <string.h>

#include "api/handlers.h"
#include "api/server/auth.h"
#include "api/server/header.h"
#include "api/server/page.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "tests/fuzz/fuzz.h"

static char secret[] = "a-secret";

static void fuzz_path(const char *text)
{
    for (enum method method = 0; method <= METHODS; method++) {
        struct route_match match;

        switch (route_find(routes, routes_count, method, text, &match)) {
        case ROUTE_FOUND:
            must(match.route->method == method);
            must(strncmp(text, "/", 1) == 0);
            break;
        case ROUTE_NOT_METHOD:
            must(match.allow[0] != '\0' && strlen(match.allow) < ROUTE_ALLOW_BYTES - 1);
            break;
        case ROUTE_BAD_ID:
            must(method == METHOD_PUT);
            break;
        case ROUTE_UNKNOWN:
            break;
        }
    }
}

static void fuzz_cursor(const char *text)
{
    struct page_cursor cursor;
    char again[PAGE_CURSOR_BYTES];

    if (page_cursor_parse(text, &cursor) < 0)
        return;
    must(cursor.at > 0 && (cursor.id[0] == '\0' || parse_is_uuid(cursor.id)));
    page_cursor_print(&cursor, again);
    must(strcmp(again, text) == 0);
}

static void fuzz_headers(const char *text)
{
    struct tokens *tokens = tokens_new(secret, NULL);
    struct auth_given given = {.authorization = text};
    struct header_prefer prefer;
    const struct token *token;

    header_etag_matches(text, "\"1-0-0-0\"");
    header_is_json(text);
    header_is_idempotency_key(text);
    header_prefer(text, &prefer);
    must(prefer.wait_s >= -1);
    if (auth_check(tokens, false, ACCESS_TOKEN, &given, &token) == AUTH_OK)
        must(strstr(text, secret) != NULL);
    tokens_drop(tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(auto_free) char *text = mem_dup_n((const char *)data, size);
    char *line = text, *end;

    do {
        end = strchr(line, '\n');
        if (end != NULL)
            *end = '\0';
        fuzz_path(line);
        fuzz_cursor(line);
        fuzz_headers(line);
        line = end != NULL ? end + 1 : line;
    } while (end != NULL);
    return 0;
}
