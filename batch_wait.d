batch_wait.o: api/batch_wait.c api/batch_wait.h api/batch_view.h \
  api/batch_json.h common/json.h common/buf.h common/err.h \
  common/queue_batch.h common/batch.h common/run.h common/sign.h \
  common/queue.h common/redis.h api/accept.h api/header.h api/request.h \
  api/api.h api/health.h api/loop.h api/link.h common/redis_link.h \
  api/metrics_handler.h common/metrics.h common/conf.h common/stop.h \
  api/ask.h api/reply.h api/route.h api/wait.h common/clock.h

api/batch_wait.h:

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

api/accept.h:

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

common/clock.h:
