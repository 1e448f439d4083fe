"""The hooks that are there and enabled all the time, and what was sent to whom."""
import base64
import collections
import json

from receiver import add_hook
from cluster import PROJECT

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
# Path at the receiver -> the hook.
HOOKS = {
    "/ok/healthy": {"secret": SECRET},
    "/nasty": {"secret": SECRET},
    "/slow/steady": {},
    "/ok/failures": {"events": ["check.failed", "check.recovered"], "projectId": PROJECT},
    "/slack/people": {"kind": "slack"},
}
# What is under way: entries, hooks with something to look at, and by hook what waits or is being sent.
READ_LEFT = """
local left = {redis.call('LLEN', KEYS[1] .. 'outbox'), redis.call('ZCARD', KEYS[1] .. 'hooks_due')}
for _, list in ipairs({'waiting:*', 'pending:*', 'flying:*'}) do
    for _, key in ipairs(redis.call('KEYS', KEYS[1] .. list)) do
        if redis.call('TYPE', key).ok == 'zset' then
            left[#left + 1] = key .. ' ' .. redis.call('ZCARD', key)
        end
    end
end
return left
"""
# Leases of whoever is dead end now; so do their hooks come due, no earlier: what was due a week ago is forgotten.
END_LEASES = """
local now = redis.call('TIME')[1] * 1000
for _, key in ipairs(redis.call('KEYS', KEYS[1] .. 'flying:*')) do
    for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do
        redis.call('ZADD', key, 0, id)
    end
    redis.call('ZADD', KEYS[1] .. 'hooks_due', now, string.match(key, 'flying:(.*)$'))
end
return 1
"""
READ_DELIVERIES = """
local out = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1] .. 'deliveries:' .. ARGV[1], 0, -1)) do
    local d = redis.call('HMGET', KEYS[1] .. 'delivery:' .. id, 'event', 'type', 'state', 'attempts', 'log')
    out[#out + 1] = {id, d[1], d[2], d[3], tonumber(d[4]), d[5]}
end
return out
"""
Delivery = collections.namedtuple("Delivery", "id event type state attempts log")


class Subscribers:
    def __init__(self, cluster):
        self.cluster = cluster
        self.ids = {}  # path -> hook
        self.requests = []  # all that came, at the end

    def begin(self):
        for path, fields in HOOKS.items():
            self.ids[path] = add_hook(self.cluster, self.cluster.receiver.url(path), **fields)["id"]

    def left(self):
        """None when Redis does not answer."""
        return self.cluster.script(READ_LEFT)

    def are_served(self):
        return self.left() == [0, 0]

    def hurry(self):
        """For who cannot wait for the leases of those that were killed. Nobody may be sending now."""
        self.cluster.script(END_LEASES)

    def listen(self):
        self.requests = self.cluster.receiver.requests()

    def told(self):
        """Of all generic hooks that ever were: (path, event, request); event is the JSON of its body."""
        for request in self.requests:
            if not request["path"].startswith(("/slack", "/teams")):
                yield request["path"], json.loads(request["body"]), request

    def deliveries(self, path):
        return [Delivery(*row) for row in self.cluster.script(READ_DELIVERIES, self.ids[path])]

    @staticmethod
    def wants(path, run, kind):
        """Is that hook told of such an event?"""
        fields = HOOKS[path]
        return kind in fields.get("events", [kind]) and fields.get("projectId", run["project"]) == run["project"]
