# Takes the place of the original pgrokd's image: settings in the working directory, same ports and
# health check. See docs/admin/install.md.
FROM python:3-slim

RUN useradd --system --uid 10000 --home-dir /var/opt/pgrokd --create-home pgrokd

COPY requirements.lock pyproject.toml README.md LICENSE /src/
RUN pip install --no-cache-dir --require-hashes --requirement /src/requirements.lock
COPY src /src/src
RUN pip install --no-cache-dir --no-deps --no-build-isolation /src && rm -rf /src

USER pgrokd
WORKDIR /var/opt/pgrokd
VOLUME ["/var/opt/pgrokd"]
EXPOSE 3320 3000 2222
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3320/-/healthcheck', timeout=5)"]
ENTRYPOINT ["pgrokd"]
CMD ["--config", "pgrokd.yml"]
