/* The yardstick of the media bench: send every packet back where it came from, one by one, and nothing else.
 *
 *   rtp_echo PORT COUNT
 *
 * Echoes at PORT, PORT + 2, ... of 127.0.0.1 until it is killed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int port = atoi(argv[1]), count = atoi(argv[2]), poll = epoll_create1(0), room = 1 << 22;
    for (int i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port + 2 * i)};
        here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(fd, (struct sockaddr *)&here, sizeof here)) {
            perror("bind");
            return 1;
        }
        struct epoll_event event = {EPOLLIN, {.fd = fd}};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(poll, events, 64, -1);
        for (int k = 0; k < n; k++) {
            unsigned char packet[2048];
            struct sockaddr_in from;
            socklen_t size = sizeof from;
            ssize_t length;
            while ((length = recvfrom(events[k].data.fd, packet, sizeof packet, 0, (void *)&from, &size)) > 0) {
                sendto(events[k].data.fd, packet, length, 0, (void *)&from, size);
                size = sizeof from;
            }
        }
    }
}
