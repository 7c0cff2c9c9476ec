/* RTP load for the media bench: many callers at 127.1.x.y, one port, 20 ms of mu-law each.
 *
 *   rtp_load LEGS PORT WARM SECONDS < ports
 *
 * Standard input has one line a leg: the port at 127.0.0.1 that it sends to. Packets are spread evenly over each
 * 20 ms. Everybody speaks for two seconds and is silent for two, at different times. After WARM seconds what comes
 * back is counted; one line of JSON says what it was like.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { PACKET = 172, BATCH = 256, SLICES = 20, MAX_GAP_MS = 1000 };

struct source { /* the control message that chooses a packet's source address */
    struct cmsghdr header;
    struct in_pktinfo info;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint32_t host_of(int leg) { return 0x7f010000u + ((uint32_t)(leg / 250) << 8) + 1 + leg % 250; }

static int leg_of(uint32_t host) { return (int)((host >> 8 & 0xff) * 250 + (host & 0xff) - 1); }

static long percentile(const long *histogram, long total, double share) {
    long sum = 0;
    for (int i = 0; i < MAX_GAP_MS; i++)
        if ((sum += histogram[i]) >= total * share) return i;
    return MAX_GAP_MS;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    int legs = atoi(argv[1]);
    double warm = atof(argv[3]), seconds = atof(argv[4]);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1, room = 1 << 25;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (bind(fd, (struct sockaddr *)&here, sizeof here)) {
        perror("bind");
        return 1;
    }
    /* Reports come to the next port. They stay there: what matters is that no ICMP error goes back. */
    struct sockaddr_in next = here;
    next.sin_port = htons(atoi(argv[2]) + 1);
    if (bind(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&next, sizeof next)) perror("bind (RTCP)");

    unsigned char speech[50][160], (*packets)[PACKET] = calloc(legs, PACKET), in[BATCH][512];
    for (int f = 0; f < 50; f++) /* noise, loud enough to be voice */
        for (int i = 0; i < 160; i++) speech[f][i] = (rand() & 0x80) | (0x18 + rand() % 0x18);
    struct sockaddr_in *to = calloc(legs, sizeof *to), from[BATCH];
    struct source *sources = calloc(legs, sizeof *sources);
    struct iovec *iov = calloc(legs, sizeof *iov), iov_in[BATCH];
    struct mmsghdr *out = calloc(legs, sizeof *out), messages[BATCH];
    char control[BATCH][64];
    uint16_t *last_sequence = calloc(legs, sizeof *last_sequence);
    double *last = calloc(legs, sizeof *last);
    for (int i = 0; i < legs; i++) {
        int port;
        if (scanf("%d", &port) != 1) return 2;
        to[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        to[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sources[i].header = (struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
        sources[i].info.ipi_spec_dst.s_addr = htonl(host_of(i));
        iov[i] = (struct iovec){packets[i], PACKET};
        out[i].msg_hdr = (struct msghdr){&to[i], sizeof to[i], &iov[i], 1, &sources[i], sizeof sources[i], 0};
        packets[i][0] = 0x80;
        uint32_t ssrc = htonl(i + 1);
        memcpy(packets[i] + 8, &ssrc, 4);
    }
    for (int k = 0; k < BATCH; k++) iov_in[k] = (struct iovec){in[k], sizeof in[k]};

    long sent = 0, received = 0, gaps = 0, total = 0, histogram[MAX_GAP_MS] = {0};
    double start = now(), end = start + warm + seconds, worst = 0, behind = 0;
    for (long slice = 0;; slice++) {
        double due = start + slice * 0.02 / SLICES, t = now();
        if (due >= end) break;
        if (t < due) {
            struct timespec pause = {0, (long)((due - t) * 1e9)};
            nanosleep(&pause, NULL);
        } else if (t - due > behind)
            behind = t - due;
        long frame = slice / SLICES;
        int part = slice % SLICES, first = (long)legs * part / SLICES, stop = (long)legs * (part + 1) / SLICES;
        for (int i = first; i < stop; i++) {
            packets[i][2] = frame >> 8, packets[i][3] = frame;
            uint32_t stamp = htonl((uint32_t)frame * 160);
            memcpy(packets[i] + 4, &stamp, 4);
            if ((frame + i * 7) / 100 % 2)
                memcpy(packets[i] + 12, speech[(frame + i) % 50], 160);
            else
                memset(packets[i] + 12, 0xff, 160);
        }
        for (int i = first; i < stop;) {
            int n = sendmmsg(fd, out + i, stop - i, 0);
            if (n <= 0) break;
            i += n, sent += n;
        }
        for (;;) {
            for (int k = 0; k < BATCH; k++)
                messages[k].msg_hdr = (struct msghdr){&from[k], sizeof from[k], &iov_in[k], 1, control[k], 64, 0};
            int n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
            double at = now();
            for (int k = 0; k < n; k++) {
                if (messages[k].msg_len != PACKET) continue; /* RTCP */
                struct cmsghdr *c = CMSG_FIRSTHDR(&messages[k].msg_hdr);
                int leg = c ? leg_of(ntohl(((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr.s_addr)) : -1;
                if (leg < 0 || leg >= legs) continue;
                uint16_t sequence = in[k][2] << 8 | in[k][3];
                if (last[leg] && at > start + warm) {
                    double gap = at - last[leg];
                    int ms = gap * 1000;
                    received++, total++;
                    histogram[ms < MAX_GAP_MS ? ms : MAX_GAP_MS - 1]++;
                    if (gap > worst) worst = gap;
                    gaps += (uint16_t)(sequence - last_sequence[leg]) != 1;
                }
                last[leg] = at, last_sequence[leg] = sequence;
            }
            if (n < BATCH) break;
        }
    }
    printf("{\"sent\": %ld, \"received\": %ld, \"expected\": %.0f, \"gaps\": %ld, \"spacing_p99_ms\": %ld, "
           "\"spacing_max_ms\": %.1f, \"behind_ms\": %.1f}\n",
           sent, received, legs * seconds * 50, gaps, percentile(histogram, total, 0.99), worst * 1e3, behind * 1e3);
    return 0;
}
