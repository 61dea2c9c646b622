#!/bin/sh
# Starts PostgreSQL, and before its first start makes its files: of a new server, or of a standby of the server PRIMARY.
set -eu

make_server() {
    rm -rf "$PGDATA.new"
    initdb --pgdata="$PGDATA.new" --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8
    printf '%s\n' 'host clc clc all scram-sha-256' 'host replication standby all scram-sha-256' >> "$PGDATA.new/pg_hba.conf"
    postgres --single -D "$PGDATA.new" postgres <<SQL
CREATE ROLE clc LOGIN PASSWORD '$POSTGRES_PASSWORD'
CREATE ROLE standby LOGIN REPLICATION PASSWORD '$STANDBY_PASSWORD'
CREATE DATABASE clc OWNER clc
SQL
    mv "$PGDATA.new" "$PGDATA"
}

make_standby() {
    rm -rf "$PGDATA" "$PGDATA.new"
    until pg_basebackup --host="$PRIMARY" --username=standby --pgdata="$PGDATA.new" --write-recovery-conf --checkpoint=fast; do
        rm -rf "$PGDATA.new"
        sleep 1
    done
    mv "$PGDATA.new" "$PGDATA"
}

# What the server commits, its standby has. A standby has none of its own, also when it was promoted.
waits_for='*'
[ -z "${PRIMARY:-}" ] || waits_for=''
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -n "${PRIMARY:-}" ]; then make_standby; else make_server; fi
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c synchronous_standby_names="$waits_for" "$@"
