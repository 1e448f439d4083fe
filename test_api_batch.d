test_api_batch.o: tests/unit/test_api_batch.c common/json.h common/buf.h \
  common/err.h common/mem.h tests/support/api_batch.h \
  tests/support/api_process.h tests/support/redis_server.h \
  common/redis.h tests/support/fake_worker.h common/queue_batch.h \
  common/batch.h common/run.h common/sign.h common/queue.h

common/json.h:

common/buf.h:

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
