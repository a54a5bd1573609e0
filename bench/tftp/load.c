// TFTP clients for the benchmark: many at once, each file checked octet by octet, packets dropped at will.
// load SERVER CLIENTS SECONDS TRANSFERS BLKSIZE WINDOWSIZE LOSS ROOT NAME...
// Each client fetches the NAMEs in turn, over and over, until SECONDS or TRANSFERS (0: no limit) are over. A NAME that
// is not under ROOT has to be answered by an ERROR. One line of JSON on stdout.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CLIENTS = 1024, BATCH = 64, SLOT = 65536 };

typedef struct { const char *name; const uint8_t *bytes; size_t size; int exists; } File;

typedef struct {
  int fd, turn, is_connected, has_options, window, in_window, gap_told, transfers;
  size_t blksize, at;
  uint32_t expected;
  double began, asked, last;
  struct sockaddr_in peer;
} Client;

static File files[64];
static Client clients[MOST_CLIENTS];
static int file_count, client_count, most_transfers, epoll_fd, active;
static unsigned asked_blksize, asked_window;
static double loss, deadline;
static struct sockaddr_in server;
static uint64_t octets, done, failed, wrong, packets;
static double *times;
static size_t time_count, time_room;
static uint64_t seed = 88172645463325252ull;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int is_lost(void) {
  if (loss <= 0) return 0;
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return (seed >> 11) * 0x1p-53 < loss;
}

static void die(const char *what) { perror(what); exit(1); }

static void keep(double seconds) {
  if (time_count == time_room) times = realloc(times, (time_room = time_room * 2 + 1024) * sizeof *times);
  times[time_count++] = seconds;
}

static void transmit(Client *c, const void *bytes, size_t length, const struct sockaddr_in *to) {
  if (is_lost()) return;
  if (c->is_connected) send(c->fd, bytes, length, 0);
  else sendto(c->fd, bytes, length, 0, (const struct sockaddr *)to, sizeof *to);
}

static void acknowledge(Client *c, uint32_t block) {
  uint8_t ack[4] = {0, 4, block >> 8, block};
  transmit(c, ack, 4, &c->peer);
}

static void request(Client *c) {
  char rrq[512];
  size_t at = 2 + sprintf(rrq + 2, "%s", files[c->turn].name) + 1;
  memcpy(rrq, "\0\1", 2);
  at += sprintf(rrq + at, "octet") + 1;
  if (asked_blksize != 512) at += sprintf(rrq + at, "blksize") + 1, at += sprintf(rrq + at, "%u", asked_blksize) + 1;
  if (asked_window > 1) at += sprintf(rrq + at, "windowsize") + 1, at += sprintf(rrq + at, "%u", asked_window) + 1;
  c->asked = now();
  transmit(c, rrq, at, &server);
}

// A new port for each file, as firmware does.
static void begin(Client *c) {
  c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) die("socket");
  int size = 1 << 20;
  setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
  c->is_connected = c->has_options = c->in_window = c->gap_told = 0;
  c->blksize = 512, c->window = 1, c->at = 0, c->expected = 1;
  c->began = c->last = now();
  request(c);
}

static void end(Client *c, int is_well) {
  close(c->fd);
  c->fd = -1;
  is_well ? done++ : failed++;
  keep(now() - c->began);
  c->turn = (c->turn + 1) % file_count;
  c->transfers++;
  if (now() < deadline && (most_transfers == 0 || c->transfers < most_transfers)) begin(c);
  else active--;
}

static void take_options(Client *c, const char *at, const char *limit) {
  while (at < limit) {
    const char *value = at + strlen(at) + 1;
    if (value >= limit) break;
    if (!strcasecmp(at, "blksize")) c->blksize = atoi(value);
    if (!strcasecmp(at, "windowsize")) c->window = atoi(value);
    at = value + strlen(value) + 1;
  }
}

