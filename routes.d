routes.o: api/routes.c api/atlantis.h api/body.h common/json.h \
  common/buf.h common/err.h common/batch.h common/run.h common/sign.h \
  api/handlers.h api/route.h api/openapi.h api/pprof.h common/mem.h

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

api/openapi.h:

api/pprof.h:

common/mem.h:
