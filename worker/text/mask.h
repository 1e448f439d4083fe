/* Masking: secrets out of every text that leaves a run.
 *
 * Known secrets (values of env files, tokens; at least 8 bytes) and the userinfo of URLs
 * ("https://user:token@host") become "***", also where they lie across the borders of
 * the pieces a text arrives in: what may be the beginning of one (at most the longest
 * secret, or 4 KiB of a URL) is held back until the next piece or mask_flush; everything
 * else is released at once. Overlapping secrets are masked as one. */
#ifndef KEDGE_WORKER_TEXT_MASK_H
#define KEDGE_WORKER_TEXT_MASK_H

#include <stddef.h>

#include "common/base/buf.h"

#define MASK_SECRET_MIN_BYTES 8

struct mask;
struct mask *mask_new(void);
void mask_free(struct mask *mask); /* wipes the secrets */
/* Shorter ones are left out. Multi-line secrets are masked as a whole and line by line
 * (lines of 8 bytes and more), and each also as JSON and HCL quote it. */
void mask_add(struct mask *mask, const char *secret);
/* Masked bytes that are safe to release are appended to out. */
void mask_feed(struct mask *mask, const char *bytes, size_t len, struct buf *out);
void mask_flush(struct mask *mask, struct buf *out);
/* The whole text at once; does not disturb a stream in progress. */
void mask_text(struct mask *mask, const char *text, size_t len, struct buf *out);

#endif
