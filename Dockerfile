# One image for agent and server. It contains only the runtime, the program as a bundle, the packet
# filter programs, iproute2's ip, and the libraries they need: no shell, no package manager.
#
#   docker build -t rolecall:0.1.0 .                    on Deno
#   docker build -t rolecall:0.1.0-node --target node . on Node
#
# Both for linux/amd64 and linux/arm64, by --platform. No stage runs the target's programs, so no
# emulator is needed. (buildah before 1.32 needs both names:
# --build-arg BUILDPLATFORM=linux/amd64 --build-arg TARGETPLATFORM=linux/arm64)
ARG DENO_IMAGE=docker.io/denoland/deno:debian-2.9.6
ARG NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim
# For less memory; docs/performance.md has the effect of each setting.
ARG V8_FLAGS=--max-semi-space-size=1,--heap-growing-percent=10

FROM --platform=$TARGETPLATFORM ${DENO_IMAGE} AS deno-runtime
FROM --platform=$TARGETPLATFORM ${NODE_IMAGE} AS node-runtime

# Everything except the program, as a separate root folder: it changes only with the base image.
FROM --platform=$BUILDPLATFORM ${DENO_IMAGE} AS system
ARG TARGETARCH
COPY deploy/image/collect_system.sh /
COPY --from=deno-runtime /usr/bin/deno /runtime/deno
RUN sh /collect_system.sh /system /runtime/deno

# The program as bundles that download nothing at startup. They are the same on every platform.
FROM --platform=$BUILDPLATFORM ${DENO_IMAGE} AS program
WORKDIR /build
# Also the base image's CAs, so that a registry behind a company proxy can be reached.
ENV DENO_NO_UPDATE_CHECK=1 DENO_TLS_CA_STORE=mozilla,system
COPY package.json deno.json deno.lock ./
RUN deno install --frozen --quiet
COPY deploy/image deploy/image
COPY src src
# Deno's compiled code is valid only for the V8 flags that it was compiled with.
ARG V8_FLAGS
ENV DENO_V8_FLAGS=$V8_FLAGS
RUN deno run -A deploy/image/make_program.ts /app /usr/bin/deno \
    && deno run -A deploy/image/make_program.ts /program-node/app /usr/bin/node
COPY dev/cluster.yaml /app/dev/
COPY dev/cluster.yaml /program-node/app/dev/

FROM scratch AS node
COPY --from=system /system/ /
COPY --from=node-runtime /usr/local/bin/node /usr/bin/node
COPY --from=program /program-node/app /app
ENV PATH=/app/bin:/usr/sbin:/usr/bin NODE_OPTIONS=--max-semi-space-size=1 \
    MALLOC_MMAP_THRESHOLD_=30000
LABEL org.opencontainers.image.title="rolecall" \
      org.opencontainers.image.description="AWS IAM roles for Kubernetes pods, with no change to the pods" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
WORKDIR /app
CMD ["version"]

FROM scratch AS deno
COPY --from=system /system/ /
COPY --from=deno-runtime /usr/bin/deno /usr/bin/deno
COPY --from=program /app /app
# After the files: buildah would share an empty first layer, with its platform, between platforms.
ARG V8_FLAGS
ENV PATH=/app/bin:/usr/sbin:/usr/bin DENO_DIR=/app/cache \
    DENO_NO_PROMPT=1 DENO_NO_UPDATE_CHECK=1 \
    DENO_V8_FLAGS=$V8_FLAGS MALLOC_MMAP_THRESHOLD_=30000
LABEL org.opencontainers.image.title="rolecall" \
      org.opencontainers.image.description="AWS IAM roles for Kubernetes pods, with no change to the pods" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
WORKDIR /app
CMD ["version"]
