test_api_run_json.o: tests/unit/test_api_run_json.c api/run_json.h \
  common/json.h common/buf.h common/err.h common/queue.h common/redis.h \
  common/run.h common/sign.h common/mem.h

api/run_json.h:

common/json.h:

common/buf.h:

common/err.h:

common/queue.h:

common/redis.h:

common/run.h:

common/sign.h:

common/mem.h:
