# The appliance in a container: compiled in one stage, and in the other only what runs, with Debian's PXE loaders.

FROM node:24-bookworm-slim AS build
WORKDIR /opt/pxe-pilot
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts
COPY scripts/docker ./scripts/docker
# What was copied has the modes of somebody's checkout, and is read by an ordinary user.
RUN chmod -R a+rX package.json scripts

FROM node:24-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends pxelinux syslinux-common syslinux-efi ipxe ipmitool fping \
  shim-signed "grub-efi-$(dpkg --print-architecture)-signed" \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/pxe-pilot
COPY --from=build /opt/pxe-pilot/package.json ./
COPY --from=build /opt/pxe-pilot/node_modules ./node_modules
COPY --from=build /opt/pxe-pilot/dist ./dist
COPY --from=build /opt/pxe-pilot/scripts ./scripts
RUN ln -s /opt/pxe-pilot/dist/main.js /usr/local/bin/pxe-pilot
# The settings file and the roots are mounted below this folder. A new volume takes the owner of what it covers.
RUN install -d -o node -g node /srv/pxe-pilot/var
VOLUME /srv/pxe-pilot/var
ENV NODE_ENV=production UV_THREADPOOL_SIZE=16
EXPOSE 67/udp 69/udp 4011/udp 80/tcp 3478/tcp
ENTRYPOINT ["/opt/pxe-pilot/scripts/docker/entrypoint.sh"]
CMD ["node", "dist/main.js", "server", "-c", "/srv/pxe-pilot/pxe-pilot.yml"]
STOPSIGNAL SIGTERM
# Through the same entrypoint, as a check sees no more than the appliance does.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["scripts/docker/entrypoint.sh", "node", "scripts/docker/health.mjs", "/srv/pxe-pilot/pxe-pilot.yml"]
