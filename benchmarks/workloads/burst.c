/* burst FILE BUSY IDLE: work for BUSY seconds of CPU, rest for IDLE seconds, again and again.
   A line is when the work began by the monotonic clock, and how many seconds went by until it was done. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double clock_of(clockid_t which) {
    struct timespec at;
    clock_gettime(which, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

int main(int count, char **words) {
    int file = open(words[1], O_WRONLY | O_CREAT | O_APPEND, 0600);
    double busy = atof(words[2]), idle = atof(words[count - 1]);
    struct timespec pause = {(time_t)idle, (idle - (time_t)idle) * 1e9};
    char line[64];
    for (;;) {
        double begun = clock_of(CLOCK_MONOTONIC), done = clock_of(CLOCK_PROCESS_CPUTIME_ID) + busy;
        while (clock_of(CLOCK_PROCESS_CPUTIME_ID) < done)
            ;
        double took = clock_of(CLOCK_MONOTONIC) - begun;
        if (write(file, line, snprintf(line, sizeof line, "%.6f %.6f\n", begun, took)) < 0)
            return 1;
        nanosleep(&pause, 0);
    }
}
