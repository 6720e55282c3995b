"""Workers that are killed at random until the queue is drained: chaos.py SLUICE WORKERS SEED KILLS SECONDS [ARGUMENT]...

Runs WORKERS times `SLUICE work` with the arguments in the current folder, every other one with --watch, the rest with --drain. Every now
and then one is killed (SIGKILL) and started again, at most KILLS times. Ends when no --drain is left that was not killed, and says
what it saw: how often it killed, in what time, and the exit statuses of those that ended by themselves. Past SECONDS it gives up.
"""
import random, signal, subprocess, sys, time

sluice, args = sys.argv[1], sys.argv[6:]
workers, seed, kills, seconds = map(int, sys.argv[2:6])
rng = random.Random(seed)
logs = [open("worker-%d.log" % i, "ab") for i in range(workers)]
started, killed, statuses = time.monotonic(), 0, []


def start(i):
    return subprocess.Popen([sluice, "work", "--watch" if i % 2 else "--drain", *args],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=logs[i])


running = {i: start(i) for i in range(workers)}
try:
    while any(i % 2 == 0 for i in running):
        if time.monotonic() - started > seconds:
            print("seed %d: not drained after %d s and %d kills" % (seed, seconds, killed))
            sys.exit(1)
        time.sleep(rng.uniform(0.02, 0.15))
        for i in [i for i in running if running[i].poll() is not None]:
            statuses.append(running.pop(i).returncode)
        if killed < kills and running:
            i = rng.choice(sorted(running))
            running[i].kill()
            running[i].wait()
            killed += 1
            running[i] = start(i)
    time.sleep(1)  # one that has just been started does not listen yet
    for i in running:
        running[i].send_signal(signal.SIGTERM)
    for i in sorted(running):
        statuses.append(running[i].wait(timeout=60))
    running = {}
finally:
    for i in running:
        running[i].kill()
print("seed %d: %d kills in %.1f s; ended with %s" % (seed, killed, time.monotonic() - started, " ".join(map(str, sorted(set(statuses))))))
