/* Signatures of webhooks: those we send and those we are sent.
 *
 * Standard Webhooks (spec 1.0.0): HMAC-SHA256 over "<id>.<timestamp>.<body>", in the
 * header webhook-signature as "v1,<base64>", several with blanks between. GitLab signs so
 * with its signing token. GitHub: X-Hub-Signature-256, "sha256=<hex>" over the body. */
#ifndef KEDGE_COMMON_HOOK_WEBHOOK_H
#define KEDGE_COMMON_HOOK_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEBHOOK_SIGNATURE_BYTES 48  /* "v1," and 44 of base64, and a NUL */
#define WEBHOOK_TOLERANCE_S     300 /* how old or new a signed message may be */

/* "whsec_<base64>" is a key of those bytes, any other text a key of its own bytes. */
void webhook_sign(const char *secret, const char *id, int64_t timestamp_s,
                  const void *body, size_t len, char signature[WEBHOOK_SIGNATURE_BYTES]);
/* Does one of the signatures in the header fit, and is the time (as it was sent) within
 * the tolerance of now_s? Constant time for each signature. NULL headers: false. */
bool webhook_verify(const char *secret, const char *id, const char *timestamp,
                    const char *signatures, int64_t now_s, const void *body, size_t len);
/* X-Hub-Signature-256. NULL: false. */
bool webhook_verify_hub(const char *secret, const char *signature, const void *body,
                        size_t len);

#endif
