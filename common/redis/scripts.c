/* The embedded scripts by name. */
#include "common/redis/scripts.h"

#include <assert.h>
#include <string.h>

#include "lua_scripts.h"

const struct redis_script *const scripts_all[] = {LUA_SCRIPTS NULL};

const struct redis_script *script(const char *name)
{
    for (size_t i = 0; scripts_all[i]; i++)
        if (strcmp(scripts_all[i]->name, name) == 0)
            return scripts_all[i];
    assert(false && "no script of that name");
    return NULL;
}
