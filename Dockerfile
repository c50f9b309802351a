# The page and the HTTP interface of urform on a slim base, CPU alone:
#   docker build -t urform . && docker run --rm -p 127.0.0.1:7860:7860 urform
FROM python:3.12-slim
# The CPU wheels of torch are a tenth of the size of those for GPUs.
RUN pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu
COPY pyproject.toml README.md LICENSE /src/
COPY src /src/src
RUN pip install --no-cache-dir "/src[web]" && rm -r /src && useradd --create-home urform
USER urform
EXPOSE 7860
CMD ["urform", "serve", "--host", "0.0.0.0"]
