/* Spares the checkout's child a library's certificates.
 *
 * Where libgit2 is built on mbedTLS (Debian), git_libgit2_init parses every certificate
 * of the system: 6 of the child's 20 ms. Its TLS is never used, because http and https
 * are our own transport on libcurl (checkout_http.c). It asks for them with these
 * functions of mbedTLS, which the program defines in their place: there are none, which
 * libgit2 takes for a system without certificates. */
#include "worker/checkout/checkout_parts.h"

/* MBEDTLS_ERR_X509_FILE_IO_ERROR of mbedtls/x509.h. */
#define NO_FILE (-0x2900)

int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
    (void)chain;
    (void)path;
    return NO_FILE;
}

int mbedtls_x509_crt_parse_path(void *chain, const char *path)
{
    (void)chain;
    (void)path;
    return NO_FILE;
}
