/* application/x-www-form-urlencoded (WHATWG URL, section 5): one field of a body. Pure.
 */
#ifndef KEDGE_API_SERVER_FORM_H
#define KEDGE_API_SERVER_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"

/* With any parameters. */
bool form_is_type(const char *content_type);
/* The first field of that name, decoded, appended to out; false: there is none. A '%'
 * without two hexadecimal digits stands for itself. */
bool form_field(const char *body, size_t len, const char *name, struct buf *out);

#endif
