test_api_batch_errors.o: tests/unit/test_api_batch_errors.c common/conf.h \
  common/buf.h common/json.h common/err.h common/mem.h \
  tests/support/api_batch.h tests/support/api_process.h \
  tests/support/redis_server.h common/redis.h \
  tests/support/fake_worker.h common/queue_batch.h common/batch.h \
  common/run.h common/sign.h common/queue.h

common/conf.h:

common/buf.h:

common/json.h:

common/err.h:

common/mem.h:

tests/support/api_batch.h:

tests/support/api_process.h:

tests/support/redis_server.h:

common/redis.h:

tests/support/fake_worker.h:

common/queue_batch.h:

common/batch.h:

common/run.h:

common/sign.h:

common/queue.h:
