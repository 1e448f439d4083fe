/* Prints docs/CONFIG.md; `make docs` runs it. Part of no program. */
#include <stdio.h>

#include "common/conf/conf.h"

int main(void)
{
    struct buf text = BUF_INIT(1024 * 1024);

    conf_print_markdown(&text);
    fwrite(buf_text(&text), 1, text.len, stdout);
    buf_done(&text);
    return fflush(stdout) == 0 ? 0 : 1;
}
