# ALLScope with its model: docker build -t allscope .   (docs/deploy.md)
FROM python:3.12-slim

# Where PyTorch's wheels come from: .../whl/cu130 for an NVIDIA card.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 ALLSCOPE_HOME=/var/lib/allscope
WORKDIR /app

# PyTorch first and by itself: its CPU wheels stand on an index of their own, and its CUDA
# packages, which the lock names, are left out where they are not asked for.
COPY requirements.lock ./
RUN grep -E '^(torch|torchvision)==' requirements.lock | sed 's/ *[;#].*//' >/tmp/torch.txt \
    && pip install --no-cache-dir --index-url "$TORCH_INDEX" \
       --extra-index-url https://pypi.org/simple -r /tmp/torch.txt \
    && grep -vE '^(torch|torchvision|triton|nvidia-[a-z0-9-]*|cuda-[a-z]*)==' requirements.lock >/tmp/rest.txt \
    && pip install --no-cache-dir -r /tmp/rest.txt

COPY . .
RUN useradd --system --uid 10001 --home-dir "$ALLSCOPE_HOME" --create-home allscope
USER allscope
VOLUME ["/var/lib/allscope"]
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# With an address of its own to show, Streamlit does not look one up abroad at the start.
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.headless=true", "--server.address=0.0.0.0", "--server.port=8501", "--browser.serverAddress=localhost"]
