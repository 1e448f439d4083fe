/* Which webhooks we were sent have been dealt with. */
#include "common/hook/webhook_store.h"

static void begin(struct redis_cmd *cmd, const char *word, const char *prefix,
                  const char *id)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, word);
    redis_cmd_fmt(cmd, "%sdelivered:%s", prefix, id);
}

void webhook_seen(struct redis_cmd *cmd, const char *prefix, const char id[SIGN_ID_BYTES])
{
    begin(cmd, "EXISTS", prefix, id);
}

void webhook_remember(struct redis_cmd *cmd, const char *prefix,
                      const char id[SIGN_ID_BYTES])
{
    begin(cmd, "SET", prefix, id);
    redis_cmd_arg(cmd, "1");
    redis_cmd_arg(cmd, "PX");
    redis_cmd_int(cmd, WEBHOOK_REMEMBER_MS);
}
