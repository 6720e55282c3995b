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

/* The hour's row before it is taken; epoch 0 where it has none. */
static enum err_code row_before(struct sink *sink, hour_t hour, struct claim_row *before, struct err *err)
{
    size_t n = 0;
    if (sink_claim_page(sink, hour - 1, before, 1, &n, err) == ERR_OK && (n == 0 || before->hour != hour))
        *before = (struct claim_row){.hour = hour, .state = HOUR_QUEUED};
    return err->code;
}

/* A worker that died left `running`, which says nothing; nor does what was read before another had the hour
 * in between. */
static enum hour_state state_before(const struct claim_row *before, const struct claim_row *taken)
{
    bool known = before->state != HOUR_RUNNING && before->epoch + 1 == taken->epoch;
    return known ? before->state : HOUR_QUEUED;
}

enum err_code claim_acquire(struct sink *sink, hour_t hour, const char *owner, int64_t wait_ms,
                            const atomic_int *stop, struct claim *out, struct err *err)
{
    int64_t deadline = clock_mono_us(sink->clock) + wait_ms * 1000;
    for (;;) {
        struct err try = ERR_INIT;
        struct claim_row before = {0};
        bool taken = false;
        *out = (struct claim){.sink = sink};
        enum err_code code = row_before(sink, hour, &before, &try);
        if (code == ERR_OK)
            code = sink_claim_take(sink, hour, owner, NULL, &out->row, &taken, &try);
        if (code == ERR_OK && !taken && claim_owner_is_dead(out->row.owner)) {
            struct claim_row dead = out->row;
            log_msg(LOG_INFO, "the process that held the hour is dead (%s): taking over", dead.owner);
            code = sink_claim_take(sink, hour, owner, &dead, &out->row, &taken, &try);
        }
        if (code == ERR_OK && taken) {
            out->before = state_before(&before, &out->row);
            out->renewed_us = clock_mono_us(sink->clock);
            return ERR_OK;
        }
        /* Where the file lock is the lease, a locked target is an hour that another holds. */
        bool busy = code == ERR_BUSY && sink->caps.lock_is_lease;
        struct claim_row holder = out->row;
        out->row = (struct claim_row){
            0}; /* theirs, or not committed: nothing of it is ours to renew or free */
        if (code != ERR_OK && !busy) {
            *err = try;
            return code;
        }
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

enum err_code claim_release(struct claim *claim, enum hour_state state, const struct err *why,
                            struct err *err)
{
    struct claim_row row = claim->row;
    if (row.owner[0] == '\0')
        return ERR_OK;
    row.state = state;
    row.last_error[0] = '\0';
    if (why && why->code != ERR_OK) {
        snprintf(row.last_error, sizeof row.last_error, "%s: %.*s", err_name_text(why->name),
                 REC_MESSAGE_MAX - REC_NAME_MAX - 2, why->msg);
        row.attempts++;
    } else {
        row.attempts = 0;
    }
    row.next_try_us = 0;
    return sink_claim_release(claim->sink, &row, err);
}

enum err_code claim_return(struct claim *claim, struct err *err)
{
    struct claim_row row = claim->row;
    row.state = claim->before;
    return row.owner[0] ? sink_claim_release(claim->sink, &row, err) : ERR_OK;
}
