/* limit LEGS LIFETIME
 *
 * The least that any program does which answers LEGS streams of RTP through sockets of their own: every 20 ms, ask
 * which sockets have something (epoll), receive one packet from each of those, and send one to each peer. Nothing is
 * done with the audio. `ringback bench media` measures media workers against it.
 *
 * Conversation:  out: the ports of all legs, on one line
 *                in:  the ports of their peers, on one line; then it begins
 * It ends with its standard input, or after LIFETIME seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PACKET = 172, WIDTH = 640, TICK_NS = 20000000, PER_SECOND = 50, GIVE_UP_TICKS = 10 };

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void allow_files(rlim_t wanted)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < wanted) {
        files.rlim_cur = wanted < files.rlim_max ? wanted : files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static long long nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int arguments, char **argument)
{
    int count;
    if (arguments != 3 || (count = atoi(argument[1])) <= 0) {
        fprintf(stderr, "usage: limit LEGS LIFETIME\n");
        return 2;
    }
    long lifetime = atol(argument[2]) * PER_SECOND;
    int *fds = calloc(count, sizeof *fds);
    struct epoll_event *ready = calloc(count, sizeof *ready);
    int poller = epoll_create1(0);
    if (!fds || !ready || poller < 0)
        die("cannot begin");
    allow_files(count + 16);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    for (int i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (fds[i] < 0)
            die("no socket for another leg");
        address.sin_port = 0;
        if (bind(fds[i], (struct sockaddr *)&address, sizeof address) < 0 ||
            getsockname(fds[i], (struct sockaddr *)&address, &size) < 0)
            die("no port for another leg");
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fds[i], &event) < 0)
            die("cannot wait for a leg");
        printf("%s%d", i ? " " : "", ntohs(address.sin_port));
    }
    printf("\n");
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        int port;
        if (scanf("%d", &port) != 1)
            return 0;
        address.sin_port = htons(port);
        if (connect(fds[i], (struct sockaddr *)&address, sizeof address) < 0)
            die("cannot send to a leg");
    }
    getchar();

    uint8_t packet[PACKET], heard[WIDTH];
    memset(packet, 0xa0, sizeof packet);                               /* a sound, to whoever listens for one */
    packet[0] = 0x80;
    packet[1] = 0;
    long long due = nanoseconds();
    struct pollfd orders = {.fd = STDIN_FILENO, .events = POLLIN};
    for (long tick = 0; tick < lifetime && poll(&orders, 1, 0) == 0; tick++) {
        int some = epoll_wait(poller, ready, count, 0);
        for (int i = 0; i < some; i++)
            recv(ready[i].data.fd, heard, sizeof heard, 0);
        uint16_t sequence = htons((uint16_t)tick);
        uint32_t timestamp = htonl((uint32_t)tick * 160);
        memcpy(packet + 2, &sequence, 2);
        memcpy(packet + 4, &timestamp, 4);
        for (int i = 0; i < count; i++)
            send(fds[i], packet, sizeof packet, 0);
        due += TICK_NS;
        long long now = nanoseconds();
        if (now - due > (long long)GIVE_UP_TICKS * TICK_NS)
            due = now;                                                 /* suspended: send no burst to make up */
        struct timespec until = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    return 0;
}
