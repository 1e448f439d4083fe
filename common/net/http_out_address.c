/* Which addresses the internet reaches. Sources: the IANA special-purpose registries of
 * IPv4 and IPv6 (RFC 6890 and its successors). */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/net/http_out.h"

struct range4 {
    uint32_t first; /* host order */
    unsigned bits;
    const char *class;
};
#define IP4(a, b, c, d)                                                                  \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct range4 ranges4[] = {
    {IP4(0, 0, 0, 0), 8, "unspecified"},
    {IP4(10, 0, 0, 0), 8, "private"},
    {IP4(100, 64, 0, 0), 10, "shared"},
    {IP4(127, 0, 0, 0), 8, "loopback"},
    {IP4(169, 254, 0, 0), 16, "link-local"},
    {IP4(172, 16, 0, 0), 12, "private"},
    {IP4(192, 0, 0, 0), 24, "reserved"},
    {IP4(192, 0, 2, 0), 24, "documentation"},
    {IP4(192, 88, 99, 0), 24, "reserved"},
    {IP4(192, 168, 0, 0), 16, "private"},
    {IP4(198, 18, 0, 0), 15, "benchmark"},
    {IP4(198, 51, 100, 0), 24, "documentation"},
    {IP4(203, 0, 113, 0), 24, "documentation"},
    {IP4(224, 0, 0, 0), 4, "multicast"},
    {IP4(240, 0, 0, 0), 4, "reserved"},
};

/* The first row that fits decides. */
struct range6 {
    uint8_t first[16];
    unsigned bits;
    const char *class; /* NULL: an IPv4 address stands in it, which is judged */
    unsigned at;       /* where it stands, in bytes */
    uint8_t flipped;   /* XORed with each of its bytes */
};

static const struct range6 ranges6[] = {
    {{0}, 128, "unspecified", 0, 0},
    {{[15] = 1}, 128, "loopback", 0, 0},
    {{0}, 96, NULL, 12, 0},                                /* compatible */
    {{[10] = 0xff, 0xff}, 96, NULL, 12, 0},                /* mapped */
    {{[8] = 0xff, 0xff}, 96, NULL, 12, 0},                 /* translated, RFC 2765 */
    {{0x00, 0x64, 0xff, 0x9b}, 96, NULL, 12, 0},           /* NAT64 */
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48, "private", 0, 0}, /* NAT64 of one's own */
    {{0x20, 0x02}, 16, NULL, 2, 0},                        /* 6to4 */
    {{0x20, 0x01, 0, 0}, 32, NULL, 12, 0xff},              /* Teredo: the client */
    {{0x20, 0x01, 0}, 23, "reserved", 0, 0},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation", 0, 0},
    {{0x3f, 0xff, 0}, 20, "documentation", 0, 0},
    {{0xfc}, 7, "private", 0, 0},
    {{0xfe, 0x80}, 10, "link-local", 0, 0},
    {{0xfe, 0xc0}, 10, "private", 0, 0},
    {{0xff}, 8, "multicast", 0, 0},
};
/* Of what is left, only this much has ever been given out (2000::/3). */
#define GIVEN_OUT_MASK  0xe0
#define GIVEN_OUT_FIRST 0x20

static const char *class4(const uint8_t bytes[4], uint8_t flipped)
{
    uint32_t address = 0;

    for (size_t i = 0; i < 4; i++)
        address = address << 8 | (uint8_t)(bytes[i] ^ flipped);
    for (size_t i = 0; i < ARRAY_LEN(ranges4); i++)
        if ((address ^ ranges4[i].first) >> (32 - ranges4[i].bits) == 0)
            return ranges4[i].class;
    return NULL;
}

static bool begins_with(const uint8_t address[16], const uint8_t first[16], unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(address, first, whole) != 0)
        return false;
    return rest == 0 || (address[whole] ^ first[whole]) >> (8 - rest) == 0;
}

static const char *class6(const uint8_t address[16])
{
    for (size_t i = 0; i < ARRAY_LEN(ranges6); i++) {
        const struct range6 *range = &ranges6[i];

        if (begins_with(address, range->first, range->bits))
            return range->class ? range->class
                                : class4(address + range->at, range->flipped);
    }
    return (address[0] & GIVEN_OUT_MASK) == GIVEN_OUT_FIRST ? NULL : "reserved";
}

const char *http_address_class(const struct sockaddr *address)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;

    switch (address->sa_family) {
    case AF_INET:
        memcpy(&in4, address, sizeof(in4));
        return class4((const uint8_t *)&in4.sin_addr, 0);
    case AF_INET6:
        memcpy(&in6, address, sizeof(in6));
        return class6(in6.sin6_addr.s6_addr);
    default:
        return "local";
    }
}

bool http_address_is_public(const struct sockaddr *address)
{
    return http_address_class(address) == NULL;
}

const char *http_host_class(const char *host)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,
                                   .ai_socktype = SOCK_STREAM};
    AUTO(auto_free) char *bare = NULL;
    struct addrinfo *found;
    const char *class;

    bare = host[0] == '[' ? mem_dup_n(host + 1, strcspn(host + 1, "]%")) : mem_dup(host);
    if (getaddrinfo(bare, NULL, &hints, &found) != 0)
        return NULL;
    class = http_address_class(found->ai_addr);
    freeaddrinfo(found);
    return class;
}
