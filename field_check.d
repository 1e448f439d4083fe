field_check.o: api/field_check.c api/field_check.h api/body.h \
  common/json.h common/buf.h common/err.h common/mem.h common/parse.h \
  common/path.h common/target.h common/conf.h common/run.h common/sign.h

api/field_check.h:

api/body.h:

common/json.h:

common/buf.h:

common/err.h:

common/mem.h:

common/parse.h:

common/path.h:

common/target.h:

common/conf.h:

common/run.h:

common/sign.h:
