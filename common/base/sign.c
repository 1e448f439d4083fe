/* Digests, signatures, random ids, constant-time comparison: libcrypto and getrandom(2).
 */
#include "common/base/sign.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <threads.h>

#include "common/base/buf.h"

#define DIGEST_BYTES 32

_Static_assert(DIGEST_BYTES == SIGN_MAC_BYTES, "an HMAC is as long as its digest");

static once_flag sha256_once = ONCE_FLAG_INIT;
static EVP_MD *sha256;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* Fetched once: the one-shot functions of libcrypto look the name up at every call. */
static void digest(const void *bytes, size_t len, unsigned char out[DIGEST_BYTES])
{
    call_once(&sha256_once, fetch_sha256);
    if (EVP_Digest(bytes, len, out, NULL, sha256, NULL) != 1)
        abort();
}

static char *put_hex(char *at, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    *at = '\0';
    return at;
}

void sign_sha256(const void *bytes, size_t len, unsigned char sum[SIGN_DIGEST_BYTES])
{
    digest(bytes, len, sum);
}

void sign_sha256_hex(const void *bytes, size_t len, char hex[SIGN_HEX_BYTES])
{
    unsigned char sum[DIGEST_BYTES];

    digest(bytes, len, sum);
    put_hex(hex, sum, sizeof sum);
}

void sign_id(const char *const *parts, size_t count, char id[SIGN_ID_BYTES])
{
    struct buf all = BUF_INIT(SIZE_MAX);
    unsigned char sum[DIGEST_BYTES];

    for (size_t i = 0; i < count; i++) {
        const char *part = parts[i] != NULL ? parts[i] : "";

        buf_fmt(&all, "%zu:", strlen(part));
        buf_str(&all, part);
    }
    digest(buf_text(&all), all.len, sum);
    put_hex(id, sum, (SIGN_ID_BYTES - 1) / 2);
    buf_done(&all);
}

bool sign_equal(const char *secret, const char *given)
{
    unsigned char want[DIGEST_BYTES], have[DIGEST_BYTES];

    if (secret == NULL || given == NULL)
        return false;
    /* Digests have one length, so that the secret's does not show in the time. */
    digest(secret, strlen(secret), want);
    digest(given, strlen(given), have);
    return CRYPTO_memcmp(want, have, sizeof want) == 0;
}

bool sign_bytes_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

/* ---- signatures ---- */
static once_flag hmac_once = ONCE_FLAG_INIT;
static EVP_MAC *hmac;

static void fetch_hmac(void)
{
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

void sign_hmac(const void *key, size_t key_len, const struct sign_part *parts,
               size_t count, unsigned char mac[SIGN_MAC_BYTES])
{
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *context;
    size_t written = 0;
    bool ok;

    call_once(&hmac_once, fetch_hmac);
    context = EVP_MAC_CTX_new(hmac);
    ok = context != NULL && EVP_MAC_init(context, key, key_len, params) == 1;
    for (size_t i = 0; ok && i < count; i++)
        ok = EVP_MAC_update(context, parts[i].bytes, parts[i].len) == 1;
    if (!ok || EVP_MAC_final(context, mac, &written, SIGN_MAC_BYTES) != 1)
        abort();
    EVP_MAC_CTX_free(context);
}

void sign_hex(const void *bytes, size_t len, char *hex)
{
    put_hex(hex, bytes, len);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int sign_hex_parse(const char *hex, unsigned char *bytes, size_t len)
{
    if (strlen(hex) != 2 * len)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return -1;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return 0;
}

void sign_base64(const void *bytes, size_t len, char *text)
{
    assert(len <= INT32_MAX);
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
}

int sign_base64_parse(const char *text, unsigned char *bytes, size_t *len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789+/";
    size_t total = strlen(text), used = strspn(text, alphabet), bits = 0, made = 0;
    uint32_t held = 0;

    if (total % 4 != 0 || total - used > 2 || strspn(text + used, "=") != total - used)
        return -1;
    for (size_t i = 0; i < used; i++) {
        held = held << 6 | (uint32_t)(strchr(alphabet, text[i]) - alphabet);
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        bytes[made++] = (unsigned char)(held >> bits);
    }
    if ((held & ((UINT32_C(1) << bits) - 1)) != 0)
        return -1;
    *len = made;
    return 0;
}

/* ---- random ---- */
void sign_random(void *bytes, size_t len)
{
    unsigned char *at = bytes;

    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            abort();
        at += got;
        len -= (size_t)got;
    }
}

/* Random bytes for ids, fetched some at a time: a system call for each id shows in the
 * time of a request. A child of fork starts with none, so that no two processes ever draw
 * the same. */
static _Thread_local unsigned char pool[1024];
static _Thread_local size_t pool_left;

static void empty_pool(void)
{
    pool_left = 0;
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, empty_pool) != 0)
        abort();
}

