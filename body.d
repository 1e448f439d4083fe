body.o: api/body.c api/body.h common/json.h common/buf.h common/err.h \
  common/mem.h common/parse.h

api/body.h:

common/json.h:

common/buf.h:

common/err.h:

common/mem.h:

common/parse.h:
