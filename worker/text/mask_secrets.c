/* The secrets of a mask, sorted. */
#include "worker/text/mask_secrets.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

static void forget(struct secret *secret)
{
    explicit_bzero(secret->bytes, secret->len);
    auto_free(&secret->bytes);
}

void secrets_done(struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++)
        forget(&secrets->list[i]);
    auto_free(&secrets->list);
    *secrets = (struct secrets){0};
}

/* ---- adding ---- */

static size_t pair_of(const char *bytes)
{
    return (size_t)(unsigned char)bytes[0] << 8 | (unsigned char)bytes[1];
}

static void add_piece(struct secrets *secrets, const char *bytes, size_t len)
{
    if (secrets->count == secrets->room) {
        secrets->room = secrets->room > 0 ? 2 * secrets->room : 16;
        secrets->list = mem_grow(secrets->list, secrets->room, sizeof(*secrets->list));
    }
    secrets->list[secrets->count++] =
        (struct secret){.bytes = mem_dup_n(bytes, len), .len = len};
    secrets->pairs[pair_of(bytes) / 8] |= (uint8_t)(1U << (pair_of(bytes) % 8));
    secrets->sorted = false;
}

void secrets_add(struct secrets *secrets, const char *bytes, size_t len)
{
    size_t at = 0;

    for (; len - at > SECRET_PIECE_BYTES; at += SECRET_PIECE_BYTES)
        add_piece(secrets, bytes + at, SECRET_PIECE_BYTES);
    /* The last piece overlaps the one before, so that it is never too short. */
    if (at > 0)
        at = len - SECRET_PIECE_BYTES;
    add_piece(secrets, bytes + at, len - at);
}

/* ---- sorting ---- */

static int compare(const void *a, const void *b)
{
    const struct secret *left = a, *right = b;
    size_t shared = left->len < right->len ? left->len : right->len;
    int order = memcmp(left->bytes, right->bytes, shared);

    return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

static bool begins_with(const struct secret *secret, const struct secret *other)
{
    return secret->len >= other->len &&
           memcmp(secret->bytes, other->bytes, other->len) == 0;
}

static void drop_doubles(struct secrets *secrets)
{
    size_t kept = 0;

    for (size_t i = 0; i < secrets->count; i++) {
        struct secret *secret = &secrets->list[i];

        if (kept > 0 && compare(secret, &secrets->list[kept - 1]) == 0)
            forget(secret);
        else
            secrets->list[kept++] = *secret;
    }
    secrets->count = kept;
}

/* What a secret begins with stands somewhere before it, and is among what the one just
 * before it begins with. */
static void link_inner(struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        size_t inner = i;

        while (inner > 0 && !begins_with(&secrets->list[i], &secrets->list[inner - 1]))
            inner = secrets->list[inner - 1].inner;
        secrets->list[i].inner = inner;
    }
}

static void sort(struct secrets *secrets)
{
    if (secrets->count > 0)
        qsort(secrets->list, secrets->count, sizeof(*secrets->list), compare);
    drop_doubles(secrets);
    link_inner(secrets);
    secrets->sorted = true;
}

/* ---- matching ---- */

/* How many secrets sort before the text or begin it. */
static size_t up_to(const struct secrets *secrets, const char *bytes, size_t len)
{
    size_t low = 0, high = secrets->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct secret *secret = &secrets->list[middle];
        size_t shared = len < secret->len ? len : secret->len;
        int order = memcmp(secret->bytes, bytes, shared);

        if (order < 0 || (order == 0 && secret->len <= len))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t shared_bytes(const struct secret *secret, const char *bytes, size_t len)
{
    size_t shared = 0;

    while (shared < len && shared < secret->len && secret->bytes[shared] == bytes[shared])
        shared++;
    return shared;
}

struct match secrets_match(struct secrets *secrets, const char *bytes, size_t len)
{
    struct match match = {0};
    size_t at, shared;

    if (len > 1 && !(secrets->pairs[pair_of(bytes) / 8] >> (pair_of(bytes) % 8) & 1))
        return match;
    if (!secrets->sorted)
        sort(secrets);
    at = up_to(secrets, bytes, len);
    if (at < secrets->count)
        match.partial = shared_bytes(&secrets->list[at], bytes, len) == len;
    if (at == 0)
        return match;
    shared = shared_bytes(&secrets->list[at - 1], bytes, len);
    while (at > 0 && secrets->list[at - 1].len > shared)
        at = secrets->list[at - 1].inner;
    if (at > 0)
        match.len = secrets->list[at - 1].len;
    return match;
}
