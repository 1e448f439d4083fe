batch_json.o: api/batch_json.c api/batch_json.h common/json.h \
  common/buf.h common/err.h common/queue_batch.h common/batch.h \
  common/run.h common/sign.h common/queue.h common/redis.h \
  api/drift_json.h api/remediate_json.h common/mem.h common/parse.h

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

api/drift_json.h:

api/remediate_json.h:

common/mem.h:

common/parse.h:
