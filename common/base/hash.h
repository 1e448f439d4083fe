/* FNV-1a, for tables of this process. Not for keys that a peer could make collide at any
 * cost: those tables are small and their chains bounded. */
#ifndef KEDGE_COMMON_BASE_HASH_H
#define KEDGE_COMMON_BASE_HASH_H

#include <stdint.h>

#define HASH_INIT UINT32_C(2166136261)

/* The hash so far, with the text and its end added. */
static inline uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT32_C(16777619);
    hash *= UINT32_C(16777619);
    return hash ^ hash >> 16;
}

#endif
