# The image of Headwater's services: the web server and the workers. docker-compose.yml runs it.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/headwater
ENV PATH=/opt/headwater/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt requirements-dev.txt ./
# What every installation needs, checked against its hashes.
RUN pip install --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY engine engine
COPY catalog catalog
COPY web web
COPY migrations migrations
# What the extras add, at the versions of the lock that holds all extras.
RUN sed -E 's/ *\\$//; /--hash=/d' requirements-dev.txt > constraints.txt \
    && pip install --no-build-isolation --constraint constraints.txt ".[manifest,oidc,parquet,postgres]"

FROM python:3.13-slim
RUN apt-get update \
    && apt-get install --no-install-recommends --yes git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 headwater \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/headwater --shell /usr/sbin/nologin headwater \
    && install --directory --mode=0700 --owner=10001 --group=10001 /var/lib/headwater
COPY --from=build /opt/headwater /opt/headwater
ENV PATH=/opt/headwater/bin:$PATH PYTHONUNBUFFERED=1 HEADWATER_HOME=/var/lib/headwater
USER 10001:10001
WORKDIR /var/lib/headwater
VOLUME /var/lib/headwater
EXPOSE 8000
ENTRYPOINT ["headwater"]
CMD ["--help"]
