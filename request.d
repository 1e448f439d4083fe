request.o: api/request.c api/request.h api/api.h api/health.h api/loop.h \
  common/err.h common/redis.h common/buf.h api/link.h \
  common/redis_link.h api/metrics_handler.h common/metrics.h \
  common/conf.h common/stop.h api/ask.h api/reply.h api/route.h \
  api/wait.h common/sign.h api/auth.h api/body.h common/json.h \
  api/handlers.h api/header.h api/server.h common/clock.h common/log.h \
  common/mem.h common/parse.h

api/request.h:

api/api.h:

api/health.h:

api/loop.h:

common/err.h:

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

api/wait.h:

common/sign.h:

api/auth.h:

api/body.h:

common/json.h:

api/handlers.h:

api/header.h:

api/server.h:

common/clock.h:

common/log.h:

common/mem.h:

common/parse.h:
