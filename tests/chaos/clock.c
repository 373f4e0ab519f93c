/* Loaded before a program: its time of day is so many seconds off as a file says, at each moment.
 *
 * libfaketime does more, and so much that Python 3.11 cannot sleep under it unless durations are
 * changed too, which a step of the clock does not do.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *step_seconds;

__attribute__((constructor)) static void begin(void) {
  int file = open(getenv("CLOCK_STEP_FILE"), O_RDONLY | O_CLOEXEC);
  void *found = mmap(NULL, sizeof *step_seconds, PROT_READ, MAP_SHARED, file, 0);
  if (file < 0 || found == MAP_FAILED) abort();
  close(file);
  step_seconds = found;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = syscall(SYS_clock_gettime, clock, now);
  if (!failed && step_seconds && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += *step_seconds;
  return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec found;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
  now->tv_sec = found.tv_sec;
  now->tv_usec = found.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec found;
  clock_gettime(CLOCK_REALTIME, &found);
  if (now) *now = found.tv_sec;
  return found.tv_sec;
}
