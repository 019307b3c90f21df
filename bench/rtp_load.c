/* rtp_load LEGS AUDIO KEY_SECONDS LIFETIME
 *
 * Telephones for `ringback bench media`: LEGS UDP sockets on 127.0.0.1, each of which sends 20 ms of PCMU every 20 ms
 * and times what comes back by the kernel's receive timestamps. AUDIO is a file of headerless µ-law that all of them
 * say, each from a place of its own. Every KEY_SECONDS (0: never) each presses a key (RFC 4733).
 *
 * Conversation:  out: the ports of all legs, on one line
 *                in:  the ports to send to, on one line; then it sends
 *                in:  measure MILLISECONDS       out: the figures of that time, JSON on one line
 * It ends with its standard input, or after LIFETIME seconds.
 *
 * A packet's lateness is how much longer it took than the quickest packet of its leg in the last one to two seconds,
 * by their RTP timestamps. So nobody's clock has to agree with ours, and who falls behind for good is late for a
 * second or two and then has a new schedule.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADER = 12, FRAME = 160, PACKET = HEADER + FRAME,
    PHASES = 20,          /* legs take turns: one part of them each millisecond */
    BATCH = 8, WIDTH = 512,
    PER_SECOND = 50,
    BINS = 10000,         /* of a tenth of a millisecond, and one more for all beyond */
    TELEPHONE_EVENT = 101,
    KEY_UPDATES = 8, KEY_PACKETS = KEY_UPDATES + 3,
    LOOK_EVERY = 16       /* packets, of which one is looked into */
};
#define PHASE_NS 1000000L
#define GIVE_UP_S 0.2     /* further behind than this, start anew rather than send a burst */

struct leg {
    int fd;
    /* what it sends */
    uint16_t sequence;
    uint32_t timestamp, ssrc, key_timestamp;
    size_t place;
    long ticks;
    /* what it hears */
    int heard;
    uint16_t expected;
    uint32_t last_timestamp, peer;
    double sent_at;               /* by the peer's timestamps, seconds since its first packet */
    double quickest, quickest_before, second_began, last_arrival;
};

static struct leg *legs;
static int count;
static uint8_t *audio;
static size_t audio_bytes;
static long key_every;            /* packets */

static struct {
    long received, lost, sent, looked, loud, ticks, late_ticks;
    double begin, end, begin_cpu, worst, worst_tick;
    long bins[BINS + 1];
} window;
static int measuring;

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- hearing ---------------------------------------------------------------------------------------------------- */

/* Is there a sample above a sixteenth of full scale? */
static int is_loud(const uint8_t *payload)
{
    for (int i = 0; i < FRAME; i++)
        if (7 - ((payload[i] >> 4) & 7) >= 4)
            return 1;
    return 0;
}

static void count_lateness(double late)
{
    double tenths = late * 1e4;
    window.bins[tenths >= BINS ? BINS : (int)tenths]++;
    if (late > window.worst)
        window.worst = late;
}

static void take(struct leg *leg, const uint8_t *packet, size_t size, double arrival)
{
    if (size != PACKET || packet[0] >> 6 != 2 || (packet[1] & 127) != 0)
        return;
    uint16_t sequence = packet[2] << 8 | packet[3];
    uint32_t timestamp, peer;
    memcpy(&timestamp, packet + 4, 4);
    memcpy(&peer, packet + 8, 4);
    timestamp = ntohl(timestamp);

    int32_t step = (int32_t)(timestamp - leg->last_timestamp);
    if (!leg->heard || peer != leg->peer || abs(step) > 80000) {       /* another stream: another schedule */
        leg->heard = 1;
        leg->peer = peer;
        leg->expected = sequence;
        leg->sent_at = 0;
        leg->quickest = leg->quickest_before = INFINITY;
        leg->second_began = arrival;
        step = 0;
    }
    int16_t missing = (int16_t)(sequence - leg->expected);
    if (missing < 0)
        return;                                                        /* seen, or counted as lost */
    leg->expected = sequence + 1;
    leg->last_timestamp = timestamp;
    leg->sent_at += step / 8000.0;
    leg->last_arrival = arrival;

    double took = arrival - leg->sent_at;
    if (arrival - leg->second_began >= 1) {
        leg->quickest_before = leg->quickest;
        leg->quickest = INFINITY;
        leg->second_began = arrival;
    }
    leg->quickest = fmin(leg->quickest, took);
    if (!measuring)
        return;
    window.received++;
    window.lost += missing;
    count_lateness(took - fmin(leg->quickest, leg->quickest_before));
    if (window.received % LOOK_EVERY == 0) {
        window.looked++;
        window.loud += is_loud(packet + HEADER);
    }
}

