/* How late the machine itself is: wakes every 20 ms before all others, and says how late that was.
 *
 *   metronome CORE SECONDS
 *
 * It runs with real-time priority where it may, so that what it sees is the machine (another tenant, say) and not what
 * else runs on the core. Prints the 99th percentile and the most, in milliseconds.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(atoi(argv[1]), &core);
    sched_setaffinity(0, sizeof core, &core);
    struct sched_param priority = {.sched_priority = 50};
    sched_setscheduler(0, SCHED_FIFO, &priority);

    int ticks = atof(argv[2]) * 50;
    double *late = calloc(ticks, sizeof *late);
    struct timespec due, now;
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (int i = 0; i < ticks; i++) {
        due.tv_nsec += 20000000;
        if (due.tv_nsec >= 1000000000) due.tv_nsec -= 1000000000, due.tv_sec++;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
        late[i] = (now.tv_sec - due.tv_sec) * 1e3 + (now.tv_nsec - due.tv_nsec) * 1e-6;
    }
    qsort(late, ticks, sizeof *late, ascending);
    printf("%.3f %.3f\n", late[(ticks - 1) * 99 / 100], late[ticks - 1]);
    return 0;
}
