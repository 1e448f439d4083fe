run_get.o: api/run_get.c api/batch_get.h api/handlers.h api/body.h \
  common/json.h common/buf.h common/err.h api/route.h api/poll.h \
  api/request.h api/api.h api/health.h api/loop.h common/redis.h \
  api/link.h common/redis_link.h api/metrics_handler.h common/metrics.h \
  common/conf.h common/stop.h api/ask.h api/reply.h api/wait.h \
  common/sign.h api/run_cache.h api/run_json.h common/queue.h \
  common/run.h api/run_text.h api/rules.h common/ignore.h \
  common/registry.h api/scoped.h common/mem.h

api/batch_get.h:

api/handlers.h:

api/body.h:

common/json.h:

common/buf.h:

common/err.h:

api/route.h:

api/poll.h:

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

api/wait.h:

common/sign.h:

api/run_cache.h:

api/run_json.h:

common/queue.h:

common/run.h:

api/run_text.h:

api/rules.h:

common/ignore.h:

common/registry.h:

api/scoped.h:

common/mem.h:
