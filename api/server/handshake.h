/* TLS handshakes that wait for their client.
 *
 * As long as there is one the library says that it has something to do, and would be
 * called in a busy loop: a client that connects and says no more would cost a processor.
 * What comes for it shows in the daemon's descriptor. One thread. */
#ifndef KEDGE_API_SERVER_HANDSHAKE_H
#define KEDGE_API_SERVER_HANDSHAKE_H

#include <stdbool.h>

struct MHD_Connection;
struct handshake;

/* All zero: there are none. */
struct handshakes {
    struct handshake *first;
};

/* A connection has been made; nothing on one without TLS. *context is the connection's
 * own, for handshake_forget. */
void handshake_note(struct handshakes *handshakes, struct MHD_Connection *connection,
                    void **context);
/* The connection is gone. */
void handshake_forget(void **context);
/* Is there one? Forgets those that are complete. */
bool handshakes_wait(struct handshakes *handshakes);

#endif
