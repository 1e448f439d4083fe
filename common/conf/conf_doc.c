/* Prints what is made from the settings table; part of no program.
 *
 *     conf_doc                             docs/CONFIG.md
 *     conf_doc kedge-api 'May 1, 2026'     the manual page of that program
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/base/mem.h"
#include "common/conf/conf.h"

#define TEXT_MAX (1024 * 1024)

static const enum program programs[] = {PROGRAM_API, PROGRAM_WORKER, PROGRAM_SCHEDULER};

static const enum program *find_program(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(programs); i++)
        if (strcmp(conf_program_name(programs[i]), name) == 0)
            return &programs[i];
    return NULL;
}

static int print_out(const struct buf *text)
{
    fwrite(buf_text(text), 1, text->len, stdout);
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int main(int argc, char **argv)
{
    const enum program *program = argc == 3 ? find_program(argv[1]) : NULL;
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

    if (argc == 1) {
        conf_print_markdown(&text);
    } else if (program != NULL) {
        conf_print_man(*program, argv[2], &text);
    } else {
        fprintf(stderr, "usage: conf_doc [PROGRAM DATE]\n");
        return EX_USAGE;
    }
    return print_out(&text);
}