static double arrival_of(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            return t.tv_sec + t.tv_nsec * 1e-9;
        }
    return seconds(CLOCK_REALTIME);
}

static void drain(struct leg *leg)
{
    static uint8_t data[BATCH][WIDTH];
    static union { char bytes[CMSG_SPACE(sizeof(struct timespec))]; struct cmsghdr align; } control[BATCH];
    struct iovec part[BATCH];
    struct mmsghdr message[BATCH];
    int got;
    do {
        memset(message, 0, sizeof message);
        for (int i = 0; i < BATCH; i++) {
            part[i] = (struct iovec){data[i], WIDTH};
            message[i].msg_hdr.msg_iov = &part[i];
            message[i].msg_hdr.msg_iovlen = 1;
            message[i].msg_hdr.msg_control = control[i].bytes;
            message[i].msg_hdr.msg_controllen = sizeof control[i].bytes;
        }
        got = recvmmsg(leg->fd, message, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < got; i++)
            take(leg, data[i], message[i].msg_len, arrival_of(&message[i].msg_hdr));
    } while (got == BATCH);
}

/* ---- saying ----------------------------------------------------------------------------------------------------- */

static size_t write_key(struct leg *leg, int which, int step, uint8_t *packet)
{
    if (step == 0)
        leg->key_timestamp = leg->timestamp;
    uint32_t timestamp = htonl(leg->key_timestamp);
    int last = step >= KEY_UPDATES;
    int duration = (last ? KEY_UPDATES : step + 1) * FRAME;
    packet[1] = TELEPHONE_EVENT | (step == 0 ? 128 : 0);
    memcpy(packet + 4, &timestamp, 4);
    packet[HEADER] = which;
    packet[HEADER + 1] = 10 | (last ? 128 : 0);
    packet[HEADER + 2] = duration >> 8;
    packet[HEADER + 3] = duration;
    return HEADER + 4;
}

static size_t write_audio(struct leg *leg, uint8_t *packet)
{
    uint32_t timestamp = htonl(leg->timestamp);
    packet[1] = leg->ticks == 0 ? 128 : 0;
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + HEADER, audio + leg->place, FRAME);
    return PACKET;
}

static void say(struct leg *leg, int number)
{
    uint8_t packet[PACKET];
    uint32_t ssrc = htonl(leg->ssrc);
    packet[0] = 0x80;
    packet[2] = leg->sequence >> 8;
    packet[3] = leg->sequence;
    memcpy(packet + 8, &ssrc, 4);
    /* Keys are pressed all over the time, not by everybody at once. */
    long step = key_every ? (leg->ticks + number * 37L) % key_every : KEY_PACKETS;
    if (leg->ticks < step)
        step = KEY_PACKETS;                                            /* it would begin in the middle of a key */
    size_t size = step < KEY_PACKETS ? write_key(leg, number % 10, (int)step, packet) : write_audio(leg, packet);
    if (send(leg->fd, packet, size, 0) > 0)
        window.sent++;
    leg->sequence++;
    leg->timestamp += FRAME;
    leg->place = (leg->place + FRAME) % audio_bytes;
    leg->ticks++;
}

/* ---- measuring -------------------------------------------------------------------------------------------------- */

static void begin_window(double length)
{
    for (int i = 0; i < count; i++)
        drain(&legs[i]);
    memset(&window, 0, sizeof window);
    window.begin = seconds(CLOCK_REALTIME);
    window.begin_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    window.end = window.begin + length;
    measuring = 1;
}

/* Sequence numbers do not tell of a peer that has fallen silent: what should have come since then is lost too. */
static void count_silence(double now)
{
    for (int i = 0; i < count; i++) {
        double since = fmax(legs[i].heard ? legs[i].last_arrival : 0, window.begin);
        if (now - since > 0.1)
            window.lost += (long)((now - since) * PER_SECOND);
    }
}

static void end_window(void)
{
    for (int i = 0; i < count; i++)
        drain(&legs[i]);
    double now = seconds(CLOCK_REALTIME), length = now - window.begin;
    count_silence(now);
    measuring = 0;
    printf("{\"seconds\":%.4f,\"received\":%ld,\"lost\":%ld,\"worst_ms\":%.3f,\"sent\":%ld,\"looked\":%ld,"
           "\"loud\":%ld,\"own_ticks\":%ld,\"own_late_ticks\":%ld,\"own_worst_ms\":%.3f,\"own_cpu\":%.4f,\"bins\":[",
           length, window.received, window.lost, window.worst * 1e3, window.sent, window.looked,
           window.loud, window.ticks, window.late_ticks, window.worst_tick * 1e3,
           (seconds(CLOCK_PROCESS_CPUTIME_ID) - window.begin_cpu) / length);
    for (int i = 0; i <= BINS; i++)
        printf("%s%ld", i ? "," : "", window.bins[i]);
    printf("]}\n");
    fflush(stdout);
}

