/* `--health`: one GET to ourselves. */
#include "common/net/health_ask.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/base/mem.h"

#define TIMEOUT_MS 2000L
#define STATUS_OK  200L
#define SICK       1

static void auto_curl(CURL **curl)
{
    curl_easy_cleanup(*curl);
}

/* The host to connect to for one that is listened on, brackets and all. */
static const char *loopback_for(const char *host)
{
    char bare[INET6_ADDRSTRLEN] = "";
    struct in_addr four;
    struct in6_addr six;

    if (*host == '\0')
        return "127.0.0.1";
    if (inet_pton(AF_INET, host, &four) == 1 && four.s_addr == htonl(INADDR_ANY))
        return "127.0.0.1";
    if (sscanf(host, "[%45[^]]]", bare) == 1 && inet_pton(AF_INET6, bare, &six) == 1 &&
        IN6_IS_ADDR_UNSPECIFIED(&six))
        return "[::1]";
    return host;
}

int health_url(const struct conf *conf, enum program program, char **url, struct err *err)
{
    bool is_api = program == PROGRAM_API;
    const char *setting = is_api ? "KEDGE_LISTEN" : "KEDGE_METRICS_LISTEN";
    const char *listen = is_api ? conf->listen : conf->metrics_listen;
    const char *scheme = is_api && conf->tls_cert != NULL ? "https" : "http";
    const char *port = listen != NULL ? strrchr(listen, ':') : NULL;
    AUTO(auto_free) char *host = NULL;

    if (port == NULL)
        return err_set(err, ERR_INPUT, "%s is not set: there is nothing to ask", setting);
    if (strspn(port + 1, "0") == strlen(port + 1))
        return err_set(err, ERR_INPUT, "%s picks a free port: nobody knows which",
                       setting);
    host = mem_dup_n(listen, (size_t)(port - listen));
    *url = mem_fmt("%s://%s%s%s", scheme, loopback_for(host), port,
                   is_api ? "/readyz" : "/healthz");
    return 0;
}

static size_t drop(char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * count;
}

/* The status of the answer. */
static CURLcode get(CURL *curl, const char *url, long *status)
{
    CURLcode code;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    /* The certificate is for the names that others use, and it is our own port. */
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    return code;
}

int health_ask(const struct conf *conf, enum program program)
{
    const char *name = conf_program_name(program);
    AUTO(auto_free) char *url = NULL;
    AUTO(auto_curl) CURL *curl = NULL;
    struct err err;
    CURLcode code;
    long status = 0;

    if (health_url(conf, program, &url, &err) < 0) {
        fprintf(stderr, "%s: problem: %s\n", name, err.message);
        return EX_CONFIG;
    }
    curl = curl_easy_init();
    code = curl != NULL ? get(curl, url, &status) : CURLE_FAILED_INIT;
    if (code != CURLE_OK)
        printf("%s: %s: %s\n", name, url, curl_easy_strerror(code));
    else
        printf("%s: %s: %ld\n", name, url, status);
    return code == CURLE_OK && status == STATUS_OK ? EX_OK : SICK;
}
