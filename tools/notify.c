/*
 * notify: see notify.h.
 *
 *   event -> RING -(the thread)-> posix_spawn, JSON into its stdin -> wait, at most NOTIFY_TIMEOUT_MS ->
 * reaped
 *
 * Invariants: the program gets no descriptor but 0, 1 and 2 (its output joins the log), no blocked signals,
 * and a process group of its own, which is killed as a whole; each child is reaped.
 */
#include "tools/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/task.h"
#include "tools/out.h"

enum { BODY_MAX = 64 * 1024, NAP_US = 20000 };

struct event {
    const struct pipeline *pipeline;
    char body[8192];
    size_t len;
    const char *kind;
};

struct notifier {
    struct monitor *monitor;
    struct task *task;
    struct event *ring; /* NOTIFY_WAITING_MAX */
    size_t first, n;
    bool ending;
    struct notify_counts counts;
};

/* ---- the event as JSON ---- */

static enum err_code put_body(const struct notify_event *e, struct buf *body, struct err *err)
{
    static const struct out_column columns[] = {
        {"event", NULL, OUT_STR, IN_JSON},      {"pipeline", NULL, OUT_STR, IN_JSON},
        {"env", NULL, OUT_STR, IN_JSON},        {"hour", NULL, OUT_HOUR, IN_JSON},
        {"time", NULL, OUT_TIME, IN_JSON},      {"attempts", NULL, OUT_INT, IN_JSON},
        {"error_name", NULL, OUT_STR, IN_JSON}, {"error", NULL, OUT_STR, IN_JSON},
        {"command", NULL, OUT_STR, IN_JSON},    {"version", NULL, OUT_STR, IN_JSON},
    };
    const struct notice *n = e->notice;
    char message[REC_MESSAGE_MAX + 1];
    struct out out;

    memcpy(message, n->error, sizeof message);
    log_redact(message);
    if (out_begin_buf(&out, body, OUT_JSON, err))
        return err->code;
    out_object(&out, "notice", columns,
               (struct out_cell[]){cell_str(notice_kind_text(n->kind)), cell_str(e->pipeline->name),
                                   cell_str(e->pipeline->env), n->has_hour ? cell_num(n->hour) : CELL_NULL,
                                   cell_num(e->at_us), n->has_hour ? cell_num(n->attempts) : CELL_NULL,
                                   cell_str(n->error_name), cell_str(message), cell_str(e->command),
                                   cell_str(SLUICE_VERSION)},
               sizeof columns / sizeof columns[0]);
    (void)!out_end(&out, err);
    out_release(&out);
    return err->code;
}

static bool is_wanted(const struct notify_event *e)
{
    static const unsigned bits[] = {
        [NOTICE_FAILURE] = NOTIFY_FAILURE, [NOTICE_RECOVERY] = NOTIFY_RECOVERY, [NOTICE_LATE] = NOTIFY_LATE};

    return e->pipeline->notify.nexec > 0 && (e->pipeline->notify.on & bits[e->notice->kind]);
}

static bool put_event(struct notifier *n, const struct notify_event *e, const struct buf *body)
{
    struct event *to = &n->ring[(n->first + n->n) % NOTIFY_WAITING_MAX];

    if (n->n == NOTIFY_WAITING_MAX || body->len > sizeof to->body)
        return false;
    to->pipeline = e->pipeline;
    to->kind = notice_kind_text(e->notice->kind);
    to->len = body->len;
    memcpy(to->body, body->data, body->len);
    n->n++;
    return true;
}

void notify(struct notifier *n, const struct notify_event *e)
{
    struct err err = ERR_INIT;
    struct buf body;
    bool taken = false;

    if (!n || !is_wanted(e))
        return;
    buf_init(&body, BODY_MAX);
    if (put_body(e, &body, &err) == ERR_OK) {
        monitor_lock(n->monitor);
        taken = put_event(n, e, &body);
        n->counts.dropped += !taken;
        monitor_wake(n->monitor);
        monitor_unlock(n->monitor);
    }
    buf_release(&body);
    if (!taken)
        log_msg(LOG_WARN, "%s: the notification of a %s is dropped: %s", e->pipeline->name,
                notice_kind_text(e->notice->kind),
                err.code ? err.msg : "too many wait for their program to end");
}

/* ---- the program ---- */

static enum err_code spawn(const struct event *e, int input, pid_t *pid, struct err *err)
{
    char *const *argv = e->pipeline->notify.exec;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    int failed;

    if (posix_spawn_file_actions_init(&files) != 0)
        return err_nomem(err);
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return err_nomem(err);
    }
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_adddup2(&files, input, 0);
    posix_spawn_file_actions_adddup2(&files, 2, 1);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    failed = posix_spawnp(pid, argv[0], &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return failed ? err_set_errno(err, failed, "notify.exec: %s", argv[0]) : ERR_OK;
}

