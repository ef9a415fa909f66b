/* A whole process from start to end, its output thrown away: how long it took and the most memory that it held.
 * Prints "process: NAME<TAB>1<TAB>seconds" and "memory: NAME<TAB>1<TAB>bytes<TAB>unit=bytes" for each repeat.
 * Usage: process REPEATS NAME COMMAND [ARGUMENT ...] */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of one run, or -1 when it could not be started or failed. */
static double run(char **command, const posix_spawn_file_actions_t *quiet, struct rusage *usage) {
  pid_t child;
  int status;
  const double start = now();
  if (posix_spawnp(&child, command[0], quiet, NULL, command, environ)) return -1;
  if (wait4(child, &status, 0, usage) != child || !WIFEXITED(status) || WEXITSTATUS(status)) return -1;
  return now() - start;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&quiet, STDOUT_FILENO, STDERR_FILENO);
  for (int r = 0; r < atoi(argv[1]); r++) {
    struct rusage usage;
    const double seconds = run(argv + 3, &quiet, &usage);
    if (seconds < 0) {
      fprintf(stderr, "process: %s failed\n", argv[3]);
      return 1;
    }
    printf("process: %s\t1\t%.6g\n", argv[2], seconds);
    printf("memory: %s\t1\t%ld\tunit=bytes\n", argv[2], usage.ru_maxrss * 1024);   /* Linux counts it in KiB */
  }
  posix_spawn_file_actions_destroy(&quiet);
}
