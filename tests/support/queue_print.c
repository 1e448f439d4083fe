/* Redis' state of the queue as text. */
#include "tests/support/queue_print.h"

#include "common/base/mem.h"
#include "common/registry/registry.h"

/* ARGV: number of targets, of fingerprints, of projects, the projects' keys, runs. */
static const char print_script[] =
    "local P = KEYS[1]\n"
    "local call = redis.call\n"
    "local out = {}\n"
    "local function add(...) out[#out + 1] = table.concat({...}, ' ') end\n"
    "for t = 0, ARGV[1] - 1 do\n"
    "    local name = 't' .. t\n"
    "    local line = {name, 'active', call('HGET', P .. 'active', name) or '-',\n"
    "                  'ready', call('ZSCORE', P .. 'ready', name) or '-', 'q'}\n"
    "    for _, id in ipairs(call('ZRANGE', P .. 'q:' .. name, 0, -1)) do\n"
    "        line[#line + 1] = id\n"
    "    end\n"
    "    local last = call('HMGET', P .. 'last:s' .. t, 'newest', 'ended', 'good')\n"
    "    add(table.concat(line, ' '), 'last', last[1] or '-', last[2] or '-',\n"
    "        last[3] or '-')\n"
    "end\n"
    "local line = {'waiting', call('HGET', P .. 'waiting', '') or '0'}\n"
    "for p = 1, ARGV[3] do\n"
    "    line[#line + 1] = call('HGET', P .. 'waiting', ARGV[3 + p]) or '0'\n"
    "end\n"
    "add(unpack(line))\n"
    "line = {'coalesce'}\n"
    "for f = 0, ARGV[2] - 1 do\n"
    "    line[#line + 1] = call('HGET', P .. 'coalesce', 'f' .. f) or '-'\n"
    "end\n"
    "add(unpack(line))\n"
    "line = {}\n"
    "for _, list in ipairs({'leases', 'suspects', 'delayed', 'orphans', 'ended'}) do\n"
    "    line[#line + 1] = list\n"
    "    line[#line + 1] = call('ZCARD', P .. list)\n"
    "end\n"
    "add(table.concat(line, ' '), 'bytes', call('HGET', P .. 'meta', 'result_bytes') or "
    "'0')\n"
    "for i = 4 + ARGV[3], #ARGV do\n"
    "    local id = ARGV[i]\n"
    "    local v = call('HMGET', P .. 'run:' .. id, 'status', 'fence', 'nonce',\n"
    "        'marked', 'cancel', 'attempts', 'crashes', 'retries', 'priority', 'ended',\n"
    "        'version')\n"
    "    local function in_list(list) return call('ZSCORE', P .. list, id) or '0' end\n"
    "    local function is_in(list)\n"
    "        return call('ZSCORE', P .. list, id) and '1' or '0'\n"
    "    end\n"
    "    add(id, v[1] or 'none', 'fence', v[2] or '', 'nonce', v[3] or '',\n"
    "        'marked', v[4] or '0', 'cancel', v[5] or '0', 'attempts', v[6] or '0',\n"
    "        'crashes', v[7] or '0', 'retries', v[8] or '0', 'lease', "
    "in_list('leases'),\n"
    "        'suspect', in_list('suspects'), 'due', in_list('delayed'),\n"
    "        'orphan', is_in('orphans'), 'dead', is_in('dead'), 'priority', v[9],\n"
    "        'ended', v[10] or '0', 'version', v[11])\n"
    "end\n"
    "return table.concat(out, '\\n') .. '\\n'\n";

void queue_print(struct queue_fixture *fixture, const int *runs, size_t count,
                 struct buf *out)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "EVAL");
    redis_cmd_arg(&cmd, print_script);
    redis_cmd_arg(&cmd, "1");
    redis_cmd_arg(&cmd, FIXTURE_PREFIX);
    redis_cmd_int(&cmd, MODEL_TARGETS);
    redis_cmd_int(&cmd, MODEL_PRINTS);
    redis_cmd_int(&cmd, MODEL_PROJECTS);
    for (int i = 0; i < MODEL_PROJECTS; i++) {
        const char name[] = {'p', (char)('0' + i), '\0'};
        char key[SIGN_ID_BYTES];

        registry_project_key(name, key);
        redis_cmd_arg(&cmd, key);
    }
    for (size_t i = 0; i < count; i++)
        redis_cmd_fmt(&cmd, "r%06d", runs[i]);
    reply = queue_fixture_call(fixture, &cmd);
    buf_append(out, redis_reply_text(reply), redis_reply_len(reply));
}
