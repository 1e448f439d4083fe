/* zlib: stored outputs, and one member of a zip file (a terraform plan file is one). */
#ifndef KEDGE_COMMON_BASE_ZIP_H
#define KEDGE_COMMON_BASE_ZIP_H

#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* Appends the zlib stream (RFC 1950) of the bytes. */
void zip_deflate(const void *bytes, size_t len, struct buf *out);
/* Appends what the zlib stream holds; ERR_PERM when it is broken or exceeds out->max. */
int zip_inflate(const void *bytes, size_t len, struct buf *out, struct err *err);
/* Appends the named member of the zip file (PKWARE APPNOTE; stored or deflated, no zip64,
 * no encryption). ERR_PERM when it is not there, broken, or exceeds out->max. */
int zip_member(const char *path, const char *member, struct buf *out, struct err *err);

#endif
