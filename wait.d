wait.o: api/wait.c api/wait.h api/loop.h common/err.h api/events.h \
  api/hash.h api/request.h api/api.h api/health.h common/redis.h \
  common/buf.h api/link.h common/redis_link.h api/metrics_handler.h \
  common/metrics.h common/conf.h common/stop.h api/ask.h api/reply.h \
  api/route.h common/sign.h common/clock.h common/log.h common/mem.h

api/wait.h:

api/loop.h:

common/err.h:

api/events.h:

api/hash.h:

api/request.h:

api/api.h:

api/health.h:

common/redis.h:

common/buf.h:

api/link.h:

common/redis_link.h:

api/metrics_handler.h:

common/metrics.h:

common/conf.h:

common/stop.h:

api/ask.h:

api/reply.h:

api/route.h:

common/sign.h:

common/clock.h:

common/log.h:

common/mem.h:
