/* keep: see keep.h. */
#include "core/load/keep.h"

#include "core/base/log.h"

static int64_t third_ms(const struct sink *sink)
{
    return sink->target.lease_ms > 3 ? sink->target.lease_ms / 3 : 1;
}

static enum err_code speak(void *ctx, struct err *err)
{
    return sink_keep(ctx, err);
}

void keep_now(struct sink *sink)
{
    struct err lost = ERR_INIT;
    if (sink_keep(sink, &lost) != ERR_OK)
        log_err(LOG_DEBUG, &lost);
}

static enum err_code speak_quietly(void *ctx, struct err *err)
{
    (void)err;
    keep_now(ctx);
    return ERR_OK;
}

struct channel_idle keep_load(struct sink *sink)
{
    return (struct channel_idle){third_ms(sink), speak, sink};
}

struct channel_idle keep_handle(struct sink *sink)
{
    return (struct channel_idle){third_ms(sink), speak_quietly, sink};
}

void keep_due(struct keep *keep)
{
    int64_t now = clock_mono_us(keep->sink->clock);
    if (keep->spoke_us == 0)
        keep->spoke_us = now;
    if (now - keep->spoke_us < third_ms(keep->sink) * 1000)
        return;
    keep->spoke_us = now;
    keep_now(keep->sink);
}
