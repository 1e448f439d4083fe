poll.o: api/poll.c api/poll.h api/body.h common/json.h common/buf.h \
  common/err.h api/header.h api/request.h api/api.h api/health.h \
  api/loop.h common/redis.h api/link.h common/redis_link.h \
  api/metrics_handler.h common/metrics.h common/conf.h common/stop.h \
  api/ask.h api/reply.h api/route.h api/wait.h common/sign.h \
  common/clock.h common/mem.h common/parse.h

api/poll.h:

api/body.h:

common/json.h:

common/buf.h:

common/err.h:

api/header.h:

api/request.h:

api/api.h:

api/health.h:

api/loop.h:

common/redis.h:

api/link.h:

common/redis_link.h:

api/metrics_handler.h:

common/metrics.h:

common/conf.h:

common/stop.h:

api/ask.h:

api/reply.h:

api/route.h:

api/wait.h:

common/sign.h:

common/clock.h:

common/mem.h:

common/parse.h:
