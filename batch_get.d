batch_get.o: api/batch_get.c api/batch_get.h api/batch_view.h \
  api/batch_json.h common/json.h common/buf.h common/err.h \
  common/queue_batch.h common/batch.h common/run.h common/sign.h \
  common/queue.h common/redis.h api/handlers.h api/body.h api/route.h \
  api/poll.h api/repository.h api/request.h api/api.h api/health.h \
  api/loop.h api/link.h common/redis_link.h api/metrics_handler.h \
  common/metrics.h common/conf.h common/stop.h api/ask.h api/reply.h \
  api/wait.h common/mem.h

api/batch_get.h:

api/batch_view.h:

api/batch_json.h:

common/json.h:

common/buf.h:

common/err.h:

common/queue_batch.h:

common/batch.h:

common/run.h:

common/sign.h:

common/queue.h:

common/redis.h:

api/handlers.h:

api/body.h:

api/route.h:

api/poll.h:

api/repository.h:

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

api/wait.h:

common/mem.h:
