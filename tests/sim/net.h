/*
 * net: what lies between a worker and a store: a store around a mem: one whose calls can be refused, or done
 * without an answer. One struct net is shared by all the handles of a world.
 */
#ifndef SLUICE_TESTS_SIM_NET_H
#define SLUICE_TESTS_SIM_NET_H

#include "core/store/store.h"
#include "tests/sim/sched.h"

struct net {
    bool remote;  /* as caps.remote: objects are read ahead */
    bool retries; /* store_retry is around it, as around the real ones */
    /* in millionths of the calls */
    uint32_t refuse; /* nothing was done */
    uint32_t mute;   /* done, but the answer is lost */
    uint32_t cut;    /* of reads: short ones, then broken */
    /* objects with a fate of their own; NULL = none */
    const char *unreadable; /* each read of it fails in passing */
    const char *deadly;     /* whoever reads it crashes */
    /* Somebody is about to remove the key, has removed it, has put it; nothing comes in between. Each may be
     * NULL. */
    void (*removing)(void *ctx, const char *key);
    void (*removed)(void *ctx, const char *key);
    void (*was_put)(void *ctx, const char *key);
    void (*listing)(void *ctx, const char *prefix); /* a listing begins */
    void *ctx;
};

/* A handle on `mem:NAME` for the calling fiber's process. */
enum err_code net_open(struct net *net, const char *name, struct store **out, struct err *err) MUST_USE;

/* A handle without a net, for what the world itself does. */
enum err_code net_open_plain(const char *name, const struct clock *clock, struct store **out,
                             struct err *err) MUST_USE;

#endif
