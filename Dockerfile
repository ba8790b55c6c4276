# Two images for docker-compose.yml: `rekognition` is the local Rekognition, `deploy` is the `labelstack` command with the
# program. Both run as a user without rights, and from locked packages with hashes.
#
# Behind a proxy, docker's own HTTP_PROXY, HTTPS_PROXY and NO_PROXY build arguments do. Behind a mirror, name the image
# (PYTHON_IMAGE) and the package index (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL); they stay in the build stage.
ARG PYTHON_IMAGE=python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${PYTHON_IMAGE} AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 1000 --create-home --shell /usr/sbin/nologin labelstack

FROM base AS packages
# Seen by pip in the two stages that follow, and not in the images.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
RUN python -m venv /opt/venv
COPY rekognition_local/requirements.txt /tmp/
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary=:all: \
        -r /tmp/requirements.txt

FROM base AS rekognition
COPY --from=packages /opt/venv /opt/venv
WORKDIR /service
COPY rekognition_local rekognition_local
USER labelstack
EXPOSE 4570
HEALTHCHECK --interval=2s --timeout=5s --start-period=30s --retries=5 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:4570/_rekognition_local/health', timeout=4)"]
CMD ["python", "-m", "rekognition_local", "--host", "0.0.0.0", "--port", "4570"]

FROM packages AS deploy-packages
COPY requirements/local.txt /tmp/
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary=:all: \
        -r /tmp/local.txt

FROM base AS deploy
COPY --from=deploy-packages /opt/venv /opt/venv
WORKDIR /project
# A volume put over it takes its owner.
RUN install --directory --owner labelstack --group labelstack .labelstack
COPY Pulumi.yaml Pulumi.local.yaml __main__.py settings.py ./
COPY components components
COPY labelstack labelstack
COPY api api
COPY web web
COPY handlers handlers
USER labelstack
CMD ["python", "-m", "labelstack", "up", "--cloud", "localstack"]
