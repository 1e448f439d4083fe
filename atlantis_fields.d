atlantis_fields.o: api/atlantis_fields.c api/atlantis.h api/body.h \
  common/json.h common/buf.h common/err.h common/batch.h common/run.h \
  common/sign.h api/field_check.h api/handlers.h api/route.h \
  common/mem.h common/target.h common/conf.h

api/atlantis.h:

api/body.h:

common/json.h:

common/buf.h:

common/err.h:

common/batch.h:

common/run.h:

common/sign.h:

api/field_check.h:

api/handlers.h:

api/route.h:

common/mem.h:

common/target.h:

common/conf.h:
