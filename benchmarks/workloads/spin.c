/* Use all of a core, until ended. */
int main(void) {
    for (;;)
        __asm__ volatile("");
}
