/* Pages of lists: limit, cursor, and the Link to the next one. Cursors are opaque to
 * clients: base64url of a position. Pure but for page_link. */
#ifndef KEDGE_API_SERVER_PAGE_H
#define KEDGE_API_SERVER_PAGE_H

#include <stdint.h>

#include "api/server/body.h"
#include "common/base/sign.h"

#define PAGE_LIMIT_DEFAULT 50
#define PAGE_LIMIT_MAX     500

/* Where the next page begins: after the run `id` of time `at` (its score), or, in lists
 * without ids, at offset `at`. */
struct page_cursor {
    int64_t at;
    char id[SIGN_UUID_BYTES]; /* "" in lists by offset */
};

#define PAGE_CURSOR_BYTES 33
void page_cursor_print(const struct page_cursor *cursor, char text[PAGE_CURSOR_BYTES]);
int page_cursor_parse(const char *text, struct page_cursor *out); /* 0, or -1 */

struct request;

struct page {
    int64_t limit;
    struct page_cursor after; /* at 0: the first page */
};
/* Reads limit and cursor of the query; what is wrong with them goes to problems. */
void page_read(const struct request *req, int64_t limit_max, struct page *out,
               struct problems *problems);
/* The Link header to the page that begins at `next`, with this request's other
 * parameters. */
void page_link(struct request *req, const struct page_cursor *next);

#endif
