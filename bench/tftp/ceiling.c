// What the kernel allows: a TFTP server that checks nothing and has no timers, its files mapped, with recvmmsg,
// sendmmsg and UDP_SEGMENT. ceiling ADDRESS ROOT. Only the benchmark's own clients are safe with it.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 64, SLOTS = 65536, MOST_BLOCKS = 64 };

typedef struct { const uint8_t *bytes; size_t size; char name[128]; } File;
typedef struct { File *file; size_t blksize; unsigned window; uint32_t acked; } Transfer;

static Transfer transfers[SLOTS];
static File files[64];
static int file_count;
static const char *root;

static struct mmsghdr in[BATCH], out[BATCH];
static struct iovec in_vectors[BATCH], out_vectors[BATCH][2 * MOST_BLOCKS];
static struct sockaddr_in from[BATCH], to[BATCH];
static uint8_t received[BATCH][2048], heads[BATCH][MOST_BLOCKS][4], texts[BATCH][512];
static union { char bytes[CMSG_SPACE(2)]; struct cmsghdr align; } control[BATCH];
static int queued;

static File *find(const char *name) {
  for (int i = 0; i < file_count; i++) if (!strcmp(files[i].name, name)) return &files[i];
  char path[4096];
  struct stat status;
  snprintf(path, sizeof path, "%s/%s", root, name);
  int fd = open(path, O_RDONLY);
  if (fd < 0) return NULL;
  fstat(fd, &status);
  File *file = &files[file_count++];
  snprintf(file->name, sizeof file->name, "%s", name);
  file->size = status.st_size;
  file->bytes = mmap(NULL, file->size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  close(fd);
  return file;
}

static void put(const struct sockaddr_in *client, int vectors, size_t segment) {
  struct msghdr *m = &out[queued].msg_hdr;
  to[queued] = *client;
  m->msg_name = &to[queued], m->msg_namelen = sizeof *client;
  m->msg_iov = out_vectors[queued], m->msg_iovlen = vectors;
  m->msg_control = segment ? control[queued].bytes : NULL;
  m->msg_controllen = segment ? sizeof control[queued].bytes : 0;
  if (segment) {
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_level = IPPROTO_UDP, c->cmsg_type = UDP_SEGMENT, c->cmsg_len = CMSG_LEN(2);
    *(uint16_t *)CMSG_DATA(c) = segment;
  }
  queued++;
}

static void put_text(const struct sockaddr_in *client, const void *bytes, size_t length) {
  memcpy(texts[queued], bytes, length);
  out_vectors[queued][0] = (struct iovec){texts[queued], length};
  put(client, 1, 0);
}

static void put_window(Transfer *t, const struct sockaddr_in *client) {
  int count = 0;
  for (uint32_t block = t->acked + 1; count < (int)t->window && count < MOST_BLOCKS; block++) {
    size_t at = (size_t)(block - 1) * t->blksize;
    if (at > t->file->size) break;
    size_t size = t->file->size - at < t->blksize ? t->file->size - at : t->blksize;
    uint8_t *head = heads[queued][count];
    head[0] = 0, head[1] = 3, head[2] = block >> 8, head[3] = block;
    out_vectors[queued][2 * count] = (struct iovec){head, 4};
    out_vectors[queued][2 * count + 1] = (struct iovec){(void *)(t->file->bytes + at), size};
    count++;
  }
  if (count > 0) put(client, 2 * count, count > 1 ? 4 + t->blksize : 0);
}

static void request(Transfer *t, const struct sockaddr_in *client, char *p, size_t length) {
  char *limit = p + length, *name = p + 2, *at = name + strlen(name) + 1, oack[256];
  size_t used = 2;
  *limit = 0;
  t->file = find(name);
  if (!t->file) {
    put_text(client, "\0\5\0\1no such file", 17);
    return;
  }
  t->blksize = 512, t->window = 1, t->acked = 0;
  memcpy(oack, "\0\6", 2);
  for (at += strlen(at) + 1; at < limit;) {
    char *value = at + strlen(at) + 1;
    if (!strcmp(at, "blksize")) t->blksize = atoi(value);
    if (!strcmp(at, "windowsize")) t->window = atoi(value);
    used += sprintf(oack + used, "%s", at) + 1, used += sprintf(oack + used, "%s", value) + 1;
    at = value + strlen(value) + 1;
  }
  if (used > 2) put_text(client, oack, used);
  else put_window(t, client);
}

static int look(int fd, int data) {
  for (int i = 0; i < BATCH; i++) in[i].msg_hdr.msg_namelen = sizeof from[i];
  int count = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i++) {
    uint8_t *p = received[i];
    Transfer *t = &transfers[from[i].sin_port];
    if (p[1] == 1) request(t, &from[i], (char *)p, in[i].msg_len);
    if (p[1] == 5) t->file = NULL;
    if (p[1] != 4 || !t->file) continue;
    t->acked += (uint16_t)((p[2] << 8 | p[3]) - t->acked);
    put_window(t, &from[i]);
  }
  for (int sent = 0; sent < queued;) {
    int n = sendmmsg(data, out + sent, queued - sent, 0);
    sent += n > 0 ? n : 1;
  }
  queued = 0;
  return count;
}

static int open_port(const char *address, int port) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &own.sin_addr);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0) perror("bind"), exit(1);
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  root = argv[2];
  int listening = open_port(argv[1], 69), data = open_port(argv[1], 0);
  for (int i = 0; i < BATCH; i++) {
    in_vectors[i] = (struct iovec){received[i], sizeof received[i] - 1};
    in[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_iov = &in_vectors[i], .msg_iovlen = 1};
  }
  struct pollfd fds[] = {{.fd = listening, .events = POLLIN}, {.fd = data, .events = POLLIN}};
  for (int idle = 0;;) {
    int found = (look(listening, data) > 0) | (look(data, data) > 0);
    idle = found ? 0 : idle + 1;
    if (idle > 100) poll(fds, 2, -1), idle = 0;
  }
}
