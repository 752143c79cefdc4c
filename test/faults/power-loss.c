/*
 * Preloaded into a gateway: keeps a copy of the store's file as a disk would have it after a loss of power. A write
 * reaches the copy when a sync of the file has succeeded, or at once where the file was opened for synced writes.
 * After a kill the test puts the copy in the file's place.
 *
 * FAULT_STORE: the file. FAULT_SHADOW: the copy. FAULT_SYNC=point:nth: dies by SIGKILL at the nth passing of
 * sync-before, sync-after (fdatasync, fsync), meta-before or meta-after (a synced write).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define RANGES 65536

static const char *store, *point;
static int shadow = -1, left;
static struct { off_t at, end; } ranges[RANGES];
static int count;
static int everything; /* more ranges than are kept: the next sync copies the whole file */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
  store = getenv("FAULT_STORE");
  const char *copy = getenv("FAULT_SHADOW");
  if (!store || !copy) return;
  int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  shadow = real_open(copy, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  char *setting = getenv("FAULT_SYNC");
  if (setting) {
    setting = strdup(setting);
    char *colon = strchr(setting, ':');
    *colon = 0;
    point = setting;
    left = atoi(colon + 1);
  }
}

static void pass(const char *name) {
  if (point && strcmp(name, point) == 0 && --left == 0) kill(getpid(), SIGKILL);
}

static int ours(int fd) {
  struct stat a, b;
  return shadow >= 0 && fd != shadow && fstat(fd, &a) == 0 && S_ISREG(a.st_mode) && stat(store, &b) == 0 &&
         a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int synced(int fd) { return (fcntl(fd, F_GETFL) & O_DSYNC) != 0; }

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);

static void copy_range(int fd, off_t at, off_t end) {
  /* a descriptor for synced writes cannot be read */
  int from = fd;
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
    int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    from = real_open(store, O_RDONLY | O_CLOEXEC);
  }
  static char buffer[1 << 16];
  while (at < end) {
    size_t want = end - at < (off_t)sizeof buffer ? (size_t)(end - at) : sizeof buffer;
    ssize_t got = pread(from, buffer, want, at);
    if (got <= 0) break;
    real_pwrite(shadow, buffer, got, at);
    at += got;
  }
  if (from != fd) close(from);
}

static void wrote(int fd, off_t at, ssize_t length) {
  if (length <= 0) return;
  pthread_mutex_lock(&lock);
  if (synced(fd)) copy_range(fd, at, at + length);
  else if (count < RANGES) {
    ranges[count].at = at;
    ranges[count++].end = at + length;
  } else everything = 1;
  pthread_mutex_unlock(&lock);
}

static void flushed(int fd) {
  pthread_mutex_lock(&lock);
  if (everything) copy_range(fd, 0, lseek(fd, 0, SEEK_END));
  else
    for (int i = 0; i < count; i++) copy_range(fd, ranges[i].at, ranges[i].end);
  count = everything = 0;
  pthread_mutex_unlock(&lock);
}

static ssize_t write_at(int fd, const void *data, size_t length, off_t at) {
  if (!real_pwrite) real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  if (!ours(fd)) return real_pwrite(fd, data, length, at);
  int meta = synced(fd);
  if (meta) pass("meta-before");
  ssize_t done = real_pwrite(fd, data, length, at);
  if (meta) pass("meta-after");
  wrote(fd, at, done);
  return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return write_at(fd, data, length, at); }
ssize_t pwrite64(int fd, const void *data, size_t length, off_t at) { return write_at(fd, data, length, at); }

static ssize_t writev_at(int fd, const struct iovec *parts, int n, off_t at) {
  static ssize_t (*real)(int, const struct iovec *, int, off_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwritev");
  if (!real_pwrite) real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  ssize_t done = real(fd, parts, n, at);
  if (ours(fd)) wrote(fd, at, done);
  return done;
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at) { return writev_at(fd, parts, n, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int n, off_t at) { return writev_at(fd, parts, n, at); }

ssize_t write(int fd, const void *data, size_t length) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "write");
  if (!real_pwrite) real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  if (!ours(fd)) return real(fd, data, length);
  off_t at = lseek(fd, 0, SEEK_CUR);
  ssize_t done = real(fd, data, length);
  wrote(fd, at, done);
  return done;
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
  static ssize_t (*real)(int, const struct iovec *, int);
  if (!real) real = dlsym(RTLD_NEXT, "writev");
  if (!real_pwrite) real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  if (!ours(fd)) return real(fd, parts, n);
  off_t at = lseek(fd, 0, SEEK_CUR);
  ssize_t done = real(fd, parts, n);
  wrote(fd, at, done);
  return done;
}

static int sync_by(const char *name, int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, name);
  if (!real_pwrite) real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  if (!ours(fd)) return real(fd);
  pass("sync-before");
  int result = real(fd);
  pass("sync-after");
  if (result == 0) flushed(fd);
  return result;
}

int fdatasync(int fd) { return sync_by("fdatasync", fd); }
int fsync(int fd) { return sync_by("fsync", fd); }
