/* The secrets of a mask: asked at each byte of a text which of them begins there.
 *
 * A plan may mark hundreds of thousands of values as sensitive, many with the same
 * beginning: they are sorted before the first question, and a question is one binary
 * search. */
#ifndef KEDGE_WORKER_TEXT_MASK_SECRETS_H
#define KEDGE_WORKER_TEXT_MASK_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer secret is kept as pieces of this length: it bounds what a look costs. */
#define SECRET_PIECE_BYTES 4096

struct secret {
    char *bytes; /* owned */
    size_t len;
    size_t inner; /* index + 1 of the longest other one that it begins with; 0: none */
};

struct secrets {
    struct secret *list; /* owned */
    size_t count, room;
    bool sorted;
    uint8_t pairs[256 * 256 / 8]; /* which two bytes begin a secret */
};

/* What begins at a position. */
struct match {
    size_t len;   /* bytes to mask; 0: nothing */
    bool partial; /* more may belong to it: wait for the next piece */
};

void secrets_done(struct secrets *secrets); /* wipes them */
/* Of at least two bytes; copied. */
void secrets_add(struct secrets *secrets, const char *bytes, size_t len);
/* The longest one that begins at `bytes`, of which `len` > 0 are known. */
struct match secrets_match(struct secrets *secrets, const char *bytes, size_t len);

#endif
