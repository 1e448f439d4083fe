/* Signatures of webhooks: those we send and those we are sent. */
#include "common/hook/webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/sign.h"

#define KEY_PREFIX     "whsec_"
#define VERSION        "v1,"
#define SIGNATURE_LEN  (WEBHOOK_SIGNATURE_BYTES - 1)
#define HUB_PREFIX     "sha256="
#define HUB_PREFIX_LEN (sizeof HUB_PREFIX - 1)
#define HUB_LEN        (HUB_PREFIX_LEN + 2 * SIGN_MAC_BYTES)

_Static_assert(sizeof VERSION - 1 + SIGN_BASE64_BYTES(SIGN_MAC_BYTES) ==
                   WEBHOOK_SIGNATURE_BYTES,
               "a signature has room for a version and an HMAC in base64");

/* What signs: the caller frees. */
static unsigned char *key_of(const char *secret, size_t *len)
{
    unsigned char *key = mem_new(1, strlen(secret) + 1);

    if (strncmp(secret, KEY_PREFIX, sizeof KEY_PREFIX - 1) == 0 &&
        sign_base64_parse(secret + sizeof KEY_PREFIX - 1, key, len) == 0 && *len > 0)
        return key;
    *len = strlen(secret);
    memcpy(key, secret, *len);
    return key;
}

static void sign(const char *secret, const char *id, const char *timestamp,
                 const void *body, size_t len, char signature[WEBHOOK_SIGNATURE_BYTES])
{
    const struct sign_part parts[] = {
        {id, strlen(id)}, {".", 1}, {timestamp, strlen(timestamp)}, {".", 1}, {body, len},
    };
    unsigned char mac[SIGN_MAC_BYTES];
    size_t key_len;
    unsigned char *key = key_of(secret, &key_len);

    sign_hmac(key, key_len, parts, ARRAY_LEN(parts), mac);
    memcpy(signature, VERSION, sizeof VERSION);
    sign_base64(mac, sizeof mac, signature + sizeof VERSION - 1);
    explicit_bzero(key, key_len);
    free(key);
}

void webhook_sign(const char *secret, const char *id, int64_t timestamp_s,
                  const void *body, size_t len, char signature[WEBHOOK_SIGNATURE_BYTES])
{
    char timestamp[24];

    snprintf(timestamp, sizeof timestamp, "%" PRId64, timestamp_s);
    sign(secret, id, timestamp, body, len, signature);
}

static bool is_recent(const char *timestamp, int64_t now_s)
{
    int64_t then_s;

    return parse_int64(timestamp, 0, INT64_MAX, &then_s) == 0 &&
           then_s >= now_s - WEBHOOK_TOLERANCE_S && then_s <= now_s + WEBHOOK_TOLERANCE_S;
}

bool webhook_verify(const char *secret, const char *id, const char *timestamp,
                    const char *signatures, int64_t now_s, const void *body, size_t len)
{
    char wanted[WEBHOOK_SIGNATURE_BYTES];
    bool fits = false;

    if (secret == NULL || id == NULL || timestamp == NULL || signatures == NULL ||
        !is_recent(timestamp, now_s))
        return false;
    sign(secret, id, timestamp, body, len, wanted);
    for (const char *at = signatures; *at != '\0';) {
        size_t given = strcspn(at, " ");

        if (given == SIGNATURE_LEN && sign_bytes_equal(wanted, at, SIGNATURE_LEN))
            fits = true;
        at += given;
        at += strspn(at, " ");
    }
    return fits;
}

bool webhook_verify_hub(const char *secret, const char *signature, const void *body,
                        size_t len)
{
    const struct sign_part part = {body, len};
    unsigned char mac[SIGN_MAC_BYTES];
    char wanted[2 * SIGN_MAC_BYTES + 1];

    if (secret == NULL || signature == NULL || strlen(signature) != HUB_LEN ||
        memcmp(signature, HUB_PREFIX, HUB_PREFIX_LEN) != 0)
        return false;
    sign_hmac(secret, strlen(secret), &part, 1, mac);
    sign_hex(mac, sizeof mac, wanted);
    return sign_bytes_equal(wanted, signature + HUB_PREFIX_LEN, 2 * sizeof mac);
}
