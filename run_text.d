run_text.o: api/run_text.c api/run_text.h api/rules.h common/ignore.h \
  common/json.h common/buf.h common/err.h common/redis.h \
  common/registry.h common/run.h common/sign.h api/run_json.h \
  common/queue.h common/zip.h

api/run_text.h:

api/rules.h:

common/ignore.h:

common/json.h:

common/buf.h:

common/err.h:

common/redis.h:

common/registry.h:

common/run.h:

common/sign.h:

api/run_json.h:

common/queue.h:

common/zip.h:
