#!/bin/sh
# Makes the secrets that are missing: the key pair of the tokens, and .env with two random values.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
chmod 755 secrets
if [ ! -s secrets/jwt_private.pem ]; then
  openssl genpkey -algorithm ed25519 -out secrets/jwt_private.pem
  openssl pkey -in secrets/jwt_private.pem -pubout -out secrets/jwt_public.pem
  # Compose mounts the files as they are: the container's user must be able to read them.
  chown 1000:1000 secrets/*.pem
fi
if [ ! -s .env ]; then
  {
    echo "DB_PASSWORD=$(openssl rand -hex 16)"
    echo "TOTP_ENCRYPTION_KEY=$(openssl rand -hex 32)"
    echo "PUBLIC_URL=http://localhost:8080"
  } > .env
fi
