/* What the leak sanitizer shall not blame on us. Linked into instrumented programs and
 * into unit tests; means nothing elsewhere. */

/* libgit2 1.5 reads its configuration with PCRE2 and never frees the match data. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpcre2";
}
