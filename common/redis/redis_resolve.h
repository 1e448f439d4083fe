/* The address of a host, for a loop that must not wait: getaddrinfo may take many seconds
 * where a DNS server is silent.
 *
 * A thread of its own asks, writes the answer into a pipe and ends; it shares nothing
 * with whoever began it. For common/redis/redis_link*.c only. */
#ifndef KEDGE_COMMON_REDIS_REDIS_RESOLVE_H
#define KEDGE_COMMON_REDIS_REDIS_RESOLVE_H

#include <stdbool.h>

#include "common/base/err.h"

#define REDIS_RESOLVED_BYTES 72 /* an IPv6 address with the name of an interface */
#define REDIS_RESOLVING_MAX  16 /* threads of this process at a time */

/* A name, and not an address. */
bool redis_resolve_needed(const char *host);
/* A descriptor of the caller's, to be polled for reading; closing it gives up. -1:
 * ERR_TEMP. */
int redis_resolve_begin(const char *host, struct err *err);
/* When it is readable. IPv4 first, as hiredis has it. ERR_TEMP: what the resolver says.
 */
int redis_resolve_read(int fd, char address[REDIS_RESOLVED_BYTES], struct err *err);

#endif
