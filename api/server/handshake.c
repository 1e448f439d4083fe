/* TLS handshakes that wait for their client. */
#include "api/server/handshake.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdlib.h>

#include "common/base/mem.h"

struct handshake {
    gnutls_session_t session;       /* the library's */
    struct handshake *next, **link; /* NULL: complete */
};

static void unlink_one(struct handshake *handshake)
{
    if (handshake->link == NULL)
        return;
    *handshake->link = handshake->next;
    if (handshake->next != NULL)
        handshake->next->link = handshake->link;
    handshake->link = NULL;
}

void handshake_note(struct handshakes *handshakes, struct MHD_Connection *connection,
                    void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    struct handshake *handshake;

    if (info == NULL || info->tls_session == NULL)
        return;
    handshake = mem_new(1, sizeof *handshake);
    *handshake = (struct handshake){.session = info->tls_session,
                                    .next = handshakes->first,
                                    .link = &handshakes->first};
    if (handshake->next != NULL)
        handshake->next->link = &handshake->next;
    handshakes->first = handshake;
    *context = handshake;
}

void handshake_forget(void **context)
{
    if (*context != NULL)
        unlink_one(*context);
    free(TAKE(*context));
}

/* The client's last word in it. */
static bool is_complete(const struct handshake *handshake)
{
    return gnutls_handshake_get_last_in(handshake->session) == GNUTLS_HANDSHAKE_FINISHED;
}

bool handshakes_wait(struct handshakes *handshakes)
{
    struct handshake *next;

    for (struct handshake *one = handshakes->first; one != NULL; one = next) {
        next = one->next;
        if (is_complete(one))
            unlink_one(one);
    }
    return handshakes->first != NULL;
}
