/* Digests, random ids and comparisons that take the same time whatever differs.
 * libcrypto underneath; needs no set-up. */
#ifndef KEDGE_COMMON_SIGN_H
#define KEDGE_COMMON_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGN_HEX_BYTES  65 /* SHA-256 in lower-case hex and a NUL */
#define SIGN_ID_BYTES   33 /* the first 128 bits of it: ids and key names */
#define SIGN_UUID_BYTES 37

void sign_sha256_hex(const void *bytes, size_t len, char hex[SIGN_HEX_BYTES]);
/* A 128-bit id of a list of strings: the digest over each length and its bytes, so that
 * ("ab","c") and ("a","bc") differ. NULL counts as "". */
void sign_id(const char *const *parts, size_t count, char id[SIGN_ID_BYTES]);
/* Equal contents? Constant time for a given length of `given`; NULL equals nothing. */
bool sign_equal(const char *secret, const char *given);

void sign_random(void *bytes, size_t len);
void sign_nonce(char nonce[SIGN_ID_BYTES]);  /* 128 random bits in hex */
void sign_uuid4(char uuid[SIGN_UUID_BYTES]); /* RFC 9562 version 4 */
/* RFC 9562 version 7 of that wall time; ids made by one process in one millisecond still
 * ascend. */
void sign_uuid7(int64_t wall_ms, char uuid[SIGN_UUID_BYTES]);
/* The version 7 UUID that belongs to a number and another one of version 7: same time,
 * the rest a digest of both. Always the same for the same two. */
void sign_uuid7_derived(const char *uuid7, int64_t number, char uuid[SIGN_UUID_BYTES]);

#endif