// True: the transfer is over, and the client has another socket.
static int take(Client *c, uint8_t *p, size_t length, const struct sockaddr_in *from) {
  File *file = &files[c->turn];
  if (length < 4) return 0;
  if (!c->is_connected) {
    c->peer = *from;
    connect(c->fd, (struct sockaddr *)&c->peer, sizeof c->peer);
    c->is_connected = 1;
  }
  packets++;
  c->last = now();
  switch (p[1]) {
    case 5:
      end(c, !file->exists);
      return 1;
    case 6:
      if (c->expected > 1) return 0;
      p[length] = 0;
      take_options(c, (char *)p + 2, (char *)p + length);
      acknowledge(c, 0);
      return 0;
    case 3: break;
    default: return 0;
  }
  uint16_t block = p[2] << 8 | p[3];
  if (block != (uint16_t)c->expected) {
    if (c->window == 1 || !c->gap_told) acknowledge(c, c->expected - 1);
    c->gap_told = 1, c->in_window = 0;
    return 0;
  }
  size_t size = length - 4;
  if (c->at + size > file->size || memcmp(file->bytes + c->at, p + 4, size) != 0) {
    wrong++;
    end(c, 0);
    return 1;
  }
  c->at += size, c->expected++, c->gap_told = 0, octets += size;
  int is_last = size < c->blksize;
  if (is_last || ++c->in_window == c->window) {
    c->in_window = 0;
    acknowledge(c, block);
  }
  if (is_last) end(c, c->at == file->size);
  return is_last;
}

static uint8_t (*slots)[SLOT];
static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_in senders[BATCH];

static void drain(Client *c) {
  int fd = c->fd;
  for (int i = 0; i < BATCH; i++) messages[i].msg_hdr.msg_namelen = sizeof senders[i];
  int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i++) {
    if (is_lost()) continue;
    if (take(c, slots[i], messages[i].msg_len, &senders[i])) return;
  }
}

static void look_at_timers(void) {
  double time = now();
  for (int i = 0; i < client_count; i++) {
    Client *c = &clients[i];
    if (c->fd < 0) continue;
    if (!c->is_connected && time - c->asked > 1) request(c);
    if (time - c->last > 60) end(c, 0);
  }
}

static void map(File *file, const char *root, const char *name) {
  char path[4096];
  struct stat status;
  snprintf(path, sizeof path, "%s/%s", root, name);
  file->name = name;
  int fd = open(path, O_RDONLY);
  if (fd < 0) return;
  fstat(fd, &status);
  file->exists = 1;
  file->size = status.st_size;
  file->bytes = mmap(NULL, file->size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  close(fd);
}

static int compare(const void *a, const void *b) {
  return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b);
}

static double percentile(double p) { return time_count ? times[(size_t)(p * (time_count - 1))] * 1000 : 0; }

int main(int argc, char **argv) {
  if (argc < 10) return fprintf(stderr, "load SERVER CLIENTS SECONDS TRANSFERS BLKSIZE WINDOWSIZE LOSS ROOT NAME...\n"), 2;
  server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(69)};
  inet_pton(AF_INET, argv[1], &server.sin_addr);
  client_count = atoi(argv[2]);
  double seconds = atof(argv[3]);
  most_transfers = atoi(argv[4]);
  asked_blksize = atoi(argv[5]), asked_window = atoi(argv[6]), loss = atof(argv[7]);
  for (int i = 9; i < argc && file_count < 64; i++) map(&files[file_count++], argv[8], argv[i]);
  slots = malloc(sizeof *slots * BATCH);
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){slots[i], SLOT - 1};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &senders[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  epoll_fd = epoll_create1(0);
  double start = now(), looked = start;
  deadline = start + seconds;
  active = client_count;
  for (int i = 0; i < client_count; i++) begin(&clients[i]);
  struct epoll_event events[256];
  // It spins: the core is its own, and a sleep would be measured, too.
  while (active > 0) {
    int count = epoll_wait(epoll_fd, events, 256, 0);
    for (int i = 0; i < count; i++) {
      Client *c = events[i].data.ptr;
      if (c->fd >= 0) drain(c);
    }
    double time = now();
    if (time - looked > 0.005) looked = time, look_at_timers();
    if (most_transfers == 0 && time > deadline) break;
  }
  double taken = now() - start;
  for (int i = 0; i < client_count; i++) {
    uint8_t bye[] = {0, 5, 0, 0, 'b', 'y', 'e', 0};
    if (clients[i].fd >= 0 && clients[i].is_connected) send(clients[i].fd, bye, sizeof bye, 0);
  }
  qsort(times, time_count, sizeof *times, compare);
  printf("{\"bytes\":%lu,\"seconds\":%.4f,\"done\":%lu,\"failed\":%lu,\"wrong\":%lu,\"p50\":%.2f,\"p99\":%.2f}\n", octets,
         taken, done, failed, wrong, percentile(0.5), percentile(0.99));
}
