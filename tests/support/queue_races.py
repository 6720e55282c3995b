"""An object that comes late, against workers that are just ending its hour: queue_races.py SLUICE ROUNDS SECONDS SEED

In the current folder: a pipeline file, its lake, a queue of files, SQLite. In each round one or two workers have an object of the hour to
load, and at a random moment another comes and its hour is queued: by two enqueues at once, by --missing, or by hand. When all have
ended, that object is loaded, or its hour has a queue file or an open claim: never is it forgotten. Says what was seen; status 1 where
one was.
"""
import os, random, sqlite3, subprocess, sys, time

sluice, rounds, seconds, seed = sys.argv[1], *map(int, sys.argv[2:5])
rng = random.Random(seed)
folder, queue = "lake/yyyy=2022/mm=06/dd=05/hh=12", "queue/loan_applicants/2022060512"
header = open(os.path.join(folder, "part-00000.csv")).read().splitlines()[:2]


def put(name):
    with open("new.csv", "w") as file:
        file.write("\n".join(header) + "\n")
    os.utime("new.csv", (1654473600, 1654473600))
    os.rename("new.csv", os.path.join(folder, name))


def start(*args):
    return subprocess.Popen([sluice, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def by_hand():
    open(queue, "w").close()
    return []


WAYS = [lambda: [start("enqueue", "-q", "--hour", "2022-06-05T12") for _ in range(2)],
        lambda: [start("enqueue", "-q", "--missing"), start("enqueue", "-q", "--hour", "2022-06-05T12")],
        by_hand, by_hand]
db = sqlite3.connect("loans.db", timeout=30)


def one(query, *args):
    return db.execute(query, args).fetchone()[0]


began, done, last, seen = time.monotonic(), 0, 0.05, {"loaded": 0, "queued": 0}
for done in range(1, rounds + 1):
    put("first-%d.csv" % done)
    by_hand()
    started = time.monotonic()
    workers = [start("work", "-q") for _ in range(rng.choice((1, 1, 1, 2)))]
    time.sleep(rng.uniform(0, 1.2 * last))
    put("late-%d.csv" % done)
    others = rng.choice(WAYS)()
    if any([p.wait() for p in others + workers]):
        sys.exit("seed %d, round %d: one ended with another status than 0" % (seed, done))
    last = 0.9 * last + 0.1 * (time.monotonic() - started)
    there = one("SELECT count(*) FROM sluice_load WHERE object LIKE '%/late-' || ? || '.csv'", done)
    waits = os.path.exists(queue) or one("SELECT count(*) FROM sluice_claim WHERE owner <> '' OR state = 'retrying'")
    seen["loaded" if there else "queued"] += 1
    if not there and not waits:
        sys.exit("seed %d, round %d: late-%d.csv is not loaded, and nothing says that it has to be" % (seed, done, done))
    if time.monotonic() - began > seconds:
        break
print("seed %d: %d rounds; the late object was loaded in %d, and queued in %d" % (seed, done, seen["loaded"], seen["queued"]))
