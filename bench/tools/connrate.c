/*
 * Short TCP connections per second: connect, 4 bytes there, 4 bytes back, close with RST (so that no TIME_WAIT fills
 * the port range).
 *   connrate server ADDRESS PORT
 *   connrate client ADDRESS PORT IN_FLIGHT MILLISECONDS   prints: connections, failures, seconds
 * IPv4 or IPv6 by the address. Single-threaded, epoll.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, BACKLOG = 4096 };

static struct sockaddr_storage address;
static socklen_t address_length;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int parse_address(const char *text, int port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        address_length = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        address_length = sizeof *v6;
        return 0;
    }
    return -1;
}

static void watch(int poll, int fd, unsigned events, int operation)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poll, operation, fd, &event) != 0) {
        perror("epoll_ctl");
        exit(1);
    }
}

static void reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
}

static int serve(void)
{
    int one = 1;
    int listener = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, address_length) != 0 || listen(listener, BACKLOG) != 0) {
        perror("listen");
        return 1;
    }
    int poll = epoll_create1(0);
    watch(poll, listener, EPOLLIN, EPOLL_CTL_ADD);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(poll, events, EVENTS_MAX, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (client >= 0)
                    watch(poll, client, EPOLLIN, EPOLL_CTL_ADD);
                continue;
            }
            char bytes[4];
            ssize_t got = read(fd, bytes, sizeof bytes);
            if (got <= 0)
                close(fd);
            else if (write(fd, bytes, got) != got)
                reset(fd);
        }
    }
}

static void begin(int poll)
{
    int one = 1;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (void *)&address, address_length) != 0 && errno != EINPROGRESS) {
        perror("connect");
        exit(1);
    }
    watch(poll, fd, EPOLLOUT, EPOLL_CTL_ADD);
}

static int ask(int in_flight, double duration)
{
    int poll = epoll_create1(0);
    long done = 0, failed = 0;
    double start = seconds(), end = start + duration;
    for (int i = 0; i < in_flight; i++)
        begin(poll);
    while (seconds() < end) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(poll, events, EVENTS_MAX, 100);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            char bytes[4] = "ping";
            int bad = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
            if (!bad && (events[i].events & EPOLLOUT) != 0) {
                bad = write(fd, bytes, sizeof bytes) != sizeof bytes;
                if (!bad) {
                    watch(poll, fd, EPOLLIN, EPOLL_CTL_MOD);
                    continue;
                }
            } else if (!bad) {
                bad = read(fd, bytes, sizeof bytes) != sizeof bytes || memcmp(bytes, "ping", 4) != 0;
            }
            reset(fd);
            if (bad)
                failed++;
            else
                done++;
            begin(poll);
        }
    }
    printf("%ld %ld %.6f\n", done, failed, seconds() - start);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 4 && parse_address(argv[2], atoi(argv[3])) == 0) {
        if (argc == 4 && strcmp(argv[1], "server") == 0)
            return serve();
        if (argc == 6 && strcmp(argv[1], "client") == 0)
            return ask(atoi(argv[4]), atoi(argv[5]) / 1000.0);
    }
    fprintf(stderr, "usage: connrate server ADDRESS PORT | client ADDRESS PORT IN_FLIGHT MILLISECONDS\n");
    return 2;
}
