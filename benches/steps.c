/* Counts the instructions of a program on the processor itself, one step at a time; callgrind counts on a processor
 * without SHA instructions.  cc -O1 -o steps steps.c && ./steps PROGRAM ARGUMENTS… */
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count < 2) return 2;
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(words[1], words + 1);
        _exit(127);
    }
    int status;
    long steps = 0;
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        if (ptrace(PTRACE_SINGLESTEP, child, 0, 0)) break;
        steps++;
    }
    fprintf(stderr, "%ld instructions\n", steps);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
