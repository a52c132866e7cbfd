# An image for a runner with an NVIDIA GPU: docs/gpu-ci.md says how to build and run it.
# The wheels of torch and vLLM bring CUDA's libraries, the host its driver.
FROM python:3.11.14-slim-bookworm

# Triton compiles with gcc what starts its kernels.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc git libc6-dev \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/pytest-evalsets
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY harness harness
RUN pip install --no-cache-dir --disable-pip-version-check -c constraints.txt '.[gpu]'

# Caches and outputs outlive the container in one volume, which any user may write, so that a project
# that is mounted can be run by its owner.
ENV HOME=/srv/harness \
    HARNESS_CACHE=/srv/harness/cache \
    HF_HOME=/srv/harness/huggingface \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN useradd --uid 1000 --home-dir /srv/harness --no-create-home runner \
 && install -d -m 1777 /srv/harness /work
VOLUME /srv/harness
USER 1000
WORKDIR /work
CMD ["pytest", "-m", "gpu", "-rs", "--eval-store", "/srv/harness/outputs.sqlite"]
