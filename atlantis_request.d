atlantis_request.o: api/atlantis_request.c api/atlantis.h api/body.h \
  common/json.h common/buf.h common/err.h common/batch.h common/run.h \
  common/sign.h common/mem.h common/path.h common/target.h common/conf.h

api/atlantis.h:

api/body.h:

common/json.h:

common/buf.h:

common/err.h:

common/batch.h:

common/run.h:

common/sign.h:

common/mem.h:

common/path.h:

common/target.h:

common/conf.h:
