# Starts the PostgreSQL that comes along. Of its image it needs initdb, postgres and a shell, and an entry for its account in /etc/passwd;
# not the script that an image starts with, so that every image of PostgreSQL does, and what starts is what is read here.
set -eu
umask 077

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # Made beside its place and moved there whole: what was interrupted is begun anew, never taken for a database.
  new="$PGDATA.new"
  rm -rf "$new"
  initdb --pgdata="$new" --username=knot --pwfile=/etc/knot/password --encoding=UTF8 --locale=C \
    --data-checksums --auth-local=trust --auth-host=scram-sha-256
  # From other pods with the password only; which pods those are is said by a NetworkPolicy.
  echo 'host all all all scram-sha-256' >> "$new/pg_hba.conf"
  echo 'create database knot' | postgres --single -D "$new" postgres > /dev/null
  mv "$new" "$PGDATA"
fi

# PostgreSQL takes TERM for "when everybody has left", and a gateway does not leave: it is asked to end now, in order (INT).
postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql &
server=$!
trap 'kill -INT "$server"' TERM INT
status=0
wait "$server" || status=$?
# A signal ends a wait, not the server.
while kill -0 "$server" 2> /dev/null; do
  status=0
  wait "$server" || status=$?
done
exit "$status"