/* Do what is asked; 0 when nobody asks any more. */
static int listen_to_orders(void)
{
    static char line[256];
    static size_t filled;
    ssize_t got = read(STDIN_FILENO, line + filled, sizeof line - 1 - filled);
    if (got == 0)
        return 0;
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    filled += got;
    line[filled] = 0;
    char *end = strchr(line, '\n');
    if (!end)
        return filled < sizeof line - 1;
    int milliseconds;
    if (sscanf(line, "measure %d", &milliseconds) != 1 || milliseconds <= 0)
        return 0;
    begin_window(milliseconds / 1e3);
    filled = 0;
    return 1;
}

/* ---- beginning -------------------------------------------------------------------------------------------------- */

static void open_legs(void)
{
    /* Descriptors for the legs and for what every process has. */
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    rlim_t wanted = count + 16;
    if (files.rlim_cur < wanted) {
        files.rlim_cur = wanted < files.rlim_max ? wanted : files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int one = 1;
    for (int i = 0; i < count; i++) {
        struct leg *leg = &legs[i];
        leg->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (leg->fd < 0)
            die("no socket for another leg");
        setsockopt(leg->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
        address.sin_port = 0;
        if (bind(leg->fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            getsockname(leg->fd, (struct sockaddr *)&address, &size) < 0)
            die("no port for another leg");
        printf("%s%d", i ? " " : "", ntohs(address.sin_port));
        leg->sequence = rand();
        leg->timestamp = rand();
        leg->ssrc = (uint32_t)rand() ^ (uint32_t)i << 16;
        leg->place = (size_t)i * 100 * FRAME % audio_bytes;
    }
    printf("\n");
    fflush(stdout);
}

static void connect_legs(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < count; i++) {
        int port;
        if (scanf("%d", &port) != 1)
            exit(0);                                                   /* whoever started us has given up */
        address.sin_port = htons(port);
        if (connect(legs[i].fd, (struct sockaddr *)&address, sizeof address) < 0)
            die("cannot send to a leg");
    }
    getchar();                                                         /* the end of the line */
}

static void read_audio(const char *path)
{
    FILE *file = fopen(path, "rb");
    enum { MOST = 1 << 22 };
    audio = malloc(MOST);
    if (!file || !audio)
        die(path);
    audio_bytes = fread(audio, 1, MOST, file) / FRAME * FRAME;
    fclose(file);
    if (!audio_bytes) {
        fprintf(stderr, "%s: too short\n", path);
        exit(1);
    }
}

int main(int arguments, char **argument)
{
    if (arguments != 5 || (count = atoi(argument[1])) <= 0) {
        fprintf(stderr, "usage: rtp_load LEGS AUDIO KEY_SECONDS LIFETIME\n");
        return 2;
    }
    read_audio(argument[2]);
    key_every = (long)(atof(argument[3]) * PER_SECOND);
    double deadline = seconds(CLOCK_MONOTONIC) + atof(argument[4]);
    srand(20);
    legs = calloc(count, sizeof *legs);
    if (!legs)
        die("no memory");
    setvbuf(stdin, NULL, _IONBF, 0);      /* orders come by read(): none may be left in a buffer */
    open_legs();
    connect_legs();
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);

    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (int phase = 0;; phase = (phase + 1) % PHASES) {
        for (int i = phase; i < count; i += PHASES) {
            say(&legs[i], i);
            drain(&legs[i]);
        }
        if (measuring && seconds(CLOCK_REALTIME) >= window.end)
            end_window();
        if (!listen_to_orders())
            return 0;
        due.tv_nsec += PHASE_NS;
        if (due.tv_nsec >= 1000000000L) {
            due.tv_nsec -= 1000000000L;
            due.tv_sec++;
        }
        double now = seconds(CLOCK_MONOTONIC), behind = now - (due.tv_sec + due.tv_nsec * 1e-9);
        window.ticks++;
        window.late_ticks += behind > 0.002;
        window.worst_tick = fmax(window.worst_tick, behind);
        if (now > deadline)
            return 0;
        if (behind > GIVE_UP_S)
            clock_gettime(CLOCK_MONOTONIC, &due);
        else if (behind < 0)
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
}
