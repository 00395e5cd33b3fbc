# syntax=docker/dockerfile:1
# The backup worker and the post-deploy job: see docs/deploy.md.

# The version of Node that the tests run on. To pin the image itself, append its digest: docker buildx imagetools inspect node:<tag>
FROM node:24.21.0-bookworm-slim AS base

# pg_dump, pg_restore and psql from packages of Debian, with their libraries. At run time nothing is downloaded.
FROM base AS clients
WORKDIR /build
COPY package.json ./
COPY catalog catalog
COPY postdeploy/connect postdeploy/connect
COPY local/servers local/servers
COPY backup/postgres/clients.ts backup/postgres/
COPY image image
RUN node image/postgres-clients.ts /opt/postgresql /usr/lib/postgresql 15 16 17 18 && chmod -R a+rX /opt/postgresql

FROM base AS app
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Scripts of packages are not run: none of these packages needs its script.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts
COPY . .
# Whatever umask the checkout has: every user can read, and only root can write.
RUN chmod -R a+rX,go-w .

FROM base
# As process 1, tini passes signals on and collects processes that ended.
RUN apt-get update && apt-get install --yes --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
COPY --from=clients /opt/postgresql /opt/postgresql
COPY --from=clients /usr/lib/postgresql /usr/lib/postgresql
COPY --from=app /app /app
COPY --chmod=755 image/slipway.sh /usr/local/bin/slipway
# The only folder that must be writable is /tmp.
ENV NODE_ENV=production HOME=/tmp TMPDIR=/tmp
WORKDIR /app
USER 1000:1000
ENTRYPOINT ["slipway"]
CMD ["--help"]
