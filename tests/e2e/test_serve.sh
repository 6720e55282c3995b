#!/bin/sh
# serve as a user meets it: every page and document, schedules, outages, many pipelines, notifications, the end.
set -u
. tests/e2e/lib.sh
. tests/e2e/serve_lib.sh
CHECK="python3 $SOURCES/tests/support/check_metrics.py"

# --- what is wrong is said at once --------------------------------------------------------------------------------------
lake "$work/p" --hours 3 --files 2 --rows 50
cd "$work/p" || exit 1
refuses "an address that others can reach" 2 USAGE 'add --listen-public' serve --listen 0.0.0.0:0
refuses "the same, IPv6" 2 USAGE 'add --listen-public' serve --listen '[::]:0'
refuses "no address" 2 USAGE 'ADDR:PORT' serve --listen 8080
refuses "a name" 2 USAGE 'ADDR:PORT' serve --listen example.com:8080
refuses "a port that is none" 2 USAGE 'ADDR:PORT' serve --listen 127.0.0.1:65536
refuses "without a queue" 2 CONFIG 'set queue.url' serve --set queue.url=
refuses "a schedule that is none" 2 CONFIG 'schedule.work: a cron line' serve --set 'schedule.work=*/5'
refuses "two of one name" 2 CONFIG 'both have the name loan_applicants' serve -c sluice.yaml -c sluice.yaml
refuses "a folder without a pipeline" 2 NOT_FOUND 'no pipeline file' serve -c lake
refuses "a result as JSON" 2 USAGE 'no -o' serve -o json

# --- one pipeline -------------------------------------------------------------------------------------------------------
# One object has a name that is markup, and an hour one that fails with it in the message.
evil="<img src=x onerror=alert(1)>&\"'.csv"
mv "lake/yyyy=2022/mm=06/dd=05/hh=12/part-00000.csv" "lake/yyyy=2022/mm=06/dd=05/hh=12/$evil"
sed -i '2,30s/^[^,]*,[^,]*/7,<b>x/' "lake/yyyy=2022/mm=06/dd=05/hh=14/part-00000.csv"
mv "lake/yyyy=2022/mm=06/dd=05/hh=14/part-00000.csv" "lake/yyyy=2022/mm=06/dd=05/hh=14/$evil"
rm -r "lake/yyyy=2022/mm=06/dd=05/hh=13"
find lake -type f -exec touch -d '2022-06-05' {} +
cat >told.sh <<'END'
#!/bin/sh
cat >>told.json
echo "from the program"
END
chmod +x told.sh
succeeds "an hour is known" enqueue --hour 2022-06-05T12
serve one --now 2022-06-05T15:31:00Z --set 'notify.exec=[./told.sh]'
until_says /api/v1/p/loan_applicants/status '"failed":1,' && pass "the hours are worked" || fail "the hours are worked" "$(cat "$log")"
is "the status is that of the command" \
    "$(json '{k: d[k] for k in d if k != "books"}' | sed "s/'as_of'[^}]*//")" \
    "$("$SLUICE" status -o json --now 2022-06-05T15:31:30Z >"$work/body"; json 'd')"
get /api/v1/p/loan_applicants/status
is "three hours" "$(json '[(h["hour"][-2:], h["state"], h["late"], h["objects"]) for h in d["hours"]]')" \
    "[('12', 'loaded', False, 2), ('13', 'empty', True, 0), ('14', 'failed', False, 1)]"
is "nothing on stdout" "$(cat "$work/serve.out")" ""

for path in / /p/loan_applicants /p/loan_applicants/hour/2022-06-05T14 /p/loan_applicants?days=62\&to=2022-06-05 /?refresh=off; do
    get "$path"
    is "$path" "$code $(grep -ci '^content-type: text/html; charset=utf-8' "$work/headers")" "200 1"
    unlike "$path: no script, nothing from outside" "$out" '<script|javascript:|onerror=alert\(1\)>&|src="?http|href="?(http|//)|@import'
    unlike "$path: data is escaped" "$out" '<img|<b>x'
    like "$path: closed" "$out" '</html>'
done
get /
like "its name, an explanation, the command" "$out" 'failed: <code>REJECT_LIMIT</code>'
like "the command to type" "$out" 'sluice queue retry -c sluice.yaml --hour 2022-06-05T14'
like "the object is shown as text" "$out" '&#60;img src=x onerror=alert\(1\)&#62;&#38;&#34;&#39;\.csv'
like "late" "$out" '1 hour is late'
like "as of" "$out" 'as of <time datetime="2022-06-05T15:3'
like "it refreshes itself" "$out" '<meta http-equiv="refresh" content="15">'
get '/?refresh=off'
unlike "unless it is paused" "$out" 'http-equiv="refresh"'
get /p/loan_applicants/hour/2022-06-05T14
like "an hour has its objects" "$out" 'hh=14/part-00001.csv'
like "its failed attempt and its rejects" "$out" 'CAST_BOOLEAN'
like "which are samples of the attempt" "$out" 'Samples of what failed attempts rejected \('
unlike "and none that a load keeps" "$out" 'Rejected records \('
get /p/loan_applicants/hour/2022-06-05T12
like "the object's key, as text" "$out" 'hh=12/&#60;img src=x'

for header in "content-security-policy: default-src 'none'; style-src 'self'" 'x-content-type-options: nosniff' \
    'referrer-policy: no-referrer' 'cache-control: no-store' "frame-ancestors 'none'"; do
    is "header $header" "$(grep -ci "$header" "$work/headers")" 1
done
get /style.css
is "the stylesheet" "$code $(grep -ci '^content-type: text/css' "$work/headers")" "200 1"
get /icon.svg
is "the icon" "$code $(grep -ci '^content-type: image/svg' "$work/headers")" "200 1"
get /healthz
is "alive" "$code $out" "200 ok"
get /readyz
is "ready" "$code $out" "200 ready"
get /healthz -I
is "HEAD" "$code $(printf '%s' "$out" | grep -c '^ok')" "200 0"
get /nowhere
is "another path" "$code" 404
for path in /p/other /p/loan_applicants/hour/never /p/loan_applicants/x /api/v1/p/other/status /api/v1/p/loan_applicants/x /p/ '/p/%00' '/p/../../etc/passwd' '/%3Cscript%3E'; do
    get "$path" --path-as-is
    is "$path" "$code $(grep -ci '^content-type: text/plain' "$work/headers")" "404 1"
done
for query in days=0 days=63 days=x to=x to=2022-13-01; do
    get "/?$query"
    is "?$query" "$code" 400
done
for method in POST PUT DELETE OPTIONS PATCH; do
    get / -X $method
    is "$method" "$code $(grep -ci '^allow: GET, HEAD' "$work/headers")" "405 1"
done
head -c 1000000 /dev/zero >big
get / --data-binary @big -H 'Expect:'
like "a body is not read" "$code" '^(405|000)$'
get / -H "X-Long: $(head -c 60000 /dev/zero | tr '\0' x)"
like "headers without end" "$code" '^(4..|000)$'
for host in evil.example evil.example:80 127.0.0.1.evil.example localhost.evil.example '127.0.0.1@evil' ''; do
    get / -H "Host: $host"
    like "a request for host '$host'" "$code" '^4(21|00)$'
done
for host in localhost LOCALHOST:1 127.0.0.1:8080 '[::1]:80'; do
    get /healthz -H "Host: $host"
    is "a request for host $host" "$code" 200
done

get /metrics
is "metrics by the rules" "$($CHECK <"$work/body")" "$(grep -vc '^#' "$work/body") samples"
like "rows" "$out" '^sluice_rows_loaded_total\{pipeline="loan_applicants"\} 150$'
like "a failed load" "$out" '^sluice_loads_total\{pipeline="loan_applicants",status="failed"\} 1$'
like "the books" "$out" '^sluice_hours\{pipeline="loan_applicants",state="loaded"\} 1$'
is "the check sees a bad page" "$(printf 'x_total 1\nsluice_a 1' | $CHECK | wc -l)" 6

get /api/v1/pipelines
is "all pipelines" "$(json '[(p["pipeline"], p["ready"], p["failed"], p["late"]) for p in d["pipelines"]]')" \
    "[('loan_applicants', True, 1, 1)]"
get '/api/v1/p/loan_applicants/queue'
is "the queue" "$(json '[(h["hour"], h["queue"]) for h in d["hours"]]')" "[('2022-06-05T14', 'failed')]"
get '/api/v1/p/loan_applicants/history?hour=2022-06-05T14'
is "the history of an hour" "$(json 'sorted(o["status"] for o in d["objects"])')" "['failed', 'loaded']"
is "as the command says" "$(json 'd["objects"]')" "$("$SLUICE" history -o json --hour 2022-06-05T14 >"$work/body"; json 'd["objects"]')"
get '/api/v1/p/loan_applicants/history'
is "a history without end" "$code" 400

# --- notifications ------------------------------------------------------------------------------------------------------
until_says /metrics 'sluice_notifications_total\{result="sent"\} 2'
is "what the program was told" "$(python3 -c '
import json
text, at, all = open("told.json").read(), 0, []
decoder = json.JSONDecoder()
while at < len(text):
    d, at = decoder.raw_decode(text, at)
    at += 1
    n = d["notice"]
    all.append((n["event"], n["pipeline"], n["hour"], n["error_name"], n["attempts"], n["command"]))
print(sorted(all))')" "[('failure', 'loan_applicants', '2022-06-05T14', 'REJECT_LIMIT', 1, 'sluice rejects ls -c sluice.yaml --hour 2022-06-05T14'), ('late', 'loan_applicants', '2022-06-05T13', None, 0, 'sluice plan -c sluice.yaml --hour 2022-06-05T13')]"
like "its output joins the log" "$(cat "$log")" '^from the program'
ends "SIGTERM ends it with 0"
like "it says so" "$(cat "$log")" 'stopping'

# A program that hangs, one that is missing, one that fails: logged, and nothing waits for them.
sed -i 's/^name: .*/name: hangs/' sluice.yaml
serve hangs --now 2022-06-05T15:31:00Z --set 'notify.exec=[sleep, 1000]' --set queue.url=file:q2 --set target.url=sqlite:2.db
until_says /api/v1/p/hangs/status '"failed":1,'
start=$(date +%s)
ends "a program that hangs does not hold up the end" INT
is "at all" "$([ $(($(date +%s) - start)) -le 5 ] && echo yes)" yes
like "it was killed" "$(cat "$log")" 'sleep was running at the end and was killed'
for program in ./missing false; do
    rm -rf 2.db q2
    serve fails --now 2022-06-05T15:31:00Z --set "notify.exec=[$program]" --set queue.url=file:q2 --set target.url=sqlite:2.db
    until_says /metrics 'sluice_notifications_total\{result="failed"\} [12]'
    like "a program that fails: $program" "$(cat "$log")" "warning: (NOT_FOUND|IO): hangs: the notification of a (late|failure): notify.exec: $program"
    ends "and goes on"
done

# --- downtime -----------------------------------------------------------------------------------------------------------
lake "$work/down" --hours 10 --files 1 --rows 20
cd "$work/down" || exit 1
serve down --now 2022-06-05T15:05:00Z
until_says /api/v1/p/loan_applicants/status '"hour":"2022-06-05T14","state":"loaded"' || fail "hour 14" "$(cat "$log")"
kill -9 $pid
wait $pid 2>/dev/null
serve down --now 2022-06-05T22:02:00Z -v
until_says /api/v1/p/loan_applicants/status '"hour":"2022-06-05T21","state":"loaded"' || fail "hour 21" "$(cat "$log")"
is "the hours missed are queued once, in order" "$(sed -n 's/.*hour 2022-06-05T\(..\): queued.*/\1/p' "$log" | tr '\n' ' ')" "15 16 17 18 19 20 21 "
is "and each row is there once" "$(sql loans.db 'SELECT count(*), count(DISTINCT object) FROM sluice_load')" "10|10"
ends "SIGINT ends it, too" INT

# --- a busy target ------------------------------------------------------------------------------------------------------
serve busy --now 2022-06-05T22:02:00Z
until_says /readyz ready
mkfifo hold
sqlite3 loans.db <hold >/dev/null &
exec 3>hold
echo 'BEGIN EXCLUSIVE; CREATE TABLE held (x);' >&3
until_says / 'The target is busy since' && pass "a busy target keeps what was known" || fail "a busy target" "$out"
like "which is still there" "$out" '22 is 200|2022-06-05T21'
start=$(date +%s)
get /
get /metrics
is "and nothing waits" "$code $([ $(($(date +%s) - start)) -le 2 ] && echo yes)" "200 yes"
get /p/loan_applicants/hour/2022-06-05T21
like "an hour's page says it" "$out" 'The books cannot be read now: <code>DB_BUSY'
get '/api/v1/p/loan_applicants/history?hour=2022-06-05T21'
is "a document, too" "$code" 503
get /readyz
is "busy is ready" "$code" 200
echo 'ROLLBACK;' >&3
exec 3>&-
tries=0
while get /; [ $tries -lt 600 ] && printf '%s' "$out" | grep -q 'is busy'; do
    sleep 0.1
    tries=$((tries + 1))
done
unlike "and then it is read again" "$out" 'The target is busy'
ends "the end"

# --- a target that says nothing -----------------------------------------------------------------------------------------
python3 -c 'import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(100)
print(s.getsockname()[1], flush=True)
time.sleep(1000)' >silent &
silent=$!
until [ -s silent ]; do sleep 0.05; done
serve silent --set "target.url=mysql://u@127.0.0.1:$(cat silent)/d"
asking=
for _ in $(seq 12); do
    curl -s -m 60 -w '%{http_code}\n' -o /dev/null "$url/p/loan_applicants/hour/2022-06-05T21" >>asked &
    asking="$asking $!"
done
tries=0
until [ "$(wc -l <asked)" -ge 4 ] || [ $tries -ge 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
is "of many who ask for books that do not answer some wait, the others are told to come again" "$(sort asked | uniq -c | tr -s ' ')" " 4 503"
start=$(date +%s%N)
get /healthz
get /metrics
get /
is "and nobody else waits" "$code $([ $((($(date +%s%N) - start) / 1000000)) -le 2000 ] && echo yes)" "200 yes"
kill $asking $silent 2>/dev/null
ends "the end"

# --- an outage of the source --------------------------------------------------------------------------------------------
mv lake gone
serve away --now 2022-06-05T22:02:00Z
until_says /readyz 'loan_applicants: NOT_FOUND' && pass "a source that is away: not ready" || fail "not ready" "$out"
is "with 503" "$code" 503
get /
like "the page says what and when" "$out" 'Nothing can be loaded: <code>NOT_FOUND</code>'
like "and the next try" "$out" 'Next try: <time'
mv gone lake
until_says /readyz '^ready' 60 && pass "it comes back by itself" || fail "ready again" "$out"
ends "the end"

# --- the end in the middle of an hour -----------------------------------------------------------------------------------
lake "$work/long" --hours 1 --files 1 --rows 400000
cd "$work/long" || exit 1
serve long --now 2022-06-05T13:01:00Z --grace 0s
until_says /metrics '^sluice_working[^ ]* 1' || fail "at work" "$out"
ends "without a grace the hour is rolled back, and that is no failure"
is "no row" "$(sql loans.db 'SELECT (SELECT count(*) FROM loan_applicant_info) + (SELECT count(*) FROM sluice_load)')" 0
serve long --now 2022-06-05T13:01:00Z --grace 60s
until_says /metrics '^sluice_working[^ ]* 1' || fail "at work" "$out"
get /
like "the page says what is at work" "$out" 'Loading hour 2022-06-05T12|class="c running"'
ends "with one it is finished"
is "all rows" "$(sql loans.db 'SELECT count(*) FROM loan_applicant_info')" 400000

# --- two of them, on one pipeline ---------------------------------------------------------------------------------------
lake "$work/two" --hours 9 --files 2 --rows 100
cd "$work/two" || exit 1
serve two --now 2022-06-05T21:05:00Z --set queue.lookback=9h
first=$pid
serve another --now 2022-06-05T21:05:00Z --set queue.lookback=9h
until_says /api/v1/pipelines '"loaded":9,' 60 || fail "both" "$out"
is "each object once" "$(sql loans.db 'SELECT count(*), count(DISTINCT object) FROM sluice_load')" "18|18"
kill $first && wait $first
is "one ends with 0" $? 0
ends "the other, too"

# --- another address ----------------------------------------------------------------------------------------------------
"$SLUICE" serve --listen '[::1]:0' 2>"$work/six" &
six=$!
tries=0
while ! grep -q serving "$work/six" && kill -0 $six 2>/dev/null && [ $tries -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
url=$(sed -n 's/^sluice: serving .* at \(http:.*\)\/$/\1/p' "$work/six")
if [ -n "$url" ]; then
    get /healthz
    is "IPv6" "$code $out" "200 ok"
else
    like "no IPv6 here" "$(cat "$work/six")" 'error: .*--listen'
fi
kill $six 2>/dev/null
wait $six
serve taken --now 2022-06-05T21:05:00Z
refuses "a port that is taken" 2 USAGE 'Address already in use: give another' serve --listen "${url#http://}"
ends "the end"

# --- forty pipelines ----------------------------------------------------------------------------------------------------
mkdir "$work/forty" && cd "$work/forty" || exit 1
"$GEN_FIXTURE" --out lake --hours 12 --files 1 --rows 20 >/dev/null
find lake -type f -exec touch -d '2022-06-05' {} +
mkdir all
for i in $(seq 10 49); do
    sed "s/^name: .*/name: p$i/; s|file:lake|file:../lake|; s|file:queue.*|file:../queue/p$i|; s|sqlite:.*|sqlite:../db$((i % 8)).db|; s|table: .*|table: t$i|; s|lookback: 2h|lookback: 0h|" \
        "$SOURCES/docs/pipeline.example.yaml" >all/p$i.yaml
done
# One has all of the day to do, the others an hour each.
sed -i 's|lookback: 0h|lookback: 12h|' all/p10.yaml
serve forty -c all --now 2022-06-06T00:02:00Z
like "forty" "$(cat "$log")" 'serving 40 pipelines'
tries=0
while get /api/v1/pipelines; [ "$(json 'sum(p["loaded"] for p in d["pipelines"])')" != 51 ] && [ $tries -lt 600 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
is "all are loaded" "$(json 'sorted(set(p["loaded"] for p in d["pipelines"])), len(d["pipelines"])')" "[1, 12] 40"
is "served fairly: the long one holds nobody back" \
    "$(grep -E 'hour .*: loaded' "$log" | tail -n 5 | grep -vc 'sluice: p10: ')" 0
is "all rows, once" "$(for d in db*.db; do sql $d 'SELECT count(*) FROM sluice_load'; done | python3 -c 'import sys; print(sum(map(int, sys.stdin)))')" 51
get /
is "a line each" "$(printf '%s' "$out" | grep -o '<a href="/p/p[0-9]*">' | sort -u | wc -l)" 40
get /p/p33
like "a page each" "$out" '<h1>p33'
like "with the way up" "$out" 'All pipelines'
get /metrics
is "metrics of all" "$($CHECK <"$work/body" | tail -n 1)" "$(grep -vc '^#' "$work/body") samples"
get /readyz
is "all ready" "$code" 200
succeeds "status of all of them" status -c all
like "a line each, too" "$out" 'p49 +0 +0 +0 +1'
ends "the end of forty"

# --- an hour that was judged twice ----------------------------------------------------------------------------------------
mkdir -p "$work/judged/lake/yyyy=2022/mm=06/dd=05/hh=12" && cd "$work/judged" || exit 1
printf 'id\n1\n2\n' >lake/yyyy=2022/mm=06/dd=05/hh=12/a.csv
cat >sluice.yaml <<'YAML'
name: judged
source: {url: "file:lake"}
schema: {columns: [{name: id, type: int}]}
target: {url: "sqlite:t.db", table: t, commit_unit: hour}
checks: [{name: enough, rows: {min: 9}, on: warn}]
queue: {url: "file:queue"}
YAML
succeeds "judged" run
succeeds "judged again" run --reload -y
serve judged --now 2022-06-05T12:31:00Z
get /p/judged/hour/2022-06-05T12
like "its page tells the newest judgement" "$out" 'Checks that fired \(1\)'
ends "the end of judged"

finish
