/* Counts the calls that a process makes to the C library about files below some directories, and makes chosen ones fail.
 *
 * Loaded by LD_PRELOAD. A file of the layout `struct control`, which all processes of a run share, says what to do;
 * `fault_attach` names it, or for a program that is started the variable FAULT_CONTROL. What the C library does inside
 * itself (the open in `opendir`, say) is not seen, but the call that did it is.
 */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, READ = 2, WRITE = 4, SYNC = 8, NAME = 16, LOOK = 32, LOCK = 64, MAP = 128, CLOSE = 256, MAKE = 512 };
enum { PASS, ERROR, KILL, TORN_ERROR, TORN_KILL };
enum { TEXT = 512 };

struct control {
    atomic_long calls;     /* seen so far */
    atomic_long hits;      /* made to fail so far */
    long at;               /* the number of the first call that may fail; 0 for none */
    long times;            /* how many fail */
    int kind, error, classes, is_logging;
    char hit[TEXT];        /* the first call that failed */
    char directory[TEXT];  /* calls on files below it count */
    char package[TEXT];    /* of this one only those on .sql files, and on directories */
    char log[TEXT];
};

static struct control *control;
static int log_file = -1;

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, #name); real; })

void fault_attach(const char *path) {
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED
        : (void *)syscall(SYS_mmap, NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    control = map == MAP_FAILED ? NULL : map;
    if (control && control->is_logging)
        log_file = syscall(SYS_openat, AT_FDCWD, control->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULT_CONTROL");
    if (path) fault_attach(path);
}

static int is_below(const char *path, const char *directory) {
    size_t length = strlen(directory);
    return length && !strncmp(path, directory, length) && (path[length] == '/' || !path[length]);
}

static int counts(const char *path, int class) {
    if (is_below(path, control->directory)) return 1;
    if (!is_below(path, control->package)) return 0;
    const char *dot = strrchr(path, '.');
    return dot ? !strcmp(dot, ".sql") : class == (OPEN | LOOK);
}

static void link_target(const char *link, char *text) {
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, text, TEXT - 1);
    text[length > 0 ? length : 0] = 0;
}

static void path_of(int fd, char *text) {
    char link[40];
    snprintf(link, sizeof link, fd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", fd);
    link_target(link, text);
}

static void absolute(int directory, const char *path, char *text) {
    if (path[0] == '/') { snprintf(text, TEXT, "%s", path); return; }
    char base[TEXT];
    path_of(directory, base);
    snprintf(text, TEXT, "%.*s/%.*s", TEXT / 2, base, TEXT / 2 - 2, path);
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* Count a call and say what becomes of it. Torn writes are told to `torn`; others have failed already when this is not 0. */
static int judge_path(const char *name, int class, const char *path, int *torn) {
    if (!counts(path, class)) return 0;
    long number = atomic_fetch_add(&control->calls, 1) + 1;
    int fails = control->kind && number >= control->at && control->at && (class & control->classes)
        && atomic_fetch_add(&control->hits, 1) < control->times;
    if (log_file >= 0 || fails) {
        char line[2 * TEXT];
        int length = snprintf(line, sizeof line, "%ld %d %s %s", number, class, name, path);
        if (fails && !control->hit[0]) memcpy(control->hit, line, TEXT - 1);
        line[length] = '\n';
        if (log_file >= 0) syscall(SYS_write, log_file, line, length + 1);
    }
    if (!fails) return 0;
    if (control->kind == KILL) die();
    errno = control->error;
    if (torn) *torn = control->kind == TORN_ERROR || control->kind == TORN_KILL;
    return 1;
}

static int judge_at(const char *name, int class, int directory, const char *path) {
    if (!control || !path) return 0;
    char text[TEXT];
    int before = errno;
    absolute(directory, path, text);
    errno = before;
    return judge_path(name, class, text, NULL);
}

static int judge_two(const char *name, int class, int one, const char *from, int other, const char *to) {
    if (!control) return 0;
    char text[TEXT];
    absolute(one, from, text);
    if (!counts(text, class)) absolute(other, to, text);
    return judge_path(name, class, text, NULL);
}

static int judge_fd(const char *name, int class, int fd, int *torn) {
    if (!control || fd < 0) return 0;
    char text[TEXT];
    int before = errno;
    path_of(fd, text);
    errno = before;
    return judge_path(name, class, text, torn);
}

static int after_part(void) {
    if (control->kind == TORN_KILL) die();
    errno = control->error;
    return -1;
}

/* A full disk refuses to make a file, and never to open one that is there. */
#define OPENING(at, path, flags) (OPEN | (((flags) & O_CREAT) && syscall(SYS_faccessat, at, path, F_OK) ? MAKE : 0))
#define MODE(last) ({ mode_t mode = 0; if (flags & (O_CREAT | __O_TMPFILE)) { va_list rest; va_start(rest, last); \
    mode = va_arg(rest, mode_t); va_end(rest); } mode; })

