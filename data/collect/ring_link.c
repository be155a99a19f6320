/* A wire between two adapters, the second with a receive ring of known size, for two real TCP stacks.
 *
 *   cc -O2 -o ring_link ring_link.c -lm
 *   ring_link SENDER_NETNS RECEIVER_NETNS RATE_BIT_S ONE_WAY_US MTU BUFFERS MODERATION_US DELAY_US SEED
 *
 * Opens the TUN device "ring0" in each namespace and carries packets from one to the other. Ring events run in
 * virtual time: every event has its exact stamp and they are executed in the order of stamps, so a late
 * wake-up of this process can neither cause nor prevent a drop. A packet that arrives when BUFFERS wait is
 * dropped; the ring is emptied whole by a service at max(first arrival, last service + moderation) + Exp(delay).
 * Acknowledgements go back after the delay of the path, without a queue. For each line on standard input it
 * writes its counters as JSON; it ends with its standard input. Driven by rings.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 65536
#define ROOM 9100
#define NEVER INT64_MAX
#define COALESCE_NS 80000

typedef struct {
    int64_t at[SLOTS];
    int size[SLOTS];
    unsigned char (*data)[ROOM];
    unsigned head, tail;
} Queue;

static Queue wire, ring, acks;
static int64_t link_free, service_at = NEVER, last_service, busy_ns;
static long in, forwarded, dropped, drop_runs, loss_cycles, services, acknowledged, failed, peak, late_1ms, wakes;
static int dropping, lost_in_cycle;

static void fail(const char *what) {
    fprintf(stderr, "ring_link: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int tun_in(const char *name) {
    char path[256];
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    snprintf(path, sizeof path, "/run/netns/%s", name);
    int space = open(path, O_RDONLY), fd;
    if (space < 0 || setns(space, 0) < 0) fail(path);
    close(space);
    if ((fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK)) < 0) fail("/dev/net/tun");
    strcpy(request.ifr_name, "ring0");
    if (ioctl(fd, TUNSETIFF, &request) < 0) fail("TUNSETIFF");
    return fd;
}

static void room_for(Queue *queue) {
    if (!(queue->data = calloc(SLOTS, ROOM))) fail("memory");
}

static unsigned waiting(const Queue *queue) { return queue->tail - queue->head; }

static void push(Queue *queue, int64_t at, const unsigned char *packet, int size) {
    if (waiting(queue) == SLOTS) { errno = ENOBUFS; fail("queue"); }
    unsigned slot = queue->tail++ % SLOTS;
    queue->at[slot] = at;
    queue->size[slot] = size;
    memcpy(queue->data[slot], packet, size);
}

static int64_t due(const Queue *queue) { return waiting(queue) ? queue->at[queue->head % SLOTS] : NEVER; }

static void write_head(Queue *queue, int fd) {
    unsigned slot = queue->head++ % SLOTS;
    if (write(fd, queue->data[slot], queue->size[slot]) < 0) failed++;
}

static int64_t exponential(double mean_ns) {
    return mean_ns > 0 ? (int64_t)(-mean_ns * log1p(-drand48())) : 0;
}

static void arrive(int buffers, int64_t moderation_ns, double delay_ns) {
    unsigned slot = wire.head++ % SLOTS;
    int64_t at = wire.at[slot];
    if ((int)waiting(&ring) >= buffers) {
        dropped++;
        drop_runs += !dropping;
        loss_cycles += !lost_in_cycle;
        dropping = lost_in_cycle = 1;
        return;
    }
    dropping = 0;
    push(&ring, at, wire.data[slot], wire.size[slot]);
    if ((long)waiting(&ring) > peak) peak = waiting(&ring);
    if (service_at == NEVER) {
        int64_t earliest = last_service + moderation_ns;
        service_at = (at > earliest ? at : earliest) + exponential(delay_ns);
    }
}

static void serve(int fd) {
    last_service = service_at;
    service_at = NEVER;
    lost_in_cycle = 0;
    services++;
    while (waiting(&ring)) { forwarded++; write_head(&ring, fd); }
}

static void tell(void) {
    printf("{\"pkts_in\": %ld, \"pkts_forwarded\": %ld, \"pkts_dropped\": %ld, \"drop_runs\": %ld, "
           "\"loss_cycles\": %ld, \"rx_services\": %ld, \"rx_ring_peak_pkts\": %ld, \"acks\": %ld, "
           "\"tun_write_fail\": %ld, \"link_busy_ns\": %lld, \"late_over_1ms\": %ld, \"wakes\": %ld}\n",
           in, forwarded, dropped, drop_runs, loss_cycles, services, peak, acknowledged, failed,
           (long long)busy_ns, late_1ms, wakes);
    fflush(stdout);
}

int main(int count, char **given) {
    if (count != 10) { fprintf(stderr, "ring_link: nine arguments, see the head of ring_link.c\n"); return 2; }
    double rate = atof(given[3]), delay_ns = 1e3 * atof(given[8]);
    int64_t one_way_ns = 1e3 * atof(given[4]), moderation_ns = 1e3 * atof(given[7]);
    int buffers = atoi(given[6]), home = open("/proc/self/ns/net", O_RDONLY);
    unsigned char packet[ROOM];
    char line[64];
    struct sched_param priority = {.sched_priority = 1};
    srand48(atol(given[9]));
    int sender = tun_in(given[1]), receiver = tun_in(given[2]), size;
    if (setns(home, 0) < 0) fail("own namespace");
    room_for(&wire); room_for(&ring); room_for(&acks);
    prctl(PR_SET_TIMERSLACK, 1);
    if (sched_setscheduler(0, SCHED_FIFO, &priority) < 0) fail("SCHED_FIFO");
    tell();
    for (int64_t until = 0;;) {
        struct pollfd fds[3] = {{.fd = sender, .events = POLLIN}, {.fd = receiver, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        int64_t now = now_ns(), next = service_at;
        if (due(&acks) < next) next = due(&acks);
        if (service_at == NEVER && due(&wire) < next) next = due(&wire);
        int64_t coalesced = until < next ? until : next;
        if (coalesced > now) {
            struct timespec t = {coalesced / 1000000000LL, coalesced % 1000000000LL};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
            now = now_ns();
        }
        int64_t left = next == NEVER ? 100000000LL : next > now ? next - now : 0;
        struct timespec t = {left / 1000000000LL, left % 1000000000LL};
        if (ppoll(fds, 3, &t, NULL) < 0 && errno != EINTR) fail("ppoll");
        now = now_ns();
        until = now + COALESCE_NS;
        wakes++;
        late_1ms += next != NEVER && now > next + 1000000;
        if (fds[2].revents) {
            if (read(0, line, sizeof line) <= 0) return 0;
            tell();
        }
        while ((size = read(sender, packet, ROOM)) > 0) {
            int64_t start = now > link_free ? now : link_free, takes = 8e9 * size / rate;
            link_free = start + takes;
            busy_ns += takes;
            in++;
            push(&wire, link_free + one_way_ns, packet, size);
        }
        while ((size = read(receiver, packet, ROOM)) > 0) { acknowledged++; push(&acks, now + one_way_ns, packet, size); }
        for (;;) {
            int64_t arrival = due(&wire), ack = due(&acks);
            if (service_at <= now && service_at <= arrival && service_at <= ack) serve(receiver);
            else if (arrival <= now && arrival <= ack) arrive(buffers, moderation_ns, delay_ns);
            else if (ack <= now) write_head(&acks, sender);
            else break;
        }
    }
}
