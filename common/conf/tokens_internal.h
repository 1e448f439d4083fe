/* What a set of tokens is made of. For common/conf/tokens*.c only. */
#ifndef KEDGE_COMMON_CONF_TOKENS_INTERNAL_H
#define KEDGE_COMMON_CONF_TOKENS_INTERNAL_H

#include "common/conf/tokens.h"

struct tokens {
    struct token *list; /* owned; first those of the settings */
    size_t count, of_settings;
    int holds;
    bool enabled;
};

/* A new one, zeroed; until the next is added. */
struct token *tokens_add(struct tokens *tokens);

#endif
