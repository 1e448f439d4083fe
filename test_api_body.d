test_api_body.o: tests/unit/test_api_body.c api/handlers.h api/body.h \
  common/json.h common/buf.h common/err.h api/route.h common/mem.h

api/handlers.h:

api/body.h:

common/json.h:

common/buf.h:

common/err.h:

api/route.h:

common/mem.h:
