# rtpipe alone, for `docker build --tag rtpipe .`; compose.yaml uses it. Held to the code by tests/unit/project/test_dockerfile.py
# and linted by hadolint. It was built nowhere yet: where rtpipe is developed there is no Docker.
#
#   docker run --rm rtpipe                                      the commands
#   docker run --env-file rtpipe.env --stop-timeout 60 rtpipe supervise --topics orders
#
# The tests run on this Python; its fixes come with each build.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/image.txt requirements/image.txt
RUN python -m venv /opt/rtpipe && \
    /opt/rtpipe/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements/image.txt
COPY pyproject.toml setup.cfg README.md LICENSE ./
COPY rtpipe rtpipe
COPY avro_schemas avro_schemas
COPY workers workers
COPY infra infra
COPY supervisor supervisor
RUN /opt/rtpipe/bin/pip install --no-cache-dir --no-index --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
# Its home is also where `rtpipe.toml` is looked for. The socket's folder must be its alone.
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/rtpipe --shell /usr/sbin/nologin rtpipe && \
    install --directory --owner=10001 --mode=0700 /run/rtpipe
COPY --from=build /opt/rtpipe /opt/rtpipe
ENV PATH=/opt/rtpipe/bin:$PATH \
    RTPIPE_LOG_FORMAT=json \
    RTPIPE_RUNTIME_DIR=/run/rtpipe
USER 10001
WORKDIR /var/lib/rtpipe
# The supervisor drains within 25 s: give it more (--stop-timeout 60).
STOPSIGNAL SIGTERM
# Healthy: a supervisor answers. 3 says that a partition does not run, which a new container would not mend.
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 \
    CMD ["sh", "-c", "rtpipe health || [ $? -eq 3 ]"]
ENTRYPOINT ["rtpipe"]
CMD ["--help"]
