/* Redis commands: the protocol's form (RESP2, arrays of bulk strings). */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/redis/redis_internal.h"

#define NUMBER_BYTES 24  /* any 64-bit number, its sign and a NUL */
#define HEAD_BYTES   128 /* of a command: its count, EVALSHA and the digest */
#define SHA1_CHARS   40
#define FIRST_BYTES  512 /* most commands fit */

/* Writes the digits and CRLF; much of the time of a busy api would be in printf. */
static size_t put_number(char *at, size_t number)
{
    char digits[NUMBER_BYTES];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < count; i++)
        at[i] = digits[count - 1 - i];
    at[count++] = '\r';
    at[count++] = '\n';
    return count;
}

static void put_head(struct buf *out, char type, size_t number)
{
    char head[NUMBER_BYTES + 3];

    head[0] = type;
    buf_append(out, head, 1 + put_number(head + 1, number));
}

static void put_bulk(struct buf *out, const void *bytes, size_t len)
{
    put_head(out, '$', len);
    buf_append(out, bytes, len);
    buf_append(out, "\r\n", 2);
}

void redis_cmd_init(struct redis_cmd *cmd)
{
    size_t room;

    *cmd = (struct redis_cmd){.body = BUF_INIT(REDIS_COMMAND_MAX)};
    buf_reserve(&cmd->body, FIRST_BYTES, &room);
}

void redis_cmd_script(struct redis_cmd *cmd, const struct redis_script *script,
                      const char *prefix)
{
    assert(strlen(script->sha1) == SHA1_CHARS);
    redis_cmd_init(cmd);
    cmd->script = script;
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "1");
    redis_cmd_arg(cmd, prefix);
}

void redis_cmd_done(struct redis_cmd *cmd)
{
    buf_done(&cmd->body);
}

void redis_cmd_bytes(struct redis_cmd *cmd, const void *bytes, size_t len)
{
    put_bulk(&cmd->body, bytes, len);
    cmd->count++;
}

void redis_cmd_arg(struct redis_cmd *cmd, const char *text)
{
    if (text == NULL)
        text = "";
    redis_cmd_bytes(cmd, text, strlen(text));
}

void redis_cmd_int(struct redis_cmd *cmd, int64_t number)
{
    char text[NUMBER_BYTES];
    int len = snprintf(text, sizeof text, "%lld", (long long)number);

    redis_cmd_bytes(cmd, text, (size_t)len);
}

void redis_cmd_fmt(struct redis_cmd *cmd, const char *format, ...)
{
    struct buf text = BUF_INIT(REDIS_COMMAND_MAX);
    va_list args;

    va_start(args, format);
    buf_vfmt(&text, format, args);
    va_end(args);
    redis_cmd_bytes(cmd, buf_text(&text), text.len);
    buf_done(&text);
}

size_t redis_cmd_bound(const struct redis_cmd *cmd)
{
    return HEAD_BYTES + cmd->body.len;
}

void redis_cmd_write(const struct redis_cmd *cmd, bool as_eval, struct buf *out)
{
    const struct redis_script *script = cmd->script;

    assert(cmd->count > 0);
    put_head(out, '*', cmd->count + (script != NULL ? 2 : 0));
    if (script != NULL && as_eval) {
        put_bulk(out, "EVAL", strlen("EVAL"));
        put_bulk(out, script->text, script->len);
    } else if (script != NULL) {
        put_bulk(out, "EVALSHA", strlen("EVALSHA"));
        put_bulk(out, script->sha1, SHA1_CHARS);
    }
    buf_append(out, cmd->body.data, cmd->body.len);
}

size_t redis_scripts_write(const struct redis_script *const *scripts, struct buf *out)
{
    size_t count = 0;

    for (; scripts != NULL && scripts[count] != NULL; count++) {
        put_head(out, '*', 3);
        put_bulk(out, "SCRIPT", strlen("SCRIPT"));
        put_bulk(out, "LOAD", strlen("LOAD"));
        put_bulk(out, scripts[count]->text, scripts[count]->len);
    }
    return count;
}
