api_batch.o: tests/support/api_batch.c tests/support/api_batch.h \
  tests/support/api_process.h common/buf.h tests/support/redis_server.h \
  common/redis.h common/err.h tests/support/fake_worker.h \
  common/queue_batch.h common/batch.h common/run.h common/sign.h \
  common/queue.h common/json.h common/mem.h common/target.h \
  common/conf.h

tests/support/api_batch.h:

tests/support/api_process.h:

common/buf.h:

tests/support/redis_server.h:

common/redis.h:

common/err.h:

tests/support/fake_worker.h:

common/queue_batch.h:

common/batch.h:

common/run.h:

common/sign.h:

common/queue.h:

common/json.h:

common/mem.h:

common/target.h:

common/conf.h:
