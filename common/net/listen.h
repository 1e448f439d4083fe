/* Listening sockets: "address:port" as settings give it, turned into a descriptor. */
#ifndef KEDGE_COMMON_NET_LISTEN_H
#define KEDGE_COMMON_NET_LISTEN_H

#include "common/base/err.h"

/* Binds and listens on "127.0.0.1:4141", "[::1]:4141" or ":4141" (every address); port 0
 * picks a free one. The descriptor is close-on-exec and non-blocking; the caller closes
 * it. ERR_INPUT: not an address; ERR_PERM: it cannot be had (errno's text). */
int listen_open(const char *address, struct err *err);
/* "127.0.0.1:4141" or "[::1]:4141": what a listening descriptor has got. */
#define LISTEN_NAME_BYTES 64
const char *listen_name(int fd, char name[LISTEN_NAME_BYTES]);

#endif
