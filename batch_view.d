batch_view.o: api/batch_view.c api/batch_view.h api/batch_json.h \
  common/json.h common/buf.h common/err.h common/queue_batch.h \
  common/batch.h common/run.h common/sign.h common/queue.h \
  common/redis.h api/request.h api/api.h api/health.h api/loop.h \
  api/link.h common/redis_link.h api/metrics_handler.h common/metrics.h \
  common/conf.h common/stop.h api/ask.h api/reply.h api/route.h \
  api/wait.h common/mem.h common/zip.h

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

common/zip.h:
