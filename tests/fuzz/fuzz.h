/* What the fuzzers share: the entry point and the assertion, which holds in every build.
 */
#ifndef KEDGE_TESTS_FUZZ_FUZZ_H
#define KEDGE_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer keeps the input on abort. */
static inline void must(bool holds)
{
    if (!holds)
        abort();
}

#endif
