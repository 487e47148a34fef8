# lwgan on a CPU, with the versions that constraints.txt pins.
#   docker build -t lwgan .
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/work" lwgan imitate photo.jpg dance.mp4
FROM python:3.12-slim-bookworm

# what OpenCV's wheel expects of the system
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

COPY . /src
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -c /src/constraints.txt /src \
    && rm -rf /src

# any user may run it: fits are kept where everybody can write, or in a volume that is mounted there
ENV LWGAN_CACHE=/cache HOME=/tmp
RUN mkdir /cache && chmod 1777 /cache

WORKDIR /work
ENTRYPOINT ["lwgan"]
CMD ["--help"]
