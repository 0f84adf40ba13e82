# Two layers of work: the first has compilers and pip, the second only what runs.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/baleybots
ENV PATH=/opt/baleybots/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY server ./server
COPY workers ./workers
COPY frontend ./frontend
COPY graphql-schema ./graphql-schema
RUN pip install --no-deps --no-build-isolation . \
 && pip uninstall -y hatchling editables pip

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home --home-dir /data --shell /usr/sbin/nologin baleybots \
 && rm -rf /usr/local/lib/python3.11/site-packages/pip* /usr/local/bin/pip*
COPY --from=build /opt/baleybots /opt/baleybots
ENV PATH=/opt/baleybots/bin:$PATH PYTHONUNBUFFERED=1 BALEYBOTS_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["baleybots", "up", "--host", "0.0.0.0", "--port", "8000"]
