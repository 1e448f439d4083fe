api_process.o: tests/support/api_process.c tests/support/api_process.h \
  common/buf.h tests/support/redis_server.h common/redis.h common/err.h \
  api/api.h api/health.h api/loop.h api/link.h common/redis_link.h \
  api/metrics_handler.h common/metrics.h common/conf.h common/stop.h \
  common/clock.h common/log.h common/mem.h common/path.h

tests/support/api_process.h:

common/buf.h:

tests/support/redis_server.h:

common/redis.h:

common/err.h:

api/api.h:

api/health.h:

api/loop.h:

api/link.h:

common/redis_link.h:

api/metrics_handler.h:

common/metrics.h:

common/conf.h:

common/stop.h:

common/clock.h:

common/log.h:

common/mem.h:

common/path.h:
