batch_project.o: api/batch_project.c api/batch_json.h common/json.h \
  common/buf.h common/err.h common/queue_batch.h common/batch.h \
  common/run.h common/sign.h common/queue.h common/redis.h common/mem.h

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

common/mem.h:
