test_api_atlantis.o: tests/unit/test_api_atlantis.c api/atlantis.h \
  api/body.h common/json.h common/buf.h common/err.h common/batch.h \
  common/run.h common/sign.h api/batch_json.h common/queue_batch.h \
  common/queue.h common/redis.h api/handlers.h api/route.h common/mem.h \
  common/target.h common/conf.h

api/atlantis.h:

api/body.h:

common/json.h:

common/buf.h:

common/err.h:

common/batch.h:

common/run.h:

common/sign.h:

api/batch_json.h:

common/queue_batch.h:

common/queue.h:

common/redis.h:

api/handlers.h:

api/route.h:

common/mem.h:

common/target.h:

common/conf.h:
