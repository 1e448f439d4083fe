/* Digests, signatures, random ids and comparisons that take the same time whatever
 * differs. libcrypto underneath; needs no set-up. */
#ifndef KEDGE_COMMON_BASE_SIGN_H
#define KEDGE_COMMON_BASE_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGN_HEX_BYTES  65 /* SHA-256 in lower-case hex and a NUL */
#define SIGN_ID_BYTES   33 /* the first 128 bits of it: ids and key names */
#define SIGN_UUID_BYTES 37
#define SIGN_MAC_BYTES  32

#define SIGN_DIGEST_BYTES 32
void sign_sha256(const void *bytes, size_t len, unsigned char sum[SIGN_DIGEST_BYTES]);
void sign_sha256_hex(const void *bytes, size_t len, char hex[SIGN_HEX_BYTES]);
/* A 128-bit id of a list of strings: the digest over each length and its bytes, so that
 * ("ab","c") and ("a","bc") differ. NULL counts as "". */
void sign_id(const char *const *parts, size_t count, char id[SIGN_ID_BYTES]);
/* Equal contents? Constant time for a given length of `given`; NULL equals nothing. */
bool sign_equal(const char *secret, const char *given);
/* Of two equally long things whose length is no secret. */
bool sign_bytes_equal(const void *a, const void *b, size_t len);

struct sign_part {
    const void *bytes;
    size_t len;
};
/* HMAC-SHA256 (RFC 2104) over the parts, one behind the other. */
void sign_hmac(const void *key, size_t key_len, const struct sign_part *parts,
               size_t count, unsigned char mac[SIGN_MAC_BYTES]);
void sign_hex(const void *bytes, size_t len, char *hex); /* 2 len + 1 bytes */
/* 2 len hex digits of either letter case, and nothing else; 0, or -1. */
int sign_hex_parse(const char *hex, unsigned char *bytes, size_t len);

#define SIGN_BASE64_BYTES(len) (((len) + 2) / 3 * 4 + 1)
/* RFC 4648, section 4, with padding. */
void sign_base64(const void *bytes, size_t len, char *text); /* SIGN_BASE64_BYTES(len) */
/* The bytes of it: at most 3/4 of the text's length. -1: it is none, or not written as
 * sign_base64 would. */
int sign_base64_parse(const char *text, unsigned char *bytes, size_t *len);

void sign_random(void *bytes, size_t len);
void sign_nonce(char nonce[SIGN_ID_BYTES]);  /* 128 random bits in hex */
void sign_uuid4(char uuid[SIGN_UUID_BYTES]); /* RFC 9562 version 4 */
/* RFC 9562 version 7 of that wall time; ids made by one process in one millisecond still
 * ascend. */
void sign_uuid7(int64_t wall_ms, char uuid[SIGN_UUID_BYTES]);
/* The version 7 UUID that belongs to a number and another one of version 7: same time,
 * the rest a digest of both. Always the same for the same two. */
void sign_uuid7_derived(const char *uuid7, int64_t number, char uuid[SIGN_UUID_BYTES]);
/* The version 8 UUID that belongs to a list of strings: a digest of them, as sign_id. */
void sign_uuid8(const char *const *parts, size_t count, char uuid[SIGN_UUID_BYTES]);

#endif
