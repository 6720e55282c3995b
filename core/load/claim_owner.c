/*
 * claim_owner: which process an owner text names, and whether it lives. See claim.h.
 *
 * Invariant: what cannot be read is "?" and never matches: a process is dead only where its host, boot and
 * pid namespace are ours and /proc says so.
 */
#include "core/load/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROC_TEXT = 1024 };

/* Reads a small file of /proc; -errno on failure. */
static ssize_t read_small(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, out, cap - 1);
    ssize_t result = n < 0 ? -errno : n;
    close(fd);
    if (result >= 0)
        out[result] = '\0';
    return result;
}

/* State letter and start time (clock ticks since boot) of a process; the name in brackets may hold anything.
 * -errno on failure. */
static ssize_t process_stat(long pid, char *state, unsigned long long *start)
{
    char path[64], text[PROC_TEXT];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    ssize_t n = read_small(path, text, sizeof text);
    if (n < 0)
        return n;
    const char *p = strrchr(text, ')');
    if (!p || p[1] != ' ' || !p[2])
        return -EINVAL;
    *state = p[2];
    p += 2;
    for (int field = 3; field < 22 && p; field++) {
        p = strchr(p, ' ');
        if (p)
            p++;
    }
    if (!p)
        return -EINVAL;
    *start = strtoull(p, NULL, 10);
    return n;
}

/* HOST/BOOT/NAMESPACE of this process; "?" stands for what cannot be read, and never matches. */
static void this_place(char *out, size_t cap)
{
    char host[65] = "?", boot[64] = "?", ns[64] = "?";
    if (gethostname(host, sizeof host) != 0 || host[0] == '\0')
        snprintf(host, sizeof host, "?");
    host[sizeof host - 1] = '\0';
    for (char *p = host; *p; p++)
        if (*p == '/' || *p <= ' ')
            *p = '_';
    if (read_small("/proc/sys/kernel/random/boot_id", boot, sizeof boot) <= 0)
        snprintf(boot, sizeof boot, "?");
    boot[strcspn(boot, "\n")] = '\0';
    ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof ns - 1);
    if (n <= 0)
        snprintf(ns, sizeof ns, "?");
    else
        ns[n] = '\0';
    snprintf(out, cap, "%s/%s/%s", host, boot, ns);
}

void claim_owner(uint64_t nonce, char out[REC_OWNER_MAX + 1])
{
    char place[REC_OWNER_MAX];
    char state = '?';
    unsigned long long start = 0;
    this_place(place, sizeof place);
    if (process_stat((long)getpid(), &state, &start) < 0)
        start = 0;
    snprintf(out, REC_OWNER_MAX + 1, "%.140s/%ld/%llu/%08x", place, (long)getpid(), start,
             (unsigned)(nonce & 0xffffffff));
}

bool claim_owner_is_dead(const char *owner)
{
    char place[REC_OWNER_MAX];
    this_place(place, sizeof place);
    size_t len = strlen(place);
    if (strchr(place, '?') || strncmp(owner, place, len) != 0 || owner[len] != '/')
        return false;
    char *end = NULL;
    long pid = strtol(owner + len + 1, &end, 10);
    if (pid <= 0 || !end || *end != '/')
        return false;
    unsigned long long start = strtoull(end + 1, &end, 10);
    if (start == 0 || *end != '/')
        return false;
    char state = '?';
    unsigned long long now = 0;
    ssize_t got = process_stat(pid, &state, &now);
    if (got == -ENOENT || got == -ESRCH)
        return true;
    return got >= 0 && (now != start || state == 'Z' || state == 'X');
}
