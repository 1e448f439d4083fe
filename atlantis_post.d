atlantis_post.o: api/atlantis_post.c api/accept.h common/queue.h \
  common/redis.h common/buf.h common/err.h common/run.h common/sign.h \
  api/atlantis.h api/body.h common/json.h common/batch.h \
  api/batch_wait.h api/batch_view.h api/batch_json.h \
  common/queue_batch.h api/handlers.h api/route.h api/repository.h \
  api/request.h api/api.h api/health.h api/loop.h api/link.h \
  common/redis_link.h api/metrics_handler.h common/metrics.h \
  common/conf.h common/stop.h api/ask.h api/reply.h api/wait.h \
  common/clock.h common/mem.h common/target.h

api/accept.h:

common/queue.h:

common/redis.h:

common/buf.h:

common/err.h:

common/run.h:

common/sign.h:

api/atlantis.h:

api/body.h:

common/json.h:

common/batch.h:

api/batch_wait.h:

api/batch_view.h:

api/batch_json.h:

common/queue_batch.h:

api/handlers.h:

api/route.h:

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

common/clock.h:

common/mem.h:

common/target.h:
