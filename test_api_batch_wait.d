test_api_batch_wait.o: tests/unit/test_api_batch_wait.c common/clock.h \
  common/conf.h common/buf.h common/json.h common/err.h common/mem.h \
  common/target.h common/run.h common/sign.h tests/support/api_batch.h \
  tests/support/api_process.h tests/support/redis_server.h \
  common/redis.h tests/support/fake_worker.h common/queue_batch.h \
  common/batch.h common/queue.h tests/support/redis_proxy.h

common/clock.h:

common/conf.h:

common/buf.h:

common/json.h:

common/err.h:

common/mem.h:

common/target.h:

common/run.h:

common/sign.h:

tests/support/api_batch.h:

tests/support/api_process.h:

tests/support/redis_server.h:

common/redis.h:

tests/support/fake_worker.h:

common/queue_batch.h:

common/batch.h:

common/queue.h:

tests/support/redis_proxy.h:
