/* The Lua scripts of common/lua, embedded at build time with their SHA-1. */
#ifndef KEDGE_COMMON_REDIS_SCRIPTS_H
#define KEDGE_COMMON_REDIS_SCRIPTS_H

#include "common/redis/redis.h"

/* NULL-terminated: what redis_new and redis_link_new load at connect. */
extern const struct redis_script *const scripts_all[];

/* By name ("enqueue"); a name that is not there is an assertion. */
const struct redis_script *script(const char *name);

#endif