static bool is_ending(struct notifier *n)
{
    bool ending;

    monitor_lock(n->monitor);
    ending = n->ending;
    monitor_unlock(n->monitor);
    return ending;
}

/* Writes what the pipe takes; a program that does not read its input is no failure. */
static void feed(int fd, const struct event *e, size_t *at)
{
    ssize_t put = *at < e->len ? write(fd, e->body + *at, e->len - *at) : 0;

    if (put > 0)
        *at += (size_t)put;
    else if (put < 0 && errno != EAGAIN && errno != EINTR)
        *at = e->len;
}

/* Until it ends, or has to be ended. */
static enum err_code attend(struct notifier *n, const struct event *e, int fd, pid_t pid, struct err *err)
{
    int64_t until = clock_mono_us(clock_real()) + NOTIFY_TIMEOUT_MS * INT64_C(1000);
    const char *name = e->pipeline->notify.exec[0];
    size_t at = 0;
    int status = 0;
    pid_t got;

    while ((got = waitpid(pid, &status, WNOHANG)) == 0) {
        bool late = clock_mono_us(clock_real()) > until;

        if (late || is_ending(n)) {
            kill(-pid, SIGKILL);
            (void)!waitpid(pid, &status, 0);
            return err_set(err, ERRN_IO, "notify.exec: %s %s and was killed", name,
                           late ? "did not end in time" : "was running at the end");
        }
        if (fd >= 0)
            feed(fd, e, &at);
        if (fd >= 0 && at == e->len) {
            close(fd); /* the end of its input */
            fd = -1;
        }
        clock_sleep_us(clock_real(), NAP_US);
    }
    if (fd >= 0)
        close(fd);
    kill(-pid, SIGKILL); /* what it left behind */
    if (got == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ERR_OK;
    return err_set(err, ERRN_IO, "notify.exec: %s ended with %s %d", name,
                   WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static enum err_code run_program(struct notifier *n, const struct event *e, struct err *err)
{
    int pipes[2];
    pid_t pid;

    if (pipe2(pipes, O_CLOEXEC) != 0)
        return err_set_errno(err, errno, "notify.exec");
    if (fcntl(pipes[1], F_SETFL, O_NONBLOCK) != 0)
        err_set_errno(err, errno, "notify.exec");
    else
        (void)!spawn(e, pipes[0], &pid, err);
    close(pipes[0]);
    if (err->code == ERR_OK)
        return attend(n, e, pipes[1], pid, err);
    close(pipes[1]);
    return err->code;
}

/* ---- the thread ---- */

static bool take(struct notifier *n, struct event *out)
{
    bool taken = false;

    monitor_lock(n->monitor);
    while (!n->ending && n->n == 0)
        monitor_wait(n->monitor);
    if (!n->ending) {
        *out = n->ring[n->first];
        n->first = (n->first + 1) % NOTIFY_WAITING_MAX;
        n->n--;
        taken = true;
    }
    monitor_unlock(n->monitor);
    return taken;
}

static void run(void *ctx)
{
    struct notifier *n = ctx;
    struct event event;

    while (take(n, &event)) {
        struct err err = ERR_INIT;
        bool ok = run_program(n, &event, &err) == ERR_OK;

        if (!ok) {
            err_context(&err, "%s: the notification of a %s", event.pipeline->name, event.kind);
            log_err(LOG_WARN, &err);
        }
        monitor_lock(n->monitor);
        n->counts.sent += ok;
        n->counts.failed += !ok;
        monitor_unlock(n->monitor);
    }
}

enum err_code notifier_start(struct notifier **out, struct err *err)
{
    struct notifier *n = mem_calloc(1, sizeof *n);

    *out = NULL;
    if (!n || !(n->ring = mem_calloc(NOTIFY_WAITING_MAX, sizeof *n->ring))) {
        mem_free(n);
        return err_nomem(err);
    }
    if (monitor_new(&n->monitor, err) == ERR_OK && task_start(run, n, &n->task, err) == ERR_OK) {
        *out = n;
        return ERR_OK;
    }
    notifier_stop(n);
    return err->code;
}

void notifier_stop(struct notifier *n)
{
    if (!n)
        return;
    if (n->task) {
        monitor_lock(n->monitor);
        n->ending = true;
        monitor_wake(n->monitor);
        monitor_unlock(n->monitor);
        task_join(n->task);
    }
    monitor_free(n->monitor);
    mem_free(n->ring);
    mem_free(n);
}

struct notify_counts notifier_counts(struct notifier *n)
{
    struct notify_counts counts = {0};

    if (!n)
        return counts;
    monitor_lock(n->monitor);
    counts = n->counts;
    monitor_unlock(n->monitor);
    return counts;
}
