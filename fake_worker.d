fake_worker.o: tests/support/fake_worker.c tests/support/fake_worker.h \
  common/queue_batch.h common/batch.h common/buf.h common/err.h \
  common/run.h common/sign.h common/queue.h common/redis.h \
  tests/support/redis_server.h common/clock.h common/json.h common/mem.h \
  common/scripts.h common/target.h common/conf.h common/zip.h

tests/support/fake_worker.h:

common/queue_batch.h:

common/batch.h:

common/buf.h:

common/err.h:

common/run.h:

common/sign.h:

common/queue.h:

common/redis.h:

tests/support/redis_server.h:

common/clock.h:

common/json.h:

common/mem.h:

common/scripts.h:

common/target.h:

common/conf.h:

common/zip.h:
