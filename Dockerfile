# The program in an image, as Debian's package of it:
#
#   docker build -t certpool .
#   docker volume create pki
#   docker run --rm -v pki:/var/lib/certpool certpool new
#   docker run --rm -v pki:/var/lib/certpool certpool init
#   docker run -d -v pki:/var/lib/certpool -p 127.0.0.1:8440:8440 certpool
#
# The manifest, the CA and its keys are in the volume. For a CA at https://, give docker run a --health-cmd of its own.
FROM debian:12-slim AS build
WORKDIR /src/certpool
COPY . .
RUN apt-get update && \
    apt-get install -y --no-install-recommends dpkg-dev && \
    apt-get build-dep -y --no-install-recommends ./ && \
    DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage --build=any --no-sign

FROM debian:12-slim
COPY --from=build /src/certpool_*.deb /tmp/
RUN apt-get update && \
    apt-get install -y --no-install-recommends /tmp/certpool_*.deb && \
    rm -r /tmp/certpool_*.deb /var/lib/apt/lists/* && \
    useradd --system --home-dir /var/lib/certpool --shell /usr/sbin/nologin certpool && \
    install -d -m 0700 -o certpool -g certpool /var/lib/certpool
USER certpool
WORKDIR /var/lib/certpool
VOLUME /var/lib/certpool
EXPOSE 8440
STOPSIGNAL SIGTERM
HEALTHCHECK CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8440 && printf 'GET /health HTTP/1.1\\r\\nHost: 127.0.0.1:8440\\r\\nConnection: close\\r\\n\\r\\n' >&3 && grep -q '^HTTP/1.1 200 ' <&3"]
ENTRYPOINT ["certpool"]
CMD ["serve", "--listen", "http://0.0.0.0:8440"]
