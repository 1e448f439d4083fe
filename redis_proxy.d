redis_proxy.o: tests/support/redis_proxy.c tests/support/redis_proxy.h

tests/support/redis_proxy.h:
