/* The thread pool: one for the process, started at first use, taken with a try-lock (a caller that finds it busy runs
 * the same parts itself). Work is cut by its shape, never by the number of threads. A forked child starts without
 * workers. OpenBLAS is set to one thread, process-wide. */
#ifndef NN_POOL_H
#define NN_POOL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

int nn_threads(void);                  /* default: the usable CPUs (affinity, cgroup), at most 8 */
int nn_set_threads(int n);             /* 1..64; gives what is in force now */

/* Runs work(user, part) for part = 0 .. parts - 1, in any order, on any thread; returns when all are done. Parts must
 * not call the library's functions that make tensors or fail: raw memory only. */
void nn_parallel(int parts, void (*work)(void *user, int part), void *user);

#ifdef __cplusplus
}
#endif
#endif