#define WRAP_OPEN(name) int name(const char *path, int flags, ...) { mode_t mode = MODE(flags); \
    return judge_at(#name, OPENING(AT_FDCWD, path, flags), AT_FDCWD, path) ? -1 : REAL(name)(path, flags, mode); }
#define WRAP_OPENAT(name) int name(int at, const char *path, int flags, ...) { mode_t mode = MODE(flags); \
    return judge_at(#name, OPENING(at, path, flags), at, path) ? -1 : REAL(name)(at, path, flags, mode); }
#define WRAP_PATH(result, failed, name, class, parameters, path, arguments) result name parameters { \
    return judge_at(#name, class, AT_FDCWD, path) ? failed : REAL(name) arguments; }
#define WRAP_AT(name, class, parameters, at, path, arguments) int name parameters { \
    return judge_at(#name, class, at, path) ? -1 : REAL(name) arguments; }
#define WRAP_FD(result, name, class, parameters, arguments) result name parameters { \
    return judge_fd(#name, class, fd, NULL) ? (result)-1 : REAL(name) arguments; }

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
int __open_2(const char *path, int flags) { return open(path, flags); }
int __open64_2(const char *path, int flags) { return open64(path, flags); }
int __openat_2(int at, const char *path, int flags) { return openat(at, path, flags); }
int __openat64_2(int at, const char *path, int flags) { return openat64(at, path, flags); }
WRAP_PATH(int, -1, creat, OPEN | MAKE, (const char *path, mode_t mode), path, (path, mode))
WRAP_PATH(FILE *, NULL, fopen, OPEN, (const char *path, const char *mode), path, (path, mode))
WRAP_PATH(FILE *, NULL, fopen64, OPEN, (const char *path, const char *mode), path, (path, mode))
WRAP_PATH(int, -1, mkdir, NAME | MAKE, (const char *path, mode_t mode), path, (path, mode))
WRAP_PATH(int, -1, rmdir, NAME, (const char *path), path, (path))
WRAP_PATH(int, -1, unlink, NAME, (const char *path), path, (path))
WRAP_PATH(int, -1, remove, NAME, (const char *path), path, (path))
WRAP_PATH(int, -1, chmod, NAME, (const char *path, mode_t mode), path, (path, mode))
WRAP_PATH(int, -1, access, LOOK, (const char *path, int mode), path, (path, mode))
WRAP_PATH(int, -1, stat, LOOK, (const char *path, struct stat *into), path, (path, into))
WRAP_PATH(int, -1, stat64, LOOK, (const char *path, struct stat64 *into), path, (path, into))
WRAP_PATH(int, -1, lstat, LOOK, (const char *path, struct stat *into), path, (path, into))
WRAP_PATH(int, -1, lstat64, LOOK, (const char *path, struct stat64 *into), path, (path, into))
WRAP_PATH(int, -1, statvfs, LOOK, (const char *path, struct statvfs *into), path, (path, into))
WRAP_PATH(int, -1, statvfs64, LOOK, (const char *path, struct statvfs64 *into), path, (path, into))
WRAP_AT(unlinkat, NAME, (int at, const char *path, int flags), at, path, (at, path, flags))
WRAP_AT(mkdirat, NAME | MAKE, (int at, const char *path, mode_t mode), at, path, (at, path, mode))
WRAP_AT(faccessat, LOOK, (int at, const char *path, int mode, int flags), at, path, (at, path, mode, flags))
WRAP_AT(fchmodat, NAME, (int at, const char *path, mode_t mode, int flags), at, path, (at, path, mode, flags))
WRAP_AT(fstatat, LOOK, (int at, const char *path, struct stat *into, int flags), at, path, (at, path, into, flags))
WRAP_AT(fstatat64, LOOK, (int at, const char *path, struct stat64 *into, int flags), at, path, (at, path, into, flags))
WRAP_AT(statx, LOOK, (int at, const char *path, int flags, unsigned mask, struct statx *into), at, path,
    (at, path, flags, mask, into))

/* DuckDB's wheel is built against an older C library, whose names for stat these are. */
int __xstat(int, const char *, struct stat *);
int __lxstat(int, const char *, struct stat *);
int __fxstat(int, int, struct stat *);
int __xstat(int version, const char *path, struct stat *into) {
    (void)version;
    return judge_at("stat", LOOK, AT_FDCWD, path) ? -1 : REAL(stat)(path, into);
}
int __lxstat(int version, const char *path, struct stat *into) {
    (void)version;
    return judge_at("lstat", LOOK, AT_FDCWD, path) ? -1 : REAL(lstat)(path, into);
}
int __fxstat(int version, int fd, struct stat *into) {
    (void)version;
    return judge_fd("fstat", LOOK, fd, NULL) ? -1 : REAL(fstat)(fd, into);
}

#define WRAP_TWO(name, parameters, one, from, other, to, arguments) int name parameters { \
    return judge_two(#name, NAME | MAKE, one, from, other, to) ? -1 : REAL(name) arguments; }
WRAP_TWO(rename, (const char *from, const char *to), AT_FDCWD, from, AT_FDCWD, to, (from, to))
WRAP_TWO(link, (const char *from, const char *to), AT_FDCWD, from, AT_FDCWD, to, (from, to))
WRAP_TWO(symlink, (const char *from, const char *to), AT_FDCWD, to, AT_FDCWD, to, (from, to))
WRAP_TWO(renameat, (int one, const char *from, int other, const char *to), one, from, other, to, (one, from, other, to))
WRAP_TWO(renameat2, (int one, const char *from, int other, const char *to, unsigned flags), one, from, other, to,
    (one, from, other, to, flags))
WRAP_TWO(linkat, (int one, const char *from, int other, const char *to, int flags), one, from, other, to,
    (one, from, other, to, flags))

WRAP_FD(int, fstat, LOOK, (int fd, struct stat *into), (fd, into))
WRAP_FD(int, fstat64, LOOK, (int fd, struct stat64 *into), (fd, into))
WRAP_FD(int, fchmod, NAME, (int fd, mode_t mode), (fd, mode))
WRAP_FD(int, fsync, SYNC, (int fd), (fd))
WRAP_FD(int, fdatasync, SYNC, (int fd), (fd))
WRAP_FD(int, flock, LOCK, (int fd, int how), (fd, how))
WRAP_FD(int, ftruncate, WRITE, (int fd, off_t length), (fd, length))
WRAP_FD(int, ftruncate64, WRITE, (int fd, off64_t length), (fd, length))
WRAP_FD(int, fallocate, WRITE, (int fd, int mode, off_t from, off_t length), (fd, mode, from, length))
WRAP_FD(int, fallocate64, WRITE, (int fd, int mode, off64_t from, off64_t length), (fd, mode, from, length))
WRAP_FD(ssize_t, read, READ, (int fd, void *into, size_t size), (fd, into, size))
WRAP_FD(ssize_t, readv, READ, (int fd, const struct iovec *parts, int count), (fd, parts, count))
WRAP_FD(ssize_t, pread, READ, (int fd, void *into, size_t size, off_t at), (fd, into, size, at))
WRAP_FD(ssize_t, pread64, READ, (int fd, void *into, size_t size, off64_t at), (fd, into, size, at))
ssize_t __read_chk(int fd, void *into, size_t size, size_t room) { (void)room; return read(fd, into, size); }
ssize_t __pread64_chk(int fd, void *into, size_t size, off64_t at, size_t room) {
    (void)room;
    return pread64(fd, into, size, at);
}
WRAP_FD(ssize_t, sendfile, WRITE, (int fd, int from, off_t *at, size_t size), (fd, from, at, size))
WRAP_FD(ssize_t, sendfile64, WRITE, (int fd, int from, off64_t *at, size_t size), (fd, from, at, size))
WRAP_FD(ssize_t, writev, WRITE, (int fd, const struct iovec *parts, int count), (fd, parts, count))

/* Not half of a large write: the rest of a block of DuckDB's is often zeros, which were there before. */
#define PART(size) ((size) > 16384 ? 8192 : (size) / 2)
#define WRAP_WRITE(name, parameters, whole, part) ssize_t name parameters { int torn = 0; \
    if (!judge_fd(#name, WRITE, fd, &torn)) return REAL(name) whole; \
    if (!torn) return -1; \
    if (REAL(name) part < 0) return -1; \
    return after_part(); }
WRAP_WRITE(write, (int fd, const void *from, size_t size), (fd, from, size), (fd, from, PART(size)))
WRAP_WRITE(pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at), (fd, from, PART(size), at))
WRAP_WRITE(pwrite64, (int fd, const void *from, size_t size, off64_t at), (fd, from, size, at),
    (fd, from, PART(size), at))
ssize_t copy_file_range(int fd, off64_t *at, int to, off64_t *to_at, size_t size, unsigned flags) {
    return judge_fd("copy_file_range", WRITE, to, NULL) ? -1 : REAL(copy_file_range)(fd, at, to, to_at, size, flags);
}
int posix_fallocate64(int fd, off64_t from, off64_t length) {
    return judge_fd("posix_fallocate64", WRITE, fd, NULL) ? errno : REAL(posix_fallocate64)(fd, from, length);
}
int posix_fallocate(int fd, off_t from, off_t length) { return posix_fallocate64(fd, from, length); }

int close(int fd) {
    int fails = judge_fd("close", CLOSE, fd, NULL), error = errno, done = REAL(close)(fd);
    if (fails) errno = error;
    return fails ? -1 : done;
}
/* To give a lock back never fails. */
static int is_lock(int command, const struct flock *lock) {
    int takes = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
    return takes && lock->l_type != F_UNLCK;
}
#define WRAP_FCNTL(name) int name(int fd, int command, ...) { va_list rest; va_start(rest, command); \
    void *argument = va_arg(rest, void *); va_end(rest); \
    return is_lock(command, argument) && judge_fd("fcntl", LOCK, fd, NULL) ? -1 : REAL(name)(fd, command, argument); }
WRAP_FCNTL(fcntl)
WRAP_FCNTL(fcntl64)
#define WRAP_MMAP(name, offset) void *name(void *at, size_t size, int protection, int flags, int fd, offset from) { \
    int fails = !(flags & MAP_ANONYMOUS) && judge_fd(#name, MAP, fd, NULL); \
    return fails ? MAP_FAILED : REAL(name)(at, size, protection, flags, fd, from); }
WRAP_MMAP(mmap, off_t)
WRAP_MMAP(mmap64, off64_t)
/* Only the first entry of a directory takes a system call: the others come out of the C library's buffer. */
static __thread DIR *unread;
DIR *opendir(const char *path) {
    return unread = judge_at("opendir", OPEN | LOOK, AT_FDCWD, path) ? NULL : REAL(opendir)(path);
}
#define WRAP_READDIR(name, entry) entry *name(DIR *of) { \
    int is_first = of == unread; \
    unread = is_first ? NULL : unread; \
    return is_first && judge_fd("readdir", READ | LOOK, dirfd(of), NULL) ? NULL : REAL(name)(of); }
WRAP_READDIR(readdir, struct dirent)
WRAP_READDIR(readdir64, struct dirent64)
