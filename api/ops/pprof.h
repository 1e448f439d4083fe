/* /debug/pprof/: where the program spends its time, and what its memory is made of, for
 * pprof and for people. There only with KEDGE_PROFILING; costs nothing until it is asked.
 *
 * The profile is taken by gperftools: SIGPROF a hundred times per second of processor
 * time, so a program that sleeps is not woken. The request waits on a timer meanwhile;
 * one profile at a time. */
#ifndef KEDGE_API_OPS_PPROF_H
#define KEDGE_API_OPS_PPROF_H

struct request;

void handle_pprof_index(struct request *req);
/* ?seconds=1–60, 30 by default. 409 while another one is being taken. */
void handle_pprof_profile(struct request *req);
void handle_pprof_heap(struct request *req);
void handle_pprof_cmdline(struct request *req);

#endif
