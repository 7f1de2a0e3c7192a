/*
 * Times a program from exec to exit, without the cost of the program that asks: reads jobs on stdin, runs each with
 * posix_spawn, prints nanoseconds and exit status. One line per job, fields separated by tabs:
 *   STDIN_FILE  STDOUT_FILE  PROGRAM  [NAME=VALUE ...]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FIELDS_MAX = 64 };

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int run(char **fields, int count)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, fields[0], O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, fields[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char *argv[] = {fields[2], NULL};
    char *env[FIELDS_MAX + 1];
    int n = 0;
    for (int i = 3; i < count; i++)
        env[n++] = fields[i];
    env[n] = NULL;
    pid_t pid;
    int status = 0;
    long long start = now_ns();
    int error = posix_spawn(&pid, fields[2], &files, NULL, argv, env);
    if (error != 0) {
        fprintf(stderr, "exectime: cannot run %s: %s\n", fields[2], strerror(error));
        return 1;
    }
    if (waitpid(pid, &status, 0) < 0)
        return 1;
    long long elapsed = now_ns() - start;
    posix_spawn_file_actions_destroy(&files);
    printf("%lld %d\n", elapsed, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    fflush(stdout);
    return 0;
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        char *fields[FIELDS_MAX];
        int count = 0;
        line[strcspn(line, "\n")] = '\0';
        for (char *at = strtok(line, "\t"); at != NULL && count < FIELDS_MAX; at = strtok(NULL, "\t"))
            fields[count++] = at;
        if (count < 3) {
            fprintf(stderr, "exectime: want at least 3 fields, got %d\n", count);
            return 2;
        }
        if (run(fields, count) != 0)
            return 1;
    }
    free(line);
    return 0;
}
