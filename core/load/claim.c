/*
 * claim: see claim.h for the states. Nothing here decides whether rows are right: that is the fence's work at
 * commit. This file only keeps two workers from doing the same work, and takes over at once what a dead
 * process of this host left behind.
 */
#include "core/load/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"

enum { OWNER_PARTS = 6, PROC_TEXT = 1024 };

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

static enum err_code held(const struct claim_row *row, struct err *err)
{
    char hour[HOUR_TEXT_MAX], until[CLOCK_TEXT_MAX];
    hour_format(row->hour, hour);
    clock_format(row->lease_until_us, until);
    return err_set(err, ERRN_HELD, "hour %s is held by %s until %s; --wait DUR waits for it", hour,
                   row->owner, until);
}

enum err_code claim_acquire(struct sink *sink, hour_t hour, const char *owner, int64_t wait_ms,
                            const atomic_int *stop, struct claim *out, struct err *err)
{
    int64_t deadline = clock_mono_us(sink->clock) + wait_ms * 1000;
    for (;;) {
        struct err try = ERR_INIT;
        bool taken = false;
        *out = (struct claim){.sink = sink};
        enum err_code code = sink_claim_take(sink, hour, owner, NULL, &out->row, &taken, &try);
        if (code == ERR_OK && !taken && claim_owner_is_dead(out->row.owner)) {
            struct claim_row dead = out->row;
            log_msg(LOG_INFO, "the process that held the hour is dead (%s): taking over", dead.owner);
            code = sink_claim_take(sink, hour, owner, &dead, &out->row, &taken, &try);
        }
        if (code == ERR_OK && taken) {
            out->renewed_us = clock_mono_us(sink->clock);
            return ERR_OK;
        }
        /* Where the file lock is the lease, a locked target is an hour that another holds. */
        bool busy = code == ERR_BUSY && sink->caps.lock_is_lease;
        if (code != ERR_OK && !busy) {
            *err = try;
            return code;
        }
        struct claim_row holder = out->row;
        out->row = (struct claim_row){0}; /* theirs: nothing of it is ours to renew or free */
        if (clock_mono_us(sink->clock) >= deadline)
            return busy ? err_set(
                              err, ERRN_HELD,
                              "%s is locked by another process that loads into it; --wait DUR waits for it",
                              sink->label)
                        : held(&holder, err);
        if (stop && atomic_load(stop))
            return err_set(err, ERRN_CANCELLED, "stopped by a signal while waiting for the hour");
        clock_sleep_us(sink->clock, CLAIM_POLL_MS * 1000);
    }
}

enum err_code claim_keep(struct claim *claim, struct err *err)
{
    int64_t now = clock_mono_us(claim->sink->clock);
    if (now - claim->renewed_us < claim->sink->target.lease_ms * 1000 / 3)
        return ERR_OK;
    enum err_code code = sink_claim_renew(claim->sink, claim->row.hour, claim->row.owner, claim->row.epoch,
                                          err);
    if (code == ERR_OK)
        claim->renewed_us = now;
    return code;
}

enum err_code claim_end(struct claim *claim, const struct claim_outcome *outcome, struct err *err)
{
    struct claim_row row = claim->row;
    const struct err *why = outcome->why;
    if (row.owner[0] == '\0')
        return ERR_OK;
    row.state = outcome->state;
    row.attempts = outcome->attempts;
    row.retry_in_us = outcome->retry_in_us;
    row.last_error[0] = '\0';
    if (why && why->code != ERR_OK)
        snprintf(row.last_error, sizeof row.last_error, "%s: %.*s", err_name_text(why->name),
                 REC_MESSAGE_MAX - REC_NAME_MAX - 2, why->msg);
    return sink_claim_release(claim->sink, &row, err);
}

enum err_code claim_release(struct claim *claim, enum hour_state state, const struct err *why,
                            struct err *err)
{
    bool failed = why && why->code != ERR_OK;
    struct claim_outcome outcome = {
        .state = state, .attempts = failed ? claim->row.attempts + 1 : 0, .why = why};
    return claim_end(claim, &outcome, err);
}

enum err_code claim_return(struct claim *claim, struct err *err)
{
    struct claim_row row = claim->row;
    row.state = row.before;
    row.retry_in_us = -1;
    return row.owner[0] ? sink_claim_release(claim->sink, &row, err) : ERR_OK;
}