static void draw(void *bytes, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (pool_left < len) {
        pthread_once(&once, watch_forks);
        sign_random(pool, sizeof pool);
        pool_left = sizeof pool;
    }
    pool_left -= len;
    memcpy(bytes, pool + pool_left, len);
    explicit_bzero(pool + pool_left, len);
}

void sign_nonce(char nonce[SIGN_ID_BYTES])
{
    unsigned char bytes[(SIGN_ID_BYTES - 1) / 2];

    draw(bytes, sizeof bytes);
    put_hex(nonce, bytes, sizeof bytes);
}

/* Sets version and variant (RFC 9562, section 4) and prints. */
static void print_uuid(unsigned char bytes[16], unsigned char version,
                       char uuid[SIGN_UUID_BYTES])
{
    static const size_t groups[] = {4, 2, 2, 2, 6};

    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | version << 4);
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    for (size_t i = 0; i < 5; i++) {
        if (i > 0)
            *uuid++ = '-';
        uuid = put_hex(uuid, bytes, groups[i]);
        bytes += groups[i];
    }
}

void sign_uuid4(char uuid[SIGN_UUID_BYTES])
{
    unsigned char bytes[16];

    draw(bytes, sizeof bytes);
    print_uuid(bytes, 4, uuid);
}

/* 48 bits of milliseconds and a 12-bit counter as one number that only ever rises (RFC
 * 9562, section 6.2, method 1): what overflows the counter borrows from the next
 * millisecond. */
static uint64_t next_tick(int64_t wall_ms)
{
    static _Atomic uint64_t last;
    uint64_t seen = atomic_load(&last), wanted = (uint64_t)wall_ms << 12, next;

    do
        next = wanted > seen ? wanted : seen + 1;
    while (!atomic_compare_exchange_weak(&last, &seen, next));
    return next;
}

void sign_uuid7(int64_t wall_ms, char uuid[SIGN_UUID_BYTES])
{
    uint64_t tick;
    unsigned char bytes[16];

    assert(wall_ms >= 0 && wall_ms >> 48 == 0);
    tick = next_tick(wall_ms);
    draw(bytes + 8, 8);
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(tick >> (52 - 8 * i));
    bytes[6] = (unsigned char)(tick >> 8 & 0x0f);
    bytes[7] = (unsigned char)tick;
    print_uuid(bytes, 7, uuid);
}

/* sign_id as a UUID. */
static void print_digest(const char *const *parts, size_t count, unsigned char version,
                         char uuid[SIGN_UUID_BYTES])
{
    char id[SIGN_ID_BYTES];
    unsigned char bytes[16];

    sign_id(parts, count, id);
    for (size_t i = 0; i < sizeof bytes; i++) {
        char pair[3] = {id[2 * i], id[2 * i + 1], '\0'};

        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    print_uuid(bytes, version, uuid);
}

void sign_uuid7_derived(const char *uuid7, int64_t number, char uuid[SIGN_UUID_BYTES])
{
    char text[24];
    const char *const parts[] = {uuid7, text};

    assert(strlen(uuid7) == SIGN_UUID_BYTES - 1);
    snprintf(text, sizeof text, "%" PRId64, number);
    print_digest(parts, 2, 7, uuid);
    memcpy(uuid, uuid7, 13); /* 48 bits of time and their hyphen */
}

void sign_uuid8(const char *const *parts, size_t count, char uuid[SIGN_UUID_BYTES])
{
    print_digest(parts, count, 8, uuid);
}
