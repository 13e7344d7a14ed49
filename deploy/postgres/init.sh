#!/bin/sh
# Makes the product's role and database on a new server, as scripts in /docker-entrypoint-initdb.d do. The role is no
# superuser: it owns its database, and may make the role as which statements run (`worker migrate`).
set -eu

password=$(cat "${TOMORI_PASSWORD_FILE:?names the file with the password of the role tomori}")
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set password="$password" \
  --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'END'
CREATE ROLE tomori LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE tomori OWNER tomori;
REVOKE ALL ON DATABASE tomori FROM PUBLIC;
END
