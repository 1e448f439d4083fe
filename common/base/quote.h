/* Text as a JSON string, for everything that writes JSON. Pure. */
#ifndef KEDGE_COMMON_BASE_QUOTE_H
#define KEDGE_COMMON_BASE_QUOTE_H

#include <stddef.h>

#include "common/base/buf.h"

/* Appends the bytes in quotes (RFC 8259, section 7). Control bytes are escaped, DEL too;
 * each byte that is not part of a UTF-8 character becomes U+FFFD. */
void quote_json(const char *bytes, size_t len, struct buf *out);

#endif
