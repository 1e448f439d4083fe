fuzz_request_body.o: tests/fuzz/fuzz_request_body.c api/atlantis.h \
  api/body.h common/json.h common/buf.h common/err.h common/batch.h \
  common/run.h common/sign.h api/handlers.h api/route.h common/mem.h \
  common/path.h tests/fuzz/fuzz.h

api/atlantis.h:

api/body.h:

common/json.h:

common/buf.h:

common/err.h:

common/batch.h:

common/run.h:

common/sign.h:

api/handlers.h:

api/route.h:

common/mem.h:

common/path.h:

tests/fuzz/fuzz.h:
