accept.o: api/accept.c api/accept.h common/queue.h common/redis.h \
  common/buf.h common/err.h common/run.h common/sign.h api/body.h \
  common/json.h api/header.h api/request.h api/api.h api/health.h \
  api/loop.h api/link.h common/redis_link.h api/metrics_handler.h \
  common/metrics.h common/conf.h common/stop.h api/ask.h api/reply.h \
  api/route.h api/wait.h common/mem.h

api/accept.h:

common/queue.h:

common/redis.h:

common/buf.h:

common/err.h:

common/run.h:

common/sign.h:

api/body.h:

common/json.h:

api/header.h:

api/request.h:

api/api.h:

api/health.h:

api/loop.h:

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

common/mem.h:
