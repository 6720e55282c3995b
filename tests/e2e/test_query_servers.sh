#!/bin/sh
# `sluice query` over MinIO and on MySQL and MariaDB: a question about one day asks the server for that day alone, as the log of
# its requests shows; --target reads, and only reads.
set -u
. tests/e2e/lib.sh
. tests/e2e/servers.sh

lake "$work/lakes" --from 2022-06-04T00 --hours 72 --files 1 --rows 20

# --- the requests of a query -------------------------------------------------------------------------------------------
requests() {
    query=$1
    endpoint=$(echo "$s3_query" | tr '?&' '\n\n' | sed -n 's/^endpoint=//p')
    mkfifo "$work/port"
    "$SLUICE_BUILD/tests/e2e/proxy" "${endpoint##*:}" log=1 >"$work/port" 2>"$work/requests" &
    through=$!
    read -r port <"$work/port"
    pipeline "$work/q" "$(echo "$s3_url" | sed "s|endpoint=http://[^&]*|endpoint=http://127.0.0.1:$port|")" "sqlite:$work/q.db"
    run query -c "$work/q/sluice.yaml" "$query"
    kill $through
    wait $through 2>/dev/null
    rm "$work/port"
}

s3_part() {
    own_s3 "$work/lakes/lake" || return
    case $s3_query in
    *endpoint=https*)
        echo "SKIP: requests cannot be read under TLS; run without SLUICE_TEST_TLS"
        cases=$((cases + 1))
        echo "ok $cases - requests of a query # SKIP"
        return
        ;;
    esac
    requests "SELECT hh, count(*), avg(age) FROM source WHERE yyyy=2022 AND mm=6 AND dd=5 GROUP BY hh"
    is "the hours of the day" "$status $(echo "$out" | awk 'NR > 1 { n += $2 } END { print NR - 1, n }')" "0 24 480"
    decoded=$(sed 's/%3D/=/g; s/%2F/\//g' "$work/requests")
    key='yyyy=2022/mm=06/dd=05/hh=[0-9][0-9]/part-00000.csv'
    is "GETs of the day's 24 objects" "$(echo "$decoded" | grep -c "^GET /[^ ?]*/$key HTTP")" 24
    is "each once" "$(echo "$decoded" | grep -o "$key" | sort -u | wc -l)" 24
    is "one listing, of the day" "$(echo "$decoded" | grep -c 'prefix=[^& ]*/yyyy=2022/mm=06/dd=05/hh=[& ]')" 1
    rest=$(echo "$decoded" | grep -v "$key HTTP" | grep -v 'prefix=[^& ]*dd=05/hh=[& ]')
    looks='^GET /[^ ]*max-keys=1&prefix=[^& ]*/lake/ HTTP'
    looked=$(echo "$rest" | grep -c "$looks")
    is "each handle looks whether the place is there, readers' too" "$([ "$looked" -ge 2 ] && [ "$looked" -le 9 ] && echo yes || echo "$looked")" yes
    is "nothing else is asked for" "$(echo "$rest" | grep -v "$looks")" ""
    requests "SELECT age FROM source LIMIT 1"
    is "one row: one object" "$(grep -c 'part-00000.csv HTTP' "$work/requests")" 1
    requests "SELECT count(*) FROM source WHERE hh = 7"
    is "one hour of each day" "$(grep -c 'part-00000.csv HTTP' "$work/requests")" 3
    run query --explain -c "$work/q/sluice.yaml" --set "source.url=$s3_url" "SELECT count(*) FROM source WHERE yyyy=2022 AND mm=6 AND dd=5"
    like "--explain says so" "$out" 'yyyy=2022/mm=06/dd=05/hh= +1 +24 '
}
s3_part

# --- a server as the target --------------------------------------------------------------------------------------------
mysql_part() {
    own_mysql || return
    pipeline "$work/t" "file:$work/lakes/lake" mysql
    cd "$work/t" || exit 1
    succeeds "a load" run -q --hour 2022-06-05T00
    run query --target 'SELECT count(*) AS n, min(age) > 0 AS a FROM t_t'
    is "--target: text" "$status $out" "0  n  a
20  1"
    run query --target -o csv "SELECT 1 AS a, NULL AS b, '' AS c, 'x,y' AS d, 1.50 AS e, CAST(0.1 AS DOUBLE) AS f, 18446744073709551615 AS g,
        x'00ff' AS h, CAST('2022-06-05' AS DATE) AS i, 'é' AS j, CAST(123456789012345678.5 AS DECIMAL(20, 1)) AS k, -7 AS a"
    is "--target: csv" "$out" 'a,b,c,d,e,f,g,h,i,j,k,a:2
1,,"","x,y",1.5,0.1,18446744073709551615,00ff,2022-06-05,é,123456789012345678.5,-7'
    run query --target -o json "SELECT avg(age) AS a, sum(DebtRatio) AS d, max(_load) AS l FROM t_t"
    like "--target: json" "$out" '^\{"a":[0-9.]+,"d":[0-9.]+,"l":[0-9]+\}\],$'
    is "the values of the source" "$("$SLUICE" query --target -o csv 'SELECT age, DebtRatio FROM t_t ORDER BY DebtRatio, age' | cksum)" \
        "$("$SLUICE" query -o csv --hour 2022-06-05T00 'SELECT age, DebtRatio FROM source ORDER BY DebtRatio, age' | cksum)"
    is "a long text is whole" "$("$SLUICE" query --target -o csv "SELECT repeat('x', 70000) AS x, 5 AS y" | tail -1 | wc -c)" 70003
    for sql in 'SHOW TABLES' 'EXPLAIN SELECT 1' 'WITH x AS (SELECT 1 AS a) SELECT * FROM x' '(SELECT 1)' '/* a */ SELECT 2 -- b' "DESCRIBE t_t" \
        "SELECT 'a; INTO' AS \`into\`;"; do
        succeeds "may: $sql" query --target "$sql"
    done
    for sql in 'DELETE FROM t_t' 'DROP TABLE t_t' 'UPDATE t_t SET age = 1' 'INSERT INTO t_t (age) VALUES (1)' 'TRUNCATE t_t' \
        'CREATE TABLE x (a INT)' 'CREATE TEMPORARY TABLE x (a INT)' 'SET @a = 1' "SELECT 1 INTO OUTFILE '/tmp/x'" 'SELECT 1 INTO @a' \
        'SELECT 1 /*! INTO @a */' 'DO 1' 'COMMIT' 'CALL p()' 'LOCK TABLES t_t WRITE' 'WITH x AS (SELECT 1) DELETE FROM t_t' \
        'DELETE FROM t_t RETURNING age' 'SELECT 1; DELETE FROM t_t' 'SELECT ?' '' 'KILL 1'; do
        refuses "may not: $sql" 2 QUERY 'a query only reads|a second statement|parameters|no statement|syntax' query --target "$sql"
    done
    own_root || return
    as_root --delimiter=// "$database" -e 'CREATE FUNCTION wipe() RETURNS INT DETERMINISTIC MODIFIES SQL DATA BEGIN DELETE FROM t_t; RETURN 1; END//' \
        2>"$work/no"
    as_root -e "GRANT EXECUTE ON FUNCTION $database.wipe TO $SLUICE_TEST_MYSQL_USER"
    is "there is a function that writes" "$(cat "$work/no")" ""
    refuses "which is not run" 2 QUERY 'a query only reads' query --target 'SELECT wipe()'
    is "all rows are there" "$(mysql_sql 'SELECT count(*), count(DISTINCT age) > 1 FROM t_t')" "20	1"
    refuses "a mistake" 2 QUERY "[Uu]nknown column 'ages'" query --target 'SELECT ages FROM t_t'
    refuses "an unknown table" 2 QUERY "doesn't exist.*; the target's table is [a-z_]+" query --target 'SELECT 1 FROM nothing'
    (
        trap - PIPE
        "$SLUICE" query --target -o csv 'SELECT a.age FROM t_t a, t_t b, t_t c, t_t d' 2>"$work/err"
        echo $? >"$work/code"
    ) | head -1 >"$work/out"
    # The client's library may ignore SIGPIPE; then the write fails.
    like "a reader that goes away" "$(cat "$work/out") $(cat "$work/code") $(cat "$work/err")" '^age (141|1) $'
}
mysql_part
finish
