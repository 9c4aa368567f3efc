/* beat FILE: wake every 5 ms as a program does that answers a person, and write down when a wake came late.
   A line is the moment by the monotonic clock and the seconds since the wake before it. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

int main(int count, char **words) {
    int file = open(words[count - 1], O_WRONLY | O_CREAT | O_APPEND, 0600);
    struct timespec pause = {0, 5000000};
    double before = now();
    char line[64];
    for (;;) {
        nanosleep(&pause, 0);
        double at = now();
        if (at - before > 0.010 && write(file, line, snprintf(line, sizeof line, "%.6f %.6f\n", at, at - before)) < 0)
            return 1;
        before = at;
    }
}
